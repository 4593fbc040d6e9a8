// The chunks that were sent and are not yet cumulatively acknowledged: SACK processing (RFC 9260 §6.2.1), loss detection,
// and giving up of messages (RFC 3758). Decides which chunks are lost, not when to send (association.ts, congestion.ts).
//
// Loss detection is RACK (RFC 8985) on packet numbers as in QUIC (RFC 9002): each transmission belongs to a numbered packet, and
// a chunk is lost when a packet sent sufficiently later was delivered: three packets later while no reordering was seen (the
// three missing reports of RFC 9260 §7.2.4, HTNA by construction), by time after that. So a lost retransmission is found like
// any other loss, and a burst is repaired in a round trip.
//
// Chunks live in a ring (chunk-ring.ts), indexed by TSN; an association that has nothing outstanding has none. Whether they are
// acknowledged or lost is in bitmaps that are scanned by word; chunks in flight form a list in order of transmission.
// Everything is O(1) per chunk.
import { ACKED, type ChunkRing, FREE, giveRing, LOST, NO_RING, NONE, takeRing } from "./chunk-ring.js";
import { DATA, DATA_HEADER, FLAG_B, FLAG_E, FLAG_U, I_DATA, I_DATA_HEADER, SACK_HEADER } from "./chunks.js";
import { writeForwardTsn } from "./forward-tsn.js";
import { MAX_TSN_SPAN } from "./options.js";
import { type PacketBuilder, pad4, read16, read32, write32 } from "./packet.js";
import type { RtoEstimator } from "./rto.js";
import type { OutgoingMessage } from "./send-queue.js";

const MAX_CAPACITY = 65_536;
/** kPacketThreshold of RFC 9002, DupThresh of TCP. */
const PACKET_THRESHOLD = 3;
const MAX_REO_WND_MULT = 16;
/** Round trips without a spurious retransmission after which the reordering window shrinks again. */
const REO_WND_PERSIST = 16;

const IN_FLIGHT = 1;
const ABANDONED = 4;

/** What one SACK told. */
export class SackResult {
  /** Chunk bytes newly acknowledged. */
  bytes = 0;
  /** The cumulative TSN moved. */
  progressed = false;
  /** Packets found lost, about. */
  lost = 0;
  /** A round-trip sample, or negative. */
  rtt = -1;
}

export class RetransmissionQueue {
  private readonly rto: RtoEstimator;
  private readonly abandonRest: (message: OutgoingMessage) => boolean;
  interleaving = false;
  /** The peer takes FORWARD TSN: messages may be given up. */
  partialReliability = false;

  private ring: ChunkRing = NO_RING;

  /** Everything up to here is acknowledged. */
  cumulativeTsn: number;
  /** The TSN that the next new chunk gets. */
  nextTsn: number;
  /** Highest TSN acknowledged by a cumulative TSN or gap block. */
  highestAcked: number;
  /** The first chunk in order of transmission, and the last. */
  private head = NONE;
  private tail = NONE;
  /** Chunk bytes (headers and padding included) in flight. */
  flight = 0;
  inFlightChunks = 0;
  lostChunks = 0;
  private lostHint = 0;
  /** Advanced.Peer.Ack.Point (RFC 3758 §3.5). */
  advancedPeerAckPoint: number;
  /** A FORWARD TSN is to be sent. */
  forwardPending = false;

  /** Number and round trip of the latest sent packet known to be delivered. */
  private rackNumber = -1;
  private rackRtt = 0;
  private reorderingSeen = false;
  private reoWndMult = 1;
  private reoWndRound = 0;
  private reoWndPersist = 0;
  /** When chunks that are suspicious now will count as lost; Infinity if none. */
  reorderDeadline: number = Number.POSITIVE_INFINITY;
  readonly result: SackResult = new SackResult();
  retransmitted = 0;
  /** Chunks found lost since the last congestion event began, and how many of them had arrived all the same. */
  private episodeLosses = 0;
  private episodeSpurious = 0;
  private lastLosses = 0;

