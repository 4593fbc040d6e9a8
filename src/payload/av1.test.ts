import assert from "node:assert/strict";
import { test } from "node:test";
import { payloadFormat } from "./format.js";
import { assertNoHalfFrames, hex, join, packets, pattern, receive } from "./testing.test.js";

const format = payloadFormat("video/AV1", "profile=0");
// OBUs in the low-overhead format: header with has_size_field, size, content.
const obu = (type: number, content: Uint8Array): Uint8Array =>
  join(
    Uint8Array.of((type << 3) | 2),
    content.length < 128
      ? Uint8Array.of(content.length)
      : Uint8Array.of((content.length & 127) | 128, content.length >> 7),
    content,
  );
// AV1 bitstream specification §5.5: profile 0, no timing, one operating point of level 5 (3.1), 640x360.
// 000 0 0 0 0 00000 000000000000 00101 1001 1000 1001111111 101100111 …
const SEQUENCE_CONTENT = hex("00 00 00 2c c4 ff 67 c0");
const SEQUENCE = obu(1, SEQUENCE_CONTENT);
const DELIMITER = obu(2, new Uint8Array(0));
const frame = (length: number, seed = 1): Uint8Array => obu(6, pattern(length, seed));

test("the first packet of a key frame (§4.4): N, elements counted, no size fields, no delimiter", () => {
  const sent = packets(format, [{ data: join(DELIMITER, SEQUENCE, frame(20)), keyFrame: true }], 1200);
  assert.equal(sent.length, 1);
  assert.deepEqual(sent[0]!.payload, join(hex("28 09 08"), SEQUENCE_CONTENT, hex("30"), pattern(20)));
  assert.ok(sent[0]!.marker);
  assert.ok(format.isKeyFrame(sent[0]!.payload));
  const info = format.createDepacketizer().inspect(sent[0]!.payload)!;
  assert.ok(info.startOfFrame && info.certainStart && info.keyFrame);
  assert.deepEqual([info.width, info.height], [640, 360]);
});

test("an OBU in fragments: Z and Y", () => {
  const sent = packets(format, [{ data: frame(2500), keyFrame: false }], 1000);
  assert.deepEqual(
    sent.map(({ payload, marker }) => [payload[0]! & 0xf8, marker]),
    [
      [0x50, false],
      [0xd0, false],
      [0x90, true],
    ],
  );
  assert.deepEqual([...receive(format.createDepacketizer(), sent).values()], [frame(2500)]);
});

test("more than three elements: each has its length", () => {
  const data = join(frame(5, 1), frame(6, 2), frame(7, 3), frame(200, 4));
  const sent = packets(format, [{ data, keyFrame: false }], 1000);
  assert.equal(sent.length, 1);
  assert.deepEqual(sent[0]!.payload.subarray(0, 3), hex("00 06 30"));
  assert.deepEqual([...receive(format.createDepacketizer(), sent).values()], [data]);
});

test("what was split is put together, for any size of packets", () => {
  const frames = [
    join(SEQUENCE, frame(700), frame(3, 2), frame(90, 3)),
    join(frame(1), frame(300, 3)),
    obu(3, hex("aa")),
    join(...Array.from({ length: 12 }, (_, i) => frame(i * 9, i + 1))),
    // With an extension (temporal layer 2, spatial layer 1), whose byte may be cut from the header's.
    join(hex("36 48 05"), pattern(5), hex("36 48 06"), pattern(6), hex("36 48 50"), pattern(80)),
  ];
  for (let maxSize = 16; maxSize < 400; maxSize += maxSize < 60 ? 1 : 37) {
    const sent = packets(
      format,
      frames.map((data, i) => ({ data: join(DELIMITER, data), keyFrame: i === 0 })),
      maxSize,
    );
    assert.deepEqual([...receive(format.createDepacketizer(), sent).values()], frames, `${maxSize} bytes`);
  }
});

test("the last OBU may have no size; elements may have one", () => {
  const sent = packets(format, [{ data: join(SEQUENCE, hex("30"), pattern(9)), keyFrame: true }], 1200);
  const depacketizer = format.createDepacketizer();
  assert.deepEqual([...receive(depacketizer, sent).values()], [join(SEQUENCE, frame(9))]);
  assert.deepEqual(depacketizer.assemble([join(hex("10"), frame(9))], 1), frame(9));
  assert.equal(depacketizer.assemble([join(hex("10"), frame(9), hex("00"))], 1), undefined, "size and length differ");
  // Delimiters and tile lists are no part of a frame.
  assert.deepEqual(depacketizer.assemble([join(hex("30 01 10 03 40 01 02"), hex("30 01"))], 1), hex("32 01 01"));
});

test("layers of the OBU extension", () => {
  const info = format.createDepacketizer().inspect(hex("10 34 48 aa"))!;
  assert.equal(info.temporalIndex, 2);
  assert.equal(info.spatialIndex, 1);
  assert.ok(!info.keyFrame && info.startOfFrame && !info.certainStart);
});

test("malformed payloads are refused", () => {
  const depacketizer = format.createDepacketizer();
  for (const [bad, why] of [
    ["", "empty"],
    ["10", "no element"],
    ["88 30 01", "a new sequence in the middle of an OBU"],
    ["00 05 30", "an element longer than the packet"],
    ["00 00", "an element of nothing"],
    ["20 01 30", "two elements announced, one there"],
    ["00 ff ff ff ff ff ff ff ff 01", "a length that does not end"],
    ["00 80", "a length cut off"],
  ] as const) {
    assert.equal(depacketizer.inspect(hex(bad)), undefined, why);
    assert.equal(depacketizer.assemble([hex(bad)], 1), undefined, why);
  }
  assert.equal(depacketizer.assemble([hex("10 b0 01")], 1), undefined, "forbidden bit");
  assert.equal(depacketizer.assemble([hex("10 34")], 1), undefined, "extension cut off");
});

test("fragments that do not fit together make no frame", () => {
  const depacketizer = format.createDepacketizer();
  const [begin, middle, end] = [hex("50 30 01"), hex("d0 02"), hex("90 03")];
  assert.deepEqual(depacketizer.assemble([begin, middle, end], 3), hex("32 03 01 02 03"));
  assert.equal(depacketizer.assemble([begin, middle], 2), undefined);
  assert.equal(depacketizer.assemble([middle, end], 2), undefined);
  assert.equal(depacketizer.assemble([begin, begin], 2), undefined);
});

test("streams that are none are refused", () => {
  const packetizer = format.createPacketizer();
  for (const data of ["", "12 00", "32 05 01", "b2 00", "36", "32 ff"]) {
    assert.equal(
      packetizer.packetize({ data: hex(data), keyFrame: true }, 1200, () => assert.fail("emitted")),
      false,
      data,
    );
  }
});

test("no half frame when a packet is lost", () => {
  const frames = [
    join(SEQUENCE, frame(3000)),
    frame(100),
    join(obu(3, pattern(20)), obu(4, pattern(900)), obu(4, pattern(700, 2))),
    frame(2000, 2),
    join(SEQUENCE, frame(700)),
    frame(20, 3),
  ].map((data, i) => ({ data, keyFrame: i % 4 === 0 }));
  assertNoHalfFrames(format, packets(format, frames, 500));
});
