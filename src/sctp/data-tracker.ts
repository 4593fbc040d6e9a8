// Which TSNs have arrived (a bitmap beyond the cumulative TSN), and when to acknowledge: RFC 9260 §6.2, gap ack blocks and
// duplicates §3.3.4, the I bit RFC 7053. Knows nothing about messages.

import { SACK, SACK_HEADER } from "./chunks.js";
import { DELAYED_SACK, MAX_REPORTED_DUPLICATES, MAX_TSN_SPAN } from "./options.js";
import { type PacketBuilder, write16, write32 } from "./packet.js";

/** TSNs that are told apart beyond the cumulative one, once there is a gap. */
const INITIAL_BITS = 128;
const MAX_BITS = 65_536;
const NO_BITS = new Uint32Array(0);
const NO_LENGTHS = new Uint16Array(0);

export class DataTracker {
  /** The peer's TSNs up to here have all arrived (or were given up). */
  cumulativeTsn = 0;
  /** Highest TSN seen. */
  private highestTsn = 0;
  // Without memory until the first gap and the first duplicate: most associations never have any.
  private bits: Uint32Array = NO_BITS;
  private lengths: Uint16Array = NO_LENGTHS;
  private mask = -1;
  private duplicates: Uint32Array = NO_BITS;
  private duplicateCount = 0;
  /** Packets with data since the last SACK. */
  private unackedPackets = 0;
  private dataInPacket = false;
  /** A SACK goes with the next flush. */
  sackNow = false;
  /** When a delayed SACK is due. */
  sackDeadline: number = Number.POSITIVE_INFINITY;
  /** Bytes held beyond the cumulative TSN. */
  bytesAhead = 0;
  duplicatesSeen = 0;

  reset(initialTsn: number): void {
    this.cumulativeTsn = (initialTsn - 1) >>> 0;
    this.highestTsn = this.cumulativeTsn;
    this.bits.fill(0);
    this.duplicateCount = 0;
    this.unackedPackets = 0;
    this.sackNow = false;
    this.sackDeadline = Number.POSITIVE_INFINITY;
    this.bytesAhead = 0;
  }

  /** Nothing has come after `reset` with this TSN. */
  isAtStart(initialTsn: number): boolean {
    return this.highestTsn === (initialTsn - 1) >>> 0;
  }

  get hasGap(): boolean {
    return this.highestTsn !== this.cumulativeTsn;
  }

  /** True if the TSN lies beyond all seen so far. */
  isBeyond(tsn: number): boolean {
    return ((tsn - this.highestTsn) | 0) > 0;
  }

  /** Marks a TSN of a chunk with `length` bytes. False: a duplicate, or too far ahead; drop the chunk. */
  receive(tsn: number, length: number): boolean {
    this.dataInPacket = true;
    const ahead = (tsn - this.cumulativeTsn) | 0;
    if (ahead === 1 && this.highestTsn === this.cumulativeTsn) {
      this.cumulativeTsn = tsn;
      this.highestTsn = tsn;
      return true;
    }
    this.sackNow = true;
    if (ahead <= 0) {
      this.duplicate(tsn);
      return false;
    }
    if (ahead > MAX_TSN_SPAN) return false;
    if (ahead > this.mask) this.grow(ahead);
    const slot = tsn & this.mask;
    const bit = 1 << (slot & 31);
    if ((this.bits[slot >>> 5]! & bit) !== 0) {
      this.duplicate(tsn);
      return false;
    }
    this.bits[slot >>> 5]! |= bit;
    this.lengths[slot] = length;
    this.bytesAhead += length;
    if (((tsn - this.highestTsn) | 0) > 0) this.highestTsn = tsn;
    if (ahead === 1) this.advance();
    return true;
  }

  private duplicate(tsn: number): void {
    this.duplicatesSeen++;
    if (this.duplicates.length === 0) this.duplicates = new Uint32Array(MAX_REPORTED_DUPLICATES);
    if (this.duplicateCount < MAX_REPORTED_DUPLICATES) this.duplicates[this.duplicateCount++] = tsn;
  }

  /** Moves the cumulative TSN over what has arrived. */
  private advance(): void {
    const { bits, lengths, mask } = this;
    let cum = this.cumulativeTsn;
    while (cum !== this.highestTsn) {
      const slot = (cum + 1) & mask;
      const bit = 1 << (slot & 31);
      if ((bits[slot >>> 5]! & bit) === 0) break;
      bits[slot >>> 5]! &= ~bit;
      this.bytesAhead -= lengths[slot]!;
      cum = (cum + 1) >>> 0;
    }
    this.cumulativeTsn = cum;
  }

