// Where RetransmissionQueue keeps its chunks: parallel arrays indexed by TSN modulo a power of two. Most associations have
// nothing outstanding most of the time: then they have no ring, and those that do share the small ones.
import type { OutgoingMessage } from "./send-queue.js";

/** Chunks in the ring of an association that begins to send. */
export const INITIAL_CAPACITY = 64;
/** Small rings that wait to be used again; more are left to the collector, as all that have grown are. */
const MAX_FREE = 64;

export const NONE = -1;

export const FREE = 0;
export const LOST = 2;
export const ACKED = 3;

/** Slots outside of what is outstanding are FREE, have no message, and no bits. */
export class ChunkRing {
  readonly capacity: number;
  readonly mask: number;
  readonly messages: (OutgoingMessage | undefined)[];
  readonly offsets: Uint32Array;
  readonly sizes: Uint16Array;
  readonly fsns: Uint32Array;
  readonly flags: Uint8Array;
  readonly states: Uint8Array;
  readonly transmissions: Uint16Array;
  readonly sentAt: Float64Array;
  readonly sentNumber: Float64Array;
  /** The slots sent after and before this one, or NONE. */
  readonly nextSent: Int32Array;
  readonly previousSent: Int32Array;
  readonly ackedBits: Uint32Array;
  readonly lostBits: Uint32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.mask = capacity - 1;
    this.messages = new Array(capacity).fill(undefined);
    this.offsets = new Uint32Array(capacity);
    this.sizes = new Uint16Array(capacity);
    this.fsns = new Uint32Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.states = new Uint8Array(capacity);
    this.transmissions = new Uint16Array(capacity);
    this.sentAt = new Float64Array(capacity);
    this.sentNumber = new Float64Array(capacity);
    this.nextSent = new Int32Array(capacity);
    this.previousSent = new Int32Array(capacity);
    this.ackedBits = new Uint32Array(capacity / 32);
    this.lostBits = new Uint32Array(capacity / 32);
  }

  clear(): void {
    this.messages.fill(undefined);
    this.states.fill(FREE);
    this.ackedBits.fill(0);
    this.lostBits.fill(0);
  }

  /** Of twice the size, with the `count` chunks from the TSN `first` on. */
  grown(first: number, count: number): ChunkRing {
    const to = new ChunkRing(this.capacity * 2);
    for (let i = 0; i < count; i++) {
      const from = (first + i) & this.mask;
      const slot = (first + i) & to.mask;
      const state = this.states[from]!;
      to.messages[slot] = this.messages[from];
      to.offsets[slot] = this.offsets[from]!;
      to.sizes[slot] = this.sizes[from]!;
      to.fsns[slot] = this.fsns[from]!;
      to.flags[slot] = this.flags[from]!;
      to.states[slot] = state;
      to.transmissions[slot] = this.transmissions[from]!;
      to.sentAt[slot] = this.sentAt[from]!;
      to.sentNumber[slot] = this.sentNumber[from]!;
      to.nextSent[slot] = this.translate(this.nextSent[from]!, first, to);
      to.previousSent[slot] = this.translate(this.previousSent[from]!, first, to);
      if (state === LOST) to.lostBits[slot >>> 5]! |= 1 << (slot & 31);
      // An abandoned chunk's bit only says that it was counted; it may be counted again without harm.
      else if (state === ACKED) to.ackedBits[slot >>> 5]! |= 1 << (slot & 31);
    }
    return to;
  }

  /** The slot in `to` of what lies in `slot` here. */
  translate(slot: number, first: number, to: ChunkRing): number {
    return slot === NONE ? NONE : (first + ((slot - first) & this.mask)) & to.mask;
  }
}

/** Of an association that has nothing outstanding. */
export const NO_RING: ChunkRing = new ChunkRing(0);

const free: ChunkRing[] = [];

/** An empty ring of the initial capacity. */
export function takeRing(): ChunkRing {
  return free.pop() ?? new ChunkRing(INITIAL_CAPACITY);
}

/** The ring is empty, and nobody uses it any more. */
export function giveRing(ring: ChunkRing): void {
  if (ring.capacity === INITIAL_CAPACITY && free.length < MAX_FREE) free.push(ring);
}
