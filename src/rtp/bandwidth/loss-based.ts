// The loss-based controller, after the second version in Chromium: a channel is modelled by the rate up to which it loses
// only at random, and by that random loss. Each quarter of a second a few candidates near the current pair are weighed against
// what the last observations lost (maximum likelihood, with a bias towards bandwidth), so that random loss does not throttle
// while loss from too high a rate does. It only ever lowers what the delay-based controller gives.

export type LossState = "delay-based" | "increasing" | "decreasing";

const OBSERVATIONS = 15;
const MIN_OBSERVATIONS = 3;
const OBSERVATION_DURATION = 250;
const TEMPORAL_WEIGHT = 0.9;
const CANDIDATE_FACTORS: readonly number[] = [1.02, 1, 0.95];
const RAMP_UP = 1.5;
const RAMP_UP_IN_HOLD = 1.2;
const HOLD_THRESHOLD = 1.3;
const BANDWIDTH_BIAS = 0.0002;
const LOG_BANDWIDTH_BIAS = 0.02;
/** The bias turns against bandwidth above this loss. */
const BIAS_LOSS_THRESHOLD = 0.2;
const BIAS_SMOOTHING = 0.002;
const MIN_INHERENT_LOSS = 0.001;
const INITIAL_INHERENT_LOSS = 0.01;
/** What loss may be taken for random, and what rate a loss allows, by these two. */
const LOSS_OFFSET = 0.05;
const LOSS_BALANCE = 100_000;
const NEWTON_STEP = 0.75;
const MAX_INCREASE = 1.3;
const INCREASE_WINDOW = 300;
const INITIAL_HOLD = 300;
const MAX_HOLD = 60_000;
const HOLD_FACTOR = 2;
const PADDING_DURATION = 2000;
/** A single observation with the most loss counts as a spike unless it sent more than this multiple of the median. */
const SPIKE_FACTOR = 2;
/** Less than this counts as none. */
const NO_LOSS = 0.01;
/** Sending less than this share of the estimate is sending little. */
const USED_SHARE = 0.65;
const LOWEST_BITRATE = 5000;
/**
 * The average of some hundred packets differs from what the path loses by chance: by so many standard errors before it holds the rate where
 * it is, and before it bounds it. (Chromium has neither: at 5 % of loss, chance alone is a reason to go down every few seconds.)
 */
const HOLD_ERRORS = 2;
const BOUND_ERRORS = 1;
const MAX_LOSS_ERROR = 0.01;
/** Weight of an observation in what is usually lost at random. */
const USUAL_WEIGHT = 0.1;

export class LossBased {
  state: LossState = "delay-based";
  /** Bits per second. Use it only while `ready`. */
  bitrate: number = Number.NaN;
  /** Loss of the last observations, weighted, without the best and the worst. */
  averageLoss = 0;
  /** Loss while nothing bounds the rate by it and no queue stands: what is lost at random, as far as is known. */
  usualLoss = 0;

  private minBitrate: number;
  private maxBitrate: number;
  private acknowledged = Number.NaN;
  private delayBased = Number.NaN;

  // The model.
  private bandwidth = Number.NaN;
  private inherentLoss = INITIAL_INHERENT_LOSS;
  /** Standard error of `averageLoss`. */
  private lossError = 0;
  /** Packets waited in a queue during the latest observation: what they lost need not be random. */
  private congested = false;

  // Observations, newest at (observations - 1) % OBSERVATIONS.
  private observations = 0;
  private readonly sizes = new Float64Array(OBSERVATIONS);
  private readonly lostSizes = new Float64Array(OBSERVATIONS);
  private readonly counts = new Int32Array(OBSERVATIONS);
  private readonly rates = new Float64Array(OBSERVATIONS);
  private readonly sortedRates = new Float64Array(OBSERVATIONS);
  /** The one that lost the most, if that may be a burst; else -1. */
  private spikeAt = -1;
  private readonly weights = Float64Array.from({ length: OBSERVATIONS }, (_, age) => TEMPORAL_WEIGHT ** age);

