import assert from "node:assert/strict";
import { test } from "node:test";
import { payloadFormat } from "./format.js";
import { assertNoHalfFrames, hex, join, packets, pattern, receive } from "./testing.test.js";

const format = payloadFormat("video/VP8", "");
// RFC 6386 §9.1: frame tag of a shown key frame, start code, 176x144.
const KEY = join(hex("10 02 00 9d 01 2a b0 00 90 00"), pattern(3000));
const DELTA = join(hex("31 02 00"), pattern(1500, 2));

test("reads every field of the descriptor (RFC 7741 §4.2)", () => {
  const info = format.createDepacketizer().inspect(hex("b0 f0 92 34 7b a7 11 00"))!;
  assert.ok(info.startOfFrame && info.certainStart && info.discardable && !info.keyFrame);
  assert.equal(info.pictureId, 0x1234);
  assert.equal(info.pictureIdBits, 15);
  assert.equal(info.tl0PictureIndex, 0x7b);
  assert.equal(info.temporalIndex, 2);
  assert.ok(info.layerSync);
  assert.equal(info.keyIndex, 7);
  assert.equal(info.headerLength, 6);
});

test("reads the short forms", () => {
  const depacketizer = format.createDepacketizer();
  const seven = depacketizer.inspect(hex("90 80 11 10 02 00 9d 01 2a 80 42 68 01"))!;
  assert.equal(seven.pictureId, 0x11);
  assert.equal(seven.pictureIdBits, 7);
  assert.equal(seven.temporalIndex, -1);
  assert.equal(seven.tl0PictureIndex, -1);
  assert.ok(seven.keyFrame);
  // Two bits above each size ask for scaling.
  assert.deepEqual([seven.width, seven.height], [0x280, 0x168]);
  const bare = depacketizer.inspect(hex("00 55"))!;
  assert.equal(bare.pictureId, -1);
  assert.ok(!bare.startOfFrame && !bare.keyFrame);
  // KEYIDX alone has the byte of TID too, whose bits are not to be read then.
  const keyIndex = depacketizer.inspect(hex("90 10 e5 01"))!;
  assert.equal(keyIndex.keyIndex, 5);
  assert.equal(keyIndex.temporalIndex, -1);
  assert.ok(!keyIndex.layerSync);
  // A later partition does not begin a frame.
  assert.ok(!depacketizer.inspect(hex("11 10"))!.startOfFrame);
});

test("refuses what is cut off", () => {
  const depacketizer = format.createDepacketizer();
  const whole = hex("b0 f0 92 34 7b a7 10");
  for (let length = 0; length < whole.length; length++) {
    assert.equal(depacketizer.inspect(whole.subarray(0, length)), undefined, `${length} bytes`);
    assert.equal(depacketizer.assemble([whole.subarray(0, length)], 1), undefined);
  }
  assert.ok(depacketizer.inspect(whole));
});

test("splits a frame into pieces of nearly one size", () => {
  const sent = packets(format, [{ data: KEY, keyFrame: true }], 1200);
  assert.equal(sent.length, 3);
  const sizes = sent.map(({ payload }) => payload.length);
  assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, sizes.join());
  assert.deepEqual(
    sent.map(({ marker }) => marker),
    [false, false, true],
  );
  assert.deepEqual(
    sent.map(({ payload }) => payload[0]),
    [0x90, 0x80, 0x80],
  );
  assert.deepEqual(
    sent.map(({ payload }) => format.isKeyFrame(payload)),
    [true, false, false],
  );
});

test("what was split is put together", () => {
  const frames = [KEY, DELTA, pattern(1, 3), DELTA];
  const sent = packets(
    format,
    frames.map((data, i) => ({ data, keyFrame: i === 0 })),
    500,
  );
  assert.deepEqual([...receive(format.createDepacketizer(), sent).values()], frames);
});

test("counts pictures and the pictures of the lowest layer", () => {
  const layers = [0, 2, 1, 2, 0];
  const packetizer = format.createPacketizer({ pictureId: 0x7ffe });
  const depacketizer = format.createDepacketizer();
  const seen: number[][] = [];
  layers.forEach((temporalIndex, i) => {
    const frame = { data: i === 0 ? KEY : DELTA, keyFrame: i === 0, temporalIndex, layerSync: i === 2 };
    packetizer.packetize(frame, 5000, (payload) => {
      const info = depacketizer.inspect(payload)!;
      seen.push([info.pictureId, info.temporalIndex, info.tl0PictureIndex, info.layerSync ? 1 : 0]);
    });
  });
  assert.deepEqual(seen, [
    [0x7ffe, 0, 1, 0],
    [0x7fff, 2, 1, 0],
    [0, 1, 1, 1],
    [1, 2, 1, 0],
    [2, 0, 2, 0],
  ]);
});

test("no half frame when a packet is lost", () => {
  const frames = [KEY, DELTA, DELTA, KEY, DELTA].map((data, i) => ({ data, keyFrame: i % 3 === 0 }));
  assertNoHalfFrames(format, packets(format, frames, 400));
});

test("two frames are not put together as one", () => {
  const sent = packets(
    format,
    [
      { data: KEY, keyFrame: true },
      { data: DELTA, keyFrame: false },
    ],
    5000,
  ).map(({ payload }) => payload);
  assert.equal(format.createDepacketizer().assemble(sent, 2), undefined);
  assert.equal(format.createDepacketizer().assemble([], 0), undefined);
});

test("refuses what cannot be sent", () => {
  const packetizer = format.createPacketizer();
  const never = (): void => assert.fail("emitted");
  assert.equal(packetizer.packetize({ data: new Uint8Array(0), keyFrame: false }, 1200, never), false);
  assert.equal(packetizer.packetize({ data: KEY, keyFrame: true }, 6, never), false);
});

test("what is encrypted from end to end is no key frame if the stream's key frames can be told", () => {
  const depacketizer = format.createDepacketizer();
  const start = (...bytes: number[]): Uint8Array => Uint8Array.of(0x10, ...bytes);
  const scrambled = start(0x70, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  assert.equal(depacketizer.inspect(scrambled)?.keyFrame, true, "the frame tag says so, and nothing else is known");
  const key = start(0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 1, 0xf0, 0, 1);
  assert.equal(depacketizer.inspect(key)?.keyFrame, true);
  assert.equal(depacketizer.inspect(scrambled)?.keyFrame, false);
  assert.equal(depacketizer.inspect(key)?.keyFrame, true);
});
