// One generation of ICE (RFC 8445 calls it a session): credentials, candidates, checks, nomination and consent, from one
// exchange of credentials to the next restart. The agent owns the current one and, while a restart is under way, the one
// before. Gathering is in gatherer.ts; which session carries data is the agent's decision.
import type { Hmac } from "../crypto/provider.js";
import { shortTermKey } from "../stun/credentials.js";
import { isStun, parseStunMessage, StunAttribute, type StunMessage, StunMethod } from "../stun/message.js";
import { type StunTransaction, StunTransactions } from "../stun/transaction.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import { canonicalIp, ipScope } from "../util/ip.js";
import type { Cancellable } from "../util/net.js";
import { iceChars, utf8Encode } from "../util/text.js";
import { compareTieBreakers, writeCheck, writeError, writeSuccess } from "./binding.js";
import { type IceBase, LocalCandidate, RemoteCandidate, remoteKey } from "./candidate.js";
import { Checklist, isPairable, pairClass } from "./checklist.js";
import { Consent } from "./consent.js";
import {
  type IceAgentOptions,
  type IceParameters,
  type IceRole,
  type IceTiming,
  MAX_PEER_REFLEXIVE,
  MAX_REMOTE_CANDIDATES,
  MAX_RESOLUTIONS,
} from "./options.js";
import type { CandidatePair, Check } from "./pair.js";

/** Error responses to requests that do not authenticate: no more than this per second. */
const MAX_ERROR_RESPONSES = 20;
const CONSENT_ANSWER_WINDOW = 10_000;

export interface SessionHost {
  readonly role: IceRole;
  readonly tieBreaker: Uint8Array;
  /** A role conflict was lost. `renew`: the tie-breaker too (§7.2.5.1). */
  switchRole(role: IceRole, renew: boolean, now: number): void;
  /** Something changed that the transport's state or the selected pair may depend on. */
  onProgress(session: IceSession, now: number): void;
  onData(data: Uint8Array, now: number): void;
}

export interface IceCounters {
  /** Data from addresses that never authenticated. */
  droppedData: number;
  /** STUN that does not parse or whose integrity is wrong. */
  droppedStun: number;
  /** Candidates beyond the limits, or unusable. */
  droppedCandidates: number;
}

interface Rejection {
  readonly code: number;
  readonly reason: string;
  /** The request was the peer's: so the response is protected. */
  readonly authenticated: boolean;
  readonly unknown?: readonly number[];
}

export class IceSession {
  readonly local: IceParameters;
  readonly checklist: Checklist;
  readonly bases: IceBase[] = [];
  remote: IceParameters | undefined;
  endOfRemoteCandidates = false;
  /** The pair that works best so far. */
  selected: CandidatePair | undefined;
  closed = false;
  /** Consent has expired or was revoked with nothing left to go to. */
  lost = false;
  /** Set by the agent when it has given up: requests are answered, but nothing new is tried. */
  halted = false;
  readonly counters: IceCounters;
  private readonly host: SessionHost;
  private readonly options: IceAgentOptions;
  private readonly timing: IceTiming;
  private readonly localKey: Hmac;
  private remoteKey: Hmac | undefined;
  private username: Uint8Array = new Uint8Array(0);
  private readonly remotes = new Map<string, RemoteCandidate>();
  private peerReflexive = 0;
  private readonly resolutions = new Set<Cancellable>();
  private readonly transactions: StunTransactions<Check>;
  private consent: Consent | undefined;
  /** The nominated pair for which the checklist was restricted. */
  private settled: CandidatePair | undefined;
  private disconnectedNow = false;
  private recoverAt = Infinity;
  private nextCheckAt = 0;
  private patienceAt = Infinity;
  private errorWindow = 0;
  private errorCount = 0;
  /** The time of the latest timeout: answers what is due about the selected pair. */
  private clock = 0;
  /** False while gathering: more local candidates may come. */
  gathered = false;

