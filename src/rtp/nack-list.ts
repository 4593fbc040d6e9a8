// The packets that a receiver misses and still asks for (RFC 4585 §6.2.1): when each is to be asked for, how often, and when that
// ends. Works on extended sequence numbers. Arrays of a fixed size, in ascending order.

/** Packets missing at a time. Above, repeating is hopeless: a key frame is what helps. */
export const MAX_NACK_LIST = 1000;
/** How often one packet is asked for. */
export const MAX_NACK_RETRIES = 10;
/** Packets so far behind the newest are not asked for any more. */
export const MAX_NACK_AGE = 10_000;
/** What a repeat takes on top of a round trip: timers, and the pacer at the other end. */
const MARGIN = 10;
/** A burst of losses outlasts ten round trips of a short path: Chromium asks every 20 ms at most, too. */
const MIN_INTERVAL = 20;

export class NackList {
  count = 0;
  /** Packets that were given up. */
  givenUp = 0;
  /** When the next packet is to be asked for, monotonic milliseconds; Infinity: nothing is missing. */
  deadline: number = Number.POSITIVE_INFINITY;
  /** Milliseconds between the first request for a packet and its coming, smoothed; NaN while unknown. */
  responseTime: number = Number.NaN;
  private readonly numbers = new Float64Array(MAX_NACK_LIST);
  private readonly asked = new Float64Array(MAX_NACK_LIST);
  private readonly retries = new Uint8Array(MAX_NACK_LIST);

  /** The packets from `from` up to but not `to` are missing. False: too many are; all are given up. */
  add(from: number, to: number, now: number): boolean {
    this.dropBefore(to - MAX_NACK_AGE);
    if (this.count + to - from > MAX_NACK_LIST) {
      this.givenUp += this.count + to - from;
      this.clear();
      return false;
    }
    for (let number = from; number < to; number++) {
      this.numbers[this.count] = number;
      this.retries[this.count] = 0;
      this.count++;
    }
    this.deadline = now;
    return true;
  }

  clear(): void {
    this.count = 0;
    this.deadline = Number.POSITIVE_INFINITY;
  }

  /** Index of the first entry that is not below `number`. */
  private search(number: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.numbers[middle]! < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private cut(from: number, to: number): void {
    if (from === to) return;
    this.numbers.copyWithin(from, to, this.count);
    this.asked.copyWithin(from, to, this.count);
    this.retries.copyWithin(from, to, this.count);
    this.count -= to - from;
    if (this.count === 0) this.deadline = Number.POSITIVE_INFINITY;
  }

  has(number: number): boolean {
    const at = this.search(number);
    return at < this.count && this.numbers[at] === number;
  }

  /** The packet has come. Gives whether it was missing. */
  remove(number: number, now: number): boolean {
    if (this.count === 0) return false;
    const at = this.search(number);
    if (at >= this.count || this.numbers[at] !== number) return false;
    if (this.retries[at] === 1) {
      const sample = now - this.asked[at]!;
      this.responseTime = Number.isNaN(this.responseTime)
        ? sample
        : this.responseTime + (sample - this.responseTime) / 8;
    }
    this.cut(at, at + 1);
    return true;
  }

  /** Packets below `number` are of no use any more. */
  dropBefore(number: number): void {
    if (this.count > 0) this.cut(0, this.search(number));
  }

  /**
   * Puts what is to be asked for now into `out` (16 bits each, ascending), at most as many as it holds, and counts them as asked
   * for. `rtt`: milliseconds.
   */
  collect(out: Uint16Array, rtt: number, now: number): number {
    const interval = Math.max(MIN_INTERVAL, rtt + MARGIN);
    let found = 0;
    let kept = 0;
    let next = Number.POSITIVE_INFINITY;
    const { numbers, asked, retries, count } = this;
    for (let i = 0; i < count; i++) {
      const due = retries[i] === 0 ? now : asked[i]! + interval;
      let again = due;
      if (due <= now && retries[i]! >= MAX_NACK_RETRIES) {
        this.givenUp++;
        continue;
      }
      numbers[kept] = numbers[i]!;
      asked[kept] = asked[i]!;
      retries[kept] = retries[i]!;
      if (due <= now && found < out.length) {
        out[found++] = numbers[i]!;
        asked[kept] = now;
        retries[kept]!++;
        again = now + interval;
      }
      if (again < next) next = again;
      kept++;
    }
    this.count = kept;
    this.deadline = next;
    return found;
  }
}