  // The observation being made.
  private size = 0;
  private lostSize = 0;
  private packets = 0;
  private messages = 0;
  private waiting = 0;
  private firstSend = Number.POSITIVE_INFINITY;
  private lastSend = Number.NEGATIVE_INFINITY;
  /** Counts observations made: a late arrival takes its loss back only from the one it was counted in. */
  epoch = 0;
  /** Send time at which the latest observation ended. */
  private observedUntil = Number.NaN;

  private upperBound: number;
  private recoveringSince = Number.NaN;
  private windowLimit = Number.POSITIVE_INFINITY;
  private holdUntil = Number.NEGATIVE_INFINITY;
  private holdDuration = INITIAL_HOLD;
  private holdRate = Number.POSITIVE_INFINITY;
  private paddingRate = 0;
  private paddingSince = Number.NEGATIVE_INFINITY;

  // The candidate being weighed.
  private candidateLoss = 0;

  constructor(minBitrate: number, maxBitrate: number) {
    this.minBitrate = minBitrate;
    this.maxBitrate = maxBitrate;
    this.upperBound = maxBitrate;
  }

  get ready(): boolean {
    return !Number.isNaN(this.bandwidth) && this.observations >= MIN_OBSERVATIONS;
  }

  setBounds(minBitrate: number, maxBitrate: number): void {
    this.minBitrate = minBitrate;
    this.maxBitrate = maxBitrate;
    this.boundAbove();
  }

  setAcknowledged(bitrate: number): void {
    if (!Number.isNaN(bitrate)) this.acknowledged = bitrate;
  }

  /** A packet was reported for the first time. */
  onPacket(sendTime: number, bytes: number, lost: boolean): void {
    this.size += bytes;
    this.packets++;
    if (lost) this.lostSize += bytes;
    if (sendTime < this.firstSend) this.firstSend = sendTime;
    if (sendTime > this.lastSend) this.lastSend = sendTime;
  }

  /** A packet reported as lost, in the observation still being made, has arrived after all. */
  onRecovered(bytes: number): void {
    this.lostSize = Math.max(0, this.lostSize - bytes);
  }