  constructor(
    options: IceAgentOptions,
    timing: IceTiming,
    local: IceParameters,
    counters: IceCounters,
    host: SessionHost,
  ) {
    this.options = options;
    this.timing = timing;
    this.local = local;
    this.counters = counters;
    this.host = host;
    this.localKey = options.crypto.createHmac("sha-1", shortTermKey(local.password));
    this.checklist = new Checklist(host.role);
    this.transactions = new StunTransactions<Check>({
      transmit: (bytes, transaction, now) => {
        const { pair } = transaction.context;
        pair.requestsSent++;
        pair.lastSentAt = now;
        pair.port.send(bytes, pair.address, pair.portNumber);
      },
      onTimeout: (transaction, now) => this.handleCheckTimeout(transaction, now),
    });
  }

  get disconnected(): boolean {
    return this.disconnectedNow;
  }

  get hasRemoteCandidates(): boolean {
    return this.remotes.size > 0 || this.resolutions.size > 0;
  }

  get remoteCandidates(): IceCandidate[] {
    return [...this.remotes.values()].map((remote) => remote.candidate);
  }

  /** Checks are to come or under way (§6.1.2.1: the checklist is running). */
  get checking(): boolean {
    return this.resolutions.size > 0 || this.checklist.pairs.some((pair) => this.checklist.isPending(pair));
  }

  // ---- candidates ----------------------------------------------------------------------------------------------------

  /** A socket of ours is ready; its own candidate is in it. */
  addBase(base: IceBase, now: number): void {
    this.bases.push(base);
    for (const remote of this.remotes.values()) this.pairUp(base, remote);
    this.pump(now);
  }

  removeBase(base: IceBase, now: number): void {
    const at = this.bases.indexOf(base);
    if (at < 0) return;
    this.bases.splice(at, 1);
    for (const pair of [...base.pairs.values()]) {
      pair.state = "failed";
      this.forget(pair);
    }
    this.evaluate(now);
  }

  setRemote(remote: IceParameters, now: number): void {
    const old = this.remote;
    if (old?.usernameFragment === remote.usernameFragment && old.password === remote.password) return;
    for (const candidate of [...this.remotes.values()]) {
      // Of another peer, or of the peer's last generation.
      const { usernameFragment } = candidate;
      if (usernameFragment === undefined ? old !== undefined : usernameFragment !== remote.usernameFragment) {
        this.removeRemote(candidate);
      }
    }
    this.remote = remote;
    this.remoteKey = this.options.crypto.createHmac("sha-1", shortTermKey(remote.password));
    this.username = utf8Encode(`${remote.usernameFragment}:${this.local.usernameFragment}`);
    this.patienceAt = now + this.timing.patience;
    if (old !== undefined) this.endOfRemoteCandidates = false;
    if (this.options.lite === true) this.evaluate(now);
    this.pump(now);
    this.host.onProgress(this, now);
  }

  addRemoteCandidate(candidate: IceCandidate, now: number): void {
    if (candidate.component !== 1) return;
    const ufrag = candidate.usernameFragment;
    if (ufrag !== undefined && this.remote !== undefined && ufrag !== this.remote.usernameFragment) return;
    if (this.remotes.size + this.resolutions.size >= MAX_REMOTE_CANDIDATES) {
      this.counters.droppedCandidates++;
      return;
    }
    const address = canonicalIp(candidate.address);
    if (address !== undefined) this.addResolved(candidate, address, now);
    else this.resolve(candidate);
    this.host.onProgress(this, now);
  }

  endRemoteCandidates(now: number): void {
    this.endOfRemoteCandidates = true;
    this.host.onProgress(this, now);
  }

  private resolve(candidate: IceCandidate): void {
    if (this.resolutions.size >= MAX_RESOLUTIONS || this.options.lite === true) {
      this.counters.droppedCandidates++;
      return;
    }
    let done = false;
    const resolution = this.options.network.resolve(candidate.address, (addresses, now) => {
      done = true;
      if (resolution !== undefined) this.resolutions.delete(resolution);
      if (this.closed) return;
      // RFC 8839 §5.1: the first address of a name that has several.
      const address = addresses.map(canonicalIp).find((a) => a !== undefined);
      if (address !== undefined) this.addResolved(candidate, address, now);
      this.host.onProgress(this, now);
    }) as Cancellable | undefined;
    if (!done && resolution !== undefined) this.resolutions.add(resolution);
  }

