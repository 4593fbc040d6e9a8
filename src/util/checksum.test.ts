import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32, crc32c, crc32cOfSctpPacket } from "./checksum.js";
import { utf8Encode } from "./text.js";

test("CRC-32 and CRC-32c give the check values of their catalogues", () => {
  assert.equal(crc32(utf8Encode("123456789")), 0xcbf43926);
  assert.equal(crc32c(utf8Encode("123456789")), 0xe3069283);
});

test("CRC-32c gives the values of RFC 3720 B.4", () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
});

/** Bit by bit, as the definition has it. */
function reference(polynomial: number, data: Uint8Array): number {
  let c = -1;
  for (const byte of data) {
    c ^= byte;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ polynomial : c >>> 1;
  }
  return ~c >>> 0;
}

test("checksums of any length, from anywhere, are those of the definition", () => {
  const data = Uint8Array.from({ length: 1300 }, (_, i) => (i * i + 3 * i) >> 3);
  for (const [start, end] of [...Array.from({ length: 300 }, (_, i) => [i % 9, i] as const), [1, 1300]] as const) {
    if (end < start) continue;
    const part = data.subarray(start, end);
    assert.equal(crc32(data, start, end), reference(0xedb88320, part), `CRC-32 from ${start} to ${end}`);
    assert.equal(crc32c(data, start, end), reference(0x82f63b78, part), `CRC-32c from ${start} to ${end}`);
  }
});

test("the SCTP checksum takes its own field as zero and leaves it alone", () => {
  const packet = Uint8Array.from({ length: 33 }, (_, i) => i * 7);
  const zeroed = packet.slice().fill(0, 8, 12);
  const before = packet.slice();
  assert.equal(crc32cOfSctpPacket(packet), crc32c(zeroed));
  assert.deepEqual(packet, before);
});
