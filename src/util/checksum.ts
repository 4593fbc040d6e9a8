// CRC-32 (ISO 3309, for the STUN FINGERPRINT) and CRC-32c (Castagnoli, RFC 9260 Appendix A, for SCTP), both reflected,
// computed eight bytes at a time from tables ("slicing by 8").

function makeTables(polynomial: number): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ polynomial : c >>> 1;
    tables[n] = c;
  }
  for (let n = 256; n < 8 * 256; n++) {
    const c = tables[n - 256]!;
    tables[n] = (c >>> 8) ^ tables[c & 0xff]!;
  }
  return tables;
}

/** Less than this goes byte by byte: what handshakes send takes V8 longer to compile the other way for than it saves. */
const LONG = 128;

function update(t: Int32Array, crc: number, data: Uint8Array, start: number, end: number): number {
  return end - start < LONG ? updateShort(t, crc, data, start, end) : updateLong(t, crc, data, start, end);
}

function updateShort(t: Int32Array, crc: number, data: Uint8Array, start: number, end: number): number {
  let c = crc;
  for (let i = start; i < end; i++) c = (c >>> 8) ^ t[(c ^ data[i]!) & 0xff]!;
  return c;
}

function updateLong(t: Int32Array, crc: number, data: Uint8Array, start: number, end: number): number {
  let c = crc;
  let i = start;
  for (const stop = end - 7; i < stop; i += 8) {
    c ^= data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    c =
      t[0x700 + (c & 0xff)]! ^
      t[0x600 + ((c >>> 8) & 0xff)]! ^
      t[0x500 + ((c >>> 16) & 0xff)]! ^
      t[0x400 + (c >>> 24)]! ^
      t[0x300 + data[i + 4]!]! ^
      t[0x200 + data[i + 5]!]! ^
      t[0x100 + data[i + 6]!]! ^
      t[data[i + 7]!]!;
  }
  return updateShort(t, c, data, i, end);
}

const CRC32 = makeTables(0xedb88320);
const CRC32C = makeTables(0x82f63b78);

/** CRC-32 of `data[start..end)` as an unsigned 32-bit number. */
export function crc32(data: Uint8Array, start = 0, end: number = data.length): number {
  return ~update(CRC32, -1, data, start, end) >>> 0;
}

/** CRC-32c of `data[start..end)` as an unsigned 32-bit number. SCTP sends it with its least significant byte first. */
export function crc32c(data: Uint8Array, start = 0, end: number = data.length): number {
  return ~update(CRC32C, -1, data, start, end) >>> 0;
}

const ZEROS = new Uint8Array(4);

/** CRC-32c of an SCTP packet with its checksum field (bytes 8 to 11) taken as zero, without touching it. */
export function crc32cOfSctpPacket(packet: Uint8Array): number {
  let c = update(CRC32C, -1, packet, 0, 8);
  c = update(CRC32C, c, ZEROS, 0, 4);
  return ~update(CRC32C, c, packet, 12, packet.length) >>> 0;
}
