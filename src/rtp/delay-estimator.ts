// How long frames have to wait so that nearly all of them have come when it is their turn: the distribution of how late they
// come, compared with the earliest of the last seconds, slowly forgotten; a high quantile of it is the delay.

/** One column of the distribution, milliseconds. */
const COLUMN = 5;
const COLUMNS = 400;
/** The latest that is told apart: frames later than this do not raise the delay further. */
export const MAX_ADAPTIVE_DELAY: number = COLUMN * COLUMNS;
const QUANTILE = 0.95;
/** Weight that the past keeps with each frame; less at the start, when there is no past. */
const FORGET = 0.99;
/** Frames that all have the same weight, at the start: 1 / (1 - FORGET). */
const EQUAL_FRAMES = 100;
/** A weight above this is taken for one again. */
const MAX_WEIGHT = 1e100;
/** The earliest arrival is that of the last one to two spans of so many milliseconds: clocks drift, paths change. */
const SPAN = 5000;
/** A timestamp that is so far from where it should be begins a new time line, milliseconds. */
const MAX_JUMP = 10_000;

export class DelayEstimator {
  /** Milliseconds that a frame shall wait after the time at which it would have come at the earliest. */
  target = 0;
  /** The past is not made lighter with each frame, but each frame heavier than the one before: that is one column, not all. */
  private readonly columns = new Float64Array(COLUMNS);
  private weight = 1;
  /** Of all columns, and of those before the one that the quantile is in. */
  private total = 0;
  private below = 0;
  private quantile = 0;
  private samples = 0;
  private reference = 0;
  private clockRate = 0;
  /** Time line: monotonic milliseconds at which timestamp `reference` comes at the earliest, in this span and the one before. */
  private current: number = Number.POSITIVE_INFINITY;
  private previous: number = Number.POSITIVE_INFINITY;
  private spanStart: number = Number.NEGATIVE_INFINITY;

  get known(): boolean {
    return this.samples > 0;
  }

  /** A frame has come, all of it. */
  add(timestamp: number, clockRate: number, now: number): void {
    if (this.samples === 0 || clockRate !== this.clockRate || Math.abs(now - this.earliest(timestamp)) > MAX_JUMP) {
      this.restart(timestamp, clockRate, now);
    }
    // The reference moves along, so that differences stay small.
    const elapsed = (((timestamp - this.reference) | 0) * 1000) / clockRate;
    const line = now - elapsed;
    if (now - this.spanStart > SPAN) {
      this.previous = this.current;
      this.current = line;
      this.spanStart = now;
    } else if (line < this.current) {
      this.current = line;
    }
    const late = line - this.line;
    this.learn(late);
    if (elapsed > 1000) {
      this.reference = timestamp;
      this.current += elapsed;
      this.previous += elapsed;
    }
  }

  private restart(timestamp: number, clockRate: number, now: number): void {
    this.clockRate = clockRate;
    this.reference = timestamp;
    this.current = now;
    this.previous = Number.POSITIVE_INFINITY;
    this.spanStart = now;
  }

  private get line(): number {
    return Math.min(this.current, this.previous);
  }

  private learn(late: number): void {
    const { columns } = this;
    this.samples++;
    if (this.samples > EQUAL_FRAMES) this.weight /= FORGET;
    if (this.weight > MAX_WEIGHT) this.lighten();
    const column = Math.min(COLUMNS - 1, Math.floor(late / COLUMN));
    columns[column]! += this.weight;
    this.total += this.weight;
    if (column < this.quantile) this.below += this.weight;
    const wanted = this.total * QUANTILE;
    while (this.quantile < COLUMNS - 1 && this.below + columns[this.quantile]! < wanted) {
      this.below += columns[this.quantile++]!;
    }
    while (this.quantile > 0 && this.below >= wanted) this.below -= columns[--this.quantile]!;
    this.target = this.quantile === 0 ? 0 : (this.quantile + 1) * COLUMN;
  }

  private lighten(): void {
    const { columns, weight, quantile } = this;
    this.total = 0;
    this.below = 0;
    for (let i = 0; i < COLUMNS; i++) {
      columns[i]! /= weight;
      this.total += columns[i]!;
      if (i < quantile) this.below += columns[i]!;
    }
    this.weight = 1;
  }

  /** Monotonic milliseconds at which a frame of that timestamp would come at the earliest. */
  earliest(timestamp: number): number {
    return this.line + (((timestamp - this.reference) | 0) * 1000) / this.clockRate;
  }
}
