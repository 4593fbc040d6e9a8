// What the source of a forwarded stream sends, for the shares: the rates of its layers, which of them goes on, and how large it is
// beside others. Rates are measured by whoever forwards.

/** Without a packet for so long it needs nothing. Milliseconds, as the next. */
const SILENCE = 2000;
/** How fast the size follows a source that sends less than before: one that pauses for a moment is still as large. */
const FALL_TIME = 10_000;
/** The least size, bits per second: the smallest streams count for something. */
const MIN_SIZE = 50_000;

export class SourceRates {
  /** Bits per second of payload, rising. */
  rates: readonly number[] = [];
  /** Which of the rates goes on; -1: not known. */
  current = -1;
  /** Packets have gone out lately. */
  isFlowing = true;
  private peak = 0;
  private peakTime = 0;
  private packets = -1;
  private flowed = 0;

  set(rates: readonly number[], current: number, now: number): void {
    this.rates = rates;
    this.current = current;
    const highest = rates.at(-1) ?? 0;
    const elapsed = now - this.peakTime;
    this.peak = highest + Math.max(0, this.peak - highest) * Math.exp(-elapsed / FALL_TIME);
    this.peakTime = now;
  }

  /** The highest rate, slow to fall; bits per second of payload. */
  get size(): number {
    return Math.max(MIN_SIZE, this.peak);
  }

  /** From time to time. True: it has fallen silent, or is heard again. */
  look(packetsSent: number, now: number): boolean {
    if (packetsSent !== this.packets) {
      this.packets = packetsSent;
      this.flowed = now;
    }
    const before = this.isFlowing;
    this.isFlowing = now - this.flowed < SILENCE;
    return this.isFlowing !== before;
  }
}
