// What arrives at the receiver, in bits per second, over a sliding window of acknowledged packets. Never more than what was
// sent in the same window; one gap in the arrivals (a stall of the network) is left out.

/** The window: at least so many packets and milliseconds, at most so many. */
const MIN_PACKETS = 20;
const MIN_DURATION = 1000;
const MAX_PACKETS = 500;
const MAX_DURATION = 5000;
/** Packets needed for a figure. */
const REQUIRED = 10;
/** An arrival so much older than the latest says that the receiver's clock was set. */
const MAX_REORDERING = 1000;
const CAPACITY = 512;
const MASK = CAPACITY - 1;

export class Throughput {
  private readonly arrivals = new Float64Array(CAPACITY);
  private readonly sendTimes = new Float64Array(CAPACITY);
  private readonly sizes = new Int32Array(CAPACITY);
  /** 1: nothing is known of the packets just before. */
  private readonly holes = new Uint8Array(CAPACITY);
  private first = 0;
  private count = 0;
  /** Send time of the latest packet that has left the window. */
  private discardedUntil = Number.NEGATIVE_INFINITY;
  private cached = Number.NaN;
  private stale = false;

  /** One packet that arrived; milliseconds and bytes. `afterHole`: whether those before it did was not told. */
  add(sendTime: number, arrival: number, bytes: number, afterHole = false): void {
    const { arrivals, sendTimes, sizes, holes } = this;
    if (this.count > 0 && arrivals[(this.first + this.count - 1) & MASK]! - arrival > MAX_REORDERING) this.clear();
    this.stale = true;
    if (this.count > MAX_PACKETS) this.discard();
    // Kept in order of arrival; messages come in order nearly always.
    let at = this.first + this.count++;
    while (at > this.first && arrivals[(at - 1) & MASK]! > arrival) {
      const to = at & MASK;
      const from = --at & MASK;
      arrivals[to] = arrivals[from]!;
      sendTimes[to] = sendTimes[from]!;
      sizes[to] = sizes[from]!;
      holes[to] = holes[from]!;
    }
    arrivals[at & MASK] = arrival;
    sendTimes[at & MASK] = sendTime;
    sizes[at & MASK] = bytes;
    holes[at & MASK] = afterHole ? 1 : 0;
  }

  /** Bits per second, NaN while too little has arrived. */
  get bitrate(): number {
    if (this.stale) {
      this.cached = this.compute();
      this.stale = false;
    }
    return this.cached;
  }

  /**
   * Bits per second of the latest arrivals alone, over at least `duration` milliseconds; NaN while too little has arrived. `bursts`: the
   * path loses several packets in a row by chance, so one gap is left out.
   */
  recent(duration: number, bursts = false): number {
    const { arrivals, sizes, holes } = this;
    if (this.count < REQUIRED) return Number.NaN;
    const last = this.first + this.count - 1;
    let bytes = 0;
    let elapsed = 0;
    let gap = 0;
    let secondGap = 0;
    for (let i = last; i > this.first; i--) {
      if (holes[i & MASK] === 1) continue;
      const between = arrivals[i & MASK]! - arrivals[(i - 1) & MASK]!;
      bytes += sizes[i & MASK]!;
      elapsed += between;
      secondGap = Math.max(secondGap, Math.min(between, gap));
      gap = Math.max(gap, between);
      if (elapsed < duration || last - i + 1 < REQUIRED) continue;
      // What takes more than half of the time is no chance.
      const time = bursts ? Math.max(elapsed / 2, elapsed - gap + secondGap) : elapsed;
      return (bytes * 8000) / time;
    }
    return this.bitrate;
  }

  clear(): void {
    this.first = 0;
    this.count = 0;
    this.discardedUntil = Number.NEGATIVE_INFINITY;
    this.stale = true;
  }

  private discard(): void {
    this.discardedUntil = Math.max(this.discardedUntil, this.sendTimes[this.first & MASK]!);
    this.first = (this.first + 1) & MASK;
    this.count--;
  }

  private compute(): number {
    const { arrivals, sendTimes, sizes, holes } = this;
    while (this.count > 0) {
      const duration = arrivals[(this.first + this.count - 1) & MASK]! - arrivals[this.first & MASK]!;
      const enough = this.count > MIN_PACKETS && duration > MIN_DURATION;
      if (this.count <= MAX_PACKETS && duration <= MAX_DURATION && !enough) break;
      this.discard();
    }
    if (this.count < REQUIRED) return Number.NaN;

    const end = this.first + this.count;
    let gap = 0;
    let secondGap = 0;
    let unknown = 0;
    let unknownSent = 0;
    let received = 0;
    let sent = 0;
    let counted = 0;
    let firstSend = Number.POSITIVE_INFINITY;
    let lastSend = Number.NEGATIVE_INFINITY;
    let lastSendSize = 0;
    let previous = arrivals[this.first & MASK]!;
    for (let i = this.first; i < end; i++) {
      const at = i & MASK;
      const arrival = arrivals[at]!;
      const size = sizes[at]!;
      const between = arrival - previous;
      previous = arrival;
      const sendTime = sendTimes[at]!;
      if (holes[at] === 1 && i > this.first) {
        // Time of which nothing is known, at both ends; the packet marks where it ends.
        unknown += between;
        if (lastSend >= this.discardedUntil && sendTime > lastSend) {
          unknownSent += sendTime - lastSend;
          sent -= lastSendSize;
        }
        received -= size;
      } else if (between > gap) {
        secondGap = gap;
        gap = between;
      } else if (between > secondGap) {
        secondGap = between;
      }
      received += size;
      // Sent before a packet that has left the window: it would stretch the time of sending.
      if (sendTime < this.discardedUntil) continue;
      if (sendTime > lastSend) {
        lastSend = sendTime;
        lastSendSize = size;
      }
      if (sendTime < firstSend) firstSend = sendTime;
      sent += size;
      counted++;
    }
    // n packets span n - 1 intervals: the first arrives at the beginning of the time, the last leaves at its end.
    received -= sizes[this.first & MASK]!;
    sent -= lastSendSize;
    const receiveTime = Math.max(1, previous - arrivals[this.first & MASK]! - unknown - gap + secondGap);
    const receiveRate = (received * 8000) / receiveTime;
    if (counted < REQUIRED) return receiveRate;
    return Math.min((sent * 8000) / Math.max(1, lastSend - firstSend - unknownSent), receiveRate);
  }
}
