// How many frames there were in the second before, for statistics: integers, nothing per frame.

const SECOND = 1000;

export class FrameRate {
  private begun = Number.NEGATIVE_INFINITY;
  private current = 0;
  private last = 0;

  /** One more frame, at a time in monotonic milliseconds. */
  add(now: number): void {
    this.advance(now);
    this.current++;
  }

  /** Of the last whole second; of the first, while it is under way, what has come of it. */
  at(now: number): number {
    this.advance(now);
    return this.last > 0 ? this.last : this.current;
  }

  private advance(now: number): void {
    const passed = now - this.begun;
    if (passed < SECOND) return;
    this.last = passed < 2 * SECOND ? this.current : 0;
    this.current = 0;
    this.begun = passed < 2 * SECOND ? this.begun + SECOND : now;
  }
}
