// The ICE agent (RFC 8445) of one transport: one data stream with one component, as everything is multiplexed on it. It
// owns the generations (session.ts does the work within one, gatherer.ts finds its candidates), keeps data flowing from
// one to the next, and says what state all this amounts to. It neither parses descriptions nor knows what the data is.
import type { IceCandidate } from "../util/ice-candidate.js";
import { LateSet } from "../util/late-map.js";
import { iceChars } from "../util/text.js";
import { Foundations, type RemoteCandidate } from "./candidate.js";
import { Gatherer, type GathererHost } from "./gatherer.js";
import {
  DEFAULT_TIMING,
  type IceAgentOptions,
  type IceCandidateError,
  type IceCounters,
  type IceGatheringState,
  type IceHost,
  type IceParameters,
  type IceRole,
  type IceServer,
  type IceTiming,
  type IceTransportPolicy,
  type IceTransportState,
} from "./options.js";
import type { CandidatePair, IceBase } from "./pair.js";
import { IceSession, type SessionHost } from "./session.js";

/** RFC 8445 §5.3: at least 24 and 128 bits of randomness; six bits a character. */
const FRAGMENT_LENGTH = 8;
const PASSWORD_LENGTH = 24;
/** Milliseconds for which the old generation still listens after the new one has taken over: what is on its way arrives. */
const RESTART_LINGER = 2000;

/** One generation with its sockets. */
interface Generation {
  readonly session: IceSession;
  readonly gatherer: Gatherer;
  /** What has been found for it. */
  readonly candidates: IceCandidate[];
  gathered: boolean;
  /** It has been "completed". */
  completed: boolean;
}

export class IceAgent implements SessionHost {
  readonly counters: IceCounters = {
    droppedData: 0,
    droppedStun: 0,
    rejectedRequests: 0,
    droppedCandidates: 0,
    droppedPairs: 0,
  };
  /** Data without STUN, over all pairs there ever were (RTCTransportStats). */
  packetsSent = 0;
  packetsReceived = 0;
  bytesSent = 0;
  bytesReceived = 0;
  /** How often the pair that data is sent over became another, or there was none any more. */
  selectedPairChanges = 0;
  private readonly options: IceAgentOptions;
  private readonly host: IceHost;
  private readonly timing: IceTiming;
  private readonly foundations = new Foundations();
  private servers: readonly IceServer[];
  private policy: IceTransportPolicy;
  private currentRole: IceRole;
  /** @internal */
  tieBreaker: Uint8Array;
  private current: Generation;
  /** The generation before a restart, while it is needed. */
  private previous: Generation | undefined;
  private previousUntil = Infinity;
  /** Closed generations whose relays are still being given back. */
  private readonly closing = new LateSet<Gatherer>();
  /** The pair that `send` uses, and what it was when the host was last told. */
  private active: CandidatePair | undefined;
  private announced: CandidatePair | undefined;
  private announcedLocal: unknown;
  private announcedRemote: unknown;
  private currentState: IceTransportState = "new";
  private currentGatheringState: IceGatheringState = "new";

  constructor(options: IceAgentOptions, host: IceHost) {
    this.options = options;
    this.host = host;
    this.timing = { ...DEFAULT_TIMING, ...options.timing };
    this.servers = options.servers ?? [];
    this.policy = options.policy ?? "all";
    this.currentRole = options.role ?? "controlled";
    this.tieBreaker = this.drawTieBreaker(this.currentRole);
    this.current = this.generation(options.usernameFragment, options.password);
  }

  // ---- what it is ----------------------------------------------------------------------------------------------------

  get state(): IceTransportState {
    return this.currentState;
  }

  get gatheringState(): IceGatheringState {
    return this.currentGatheringState;
  }

  get role(): IceRole {
    return this.currentRole;
  }

  /** The credentials of the current generation, to be signalled. */
  get localParameters(): IceParameters {
    return this.current.session.local;
  }

  get remoteParameters(): IceParameters | undefined {
    return this.current.session.remote;
  }

  /** The pair in use, with its counters. */
  get selectedPair(): CandidatePair | undefined {
    return this.active;
  }

  /** The pairs of the current generation, highest priority first, with their counters. */
  get pairs(): readonly CandidatePair[] {
    return this.current.session.checklist.pairs;
  }

  /** What `gather` has found so far in this generation. */
  get localCandidates(): readonly IceCandidate[] {
    return this.current.candidates;
  }

  /** The remote candidates of this generation with a known address, peer-reflexive ones included. */
  get remoteCandidates(): readonly IceCandidate[] {
    return this.current.session.remoteCandidates;
  }

