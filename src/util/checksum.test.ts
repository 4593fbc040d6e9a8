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

test("the SCTP checksum takes its own field as zero and leaves it alone", () => {
  const packet = Uint8Array.from({ length: 33 }, (_, i) => i * 7);
  const zeroed = packet.slice().fill(0, 8, 12);
  const before = packet.slice();
  assert.equal(crc32cOfSctpPacket(packet), crc32c(zeroed));
  assert.deepEqual(packet, before);
});
