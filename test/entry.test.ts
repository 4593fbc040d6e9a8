// The ways in which programs get at the entry point.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import wrtc, * as entry from "#src/index.js";

test("the default export is all of the others", () => {
  const names = Object.keys(entry).filter((name) => name !== "default");
  assert.deepEqual(Object.keys(wrtc).sort(), [...names, "default"].sort());
  for (const name of names) assert.equal(Reflect.get(wrtc, name), Reflect.get(entry, name), name);
});

test("CommonJS gets the same by require()", () => {
  const required = createRequire(import.meta.url)("#src/index.js") as typeof entry;
  assert.equal(required.RTCPeerConnection, entry.RTCPeerConnection);
  assert.equal(required.default.RTCPeerConnection, entry.RTCPeerConnection);
});