  /** As above, each as the same object for as long as it is known. */
  get remotes(): IterableIterator<RemoteCandidate> {
    return this.current.session.remoteEntries;
  }

  // ---- commands ------------------------------------------------------------------------------------------------------

  /** Begins to gather candidates for the current generation; later calls before a restart do nothing. */
  gather(now: number): void {
    if (this.currentState === "closed" || this.currentGatheringState !== "new") return;
    const { gatherer } = this.refreshedGeneration();
    this.setGatheringState("gathering");
    gatherer.start(now);
  }

  /** Servers and policy for the next gathering. */
  setConfiguration(servers: readonly IceServer[], policy: IceTransportPolicy): void {
    this.servers = servers;
    this.policy = policy;
  }

  setRole(role: IceRole, now: number): void {
    if (role === this.currentRole || this.currentState === "closed") return;
    this.tieBreaker = this.drawTieBreaker(role);
    this.takeRole(role, now);
  }

  private takeRole(role: IceRole, now: number): void {
    this.currentRole = role;
    this.current.session.setRole(role, now);
    this.previous?.session.setRole(role, now);
  }

  /**
   * RFC 8445 §5.2, with first bits that let us yield in a conflict with nearly every peer: not all can. After a restart that it
   * offers, or answers, Pion keeps the role that it had, drops checks of the same role, and never changes its own.
   */
  private drawTieBreaker(role: IceRole): Uint8Array {
    const tieBreaker = this.options.crypto.random(8);
    tieBreaker[0] = tieBreaker[1] = role === "controlled" ? 0xff : 0;
    return tieBreaker;
  }

  /** The peer's credentials. Other ones than before (without a restart of ours) drop what belongs to the old ones. */
  setRemoteParameters(parameters: IceParameters, now: number): void {
    if (this.currentState === "closed") return;
    // RFC 8445 §6.1.1: a full agent controls a lite one, whoever offered.
    if (parameters.iceLite === true && this.options.lite !== true) this.changeRole("controlling", now);
    else if (parameters.iceLite !== true && this.options.lite === true) this.changeRole("controlled", now);
    this.current.session.setRemote(parameters, now);
  }

  /** The peer has begun anew, perhaps with its credentials of before: its candidates, and the pairs with them, are gone. */
  forgetRemote(now: number): void {
    if (this.currentState === "closed") return;
    this.current.session.forgetRemote();
    this.update(now);
  }

  /** Any time, also before setRemoteParameters; candidates of another generation (by their ufrag) are ignored. */
  addRemoteCandidate(candidate: IceCandidate, now: number): void {
    if (this.currentState === "closed") return;
    const { session } = this.current;
    // Given up for want of candidates: here is one more.
    if (session.halted && !session.lost && !session.endOfRemoteCandidates) session.halted = false;
    session.addRemoteCandidate(candidate, now);
  }

  endOfRemoteCandidates(now: number): void {
    if (this.currentState !== "closed") this.current.session.endRemoteCandidates(now);
  }

  /**
   * New credentials (those given, or fresh ones); data goes on over the old pair until the new generation has one. Then
   * `gather` anew: that the state is "new" until then is not an event. Back to the credentials of the generation before,
   * which a rollback asks for, is back to that generation, its sockets and its candidates, as long as it exists.
   */
  restart(now: number, parameters?: IceParameters): void {
    if (this.currentState === "closed") return;
    const old = this.current;
    const { previous } = this;
    if (previous !== undefined && parameters !== undefined && isOf(previous, parameters)) {
      this.previous = undefined;
      this.previousUntil = Infinity;
      this.current = previous;
      this.drop(old, now);
      this.setGatheringState(previous.gathered ? "complete" : "gathering");
      this.update(now);
      return;
    }
    if (previous === undefined || (this.active !== undefined && old.session.selected === this.active)) {
      this.drop(previous, now);
      this.previous = old;
      this.previousUntil = Infinity;
    } else this.drop(old, now);
    this.current = this.generation(parameters?.usernameFragment, parameters?.password);
    this.currentGatheringState = "new";
    this.update(now);
  }

  /** Sends one datagram over the selected pair; its bytes are given away. False if there is none. */
  send(data: Uint8Array, now: number): boolean {
    const pair = this.active;
    if (pair === undefined) return false;
    pair.packetsSent++;
    pair.bytesSent += data.length;
    pair.lastPacketSentAt = now;
    this.packetsSent++;
    this.bytesSent += data.length;
    const { length } = data;
    if (!pair.port.send(data, pair.address, pair.portNumber)) {
      pair.packetsDiscardedOnSend++;
      pair.bytesDiscardedOnSend += length;
    }
    return true;
  }