  constructor(initialTsn: number, rto: RtoEstimator, abandonRest: (message: OutgoingMessage) => boolean) {
    this.rto = rto;
    this.abandonRest = abandonRest;
    this.nextTsn = initialTsn;
    this.cumulativeTsn = (initialTsn - 1) >>> 0;
    this.highestAcked = this.cumulativeTsn;
    this.advancedPeerAckPoint = this.cumulativeTsn;
    this.lostHint = initialTsn;
  }

  /** The peer restarted: everything outstanding is gone. */
  restart(initialTsn: number): void {
    this.ring.clear();
    this.giveRing();
    this.nextTsn = initialTsn;
    this.cumulativeTsn = (initialTsn - 1) >>> 0;
    this.highestAcked = this.cumulativeTsn;
    this.advancedPeerAckPoint = this.cumulativeTsn;
    this.lostHint = initialTsn;
    this.head = NONE;
    this.tail = NONE;
    this.flight = 0;
    this.inFlightChunks = 0;
    this.lostChunks = 0;
    this.forwardPending = false;
    this.rackNumber = -1;
    this.reorderDeadline = Number.POSITIVE_INFINITY;
  }

  /** Nothing of what began with this TSN was acknowledged. */
  isAtStart(initialTsn: number): boolean {
    return this.highestAcked === (initialTsn - 1) >>> 0;
  }

  /** Chunks not yet cumulatively acknowledged. */
  get outstanding(): number {
    return (this.nextTsn - 1 - this.cumulativeTsn) | 0;
  }

  get full(): boolean {
    return this.outstanding >= MAX_TSN_SPAN - 1;
  }

  private get header(): number {
    return this.interleaving ? I_DATA_HEADER : DATA_HEADER;
  }

  /** Bytes of the chunk in a packet, padding included. */
  wireSize(slot: number): number {
    return this.header + pad4(this.ring.sizes[slot]!);
  }

  // -- Sending

  /** Gives the fragment [offset, offset + size) of a message the next TSN and returns its slot; `transmit` must follow. */
  append(message: OutgoingMessage, offset: number, size: number, flags: number): number {
    if (this.outstanding + 1 >= this.ring.capacity) this.grow();
    const { ring } = this;
    const tsn = this.nextTsn;
    this.nextTsn = (tsn + 1) >>> 0;
    const slot = tsn & ring.mask;
    ring.messages[slot] = message;
    ring.offsets[slot] = offset;
    ring.sizes[slot] = size;
    ring.flags[slot] = flags;
    ring.fsns[slot] = message.fsn;
    ring.states[slot] = FREE;
    ring.transmissions[slot] = 0;
    message.fsn = (message.fsn + 1) >>> 0;
    if ((flags & FLAG_B) !== 0) message.firstTsn = tsn;
    message.lastTsn = tsn;
    return slot;
  }

  /** Writes the chunk into the packet under construction and counts it as in flight. Returns where the chunk starts. */
  transmit(slot: number, tsn: number, builder: PacketBuilder, now: number, packetNumber: number): number {
    const { ring } = this;
    const message = ring.messages[slot]!;
    const size = ring.sizes[slot]!;
    const header = this.header;
    const at = builder.chunk(this.interleaving ? I_DATA : DATA, ring.flags[slot]!, header + size);
    const b = builder.buffer;
    write32(b, at + 4, tsn);
    b[at + 8] = message.stream.id >>> 8;
    b[at + 9] = message.stream.id;
    if (this.interleaving) {
      b[at + 10] = 0;
      b[at + 11] = 0;
      write32(b, at + 12, message.sequence);
      write32(b, at + 16, (ring.flags[slot]! & FLAG_B) !== 0 ? message.ppid : ring.fsns[slot]!);
    } else {
      b[at + 10] = message.sequence >>> 8;
      b[at + 11] = message.sequence;
      write32(b, at + 12, message.ppid);
    }
    copy(message.data, ring.offsets[slot]!, size, b, at + header);
    if (ring.states[slot] === LOST) {
      ring.lostBits[slot >>> 5]! &= ~(1 << (slot & 31));
      this.lostChunks--;
    } else if (ring.states[slot] === IN_FLIGHT) this.unlink(slot);
    if (ring.transmissions[slot]! > 0) this.retransmitted++;
    if (ring.transmissions[slot]! < 0xffff) ring.transmissions[slot]!++;
    ring.states[slot] = IN_FLIGHT;
    ring.sentAt[slot] = now;
    ring.sentNumber[slot] = packetNumber;
    this.link(slot);
    return at;
  }

