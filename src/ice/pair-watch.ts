// Watches whether the selected pair still works: consent (RFC 7675), "disconnected" when it goes silent, and trying all other
// pairs again while it is in doubt. Knows one pair at a time; which one, and what happens to it, is the session's.
import type { CryptoProvider } from "../crypto/provider.js";
import { Consent, type ConsentKind } from "./consent.js";
import type { IceTiming } from "./options.js";
import type { CandidatePair } from "./pair.js";

export interface PairWatchHost {
  /** Consent is over: nothing may be sent any more. */
  onExpired(pair: CandidatePair, now: number): void;
  /** A consent check, or a keepalive, is to be sent. */
  ask(pair: CandidatePair, now: number): void;
  /** The others are worth a check again. */
  onDoubt(): void;
  /** `disconnected` is another. */
  onDisconnectedChange(now: number): void;
}

export class PairWatch {
  private readonly timing: IceTiming;
  private readonly crypto: Pick<CryptoProvider, "random">;
  private readonly host: PairWatchHost;
  private pair: CandidatePair | undefined;
  private consent: Consent | undefined;
  private recoverAt = Infinity;
  disconnected = false;

  constructor(timing: IceTiming, crypto: Pick<CryptoProvider, "random">, host: PairWatchHost) {
    this.timing = timing;
    this.crypto = crypto;
    this.host = host;
  }

  /** `pair` has just been shown to work, or did so not long ago. */
  begin(pair: CandidatePair, kind: ConsentKind, now: number): void {
    this.end();
    this.pair = pair;
    this.consent = new Consent(this.timing, () => this.crypto.random(1)[0]! / 256, kind, now);
    if (now - pair.lastResponseAt > this.timing.consentInterval) this.consent.hurry(now);
  }

  end(): void {
    this.pair = undefined;
    this.consent = undefined;
    this.disconnected = false;
    this.recoverAt = Infinity;
  }

  /** Consent is asked for now. */
  hurry(now: number): void {
    this.consent?.hurry(now);
  }

  /** Checks in a row went unanswered. */
  get doubtful(): boolean {
    return this.consent?.doubtful === true;
  }

  /** The pair works. True if others were being tried. */
  handleAnswer(now: number): boolean {
    const wasRecovering = this.recoverAt !== Infinity;
    this.consent?.onAnswer(now);
    this.recoverAt = Infinity;
    return wasRecovering;
  }

  /** After `handleAnswer`. */
  reconnect(now: number): void {
    if (!this.disconnected) return;
    this.disconnected = false;
    this.host.onDisconnectedChange(now);
  }

  /** Infinity while there is no pair. `clock`: the time of the latest timeout. */
  deadline(clock: number): number {
    const { consent, pair } = this;
    if (consent === undefined || pair === undefined) return Infinity;
    return Math.min(consent.deadline(pair.lastReceivedAt, clock), this.recoverAt);
  }

  handleTimeout(now: number): void {
    const { consent, pair, host } = this;
    if (consent === undefined || pair === undefined) return;
    if (consent.isExpired(pair.lastReceivedAt, now)) {
      host.onExpired(pair, now);
      return;
    }
    if (consent.takeDue(pair.currentRoundTripTime, now)) {
      host.ask(pair, now);
      if (consent.doubtful && this.recoverAt === Infinity) this.recoverAt = now;
    }
    if (now >= this.recoverAt) {
      this.recoverAt = this.doubtful ? now + this.timing.recoveryInterval : Infinity;
      if (this.doubtful) host.onDoubt();
    }
    const disconnected = consent.isDisconnected(pair.lastReceivedAt, now);
    if (disconnected === this.disconnected) return;
    this.disconnected = disconnected;
    host.onDisconnectedChange(now);
  }
}
