import assert from "node:assert/strict";
import { test } from "node:test";
import { mediaBuilder } from "./builder.js";
import { sdpMedia } from "./model.js";

test("two sections being read share no list", () => {
  const a = mediaBuilder();
  const b = mediaBuilder();
  const written = sdpMedia({ kind: "", port: 0, protocol: "", formats: [] });
  assert.deepEqual(a, written);
  for (const [key, value] of Object.entries(a)) {
    if (!Array.isArray(value)) continue;
    assert.notEqual(value, b[key as "formats"], key);
    assert.notEqual(value, written[key as "formats"], key);
  }
});
