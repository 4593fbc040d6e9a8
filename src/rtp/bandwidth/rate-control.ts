// Additive increase, multiplicative decrease, driven by the overuse detector (draft-ietf-rmcat-gcc-02 §5.5): after overuse to
// a share of what arrives, then up again: fast while the capacity is unknown, about a packet per response time near it.
import { LinkCapacity } from "./link-capacity.js";
import type { BandwidthUsage } from "./trendline.js";

const DEFAULT_RTT = 200;
const BACKOFF = 0.85;
/** Subtracted at a decrease, so that rates of a few packets per second go down too. */
const BACKOFF_OFFSET = 5000;
/** Who has the link alone need not make room for others, and to keep a queue from growing less is enough. */
const ALONE_BACKOFF = 0.95;
const INCREASE_PER_SECOND = 1.08;
const MIN_INCREASE = 1000;
const MIN_NEAR_MAX_INCREASE = 4000;
/** The rate may grow to this multiple of what arrives, plus a little that lets very low rates off the ground. */
const MAX_OVERSHOOT = 1.5;
const OVERSHOOT_OFFSET = 10_000;
/** Without a start rate, what arrives is believed after so long. */
const INITIALIZATION_TIME = 5000;
/** Share of the rate that feedback of a receive-side estimator may take, and a message's size. */
const FEEDBACK_SHARE = 0.05;
const FEEDBACK_BITS = 80 * 8;

export class RateControl {
  /** Bits per second. */
  bitrate: number;
  /** True once the bitrate was set, or measured. */
  valid = false;
  readonly linkCapacity: LinkCapacity = new LinkCapacity();
  rtt: number = DEFAULT_RTT;

  private readonly backoff: number;
  private minBitrate: number;
  private state: "hold" | "increase" | "decrease" = "hold";
  private throughput: number;
  private changedAt = Number.NEGATIVE_INFINITY;
  private firstThroughputAt = Number.NaN;

  /** `backoff`: the share of what arrives that overuse leaves. */
  constructor(initial: number, minBitrate: number, backoff: number = BACKOFF) {
    this.backoff = backoff;
    this.bitrate = initial;
    this.throughput = initial;
    this.minBitrate = minBitrate;
  }

  setStart(bitrate: number): void {
    this.bitrate = Math.max(bitrate, this.minBitrate);
    this.throughput = this.bitrate;
    this.valid = true;
  }

  setMinimum(bitrate: number): void {
    this.minBitrate = bitrate;
    this.bitrate = Math.max(this.bitrate, bitrate);
  }

  /** Milliseconds between two messages of a receive-side estimator. */
  get feedbackInterval(): number {
    return Math.max(200, Math.min((FEEDBACK_BITS * 1000) / (this.bitrate * FEEDBACK_SHARE), 1000));
  }

  /** True if enough time has passed since the last change, or the path carries so little that waiting would hurt. */
  mayReduce(throughput: number, now: number): boolean {
    if (now - this.changedAt >= Math.max(10, Math.min(this.rtt, 200))) return true;
    return this.valid && throughput < 0.5 * this.bitrate;
  }

  set(bitrate: number, now: number): void {
    this.valid = true;
    this.bitrate = Math.max(bitrate, this.minBitrate);
    this.changedAt = now;
  }

  /** `throughput` is what arrives in bits per second, NaN if unknown. */
  update(usage: BandwidthUsage, throughput: number, now: number): void {
    const measured = !Number.isNaN(throughput);
    if (!this.valid && measured) {
      if (Number.isNaN(this.firstThroughputAt)) this.firstThroughputAt = now;
      else if (now - this.firstThroughputAt > INITIALIZATION_TIME) {
        this.bitrate = throughput;
        this.valid = true;
      }
    }
    if (measured) this.throughput = throughput;
    // Overuse makes even a rate that is not valid yet one.
    if (!this.valid && usage !== "overusing") return;

    if (usage === "overusing") this.state = "decrease";
    else if (usage === "underusing") this.state = "hold";
    else if (this.state === "hold") {
      this.changedAt = now;
      this.state = "increase";
    }

    if (this.state === "increase") this.increase(now);
    else if (this.state === "decrease") this.decrease(now);
    this.bitrate = Math.max(this.bitrate, this.minBitrate);
  }

  private increase(now: number): void {
    const { linkCapacity, throughput } = this;
    // What arrives is well above what was too much once: the path has changed.
    if (throughput > linkCapacity.upperBound) linkCapacity.reset();
    const limit = MAX_OVERSHOOT * throughput + OVERSHOOT_OFFSET;
    if (this.bitrate < limit) {
      const elapsed = now - this.changedAt;
      const step = linkCapacity.known
        ? (this.nearMaxIncrease() * elapsed) / 1000
        : Math.max(this.bitrate * (INCREASE_PER_SECOND ** Math.min(elapsed / 1000, 1) - 1), MIN_INCREASE);
      this.bitrate = Math.min(this.bitrate + step, limit);
    }
    this.changedAt = now;
  }

  private decrease(now: number): void {
    const { linkCapacity, throughput } = this;
    const alone = linkCapacity.alone(throughput);
    const share = alone ? ALONE_BACKOFF : this.backoff;
    let reduced = throughput * share;
    if (reduced > BACKOFF_OFFSET && !alone) reduced -= BACKOFF_OFFSET;
    if (reduced > this.bitrate && linkCapacity.known) reduced = share * linkCapacity.estimate;
    if (reduced < this.bitrate) this.bitrate = reduced;
    if (throughput < linkCapacity.lowerBound) linkCapacity.reset();
    linkCapacity.onOveruse(throughput);
    this.valid = true;
    // Until the queue has drained.
    this.state = "hold";
    this.changedAt = now;
  }

  /** Bits per second, per second: one packet per response time, the packet being that of a 30 Hz video. */
  private nearMaxIncrease(): number {
    const frameBits = this.bitrate / 30;
    const packetBits = frameBits / Math.ceil(frameBits / (1200 * 8));
    // The detector takes about 100 ms.
    return Math.max(MIN_NEAR_MAX_INCREASE, (packetBits * 1000) / ((this.rtt + 100) * 2));
  }
}
