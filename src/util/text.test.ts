import assert from "node:assert/strict";
import { test } from "node:test";
import { uuid } from "./text.js";

test("a UUID has the version and the variant of a random one", () => {
  assert.equal(uuid(new Uint8Array(16)), "00000000-0000-4000-8000-000000000000");
  assert.equal(uuid(new Uint8Array(16).fill(0xff)), "ffffffff-ffff-4fff-bfff-ffffffffffff");
});
