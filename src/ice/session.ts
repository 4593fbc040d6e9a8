// One generation of ICE (RFC 8445 calls it a session): credentials, candidates, checks and what follows from them, from one
// exchange of credentials to the next restart. The agent owns the current one and, while a restart is under way, the one
// before. Gathering is in gatherer.ts, which pair is used in nomination.ts; which session carries data is the agent's decision.
import type { Hmac } from "../crypto/provider.js";
import { shortTermKey } from "../stun/credentials.js";
import { isStun, parseStunMessage, StunAttribute, type StunMessage, StunMethod } from "../stun/message.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import { writeError, writeKeepalive, writeSuccess } from "./binding.js";
import { type RemoteCandidate, remoteKey } from "./candidate.js";
import { Checker } from "./checker.js";
import { Checklist, isPairable } from "./checklist.js";
import { Nomination, type NominationHost } from "./nomination.js";
import type { IceAgentOptions, IceCounters, IceParameters, IceRole, IceTiming } from "./options.js";
import type { CandidatePair, Check, IceBase } from "./pair.js";
import { RemoteCandidates } from "./remote-candidates.js";
import { type AcceptedCheck, Responder, type ResponderHost } from "./responder.js";
import { quietestReflexive } from "./selection.js";

/** Role conflicts settled by a 487 answer; a peer that goes on is not to be followed back and forth. */
const MAX_ROLE_CONFLICTS = 8;

export interface SessionHost {
  readonly role: IceRole;
  readonly tieBreaker: Uint8Array;
  /** A role conflict was lost. `renew`: the tie-breaker too (§7.2.5.1). */
  switchRole(role: IceRole, renew: boolean, now: number): void;
  /** Something changed that the transport's state or the selected pair may depend on. */
  onProgress(now: number): void;
  onData(session: IceSession, data: Uint8Array, now: number): void;
}

