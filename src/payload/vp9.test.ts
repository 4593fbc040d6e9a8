import assert from "node:assert/strict";
import { test } from "node:test";
import { payloadFormat } from "./format.js";
import { assertNoHalfFrames, hex, join, packets, pattern, receive } from "./testing.test.js";
import type { PayloadFrame } from "./types.js";

const format = payloadFormat("video/VP9", "profile-id=0");
// VP9 bitstream specification §6.2: profile 0, key frame, shown, sync code, BT.601, 640x360.
const KEY_HEADER = hex("82 49 83 42 20 27 f0 16 70");
const KEY = join(KEY_HEADER, pattern(3000));
const DELTA = join(hex("86 00"), pattern(1500, 2));

test("reads the descriptor of the non-flexible mode (RFC 9628 §4.2)", () => {
  const info = format.createDepacketizer().inspect(hex("e8 92 34 53 7b aa"))!;
  assert.ok(info.startOfFrame === false && info.startOfLayerFrame && !info.endOfLayerFrame && !info.keyFrame);
  assert.equal(info.pictureId, 0x1234);
  assert.equal(info.pictureIdBits, 15);
  assert.equal(info.temporalIndex, 2);
  assert.ok(info.layerSync);
  assert.equal(info.spatialIndex, 1);
  assert.ok(info.interLayerPredicted);
  assert.equal(info.tl0PictureIndex, 0x7b);
  assert.equal(info.headerLength, 5);
});

test("reads references and the scalability structure", () => {
  const depacketizer = format.createDepacketizer();
  // I P L F B E, 7-bit number, TID 1 SID 0, references 1 (more follow) and 4.
  const flexible = depacketizer.inspect(hex("fc 11 20 03 08 aa"))!;
  assert.ok(flexible.flexibleMode && flexible.endOfLayerFrame && flexible.certainStart && !flexible.intraPicture);
  assert.equal(flexible.pictureId, 0x11);
  assert.equal(flexible.tl0PictureIndex, -1);
  assert.equal(flexible.headerLength, 5);
  // Two layers with sizes, and two pictures, the second with two references.
  const key = depacketizer.inspect(hex("8a 11 38 0140 00b4 0280 0168 02 04 01 18 01 02 aa"))!;
  assert.ok(key.keyFrame && key.certainStart);
  assert.deepEqual([key.width, key.height, key.spatialLayers], [640, 360, 2]);
  assert.equal(key.headerLength, 17);
});

test("finds the size in the frame where the descriptor tells none", () => {
  const info = format.createDepacketizer().inspect(join(hex("88 01"), KEY_HEADER))!;
  assert.ok(info.keyFrame);
  assert.deepEqual([info.width, info.height], [640, 360]);
});

test("a layer that is predicted from the one below begins no frame, another may", () => {
  const depacketizer = format.createDepacketizer();
  const predicted = depacketizer.inspect(hex("b8 11 03 aa"))!;
  assert.ok(!predicted.startOfFrame && !predicted.certainStart && !predicted.keyFrame);
  const alone = depacketizer.inspect(hex("b8 11 02 aa"))!;
  assert.ok(alone.startOfFrame && !alone.certainStart && !alone.keyFrame);
});

test("refuses what is cut off", () => {
  const depacketizer = format.createDepacketizer();
  for (const whole of ["8a 91 11 38 0140 00b4 0280 0168 02 04 01 18 01 02 aa", "fc 11 20 03 08 aa"].map(hex)) {
    for (let length = 0; length < whole.length; length++) {
      assert.equal(depacketizer.inspect(whole.subarray(0, length)), undefined, `${length} bytes`);
      assert.equal(depacketizer.assemble([whole.subarray(0, length)], 1), undefined);
    }
  }
  assert.equal(depacketizer.inspect(hex("d8 11 03 05 07 aa")), undefined, "four references");
  assert.equal(depacketizer.inspect(hex("18 aa")), undefined, "flexible mode without picture number");
});

