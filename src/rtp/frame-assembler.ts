// Packets of one stream put in order and together into frames: which packets make a whole frame, and which frame is the next.
// Knows sequence numbers, timestamps and what the payload format says of a packet's place; not time, not codecs.
import type { BudgetHolder, BufferBudget } from "./buffer-budget.js";

/** Packets held at a time, a power of two. Chromium holds as many. */
export const MAX_BUFFERED_PACKETS = 2048;
export const MAX_BUFFERED_BYTES: number = 8 * 1024 * 1024;
const INITIAL_CAPACITY = 64;

/** A frame may begin here, if the packet before has come and belongs to another. */
export const FLAG_START = 1;
/** One does. */
export const FLAG_CERTAIN_START = 2;
export const FLAG_END = 4;
export const FLAG_KEY_FRAME = 8;
/** Nothing but padding: no part of a frame. */
export const FLAG_PADDING = 16;
/** All packets from the start of its frame up to this one are here. */
const CONTINUOUS = 32;

/** All packets of a frame are here; extended sequence numbers. */
export interface WholeFrame {
  readonly first: number;
  readonly last: number;
  readonly timestamp: number;
  readonly keyFrame: boolean;
  /** Monotonic milliseconds at which its first and its last packet came. */
  readonly firstArrival: number;
  readonly arrival: number;
}

/** `T`: what is kept with a packet beside its payload. */
export class FrameAssembler<T> implements BudgetHolder {
  /** Where the next frame has to begin; -1: any key frame will do. */
  next: number = -1;
  /** Packets that came too late, or went because there were too many. */
  packetsDiscarded = 0;
  /** Of the payloads that are held. */
  bytes = 0;
  readonly frames: WholeFrame[] = [];
  private capacity = INITIAL_CAPACITY;
  private numbers = new Float64Array(INITIAL_CAPACITY).fill(-1);
  private payloads: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(INITIAL_CAPACITY).fill(undefined);
  private extras: (T | undefined)[] = new Array<T | undefined>(INITIAL_CAPACITY).fill(undefined);
  private timestamps = new Float64Array(INITIAL_CAPACITY);
  private arrivals = new Float64Array(INITIAL_CAPACITY);
  private flags = new Uint8Array(INITIAL_CAPACITY);
  /** Nothing below is held. */
  private lowest = Number.POSITIVE_INFINITY;
  private highest = -1;
  private readonly budget: BufferBudget | undefined;

  /** `budget`: what it shares with others, if it does. */
  constructor(budget?: BufferBudget) {
    this.budget = budget;
  }

  get empty(): boolean {
    return this.lowest > this.highest;
  }

  /** Monotonic milliseconds at which the packet came; it is held. */
  arrival(number: number): number {
    return this.arrivals[number & (this.capacity - 1)]!;
  }

  /** Whether the packet is held. */
  has(number: number): boolean {
    return this.numbers[number & (this.capacity - 1)] === number;
  }

  /** The payload is kept, not copied. False: there is no more room, and everything was thrown away. */
  insert(
    number: number,
    timestamp: number,
    flags: number,
    payload: Uint8Array,
    extra: T | undefined,
    now: number,
  ): boolean {
    if (number < this.next || this.has(number)) {
      this.packetsDiscarded++;
      return true;
    }
    const low = Math.min(this.lowest, number);
    const high = Math.max(this.highest, number);
    while (high - low >= this.capacity) {
      if (this.capacity >= MAX_BUFFERED_PACKETS) {
        this.reset();
        return false;
      }
      this.grow();
    }
    if (this.bytes + payload.length > MAX_BUFFERED_BYTES || this.budget?.take(this, payload.length) === false) {
      this.reset();
      return false;
    }
    this.lowest = low;
    this.highest = high;
    const slot = number & (this.capacity - 1);
    this.numbers[slot] = number;
    this.payloads[slot] = payload;
    this.extras[slot] = extra;
    this.timestamps[slot] = timestamp;
    this.arrivals[slot] = now;
    this.flags[slot] = flags;
    this.bytes += payload.length;
    this.extend(number);
    if (this.has(number + 1)) this.extend(number + 1);
    return true;
  }

  private grow(): void {
    const { numbers, payloads, extras, timestamps, arrivals, flags, capacity } = this;
    this.capacity = capacity * 2;
    this.numbers = new Float64Array(this.capacity).fill(-1);
    this.payloads = new Array<Uint8Array | undefined>(this.capacity).fill(undefined);
    this.extras = new Array<T | undefined>(this.capacity).fill(undefined);
    this.timestamps = new Float64Array(this.capacity);
    this.arrivals = new Float64Array(this.capacity);
    this.flags = new Uint8Array(this.capacity);
    for (let i = 0; i < capacity; i++) {
      if (numbers[i]! < 0) continue;
      const slot = numbers[i]! & (this.capacity - 1);
      this.numbers[slot] = numbers[i]!;
      this.payloads[slot] = payloads[i];
      this.extras[slot] = extras[i];
      this.timestamps[slot] = timestamps[i]!;
      this.arrivals[slot] = arrivals[i]!;
      this.flags[slot] = flags[i]!;
    }
  }

  private startsFrame(number: number): boolean {
    const { capacity, flags, timestamps } = this;
    const slot = number & (capacity - 1);
    if ((flags[slot]! & FLAG_CERTAIN_START) !== 0) return true;
    if ((flags[slot]! & FLAG_START) === 0) return false;
    // The frame before was taken out as a whole.
    if (number === this.next) return true;
    if (!this.has(number - 1)) return false;
    const before = (number - 1) & (capacity - 1);
    return (flags[before]! & (FLAG_END | FLAG_PADDING)) !== 0 || timestamps[before] !== timestamps[slot];
  }

