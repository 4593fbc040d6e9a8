// Packets sent and not forgotten yet, by their transport-wide sequence number (counted on beyond 16 bits): rings of numbers, no
// object per packet. A number is found in its slot or is too old.

const INITIAL_CAPACITY = 256;
/** Half of the 16-bit number space: older packets could not be told apart. Also the limit of what is remembered. */
export const MAX_SENT_HISTORY = 32_768;
/** A packet that was not acknowledged for so long may be forgotten to make room, milliseconds. */
const MAX_AGE = 10_000;

export const SENT_EMPTY = 0;
export const SENT_PENDING = 1;
export const SENT_LOST = 2;
export const SENT_RECEIVED = 3;

export class SentHistory {
  /** Parallel arrays, by slot. */
  sequences: Float64Array = new Float64Array(INITIAL_CAPACITY).fill(-1);
  sendTimes: Float64Array = new Float64Array(INITIAL_CAPACITY);
  sizes: Int32Array = new Int32Array(INITIAL_CAPACITY);
  states: Uint8Array = new Uint8Array(INITIAL_CAPACITY);
  /** Probe cluster, -1: none. */
  clusters: Int32Array = new Int32Array(INITIAL_CAPACITY).fill(-1);
  /** For a lost packet: the observation it was counted in. */
  epochs: Int32Array = new Int32Array(INITIAL_CAPACITY);
  /** Latest sequence number, -1 before the first. */
  last = -1;
  private mask = INITIAL_CAPACITY - 1;

  add(sequence: number, bytes: number, cluster: number, now: number): void {
    let at = sequence & this.mask;
    while (
      this.sequences[at]! >= 0 &&
      this.states[at] === SENT_PENDING &&
      now - this.sendTimes[at]! < MAX_AGE &&
      this.mask + 1 < MAX_SENT_HISTORY
    ) {
      this.grow();
      at = sequence & this.mask;
    }
    this.sequences[at] = sequence;
    this.sendTimes[at] = now;
    this.sizes[at] = bytes;
    this.states[at] = SENT_PENDING;
    this.clusters[at] = cluster;
    if (sequence > this.last) this.last = sequence;
  }

  /** The slot of a packet, -1 if it is not known (any more). */
  find(sequence: number): number {
    if (sequence < 0) return -1;
    const at = sequence & this.mask;
    return this.sequences[at] === sequence ? at : -1;
  }

  get capacity(): number {
    return this.mask + 1;
  }

  private grow(): void {
    const { sequences, sendTimes, sizes, states, clusters, epochs } = this;
    const capacity = (this.mask + 1) * 2;
    this.mask = capacity - 1;
    this.sequences = new Float64Array(capacity).fill(-1);
    this.sendTimes = new Float64Array(capacity);
    this.sizes = new Int32Array(capacity);
    this.states = new Uint8Array(capacity);
    this.clusters = new Int32Array(capacity).fill(-1);
    this.epochs = new Int32Array(capacity);
    for (let from = 0; from < sequences.length; from++) {
      const sequence = sequences[from]!;
      if (sequence < 0) continue;
      const to = sequence & this.mask;
      this.sequences[to] = sequence;
      this.sendTimes[to] = sendTimes[from]!;
      this.sizes[to] = sizes[from]!;
      this.states[to] = states[from]!;
      this.clusters[to] = clusters[from]!;
      this.epochs[to] = epochs[from]!;
    }
  }
}