  /** After a message. `delayBased` in bits per second, Infinity if there is no such limit yet; `waiting`: its packets waited in a queue. */
  update(delayBased: number, applicationLimited: boolean, waiting = false): void {
    this.delayBased = delayBased;
    this.messages++;
    if (waiting) this.waiting++;
    if (!this.observe()) return;
    if (Number.isNaN(this.bandwidth)) {
      if (!Number.isFinite(delayBased)) return;
      this.bandwidth = delayBased;
      this.bitrate = delayBased;
    }
    const now = this.observedUntil;
    const limited = this.state !== "delay-based";
    // Also just after a probe, which ends the application-limited region for a moment.
    const little = this.acknowledged < USED_SHARE * (1 - this.averageLoss) * this.bandwidth;
    this.search(applicationLimited || little);
    let candidate = this.candidateBandwidth;
    // More loss than is taken for random: no reason to go up.
    if (this.averageLoss - HOLD_ERRORS * this.lossError > this.candidateLoss && candidate > this.bandwidth)
      candidate = this.bandwidth;
    if (limited) {
      if (this.recoveringSince + INCREASE_WINDOW > now) candidate = Math.min(candidate, this.windowLimit);
      if (this.increases(this.bandwidth, candidate) && !Number.isNaN(this.acknowledged)) {
        const inHold = this.acknowledged < HOLD_THRESHOLD * this.holdRate && Number.isFinite(this.holdRate);
        // Whoever sends less than the estimate is not held there for good (Chromium pads, and so has more that arrives).
        const slow = this.averageLoss < NO_LOSS ? this.bandwidth * CANDIDATE_FACTORS[0]! : 0;
        // What arrives of a rate is less than it by what is lost at random.
        const carried = this.acknowledged / (1 - this.inherentLoss);
        const ramp = Math.max((inHold ? RAMP_UP_IN_HOLD : RAMP_UP) * carried, slow);
        candidate = Math.max(this.bandwidth, Math.min(candidate, ramp));
        // So that the state becomes "increasing".
        if (this.state === "decreasing" && candidate === this.bandwidth) candidate += 1;
      }
    }

    const lower = this.lowerBound;
    const bounded = Math.max(lower, Math.min(candidate, this.upperBound, delayBased));
    if (bounded < candidate) {
      this.bandwidth = bounded;
      // Chromium forgets the random loss here in either case, and at one percent of it then cannot leave a low rate.
      const bound = this.upperBound < Math.min(candidate, delayBased);
      this.inherentLoss = bound ? Math.min(this.candidateLoss, this.usualLoss) : this.candidateLoss;
    } else {
      this.bandwidth = Math.max(candidate, lower);
      this.inherentLoss = this.candidateLoss;
    }

    if (bounded >= delayBased && !this.congested) {
      this.usualLoss += (this.inherentLoss - this.usualLoss) * USUAL_WEIGHT;
    }
    const below = bounded < delayBased;
    if (this.state === "decreasing" && this.holdUntil > now && below) {
      // Not at once back to a rate that lost.
      this.holdRate = Math.max(this.holdRate, lower);
      this.bitrate = Math.min(this.holdRate, bounded);
      return;
    }
    if (this.increases(this.bitrate, bounded) && this.keepsIncreasing(bounded) && below && bounded < this.maxBitrate) {
      if (bounded > this.paddingRate) {
        this.paddingRate = bounded;
        this.paddingSince = now;
      }
      this.state = "increasing";
    } else {
      if (below && bounded < this.maxBitrate) {
        if (this.state !== "decreasing") {
          this.holdUntil = now + this.holdDuration;
          this.holdDuration = Math.min(MAX_HOLD, this.holdDuration * HOLD_FACTOR);
          this.holdRate = bounded;
        }
        this.state = "decreasing";
      } else {
        this.holdUntil = Number.NEGATIVE_INFINITY;
        this.holdDuration = INITIAL_HOLD;
        this.holdRate = Number.POSITIVE_INFINITY;
        this.state = "delay-based";
      }
      this.paddingRate = 0;
      this.paddingSince = Number.NEGATIVE_INFINITY;
    }
    this.bitrate = bounded;
    if (this.state !== "delay-based" && !(this.recoveringSince + INCREASE_WINDOW >= now)) {
      this.windowLimit = Math.max(LOWEST_BITRATE, this.bandwidth * MAX_INCREASE);
      this.recoveringSince = now;
    }
  }

  private get lowerBound(): number {
    return Number.isNaN(this.acknowledged) ? this.minBitrate : Math.max(this.acknowledged, this.minBitrate);
  }

  private increases(before: number, after: number): boolean {
    if (this.state === "delay-based") return false;
    return before < after || (before === after && this.state === "increasing");
  }

  private keepsIncreasing(bitrate: number): boolean {
    return (
      this.state !== "increasing" ||
      this.paddingSince + PADDING_DURATION >= this.observedUntil ||
      this.paddingRate < bitrate
    );
  }

  /** What was lost up to here says nothing of the path as it is known now: its capacity fell, and what overflowed has drained. */
  forget(): void {
    this.observations = 0;
    this.size = 0;
    this.lostSize = 0;
    this.packets = 0;
    this.firstSend = Number.POSITIVE_INFINITY;
    this.lastSend = Number.NEGATIVE_INFINITY;
    this.observedUntil = Number.NaN;
    this.epoch++;
    this.inherentLoss = this.usualLoss;
    this.averageLoss = 0;
    this.lossError = 0;
    this.boundAbove();
    this.bandwidth = Number.NaN;
    this.bitrate = Number.NaN;
    this.release();
  }

  /** No rate is held or gone up from by and by any more: the next candidate is as good as it fits. */
  release(): void {
    this.state = "delay-based";
    this.holdUntil = Number.NEGATIVE_INFINITY;
    this.holdDuration = INITIAL_HOLD;
    this.holdRate = Number.POSITIVE_INFINITY;
    this.paddingRate = 0;
    this.paddingSince = Number.NEGATIVE_INFINITY;
    this.recoveringSince = Number.NaN;
    this.windowLimit = Number.POSITIVE_INFINITY;
  }