  private addResolved(candidate: IceCandidate, address: string, now: number): void {
    const scope = ipScope(address);
    const active = candidate.protocol === "tcp" && candidate.tcpType === "active";
    if (
      scope === "unspecified" ||
      scope === "multicast" ||
      scope === "broadcast" ||
      (candidate.port === 0 && !active)
    ) {
      this.counters.droppedCandidates++;
      return;
    }
    // Active TCP candidates tell nothing: their connections come from ports of their own (RFC 6544 §4.5).
    if (active) return;
    const key = remoteKey(address, candidate.port);
    const known = this.remotes.get(`${candidate.protocol} ${key}`);
    if (known !== undefined) {
      if (known.candidate.type === "prflx" && candidate.type !== "prflx") {
        // RFC 8838 §11: what was learned from a check is now known by name; its pairs stay.
        this.peerReflexive--;
        known.candidate = candidate;
        for (const base of this.bases) {
          const pair = base.pairs.get(key);
          if (pair?.remote === known) this.checklist.reorder(pair);
        }
      }
      return;
    }
    const remote = new RemoteCandidate(candidate, address, candidate.usernameFragment);
    this.remotes.set(`${candidate.protocol} ${key}`, remote);
    for (const base of this.bases) this.pairUp(base, remote);
    this.pump(now);
  }

  private pairUp(base: IceBase, remote: RemoteCandidate): void {
    if (!isPairable(base, remote) || base.pairs.has(remote.key)) return;
    if (this.checklist.add(base, remote) === undefined) this.counters.droppedCandidates++;
  }

  private removeRemote(remote: RemoteCandidate): void {
    this.remotes.delete(`${remote.candidate.protocol} ${remote.key}`);
    if (remote.candidate.type === "prflx") this.peerReflexive--;
    for (const base of this.bases) {
      const pair = base.pairs.get(remote.key);
      if (pair?.remote === remote) this.forget(pair);
    }
  }

  private forget(pair: CandidatePair): void {
    this.checklist.remove(pair);
    for (const transaction of this.transactions.values()) {
      if (transaction.context.pair === pair) this.transactions.settle(transaction);
    }
    pair.check = undefined;
    if (this.selected === pair) {
      this.selected = undefined;
      this.consent = undefined;
    }
  }

  setRole(role: IceRole, now: number): void {
    this.checklist.setRole(role);
    for (const pair of this.checklist.pairs) {
      pair.nominating = false;
      pair.nominated = false;
    }
    this.settled = undefined;
    this.checklist.restrict(undefined);
    this.evaluate(now);
    this.pump(now);
  }

  // ---- packets -------------------------------------------------------------------------------------------------------

  /** One datagram that arrived at a base. */
  receive(base: IceBase, data: Uint8Array, address: string, port: number, now: number): void {
    if (data.length > 0 && data[0]! < 4) {
      if (isStun(data)) this.receiveStun(base, data, address, port, now);
      else this.counters.droppedStun++;
      return;
    }
    let pair = base.lastPair;
    if (pair === undefined || pair.portNumber !== port || pair.address !== address) {
      pair = base.pairs.get(remoteKey(address, port));
      if (pair === undefined || !pair.authenticated) {
        this.counters.droppedData++;
        return;
      }
      base.lastPair = pair;
    }
    pair.packetsReceived++;
    pair.bytesReceived += data.length;
    pair.lastReceivedAt = now;
    this.host.onData(data, now);
  }

  private receiveStun(base: IceBase, data: Uint8Array, address: string, port: number, now: number): void {
    const message = parseStunMessage(data);
    if (message === undefined || message.method !== StunMethod.binding) {
      this.counters.droppedStun++;
      return;
    }
    if (message.class === "request") this.receiveRequest(base, message, address, port, now);
    else if (message.class !== "indication") this.receiveResponse(base, message, address, port, now);
    this.pump(now);
  }

