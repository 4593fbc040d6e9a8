// The RTP header (RFC 3550 §5.1) as a reusable view of a packet, and its writing. Header extensions are only located here: what
// they say is in extensions.ts. Not SRTP, not payload formats.

import { readU16, readU32, writeU16, writeU32 } from "./bytes.js";
import type { HeaderExtensions } from "./extensions.js";

export const RTP_HEADER_LENGTH = 12;

/**
 * One packet. `parse` fills the fields and allocates nothing, so that one object serves every packet: who gets one in a call
 * must not keep it, but may keep `data` unless told otherwise.
 */
export class RtpPacket {
  /** @internal The memory of the packet, for those who only look at it during a call. */
  bytes: Uint8Array = new Uint8Array(0);
  /** @internal Somebody has been given the memory, who may keep it. */
  kept = false;
  /** Bytes of `data` that are the packet. */
  length = 0;
  marker = false;
  payloadType = 0;
  sequenceNumber = 0;
  timestamp = 0;
  ssrc = 0;
  csrcCount = 0;
  /** The profile word of the header extension; 0 without one. */
  extensionProfile = 0;
  /** Where the elements of the header extension begin, behind profile and length; 0 without one. */
  extensionOffset = 0;
  extensionLength = 0;
  payloadOffset = 0;
  /** Without padding. */
  payloadLength = 0;
  paddingLength = 0;
  /** What reads the header extension: set by the session that the packet came in; without it, extensions are not forwarded. */
  extensions: HeaderExtensions | undefined;

  /** The memory that the packet is at the beginning of. Who asks for it may keep it. */
  get data(): Uint8Array {
    this.kept = true;
    return this.bytes;
  }

  set data(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** False, with the fields in no particular state, if that is no RTP packet of version 2. */
  parse(data: Uint8Array, length: number = data.length): boolean {
    if (length < RTP_HEADER_LENGTH || length > data.length) return false;
    const first = data[0]!;
    if (first >> 6 !== 2) return false;
    const second = data[1]!;
    const csrcCount = first & 15;
    let offset = RTP_HEADER_LENGTH + csrcCount * 4;
    if ((first & 0x10) !== 0) {
      if (offset + 4 > length) return false;
      this.extensionProfile = (data[offset]! << 8) | data[offset + 1]!;
      this.extensionLength = ((data[offset + 2]! << 8) | data[offset + 3]!) * 4;
      this.extensionOffset = offset + 4;
      offset += 4 + this.extensionLength;
    } else {
      this.extensionProfile = 0;
      this.extensionOffset = 0;
      this.extensionLength = 0;
    }
    if (offset > length) return false;
    let padding = 0;
    if ((first & 0x20) !== 0) {
      padding = data[length - 1]!;
      if (padding === 0 || padding > length - offset) return false;
    }
    this.bytes = data;
    this.kept = false;
    this.length = length;
    this.marker = second > 127;
    this.payloadType = second & 127;
    this.sequenceNumber = readU16(data, 2);
    this.timestamp = readU32(data, 4);
    this.ssrc = readU32(data, 8);
    this.csrcCount = csrcCount;
    this.payloadOffset = offset;
    this.payloadLength = length - offset - padding;
    this.paddingLength = padding;
    return true;
  }

  /** `index` below `csrcCount`. */
  csrc(index: number): number {
    return readU32(this.bytes, RTP_HEADER_LENGTH + index * 4);
  }

  /** A view of the payload without padding. */
  payload(): Uint8Array {
    return this.data.subarray(this.payloadOffset, this.payloadOffset + this.payloadLength);
  }

  /** @internal The same for those who only look at it during a call. */
  peek(): Uint8Array {
    return this.bytes.subarray(this.payloadOffset, this.payloadOffset + this.payloadLength);
  }
}

/**
 * Writes the twelve fixed bytes to `data[at]`, without padding and extension. Contributing sources go behind them: `csrcCount` says how many
 * (at most 15), `setExtensionBit` that a header extension follows these.
 */
export function writeRtpHeader(
  data: Uint8Array,
  marker: boolean,
  payloadType: number,
  sequenceNumber: number,
  timestamp: number,
  ssrc: number,
  csrcCount: number,
  at = 0,
): void {
  data[at] = 0x80 | csrcCount;
  data[at + 1] = (marker ? 0x80 : 0) | payloadType;
  writeU16(data, at + 2, sequenceNumber);
  writeU32(data, at + 4, timestamp);
  writeU32(data, at + 8, ssrc);
}

export function setExtensionBit(data: Uint8Array, at = 0): void {
  data[at]! |= 0x10;
}

/**
 * Whether a datagram of the range that RTP and RTCP share (first byte 128 to 191) is RTCP: the payload types 64 to 95 are not used
 * for RTP then (RFC 5761 §4).
 */
export function isRtcp(data: Uint8Array, length: number = data.length): boolean {
  if (length < 2) return false;
  const type = data[1]! & 0x7f;
  return type >= 64 && type <= 95;
}
