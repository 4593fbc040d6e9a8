// Puts the limits together: delay-based estimate, loss, the receiver's REMB, a round-trip time that says that feedback fails to
// come, and the configured bounds. Loss is judged by transport-wide feedback (loss-based.ts) or, without it, by the fraction
// lost of receiver reports (draft-ietf-rmcat-gcc-02 §6).
import { LossBased } from "./loss-based.js";

/** Receiver reports and REMB are trusted without a look at loss for so long at the start. */
const START_PHASE = 2000;
const INCREASE_INTERVAL = 1000;
const DECREASE_INTERVAL = 300;
const INCREASE = 1.08;
const LOW_LOSS = 0.02;
const HIGH_LOSS = 0.1;
/** A fraction lost that is older is not acted upon. */
const REPORT_TIMEOUT = 6000;
/** Beyond this corrected round-trip time, milliseconds, the rate falls each second by a fifth. */
const RTT_LIMIT = 3000;
const RTT_BACKOFF = 0.8;
const RTT_BACKOFF_INTERVAL = 1000;
const RTT_BACKOFF_FLOOR = 5000;
/** Steps of the sliding minimum of the target. */
const MIN_HISTORY = 32;

export class TargetRate {
  readonly loss: LossBased;
  fractionLost = 0;
  /** Bits per second, Infinity: no limit. */
  delayLimit: number = Number.POSITIVE_INFINITY;
  receiverLimit: number = Number.POSITIVE_INFINITY;
  /** For a while, so that a queue drains (standing-queue.ts). */
  queueLimit: number = Number.POSITIVE_INFINITY;

  private current: number;
  private minBitrate: number;
  private maxBitrate: number;
  private firstReport = Number.NaN;
  private lastLossReport = Number.NEGATIVE_INFINITY;
  private decreasedSinceReport = false;
  private lastDecrease = Number.NEGATIVE_INFINITY;
  private rtt = 0;
  // RTT back-off.
  private propagationRtt = 0;
  private lastFeedback = Number.NaN;
  private lastSent = Number.NEGATIVE_INFINITY;
  // Minimum of the target over the last second: a queue of increasing rates.
  private readonly minTimes = new Float64Array(MIN_HISTORY);
  private readonly minRates = new Float64Array(MIN_HISTORY);
  private minFirst = 0;
  private minCount = 0;

  constructor(start: number, minBitrate: number, maxBitrate: number) {
    this.current = start;
    this.minBitrate = minBitrate;
    this.maxBitrate = maxBitrate;
    this.loss = new LossBased(minBitrate, maxBitrate);
  }

  /** Bits per second. */
  get bitrate(): number {
    return Math.max(this.minBitrate, Math.min(this.current, this.receiverLimit, this.queueLimit));
  }

  get rttAboveLimit(): boolean {
    return this.correctedRtt > RTT_LIMIT;
  }

  setBounds(minBitrate: number, maxBitrate: number): void {
    this.minBitrate = minBitrate;
    this.maxBitrate = maxBitrate;
    this.loss.setBounds(minBitrate, maxBitrate);
    this.set(this.current);
  }

  /** Takes a rate over, as a probe found it. */
  jump(bitrate: number): void {
    this.delayLimit = Number.POSITIVE_INFINITY;
    this.set(bitrate);
    this.minCount = 0;
  }

  onSent(now: number): void {
    // Until the first feedback, time since the first packet stands for the round-trip time.
    if (Number.isNaN(this.lastFeedback)) this.lastFeedback = now;
    this.lastSent = now;
  }

  onFeedback(propagationRtt: number, now: number): void {
    this.propagationRtt = propagationRtt;
    this.lastFeedback = now;
  }

  /** `fractionLost` in [0, 1]; `rtt` in milliseconds, 0: unknown. */
  onReport(fractionLost: number, rtt: number, now: number): void {
    if (rtt > 0) this.rtt = rtt;
    if (Number.isNaN(this.firstReport)) this.firstReport = now;
    this.fractionLost = fractionLost;
    this.lastLossReport = now;
    this.decreasedSinceReport = false;
    this.update(now);
  }

  setReceiverLimit(bitrate: number, now: number): void {
    this.receiverLimit = bitrate;
    if (Number.isNaN(this.firstReport)) this.firstReport = now;
    this.set(this.current);
  }

  update(now: number): void {
    if (this.rttAboveLimit) {
      if (now - this.lastDecrease >= RTT_BACKOFF_INTERVAL && this.current > RTT_BACKOFF_FLOOR) {
        this.lastDecrease = now;
        this.set(Math.max(this.current * RTT_BACKOFF, RTT_BACKOFF_FLOOR));
      } else {
        this.set(this.current);
      }
      return;
    }
    const starting = Number.isNaN(this.firstReport) || now - this.firstReport < START_PHASE;
    if (this.fractionLost === 0 && starting && !this.loss.ready) {
      let rate = this.current;
      if (Number.isFinite(this.receiverLimit)) rate = Math.max(rate, this.receiverLimit);
      if (Number.isFinite(this.delayLimit)) rate = Math.max(rate, this.delayLimit);
      if (rate !== this.current) {
        this.minCount = 0;
        this.pushMinimum(now);
        this.set(rate);
        return;
      }
    }
    this.pushMinimum(now);
    if (this.loss.ready) this.set(this.loss.bitrate);
    else if (now - this.lastLossReport < REPORT_TIMEOUT) this.byReports(now);
    else this.set(this.current);
  }

  private byReports(now: number): void {
    const loss = this.fractionLost;
    if (loss <= LOW_LOSS) {
      this.set(this.minRates[this.minFirst]! * INCREASE + 1000);
    } else if (
      loss > HIGH_LOSS &&
      !this.decreasedSinceReport &&
      now - this.lastDecrease >= DECREASE_INTERVAL + this.rtt
    ) {
      this.lastDecrease = now;
      this.decreasedSinceReport = true;
      this.set(this.current * (1 - 0.5 * loss));
    } else {
      this.set(this.current);
    }
  }

  private get correctedRtt(): number {
    return Number.isNaN(this.lastFeedback) ? 0 : Math.max(0, this.lastSent - this.lastFeedback) + this.propagationRtt;
  }

  private set(bitrate: number): void {
    this.current = Math.max(this.minBitrate, Math.min(bitrate, this.delayLimit, this.maxBitrate));
  }

  private pushMinimum(now: number): void {
    const { minTimes, minRates } = this;
    while (this.minCount > 0 && now - minTimes[this.minFirst]! + 1 > INCREASE_INTERVAL) {
      this.minFirst = (this.minFirst + 1) % MIN_HISTORY;
      this.minCount--;
    }
    while (this.minCount > 0 && this.current <= minRates[(this.minFirst + this.minCount - 1) % MIN_HISTORY]!) {
      this.minCount--;
    }
    // Full: the latest rate is higher than all before and may stand for them a little longer.
    if (this.minCount === MIN_HISTORY) return;
    const at = (this.minFirst + this.minCount++) % MIN_HISTORY;
    minTimes[at] = now;
    minRates[at] = this.current;
  }
}