  private link(slot: number): void {
    const { ring } = this;
    this.flight += this.wireSize(slot);
    this.inFlightChunks++;
    ring.previousSent[slot] = this.tail;
    ring.nextSent[slot] = NONE;
    if (this.tail === NONE) this.head = slot;
    else ring.nextSent[this.tail] = slot;
    this.tail = slot;
  }

  private unlink(slot: number): void {
    const { ring } = this;
    this.flight -= this.wireSize(slot);
    this.inFlightChunks--;
    const previous = ring.previousSent[slot]!;
    const next = ring.nextSent[slot]!;
    if (previous === NONE) this.head = next;
    else ring.nextSent[previous] = next;
    if (next === NONE) this.tail = previous;
    else ring.previousSent[next] = previous;
  }

  private grow(): void {
    const { ring } = this;
    if (ring.capacity === 0) this.ring = takeRing();
    if (ring.capacity === 0 || ring.capacity >= MAX_CAPACITY) return;
    const first = (this.cumulativeTsn + 1) >>> 0;
    const grown = ring.grown(first, this.outstanding);
    this.head = ring.translate(this.head, first, grown);
    this.tail = ring.translate(this.tail, first, grown);
    this.ring = grown;
  }

  /** TSN of the first lost chunk that is to be sent again, or -1. Gives up messages that may not be retransmitted. */
  nextLost(now: number): number {
    while (this.lostChunks > 0) {
      const tsn = this.findLost();
      const message = this.ring.messages[tsn & this.ring.mask]!;
      if (message.expiresAt > now || !this.partialReliability) return tsn;
      this.abandon(message);
    }
    return -1;
  }

  private findLost(): number {
    let tsn = this.lostHint;
    if (((tsn - this.cumulativeTsn) | 0) <= 0) tsn = (this.cumulativeTsn + 1) >>> 0;
    for (;;) {
      const slot = tsn & this.ring.mask;
      const word = this.ring.lostBits[slot >>> 5]! >>> (slot & 31);
      if (word !== 0) {
        tsn = (tsn + 31 - Math.clz32(word & -word)) >>> 0;
        this.lostHint = tsn;
        return tsn;
      }
      tsn = (tsn + 32 - (slot & 31)) >>> 0;
    }
  }

  slotOf(tsn: number): number {
    return tsn & this.ring.mask;
  }

  /** The TSN of the chunk in flight that was sent last, or -1: what a tail loss probe repeats (RFC 8985 §7.3). */
  probeTsn(): number {
    const slot = this.tail;
    if (slot === NONE) return -1;
    const message = this.ring.messages[slot]!;
    if (this.ring.transmissions[slot]! > message.maxRetransmits && this.partialReliability) return -1;
    return (this.cumulativeTsn + 1 + ((slot - (this.cumulativeTsn + 1)) & this.ring.mask)) >>> 0;
  }

  // -- Acknowledgements

