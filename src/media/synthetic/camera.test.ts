import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Vp8BlockDecoder } from "#test/media/vp8-block-decoder.js";
import { payloadFormat } from "../../payload/format.js";
import { readFrameCounter, SyntheticCamera } from "./camera.js";
import { Vp8BlockEncoder } from "./vp8-encoder.js";

const isKeyFrame = (frame: Uint8Array): boolean => (frame[0]! & 1) === 0;

for (const [width, height] of [
  [640, 480],
  [320, 180],
  [100, 81],
  [80, 64],
] as const) {
  test(`the frame counter is read back from ${width}x${height}`, () => {
    const camera = new SyntheticCamera({ width, height, frameRate: 30 });
    const decoder = new Vp8BlockDecoder();
    for (let i = 0; i < 40; i++) {
      const frame = camera.nextFrame(i % 16 === 0);
      assert.equal(isKeyFrame(frame), i % 16 === 0);
      assert.equal(readFrameCounter(decoder.decode(frame), width, height), i);
      assert.deepEqual([decoder.width, decoder.height], [width, height]);
    }
  });
}

test("the stream is the one that libvpx and Chromium were seen to decode", () => {
  const camera = new SyntheticCamera({ width: 640, height: 480, frameRate: 30 });
  const hash = createHash("sha256");
  for (let i = 0; i < 60; i++) hash.update(camera.nextFrame(i % 50 === 0));
  assert.equal(hash.digest("hex").slice(0, 32), "8ef05bd7485e5bcd79cad688071ca8b0");
});

test("the first frame is a key frame, and tells its size", () => {
  const frame = new SyntheticCamera({ width: 640, height: 360, frameRate: 30 }).nextFrame(false);
  assert.ok(isKeyFrame(frame));
  const format = payloadFormat("video/VP8", "");
  let size: number[] = [];
  format.createPacketizer().packetize({ data: frame, keyFrame: true }, 1200, (payload) => {
    const info = format.createDepacketizer().inspect(payload)!;
    if (info.keyFrame) size = [info.width, info.height];
  });
  assert.deepEqual(size, [640, 360]);
});

test("simulcast: every scale shows the same pictures, one left out catches up", () => {
  const camera = new SyntheticCamera({ width: 640, height: 360, frameRate: 30 });
  const decoders = new Map([1, 2, 4].map((scale) => [scale, new Vp8BlockDecoder()]));
  const show = (scale: number): number | undefined => {
    const decoder = decoders.get(scale)!;
    const luma = decoder.decode(camera.nextFrame(false, scale));
    assert.equal(decoder.width, 640 / scale);
    return readFrameCounter(luma, decoder.width, decoder.height);
  };
  for (let i = 0; i < 5; i++) assert.deepEqual([1, 2, 4].map(show), [i, i, i]);
  for (let i = 5; i < 9; i++) assert.equal(show(1), i);
  assert.equal(show(4), 8);
  assert.equal(show(4), 9);
  assert.equal(show(2), 9);
});

test("a discardable frame can be left out", () => {
  const camera = new SyntheticCamera({ width: 320, height: 240, frameRate: 30 });
  const all = new Vp8BlockDecoder();
  const half = new Vp8BlockDecoder();
  for (let i = 0; i < 20; i++) {
    const frame = camera.nextFrame(i === 0, 1, i % 2 === 1);
    const luma = all.decode(frame);
    assert.equal(readFrameCounter(luma, 320, 240), i);
    if (i % 2 === 0) assert.deepEqual(half.decode(frame), luma);
  }
});

test("a frame that is lost shows: the next one is another picture", () => {
  const camera = new SyntheticCamera({ width: 320, height: 240, frameRate: 30 });
  const decoder = new Vp8BlockDecoder();
  decoder.decode(camera.nextFrame(true));
  camera.nextFrame(false);
  let counter: number | undefined;
  try {
    counter = readFrameCounter(decoder.decode(camera.nextFrame(false)), 320, 240);
  } catch {
    // Differences to a picture that is not there may lead out of what a byte holds.
  }
  assert.notEqual(counter, 2);
});

test("frames are filled up to a bit rate", () => {
  const camera = new SyntheticCamera({ width: 640, height: 480, frameRate: 25 });
  camera.bitrate = 1_000_000;
  const decoder = new Vp8BlockDecoder();
  for (let i = 0; i < 25; i++) {
    const frame = camera.nextFrame(i === 0);
    assert.equal(frame.length, 5000);
    assert.equal(readFrameCounter(decoder.decode(frame), 640, 480), i);
  }
});

test("a picture of any colours is coded exactly, chroma to within two steps", () => {
  const encoder = new Vp8BlockEncoder(160, 96);
  const decoder = new Vp8BlockDecoder();
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  };
  for (let frame = 0; frame < 20; frame++) {
    for (const plane of [encoder.y, encoder.u, encoder.v]) for (let i = 0; i < plane.length; i++) plane[i] = random();
    // Extremes, and large areas that stay.
    if (frame % 3 === 1) encoder.y.fill(frame % 2 === 0 ? 0 : 255, 10, 40);
    decoder.decode(encoder.encode(frame % 7 === 0));
    assert.deepEqual(decoder.planes[0], encoder.y, `luma of frame ${frame}`);
    for (const [plane, wanted] of [
      [1, encoder.u],
      [2, encoder.v],
    ] as const) {
      const error = wanted.map((value, i) => Math.abs(value - decoder.planes[plane][i]!));
      assert.ok(Math.max(...error) <= 3, `chroma of frame ${frame} is wrong by ${Math.max(...error)}`);
    }
  }
});

test("sizes and scales that cannot be are refused", () => {
  for (const width of [0, 16_384, 1.5, Number.NaN]) {
    assert.throws(() => new SyntheticCamera({ width, height: 100, frameRate: 30 }), RangeError);
  }
  const camera = new SyntheticCamera({ width: 100, height: 100, frameRate: 30 });
  assert.throws(() => camera.nextFrame(true, 0.5), RangeError);
  assert.throws(() => camera.nextFrame(true, Number.NaN), RangeError);
});

test("no counter is read from other pictures", () => {
  assert.equal(readFrameCounter(new Uint8Array(64 * 48).fill(16), 64, 48), undefined);
  assert.equal(readFrameCounter(new Uint8Array(640 * 480).fill(16), 640, 480), undefined);
  assert.equal(readFrameCounter(new Uint8Array(640 * 480).fill(128), 640, 480), undefined);
});