  /** Whether bytes given to `send` are in use any longer (DatagramPort). */
  keeps(): boolean {
    return this.active?.port.keeps?.() ?? true;
  }

  /**
   * Ends everything. Relays are given back: until `deadline` is Infinity, timeouts and packets should still be handed in,
   * for at most a few seconds; the host hears nothing more.
   */
  close(now: number): void {
    if (this.currentState === "closed") return;
    if (this.active !== undefined) this.selectedPairChanges++;
    this.active = undefined;
    this.currentState = "closed";
    this.drop(this.previous, now);
    this.previous = undefined;
    this.previousUntil = Infinity;
    this.drop(this.current, now);
    this.host.onStateChange("closed");
  }

  get deadline(): number {
    let at = Math.min(this.current.session.deadline, this.current.gatherer.deadline, this.previousUntil);
    if (this.previous !== undefined) {
      at = Math.min(at, this.previous.session.deadline, this.previous.gatherer.deadline);
    }
    if (this.closing.size > 0) for (const gatherer of this.closing) at = Math.min(at, gatherer.deadline);
    return at;
  }

  handleTimeout(now: number): void {
    const { current, previous } = this;
    if (current.gatherer.deadline <= now) current.gatherer.handleTimeout(now);
    if (current.session.deadline <= now) current.session.handleTimeout(now);
    if (previous !== undefined) {
      if (previous.gatherer.deadline <= now) previous.gatherer.handleTimeout(now);
      if (previous.session.deadline <= now) previous.session.handleTimeout(now);
      if (now >= this.previousUntil) {
        this.previousUntil = Infinity;
        this.previous = undefined;
        this.drop(previous, now);
      }
    }
    for (const gatherer of [...this.closing]) {
      if (gatherer.deadline <= now) gatherer.handleTimeout(now);
      if (!gatherer.lingering) this.closing.delete(gatherer);
    }
  }

  // ---- generations ---------------------------------------------------------------------------------------------------

  private generation(usernameFragment?: string, password?: string): Generation {
    const random = (length: number): Uint8Array => this.options.crypto.random(length);
    const local: IceParameters = {
      usernameFragment: usernameFragment ?? iceChars(FRAGMENT_LENGTH, random),
      password: password ?? iceChars(PASSWORD_LENGTH, random),
      iceLite: this.options.lite === true,
    };
    const session = new IceSession(this.options, this.timing, local, this.counters, this);
    return { session, gatherer: this.gathererOf(session), candidates: [], gathered: false, completed: false };
  }

  // What sessions ask and tell (SessionHost)

  /** @internal */
  switchRole(role: IceRole, renew: boolean, now: number): void {
    if (renew) this.tieBreaker = this.drawTieBreaker(role);
    this.changeRole(role, now);
  }

  /** @internal */
  onProgress(now: number): void {
    this.update(now);
  }

  /** @internal */
  onData(session: IceSession, data: Uint8Array, now: number): void {
    this.packetsReceived++;
    this.bytesReceived += data.length;
    this.host.onData(data, now, session === this.current.session);
  }

  private gathererOf(session: IceSession): Gatherer {
    const settings = {
      servers: this.servers,
      policy: this.policy,
      usernameFragment: session.local.usernameFragment,
      timing: this.timing,
      foundations: this.foundations,
    };
    return new Gatherer(this.options, settings, new IceAgent.GathererSide(this, session));
  }

  private static readonly GathererSide = class implements GathererHost {
    private readonly agent: IceAgent;
    private readonly session: IceSession;

    constructor(agent: IceAgent, session: IceSession) {
      this.agent = agent;
      this.session = session;
    }

    onBase(base: IceBase, now: number): void {
      this.session.addBase(base, now);
    }

    onBaseClosed(base: IceBase, now: number): void {
      this.session.removeBase(base, now);
    }

    onCandidate(candidate: IceCandidate, gatherer: Gatherer): void {
      const { current, host } = this.agent;
      if (current.gatherer !== gatherer) return;
      current.candidates.push(candidate);
      host.onLocalCandidate(candidate);
    }

    onCandidateError(error: IceCandidateError, gatherer: Gatherer): void {
      if (this.agent.current.gatherer === gatherer) this.agent.host.onCandidateError(error);
    }

    onGathered(now: number, gatherer: Gatherer): void {
      const { current, previous } = this.agent;
      this.session.gathered = true;
      if (previous?.gatherer === gatherer) previous.gathered = true;
      if (current.gatherer !== gatherer) return;
      current.gathered = true;
      this.agent.setGatheringState("complete");
      this.agent.update(now);
    }

    onDatagram(base: IceBase, data: Uint8Array, address: string, port: number, now: number): void {
      if (!this.session.closed) this.session.receive(base, data, address, port, now);
    }

    onUnreachable(base: IceBase, address: string, port: number, now: number): void {
      if (!this.session.closed) this.session.handleUnreachable(base, address, port, now);
    }

    onDrained(now: number): void {
      if (this.agent.currentState !== "closed") this.agent.host.onDrained(now);
    }
  };

