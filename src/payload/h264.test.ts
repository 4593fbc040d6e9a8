import assert from "node:assert/strict";
import { test } from "node:test";
import { payloadFormat } from "./format.js";
import { H264Depacketizer, parseParameterSets } from "./h264.js";
import { assertNoHalfFrames, hex, join, packets, pattern, receive } from "./testing.test.js";

const format = payloadFormat("video/H264", "packetization-mode=1;profile-level-id=42e01f");
const single = payloadFormat("video/H264", "profile-level-id=42e01f");
const START = hex("00 00 00 01");
// Constrained Baseline, level 3.1; log2_max_frame_num 4, order type 2, one reference, 40 by 23 macroblocks of which 8 lines
// are cropped: 640x360. Written out by hand from ITU-T H.264 §7.3.2.1.1.
const SPS = hex("67 42 c0 1f da 02 80 bf e5 80");
const PPS = hex("68 ce 38 80");
const idr = (length: number): Uint8Array => join(hex("65 88"), pattern(length));
const slice = (length: number, seed = 1): Uint8Array => join(hex("41 9a"), pattern(length, seed));
const annexB = (...nals: Uint8Array[]): Uint8Array => join(...nals.flatMap((nal) => [START, nal]));

test("small NAL units go into one STAP-A (RFC 6184 §5.7.1), large ones into FU-A (§5.8)", () => {
  const sent = packets(format, [{ data: annexB(SPS, PPS, idr(2000)), keyFrame: true }], 1000);
  assert.equal(sent.length, 4);
  assert.deepEqual(sent[0]!.payload, join(hex("78 00 0a"), SPS, hex("00 04"), PPS));
  assert.deepEqual([...sent[1]!.payload.subarray(0, 3)], [0x7c, 0x85, 0x88]);
  assert.deepEqual([...sent[2]!.payload.subarray(0, 2)], [0x7c, 0x05]);
  assert.deepEqual([...sent[3]!.payload.subarray(0, 2)], [0x7c, 0x45]);
  assert.deepEqual(
    sent.map(({ marker }) => marker),
    [false, false, false, true],
  );
  assert.deepEqual(
    sent.map(({ payload }) => format.isKeyFrame(payload)),
    [true, true, false, false],
  );
});

test("mode 0 sends NAL units alone, and refuses larger ones", () => {
  const sent = packets(single, [{ data: annexB(SPS, PPS, idr(500)), keyFrame: true }], 1000);
  assert.deepEqual(
    sent.map(({ payload }) => payload[0]),
    [0x67, 0x68, 0x65],
  );
  const refused = single.createPacketizer();
  const frame = { data: annexB(SPS, idr(1000)), keyFrame: true };
  assert.equal(
    refused.packetize(frame, 1000, () => assert.fail("emitted")),
    false,
  );
});

test("start codes of three and four bytes, zeros behind NAL units", () => {
  const data = join(hex("00 00 01"), SPS, hex("00 00 00 01"), PPS, hex("00 00 00 00 01"), idr(10), hex("00 00"));
  const sent = packets(single, [{ data, keyFrame: true }], 1000);
  assert.deepEqual(
    sent.map(({ payload }) => payload),
    [SPS, PPS, idr(10)],
  );
});

test("what is no Annex B stream is refused", () => {
  const packetizer = format.createPacketizer();
  for (const data of [new Uint8Array(0), hex("65 88 01"), hex("11 00 00 01 65"), hex("00 00 01"), hex("00 00 00 01")]) {
    assert.equal(
      packetizer.packetize({ data, keyFrame: true }, 1000, () => assert.fail("emitted")),
      false,
    );
  }
});

test("what was split is put together", () => {
  const frames = [
    annexB(SPS, PPS, idr(5000)),
    annexB(slice(100)),
    annexB(hex("09 f0"), slice(3000, 2), slice(50, 3)),
    annexB(hex("06 05 01 aa 80"), slice(10), hex("0a")),
  ];
  const sent = packets(
    format,
    frames.map((data, i) => ({ data, keyFrame: i === 0 })),
    700,
  );
  assert.deepEqual([...receive(format.createDepacketizer(), sent).values()], frames);
});

test("the size of the picture in the parameter set", () => {
  const depacketizer = format.createDepacketizer();
  for (const payload of [SPS, join(hex("78 00 0a"), SPS, hex("00 04"), PPS)]) {
    const info = depacketizer.inspect(payload)!;
    assert.deepEqual([info.width, info.height], [640, 360]);
    assert.ok(info.keyFrame && info.startOfFrame && info.certainStart);
  }
  // Cut off: a parameter set still, but no size.
  const cut = depacketizer.inspect(SPS.subarray(0, 5))!;
  assert.deepEqual([cut.width, cut.height], [0, 0]);
});

