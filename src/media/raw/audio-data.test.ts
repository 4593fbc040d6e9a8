import assert from "node:assert/strict";
import { test } from "node:test";
import { AudioData, type AudioDataInit, isAudioData, makeAudioData, monoSamples } from "./audio-data.js";

/** Two channels, three frames, planar. */
const STEREO: AudioDataInit = {
  format: "f32-planar",
  sampleRate: 8000,
  numberOfFrames: 3,
  numberOfChannels: 2,
  timestamp: 125,
  data: Float32Array.of(0.5, -0.5, 1, 0.25, 0, -1),
};

function copied(data: AudioData, options: Parameters<AudioData["copyTo"]>[1]): number[] {
  const bytes = new ArrayBuffer(data.allocationSize(options));
  data.copyTo(bytes, options);
  const format = options.format ?? data.format!;
  if (format.startsWith("f32")) return [...new Float32Array(bytes)];
  if (format.startsWith("s32")) return [...new Int32Array(bytes)];
  return [...(format.startsWith("s16") ? new Int16Array(bytes) : new Uint8Array(bytes))];
}

test("has the samples that it was made of, in every format (WebCodecs §9.2)", () => {
  const data = new AudioData(STEREO);
  assert.deepEqual(
    [data.format, data.sampleRate, data.numberOfFrames, data.numberOfChannels, data.duration, data.timestamp],
    ["f32-planar", 8000, 3, 2, 375, 125],
  );
  assert.deepEqual(copied(data, { planeIndex: 0 }), [0.5, -0.5, 1]);
  assert.deepEqual(copied(data, { planeIndex: 1 }), [0.25, 0, -1]);
  assert.deepEqual(copied(data, { planeIndex: 1, frameOffset: 1, frameCount: 1 }), [0]);
  assert.deepEqual(copied(data, { planeIndex: 0, format: "f32" }), [0.5, 0.25, -0.5, 0, 1, -1]);
  assert.deepEqual(copied(data, { planeIndex: 0, format: "f32", frameOffset: 2 }), [1, -1]);
  assert.deepEqual(copied(data, { planeIndex: 0, format: "s16" }), [16384, 8192, -16384, 0, 32767, -32768]);
  assert.deepEqual(copied(data, { planeIndex: 1, format: "u8-planar" }), [160, 128, 0]);
  assert.deepEqual(copied(data, { planeIndex: 1, format: "s32-planar" }), [2 ** 29, 0, -(2 ** 31)]);
});

test("interleaved samples are taken apart; the same type is copied as it is", () => {
  const init = { format: "s32", sampleRate: 48_000, numberOfFrames: 2, numberOfChannels: 2, timestamp: 0 } as const;
  const data = new AudioData({ ...init, data: Int32Array.of(2 ** 31 - 1, 7, 1, -9) });
  assert.deepEqual(copied(data, { planeIndex: 1, format: "s32-planar" }), [7, -9]);
  assert.deepEqual(copied(data, { planeIndex: 0 }), [2 ** 31 - 1, 7, 1, -9]);
  const bytes = new Uint8Array(9);
  // Into memory that is not aligned.
  data.copyTo(bytes.subarray(1), { planeIndex: 1, format: "s32-planar" });
  assert.deepEqual([...bytes.subarray(1)], [...new Uint8Array(Int32Array.of(7, -9).buffer)]);
});

test("refuses what is not there", () => {
  const data = new AudioData(STEREO);
  const range = { name: "RangeError" };
  assert.throws(() => data.allocationSize({ planeIndex: 2 }), range);
  assert.throws(() => data.allocationSize({ planeIndex: 1, format: "f32" }), range);
  assert.throws(() => data.allocationSize({ planeIndex: 0, frameOffset: 3 }), range);
  assert.throws(() => data.allocationSize({ planeIndex: 0, frameOffset: 2, frameCount: 2 }), range);
  assert.throws(() => data.copyTo(new ArrayBuffer(11), { planeIndex: 0 }), range);
  for (const wrong of [
    { numberOfFrames: 0 },
    { numberOfChannels: 0 },
    { sampleRate: 0 },
    { numberOfFrames: 4 },
    { format: "f64" },
    { timestamp: Number.NaN },
    { data: "" },
  ]) {
    assert.throws(() => new AudioData({ ...STEREO, ...wrong } as AudioDataInit), TypeError);
  }
  assert.throws(() => new (AudioData as unknown as new () => AudioData)(), TypeError);
});

test("a copy lives on when the first is closed; buffers may be given away", () => {
  const bytes = new ArrayBuffer(24);
  new Float32Array(bytes)[0] = 0.75;
  const data = new AudioData({ ...STEREO, data: bytes, transfer: [bytes] });
  assert.equal(bytes.byteLength, 0);
  const clone = data.clone();
  data.close();
  data.close();
  assert.deepEqual([data.format, data.numberOfFrames, data.numberOfChannels, data.duration], [null, 0, 0, 0]);
  assert.throws(() => data.clone(), { name: "InvalidStateError" });
  assert.throws(() => data.copyTo(new ArrayBuffer(99), { planeIndex: 0 }), { name: "InvalidStateError" });
  assert.equal(clone.timestamp, 125);
  assert.equal(copied(clone, { planeIndex: 0 })[0], 0.75);
});

test("what the program has is used instead", (t) => {
  assert.ok(makeAudioData(STEREO) instanceof AudioData);
  class Theirs extends AudioData {}
  const scope = globalThis as { AudioData?: unknown };
  scope.AudioData = Theirs;
  t.after(() => delete scope.AudioData);
  assert.ok(makeAudioData(STEREO) instanceof Theirs);
  assert.ok(isAudioData(makeAudioData(STEREO)) && !isAudioData({}) && !isAudioData(null));
  assert.deepEqual([...monoSamples(makeAudioData(STEREO))], [0.375, -0.25, 0]);
});
