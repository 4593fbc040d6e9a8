// parley-rtc/globals puts on globalThis what the entry point exports.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MediaStream, mediaDevices, OverconstrainedError, RTCIceCandidate, RTCPeerConnection } from "#src/index.js";
import "#src/globals.js";

test("the classes and navigator.mediaDevices are globals", () => {
  const globals = globalThis as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries({
    RTCPeerConnection,
    RTCIceCandidate,
    MediaStream,
    OverconstrainedError,
  })) {
    assert.equal(globals[name], value, name);
    assert.equal(Object.keys(globalThis).includes(name), false, `${name} is not enumerable`);
  }
  assert.equal("mediaDevices" in globalThis, false);
  assert.equal((globals.navigator as { mediaDevices: unknown }).mediaDevices, mediaDevices);
});