  /**
   * Takes the SACK chunk at [offset, offset + length). False if it says nothing new or is nonsense; else `result` is set.
   */
  handleSack(b: Uint8Array, offset: number, length: number, now: number): boolean {
    const cumulative = read32(b, offset + 4);
    const gaps = read16(b, offset + 12);
    const duplicates = read16(b, offset + 14);
    const result = this.result;
    result.bytes = 0;
    result.progressed = false;
    result.lost = 0;
    result.rtt = -1;
    if (SACK_HEADER + 4 * (gaps + duplicates) > length) return false;
    if (((cumulative - this.cumulativeTsn) | 0) < 0) return false;
    if (((cumulative - this.nextTsn) | 0) >= 0) return false;
    const before = this.highestAcked;
    this.acknowledgeUpTo(cumulative, now);
    const outstanding = this.outstanding;
    let last = 1;
    for (let i = 0, at = offset + SACK_HEADER; i < gaps; i++, at += 4) {
      const start = read16(b, at);
      const end = read16(b, at + 2);
      // In order, apart, and not beyond what was sent; anything else is ignored.
      if (start <= last || end < start || end > outstanding) continue;
      this.acknowledgeRange(start, end, before, now);
      last = end;
    }
    if (duplicates > 0) this.onDuplicates(b, offset + SACK_HEADER + 4 * gaps, duplicates);
    if (result.bytes > 0) result.lost = this.detectLosses(now);
    return true;
  }

  /** The cumulative part of a SACK, or of a SHUTDOWN (RFC 9260 §9.2). */
  acknowledgeUpTo(cumulative: number, now: number): void {
    const { ring } = this;
    const count = (cumulative - this.cumulativeTsn) | 0;
    if (count <= 0 || count > this.outstanding) return;
    const before = this.highestAcked;
    const first = (this.cumulativeTsn + 1) >>> 0;
    for (let i = 0; i < count; i++) {
      const tsn = (first + i) >>> 0;
      const slot = tsn & ring.mask;
      this.acknowledge(slot, tsn, before, now);
      ring.ackedBits[slot >>> 5]! &= ~(1 << (slot & 31));
      ring.states[slot] = FREE;
      ring.messages[slot] = undefined;
    }
    this.cumulativeTsn = cumulative;
    this.result.progressed = true;
    if (((cumulative - this.highestAcked) | 0) > 0) this.highestAcked = cumulative;
    if (((cumulative - this.advancedPeerAckPoint) | 0) >= 0) {
      this.advancedPeerAckPoint = cumulative;
      this.forwardPending = false;
    }
    this.advancePeerAckPoint();
    if (this.outstanding === 0) this.giveRing();
  }

  private giveRing(): void {
    giveRing(this.ring);
    this.ring = NO_RING;
  }

  private acknowledgeRange(start: number, end: number, before: number, now: number): void {
    const { mask, ackedBits } = this.ring;
    let i = start;
    while (i <= end) {
      const tsn = (this.cumulativeTsn + i) >>> 0;
      const slot = tsn & mask;
      const shift = slot & 31;
      let word = ~ackedBits[slot >>> 5]! >>> shift;
      const left = end - i + 1;
      const here = Math.min(32 - shift, left);
      if (here < 32) word &= (1 << here) - 1;
      while (word !== 0) {
        const bit = 31 - Math.clz32(word & -word);
        word &= word - 1;
        const s = slot + bit;
        this.acknowledge(s, (tsn + bit) >>> 0, before, now);
        ackedBits[s >>> 5]! |= 1 << (s & 31);
        if (this.ring.states[s] !== ABANDONED) this.ring.states[s] = ACKED;
      }
      i += here;
    }
    const highest = (this.cumulativeTsn + end) >>> 0;
    if (((highest - this.highestAcked) | 0) > 0) this.highestAcked = highest;
  }