  /** Closes the observation if it is long enough. */
  private observe(): boolean {
    if (this.size === 0) return false;
    if (Number.isNaN(this.observedUntil)) this.observedUntil = this.firstSend;
    const duration = this.lastSend - this.observedUntil;
    if (!(duration >= OBSERVATION_DURATION)) return false;
    this.observedUntil = this.lastSend;
    const at = this.observations++ % OBSERVATIONS;
    this.sizes[at] = this.size;
    this.lostSizes[at] = this.lostSize;
    this.counts[at] = this.packets;
    this.rates[at] = (this.size * 8000) / duration;
    this.size = 0;
    this.lostSize = 0;
    this.packets = 0;
    this.congested = this.waiting > this.messages / 2;
    this.messages = 0;
    this.waiting = 0;
    this.firstSend = Number.POSITIVE_INFINITY;
    this.lastSend = Number.NEGATIVE_INFINITY;
    this.epoch++;
    this.averageLoss = this.measureLoss();
    this.lossError = this.measureError();
    this.boundAbove();
    return true;
  }

  private get filled(): number {
    return Math.min(this.observations, OBSERVATIONS);
  }

  private weight(at: number): number {
    const age = (((this.observations - 1 - at) % OBSERVATIONS) + OBSERVATIONS) % OBSERVATIONS;
    return this.weights[age]!;
  }

  private measureLoss(): number {
    let total = 0;
    let lost = 0;
    let worst = 0;
    let best = 1;
    let worstAt = -1;
    this.spikeAt = -1;
    let bestAt = -1;
    const { filled } = this;
    for (let i = 0; i < filled; i++) {
      const weight = this.weight(i);
      total += weight * this.sizes[i]!;
      lost += weight * this.lostSizes[i]!;
      const ratio = this.lostSizes[i]! / this.sizes[i]!;
      if (ratio > worst) {
        worst = ratio;
        worstAt = i;
      }
      if (ratio < best) {
        best = ratio;
        bestAt = i;
      }
    }
    const all = total > 0 ? lost / total : 0;
    if (worstAt >= 0 && this.rates[worstAt]! >= SPIKE_FACTOR * this.medianRate()) return all;
    this.spikeAt = worstAt;
    let totalRest = total;
    let lostRest = lost;
    for (const at of [worstAt, bestAt]) {
      if (at < 0) continue;
      totalRest -= this.weight(at) * this.sizes[at]!;
      lostRest -= this.weight(at) * this.lostSizes[at]!;
    }
    return totalRest > 1 ? Math.max(0, lostRest) / totalRest : all;
  }

  /** Standard error of the average if each packet is lost by itself. */
  private measureError(): number {
    let total = 0;
    let squares = 0;
    const { filled, averageLoss } = this;
    for (let i = 0; i < filled; i++) {
      const weight = this.weight(i);
      total += weight * this.counts[i]!;
      squares += weight * weight * this.counts[i]!;
    }
    const error = total > 0 ? Math.sqrt(averageLoss * (1 - averageLoss) * squares) / total : 0;
    return Math.min(error, MAX_LOSS_ERROR);
  }

  private medianRate(): number {
    const { filled, sortedRates: sorted } = this;
    for (let i = 0; i < filled; i++) {
      const rate = this.rates[i]!;
      let at = i;
      for (; at > 0 && sorted[at - 1]! > rate; at--) sorted[at] = sorted[at - 1]!;
      sorted[at] = rate;
    }
    const half = filled >> 1;
    return filled % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  }

  private boundAbove(): void {
    const excess = this.averageLoss - BOUND_ERRORS * this.lossError - LOSS_OFFSET;
    this.upperBound = excess > 0 ? LOSS_BALANCE / excess : this.maxBitrate;
  }

  /**
   * The observation that the model leaves out: on a path that loses at random, one of a burst would be taken for too high a rate, however
   * low that is.
   */
  private get skipped(): number {
    return this.usualLoss >= NO_LOSS ? this.spikeAt : -1;
  }

  private candidateBandwidth = 0;

