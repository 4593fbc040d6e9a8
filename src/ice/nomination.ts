// Which pair of a session is used (RFC 8445 §8): nominating where we control, following the peer's nominations where it
// does, moving on when the pair in use goes silent. Which pairs there are and work is the checklist's; checks are sent, and
// their results told, by the session.
import type { CryptoProvider } from "../crypto/provider.js";
import type { Checker } from "./checker.js";
import { type Checklist, pairClass } from "./checklist.js";
import type { ConsentKind } from "./consent.js";
import type { IceRole, IceTiming } from "./options.js";
import type { CandidatePair } from "./pair.js";
import { PairWatch, type PairWatchHost } from "./pair-watch.js";
import { isToBeNominated, rankPairs } from "./selection.js";

export interface NominationHost extends Omit<PairWatchHost, "onDoubt"> {
  /** Nobody checks anything (RFC 8445 §6.1.1): what each signals is taken to work, and both choose by priority (§8.2). */
  readonly bothLite: boolean;
  readonly role: IceRole;
  /** A check is to be sent that nominates the pair. */
  nominate(pair: CandidatePair, now: number): void;
}

export class Nomination implements PairWatchHost {
  /** The pair that works best so far. */
  selected: CandidatePair | undefined;
  /** Consent has expired or was revoked with nothing left to go to. */
  lost = false;
  private readonly lite: boolean;
  private readonly timing: IceTiming;
  private readonly checklist: Checklist;
  private readonly checker: Pick<Checker, "silence">;
  private readonly host: NominationHost;
  private readonly watch: PairWatch;
  /** The nominated pair for which the checklist was restricted. */
  private settled: CandidatePair | undefined;

  constructor(
    options: { readonly crypto: Pick<CryptoProvider, "random">; readonly lite?: boolean | undefined },
    timing: IceTiming,
    checklist: Checklist,
    checker: Pick<Checker, "silence">,
    host: NominationHost,
  ) {
    this.lite = options.lite === true;
    this.timing = timing;
    this.checklist = checklist;
    this.checker = checker;
    this.host = host;
    this.watch = new PairWatch(timing, options.crypto, this);
  }

  // What the watch tells (PairWatchHost)

  /** @internal */
  onExpired(pair: CandidatePair, now: number): void {
    this.host.onExpired(pair, now);
  }

  /** @internal */
  ask(pair: CandidatePair, now: number): void {
    this.host.ask(pair, now);
  }

  /** @internal */
  onDoubt(): void {
    this.reopen();
  }

  /** @internal */
  onDisconnectedChange(now: number): void {
    this.host.onDisconnectedChange(now);
  }

  get disconnected(): boolean {
    return this.watch.disconnected;
  }

  /** Checks of the selected pair in a row went unanswered. */
  get doubtful(): boolean {
    return this.watch.doubtful;
  }

  /** Of the selected pair: Infinity without one. `clock`: the time of the latest timeout. */
  deadline(clock: number): number {
    return this.watch.deadline(clock);
  }

  handleTimeout(now: number): void {
    this.watch.handleTimeout(now);
  }

  // ---- the peer's nominations ----------------------------------------------------------------------------------------

  /**
   * RFC 8445 has one nomination, its predecessor many, of which the highest priority counts (RFC 5245 §8.1.1.2), and
   * Chromium goes on repeating it on the pair it prefers at the time. So: a newer one of lower priority wins where the
   * older one has not been repeated lately. To be evaluated afterwards.
   */
  acceptFromPeer(pair: CandidatePair, now: number): void {
    const { selected } = this;
    pair.nominating = false;
    pair.nominated = true;
    if (selected !== undefined && selected !== pair && selected.nominated && selected.compare(pair) > 0) {
      if (now - selected.nominatedAt > this.timing.nominationRecency || this.watch.doubtful) selected.nominated = false;
    }
  }

  // ---- what happens to pairs -----------------------------------------------------------------------------------------

