// Round-trip time and retransmission timeout (RFC 9260 §6.3.1), with its error back-off (§6.3.3 E2).

const ALPHA = 1 / 8;
const BETA = 1 / 4;
/** Timer granularity G in milliseconds. */
const GRANULARITY = 1;

export class RtoEstimator {
  private readonly min: number;
  private readonly max: number;
  private readonly initial: number;
  private rttvar = 0;
  private backoff = 1;
  private base: number;
  /** Milliseconds; undefined before the first measurement. */
  srtt: number | undefined;
  /** Smallest round trip ever seen on this path. Never expires: a standing queue must not become the norm. */
  minRtt: number = Number.POSITIVE_INFINITY;
  latestRtt = 0;

  constructor(initial: number, min: number, max: number) {
    this.initial = initial;
    this.min = min;
    this.max = max;
    this.base = initial;
  }

  /** A round trip of something else on this path: it says how long to wait for the first measurement, no more. */
  expect(rtt: number): void {
    if (this.srtt === undefined && rtt >= 0) this.base = Math.min(this.initial, Math.max(this.min, 3 * rtt));
  }

  sample(rtt: number): void {
    this.latestRtt = rtt;
    if (rtt < this.minRtt) this.minRtt = rtt;
    if (this.srtt === undefined) {
      this.srtt = rtt;
      this.rttvar = rtt / 2;
    } else {
      this.rttvar += BETA * (Math.abs(this.srtt - rtt) - this.rttvar);
      this.srtt += ALPHA * (rtt - this.srtt);
    }
    this.backoff = 1;
    const rto = this.srtt + Math.max(GRANULARITY, 4 * this.rttvar);
    this.base = Math.min(this.max, Math.max(this.min, rto));
  }

  /** Milliseconds. */
  get rto(): number {
    return Math.min(this.max, this.base * this.backoff);
  }

  onTimeout(): void {
    if (this.backoff < 1024) this.backoff *= 2;
  }

  /** Something new was acknowledged, or a reset answered: the back-off is over even without a usable sample. */
  onProgress(): void {
    this.backoff = 1;
  }

  /** Another path: measure anew. */
  reset(): void {
    this.srtt = undefined;
    this.rttvar = 0;
    this.backoff = 1;
    this.base = this.initial;
    this.minRtt = Number.POSITIVE_INFINITY;
  }
}
