// The packets that a stream has sent, for retransmission: their bytes in one ring, an index by sequence number. Nothing is allocated
// per packet; both rings grow while what they would overwrite is young, up to a limit, and old packets are overwritten in place.

/** Packets are kept for so long, milliseconds, as far as the limits allow. */
export const HISTORY_DURATION = 1500;
export const MAX_HISTORY_BYTES: number = 4 * 1024 * 1024;
export const MAX_HISTORY_PACKETS = 8192;
/** How often one packet is repeated; peers ask no more often. What is sent is so many times the media at most, whatever is asked for. */
export const MAX_REPEATS = 10;

const INITIAL_BYTES = 32 * 1024;
const INITIAL_PACKETS = 128;

export class SendHistory {
  /** The memory that `reserve` and `find` point into; it may be another one after a `reserve`. */
  data: Uint8Array<ArrayBuffer> = new Uint8Array(INITIAL_BYTES);
  /** Of the packet that `find` has found. */
  offset = 0;
  length = 0;

  /** Bytes written ever; the ring holds the last `data.length` of them. */
  private written = 0;
  private wrapped: number = Number.NEGATIVE_INFINITY;
  private capacity = INITIAL_PACKETS;
  /** Of each slot: where its packet begins, counted as `written` is; -1: empty. */
  private positions = new Float64Array(INITIAL_PACKETS).fill(-1);
  private lengths = new Int32Array(INITIAL_PACKETS);
  private sequences = new Int32Array(INITIAL_PACKETS);
  private times = new Float64Array(INITIAL_PACKETS);
  private repeats = new Uint8Array(INITIAL_PACKETS);

  /** Makes room for a packet of at most `length` bytes, which MAX_HISTORY_BYTES exceeds; gives its offset in `data`. `commit` keeps it. */
  reserve(length: number, now: number): number {
    if (this.written === 0) this.wrapped = now;
    for (;;) {
      const size = this.data.length;
      const at = this.written % size;
      if (at + length <= size) return at;
      // The end of the ring is too short: begin again, in a larger one if this was quick, or if no packet like this fits at all.
      if (at > 0) this.written += size - at;
      const quick = now - this.wrapped < HISTORY_DURATION;
      this.wrapped = now;
      if (size < MAX_HISTORY_BYTES && (quick || length > size)) this.growBytes(at === 0 ? size : at);
    }
  }

  /** `used`: so much of the ring was written in its last round, which has just ended. */
  private growBytes(used: number): void {
    const old = this.data;
    const size = old.length;
    this.data = new Uint8Array(size * 2);
    if (this.written === 0) return;
    // Positions are taken modulo the size: the last round, and what it had not overwritten yet of the one before.
    const last = (this.written - size) % (size * 2);
    this.data.set(old.subarray(0, used), last);
    this.data.set(old.subarray(used), ((last + size) % (size * 2)) + used);
  }

  /** The packet that `reserve` made room for has `length` bytes. */
  commit(sequenceNumber: number, length: number, now: number): void {
    let slot = sequenceNumber & (this.capacity - 1);
    if (
      this.capacity < MAX_HISTORY_PACKETS &&
      this.positions[slot]! >= 0 &&
      this.sequences[slot] !== sequenceNumber &&
      now - this.times[slot]! < HISTORY_DURATION
    ) {
      this.growIndex(now);
      slot = sequenceNumber & (this.capacity - 1);
    }
    this.positions[slot] = this.written;
    this.lengths[slot] = length;
    this.sequences[slot] = sequenceNumber;
    this.times[slot] = now;
    this.repeats[slot] = 0;
    this.written += length;
  }

  private growIndex(now: number): void {
    const { positions, lengths, sequences, times, repeats, capacity } = this;
    this.capacity = capacity * 2;
    this.positions = new Float64Array(this.capacity).fill(-1);
    this.lengths = new Int32Array(this.capacity);
    this.sequences = new Int32Array(this.capacity);
    this.times = new Float64Array(this.capacity);
    this.repeats = new Uint8Array(this.capacity);
    for (let i = 0; i < capacity; i++) {
      if (positions[i]! < 0 || now - times[i]! > HISTORY_DURATION) continue;
      const slot = sequences[i]! & (this.capacity - 1);
      this.positions[slot] = positions[i]!;
      this.lengths[slot] = lengths[i]!;
      this.sequences[slot] = sequences[i]!;
      this.times[slot] = times[i]!;
      this.repeats[slot] = repeats[i]!;
    }
  }

  private slotOf(sequenceNumber: number): number {
    const slot = sequenceNumber & (this.capacity - 1);
    if (this.positions[slot]! < 0 || this.sequences[slot] !== sequenceNumber) return -1;
    return this.positions[slot]! >= this.written - this.data.length ? slot : -1;
  }

  /** Sets `offset` and `length` to those of a packet; false if it is not there any more. */
  find(sequenceNumber: number): boolean {
    const slot = this.slotOf(sequenceNumber);
    if (slot < 0) return false;
    this.offset = this.positions[slot]! % this.data.length;
    this.length = this.lengths[slot]!;
    return true;
  }

  /**
   * Whether a packet that `find` would find may be sent again: at once the first time, then not before `interval` milliseconds
   * have passed, and MAX_REPEATS times in all.
   */
  repeatable(sequenceNumber: number, interval: number, now: number): boolean {
    const slot = this.slotOf(sequenceNumber);
    if (slot < 0) return false;
    const repeats = this.repeats[slot]!;
    return repeats < MAX_REPEATS && !(repeats > 0 && now - this.times[slot]! < interval);
  }

  /** If it may be sent again, it counts as sent again now. */
  repeat(sequenceNumber: number, interval: number, now: number): boolean {
    if (!this.repeatable(sequenceNumber, interval, now)) return false;
    const slot = this.slotOf(sequenceNumber);
    this.times[slot] = now;
    this.repeats[slot]!++;
    return true;
  }
}