  private receiveRequest(base: IceBase, message: StunMessage, address: string, port: number, now: number): void {
    const rejection = this.examine(message, now);
    if (rejection !== undefined) {
      const { code, reason, authenticated, unknown } = rejection;
      if (!authenticated) {
        this.counters.droppedStun++;
        if (!this.mayReportError(now)) return;
      }
      const key = authenticated ? this.localKey : undefined;
      base.port.send(writeError(message, code, reason, key, unknown), address, port);
      return;
    }
    const priority = message.u32(StunAttribute.priority)!;
    const username = message.text(StunAttribute.username)!;
    const peerFragment = username.slice(username.indexOf(":") + 1);
    const pair = this.pairOf(base, address, port, priority, peerFragment);
    base.port.send(writeSuccess(message, address, port, this.localKey), address, port);
    // Beyond the limit of peer-reflexive candidates: answered, but not remembered.
    if (pair === undefined) return;
    pair.requestsReceived++;
    pair.responsesSent++;
    pair.lastRequestReceivedAt = now;
    pair.lastReceivedAt = now;
    pair.lastSentAt = now;
    pair.authenticated = true;
    if (this.halted) return;
    const useCandidate = message.has(StunAttribute.useCandidate) && this.host.role === "controlled";
    if (this.options.lite === true) this.acceptAsLite(pair, useCandidate, now);
    else {
      if (useCandidate) this.receiveNomination(pair, now);
      this.triggerCheck(pair, now);
    }
  }

  /** What is wrong with a request (RFC 8489 §9.1.3, §6.3.1; RFC 8445 §7.3), if anything. */
  private examine(message: StunMessage, now: number): Rejection | undefined {
    const username = message.text(StunAttribute.username);
    if (username === undefined || !message.hasIntegrity) {
      return { code: 400, reason: "Bad Request", authenticated: false };
    }
    const colon = username.indexOf(":");
    if (
      colon < 0 ||
      username.slice(0, colon) !== this.local.usernameFragment ||
      (this.remote !== undefined && username.slice(colon + 1) !== this.remote.usernameFragment) ||
      !message.verifyIntegrity(this.localKey, this.options.crypto)
    ) {
      return { code: 401, reason: "Unauthenticated", authenticated: false };
    }
    const unknown = message.unknownRequired();
    if (unknown.length > 0) return { code: 420, reason: "Unknown Attribute", authenticated: true, unknown };
    if (message.u32(StunAttribute.priority) === undefined) {
      return { code: 400, reason: "Bad Request", authenticated: true };
    }
    if (this.losesRoleConflict(message, now)) return { code: 487, reason: "Role Conflict", authenticated: true };
    return undefined;
  }

  private mayReportError(now: number): boolean {
    if (now >= this.errorWindow + 1000) {
      this.errorWindow = now;
      this.errorCount = 0;
    }
    return ++this.errorCount <= MAX_ERROR_RESPONSES;
  }

  /** RFC 8445 §7.3.1.1. True: the peer is to yield. */
  private losesRoleConflict(message: StunMessage, now: number): boolean {
    if (this.options.lite === true) return false;
    const { role } = this.host;
    const theirs = message.get(role === "controlling" ? StunAttribute.iceControlling : StunAttribute.iceControlled);
    if (theirs === undefined || theirs.length !== 8) return false;
    const weWin = compareTieBreakers(this.host.tieBreaker, theirs) >= 0;
    // The larger tie-breaker controls.
    if (role === "controlling") {
      if (weWin) return true;
      this.host.switchRole("controlled", false, now);
    } else {
      if (!weWin) return true;
      this.host.switchRole("controlling", false, now);
    }
    return false;
  }

