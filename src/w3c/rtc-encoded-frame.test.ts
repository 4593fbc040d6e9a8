import assert from "node:assert/strict";
import { test } from "node:test";
import {
  RTCEncodedAudioFrame,
  RTCEncodedVideoFrame,
  RTCPeerConnection,
  RTCRtpSFrameEncryptor,
  SFrameTransformErrorEvent,
} from "../index.js";
import type { EncodedAudioFrameImpl, EncodedVideoFrameImpl } from "./rtc-encoded-frame.js";
import { KeyFrameRequestEvent } from "./rtc-rtp-script-transform.js";
import { construct } from "./webidl.js";

const makeVideo = (impl: EncodedVideoFrameImpl): RTCEncodedVideoFrame =>
  construct(RTCEncodedVideoFrame as unknown as new () => RTCEncodedVideoFrame, impl);
const makeAudio = (impl: EncodedAudioFrameImpl): RTCEncodedAudioFrame =>
  construct(RTCEncodedAudioFrame as unknown as new () => RTCEncodedAudioFrame, impl);

test("a frame made from another has data and metadata of its own", () => {
  const metadata = { synchronizationSource: 5, contributingSources: [1, 2], width: 640 };
  const frame = makeVideo({ type: "key", data: Uint8Array.of(1, 2, 3).buffer, metadata });
  const copy = new RTCEncodedVideoFrame(frame, { metadata: { width: 320, rtpTimestamp: 2 ** 32 + 7 } });
  assert.deepEqual(copy.getMetadata(), { ...metadata, width: 320, rtpTimestamp: 7 });
  assert.equal(copy.type, "key");
  assert.notEqual(copy.data, frame.data);
  assert.deepEqual(new Uint8Array(copy.data), Uint8Array.of(1, 2, 3));
  assert.equal(copy.data, copy.data);
  copy.getMetadata().contributingSources!.push(3);
  assert.deepEqual(frame.getMetadata().contributingSources, [1, 2]);

  const data = new ArrayBuffer(8);
  frame.data = data;
  assert.equal(frame.data, data);
  for (const bad of [new Uint8Array(2), new SharedArrayBuffer(2), null, "x"]) {
    assert.throws(() => {
      frame.data = bad as unknown as ArrayBuffer;
    }, TypeError);
  }
});

test("frames are made from frames of their kind", () => {
  const audio = makeAudio({ data: new ArrayBuffer(1), metadata: { sequenceNumber: 1, audioLevel: 0.5 } });
  assert.deepEqual(new RTCEncodedAudioFrame(audio).getMetadata(), { sequenceNumber: 1, audioLevel: 0.5 });
  assert.throws(() => new RTCEncodedVideoFrame(audio as unknown as RTCEncodedVideoFrame), TypeError);
  assert.throws(() => new RTCEncodedAudioFrame({} as RTCEncodedAudioFrame), TypeError);
  const event = new SFrameTransformErrorEvent("error", { errorType: "keyID", frame: audio, keyID: 2n ** 63n });
  assert.deepEqual([event.errorType, event.keyID, event.frame], ["keyID", 2n ** 63n, audio]);
  assert.throws(
    () => new SFrameTransformErrorEvent("error", { errorType: "keyID", frame: audio, keyID: -1n }),
    RangeError,
  );
});

test("timestamp is the RTP timestamp, and read-only", () => {
  const video = makeVideo({ type: "key", data: new ArrayBuffer(1), metadata: { rtpTimestamp: 7, timestamp: 9 } });
  const audio = makeAudio({ data: new ArrayBuffer(1), metadata: { rtpTimestamp: 8 } });
  const copy = new RTCEncodedVideoFrame(video, { metadata: { rtpTimestamp: 11 } });
  assert.deepEqual([video.timestamp, audio.timestamp, copy.timestamp], [7, 8, 11]);
  assert.throws(() => Object.assign(video, { timestamp: 1 }), TypeError);
});

test("a request for a key frame", () => {
  const event = new KeyFrameRequestEvent("keyframerequest", "hi");
  assert.deepEqual([event.type, event.rid, event.cancelable], ["keyframerequest", "hi", false]);
  assert.equal(new KeyFrameRequestEvent("x").rid, null);
});

test("SFrame of packets is refused, and only a transform can be set as one", (t) => {
  const perPacket = { cipherSuite: "AES_128_GCM_SHA256_128", type: "per-packet" } as const;
  assert.throws(() => new RTCRtpSFrameEncryptor(perPacket), { name: "NotSupportedError" });
  assert.throws(() => new RTCRtpSFrameEncryptor({ cipherSuite: "ROT13" as never }), TypeError);
  const pc = new RTCPeerConnection();
  t.after(() => pc.close());
  const { sender, receiver } = pc.addTransceiver("audio");
  for (const object of [sender, receiver]) {
    assert.equal(object.transform, null);
    object.transform = null;
    assert.throws(() => {
      object.transform = {} as never;
    }, TypeError);
  }
});
