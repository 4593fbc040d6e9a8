// The delay gradient by a line through the last groups' delays, and the detector with its adaptive threshold
// (draft-ietf-rmcat-gcc-02 §5.4, §5.5; the line instead of the draft's Kalman filter is what Chromium uses).

/** What the path does: its queue grows, it drains, or neither. */
export type BandwidthUsage = "normal" | "overusing" | "underusing";

/** Groups in the line. */
const WINDOW = 20;
const SMOOTHING = 0.9;
const GAIN = 4;
/** The gradient counts the more the more groups there were, up to so many. */
const MAX_DELTAS = 60;
/** Milliseconds above the threshold before it is called overuse. */
const OVERUSE_TIME = 10;
const THRESHOLD_UP = 0.0087;
const THRESHOLD_DOWN = 0.039;
const INITIAL_THRESHOLD = 12.5;
const MIN_THRESHOLD = 6;
const MAX_THRESHOLD = 600;
/** The threshold does not follow gradients so far above it: a capacity drop, not noise. */
const MAX_ADAPT_OFFSET = 15;
const MAX_ADAPT_INTERVAL = 100;

export class Trendline {
  usage: BandwidthUsage = "normal";
  threshold: number = INITIAL_THRESHOLD;

  private readonly times = new Float64Array(WINDOW);
  private readonly delays = new Float64Array(WINDOW);
  private count = 0;
  private deltas = 0;
  private firstArrival = 0;
  private accumulated = 0;
  private smoothed = 0;
  private previousTrend = 0;
  /** Milliseconds above the threshold; negative: not above. */
  private overFor = -1;
  private overCount = 0;
  private lastAdapted = Number.NaN;

  /** One pair of groups (InterArrival); `arrival` is the second's, milliseconds. */
  update(arrivalDelta: number, sendDelta: number, arrival: number): void {
    if (this.deltas === 0) this.firstArrival = arrival;
    this.deltas = Math.min(this.deltas + 1, 1000);
    this.accumulated += arrivalDelta - sendDelta;
    this.smoothed = SMOOTHING * this.smoothed + (1 - SMOOTHING) * this.accumulated;
    const at = this.count++ % WINDOW;
    this.times[at] = arrival - this.firstArrival;
    this.delays[at] = this.smoothed;
    this.detect(this.count >= WINDOW ? this.slope() : this.previousTrend, sendDelta, arrival);
  }

  reset(): void {
    this.usage = "normal";
    this.threshold = INITIAL_THRESHOLD;
    this.count = 0;
    this.deltas = 0;
    this.accumulated = 0;
    this.smoothed = 0;
    this.previousTrend = 0;
    this.overFor = -1;
    this.overCount = 0;
    this.lastAdapted = Number.NaN;
  }

  /** Least squares. About (send rate - capacity) / capacity while a queue grows. */
  private slope(): number {
    let meanTime = 0;
    let meanDelay = 0;
    for (let i = 0; i < WINDOW; i++) {
      meanTime += this.times[i]!;
      meanDelay += this.delays[i]!;
    }
    meanTime /= WINDOW;
    meanDelay /= WINDOW;
    let covariance = 0;
    let variance = 0;
    for (let i = 0; i < WINDOW; i++) {
      const time = this.times[i]! - meanTime;
      covariance += time * (this.delays[i]! - meanDelay);
      variance += time * time;
    }
    return variance === 0 ? this.previousTrend : covariance / variance;
  }

  private detect(trend: number, sendDelta: number, arrival: number): void {
    if (this.deltas < 2) return;
    const modified = Math.min(this.deltas, MAX_DELTAS) * trend * GAIN;
    if (modified > this.threshold) {
      // At the first sample, half of the time before it was above.
      this.overFor = this.overFor < 0 ? sendDelta / 2 : this.overFor + sendDelta;
      this.overCount++;
      if (this.overFor > OVERUSE_TIME && this.overCount > 1 && trend >= this.previousTrend) {
        this.overFor = 0;
        this.overCount = 0;
        this.usage = "overusing";
      }
    } else {
      this.overFor = -1;
      this.overCount = 0;
      this.usage = modified < -this.threshold ? "underusing" : "normal";
    }
    this.previousTrend = trend;
    this.adapt(Math.abs(modified), arrival);
  }

  private adapt(magnitude: number, arrival: number): void {
    const elapsed = Number.isNaN(this.lastAdapted)
      ? 0
      : Math.max(0, Math.min(arrival - this.lastAdapted, MAX_ADAPT_INTERVAL));
    this.lastAdapted = arrival;
    if (magnitude > this.threshold + MAX_ADAPT_OFFSET) return;
    const gain = magnitude < this.threshold ? THRESHOLD_DOWN : THRESHOLD_UP;
    const threshold = this.threshold + gain * (magnitude - this.threshold) * elapsed;
    this.threshold = Math.max(MIN_THRESHOLD, Math.min(threshold, MAX_THRESHOLD));
  }
}