export class IceSession implements ResponderHost, NominationHost {
  readonly local: IceParameters;
  readonly checklist: Checklist;
  readonly bases: IceBase[] = [];
  remote: IceParameters | undefined;
  endOfRemoteCandidates = false;
  /** The peer has consented once more since a pair was selected; a lite agent does not ask. */
  confirmed = false;
  closed = false;
  /** Set by the agent when it has given up: nothing new is tried. */
  halted = false;
  readonly counters: IceCounters;
  private readonly host: SessionHost;
  private readonly options: IceAgentOptions;
  private readonly timing: IceTiming;
  private readonly localKey: Hmac;
  private readonly remotes: RemoteCandidates;
  private readonly responder: Responder;
  private readonly checker: Checker;
  private readonly nomination: Nomination;
  private nextCheckAt = 0;
  private patienceAt = Infinity;
  /** When the peer has had its time to send more candidates, or to say that there are none. */
  private candidatesUntil = Infinity;
  private roleConflicts = 0;
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
    this.confirmed = options.lite === true;
    this.counters = counters;
    this.host = host;
    this.localKey = options.crypto.createHmac("sha-1", shortTermKey(local.password));
    this.checklist = new Checklist(host.role);
    this.responder = new Responder(options, local.usernameFragment, this.localKey, counters, this);
    this.remotes = new RemoteCandidates(options, counters, {
      onRemote: (remote, now) => {
        for (const base of this.bases) this.pairUp(base, remote);
        if (this.bothLite) this.evaluate(now);
        this.pump(now);
      },
      onIdentified: (remote, now) => this.handleIdentified(remote, now),
      onRemoved: (remote) => {
        for (const pair of this.pairsOf(remote)) this.forget(pair);
      },
      onResolved: (now) => this.host.onProgress(now),
      chooseVictim: () => quietestReflexive(this.checklist.pairs, this.selected),
    });
    this.checker = new Checker(options.crypto, timing, (check, now) => this.fail(check, now));
    this.nomination = new Nomination(options, timing, this.checklist, this.checker, this);
  }

  // What the parts ask and tell (ResponderHost, NominationHost)

  /** @internal */
  get role(): IceRole {
    return this.host.role;
  }

  /** @internal */
  get tieBreaker(): Uint8Array {
    return this.host.tieBreaker;
  }

  /** @internal */
  get peerFragment(): string | undefined {
    return this.remote?.usernameFragment;
  }

  /** @internal */
  yieldRole(role: IceRole, now: number): void {
    this.host.switchRole(role, false, now);
  }

  /** @internal */
  nominate(pair: CandidatePair, now: number): void {
    this.sendCheck(pair, now);
  }

  /** @internal */
  onExpired(pair: CandidatePair, now: number): void {
    this.revoke(pair, now);
  }

  /** @internal */
  ask(pair: CandidatePair, now: number): void {
    if (this.bothLite) this.sendKeepalive(pair);
    else this.checker.checkConsent(pair, this.role, this.tieBreaker, now);
  }

  /** @internal */
  onDisconnectedChange(now: number): void {
    this.host.onProgress(now);
  }

  /** The pair that works best so far. */
  get selected(): CandidatePair | undefined {
    return this.nomination.selected;
  }

  /** Consent has expired or was revoked with nothing left to go to. */
  get lost(): boolean {
    return this.nomination.lost;
  }

  get disconnected(): boolean {
    return this.nomination.disconnected;
  }

  get remoteCandidates(): IceCandidate[] {
    return Array.from(this.remotes.values(), (remote) => remote.candidate);
  }

  /** As above, each as the same object for as long as it is known. */
  get remoteEntries(): IterableIterator<RemoteCandidate> {
    return this.remotes.values();
  }

  get hasRemoteCandidates(): boolean {
    return this.remotes.size > 0;
  }

  /** Checks are to come or under way (§6.1.2.1: the checklist is running). */
  get checking(): boolean {
    // A lite agent sends none: its pairs wait for the peer's.
    if (this.options.lite === true) return false;
    return this.remotes.resolving || this.checklist.pairs.some((pair) => this.checklist.isPending(pair));
  }

  // ---- candidates ----------------------------------------------------------------------------------------------------

  /** A socket of ours is ready; its own candidate is in it. */
  addBase(base: IceBase, now: number): void {
    this.bases.push(base);
    for (const remote of this.remotes.values()) this.pairUp(base, remote);
    if (this.bothLite) this.evaluate(now);
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
    this.pump(now);
  }

  setRemote(remote: IceParameters, now: number): void {
    const old = this.remote;
    if (old?.usernameFragment === remote.usernameFragment && old.password === remote.password) return;
    this.remotes.setUsernameFragment(remote.usernameFragment);
    this.remote = remote;
    this.checker.setCredentials(this.local.usernameFragment, remote);
    this.patienceAt = now + this.timing.patience;
    this.candidatesUntil = now + this.timing.candidatePatience;
    if (old !== undefined) this.endOfRemoteCandidates = false;
    if (this.options.lite === true) this.evaluate(now);
    this.pump(now);
    this.host.onProgress(now);
  }

  forgetRemote(): void {
    this.remotes.clear();
    this.remote = undefined;
    this.endOfRemoteCandidates = false;
    this.nomination.lost = false;
    this.halted = false;
  }

  addRemoteCandidate(candidate: IceCandidate, now: number): void {
    this.remotes.add(candidate, now);
    this.host.onProgress(now);
  }

  endRemoteCandidates(now: number): void {
    this.endOfRemoteCandidates = true;
    this.host.onProgress(now);
  }

  /** @internal Nobody checks anything (RFC 8445 §6.1.1): what each signals is taken to work, and both choose by priority (§8.2). */
  get bothLite(): boolean {
    return this.options.lite === true && this.remote?.iceLite === true;
  }

  private pairUp(base: IceBase, remote: RemoteCandidate): void {
    if (isPairable(base, remote) && !base.pairs.has(remote.key)) this.addPair(base, remote);
  }

  private addPair(base: IceBase, remote: RemoteCandidate): CandidatePair | undefined {
    const pair = this.checklist.add(base, remote);
    if (pair === undefined) this.counters.droppedPairs++;
    return pair;
  }

  private pairsOf(remote: RemoteCandidate): CandidatePair[] {
    return this.checklist.pairs.filter((pair) => pair.remote === remote);
  }

  private handleIdentified(remote: RemoteCandidate, now: number): void {
    for (const pair of this.pairsOf(remote)) this.checklist.reorder(pair);
    // Learned from a check, it was paired with the base of that check alone.
    for (const base of this.bases) this.pairUp(base, remote);
    this.nomination.unsettle();
    this.evaluate(now);
    this.pump(now);
  }

  private forget(pair: CandidatePair): void {
    this.checklist.remove(pair);
    this.checker.forget(pair);
    this.nomination.forget(pair);
  }

  setRole(role: IceRole, now: number): void {
    this.checklist.setRole(role);
    // What claims the other role may be dropped, repeated or not: sent anew.
    for (const pair of this.checklist.pairs) {
      if (pair.state !== "in-progress" || pair.check === undefined || pair.check.context.role === role) continue;
      this.checklist.retry(pair);
      this.checklist.trigger(pair);
    }
    this.nomination.restart();
    this.evaluate(now);
    this.pump(now);
  }

  // ---- packets -------------------------------------------------------------------------------------------------------

  /** One datagram that arrived at a base. */
  receive(base: IceBase, data: Uint8Array, address: string, port: number, now: number): void {
    if (data.length === 0) return;
    if (data[0]! < 4) {
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
    pair.lastPacketReceivedAt = now;
    pair.lastReceivedAt = now;
    this.host.onData(this, data, now);
  }

  /** RFC 6544 §7.1: a check over a TCP connection that could not be opened, or did not last, has failed. */
  handleUnreachable(base: IceBase, address: string, port: number, now: number): void {
    const check = base.findPair(address, port)?.check?.context;
    if (check !== undefined) this.fail(check, now);
    this.pump(now);
  }

  private receiveStun(base: IceBase, data: Uint8Array, address: string, port: number, now: number): void {
    const message = parseStunMessage(data);
    if (message === undefined || message.method !== StunMethod.binding) {
      this.counters.droppedStun++;
      return;
    }
    if (message.class === "request") this.receiveRequest(base, message, address, port, now);
    else if (message.class !== "indication") this.receiveResponse(base, message, address, port, now);
    else if (this.bothLite) {
      const pair = base.findPair(address, port);
      if (pair !== undefined) pair.lastReceivedAt = now;
    }
    this.pump(now);
  }

  private receiveRequest(base: IceBase, message: StunMessage, address: string, port: number, now: number): void {
    const result = this.responder.examine(message, now);
    if (result === undefined || result instanceof Uint8Array) {
      if (result !== undefined) base.port.send(result, address, port);
      return;
    }
    if (this.halted) {
      if (this.lost) {
        // Failed for good (webrtc-pc §5.6.4), and the peer must not take it for a path: RFC 7675 §5.2.
        base.port.send(writeError(message, 403, "Forbidden", this.localKey), address, port);
        return;
      }
      // Given up for want of a pair that works: here may be one, from a peer that began late.
      this.halted = false;
    }
    const pair = this.pairOf(base, address, port, result);
    base.port.send(writeSuccess(message, address, port, this.localKey), address, port);
    // Beyond the limits: answered, but not remembered.
    if (pair === undefined) return;
    pair.requestsReceived++;
    pair.responsesSent++;
    pair.lastRequestReceivedAt = now;
    pair.lastReceivedAt = now;
    pair.authenticated = true;
    const nominated = result.useCandidate && this.host.role === "controlled";
    if (pair.requestsReceived === 1) this.nomination.handleFirstRequest(pair, now);
    if (this.options.lite === true) this.acceptAsLite(pair, nominated, now);
    else {
      if (nominated) this.receiveNomination(pair, now);
      this.triggerCheck(pair, now);
    }
  }

  /** The pair a request belongs to; makes a peer-reflexive candidate where it is from somewhere new (§7.3.1.3). */
  private pairOf(base: IceBase, address: string, port: number, check: AcceptedCheck): CandidatePair | undefined {
    const existing = base.findPair(address, port);
    if (existing !== undefined) return existing;
    const remote = this.remotes.reflexive(base, address, port, check.priority, check.peerFragment);
    return remote === undefined ? undefined : this.addPair(base, remote);
  }

  private triggerCheck(pair: CandidatePair, now: number): void {
    if (this.halted || (pair.state === "succeeded" && !pair.revoked)) return;
    if (pair.state === "in-progress" && this.checker.expedite(pair, now)) return;
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

  private nominatedByPeer(pair: CandidatePair, now: number): void {
    this.nomination.acceptFromPeer(pair, now);
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
    if (pair === this.selected) this.nomination.handleAnswer(now);
    else this.evaluate(now);
  }

  private receiveResponse(base: IceBase, message: StunMessage, address: string, port: number, now: number): void {
    const transaction = this.checker.settle(message);
    if (transaction === undefined) {
      this.counters.droppedStun++;
      return;
    }
    const check = transaction.context;
    const { pair } = check;
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
    // Of a repeated request nobody can say which one was answered (Karn's rule): the time measured before holds, if there is one.
    if (transaction.transmissions === 1 || Number.isNaN(pair.currentRoundTripTime)) {
      pair.currentRoundTripTime = now - transaction.sentAt;
    }
    // Divided by responsesReceived it is the average (webrtc-stats).
    pair.totalRoundTripTime += pair.currentRoundTripTime;
    this.succeed(check, mapped.address, mapped.port, now);
  }

  // ---- results -------------------------------------------------------------------------------------------------------

  private succeed(check: Check, mappedAddress: string, mappedPort: number, now: number): void {
    const { pair } = check;
    const wasValid = pair.state === "succeeded" && !pair.revoked;
    pair.state = "succeeded";
    pair.authenticated = true;
    pair.revoked = false;
    pair.local = pair.base.candidateSeenAs(mappedAddress, mappedPort, check.priority);
    if (!wasValid) this.checklist.thaw(pair);
    if (check.nominating && this.host.role === "controlling") {
      pair.nominating = false;
      pair.nominated = true;
      pair.nominatedAt = now;
    } else if (this.host.role === "controlled" && pair.nominating) {
      this.nominatedByPeer(pair, now);
    }
    if (pair === this.selected) {
      this.nomination.handleAnswer(now);
      if (check.consent && !this.confirmed) {
        this.confirmed = true;
        this.host.onProgress(now);
      }
    }
    if (!wasValid || check.nominating || this.nomination.doubtful) this.evaluate(now);
  }

  private receiveRoleConflict(check: Check, now: number): void {
    const { pair } = check;
    if (++this.roleConflicts > MAX_ROLE_CONFLICTS) {
      this.fail(check, now);
      return;
    }
    // §7.2.5.1, unless another answer has switched us already.
    if (check.role === this.host.role) {
      this.host.switchRole(check.role === "controlling" ? "controlled" : "controlling", true, now);
    }
    if (pair.state !== "succeeded") this.checklist.retry(pair);
    this.checklist.trigger(pair);
  }

  private fail(check: Check, now: number): void {
    const { pair } = check;
    this.checker.cancel(pair);
    pair.nominating = false;
    pair.state = "failed";
    this.evaluate(now);
  }

  private revoke(pair: CandidatePair, now: number): void {
    this.nomination.revoke(pair);
    this.evaluate(now);
  }

  /** Nothing is sent from now on, and the peer hears that it may not either (RFC 7675 §5.2), until it is closed. */
  forbid(): void {
    this.halted = true;
    this.nomination.forbid();
  }

  private evaluate(now: number): void {
    if (this.closed || this.halted) return;
    if (this.remote !== undefined) this.nomination.evaluate(now);
    this.host.onProgress(now);
  }

  // ---- sending and time ----------------------------------------------------------------------------------------------

  /** Sends the checks that are due. */
  private pump(now: number): void {
    if (this.closed || this.halted || !this.checker.ready || this.options.lite === true) return;
    for (;;) {
      const pair = this.checklist.nextTriggered();
      if (pair === undefined) break;
      this.sendCheck(pair, now);
    }
    if (now < this.nextCheckAt || !this.checklist.hasOrdinary) return;
    const pair = this.checklist.nextOrdinary();
    if (pair === undefined) {
      this.host.onProgress(now);
      return;
    }
    this.nextCheckAt = now + this.timing.ta;
    this.sendCheck(pair, now);
  }

  private sendCheck(pair: CandidatePair, now: number): void {
    if (pair.state !== "succeeded") pair.state = "in-progress";
    const { role, tieBreaker } = this.host;
    this.checker.check(pair, role, tieBreaker, pair.nominating && role === "controlling", now);
  }

  get deadline(): number {
    if (this.closed || this.halted) return Infinity;
    let at = this.checker.deadline;
    if (this.checker.ready && this.options.lite !== true) {
      if (this.checklist.hasTriggered) at = 0;
      if (this.checklist.hasOrdinary) at = Math.min(at, this.nextCheckAt);
    }
    if (this.selected !== undefined) return Math.min(at, this.nomination.deadline(this.clock));
    return Math.min(at, this.patienceAt, this.candidatesUntil);
  }

  handleTimeout(now: number): void {
    if (this.closed || this.halted) return;
    this.clock = now;
    this.checker.handleTimeout(now);
    this.nomination.handleTimeout(now);
    if (now >= this.patienceAt) {
      this.patienceAt = Infinity;
      this.host.onProgress(now);
    }
    if (now >= this.candidatesUntil) {
      this.candidatesUntil = Infinity;
      this.host.onProgress(now);
    }
    this.pump(now);
  }

  /** True once the peer has had its time, all local candidates are there, and no pair is left to hope for. */
  get isHopeless(): boolean {
    if (!this.gathered || this.selected !== undefined || this.patienceAt !== Infinity || this.remote === undefined)
      return false;
    if (!this.endOfRemoteCandidates && (!this.hasRemoteCandidates || this.candidatesUntil !== Infinity)) return false;
    return !this.checking;
  }

  /** All pairs that there are have failed, but the other side may have candidates yet, or this one. */
  get isWithoutHope(): boolean {
    if (this.selected !== undefined || this.remote === undefined || this.options.lite === true) return false;
    if (this.endOfRemoteCandidates && this.gathered) return false;
    return this.checklist.pairs.length > 0 && !this.checking;
  }

  private sendKeepalive(pair: CandidatePair): void {
    pair.port.send(writeKeepalive(this.options.crypto.random(12)), pair.address, pair.portNumber);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.remotes.close();
    this.checker.clear();
  }
}
