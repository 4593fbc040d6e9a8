// RED, redundant payloads (RFC 2198): for audio, the blocks of past packets sent again in front of the new one; for video,
// a one-byte header that tells media from ULPFEC (RFC 5109 §14.2). Not here: sequence numbers and jitter buffers.
import { serialDiff32 } from "../../util/serial.js";
import type { RtpPacket } from "../packet.js";

/** Blocks of one packet that are read; a packet with more is malformed. */
export const MAX_RED_BLOCKS = 32;
/** Timestamps that a receiver remembers, to take every block once. */
const REMEMBERED = 64;
const MAX_BLOCK_LENGTH = 0x3ff;
const MAX_TIMESTAMP_OFFSET = 0x3fff;
const REDUNDANT_HEADER_LENGTH = 4;

/** The blocks of one payload, oldest first as they stand; the last is the primary one. Reusable: `parse` fills it. */
export class RedBlocks {
  count = 0;
  readonly payloadTypes: Uint8Array = new Uint8Array(MAX_RED_BLOCKS);
  /** To be subtracted from the packet's timestamp. */
  readonly timestampOffsets: Uint16Array = new Uint16Array(MAX_RED_BLOCKS);
  /** Where the blocks begin in the data that was parsed. */
  readonly offsets: Int32Array = new Int32Array(MAX_RED_BLOCKS);
  readonly lengths: Int32Array = new Int32Array(MAX_RED_BLOCKS);

  /** False, with the fields in no particular state, if `data[offset, offset + length)` is no RED payload. */
  parse(data: Uint8Array, offset: number, length: number): boolean {
    const end = offset + length;
    let at = offset;
    let count = 0;
    let redundant = 0;
    for (; at < end && (data[at]! & 0x80) !== 0; at += REDUNDANT_HEADER_LENGTH) {
      if (at + REDUNDANT_HEADER_LENGTH >= end || count === MAX_RED_BLOCKS - 1) return false;
      this.payloadTypes[count] = data[at]! & 0x7f;
      this.timestampOffsets[count] = (data[at + 1]! << 6) | (data[at + 2]! >> 2);
      const blockLength = ((data[at + 2]! & 3) << 8) | data[at + 3]!;
      this.lengths[count++] = blockLength;
      redundant += blockLength;
    }
    if (at >= end) return false;
    this.payloadTypes[count] = data[at++]!;
    this.timestampOffsets[count] = 0;
    if (at + redundant > end) return false;
    this.lengths[count] = end - at - redundant;
    this.count = count + 1;
    for (let i = 0; i <= count; i++) {
      this.offsets[i] = at;
      at += this.lengths[i]!;
    }
    return true;
  }
}

interface PastBlock {
  readonly data: Uint8Array;
  length: number;
  payloadType: number;
  timestamp: number;
}

/** Puts past payloads in front of each new one. One for each stream. */
export class RedEncoder {
  /** Newest first. */
  private readonly past: PastBlock[] = [];
  private readonly redundancy: number;

  /** `redundancy`: how many past payloads a packet carries, 0 to 31. */
  constructor(redundancy: number) {
    this.redundancy = Math.min(Math.max(redundancy, 0), MAX_RED_BLOCKS - 1);
  }

  /**
   * Writes a RED payload of at most `out.length` bytes and returns its length; past payloads that do not fit are left out,
   * oldest first. 0 if not even the new one fits.
   */
  encode(payloadType: number, timestamp: number, payload: Uint8Array, out: Uint8Array): number {
    let room = out.length - 1 - payload.length;
    if (room < 0) return 0;
    const { past } = this;
    let used = 0;
    for (; used < past.length; used++) {
      const block = past[used]!;
      const offset = serialDiff32(timestamp, block.timestamp);
      room -= REDUNDANT_HEADER_LENGTH + block.length;
      if (room < 0 || offset <= 0 || offset > MAX_TIMESTAMP_OFFSET) break;
    }
    let at = 0;
    for (let i = used - 1; i >= 0; i--) {
      const block = past[i]!;
      const offset = serialDiff32(timestamp, block.timestamp);
      out[at] = 0x80 | block.payloadType;
      out[at + 1] = offset >> 6;
      out[at + 2] = ((offset & 0x3f) << 2) | (block.length >> 8);
      out[at + 3] = block.length;
      at += REDUNDANT_HEADER_LENGTH;
    }
    out[at++] = payloadType;
    for (let i = used - 1; i >= 0; i--) {
      const block = past[i]!;
      for (let k = 0; k < block.length; k++) out[at + k] = block.data[k]!;
      at += block.length;
    }
    out.set(payload, at);
    this.remember(payloadType, timestamp, payload);
    return at + payload.length;
  }