test("what payloads tell", () => {
  const depacketizer = format.createDepacketizer();
  const tell = (payload: Uint8Array): (boolean | undefined)[] => {
    const info = depacketizer.inspect(payload);
    return [info?.startOfFrame, info?.keyFrame, info?.discardable];
  };
  assert.deepEqual(tell(slice(10)), [true, false, false]);
  assert.deepEqual(tell(hex("01 9a 01")), [true, false, true], "nal_ref_idc 0");
  assert.deepEqual(tell(hex("41 1a 01")), [false, false, false], "not the first slice");
  assert.deepEqual(tell(idr(10)), [true, true, false]);
  assert.deepEqual(tell(hex("65 08 01")), [false, false, false], "not the first slice");
  assert.deepEqual(tell(hex("7c 85 88 01")), [true, true, false]);
  assert.deepEqual(tell(hex("7c 05 88 01")), [false, false, false]);
  assert.deepEqual(tell(hex("7c 85 08 01")), [false, false, false], "not the first slice");
  assert.ok(!format.isKeyFrame(hex("65 08 01")) && !format.isKeyFrame(hex("7c 85 08 01")) && format.isKeyFrame(idr(1)));
  assert.deepEqual(tell(hex("1c 81 9a 01")), [true, false, true]);
  assert.deepEqual(tell(hex("5c 81 1a 01")), [false, false, false]);
});

test("malformed payloads are refused, structures of mode 2 counted", () => {
  const depacketizer = format.createDepacketizer() as H264Depacketizer;
  for (const bad of [
    "",
    "00 01",
    "7c 85",
    "7c 9c 01",
    "78",
    "78 00",
    "78 00 01",
    "78 00 00 01",
    "78 00 05 67 42",
    "1e 00",
  ]) {
    assert.equal(depacketizer.inspect(hex(bad)), undefined, bad);
    assert.equal(depacketizer.assemble([hex(bad)], 1), undefined, bad);
  }
  assert.equal(depacketizer.refused, 0);
  for (const type of [25, 26, 27, 29]) {
    const payload = Uint8Array.of(0x60 | type, 0x85, 0, 1, 2, 3, 4);
    assert.equal(depacketizer.inspect(payload), undefined);
    assert.equal(depacketizer.assemble([payload], 1), undefined);
  }
  assert.equal(depacketizer.refused, 4);
});

test("fragments that do not fit together make no frame", () => {
  const depacketizer = format.createDepacketizer();
  const [begin, middle, end] = [hex("7c 85 88 01"), hex("7c 05 02"), hex("7c 45 03")];
  assert.deepEqual(depacketizer.assemble([begin, middle, end], 3), hex("00000001 65 88 01 02 03"));
  assert.equal(depacketizer.assemble([begin, middle], 2), undefined);
  assert.equal(depacketizer.assemble([middle, end], 2), undefined);
  assert.equal(depacketizer.assemble([begin, begin, end], 3), undefined);
  assert.equal(depacketizer.assemble([begin, SPS, end], 3), undefined);
  assert.equal(depacketizer.assemble([begin, hex("7c 41 03")], 2), undefined);
  // Start and end in one fragment are against the RFC, but whole.
  assert.deepEqual(depacketizer.assemble([hex("7c c5 88 01")], 1), hex("00000001 65 88 01"));
});

test("no half frame when a packet is lost", () => {
  const frames = [
    annexB(SPS, PPS, idr(3000)),
    annexB(slice(100)),
    annexB(slice(2000, 2)),
    annexB(slice(400, 3), hex("41 1a 05"), hex("41 0c 06")),
    annexB(SPS, PPS, idr(900)),
    annexB(slice(30)),
  ].map((data, i) => ({ data, keyFrame: i % 4 === 0 }));
  assertNoHalfFrames(format, packets(format, frames, 500));
});

test("parameter sets of the description go before an IDR picture that has none", () => {
  const sets = `packetization-mode=1; sprop-parameter-sets=${[SPS, PPS].map((s) => Buffer.from(s).toString("base64")).join()}`;
  assert.deepEqual(parseParameterSets(sets), annexB(SPS, PPS));
  const depacketizer = payloadFormat("video/H264", sets).createDepacketizer();
  assert.deepEqual(depacketizer.assemble([idr(5)], 1), annexB(SPS, PPS, idr(5)));
  assert.deepEqual(depacketizer.assemble([SPS, idr(5)], 2), annexB(SPS, idr(5)));
  assert.deepEqual(depacketizer.assemble([slice(5)], 1), annexB(slice(5)));
  for (const bad of ["sprop-parameter-sets=", "sprop-parameter-sets=!!!!", "sprop-parameter-sets=Z0LAH9o,,", "x=y"]) {
    assert.equal(parseParameterSets(bad), undefined, bad);
  }
  assert.ok(new H264Depacketizer().assemble([idr(5)], 1));
});

test("parameter sets of the description tell the size of key frames that have none of their own", () => {
  const base64 = (data: Uint8Array): string => Buffer.from(data).toString("base64");
  const sprop = payloadFormat(
    "video/H264",
    `packetization-mode=1;sprop-parameter-sets=${base64(SPS)},${base64(PPS)}`,
  ).createDepacketizer();
  const sizeOf = (payload: Uint8Array): number[] => {
    const { width, height } = sprop.inspect(payload)!;
    return [width, height];
  };
  assert.deepEqual(sizeOf(idr(20)), [640, 360]);
  assert.deepEqual(sizeOf(slice(20)), [0, 0]);
  // Its own come first: half as wide.
  assert.deepEqual(sizeOf(hex("67 42 c0 1f da 05 02 ff 95")), [320, 360]);
});
