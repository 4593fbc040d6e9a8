// The headers of repair packets: ULPFEC (RFC 5109 §7.3, §7.4), FlexFEC (RFC 8627 §4.2.2) and the earlier FlexFEC that
// browsers call flexfec-03 (draft-ietf-payload-flexible-fec-scheme-03 §4.2). Of ULPFEC only the first level is read. Not
// read: FlexFEC's retransmissions (R bit).
import { readU16, readU32 } from "../bytes.js";
import type { RtpPacket } from "../packet.js";

export type FecFormat = "ulpfec" | "flexfec" | "flexfec-03";

/** Streams that one repair packet may protect, and how far apart the packets may be that it protects. */
export const MAX_PROTECTED_STREAMS = 8;
export const MAX_PROTECTED_SPAN = 192;

/** The packets of one stream that a repair packet protects. */
export class Protection {
  readonly ssrc: number;
  /** Sequence number that the offsets count from. */
  readonly base: number;
  /** Ascending. */
  readonly offsets: number[] = [];

  constructor(ssrc: number, base: number) {
    this.ssrc = ssrc;
    this.base = base;
  }

  covers(sequence: number): boolean {
    const offset = (sequence - this.base) & 0xffff;
    return offset < MAX_PROTECTED_SPAN && this.offsets.includes(offset);
  }

  /** Adds the offsets of `count` mask bits that begin `skip` bits behind `at`. */
  addMask(data: Uint8Array, at: number, skip: number, count: number): void {
    const first = this.nextMaskOffset;
    this.nextMaskOffset += count;
    for (let i = 0; i < count; i++) {
      const bit = skip + i;
      if ((data[at + (bit >> 3)]! & (0x80 >> (bit & 7))) !== 0) this.offsets.push(first + i);
    }
  }
  private nextMaskOffset = 0;
}

/** A repair packet: the fields that are XORed, where its payload is, and what it protects. */
export class FecPacket {
  readonly data: Uint8Array;
  readonly end: number;
  first = 0;
  second = 0;
  length = 0;
  timestamp = 0;
  bodyOffset = 0;
  /** Bytes behind the fixed header that can be recovered. */
  bodyLength = 0;
  readonly protections: Protection[] = [];

  private constructor(data: Uint8Array, end: number) {
    this.data = data;
    this.end = end;
  }

  /** `skip`: bytes of the payload in front of the header (RED's). Undefined if malformed or of a kind that is not read. */
  static parse(packet: RtpPacket, format: FecFormat, skip = 0): FecPacket | undefined {
    const at = packet.payloadOffset + skip;
    const fec = new FecPacket(packet.data, packet.payloadOffset + packet.payloadLength);
    const known = format === "ulpfec" ? fec.parseUlp(packet, at) : fec.parseFlex(packet, at, format);
    return known && fec.protections.every(({ offsets }) => offsets.length > 0) ? fec : undefined;
  }

  private parseUlp(packet: RtpPacket, at: number): boolean {
    const { data, end } = this;
    if (at + 14 > end) return false;
    this.first = data[at]!;
    // Reserved for an extension of the header (E bit).
    if (this.first > 127) return false;
    this.second = data[at + 1]!;
    this.timestamp = readU32(data, at + 4);
    this.length = readU16(data, at + 8);
    const long = (this.first & 0x40) !== 0;
    const maskBytes = long ? 6 : 2;
    this.bodyOffset = at + 12 + maskBytes;
    this.bodyLength = readU16(data, at + 10);
    if (this.bodyOffset + this.bodyLength > end) return false;
    const protection = new Protection(packet.ssrc, readU16(data, at + 2));
    protection.addMask(data, at + 12, 0, maskBytes * 8);
    this.protections.push(protection);
    return true;
  }

  private parseFlex(packet: RtpPacket, at: number, format: FecFormat): boolean {
    const { data, end } = this;
    const draft = format === "flexfec-03";
    const count = draft ? (data[at + 8] ?? 0) : packet.csrcCount;
    let cursor = at + (draft ? 12 : 8);
    if (cursor > end || count === 0 || count > MAX_PROTECTED_STREAMS) return false;
    this.first = data[at]!;
    if (this.first > 127) return false;
    const fixed = (this.first & 0x40) !== 0;
    this.second = data[at + 1]!;
    this.length = readU16(data, at + 2);
    this.timestamp = readU32(data, at + 4);
    for (let i = 0; i < count; i++) {
      if (cursor + (draft ? 8 : 4) > end) return false;
      const ssrc = draft ? readU32(data, cursor) : packet.csrc(i);
      if (draft) cursor += 4;
      const protection = new Protection(ssrc, readU16(data, cursor));
      cursor = fixed ? this.parseFixed(protection, cursor + 2) : this.parseMask(protection, cursor + 2, draft);
      if (cursor === 0) return false;
      this.protections.push(protection);
    }
    this.bodyOffset = cursor;
    this.bodyLength = end - cursor;
    return true;
  }

  /** A mask of 15, 46 or more bits. Returns where it ends, or 0. */
  private parseMask(protection: Protection, at: number, draft: boolean): number {
    const { data, end } = this;
    // The k bit ends the mask in the draft, and continues it in the RFC, whose third part has none.
    const ends = draft ? 0x80 : 0;
    if (at + 2 > end) return 0;
    protection.addMask(data, at, 1, 15);
    if ((data[at]! & 0x80) === ends) return at + 2;
    if (at + 6 > end) return 0;
    protection.addMask(data, at + 2, 1, 31);
    if ((data[at + 2]! & 0x80) === ends) return at + 6;
    if (at + 14 > end) return 0;
    if (draft && (data[at + 6]! & 0x80) !== ends) return 0;
    protection.addMask(data, at + 6, draft ? 1 : 0, draft ? 63 : 64);
    return at + 14;
  }

  /** Rows and columns (RFC 8627 §4.2.2.2): L packets in a row, or D packets that are L apart. */
  private parseFixed(protection: Protection, at: number): number {
    if (at + 2 > this.end) return 0;
    const columns = this.data[at]!;
    const rows = this.data[at + 1]!;
    const [count, step] = rows > 1 ? [rows, columns] : [columns, 1];
    if (columns === 0 || (count - 1) * step >= MAX_PROTECTED_SPAN) return 0;
    for (let i = 0; i < count; i++) protection.offsets.push(i * step);
    return at + 2;
  }
}
