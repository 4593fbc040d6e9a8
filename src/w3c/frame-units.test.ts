import assert from "node:assert/strict";
import { test } from "node:test";
import type { EncodedFrame } from "../peer/media.js";
import { linearLevel, receivedFrame, receivedUnit, sentFrame, sentUnit } from "./frame-units.js";
import type { RTCEncodedVideoFrameMetadata } from "./rtc-encoded-frame.js";

const STREAM = { ssrc: 77, frameWidth: 320, frameHeight: 240 };

const sent = { encoding: 1, ssrc: 5, payloadType: 111, frameId: 3 };

test("a sender's frame comes back as it was, but for what the program changed", () => {
  const data = Uint8Array.of(1, 2, 3);
  const frame = { data, timestamp: 7, keyFrame: true, mimeType: "audio/opus", audioLevel: 20, captureTime: 50 };
  const unit = sentUnit("audio", frame, sent);
  assert.deepEqual(unit.metadata, {
    synchronizationSource: 5,
    contributingSources: [],
    rtpTimestamp: 7,
    mimeType: "audio/opus",
    payloadType: 111,
    captureTime: 50,
    audioLevel: 0.1,
  });
  assert.deepEqual(sentFrame(unit), { encoding: 1, frame: { ...frame, csrcs: [] } });
  const metadata = { ...unit.metadata, audioLevel: 1, rtpTimestamp: 9 };
  const changed = sentFrame({ ...unit, metadata })!.frame;
  assert.deepEqual([changed.audioLevel, changed.timestamp], [0, 9]);
  for (let level = 0; level < 128; level++) {
    const metadata = { ...unit.metadata, audioLevel: linearLevel(level) };
    const out: { frame: { audioLevel?: number | undefined } } = sentFrame({ ...unit, metadata })!;
    assert.equal(out.frame.audioLevel, level);
  }
});

test("video has layers, sizes and what it depends on", () => {
  const frame = {
    data: new Uint8Array(1),
    timestamp: 7,
    keyFrame: false,
    mimeType: "video/VP8",
    width: 64,
    height: 48,
  };
  const { type, metadata } = sentUnit("video", frame, sent);
  assert.equal(type, "delta");
  const { frameId, dependencies, width, height, spatialIndex, temporalIndex } = metadata as Record<string, unknown>;
  assert.deepEqual([frameId, dependencies, width, height, spatialIndex, temporalIndex], [3, [2], 64, 48, 0, 0]);
});

test("a frame of elsewhere is sent by what its metadata says, or not at all", () => {
  const foreign = { type: "delta" as const, data: new ArrayBuffer(2), carried: undefined };
  assert.equal(sentFrame({ ...foreign, metadata: {} }), undefined);
  const { encoding, frame } = sentFrame({ ...foreign, metadata: { rtpTimestamp: 1, mimeType: "video/VP8" } })!;
  assert.deepEqual([encoding, frame.keyFrame, frame.timestamp, frame.data.length], [0, false, 1, 2]);
  assert.equal(receivedFrame({ ...foreign, metadata: {} }), undefined);
});

test("a received frame has memory of its own, also if it came as a part of a Buffer", () => {
  const frame: EncodedFrame = {
    data: Buffer.from([9, 8, 7, 6]).subarray(1, 3),
    timestamp: 5,
    keyFrame: true,
    payloadType: 111,
    mimeType: "audio/opus",
    marker: true,
    captureTime: 2000,
    absoluteCaptureTime: 2000,
    captureClockOffset: 0,
    firstSequenceNumber: 65_535,
    lastSequenceNumber: 65_535,
    receiveTime: 1100,
    audioLevel: undefined,
    voiceActivity: undefined,
    csrcs: [3],
    temporalIndex: undefined,
    spatialIndex: undefined,
    width: undefined,
    height: undefined,
    dependencyDescriptor: undefined,
  };
  const unit = receivedUnit("audio", frame, STREAM, 1000);
  assert.deepEqual([...new Uint8Array(unit.data)], [8, 7]);
  assert.deepEqual(unit.metadata, {
    synchronizationSource: 77,
    payloadType: 111,
    contributingSources: [3],
    rtpTimestamp: 5,
    receiveTime: 1100,
    mimeType: "audio/opus",
    captureTime: 1000,
    senderCaptureTimeOffset: 0,
    sequenceNumber: -1,
  });
  const back = receivedFrame(unit)!;
  assert.equal(back.ssrc, 77);
  assert.deepEqual({ ...back.frame, data: [...back.frame.data] }, { ...frame, data: [8, 7] });
});

test("a received frame that does not tell its size is as large as the key frame before it", () => {
  const frame: EncodedFrame = {
    data: Uint8Array.of(1),
    timestamp: 5,
    keyFrame: false,
    payloadType: 96,
    mimeType: "video/VP8",
    marker: true,
    captureTime: undefined,
    absoluteCaptureTime: undefined,
    captureClockOffset: undefined,
    firstSequenceNumber: 1,
    lastSequenceNumber: 1,
    receiveTime: 1100,
    audioLevel: undefined,
    voiceActivity: undefined,
    csrcs: [],
    temporalIndex: undefined,
    spatialIndex: undefined,
    width: undefined,
    height: undefined,
    dependencyDescriptor: undefined,
  };
  const sizeOf = (more: Partial<EncodedFrame>, stream = STREAM): unknown[] => {
    const metadata: RTCEncodedVideoFrameMetadata = receivedUnit("video", { ...frame, ...more }, stream, 1000).metadata;
    return [metadata.width, metadata.height];
  };
  assert.deepEqual(sizeOf({}), [320, 240]);
  assert.deepEqual(sizeOf({ keyFrame: true, width: 640, height: 480 }), [640, 480]);
  assert.deepEqual(sizeOf({}, { ssrc: 77, frameWidth: 0, frameHeight: 0 }), [0, 0], "nobody knows, as in Chromium");
  // What others are told of the frame stays what its payload says.
  assert.equal(receivedFrame(receivedUnit("video", frame, STREAM, 1000))!.frame.width, undefined);
});