  /** The current generation with a gatherer that knows the present configuration. */
  private refreshedGeneration(): Generation {
    const { session } = this.current;
    this.current = { session, gatherer: this.gathererOf(session), candidates: [], gathered: false, completed: false };
    return this.current;
  }

  private drop(generation: Generation | undefined, now: number): void {
    if (generation === undefined) return;
    generation.session.close();
    generation.gatherer.close(now);
    if (generation.gatherer.lingering) this.closing.add(generation.gatherer);
  }

  private changeRole(role: IceRole, now: number): void {
    if (role === this.currentRole || this.currentState === "closed") return;
    this.takeRole(role, now);
    this.host.onRoleChange(role);
  }

  // ---- state ---------------------------------------------------------------------------------------------------------

  private setGatheringState(state: IceGatheringState): void {
    if (state === this.currentGatheringState) return;
    this.currentGatheringState = state;
    this.host.onGatheringStateChange(state);
  }

  /** Something changed: chooses the pair to send over, and tells the host what there is to tell. */
  private update(now: number): void {
    if (this.currentState === "closed") return;
    const { session, gatherer } = this.current;
    if (session.selected !== undefined && this.previous !== undefined && this.previousUntil === Infinity) {
      // RFC 8445 §9: the new generation takes over.
      this.previousUntil = now + RESTART_LINGER;
    }
    let pair = session.selected ?? (this.previousUntil === Infinity ? this.previous?.session.selected : undefined);
    if (pair !== undefined && pair !== session.selected && !this.isAllowed(pair) && session.isHopeless) {
      // What the configuration has no room for is kept only until the restart has led to something, or to nothing.
      this.previous!.session.forbid();
      this.previousUntil = now + this.timing.consentTimeout;
      pair = undefined;
    }
    if (pair?.nominated === true && pair === session.selected) gatherer.stopRefreshing();
    if (pair !== this.active) this.selectedPairChanges++;
    this.active = pair;
    // While the generation before still carries data, a restart that leads to nothing is no failure yet.
    if (pair === undefined && (session.lost || session.isHopeless)) session.halted = true;
    this.announcePair(pair);
    const state = this.computeState(session, pair);
    if (state === this.currentState) return;
    this.currentState = state;
    this.host.onStateChange(state);
  }

  private isAllowed({ base }: CandidatePair): boolean {
    return this.policy !== "relay" || base.type === "relay";
  }

  private announcePair(pair: CandidatePair | undefined): void {
    if (pair === undefined) return;
    const local = pair.local.candidate;
    const remote = pair.remote.candidate;
    if (pair === this.announced && local === this.announcedLocal && remote === this.announcedRemote) return;
    this.announced = pair;
    this.announcedLocal = local;
    this.announcedRemote = remote;
    this.host.onSelectedPairChange(local, remote);
  }

  /** RTCIceTransportState (webrtc-pc §5.6.4), also during a restart: "completed" goes back to "connected". */
  private computeState(session: IceSession, pair: CandidatePair | undefined): IceTransportState {
    // The generation before a restart may find its path again when this one has given up: then it carries the data.
    if (session.halted && pair === undefined) return "failed";
    if (session.selected !== undefined) {
      if (session.disconnected) return "disconnected";
      const settled = session.selected.nominated && session.gathered && session.endOfRemoteCandidates;
      // Not before consent has been renewed: until then a restart, or silence, finds the state that browsers have, which
      // know no "completed". Pairs that are tried again because the selected one is in doubt do not undo it.
      this.current.completed ||= settled && session.confirmed && !session.checking;
      return settled && this.current.completed ? "completed" : "connected";
    }
    if (pair !== undefined && this.previous?.session.disconnected !== true) return "connected";
    // A restart begins to help with the peer's credentials: until then what was lost is lost.
    const { currentState } = this;
    if (session.remote === undefined && (currentState === "disconnected" || currentState === "failed")) {
      return currentState;
    }
    if (pair !== undefined) return "checking";
    if (currentState !== "new") return session.isWithoutHope ? "disconnected" : "checking";
    return session.remote !== undefined && session.hasRemoteCandidates ? "checking" : "new";
  }
}

function isOf({ session }: Generation, { usernameFragment, password }: IceParameters): boolean {
  return session.local.usernameFragment === usernameFragment && session.local.password === password;
}