  private acknowledge(slot: number, tsn: number, highestBefore: number, now: number): void {
    const { ring } = this;
    const state = ring.states[slot];
    if (state === IN_FLIGHT) this.unlink(slot);
    else if (state === LOST) {
      ring.lostBits[slot >>> 5]! &= ~(1 << (slot & 31));
      this.lostChunks--;
      this.episodeSpurious++;
    } else return;
    const result = this.result;
    result.bytes += this.wireSize(slot);
    const once = ring.transmissions[slot] === 1;
    const sentAt = ring.sentAt[slot]!;
    const elapsed = now - sentAt;
    // Karn's algorithm, RFC 9260 §6.3.1 C5.
    if (once) {
      if (result.rtt < 0 || elapsed < result.rtt) result.rtt = elapsed;
      if (((highestBefore - tsn) | 0) > 0) this.reorderingSeen = true;
    } else if (elapsed < this.rto.minRtt) {
      // The acknowledgement of an earlier transmission (RFC 8985 §6.2 step 2).
      this.episodeSpurious++;
      return;
    }
    const number = ring.sentNumber[slot]!;
    if (number > this.rackNumber) {
      this.rackNumber = number;
      this.rackRtt = elapsed;
    }
  }

  /** A retransmission that the peer reports as duplicate was needless: wait longer next time (RFC 8985 §6.2 step 4). */
  private onDuplicates(b: Uint8Array, offset: number, count: number): void {
    let real = false;
    for (let i = 0; i < count && !real; i++) {
      const tsn = read32(b, offset + 4 * i);
      real = ((this.nextTsn - tsn) | 0) > 0;
    }
    if (!real || this.retransmitted === 0) return;
    this.episodeSpurious += count;
    if (this.rackNumber < this.reoWndRound) return;
    this.reoWndMult = Math.min(MAX_REO_WND_MULT, this.reoWndMult + 1);
    this.reoWndPersist = REO_WND_PERSIST;
    // At most once per round trip.
    this.reoWndRound = this.tail === NONE ? this.rackNumber + 1 : this.ring.sentNumber[this.tail]!;
  }

  /** The losses since the last congestion event were all imagined: reordering, or a delayed acknowledgement. */
  get allSpurious(): boolean {
    return this.episodeLosses > 0 && this.episodeSpurious >= this.episodeLosses;
  }

  forgetLosses(): void {
    this.episodeLosses = 0;
    this.episodeSpurious = 0;
  }

  /** A congestion event may begin with the losses just found. */
  beginEpisode(): void {
    this.episodeLosses = this.lastLosses;
    this.episodeSpurious = 0;
  }

  private reorderWindow(): number {
    const { minRtt, srtt } = this.rto;
    if (minRtt === Number.POSITIVE_INFINITY) return 0;
    return Math.min((this.reoWndMult * minRtt) / 4, srtt ?? minRtt);
  }

  /** Marks as lost what was sent long enough before the latest delivered packet. Returns the number of packets. */
  detectLosses(now: number): number {
    this.reorderDeadline = Number.POSITIVE_INFINITY;
    const number = this.rackNumber;
    const patience = this.rackRtt + this.reorderWindow();
    const threshold = this.reorderingSeen ? Number.POSITIVE_INFINITY : PACKET_THRESHOLD;
    let packets = 0;
    let packet = -1;
    this.lastLosses = 0;
    for (let slot = this.head; slot !== NONE; ) {
      const sent = this.ring.sentNumber[slot]!;
      if (sent >= number) break;
      const due = this.ring.sentAt[slot]! + patience;
      if (number - sent < threshold && now < due) {
        this.reorderDeadline = due;
        break;
      }
      if (sent !== packet) {
        packet = sent;
        packets++;
      }
      this.lose(slot);
      this.lastLosses++;
      this.episodeLosses++;
      slot = this.head;
    }
    if (packets > 0 && this.reoWndPersist > 0 && --this.reoWndPersist === 0) this.reoWndMult = 1;
    return packets;
  }

  private lose(slot: number): void {
    this.unlink(slot);
    this.ring.states[slot] = LOST;
    this.ring.lostBits[slot >>> 5]! |= 1 << (slot & 31);
    this.lostChunks++;
    const tsn = (this.cumulativeTsn + 1 + ((slot - (this.cumulativeTsn + 1)) & this.ring.mask)) >>> 0;
    if (this.lostChunks === 1 || ((tsn - this.lostHint) | 0) < 0) this.lostHint = tsn;
    const message = this.ring.messages[slot]!;
    if (this.ring.transmissions[slot]! > message.maxRetransmits && this.partialReliability) this.abandon(message);
  }

