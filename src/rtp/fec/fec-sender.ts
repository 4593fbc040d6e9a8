// Makes repair payloads for one media stream: FlexFEC (RFC 8627, or the flexfec-03 of browsers) and ULPFEC of one level
// (RFC 5109). Groups of packets are interleaved: with m repair packets the i-th media packet goes into the (i mod m)-th, so
// that a burst of m losses can be repaired. Not here: RTP headers and RED, when what is made is sent, and how many repair
// packets are worth their bits.
import { writeU16, writeU32 } from "../bytes.js";
import { RTP_HEADER_LENGTH } from "../packet.js";
import type { FecFormat } from "./fec-packet.js";
import { type MutableExtension, Parity, xorBytes } from "./parity.js";

/** What Chromium takes in one group. */
export const MAX_GROUP_SIZE = 48;
/** How far apart the packets of a group may be: the bits of the draft's mask. */
const MAX_SPAN = 15 + 31 + 63;
const MAX_ULPFEC_SPAN = 48;
/** The longest header: that of the draft with the longest mask. */
export const MAX_FEC_HEADER_LENGTH: number = 12 + 4 + 2 + 14;

export interface FecSenderOptions {
  readonly format: FecFormat;
  /** Of the media. In RTP headers of "flexfec" it must be the only contributing source (RFC 8627 §4.2.1). */
  readonly ssrc: number;
  /** Media packets of a group, at most MAX_GROUP_SIZE; it may be ended earlier. */
  readonly groupSize: number;
  /** Repair packets for each group. */
  readonly repairPackets: number;
  /** As FecReceiverOptions has it: extensions that are written later. */
  readonly mutableExtensions?: readonly MutableExtension[];
}

class Accumulator {
  readonly parity: Parity;
  /** Bytes of the body that are in use: the longest packet. */
  length = 0;
  readonly mask: Uint8Array = new Uint8Array(14);
  lastOffset = -1;

  constructor(maxPacketSize: number, mutableExtensions: readonly MutableExtension[]) {
    this.parity = new Parity(new Uint8Array(maxPacketSize), mutableExtensions);
  }

  /** Stands for what another one stands for, too. */
  merge(other: Accumulator): void {
    const { parity } = this;
    parity.first ^= other.parity.first;
    parity.second ^= other.parity.second;
    parity.length ^= other.parity.length;
    parity.timestamp ^= other.parity.timestamp;
    xorBytes(parity.body, 0, other.parity.body, 0, other.length);
    this.length = Math.max(this.length, other.length);
    this.lastOffset = Math.max(this.lastOffset, other.lastOffset);
    xorBytes(this.mask, 0, other.mask, 0, other.mask.length);
  }

  reset(): void {
    const { parity } = this;
    parity.first = 0;
    parity.second = 0;
    parity.length = 0;
    parity.timestamp = 0;
    parity.body.fill(0, 0, this.length);
    this.length = 0;
    this.mask.fill(0);
    this.lastOffset = -1;
  }
}

export class FecSender {
  private readonly options: FecSenderOptions;
  private readonly maxPacketSize: number;
  private readonly accumulators: Accumulator[] = [];
  private readonly out: Uint8Array;
  private readonly emit: (payload: Uint8Array) => void;
  private readonly maxSpan: number;
  private groupSize = 0;
  private repairPackets = 0;
  private count = 0;
  private base = 0;

  /**
   * `emit` gets the payloads of repair packets, whose bytes are valid only during the call. Media packets longer than
   * `maxPacketSize` are not protected.
   */
  constructor(options: FecSenderOptions, emit: (payload: Uint8Array) => void, maxPacketSize = 1500) {
    this.options = options;
    this.maxPacketSize = maxPacketSize;
    this.emit = emit;
    this.maxSpan = options.format === "ulpfec" ? MAX_ULPFEC_SPAN : MAX_SPAN;
    this.out = new Uint8Array(MAX_FEC_HEADER_LENGTH + maxPacketSize);
    this.plan(options.groupSize, options.repairPackets);
  }

  /** Media packets of the group under way. */
  get groupLength(): number {
    return this.count;
  }

  /** From the next group on, which must not have begun: media packets of a group, repair packets for each. */
  plan(groupSize: number, repairPackets: number): void {
    if (this.count > 0) return;
    this.groupSize = Math.min(groupSize, MAX_GROUP_SIZE);
    this.repairPackets = Math.min(repairPackets, MAX_GROUP_SIZE);
    while (this.accumulators.length < this.repairPackets) {
      this.accumulators.push(new Accumulator(this.maxPacketSize, this.options.mutableExtensions ?? []));
    }
  }