test("a stream of one layer: non-flexible, structure at key frames", () => {
  const sent = packets(
    format,
    [
      { data: KEY, keyFrame: true },
      { data: DELTA, keyFrame: false },
    ],
    1000,
  );
  assert.deepEqual(
    sent.map(({ payload, marker }) => [payload[0], marker]),
    [
      [0x8a, false],
      [0x80, false],
      [0x80, false],
      [0x84, true],
      [0xc8, false],
      [0xc4, true],
    ],
  );
  // N_S 0 with size, one picture that refers to the one before.
  assert.deepEqual(sent[0]!.payload.subarray(1, 12), hex("80 00 18 0280 0168 01 04 01 82"));
  const depacketizer = format.createDepacketizer();
  const ids = sent.map(({ payload }) => depacketizer.inspect(payload)!.pictureId);
  assert.deepEqual(ids, [0, 0, 0, 0, 1, 1]);
  assert.deepEqual([...receive(depacketizer, sent).values()], [KEY, DELTA]);
  assert.deepEqual(
    sent.map(({ payload }) => format.isKeyFrame(payload)),
    [true, false, false, false, false, false],
  );
});

/** Three spatial and two temporal layers. */
function layered(pictures: number): PayloadFrame[] {
  return Array.from({ length: pictures * 3 }, (_, i) => ({
    data: join(i === 0 ? KEY_HEADER : hex("86 00"), pattern(200 + 700 * (i % 3), i)),
    keyFrame: i === 0,
    spatialIndex: i % 3,
    spatialLayers: 3,
    temporalIndex: Math.floor(i / 3) % 2,
    endOfPicture: i % 3 === 2,
  }));
}

test("layers: flexible mode, references counted in pictures", () => {
  const frames = layered(4);
  const sent = packets(format, frames, 5000);
  assert.equal(sent.length, 12);
  const depacketizer = format.createDepacketizer();
  const seen = sent.map(({ payload, marker }) => {
    const info = depacketizer.inspect(payload)!;
    assert.ok(info.flexibleMode && info.startOfLayerFrame && info.endOfLayerFrame);
    return [info.pictureId, info.spatialIndex, info.temporalIndex, info.keyFrame, info.startOfFrame, marker].map(
      Number,
    );
  });
  assert.deepEqual(seen.slice(0, 5), [
    [0, 0, 0, 1, 1, 0],
    [0, 1, 0, 0, 0, 0],
    [0, 2, 0, 0, 0, 1],
    [1, 0, 1, 0, 1, 0],
    [1, 1, 1, 0, 0, 0],
  ]);
  // Reference of each picture: nothing, one back, two back, one back.
  assert.deepEqual(
    [3, 6, 9].map((i) => sent[i]!.payload[4]! >> 1),
    [1, 2, 1],
  );
  // The highest layer is for no other.
  assert.deepEqual(
    sent.slice(0, 3).map(({ payload }) => payload[0]! & 1),
    [0, 0, 1],
  );
  const pictures = [...receive(depacketizer, sent).values()];
  assert.deepEqual(
    pictures,
    [0, 1, 2, 3].map((p) => join(...frames.slice(p * 3, p * 3 + 3).map(({ data }) => data))),
  );
});

test("no half picture when a packet is lost", () => {
  const frames = [KEY, DELTA, DELTA, KEY, DELTA].map((data, i) => ({ data, keyFrame: i % 3 === 0 }));
  assertNoHalfFrames(format, packets(format, frames, 400));
  assertNoHalfFrames(format, packets(format, layered(4), 400));
});

test("layers and pictures that do not fit together make no frame", () => {
  const depacketizer = format.createDepacketizer();
  const [low, high] = [hex("bc 11 00 aa"), hex("bc 11 03 bb")];
  assert.deepEqual(depacketizer.assemble([low, high], 2), hex("aa bb"));
  assert.deepEqual(depacketizer.assemble([low], 1), hex("aa"));
  assert.equal(depacketizer.assemble([high], 1), undefined);
  assert.equal(depacketizer.assemble([high, low], 2), undefined);
  assert.equal(depacketizer.assemble([low, low], 2), undefined);
  assert.equal(depacketizer.assemble([low, hex("bc 12 03 bb")], 2), undefined, "another picture");
  assert.equal(depacketizer.assemble([hex("b8 11 00 aa"), high], 2), undefined, "the lower layer has no end");
  assert.equal(depacketizer.assemble([low, hex("b8 11 03 aa")], 2), undefined, "the upper layer has no end");
});