  /** Each packet becomes continuous once: what this costs does not depend on the size of frames. */
  private extend(from: number): void {
    const { capacity, flags, timestamps } = this;
    for (let number = from; this.has(number); number++) {
      const slot = number & (capacity - 1);
      if ((flags[slot]! & (CONTINUOUS | FLAG_PADDING)) !== 0) return;
      if (!this.startsFrame(number)) {
        const before = (number - 1) & (capacity - 1);
        if (!this.has(number - 1) || (flags[before]! & CONTINUOUS) === 0) return;
        if (timestamps[before] !== timestamps[slot] || (flags[before]! & FLAG_END) !== 0) return;
      }
      flags[slot]! |= CONTINUOUS;
      if ((flags[slot]! & FLAG_END) !== 0) this.complete(number);
    }
  }

  private complete(last: number): void {
    const { capacity, flags, timestamps, arrivals } = this;
    const timestamp = timestamps[last & (capacity - 1)]!;
    let first = last;
    let keyFrame = false;
    let firstArrival = Number.POSITIVE_INFINITY;
    let arrival = 0;
    for (;;) {
      const slot = first & (capacity - 1);
      keyFrame ||= (flags[slot]! & FLAG_KEY_FRAME) !== 0;
      firstArrival = Math.min(firstArrival, arrivals[slot]!);
      arrival = Math.max(arrival, arrivals[slot]!);
      if (this.startsFrame(first)) break;
      first--;
    }
    const frame: WholeFrame = { first, last, timestamp, keyFrame, firstArrival, arrival };
    const { frames } = this;
    let at = frames.length;
    while (at > 0 && frames[at - 1]!.first > first) at--;
    frames.splice(at, 0, frame);
  }

  /** The first whole frame, if nothing is missing in front of it. */
  inOrder(): WholeFrame | undefined {
    const frame = this.frames[0];
    if (frame === undefined) return undefined;
    if (this.next < 0) return frame.keyFrame ? frame : undefined;
    const { capacity, flags } = this;
    while (
      this.next < frame.first &&
      this.has(this.next) &&
      (flags[this.next & (capacity - 1)]! & FLAG_PADDING) !== 0
    ) {
      this.next++;
    }
    return this.next === frame.first ? frame : this.withBeginning(frame);
  }

  /** A frame whose start was certain, but which has packets before that: a delimiter before a parameter set. */
  private withBeginning(frame: WholeFrame): WholeFrame | undefined {
    const { capacity, flags, timestamps, next } = this;
    for (let number = frame.first - 1; number >= next; number--) {
      const slot = number & (capacity - 1);
      if (!this.has(number) || timestamps[slot] !== frame.timestamp) return undefined;
      if ((flags[slot]! & (CONTINUOUS | FLAG_END)) !== CONTINUOUS) return undefined;
    }
    if (next > frame.first) return undefined;
    const whole = { ...frame, first: next };
    this.frames[0] = whole;
    return whole;
  }

  /** The first whole key frame. */
  keyFrame(): WholeFrame | undefined {
    return this.frames.find(({ keyFrame }) => keyFrame);
  }

  /** A packet's payload, until its frame is taken out. */
  payload(number: number): Uint8Array {
    return this.payloads[number & (this.capacity - 1)]!;
  }

  /** What was kept with the packet. */
  extra(number: number): T | undefined {
    return this.extras[number & (this.capacity - 1)];
  }

  /** The payloads of a frame in order; gives how many. */
  payloadsOf(frame: WholeFrame, out: Uint8Array[]): number {
    const count = frame.last - frame.first + 1;
    for (let i = 0; i < count; i++) out[i] = this.payload(frame.first + i);
    return count;
  }

  /** Takes a frame out, with everything before it: the next one has to follow it. */
  take(frame: WholeFrame): void {
    this.dropBefore(frame.last + 1);
    this.next = frame.last + 1;
    // Its start may have been uncertain so far.
    if (this.has(this.next)) this.extend(this.next);
  }

  /** Throws away what is below `number`. */
  dropBefore(number: number): void {
    const { frames, capacity } = this;
    let gone = 0;
    while (gone < frames.length && frames[gone]!.first < number) gone++;
    frames.splice(0, gone);
    const end = Math.min(number, this.highest + 1);
    for (let n = this.lowest; n < end; n++) {
      const slot = n & (capacity - 1);
      if (this.numbers[slot] !== n) continue;
      const { length } = this.payloads[slot]!;
      this.bytes -= length;
      this.budget?.give(length);
      this.numbers[slot] = -1;
      this.payloads[slot] = undefined;
      this.extras[slot] = undefined;
    }
    if (number > this.lowest) this.lowest = number;
    if (this.lowest > this.highest) {
      this.lowest = Number.POSITIVE_INFINITY;
      this.highest = -1;
    }
  }

  /** Throws everything away; a key frame has to come next. */
  reset(): void {
    if (!this.empty) {
      for (let i = 0; i < this.capacity; i++) if (this.numbers[i]! >= 0) this.packetsDiscarded++;
    }
    this.numbers.fill(-1);
    this.payloads.fill(undefined);
    this.extras.fill(undefined);
    this.frames.length = 0;
    this.lowest = Number.POSITIVE_INFINITY;
    this.highest = -1;
    this.budget?.give(this.bytes);
    this.bytes = 0;
    this.next = -1;
  }
}
