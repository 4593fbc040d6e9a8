// Renumbers a sequence of wrapping numbers (RTP sequence numbers, picture numbers) of which some are left out: what is left out closes
// up, what is only missing keeps its place, and what comes late still gets the number that was kept for it.

/** How far back numbers are remembered. A power of two. */
const WINDOW = 1024;

/**
 * Gaps are kept up to this many numbers (RFC 3550 §A.1, MAX_DROPOUT); over a larger one the numbers go on as if two were missing. So
 * whoever counts how often they wrapped around, as SRTP does, cannot be led to count wrongly by a source that jumps about.
 */
const MAX_GAP = 3000;

const MISSING = 0;
const USED = 1;
const DROPPED = 2;

/** What `use` and `drop` give for a number that has no place. */
export const NO_NUMBER = -1;
/** What `use` gives for a number that was used before. */
export const USED_NUMBER = -2;

export class NumberMap {
  private readonly mask: number;
  private readonly half: number;
  private readonly offsets = new Uint16Array(WINDOW);
  private readonly states = new Uint8Array(WINDOW);
  /** The highest number so far, and how many below it are remembered (with it). */
  private highest = 0;
  private depth = 0;
  /** Added to a new number. */
  private offset = 0;
  /** The number that was given to the highest one, used or not. */
  private lastOutput: number;
  /** The highest number that was used. */
  private lastUsed: number;
  private readonly maxGap: number;

  /** `bits`: 7 to 16. `firstOutput`: what the first number becomes. */
  constructor(bits: number, firstOutput: number) {
    this.mask = (1 << bits) - 1;
    this.half = 1 << (bits - 1);
    this.lastOutput = (firstOutput - 1) & this.mask;
    this.lastUsed = this.lastOutput;
    this.maxGap = Math.min(MAX_GAP, this.half >> 1);
  }

  /** The highest number that was given out; one less than the first before that. */
  get last(): number {
    return this.lastOutput;
  }

  /** From here on another sequence is numbered: `input` becomes the next number, what is before it has no place. */
  restart(input: number): void {
    this.offset = (this.lastOutput + 1 - input) & this.mask;
    this.highest = (input - 1) & this.mask;
    this.depth = 0;
  }

  /** The number of `input`; NO_NUMBER if it was dropped or is too old, USED_NUMBER if it was used before. */
  use(input: number): number {
    const ahead = this.advance(input);
    const slot = input & (WINDOW - 1);
    if (ahead <= 0) {
      if (-ahead >= this.depth || this.states[slot] === DROPPED) return NO_NUMBER;
      return this.states[slot] === USED ? USED_NUMBER : this.fill(input);
    }
    if (((input + this.offset - this.lastUsed) & this.mask) > this.maxGap) {
      this.offset = (this.lastUsed + 2 - input) & this.mask;
      this.offsets[slot] = this.offset;
      this.depth = 1;
    }
    this.states[slot] = USED;
    this.lastOutput = (input + this.offset) & this.mask;
    this.lastUsed = this.lastOutput;
    return this.lastOutput;
  }

  /** Takes the number that was kept for `input`, unless it is too far from those that were used. */
  private fill(input: number): number {
    const slot = input & (WINDOW - 1);
    const output = (input + this.offsets[slot]!) & this.mask;
    const ahead = this.distance(output, this.lastUsed);
    if (ahead > this.maxGap) return NO_NUMBER;
    this.states[slot] = USED;
    if (ahead > 0) this.lastUsed = output;
    return output;
  }

  /** The number that `input` has or would have, used or not; NO_NUMBER if it has none. Changes nothing. */
  find(input: number): number {
    const behind = this.distance(this.highest, input);
    if (behind < 0 || behind >= this.depth || this.states[input & (WINDOW - 1)] === DROPPED) return NO_NUMBER;
    return (input + this.offsets[input & (WINDOW - 1)]!) & this.mask;
  }

  /**
   * Leaves `input` out. If it is new, what follows closes up, and NO_NUMBER is returned. If it is late, a place was kept for it: that
   * number is returned, to be filled with nothing.
   */
  drop(input: number): number {
    const ahead = this.advance(input);
    const slot = input & (WINDOW - 1);
    if (ahead <= 0) {
      return -ahead >= this.depth || this.states[slot] !== MISSING ? NO_NUMBER : this.fill(input);
    }
    this.states[slot] = DROPPED;
    this.offset = (this.offset - 1) & this.mask;
    if (((input + this.offset - this.lastUsed) & this.mask) > this.maxGap) {
      // As in `use`: the next one goes on as if one were missing.
      this.offset = (this.lastUsed + 1 - input) & this.mask;
      this.depth = 1;
    }
    this.lastOutput = (input + this.offset) & this.mask;
    return NO_NUMBER;
  }

  /** True if `input` was left out. */
  isDropped(input: number): boolean {
    const behind = this.distance(this.highest, input);
    return behind >= 0 && behind < this.depth && this.states[input & (WINDOW - 1)] === DROPPED;
  }

  /** Positive if `input` is new: it is the highest then, and those between are missing. Otherwise how far back it is, negative. */
  private advance(input: number): number {
    const ahead = this.distance(input, this.highest);
    if (ahead <= 0) return ahead;
    // After a jump nothing before it is worth remembering.
    if (ahead > WINDOW) this.depth = 0;
    for (let i = Math.min(ahead, WINDOW) - 1; i >= 0; i--) {
      const slot = (input - i) & this.mask & (WINDOW - 1);
      this.offsets[slot] = this.offset;
      this.states[slot] = MISSING;
    }
    this.depth = Math.min(this.depth + ahead, Math.min(WINDOW, this.half));
    this.highest = input;
    return ahead;
  }

  /** From `b` to `a`, by the shorter way around. */
  private distance(a: number, b: number): number {
    const difference = (a - b) & this.mask;
    return difference >= this.half ? difference - this.mask - 1 : difference;
  }
}