  private remember(payloadType: number, timestamp: number, payload: Uint8Array): void {
    // Nothing is lost with an empty one, and the length of a longer one cannot be said.
    if (this.redundancy === 0 || payload.length === 0 || payload.length > MAX_BLOCK_LENGTH) return;
    const block =
      this.past.length < this.redundancy
        ? { data: new Uint8Array(MAX_BLOCK_LENGTH), length: 0, payloadType: 0, timestamp: 0 }
        : this.past.pop()!;
    block.data.set(payload);
    block.length = payload.length;
    block.payloadType = payloadType;
    block.timestamp = timestamp;
    this.past.unshift(block);
  }
}

/**
 * One block of a packet: `data[offset, offset + length)`. `age` is how many blocks came after it in its packet: 0 is the
 * primary one.
 */
export type RedBlockHandler = (
  data: Uint8Array,
  offset: number,
  length: number,
  payloadType: number,
  timestamp: number,
  age: number,
) => void;

/** Takes every block of a stream of audio once, whichever packet brings it first. */
export class RedDecoder {
  /** Blocks that came with a later packet before, or instead of, their own. */
  recovered = 0;
  private readonly blocks = new RedBlocks();
  private readonly seen = new Float64Array(REMEMBERED).fill(-1);
  private next = 0;
  private readonly onBlock: RedBlockHandler;

  constructor(onBlock: RedBlockHandler) {
    this.onBlock = onBlock;
  }

  /** Hands out the blocks that are new, oldest first. False if the payload is malformed. */
  receive(packet: RtpPacket): boolean {
    const { blocks } = this;
    if (!blocks.parse(packet.data, packet.payloadOffset, packet.payloadLength)) return false;
    for (let i = 0; i < blocks.count; i++) {
      const length = blocks.lengths[i]!;
      const age = blocks.count - 1 - i;
      const timestamp = (packet.timestamp - blocks.timestampOffsets[i]!) >>> 0;
      if (age > 0 && length === 0) continue;
      if (this.seen.includes(timestamp)) continue;
      this.seen[this.next] = timestamp;
      this.next = (this.next + 1) % REMEMBERED;
      if (age > 0) this.recovered++;
      this.onBlock(packet.data, blocks.offsets[i]!, length, blocks.payloadTypes[i]!, timestamp, age);
    }
    return true;
  }
}

/** Where the newest block of audio is: `parse` fills it, without looking at the others. */
export class PrimaryBlock {
  payloadType = 0;
  offset = 0;
  length = 0;

  /** False if `data[offset, offset + length)` is no RED payload. */
  parse(data: Uint8Array, offset: number, length: number): boolean {
    const end = offset + length;
    let at = offset;
    let redundant = 0;
    for (; at + REDUNDANT_HEADER_LENGTH < end && data[at]! >= 0x80; at += REDUNDANT_HEADER_LENGTH) {
      redundant += ((data[at + 2]! & 3) << 8) | data[at + 3]!;
    }
    if (at >= end || data[at]! >= 0x80) return false;
    this.payloadType = data[at]!;
    this.offset = at + 1 + redundant;
    this.length = end - this.offset;
    return this.length >= 0;
  }
}

/** The payload type of the only block of a packet of video; -1 if there are several, or none. */
export function redBlockType(packet: RtpPacket): number {
  const first = packet.data[packet.payloadOffset]!;
  return packet.payloadLength === 0 || first > 127 ? -1 : first;
}

/**
 * The packet without the header of its only block, under that block's payload type: a view of its bytes, whose header was
 * moved by one.
 */
export function stripRed(packet: RtpPacket): Uint8Array {
  const { data, payloadOffset, length } = packet;
  const payloadType = data[payloadOffset]!;
  data.copyWithin(1, 0, payloadOffset);
  data[2] = (data[2]! & 0x80) | payloadType;
  return data.subarray(1, length);
}
