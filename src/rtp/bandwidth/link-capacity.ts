// What the bottleneck seems to carry: a slow average of the throughput measured at overuse, with its deviation. Tells the
// rate control whether it is near the place where it was too fast last time.

const OVERUSE_WEIGHT = 0.05;
const PROBE_WEIGHT = 0.5;
/** Variance, in kbit/s, normalized by the estimate in kbit/s. */
const MIN_VARIANCE = 0.4;
const MAX_VARIANCE = 2.5;
/** A probe that finds so many times what was known has found another link than that was learnt of. */
const OTHER_LINK = 1.3;
/** Who gets at least this share of what the link carries, as a probe measured it, and not more than it by so much, has it alone. */
const ALONE = 0.94;
const ALONE_MAX = 1.15;

export class LinkCapacity {
  /** Bits per second; NaN if nothing is known. */
  estimate: number = Number.NaN;
  /** The throughput at the last overuse, bits per second; NaN before the first. */
  lastSample: number = Number.NaN;
  private variance = MIN_VARIANCE;
  /** What the latest probes that found the link full say that it carries. */
  private probed = Number.NaN;

  get known(): boolean {
    return !Number.isNaN(this.estimate);
  }

  get upperBound(): number {
    return this.known ? this.estimate + 3 * this.deviation : Number.POSITIVE_INFINITY;
  }

  get lowerBound(): number {
    return this.known ? Math.max(0, this.estimate - 3 * this.deviation) : 0;
  }

  onOveruse(throughput: number): void {
    this.lastSample = throughput;
    this.update(throughput, OVERUSE_WEIGHT);
  }

  /** A probe found the link full at this rate. */
  onProbe(bitrate: number): void {
    const { probed } = this;
    this.probed = Math.abs(bitrate - probed) < (OTHER_LINK - 1) * probed ? (probed + bitrate) / 2 : bitrate;
    if (bitrate > OTHER_LINK * this.estimate) this.reset();
    this.update(bitrate, PROBE_WEIGHT);
  }

  /**
   * Nobody else is on the link, if this gets through while it is full. Of packets sent at 1.5 times the rate of a flow that has half of the
   * link, six fifths of that rate arrive; of one that has it all, no more than the rate itself.
   */
  alone(throughput: number): boolean {
    return throughput >= ALONE * this.probed && throughput <= ALONE_MAX * this.probed;
  }

  private update(sample: number, weight: number): void {
    this.estimate = this.known ? (1 - weight) * this.estimate + weight * sample : sample;
    const error = (this.estimate - sample) / 1000;
    const variance = (1 - weight) * this.variance + (weight * error * error) / Math.max(this.estimate / 1000, 1);
    this.variance = Math.max(MIN_VARIANCE, Math.min(variance, MAX_VARIANCE));
  }

  reset(): void {
    this.estimate = Number.NaN;
  }

  private get deviation(): number {
    return Math.sqrt((this.variance * this.estimate) / 1000) * 1000;
  }
}
