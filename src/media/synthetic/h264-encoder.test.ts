import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { H264BlockDecoder, nalUnits } from "#test/media/h264-block-decoder.js";
import { payloadFormat } from "../../payload/format.js";
import { readFrameCounter, SyntheticCamera } from "./camera.js";
import { H264BlockEncoder } from "./h264-encoder.js";

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state / 0x8000_0000;
  };
}

for (const [width, height] of [
  [16, 16],
  [64, 48],
  [101, 82],
  [640, 480],
] as const) {
  test(`pictures of ${width}x${height} are coded exactly`, () => {
    const random = generator(width);
    const encoder = new H264BlockEncoder(width, height);
    const decoder = new H264BlockDecoder();
    let slices = 0;
    for (let n = 0; n < 20; n++) {
      for (let i = 0; i < encoder.y.length; i++) {
        if (n % 7 > 0 && random() > 0.2) continue;
        encoder.y[i] = random() * 256;
        encoder.u[i] = random() * 256;
        if (random() < 0.5) encoder.v[i] = random() * 256;
      }
      const frame = encoder.encode(n % 9 === 0);
      const isKey = nalUnits(frame).some((nal) => (nal[0]! & 31) === 5);
      assert.equal(isKey, n % 9 === 0);
      decoder.decode(frame);
      assert.deepEqual([decoder.y, decoder.u, decoder.v], [encoder.y, encoder.u, encoder.v], `frame ${n}`);
      slices += decoder.slices;
      // What is skipped leaves next to nothing.
      const still = encoder.encode(false);
      assert.ok(still.length < 20);
      decoder.decode(still);
      assert.deepEqual(decoder.y, encoder.y);
    }
    assert.deepEqual([decoder.width, decoder.height], [width + (width & 1), height + (height & 1)]);
    assert.ok(width < 600 ? slices === 20 : slices > 40, `${slices} slices`);
  });
}

test("the stream is the one that libavcodec, OpenH264 and Chromium were seen to decode", () => {
  const camera = new SyntheticCamera({ width: 640, height: 480, frameRate: 30 });
  const hash = createHash("sha256");
  const decoder = new H264BlockDecoder();
  for (let i = 0; i < 60; i++) {
    const frame = camera.nextFrame(i % 50 === 0, 1, false, "h264");
    hash.update(frame);
    assert.equal(readFrameCounter(decoder.decode(frame), 640, 480), i);
  }
  assert.equal(hash.digest("hex").slice(0, 32), "772c80e9ea9794c44152ff8128f7fc3b");
});

test("every slice fits into a packet, also for a peer that takes no parts of one (packetization-mode 0)", () => {
  const camera = new SyntheticCamera({ width: 1920, height: 1080, frameRate: 30 });
  const format = payloadFormat("video/H264", "packetization-mode=0");
  const packetizer = format.createPacketizer();
  const depacketizer = format.createDepacketizer();
  const decoder = new H264BlockDecoder();
  for (let i = 0; i < 10; i++) {
    const data = camera.nextFrame(i === 0, 1, false, "h264");
    const payloads: Uint8Array[] = [];
    assert.ok(packetizer.packetize({ data, keyFrame: i === 0 }, 1100, (payload) => payloads.push(payload.slice())));
    const whole = depacketizer.assemble(payloads, payloads.length)!;
    assert.equal(readFrameCounter(decoder.decode(whole), 1920, 1080), i);
    if (i > 0) continue;
    assert.ok(format.isKeyFrame(payloads[0]!));
    assert.ok(payloads.length > 2);
  }
});

test("codecs and scales are streams of their own that show the same pictures", () => {
  const camera = new SyntheticCamera({ width: 640, height: 360, frameRate: 30 });
  const decoders = [1, 2].map(() => new H264BlockDecoder());
  for (let i = 0; i < 3; i++) {
    camera.nextFrame(false);
    decoders.forEach((decoder, k) => {
      const luma = decoder.decode(camera.nextFrame(false, k + 1, false, "h264"));
      assert.equal(readFrameCounter(luma, decoder.width, decoder.height), i);
    });
  }
  assert.throws(() => new H264BlockEncoder(0, 16), RangeError);
  assert.throws(() => new H264BlockEncoder(16, 16.5), RangeError);
});
