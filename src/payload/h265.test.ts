import assert from "node:assert/strict";
import { test } from "node:test";
import { payloadFormat } from "./format.js";
import type { H265Depacketizer } from "./h265.js";
import { assertNoHalfFrames, hex, join, packets, pattern, receive } from "./testing.test.js";

const format = payloadFormat("video/H265", "level-id=93;tx-mode=SRST");
const START = hex("00 00 00 01");
const VPS = hex("40 01 0c 01 ff ff");
// Main profile, one sub-layer, 4:2:0, 640x368 of which 8 lines are cropped; by hand from ITU-T H.265 §7.3.2.2.1.
const SPS = hex("42 01 01 01 60 00 00 03 00 90 00 00 03 00 00 03 00 5d a0 05 02 01 71 f2 e0");
const PPS = hex("44 01 c1 72 b4 62 40");
const idr = (length: number): Uint8Array => join(hex("26 01 af"), pattern(length));
const slice = (length: number, seed = 1): Uint8Array => join(hex("02 01 d0"), pattern(length, seed));
const annexB = (...nals: Uint8Array[]): Uint8Array => join(...nals.flatMap((nal) => [START, nal]));

test("small NAL units go into one aggregation packet (RFC 7798 §4.4.2), large ones into fragments (§4.4.3)", () => {
  const sent = packets(format, [{ data: annexB(VPS, SPS, PPS, idr(2000)), keyFrame: true }], 1000);
  assert.equal(sent.length, 4);
  assert.deepEqual(sent[0]!.payload, join(hex("60 01 00 06"), VPS, hex("00 19"), SPS, hex("00 07"), PPS));
  assert.deepEqual(sent[1]!.payload.subarray(0, 4), hex("62 01 93 af"));
  assert.deepEqual(sent[2]!.payload.subarray(0, 3), hex("62 01 13"));
  assert.deepEqual(sent[3]!.payload.subarray(0, 3), hex("62 01 53"));
  assert.deepEqual(
    sent.map(({ payload, marker }) => [marker, format.isKeyFrame(payload)]),
    [
      [false, true],
      [false, true],
      [false, false],
      [true, false],
    ],
  );
});

test("what was split is put together", () => {
  const frames = [
    annexB(VPS, SPS, PPS, idr(5000)),
    annexB(slice(100)),
    annexB(hex("46 01 50"), slice(3000, 2), slice(50, 3)),
    annexB(hex("4e 01 05 aa"), slice(10), hex("4a 01")),
  ];
  const sent = packets(
    format,
    frames.map((data, i) => ({ data, keyFrame: i === 0 })),
    700,
  );
  assert.deepEqual([...receive(format.createDepacketizer(), sent).values()], frames);
});

test("what payloads tell", () => {
  const depacketizer = format.createDepacketizer();
  const sps = depacketizer.inspect(SPS)!;
  assert.deepEqual([sps.width, sps.height], [640, 360]);
  const aggregated = depacketizer.inspect(join(hex("60 01 00 06"), VPS, hex("00 19"), SPS))!;
  assert.deepEqual([aggregated.width, aggregated.height], [640, 360]);
  assert.ok(aggregated.keyFrame && aggregated.certainStart);
  const tell = (text: string): (boolean | number | undefined)[] => {
    const info = depacketizer.inspect(hex(text));
    return [info?.startOfFrame, info?.keyFrame, info?.temporalIndex];
  };
  assert.deepEqual(tell("26 01 af 01"), [true, true, 0]);
  assert.deepEqual(tell("26 01 2f 01"), [false, false, 0], "not the first slice");
  assert.deepEqual(tell("02 03 d0 01"), [true, false, 2]);
  assert.deepEqual(tell("62 01 93 af"), [true, true, 0]);
  assert.deepEqual(tell("62 01 13 af"), [false, false, 0]);
  assert.deepEqual(tell("2a 01 af"), [true, true, 0], "CRA");
});

test("malformed payloads are refused, PACI counted", () => {
  const depacketizer = format.createDepacketizer() as H265Depacketizer;
  for (const bad of [
    "",
    "26",
    "26 00 af",
    "60 01",
    "60 01 00",
    "60 01 00 06 40 01",
    "60 01 00 01 40",
    "62 01 93",
    "62 01 b0 00",
  ]) {
    assert.equal(depacketizer.inspect(hex(bad)), undefined, bad);
    assert.equal(depacketizer.assemble([hex(bad)], 1), undefined, bad);
  }
  assert.equal(depacketizer.inspect(hex("60 01 00 04 62 01 93 af")), undefined, "a fragment in an aggregation");
  assert.equal(depacketizer.refused, 0);
  assert.equal(depacketizer.inspect(hex("64 01 26 00 01 02")), undefined);
  assert.equal(depacketizer.assemble([hex("64 01 26 00 01 02")], 1), undefined);
  assert.equal(depacketizer.refused, 1);
});

test("fragments that do not fit together make no frame", () => {
  const depacketizer = format.createDepacketizer();
  const [begin, middle, end] = [hex("62 01 93 af"), hex("62 01 13 01"), hex("62 01 53 02")];
  assert.deepEqual(depacketizer.assemble([begin, middle, end], 3), hex("00000001 26 01 af 01 02"));
  assert.equal(depacketizer.assemble([begin, middle], 2), undefined);
  assert.equal(depacketizer.assemble([middle, end], 2), undefined);
  assert.equal(depacketizer.assemble([begin, begin, end], 3), undefined);
  assert.equal(depacketizer.assemble([begin, PPS, end], 3), undefined);
  assert.equal(depacketizer.assemble([begin, hex("62 01 41 02")], 2), undefined);
});

test("no half frame when a packet is lost", () => {
  const frames = [
    annexB(VPS, SPS, PPS, idr(3000)),
    annexB(slice(100)),
    annexB(slice(2000, 2)),
    annexB(slice(400, 3), hex("02 01 50 05"), hex("02 01 60 06")),
    annexB(VPS, SPS, PPS, idr(900)),
    annexB(slice(30)),
  ].map((data, i) => ({ data, keyFrame: i % 4 === 0 }));
  assertNoHalfFrames(format, packets(format, frames, 500));
});
