// The checklist of one data stream with one component (RFC 8445 §6.1.2): forming pairs, their order, which is checked next.
// It decides nothing about nomination and sends nothing.
import { ipScope } from "../util/ip.js";
import type { RemoteCandidate } from "./candidate.js";
import { type IceRole, MAX_PAIRS } from "./options.js";
import { CandidatePair, type IceBase } from "./pair.js";

/** Direct UDP before direct TCP before relays: within a class, the first pair that works is as good as the next. */
export function pairClass(pair: CandidatePair): number {
  return pair.relayed ? 0 : pair.base.protocol === "tcp" ? 1 : 2;
}

/** Whether this base may send checks to this candidate at all. */
export function isPairable(base: IceBase, remote: RemoteCandidate): boolean {
  const { candidate } = remote;
  if (base.protocol !== candidate.protocol || base.family !== remote.family) return false;
  if (base.protocol === "tcp") {
    // RFC 6544 §6.2: an active end connects to a passive one; passive ends wait (port 9 is no port).
    if (base.tcpType !== "active" || candidate.tcpType !== "passive") return false;
  }
  // RFC 8445 §6.1.2.2: link-local IPv6 reaches only its like.
  if (base.family === 6) return (ipScope(base.address) === "link-local") === (ipScope(remote.address) === "link-local");
  return true;
}

export class Checklist {
  /** Highest priority first. */
  readonly pairs: CandidatePair[] = [];
  private readonly triggered: CandidatePair[] = [];
  private role: IceRole;
  /** Ordinary checks are for pairs of a class above this one only, once something was nominated. */
  private floor = -1;
  private exhausted = true;

  constructor(role: IceRole) {
    this.role = role;
  }

  /** Makes the pair, or undefined where there is no room for one of its priority. The caller knows it is new. */
  add(base: IceBase, remote: RemoteCandidate): CandidatePair | undefined {
    const pair = new CandidatePair(base, remote, this.role);
    if (this.pairs.length >= MAX_PAIRS) {
      const victim = this.pairs.findLast((p) => !p.authenticated && p.state !== "succeeded" && !p.triggered);
      if (victim === undefined || victim.compare(pair) > 0) return undefined;
      this.remove(victim);
    }
    this.insert(pair);
    base.pairs.set(remote.key, pair);
    const foundation = pair.foundation;
    let free = true;
    for (const other of this.pairs) {
      if (other === pair || other.foundation !== foundation) continue;
      if (other.state === "succeeded") {
        free = true;
        break;
      }
      if (other.state === "waiting" || other.state === "in-progress") free = false;
    }
    // §6.1.2.6: one pair of a foundation goes first, and the others wait for its result.
    pair.state = free ? "waiting" : "frozen";
    this.exhausted = false;
    return pair;
  }

  remove(pair: CandidatePair): void {
    const at = this.pairs.indexOf(pair);
    if (at >= 0) this.pairs.splice(at, 1);
    const queued = this.triggered.indexOf(pair);
    if (queued >= 0) this.triggered.splice(queued, 1);
    pair.triggered = false;
    pair.base.pairs.delete(pair.remote.key);
    if (pair.base.lastPair === pair) pair.base.lastPair = undefined;
  }

  /** Puts a pair in the triggered-check queue (§7.3.1.4). */
  trigger(pair: CandidatePair): void {
    if (pair.triggered) return;
    pair.triggered = true;
    this.triggered.push(pair);
  }

  nextTriggered(): CandidatePair | undefined {
    const pair = this.triggered.shift();
    if (pair !== undefined) pair.triggered = false;
    return pair;
  }

  get hasTriggered(): boolean {
    return this.triggered.length > 0;
  }

  /** True while nextOrdinary() may have something. */
  get hasOrdinary(): boolean {
    return !this.exhausted;
  }

  /** The pair to check in the next ordinary check (§6.1.4.2). */
  nextOrdinary(): CandidatePair | undefined {
    let frozen: CandidatePair | undefined;
    for (const pair of this.pairs) {
      if (pairClass(pair) <= this.floor) continue;
      if (pair.state === "waiting" && !pair.triggered) return pair;
      if (pair.state === "frozen") frozen ??= pair;
    }
    // The RFC leaves a frozen pair alone while one of its foundation is in progress; ours may be for 16 seconds, in
    // which a pair that works would lie idle. With nothing else to do, it is checked.
    if (frozen === undefined) this.exhausted = true;
    return frozen;
  }

  /** §7.2.5.3.3: a result for this foundation is in; what waited for it may go. */
  thaw(pair: CandidatePair): void {
    const foundation = pair.foundation;
    for (const other of this.pairs) {
      if (other.state === "frozen" && other.foundation === foundation) other.state = "waiting";
    }
  }

  /** Ends ordinary checks except of pairs in a class above that of `pair` (undefined: checks all again). */
  restrict(pair: CandidatePair | undefined): void {
    this.floor = pair === undefined ? -1 : pairClass(pair);
    this.exhausted = false;
  }

  /** True if the pair still counts: an ordinary check of it is to come or under way. */
  isPending(pair: CandidatePair): boolean {
    if (pair.triggered) return true;
    if (pair.state !== "waiting" && pair.state !== "frozen" && pair.state !== "in-progress") return false;
    return pairClass(pair) > this.floor;
  }

  /** The pair may be checked again, whatever came of it before. */
  retry(pair: CandidatePair): void {
    pair.state = "waiting";
    this.exhausted = false;
  }

  setRole(role: IceRole): void {
    this.role = role;
    for (const pair of this.pairs) pair.setRole(role);
    this.pairs.sort((a, b) => b.compare(a));
  }

  /** The priority of one of its candidates changed. */
  reorder(pair: CandidatePair): void {
    pair.setRole(this.role);
    this.pairs.splice(this.pairs.indexOf(pair), 1);
    this.insert(pair);
  }

  private insert(pair: CandidatePair): void {
    let low = 0;
    let high = this.pairs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.pairs[middle]!.compare(pair) >= 0) low = middle + 1;
      else high = middle;
    }
    this.pairs.splice(low, 0, pair);
  }
}