  /** The pair a request belongs to; makes a peer-reflexive candidate where it is from somewhere new (§7.3.1.3). */
  private pairOf(
    base: IceBase,
    address: string,
    port: number,
    priority: number,
    peerFragment: string,
  ): CandidatePair | undefined {
    const key = remoteKey(address, port);
    const existing = base.pairs.get(key);
    if (existing !== undefined) return existing;
    let remote = this.remotes.get(`${base.protocol} ${key}`);
    if (remote === undefined) {
      if (this.peerReflexive >= MAX_PEER_REFLEXIVE && !this.evictPeerReflexive()) return undefined;
      this.peerReflexive++;
      remote = new RemoteCandidate(
        {
          foundation: iceChars(8, (length) => this.options.crypto.random(length)),
          component: 1,
          protocol: base.protocol,
          priority,
          address,
          port,
          type: "prflx",
          tcpType: base.tcpType === "passive" ? "active" : base.tcpType === "active" ? "passive" : undefined,
          usernameFragment: peerFragment,
        },
        address,
        peerFragment,
      );
      this.remotes.set(`${base.protocol} ${key}`, remote);
    }
    const pair = this.checklist.add(base, remote);
    if (pair === undefined) this.counters.droppedCandidates++;
    return pair;
  }

  /** Makes room by forgetting the peer-reflexive candidate unheard of for longest, except that of the selected pair. */
  private evictPeerReflexive(): boolean {
    let victim: RemoteCandidate | undefined;
    let oldest = Infinity;
    for (const pair of this.checklist.pairs) {
      if (pair.remote.candidate.type !== "prflx" || pair.remote === this.selected?.remote) continue;
      const heard = Number.isNaN(pair.lastReceivedAt) ? Number.NEGATIVE_INFINITY : pair.lastReceivedAt;
      if (heard < oldest) {
        oldest = heard;
        victim = pair.remote;
      }
    }
    if (victim !== undefined) this.removeRemote(victim);
    return victim !== undefined;
  }

  private triggerCheck(pair: CandidatePair, now: number): void {
    if (this.halted || (pair.state === "succeeded" && !pair.revoked)) return;
    const { check } = pair;
    if (pair.state === "in-progress" && check !== undefined && check.transmissions < check.schedule.rc) {
      // §7.3.1.4 has a new transaction; sending the present one again serves the same end, to have a check answered
      // now that the peer's has opened the path. Not at once where the answer may be on its way already.
      if (this.remoteKey !== undefined) {
        this.transactions.expedite(check, Math.max(now, check.sentAt + 2 * this.timing.ta));
      }
      return;
    }
    this.checklist.retry(pair);
    this.checklist.trigger(pair);
  }

  private receiveNomination(pair: CandidatePair, now: number): void {
    pair.nominatedAt = now;
    if (pair.state !== "succeeded") {
      // §7.3.1.5: to be done when our own check succeeds.
      pair.nominating = true;
      return;
    }
    this.nominatedByPeer(pair, now);
  }

  /**
   * RFC 8445 has one nomination, its predecessor many, of which the highest priority counts (RFC 5245 §8.1.1.2), and
   * Chromium goes on repeating it on the pair it prefers at the time. So: a newer one of lower priority wins where the
   * older one has not been repeated lately.
   */
  private nominatedByPeer(pair: CandidatePair, now: number): void {
    const { selected } = this;
    pair.nominating = false;
    pair.nominated = true;
    if (selected !== undefined && selected !== pair && selected.nominated && selected.compare(pair) > 0) {
      if (now - selected.nominatedAt > this.timing.nominationRecency || this.isDoubtful) selected.nominated = false;
    }
    this.evaluate(now);
  }

  /** A lite agent takes the peer's check as its own (§7.3.2). */
  private acceptAsLite(pair: CandidatePair, useCandidate: boolean, now: number): void {
    pair.state = "succeeded";
    pair.revoked = false;
    if (useCandidate) {
      pair.nominatedAt = now;
      this.nominatedByPeer(pair, now);
    }
    if (pair === this.selected) this.answered(now);
    else this.evaluate(now);
  }