  /** The selected pair has been heard of. */
  handleAnswer(now: number): void {
    if (this.watch.handleAnswer(now) && this.selected?.nominated === true) this.settleOn(this.selected);
    this.watch.reconnect(now);
  }

  /**
   * The peer checks this pair only now. What it answered before may have come before our description: Firefox keeps of such
   * requests the first from each address, and so loses the one that nominates, which is why consent is asked at once.
   */
  handleFirstRequest(pair: CandidatePair, now: number): void {
    if (pair === this.selected && pair.nominated && this.host.role === "controlling") this.watch.hurry(now);
  }

  /** A pair may be of another class than it seemed. */
  unsettle(): void {
    this.settled = undefined;
  }

  /** The role is another: nothing is nominated. */
  restart(): void {
    for (const pair of this.checklist.pairs) {
      pair.nominating = false;
      pair.nominated = false;
    }
    this.settled = undefined;
    this.checklist.restrict(undefined);
  }

  /** The pair is no longer one. */
  forget(pair: CandidatePair): void {
    if (this.selected !== pair) return;
    this.deselect();
    this.reopen();
  }

  /** Nothing may be sent over this pair. To be evaluated afterwards. */
  revoke(pair: CandidatePair): void {
    pair.revoked = true;
    pair.nominated = false;
    pair.state = "failed";
    if (pair !== this.selected) return;
    this.deselect();
    this.lost = true;
  }

  /** Nothing may be sent over any. */
  forbid(): void {
    this.lost = true;
    this.deselect();
  }

  private deselect(): void {
    this.selected = undefined;
    this.settled = undefined;
    this.watch.end();
  }

  /** Every pair is worth a check again. */
  private reopen(): void {
    this.settled = undefined;
    this.checklist.restrict(undefined);
    for (const pair of this.checklist.pairs) {
      if (pair === this.selected || pair.state === "in-progress" || pair.state === "waiting") continue;
      pair.nominating = false;
      pair.nominated = false;
      this.checklist.retry(pair);
    }
  }

  // ---- choosing ------------------------------------------------------------------------------------------------------

  /** Chooses the pair to use and, if we control, to nominate. */
  evaluate(now: number): void {
    if (this.host.bothLite) this.assumeAll();
    const doubted = this.watch.doubtful ? this.selected : undefined;
    const { pairs } = this.checklist;
    const { best, bestNominated } = rankPairs(pairs, doubted, this.timing.recoveryInterval, now);
    if (best === undefined) return;
    const nominates = this.host.role === "controlling" && !this.lite;
    if (nominates && isToBeNominated(best, bestNominated, pairs, doubted !== undefined)) {
      // Regular nomination (§8.1.1), repeated where a better class of pair appears later or the nominated one goes silent.
      best.nominating = true;
      this.host.nominate(best, now);
    }
    const choice = bestNominated ?? best;
    if (choice !== this.selected && (!this.lite || choice.nominated)) this.select(choice, doubted, now);
    if (choice === this.selected && choice.nominated && this.settled !== choice) this.settleOn(choice);
  }

  private assumeAll(): void {
    for (const pair of this.checklist.pairs) {
      if (pair.revoked) continue;
      pair.state = "succeeded";
      pair.authenticated = true;
      pair.nominated = true;
    }
  }

  private select(pair: CandidatePair, doubted: CandidatePair | undefined, now: number): void {
    if (doubted !== undefined) doubted.nominated = false;
    this.selected = pair;
    this.lost = false;
    const kind: ConsentKind = this.host.bothLite ? "keepalive" : this.lite ? "listens" : "asks";
    this.watch.begin(pair, kind, now);
  }

  /** §8.1.2: with a nominated pair, no further checks of pairs that could not replace it. */
  private settleOn(pair: CandidatePair): void {
    this.settled = pair;
    this.checklist.restrict(pair);
    this.checker.silence(
      ({ pair: other, nominating }) =>
        other === pair || this.checklist.isPending(other) || (nominating && pairClass(other) > pairClass(pair)),
    );
  }
}
