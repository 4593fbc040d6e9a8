// Watches how long packets wait in the queue of the bottleneck, as the least delay of each message above the least seen for
// some time. The delay gradient sees a queue grow and drain, not one that stands: full at a drop-tail router, or left over
// from a drop of capacity. This says when to send less than arrives, and how much less, until the queue is gone. It is not in
// the draft nor in Chromium. Where sending less does not help (others fill the queue, or the path has become longer), it
// gives up, and takes the delay for the path's own.

/** The least delay is that of this to twice this many milliseconds. */
const BASELINE_WINDOW = 15_000;
/**
 * Milliseconds of waiting above which the queue shall drain: less for a faster flow, so that of flows that share a queue the
 * larger yields first; in between at the rate HIGH_RATE, and at low rates the time of a packet more. Below LOW it has drained.
 */
const HIGH_FAST = 10;
const HIGH_SLOW = 80;
const HIGH_RATE = 1_000_000;
const PACKET_BITS = 1200 * 8;
const LOW = 15;
/** Delays that differ from message to message by nature (radio, jitter) need a longer queue to stand out. */
const NOISE_WEIGHT = 0.05;
const NOISE_FACTOR = 2;
const MAX_NOISE = 60;
/** It has to stand for so long, so that the jitter of a radio is not taken for it. */
const PERSISTENCE = 200;
/** The rate is reduced by the waiting time's share of this, milliseconds, but not further than to MIN_SHARE. */
const DRAIN_TIME = 600;
const MIN_SHARE = 0.35;
/** The queue has to shrink within so many milliseconds. */
const PATIENCE = 1000;
const MAX_ATTEMPTS = 3;
const FIRST_PAUSE = 10_000;
const MAX_PAUSE = 80_000;
/** A delay so different from before comes from a clock that was set, milliseconds. */
const CLOCK_JUMP = 10_000;

export class StandingQueue {
  /** Milliseconds of waiting in the latest message. */
  delay = 0;
  /** By how much the least delay differs from message to message, on average, milliseconds. */
  noise = 0;
  /** Bits per second that let the queue drain; Infinity if nothing stands. */
  limit: number = Number.POSITIVE_INFINITY;
  /** Of the latest `update`: a queue stands and does not shrink; the rate has to go down. */
  overused = false;

  /** Less than in the message before. */
  private shrinking = false;
  private currentMin = Number.POSITIVE_INFINITY;
  private previousMin = Number.POSITIVE_INFINITY;
  private windowEnd = Number.NEGATIVE_INFINITY;
  private high = HIGH_SLOW;
  private least = HIGH_SLOW;
  private previous = 0;
  private longSince = Number.NaN;
  private anchor = 0;
  private checkAt = 0;
  private checkDelay = 0;
  private attempts = 0;
  private pausedUntil = Number.NEGATIVE_INFINITY;
  private pause = FIRST_PAUSE;

  /** It drains as it shall: no reason to send even less. */
  get emptying(): boolean {
    return this.draining && this.shrinking;
  }

  get draining(): boolean {
    return this.limit !== Number.POSITIVE_INFINITY;
  }

  /** The delay is one to act upon. */
  get long(): boolean {
    return this.delay >= this.high;
  }

  /** The delay is one to act upon for a flow that nobody shares the queue with. */
  get longForOne(): boolean {
    return this.delay >= this.least;
  }

  /**
   * The least of (arrival - send time) in a message, the own rate, and what arrives (NaN: unknown), bits per second.
   */
  update(oneWay: number, bitrate: number, throughput: number, now: number): void {
    this.least =
      HIGH_FAST + Math.min(PACKET_BITS / bitrate, 0.1) * 1000 + Math.min(NOISE_FACTOR * this.noise, MAX_NOISE);
    this.high = this.least + (HIGH_SLOW - HIGH_FAST) / (1 + bitrate / HIGH_RATE);
    this.overused = false;
    const baseline = Math.min(this.currentMin, this.previousMin);
    if (Math.abs(oneWay - baseline) > CLOCK_JUMP) {
      this.forget(Number.POSITIVE_INFINITY);
      this.previous = oneWay;
      this.noise = 0;
    }
    // How much the least delay differs from message to message, when it is not a queue that changes.
    if (!this.draining) this.noise += (Math.abs(oneWay - this.previous) - this.noise) * NOISE_WEIGHT;
    this.previous = oneWay;
    if (now >= this.windowEnd) {
      this.previousMin = this.currentMin;
      this.currentMin = Number.POSITIVE_INFINITY;
      this.windowEnd = now + BASELINE_WINDOW;
    }
    if (oneWay < this.currentMin) this.currentMin = oneWay;
    const delay = oneWay - Math.min(this.currentMin, this.previousMin);
    this.shrinking = delay < this.delay;
    this.delay = delay;

    if (this.delay < (this.draining ? LOW : this.high)) {
      if (this.draining) this.pause = FIRST_PAUSE;
      this.limit = Number.POSITIVE_INFINITY;
      this.longSince = Number.NaN;
      return;
    }
    if (Number.isNaN(this.longSince)) this.longSince = now;
    if (!this.draining && now - this.longSince < PERSISTENCE) return;
    if (now < this.pausedUntil || Number.isNaN(throughput)) return;
    if (!this.draining) {
      this.attempts = 0;
      this.begin(throughput, now);
    } else if (now >= this.checkAt) {
      if (this.delay < this.checkDelay - LOW) {
        this.checkAt = now + PATIENCE;
        this.checkDelay = this.delay;
      } else if (++this.attempts < MAX_ATTEMPTS) {
        this.begin(throughput, now);
      } else {
        this.forget(oneWay);
        this.pausedUntil = now + this.pause;
        this.pause = Math.min(this.pause * 2, MAX_PAUSE);
        return;
      }
    }
    // What arrives while a queue stands is what the link carries; less than before means that it carries less.
    if (this.delay > this.checkDelay) this.anchor = Math.min(this.anchor, throughput);
    this.limit = this.anchor * Math.max(MIN_SHARE, 1 - this.delay / DRAIN_TIME);
  }

  reset(): void {
    this.forget(Number.POSITIVE_INFINITY);
    this.delay = 0;
  }

  private begin(throughput: number, now: number): void {
    this.overused = true;
    this.anchor = throughput;
    this.checkAt = now + PATIENCE;
    this.checkDelay = this.delay;
  }

  private forget(baseline: number): void {
    this.currentMin = baseline;
    this.previousMin = baseline;
    this.limit = Number.POSITIVE_INFINITY;
  }
}