  private grow(ahead: number): void {
    const old = { bits: this.bits, lengths: this.lengths, mask: this.mask };
    let size = Math.max(INITIAL_BITS, this.mask + 1);
    while (size <= ahead) size *= 2;
    if (size > MAX_BITS) size = MAX_BITS;
    this.bits = new Uint32Array(size / 32);
    this.lengths = new Uint16Array(size);
    this.mask = size - 1;
    const span = (this.highestTsn - this.cumulativeTsn) | 0;
    for (let i = 1; i <= span; i++) {
      const from = (this.cumulativeTsn + i) & old.mask;
      if ((old.bits[from >>> 5]! & (1 << (from & 31))) === 0) continue;
      const to = (this.cumulativeTsn + i) & this.mask;
      this.bits[to >>> 5]! |= 1 << (to & 31);
      this.lengths[to] = old.lengths[from]!;
    }
  }

  /** FORWARD TSN (RFC 3758 §3.6). False if it is old or out of reach. */
  forward(newCumulativeTsn: number): boolean {
    this.sackNow = true;
    const ahead = (newCumulativeTsn - this.cumulativeTsn) | 0;
    if (ahead <= 0 || ahead > MAX_TSN_SPAN) return false;
    if (((newCumulativeTsn - this.highestTsn) | 0) >= 0) {
      const span = (this.highestTsn - this.cumulativeTsn) | 0;
      if (span > 0) this.bits.fill(0);
      this.bytesAhead = 0;
      this.highestTsn = newCumulativeTsn;
      this.cumulativeTsn = newCumulativeTsn;
      return true;
    }
    for (let i = 1; i <= ahead; i++) {
      const slot = (this.cumulativeTsn + i) & this.mask;
      const bit = 1 << (slot & 31);
      if ((this.bits[slot >>> 5]! & bit) === 0) continue;
      this.bits[slot >>> 5]! &= ~bit;
      this.bytesAhead -= this.lengths[slot]!;
    }
    this.cumulativeTsn = newCumulativeTsn;
    this.advance();
    return true;
  }

  /** Call after each packet: decides between a SACK now and a delayed one. */
  endOfPacket(now: number): void {
    if (!this.dataInPacket) return;
    this.dataInPacket = false;
    if (this.hasGap) this.sackNow = true;
    this.unackedPackets++;
    if (this.unackedPackets >= 2) this.sackNow = true;
    else if (this.sackDeadline === Number.POSITIVE_INFINITY) this.sackDeadline = now + DELAYED_SACK;
  }

  /** True while data waits for its acknowledgement: then a SACK may ride along with outgoing data. */
  get sackPending(): boolean {
    return this.sackNow || this.unackedPackets > 0;
  }

  /** Adds a SACK with as many gap blocks and duplicates as fit, and clears what made it due. */
  writeSack(builder: PacketBuilder, arwnd: number): void {
    const most = (builder.space - SACK_HEADER) >>> 2;
    if (most < 0) return;
    const start = builder.chunk(SACK, 0, SACK_HEADER);
    const b = builder.buffer;
    write32(b, start + 4, this.cumulativeTsn);
    write32(b, start + 8, arwnd);
    let gaps = 0;
    if (this.hasGap) gaps = this.writeGaps(b, start + SACK_HEADER, most);
    const duplicates = Math.min(this.duplicateCount, most - gaps);
    let at = start + SACK_HEADER + 4 * gaps;
    for (let i = 0; i < duplicates; i++, at += 4) write32(b, at, this.duplicates[i]!);
    write16(b, start + 2, at - start);
    write16(b, start + 12, gaps);
    write16(b, start + 14, duplicates);
    builder.length = at;
    this.duplicateCount = 0;
    this.unackedPackets = 0;
    this.sackNow = false;
    this.sackDeadline = Number.POSITIVE_INFINITY;
  }

  private writeGaps(b: Uint8Array, offset: number, most: number): number {
    const span = (this.highestTsn - this.cumulativeTsn) | 0;
    let at = offset;
    let count = 0;
    let i = 1;
    while (i <= span && count < most) {
      i = this.find(i, span, true);
      if (i > span) break;
      const end = this.find(i + 1, span, false);
      write16(b, at, i);
      write16(b, at + 2, end - 1);
      at += 4;
      count++;
      i = end + 1;
    }
    return count;
  }

  /** The first offset in [from, span] whose bit is `set`, or span + 1. Goes by words. */
  private find(from: number, span: number, set: boolean): number {
    let i = from;
    while (i <= span) {
      const slot = (this.cumulativeTsn + i) & this.mask;
      const shift = slot & 31;
      let word = this.bits[slot >>> 5]!;
      if (!set) word = ~word;
      word >>>= shift;
      if (word !== 0) {
        const found = i + 31 - Math.clz32(word & -word);
        return found > span ? span + 1 : found;
      }
      i += 32 - shift;
    }
    return span + 1;
  }
}
