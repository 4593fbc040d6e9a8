// parley-rtc/globals puts on globalThis what the entry point exports.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import {
  MediaStream,
  mediaDevices,
  OverconstrainedError,
  RTCEncodedAudioFrame,
  RTCEncodedVideoFrame,
  RTCIceCandidate,
  RTCPeerConnection,
} from "#src/index.js";
import "#src/globals.js";
import { createAudioFrame, createVideoFrame } from "#src/w3c/rtc-encoded-frame.js";

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

test("mediaDevices is an attribute of Navigator, which programs cannot make", () => {
  const { Navigator, navigator } = globalThis as unknown as {
    Navigator: new () => object;
    navigator: { mediaDevices: unknown };
  };
  assert.equal(Navigator.name, "Navigator");
  assert.ok(navigator instanceof Navigator);
  assert.equal(Object.prototype.toString.call(navigator), "[object Navigator]");
  assert.equal(Object.hasOwn(navigator, "mediaDevices"), false);
  const descriptor = Object.getOwnPropertyDescriptor(Navigator.prototype, "mediaDevices")!;
  assert.deepEqual([descriptor.enumerable, descriptor.configurable, descriptor.set], [true, true, undefined]);
  assert.equal(descriptor.get!.name, "get mediaDevices");
  assert.throws(() => descriptor.get!.call({}), TypeError);
  assert.throws(() => new Navigator(), TypeError);
});

test("an encoded frame can be cloned, also into another thread's port", async () => {
  const metadata = { synchronizationSource: 5, width: 64 };
  const frame = createVideoFrame({ type: "key", data: Uint8Array.of(1, 2, 3).buffer, metadata });
  const clone = structuredClone(frame);
  assert.ok(clone instanceof RTCEncodedVideoFrame);
  assert.deepEqual([clone.type, clone.getMetadata()], ["key", metadata]);
  assert.deepEqual(new Uint8Array(clone.data), Uint8Array.of(1, 2, 3));
  new Uint8Array(clone.data)[0] = 9;
  assert.equal(new Uint8Array(frame.data)[0], 1);

  const { port1, port2 } = new MessageChannel();
  const received = new Promise<unknown>((resolve) => port2.once("message", resolve));
  port1.postMessage(createAudioFrame({ data: new ArrayBuffer(2), metadata: { sequenceNumber: 4 } }));
  const audio = await received;
  assert.ok(audio instanceof RTCEncodedAudioFrame);
  assert.deepEqual(audio.getMetadata(), { sequenceNumber: 4 });
  port1.close();
  assert.deepEqual(structuredClone({ plain: [1] }), { plain: [1] });
});