  private receiveResponse(base: IceBase, message: StunMessage, address: string, port: number, now: number): void {
    const transaction = this.transactions.find(message.transactionId);
    if (transaction === undefined) {
      this.counters.droppedStun++;
      return;
    }
    // An error without integrity may be anyone's, and changes nothing: the request is repeated until it times out.
    if (this.remoteKey === undefined || !message.verifyIntegrity(this.remoteKey, this.options.crypto)) {
      this.counters.droppedStun++;
      return;
    }
    const check = transaction.context;
    const { pair } = check;
    this.transactions.settle(transaction);
    if (pair.check === transaction) pair.check = undefined;
    const symmetric = base === pair.base && address === pair.address && port === pair.portNumber;
    if (message.class === "error") {
      const code = message.error?.code;
      if (code === 487) this.receiveRoleConflict(check, now);
      else if (code === 403 && check.consent) this.revoke(pair, now);
      else if (!check.consent) this.fail(check, now);
      return;
    }
    const mapped = message.address(StunAttribute.xorMappedAddress);
    // §7.2.5.2.1: an answer from elsewhere is no answer.
    if (!symmetric || mapped === undefined || message.unknownRequired().length > 0) {
      if (!check.consent) this.fail(check, now);
      return;
    }
    pair.responsesReceived++;
    pair.lastReceivedAt = now;
    pair.lastResponseAt = now;
    // Of a repeated request nobody can say which one was answered (Karn's rule).
    if (transaction.transmissions === 1) {
      pair.currentRoundTripTime = now - transaction.sentAt;
      pair.totalRoundTripTime += pair.currentRoundTripTime;
    }
    this.succeed(check, mapped.address, mapped.port, now);
  }

  // ---- results -------------------------------------------------------------------------------------------------------

  private succeed(check: Check, mappedAddress: string, mappedPort: number, now: number): void {
    const { pair } = check;
    const wasValid = pair.state === "succeeded" && !pair.revoked;
    pair.state = "succeeded";
    pair.authenticated = true;
    pair.revoked = false;
    pair.local = this.localFor(pair.base, mappedAddress, mappedPort, check.priority);
    if (!wasValid) this.checklist.thaw(pair);
    if (check.nominating && this.host.role === "controlling") {
      pair.nominating = false;
      pair.nominated = true;
      pair.nominatedAt = now;
    } else if (this.host.role === "controlled" && pair.nominating) {
      this.nominatedByPeer(pair, now);
    }
    if (pair === this.selected) this.answered(now);
    if (!wasValid || check.nominating || this.isDoubtful) this.evaluate(now);
  }

  /** §7.2.5.3.1: the address that the peer saw may be a local candidate we did not know of. */
  private localFor(base: IceBase, address: string, port: number, priority: number): LocalCandidate {
    const known = base.candidates.find((c) => c.address === address && c.port === port);
    if (known !== undefined) return known;
    const own = base.own.candidate;
    // TCP connections have ports of their own; the candidate of the listener or dialler stands for them.
    if (base.protocol === "tcp" && address === base.address) return base.own;
    const candidate: IceCandidate = {
      ...own,
      foundation: `${own.foundation}p`,
      priority,
      address,
      port,
      type: "prflx",
      relatedAddress: own.address,
      relatedPort: own.port,
    };
    const local = new LocalCandidate(candidate, base, address, port);
    // Keeps the list from growing where a NAT gives every check another port.
    if (base.candidates.length < 16) base.candidates.push(local);
    return local;
  }

  private answered(now: number): void {
    this.consent?.onAnswer(now);
    if (this.recoverAt !== Infinity) {
      this.recoverAt = Infinity;
      if (this.selected?.nominated === true) this.settleOn(this.selected);
    }
    if (this.disconnectedNow) {
      this.disconnectedNow = false;
      this.host.onProgress(this, now);
    }
  }

  private receiveRoleConflict(check: Check, now: number): void {
    const { pair } = check;
    // §7.2.5.1, unless another answer has switched us already.
    if (check.role === this.host.role) {
      this.host.switchRole(check.role === "controlling" ? "controlled" : "controlling", true, now);
    }
    if (pair.state !== "succeeded") this.checklist.retry(pair);
    this.checklist.trigger(pair);
  }

  private fail(check: Check, now: number): void {
    const { pair } = check;
    if (pair.check !== undefined) {
      this.transactions.settle(pair.check);
      pair.check = undefined;
    }
    pair.nominating = false;
    pair.state = "failed";
    this.evaluate(now);
  }

  private revoke(pair: CandidatePair, now: number): void {
    pair.revoked = true;
    pair.nominated = false;
    pair.state = "failed";
    if (pair === this.selected) {
      this.selected = undefined;
      this.consent = undefined;
      this.disconnectedNow = false;
      this.recoverAt = Infinity;
      this.lost = true;
    }
    this.evaluate(now);
  }

