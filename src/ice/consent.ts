// Consent freshness (RFC 7675) of the pair in use: when to ask, when to worry, when to stop. A lite agent asks nothing
// and goes by what it hears instead; two of them send each other keepalives (RFC 8445 §11), and have no consent to speak of.
import type { IceTiming } from "./options.js";

/** "asks": a full agent. "listens": a lite one with a full peer, whose checks it counts. "keepalive": both are lite. */
export type ConsentKind = "asks" | "listens" | "keepalive";

/** Keepalives of the peer that may be missed before the pair is "disconnected". One more, and it has failed. */
const MISSED_KEEPALIVES = 3;

export class Consent {
  private readonly timing: IceTiming;
  private readonly random: () => number;
  private readonly kind: ConsentKind;
  /** The last valid response (lite: the last valid request). */
  private answeredAt: number;
  private nextAt: number;
  /** The first check since then, NaN if none. */
  private askedAt = Number.NaN;
  private asked = 0;

  /** `random` gives numbers in [0, 1). The pair has just been shown to work. */
  constructor(timing: IceTiming, random: () => number, kind: ConsentKind, now: number) {
    this.timing = timing;
    this.random = random;
    this.kind = kind;
    this.answeredAt = now;
    this.nextAt = now + this.interval();
  }

  /** RFC 7675 §5.1: randomised between 0.8 and 1.2 of the basic interval. */
  private interval(): number {
    return this.kind === "listens" ? Infinity : this.timing.consentInterval * (0.8 + 0.4 * this.random());
  }

  /** True if a check, or a keepalive, is to be sent now; it is taken as sent. An answer is not missed before two round trips. */
  takeDue(roundTripTime: number, now: number): boolean {
    if (now < this.nextAt) return false;
    if (this.kind === "keepalive") {
      this.nextAt = now + this.interval();
      return true;
    }
    if (Number.isNaN(this.askedAt)) this.askedAt = now;
    this.asked++;
    this.nextAt = now + Math.max(this.timing.consentRetry, 2 * roundTripTime || 0);
    return true;
  }

  /** Ask at once: something gave rise to doubt. */
  hurry(now: number): void {
    if (this.kind === "asks" && Number.isNaN(this.askedAt)) this.nextAt = now;
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
    const { timing, kind } = this;
    if (kind !== "asks") {
      const silence = kind === "listens" ? timing.liteDisconnectedTimeout : MISSED_KEEPALIVES * timing.keepalive;
      return Math.max(this.answeredAt, lastReceivedAt || 0) + silence;
    }
    if (Number.isNaN(this.askedAt)) return Infinity;
    return Math.max(this.askedAt, lastReceivedAt || 0) + timing.disconnectedTimeout;
  }

  isDisconnected(lastReceivedAt: number, now: number): boolean {
    return now >= this.worryAt(lastReceivedAt);
  }

  private expiryAt(lastReceivedAt: number): number {
    const { timing, kind, answeredAt } = this;
    if (kind !== "keepalive") return answeredAt + timing.consentTimeout;
    return Math.max(answeredAt, lastReceivedAt || 0) + (MISSED_KEEPALIVES + 1) * timing.keepalive;
  }

  isExpired(lastReceivedAt: number, now: number): boolean {
    return now >= this.expiryAt(lastReceivedAt);
  }

  /** The next time at which one of the answers above changes by itself. */
  deadline(lastReceivedAt: number, now: number): number {
    const worry = this.worryAt(lastReceivedAt);
    return Math.min(this.nextAt, worry > now ? worry : Infinity, this.expiryAt(lastReceivedAt));
  }
}
