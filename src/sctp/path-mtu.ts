// Search for the largest packet the path carries (packetization layer path MTU discovery, RFC 8899 §5), with a HEARTBEAT and a
// PAD chunk (RFC 4820) as probe. Only raises the MTU; it is off unless `maxMtu` exceeds `mtu`.

/** MAX_PROBES of RFC 8899 §5.1.2. */
const MAX_PROBES = 3;
/** PMTU_RAISE_TIMER. */
const RAISE_INTERVAL = 600_000;
/** A search ends when the interval is smaller than this. */
const RESOLUTION = 32;

export class PathMtu {
  /** Confirmed packet size, a multiple of four. */
  mtu: number;
  /** What the path carries for certain. */
  base: number;
  private max: number;
  /** Sizes above this are known not to pass (for now). */
  private ceiling: number;
  private probing = 0;
  private attempts = 0;
  deadline: number = Number.POSITIVE_INFINITY;
  /** A probe of this many bytes goes with the next flush; 0 for none. */
  pendingProbe = 0;

  constructor(mtu: number, maxMtu: number) {
    this.mtu = mtu & ~3;
    this.base = this.mtu;
    this.max = Math.max(this.mtu, maxMtu & ~3);
    this.ceiling = this.max;
  }

  /** Begins (or begins again) to search. */
  start(): void {
    this.ceiling = this.max;
    this.attempts = 0;
    this.probing = 0;
    this.next(true);
  }

  /** The owner knows better: another path, another base, and what may be searched for. */
  set(mtu: number, maxMtu: number = mtu): void {
    this.mtu = mtu & ~3;
    this.base = this.mtu;
    this.max = Math.max(this.mtu, maxMtu & ~3);
    this.stop();
    this.ceiling = this.max;
  }

  /**
   * What was sent does not arrive: back to the size that is safe (RFC 8899 §4.3). It may have been for another reason, so
   * the size that was is tried again at once, and what is between them if that fails. True if the MTU shrank.
   */
  fallBack(): boolean {
    if (this.mtu <= this.base) return false;
    this.stop();
    this.ceiling = this.mtu;
    this.mtu = this.base;
    this.next(true);
    return true;
  }

  stop(): void {
    this.pendingProbe = 0;
    this.probing = 0;
    this.deadline = Number.POSITIVE_INFINITY;
  }

  private next(first: boolean): void {
    const gap = this.ceiling - this.mtu;
    if (gap < RESOLUTION && !(gap > 0 && first)) {
      this.probing = 0;
      return;
    }
    // The whole way first: mostly it passes, or nothing does.
    this.probing = first ? this.ceiling : (this.mtu + gap / 2) & ~3;
    this.attempts = 0;
    this.pendingProbe = this.probing;
  }

  /** The probe was sent. */
  onSent(now: number, rto: number): void {
    this.pendingProbe = 0;
    this.attempts++;
    this.deadline = now + rto;
  }

  /** A probe of `size` bytes was answered. True if the MTU grew. */
  onAcknowledged(size: number, now: number): boolean {
    if (size <= this.mtu || size > this.max) return false;
    this.mtu = size;
    if (this.ceiling < size) this.ceiling = size;
    this.next(false);
    this.deadline = this.probing === 0 && this.mtu < this.max ? now + RAISE_INTERVAL : Number.POSITIVE_INFINITY;
    return true;
  }

  handleTimeout(now: number): void {
    this.deadline = Number.POSITIVE_INFINITY;
    if (this.probing === 0) {
      this.start();
      return;
    }
    if (this.attempts < MAX_PROBES) {
      this.pendingProbe = this.probing;
      return;
    }
    this.ceiling = this.probing - 4;
    this.next(false);
    if (this.probing === 0) this.deadline = now + RAISE_INTERVAL;
  }
}