  private handleCheckTimeout(transaction: StunTransaction<Check>, now: number): void {
    const check = transaction.context;
    if (check.consent || check.pair.check !== transaction) return;
    check.pair.check = undefined;
    this.fail(check, now);
  }

  private get isDoubtful(): boolean {
    return this.consent?.doubtful === true;
  }

  /** Chooses the pair to use and, if we control, to nominate. */
  private evaluate(now: number): void {
    if (this.closed || this.halted) return;
    const doubted = this.isDoubtful ? this.selected : undefined;
    let best: CandidatePair | undefined;
    let bestNominated: CandidatePair | undefined;
    for (const pair of this.checklist.pairs) {
      if (pair.state !== "succeeded" || pair.revoked) continue;
      // While the selected pair is in doubt, only what has answered since then is better.
      if (doubted !== undefined && (pair === doubted || !(now - pair.lastResponseAt < this.timing.recoveryInterval))) {
        continue;
      }
      // In order of priority, except that classes come first.
      if (best === undefined || pairClass(pair) > pairClass(best)) best = pair;
      if (pair.nominated && (bestNominated === undefined || pairClass(pair) > pairClass(bestNominated)))
        bestNominated = pair;
    }
    if (best !== undefined && this.remote !== undefined) {
      if (this.host.role === "controlling" && this.options.lite !== true)
        this.nominate(best, bestNominated, doubted, now);
      const choice = bestNominated ?? best;
      if (choice !== this.selected && (this.options.lite !== true || choice.nominated))
        this.select(choice, doubted, now);
      if (choice === this.selected && choice.nominated && this.settled !== choice) this.settleOn(choice);
    }
    this.host.onProgress(this, now);
  }

  /** Regular nomination (§8.1.1), repeated where a better class of pair appears later or the nominated one goes silent. */
  private nominate(
    best: CandidatePair,
    nominated: CandidatePair | undefined,
    doubted: CandidatePair | undefined,
    now: number,
  ): void {
    if (nominated !== undefined && pairClass(nominated) >= pairClass(best)) return;
    if (best.nominated || best.nominating) return;
    if (doubted === undefined) {
      // One nomination at a time, unless this one is of a better class.
      for (const pair of this.checklist.pairs) {
        if (pair.nominating && pairClass(pair) >= pairClass(best)) return;
      }
    }
    best.nominating = true;
    this.sendCheck(best, now);
  }

  private select(pair: CandidatePair, doubted: CandidatePair | undefined, now: number): void {
    if (doubted !== undefined) doubted.nominated = false;
    this.selected = pair;
    this.lost = false;
    this.disconnectedNow = false;
    this.recoverAt = Infinity;
    const { crypto } = this.options;
    this.consent = new Consent(this.timing, () => crypto.random(1)[0]! / 256, this.options.lite === true, now);
    if (now - pair.lastResponseAt > this.timing.consentInterval) this.consent.hurry(now);
  }

  /** §8.1.2: with a nominated pair, no further checks of pairs that could not replace it. */
  private settleOn(pair: CandidatePair): void {
    this.settled = pair;
    this.checklist.restrict(pair);
    for (const transaction of this.transactions.values()) {
      const { pair: other, consent, nominating } = transaction.context;
      if (consent || other === pair || this.checklist.isPending(other)) continue;
      if (!nominating || pairClass(other) <= pairClass(pair)) this.transactions.stopSending(transaction);
    }
  }

  // ---- sending and time ----------------------------------------------------------------------------------------------

  /** Sends the checks that are due. */
  private pump(now: number): void {
    if (this.closed || this.halted || this.remoteKey === undefined || this.options.lite === true) return;
    for (;;) {
      const pair = this.checklist.nextTriggered();
      if (pair === undefined) break;
      this.sendCheck(pair, now);
    }
    if (now < this.nextCheckAt || !this.checklist.hasOrdinary) return;
    const pair = this.checklist.nextOrdinary();
    if (pair === undefined) {
      this.host.onProgress(this, now);
      return;
    }
    this.nextCheckAt = now + this.timing.ta;
    this.sendCheck(pair, now);
  }