  /** Leaves the best candidate in candidateBandwidth and candidateLoss. */
  private search(applicationLimited: boolean): void {
    const current = this.bandwidth;
    const ceiling = Math.max(
      current,
      this.state !== "delay-based" && !Number.isNaN(this.recoveringSince) ? this.windowLimit : this.maxBitrate,
    );
    let best = Number.NEGATIVE_INFINITY;
    let bestBandwidth = current;
    let bestLoss = this.inherentLoss;
    for (let i = 0; i < CANDIDATE_FACTORS.length + 2; i++) {
      let bandwidth: number;
      if (i < CANDIDATE_FACTORS.length) {
        // Loss at much less than the estimate is no reason to lower it (Chromium does, down to what is sent and below).
        if (applicationLimited && CANDIDATE_FACTORS[i]! < 1) continue;
        bandwidth = current * CANDIDATE_FACTORS[i]!;
      } else if (i === CANDIDATE_FACTORS.length) {
        // What arrives says little of the path while the application sends little.
        if (Number.isNaN(this.acknowledged) || applicationLimited) continue;
        bandwidth = this.acknowledged;
      } else {
        if (!(this.delayBased > current) || !Number.isFinite(this.delayBased)) continue;
        bandwidth = this.delayBased;
      }
      bandwidth = Math.min(bandwidth, ceiling);
      const loss = this.fitLoss(bandwidth);
      const objective = this.objective(bandwidth, loss);
      if (objective > best || (objective === best && bandwidth > bestBandwidth)) {
        best = objective;
        bestBandwidth = bandwidth;
        bestLoss = loss;
      }
    }
    this.candidateBandwidth = bestBandwidth;
    this.candidateLoss = bestLoss;
  }

  private feasibleLoss(loss: number, bandwidth: number): number {
    let upper = bandwidth > 0 ? Math.min(1, LOSS_OFFSET + LOSS_BALANCE / bandwidth) : 1;
    if (this.congested) upper = Math.min(upper, this.usualLoss + this.lossError + MIN_INHERENT_LOSS);
    return Math.min(Math.max(loss, MIN_INHERENT_LOSS), upper);
  }

  /** One step of Newton's method towards the random loss that explains the observations best at this bandwidth. */
  private fitLoss(bandwidth: number): number {
    const loss = this.feasibleLoss(this.inherentLoss, bandwidth);
    let first = 0;
    let second = 0;
    const { filled, skipped } = this;
    for (let i = 0; i < filled; i++) {
      if (i === skipped) continue;
      const p = lossProbability(loss, bandwidth, this.rates[i]!);
      const lost = this.lostSizes[i]! / 1000;
      const received = (this.sizes[i]! - this.lostSizes[i]!) / 1000;
      const weight = this.weight(i);
      first += weight * (lost / p - received / (1 - p));
      second -= weight * (lost / (p * p) + received / ((1 - p) * (1 - p)));
    }
    if (!(second < 0)) second = -1e-6;
    return this.feasibleLoss(loss - (NEWTON_STEP * first) / second, bandwidth);
  }

  private objective(bandwidth: number, loss: number): number {
    const distance = BIAS_LOSS_THRESHOLD - this.averageLoss;
    const scale = distance / (BIAS_SMOOTHING + Math.abs(distance));
    const kilobits = bandwidth / 1000;
    const bias = scale * (BANDWIDTH_BIAS * kilobits + LOG_BANDWIDTH_BIAS * Math.log(1 + kilobits));
    let sum = 0;
    const { filled, skipped } = this;
    for (let i = 0; i < filled; i++) {
      if (i === skipped) continue;
      const p = lossProbability(loss, bandwidth, this.rates[i]!);
      const lost = this.lostSizes[i]! / 1000;
      const size = this.sizes[i]! / 1000;
      sum += this.weight(i) * (lost * Math.log(p) + (size - lost) * Math.log(1 - p) + bias * size);
    }
    return sum;
  }
}

function lossProbability(inherent: number, bandwidth: number, rate: number): number {
  let p = inherent;
  if (rate > bandwidth) p += ((1 - inherent) * (rate - bandwidth)) / rate;
  return Math.min(Math.max(p, 1e-6), 1 - 1e-6);
}