  /** A media packet that was sent, in the order of sequence numbers; ends the group when it is full. */
  addMediaPacket(packet: Uint8Array, length: number): void {
    const { accumulators, repairPackets } = this;
    if (repairPackets === 0 || length < RTP_HEADER_LENGTH || length > this.maxPacketSize) return;
    const sequence = (packet[2]! << 8) | packet[3]!;
    if (this.count > 0 && ((sequence - this.base) & 0xffff) >= this.maxSpan) {
      // One that was overtaken by the group's first goes without.
      if (((sequence - this.base) & 0x8000) !== 0) return;
      this.endGroup();
    }
    if (this.count === 0) this.base = sequence;
    const offset = (sequence - this.base) & 0xffff;
    const one = accumulators[this.count % repairPackets]!;
    one.parity.add(packet, length);
    one.length = Math.max(one.length, length - RTP_HEADER_LENGTH);
    one.mask[offset >> 3]! |= 0x80 >> (offset & 7);
    one.lastOffset = Math.max(one.lastOffset, offset);
    if (++this.count >= this.groupSize) this.endGroup();
  }

  /** Emits the repair packets of what came since the last group, such as the rest of a frame: at most so many. */
  endGroup(most: number = this.repairPackets): void {
    const { accumulators } = this;
    const made = Math.min(this.count, this.repairPackets);
    this.count = 0;
    for (let i = 0; i < made; i++) {
      const one = accumulators[i]!;
      if (i >= most && most > 0) accumulators[i % most]!.merge(one);
      if (i >= most) one.reset();
    }
    for (let i = 0; i < Math.min(made, most); i++) {
      const one = accumulators[i]!;
      this.emit(this.out.subarray(0, this.write(one)));
      one.reset();
    }
  }

  private write(accumulator: Accumulator): number {
    if (this.options.format === "ulpfec") return this.writeUlp(accumulator);
    const { parity, length, mask, lastOffset } = accumulator;
    const { out, options } = this;
    const draft = options.format === "flexfec-03";
    out[0] = parity.first & 0x3f;
    out[1] = parity.second;
    writeU16(out, 2, parity.length);
    writeU32(out, 4, parity.timestamp);
    let at = 8;
    if (draft) {
      writeU32(out, 8, 0x0100_0000);
      writeU32(out, 12, options.ssrc);
      at = 16;
    }
    writeU16(out, at, this.base);
    at += 2;
    // The k bit ends the mask in the draft, and continues it in the RFC.
    const parts = lastOffset < 15 ? 1 : lastOffset < 46 ? 2 : 3;
    at = writeMask(out, at, mask, 0, 15, (parts === 1) === draft);
    if (parts > 1) at = writeMask(out, at, mask, 15, 31, (parts === 2) === draft);
    if (parts > 2) at = draft ? writeMask(out, at, mask, 46, 63, true) : writeMask(out, at, mask, 46, 64, undefined);
    out.set(parity.body.subarray(0, length), at);
    return at + length;
  }

  /** RFC 5109 §7.3 and §7.4: one level, over all of the packets. */
  private writeUlp({ parity, length, mask, lastOffset }: Accumulator): number {
    const { out } = this;
    const long = lastOffset >= 16;
    out[0] = (parity.first & 0x3f) | (long ? 0x40 : 0);
    out[1] = parity.second;
    writeU16(out, 2, this.base);
    writeU32(out, 4, parity.timestamp);
    writeU16(out, 8, parity.length);
    writeU16(out, 10, length);
    const at = writeMask(out, 12, mask, 0, long ? 48 : 16, undefined);
    out.set(parity.body.subarray(0, length), at);
    return at + length;
  }
}

/** Writes `count` bits of the mask behind a k bit, if there is one. Returns where they end. */
function writeMask(
  out: Uint8Array,
  at: number,
  mask: Uint8Array,
  from: number,
  count: number,
  k: boolean | undefined,
): number {
  const skip = k === undefined ? 0 : 1;
  const length = (count + skip) >> 3;
  out.fill(0, at, at + length);
  if (k) out[at] = 0x80;
  for (let i = 0; i < count; i++) {
    const bit = from + i;
    if (((mask[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) === 0) continue;
    const to = i + skip;
    out[at + (to >> 3)]! |= 0x80 >> (to & 7);
  }
  return at + length;
}
