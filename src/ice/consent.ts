// Consent freshness (RFC 7675) of the pair in use: when to ask, when to worry, when to stop. A lite agent asks nothing
// and goes by what it hears instead.
import type { IceTiming } from "./options.js";

export class Consent {
  private readonly timing: IceTiming;
  private readonly random: () => number;
  private readonly lite: boolean;
  /** The last valid response (lite: the last valid request). */
  private answeredAt: number;
  private nextAt: number;
  /** The first check since then, NaN if none. */
  private askedAt = Number.NaN;
  private asked = 0;

  /** `random` gives numbers in [0, 1). The pair has just been shown to work. */
  constructor(timing: IceTiming, random: () => number, lite: boolean, now: number) {
    this.timing = timing;
    this.random = random;
    this.lite = lite;
    this.answeredAt = now;
    this.nextAt = now + this.interval();
  }

  /** RFC 7675 §5.1: randomised between 0.8 and 1.2 of the basic interval. */
  private interval(): number {
    return this.lite ? Infinity : this.timing.consentInterval * (0.8 + 0.4 * this.random());
  }

  /** True if a check is to be sent now; it is taken as sent. An answer is not missed before two round trips have passed. */
  takeDue(roundTripTime: number, now: number): boolean {
    if (now < this.nextAt) return false;
    if (Number.isNaN(this.askedAt)) this.askedAt = now;
    this.asked++;
    this.nextAt = now + Math.max(this.timing.consentRetry, 2 * roundTripTime || 0);
    return true;
  }

  /** Ask at once: something gave rise to doubt. */
  hurry(now: number): void {
    if (!this.lite && Number.isNaN(this.askedAt)) this.nextAt = now;
  }

  onAnswer(now: number): void {
    this.answeredAt = now;
    this.askedAt = Number.NaN;
    this.asked = 0;
    this.nextAt = now + this.interval();
  }

  /** More than one check in a row is unanswered: other pairs are worth trying. */
  get doubtful(): boolean {
    return this.asked > 2;
  }

  /** When the pair is to be called disconnected unless something is heard; Infinity if nothing suggests it. */
  private worryAt(lastReceivedAt: number): number {
    const { timing } = this;
    if (this.lite) return Math.max(this.answeredAt, lastReceivedAt || 0) + timing.liteDisconnectedTimeout;
    if (Number.isNaN(this.askedAt)) return Infinity;
    return Math.max(this.askedAt, lastReceivedAt || 0) + timing.disconnectedTimeout;
  }

  isDisconnected(lastReceivedAt: number, now: number): boolean {
    return now >= this.worryAt(lastReceivedAt);
  }

  isExpired(now: number): boolean {
    return now >= this.answeredAt + this.timing.consentTimeout;
  }

  /** The next time at which one of the answers above changes by itself. */
  deadline(lastReceivedAt: number, now: number): number {
    const worry = this.worryAt(lastReceivedAt);
    const expiry = this.answeredAt + this.timing.consentTimeout;
    return Math.min(this.nextAt, worry > now ? worry : Infinity, expiry);
  }
}