  private sendCheck(pair: CandidatePair, now: number): void {
    if (pair.check !== undefined) this.transactions.stopSending(pair.check);
    if (pair.state !== "succeeded") pair.state = "in-progress";
    const nominating = pair.nominating && this.host.role === "controlling";
    pair.check = this.startCheck(pair, nominating, false, now);
  }

  private startCheck(
    pair: CandidatePair,
    nominating: boolean,
    consent: boolean,
    now: number,
  ): StunTransaction<Check> | undefined {
    const key = this.remoteKey;
    if (key === undefined) return undefined;
    const { role, tieBreaker } = this.host;
    const priority = pair.base.peerReflexivePriority;
    const transactionId = this.options.crypto.random(12);
    const request = { transactionId, username: this.username, priority, role, tieBreaker, useCandidate: nominating };
    const bytes = writeCheck(request, key);
    const { check } = this.timing;
    const schedule = consent
      ? { rto: CONSENT_ANSWER_WINDOW, rc: 1, lastWait: CONSENT_ANSWER_WINDOW }
      : pair.base.protocol === "tcp"
        ? { rto: check.rto, rc: 1, lastWait: this.timing.patience }
        : check;
    return this.transactions.start(transactionId, bytes, { pair, role, nominating, consent, priority }, schedule, now);
  }

  get deadline(): number {
    if (this.closed || this.halted) return Infinity;
    let at = this.transactions.deadline;
    if (this.remoteKey !== undefined && this.options.lite !== true) {
      if (this.checklist.hasTriggered) at = 0;
      if (this.checklist.hasOrdinary) at = Math.min(at, this.nextCheckAt);
    }
    if (this.consent !== undefined && this.selected !== undefined) {
      at = Math.min(at, this.consent.deadline(this.selected.lastReceivedAt, this.clock), this.recoverAt);
    } else at = Math.min(at, this.patienceAt);
    return at;
  }

  handleTimeout(now: number): void {
    if (this.closed || this.halted) return;
    this.clock = now;
    this.transactions.handleTimeout(now);
    this.checkConsent(now);
    if (now >= this.patienceAt) {
      this.patienceAt = Infinity;
      this.host.onProgress(this, now);
    }
    this.pump(now);
  }

  /** True once the peer has had its time, all local candidates are there, and no pair is left to hope for. */
  get isHopeless(): boolean {
    if (!this.gathered || this.selected !== undefined || this.patienceAt !== Infinity || this.remote === undefined)
      return false;
    if (!this.endOfRemoteCandidates && !this.hasRemoteCandidates) return false;
    return !this.checking;
  }

  private checkConsent(now: number): void {
    const { consent, selected } = this;
    if (consent === undefined || selected === undefined) return;
    if (consent.isExpired(now)) {
      this.revoke(selected, now);
      return;
    }
    if (consent.takeDue(selected.currentRoundTripTime, now)) {
      selected.consentRequestsSent++;
      this.startCheck(selected, false, true, now);
      if (consent.doubtful && this.recoverAt === Infinity) this.recoverAt = now;
    }
    if (now >= this.recoverAt) this.recover(now);
    const disconnected = consent.isDisconnected(selected.lastReceivedAt, now);
    if (disconnected === this.disconnectedNow) return;
    this.disconnectedNow = disconnected;
    this.host.onProgress(this, now);
  }

  /** Tries every other pair again while the selected one is silent. */
  private recover(now: number): void {
    this.recoverAt = now + this.timing.recoveryInterval;
    if (!this.isDoubtful) {
      this.recoverAt = Infinity;
      return;
    }
    this.settled = undefined;
    this.checklist.restrict(undefined);
    for (const pair of this.checklist.pairs) {
      if (pair === this.selected || pair.state === "in-progress" || pair.state === "waiting") continue;
      pair.nominating = false;
      pair.nominated = false;
      this.checklist.retry(pair);
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const resolution of this.resolutions) resolution.cancel();
    this.resolutions.clear();
    this.transactions.clear();
  }
}