  /** T3-rtx expired: everything in flight is lost (RFC 9260 §6.3.3 E3). */
  loseAll(): void {
    const first = this.slotOf(this.cumulativeTsn + 1);
    // The chunk at the edge was acknowledged by a gap block and is still missing: the peer reneged; believe no block.
    if (this.outstanding > 0 && this.ring.states[first] === ACKED) {
      for (let i = 1; i <= this.outstanding; i++) {
        const slot = this.slotOf(this.cumulativeTsn + i);
        if (this.ring.states[slot] !== ACKED) continue;
        this.ring.ackedBits[slot >>> 5]! &= ~(1 << (slot & 31));
        this.ring.states[slot] = IN_FLIGHT;
        this.link(slot);
      }
    }
    while (this.head !== NONE) this.lose(this.head);
    this.reorderDeadline = Number.POSITIVE_INFINITY;
  }

  // -- Giving up

  /** Gives up a message of which at least one fragment was sent (RFC 3758 §3.5 A3). */
  abandon(message: OutgoingMessage): void {
    if (message.abandoned) return;
    message.abandoned = true;
    // Where all that was sent is acknowledged, the message gets one more TSN, so that there is one to move the peer past.
    const acknowledged = ((message.lastTsn - this.cumulativeTsn) | 0) <= 0;
    if (this.abandonRest(message) && acknowledged && !this.full) {
      const slot = this.append(message, message.offset, 0, FLAG_E | (message.unordered ? FLAG_U : 0));
      this.ring.states[slot] = ABANDONED;
    }
    const span = (message.lastTsn - message.firstTsn) | 0;
    for (let i = 0; i <= span; i++) {
      const tsn = (message.firstTsn + i) >>> 0;
      if (((tsn - this.cumulativeTsn) | 0) <= 0) continue;
      const slot = tsn & this.ring.mask;
      if (this.ring.messages[slot] !== message) continue;
      if (this.ring.states[slot] === IN_FLIGHT) this.unlink(slot);
      else if (this.ring.states[slot] === LOST) {
        this.ring.lostBits[slot >>> 5]! &= ~(1 << (slot & 31));
        this.lostChunks--;
      }
      this.ring.states[slot] = ABANDONED;
    }
    this.advancePeerAckPoint();
  }

  private advancePeerAckPoint(): void {
    let point = this.advancedPeerAckPoint;
    while (((this.nextTsn - 1 - point) | 0) > 0 && this.ring.states[(point + 1) & this.ring.mask] === ABANDONED) {
      point = (point + 1) >>> 0;
    }
    if (point === this.advancedPeerAckPoint) return;
    this.advancedPeerAckPoint = point;
    this.forwardPending = true;
  }

  /** A FORWARD TSN was sent and is not yet answered. */
  get forwardOutstanding(): boolean {
    return this.advancedPeerAckPoint !== this.cumulativeTsn;
  }

  /** Adds FORWARD TSN or I-FORWARD-TSN (RFC 3758 §3.2, RFC 8260 §2.3.1) with as many streams as fit. */
  writeForwardTsn(builder: PacketBuilder): void {
    this.forwardPending = false;
    const messageAt = (tsn: number): OutgoingMessage => this.ring.messages[tsn & this.ring.mask]!;
    writeForwardTsn(builder, this.interleaving, this.cumulativeTsn, this.advancedPeerAckPoint, messageAt);
  }
}

function copy(from: Uint8Array, offset: number, size: number, to: Uint8Array, at: number): void {
  if (size <= 48) {
    for (let i = 0; i < size; i++) to[at + i] = from[offset + i]!;
  } else if (size === from.length) to.set(from, at);
  else to.set(from.subarray(offset, offset + size), at);
}
