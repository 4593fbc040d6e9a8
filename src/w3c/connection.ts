// What stands behind an RTCPeerConnection: the negotiated state, the operations chain, the transports, and the algorithms of
// webrtc-pc §4.4 over them. The class in rtc-peer-connection.ts only converts arguments and fires events. Offer and answer
// are computed by src/jsep as values; committing one here brings the transports in step with it.
import { createAnswer } from "../jsep/answer.js";
import { applyLocal, applyRemote } from "../jsep/apply.js";
import { addLocalCandidate, addRemoteCandidate } from "../jsep/candidates.js";
import type { JsepError, JsepResult } from "../jsep/errors.js";
import { createOffer } from "../jsep/offer.js";
import type { Plan } from "../jsep/plan.js";
import type { SdpType, SignalingState } from "../jsep/signaling-state.js";
import {
  createNegotiationState,
  type IceParameters,
  type LocalInputs,
  localIceParameters,
  type NegotiationState,
  type RemoteInputs,
} from "../jsep/state.js";
import type { TransceiverDescription } from "../jsep/transceivers.js";
import { createDefaultCertificate, type LocalCertificate } from "../peer/certificates.js";
import type { PeerTransport, PeerTransportHost } from "../peer/peer-transport.js";
import type { Platform } from "../peer/platform.js";
import { createSctpInit, isSctpInit } from "../peer/sctp-inits.js";
import { parseSdp } from "../sdp/parser.js";
import { type IceCandidate, writeIceCandidate } from "../util/ice-candidate.js";
import { iceChars } from "../util/text.js";
import {
  connectionStateOf,
  gatheringStateOf,
  iceConnectionStateOf,
  type RTCIceGatheringState,
  type RTCIceTransportState,
  type RTCPeerConnectionState,
  type TransportStates,
} from "./connection-states.js";
import { ConnectionTransports, type TransportConfiguration } from "./connection-transports.js";
import { OperationsChain } from "./operations-chain.js";
import { TaskQueue } from "./task-queue.js";

/** SCTP over DTLS has one port number in practice (RFC 8841 §5.2). */
const SCTP_PORT = 5000;
/** Characters of ICE credentials: 24 and 144 bits; RFC 8445 §5.3 asks for at least 24 and 128. */
const UFRAG_LENGTH = 4;
const PASSWORD_LENGTH = 24;

export interface ConnectionSettings {
  readonly platform: Platform;
  readonly bundlePolicy: "balanced" | "max-compat" | "max-bundle";
  readonly rtcpMuxPolicy: "negotiate" | "require";
  readonly iceLite: boolean;
  readonly rtpHeaderEncryptionPolicy?: "negotiate" | "require" | undefined;
  readonly maxMessageSize: number;
  /** RFC 8888: see ServerOptions. */
  readonly congestionControlFeedback?: boolean | undefined;
  /** draft-hancke-tsvwg-snap: see ServerOptions. */
  readonly sctpSnap?: boolean | undefined;
  readonly certificates: readonly LocalCertificate[];
  /** Configuration for a new transport, as it is now. */
  transportConfiguration(): TransportConfiguration;
}

export interface DescriptionInit {
  readonly type: SdpType;
  readonly sdp: string;
}

export interface CandidateInit {
  readonly candidate: string;
  readonly sdpMid: string | null;
  readonly sdpMLineIndex: number | null;
  readonly usernameFragment: string | null;
}

/** The RTCPeerConnection, as its connection sees it. Called in tasks, except where said. */
export interface ConnectionOwner {
  fire(type: string): void;
  fireCandidate(candidate: CandidateInit | null, local: IceCandidate | null): void;
  /** An error as the W3C's object: DOMException, or RTCError for SDP that does not parse. */
  exception(error: JsepError): unknown;
  /** A plan was committed, before events fire: W3C objects of transports and channels follow it here. */
  committed(plan: Plan): void;
  /** The plan has been carried out on the transports: channels can be opened on them. */
  carriedOut(plan: Plan): void;
  remoteCandidateAdded(id: number, candidate: IceCandidate): void;
  /** Events of a transport that are not the connection's. Called in the middle of a round. */
  transportEvents(id: number): TransportObserver;
  transportCreated(id: number, transport: PeerTransport): void;
  /** The states of the transports as their objects show them. */
  transportStates(): readonly TransportStates[];
  /** What createOffer and the negotiation-needed check ask. */
  hasDataChannels(): boolean;
  readonly media: ConnectionMedia;
}

/** The transceivers, as offer and answer see them. */
export interface ConnectionMedia {
  /** Another number for every change that makes a created description out of date. */
  readonly revision: number;
  /** A promise of setParameters is not settled yet: descriptions are applied after it. */
  readonly isSettingParameters: boolean;
  descriptions(): readonly TransceiverDescription[];
  newTransceiverId(): string;
  /** Follows `ConnectionOwner.committed`; what it returns fires events, after `signalingstatechange`. */
  committed(plan: Plan, source: "local" | "remote", type: SdpType): () => void;
  isNegotiationNeeded(state: NegotiationState): boolean;
}

export type TransportObserver = Pick<
  PeerTransportHost,
  | "onCandidateError"
  | "onGatheringStateChange"
  | "onIceStateChange"
  | "onSelectedPairChange"
  | "onIceRoleChange"
  | "onDtlsStateChange"
  | "onDtlsClosed"
  | "onSctpStateChange"
  | "onChannel"
> & {
  /** Called in the task in which the candidate is told. */
  onLocalCandidate(candidate: IceCandidate): void;
};

export class Connection {
  readonly platform: Platform;
  readonly transports: ConnectionTransports;
  /** All that a program can observe happens here; closed with the connection. */
  readonly tasks: TaskQueue;
  isClosed = false;
  signalingState: SignalingState = "stable";
  iceGatheringState: RTCIceGatheringState = "new";
  iceConnectionState: RTCIceTransportState = "new";
  connectionState: RTCPeerConnectionState = "new";
  state: NegotiationState;
  private readonly settings: ConnectionSettings;
  private readonly owner: ConnectionOwner;
  private readonly chain: OperationsChain;
  private ownCertificates: readonly LocalCertificate[];
  private negotiationNeeded = false;
  private updateNeededOnEmptyChain = false;
  private credentialsToReplace: readonly IceParameters[] = [];
  /** As those, but of their own they are no reason to negotiate: gathered for with another configuration (RFC 9429 §4.1.18). */
  private outdatedCredentials: readonly IceParameters[] = [];
  /** The revision of the media that was created last. */
  private describedRevision = 0;

  constructor(settings: ConnectionSettings, owner: ConnectionOwner) {
    this.settings = settings;
    this.owner = owner;
    this.platform = settings.platform;
    // A bug of ours ends this connection, not the process.
    this.tasks = new TaskQueue(settings.platform, (error) => this.transports.fault(error));
    this.ownCertificates = settings.certificates;
    const { bundlePolicy, rtcpMuxPolicy, iceLite, rtpHeaderEncryptionPolicy } = settings;
    const sessionId = this.randomSessionId();
    const { platform, sctpSnap = true } = settings;
    const sctpInits = sctpSnap ? { create: () => createSctpInit(platform), isValid: isSctpInit } : undefined;
    const configuration = { sessionId, bundlePolicy, rtcpMuxPolicy, iceLite, rtpHeaderEncryptionPolicy, sctpInits };
    this.state = createNegotiationState(configuration);
    this.chain = new OperationsChain(
      () => this.isClosed,
      () => {
        if (!this.updateNeededOnEmptyChain) return;
        this.updateNeededOnEmptyChain = false;
        this.updateNegotiationNeeded();
      },
    );
    this.transports = new ConnectionTransports(
      () => settings.transportConfiguration(),
      () => this.certificates(),
      (id) => this.transportHost(id),
      (id, transport) => owner.transportCreated(id, transport),
      (run) => this.queueTask(run),
    );
    // Made before it is needed: whoever waits for an offer has time for it now.
    this.queueTask(() => void this.certificates());
  }

  /** A number below 2^62 in decimal (RFC 9429 §5.2.1), from two draws that are exact in doubles. */
  private randomSessionId(): string {
    const b = this.platform.crypto.random(8);
    const high = ((b[0]! & 0x3f) * 0x100_0000 + (b[1]! << 16) + (b[2]! << 8) + b[3]!) >>> 0;
    const low = ((b[4]! << 24) | (b[5]! << 16) | (b[6]! << 8) | b[7]!) >>> 0;
    // high * 2^32 + low, in decimal halves of nine digits: the product is beyond a double's integers.
    const base = 1_000_000_000;
    const upper = high * 4;
    const carryIn = high * 294_967_296 + low;
    const tail = carryIn % base;
    return `${upper + Math.floor(carryIn / base)}${String(tail).padStart(9, "0")}`;
  }

  /** The certificates, made now if none were given: one for this connection alone. */
  certificates(): readonly LocalCertificate[] {
    if (this.ownCertificates.length === 0) this.ownCertificates = [createDefaultCertificate(this.platform)];
    return this.ownCertificates;
  }

  /**
   * Queues a task that is dropped if the connection is closed by then. Listeners do not throw through an event's dispatch,
   * so what a task throws is a bug of ours: it ends this connection, not the process.
   */
  queueTask(run: () => void): void {
    this.tasks.queue(run, true);
  }

  private closedError(): unknown {
    return this.owner.exception({ kind: "InvalidStateError", message: "The RTCPeerConnection is closed." });
  }

  /** Runs an operation of another object in the chain (replaceTrack). */
  chainOperation<T>(operation: () => Promise<T>): Promise<T> {
    return this.chain.chain(operation, () => this.closedError());
  }

  private unwrap<T>(result: JsepResult<T>): T {
    if (!result.ok) throw this.owner.exception(result.error);
    return result.value;
  }

  private localInputs(): LocalInputs {
    // The pool is for the first descriptions; what is left of it goes once one is agreed on.
    let pooled = 0;
    return {
      fingerprints: this.certificates().flatMap(({ fingerprints }) => fingerprints),
      newIceParameters: () => this.transports.pool.credentials(pooled++) ?? this.newIceParameters(),
      maxMessageSize: this.settings.maxMessageSize,
      sctpPort: SCTP_PORT,
      transceivers: this.owner.media.descriptions(),
      congestionFeedback: this.settings.congestionControlFeedback,
    };
  }

  private remoteInputs(): RemoteInputs {
    const { media } = this.owner;
    return { transceivers: media.descriptions(), newTransceiverId: () => media.newTransceiverId() };
  }

  private newIceParameters(): IceParameters {
    const random = (length: number): Uint8Array => this.platform.crypto.random(length);
    return { usernameFragment: iceChars(UFRAG_LENGTH, random), password: iceChars(PASSWORD_LENGTH, random) };
  }

  /** iceCandidatePoolSize (RFC 9429 §4.1.1); see CandidatePool.resize. */
  resizePool(size: number, renew: boolean): void {
    this.transports.pool.resize(size, () => this.newIceParameters(), renew);
  }

  // Offer and answer (webrtc-pc §4.4.2)

  private makeOffer(iceRestart: boolean): DescriptionInit {
    const inputs = {
      dataChannel: this.owner.hasDataChannels(),
      iceRestart,
      credentialsToReplace: [...this.credentialsToReplace, ...this.outdatedCredentials],
      ...this.localInputs(),
    };
    const { next, sdp } = this.unwrap(createOffer(this.state, inputs));
    this.state = next;
    this.describedRevision = this.owner.media.revision;
    return { type: "offer", sdp };
  }

  private makeAnswer(): DescriptionInit {
    const { next, sdp } = this.unwrap(createAnswer(this.state, this.localInputs()));
    this.state = next;
    this.describedRevision = this.owner.media.revision;
    return { type: "answer", sdp };
  }

  createOffer(iceRestart: boolean): Promise<DescriptionInit> {
    return this.chain.chain(
      () => this.inTaskIf(this.isIn("stable", "have-local-offer"), () => this.makeOffer(iceRestart)),
      () => this.closedError(),
    );
  }

  createAnswer(): Promise<DescriptionInit> {
    return this.chain.chain(
      () => this.inTaskIf(this.isIn("have-remote-offer", "have-local-pranswer"), () => this.makeAnswer()),
      () => this.closedError(),
    );
  }

  /** Runs `run` in a task of its own, as the "in parallel" steps of the algorithms end; never settles once closed. */
  private inTask<T>(run: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.queueTask(() => {
        try {
          resolve(run());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  private isIn(...states: readonly SignalingState[]): boolean {
    return states.includes(this.signalingState);
  }

  /** As `inTask`; but at once if not `allowed`, for what the algorithms refuse before their "in parallel" steps. */
  private inTaskIf<T>(allowed: boolean, run: () => T): Promise<T> {
    return allowed ? this.inTask(run) : new Promise((resolve) => resolve(run()));
  }

  /** As `inTaskIf`, in a task behind that of a setParameters that is under way (webrtc-pc §4.4.1.5, "start the process over"). */
  private inDescriptionTask(allowed: boolean, run: () => void): Promise<void> {
    return this.inTaskIf<void | Promise<void>>(allowed, () =>
      allowed && this.owner.media.isSettingParameters ? this.inDescriptionTask(true, run) : run(),
    ) as Promise<void>;
  }

  setLocalDescription(type: SdpType | undefined, sdp: string): Promise<void> {
    return this.chain.chain(
      () => {
        const { signalingState } = this;
        const answering = signalingState === "have-remote-offer" || signalingState === "have-local-pranswer";
        const effective = type ?? (answering ? "answer" : "offer");
        const allowed = effective !== "rollback" || this.isIn("have-local-offer", "have-remote-offer");
        return this.inDescriptionTask(allowed, () => {
          if (effective !== "rollback" && sdp === "") {
            const state = this.state;
            const fresh = effective === "offer" ? state.lastOffer : state.lastAnswer;
            // An empty text means the description that was created last, or a new one.
            const isStale = fresh?.offer != null && fresh.offer !== state.remoteOffer;
            if (fresh === null || fresh.epoch !== state.epoch || isStale || !this.isCurrent(effective)) {
              if (effective === "offer") this.makeOffer(false);
              else this.makeAnswer();
            }
          }
          this.commit(this.unwrap(applyLocal(this.state, effective, sdp)), effective, "local");
        });
      },
      () => this.closedError(),
    );
  }

  /** Whether what was created last still says what a new description would (webrtc-pc: "needs to be regenerated"). */
  private isCurrent(type: SdpType): boolean {
    if (this.describedRevision !== this.owner.media.revision) return false;
    if (type !== "offer") return true;
    const { lastOffer } = this.state;
    const hasData = lastOffer?.slots.some(({ kind, rejected }) => kind === "application" && !rejected) ?? false;
    if (this.credentialsToReplace.length > 0 || this.outdatedCredentials.length > 0) return false;
    return hasData === this.owner.hasDataChannels();
  }

  setRemoteDescription(type: SdpType, sdp: string): Promise<void> {
    const result = this.chain.chain(
      async () => {
        if (type === "offer" && this.signalingState === "have-local-offer") {
          // Implicit rollback: "perfect negotiation" (webrtc-pc §4.4.1.5, step 3.5).
          await this.inDescriptionTask(true, () =>
            this.commit(this.unwrap(applyLocal(this.state, "rollback", "")), "rollback", "local"),
          );
        }
        const allowed = type !== "rollback" || this.isIn("have-local-offer", "have-remote-offer");
        await this.inDescriptionTask(allowed, () =>
          this.commit(this.unwrap(applyRemote(this.state, type, sdp, this.remoteInputs())), type, "remote"),
        );
      },
      () => this.closedError(),
    );
    return type === "rollback" ? result : this.orMalformed(result, sdp);
  }

  /**
   * `result`; but text that does not parse is refused also where the connection is closed before the task that would: as in
   * Chromium, so that a program which waits for what it did wrong does not wait for ever.
   */
  private orMalformed(result: Promise<void>, sdp: string): Promise<void> {
    return new Promise((resolve, reject) => {
      result.then(resolve, reject);
      this.platform.queueTask(() => {
        const parsed = this.isClosed ? parseSdp(sdp) : undefined;
        if (parsed?.ok === false) reject(this.owner.exception({ kind: "sdp-syntax-error", ...parsed.error }));
      });
    });
  }

  /** Commits a plan, then fires what it changes (webrtc-pc §4.4.1.5, the steps of the queued task). */
  private commit(plan: Plan, type: SdpType, source: "local" | "remote"): void {
    this.state = plan.next;
    if (type === "answer") {
      // The credentials that restartIce() wanted gone may be in no local description any more, whoever restarted. Until the
      // exchange is over an offer without them may still be rolled back.
      const current = localIceParameters(plan.next);
      const isCurrent = (old: IceParameters): boolean =>
        current.some(({ usernameFragment }) => usernameFragment === old.usernameFragment);
      this.credentialsToReplace = this.credentialsToReplace.filter(isCurrent);
      this.outdatedCredentials = this.outdatedCredentials.filter(isCurrent);
    }
    this.owner.committed(plan);
    const fireMedia = this.owner.media.committed(plan, source, type);
    this.transports.carryOut(plan);
    this.owner.carriedOut(plan);
    const changed = this.signalingState !== plan.next.signalingState;
    this.signalingState = plan.next.signalingState;
    if (this.signalingState === "stable") {
      if (this.state.currentLocal !== null) this.transports.pool.close();
      this.negotiationNeeded = false;
      this.updateNegotiationNeeded();
    }
    if (changed) this.owner.fire("signalingstatechange");
    if (!this.isClosed) fireMedia();
    // Whoever waits for the description to be set finds the states without the transports that it ended.
    if (plan.discardedTransports.length > 0) this.updateStates();
    // Transports that came or went change the states without an event of their own.
    this.queueTask(() => this.updateStates());
  }

  // Candidates (webrtc-pc §4.4.1.9)

  addIceCandidate(init: CandidateInit): Promise<void> {
    return this.chain.chain(
      () => {
        if (this.state.currentRemote === null && this.state.pendingRemote === null) {
          const message = "Failed to execute 'addIceCandidate': the remote description was null.";
          return Promise.reject(this.owner.exception({ kind: "InvalidStateError", message }));
        }
        return this.inTask(() => {
          // As Chromium: an empty mid next to an index is no mid (Pion before 4 sends that).
          const input = init.sdpMid === "" && init.sdpMLineIndex !== null ? { ...init, sdpMid: null } : init;
          const { next, targets } = this.unwrap(addRemoteCandidate(this.state, input));
          this.state = next;
          for (const { transport: id, candidate } of targets) {
            const transport = this.transports.get(id);
            if (candidate === null) transport?.endOfRemoteCandidates();
            else {
              this.owner.remoteCandidateAdded(id, candidate);
              transport?.addRemoteCandidate(candidate);
            }
          }
        });
      },
      () => this.closedError(),
    );
  }

  private transportHost(id: number): PeerTransportHost {
    const observer = this.owner.transportEvents(id);
    return {
      ...observer,
      onLocalCandidate: (candidate) =>
        this.queueTask(() => {
          observer.onLocalCandidate(candidate);
          this.surfaceCandidate(id, candidate);
        }),
      onGatheringStateChange: (gathering) => {
        if (gathering === "complete") {
          const usernameFragment = this.transports.get(id)?.ice.localParameters.usernameFragment ?? "";
          this.queueTask(() => this.surfaceEndOfCandidates(id, usernameFragment));
        }
        observer.onGatheringStateChange(gathering);
      },
    };
  }

  private surfaceCandidate(id: number, candidate: IceCandidate): void {
    const usernameFragment = candidate.usernameFragment ?? "";
    const { next, sdpMid, sdpMLineIndex } = addLocalCandidate(this.state, id, usernameFragment, candidate);
    this.state = next;
    if (sdpMid === null) return;
    const text = writeIceCandidate(candidate);
    this.owner.fireCandidate({ candidate: text, sdpMid, sdpMLineIndex, usernameFragment }, candidate);
  }

  private surfaceEndOfCandidates(id: number, usernameFragment: string): void {
    const { next, sdpMid, sdpMLineIndex } = addLocalCandidate(this.state, id, usernameFragment, null);
    this.state = next;
    if (sdpMid === null) return;
    this.owner.fireCandidate({ candidate: "", sdpMid, sdpMLineIndex, usernameFragment }, null);
  }

  // States (webrtc-pc §4.3.2 to §4.3.4)

  /**
   * In the task in which a transport's state changed: all states are what they are to be before the first event fires, then
   * come the events of the transport, `own`, and ours.
   */
  updateStates(...own: (() => void)[]): void {
    if (this.isClosed) return;
    const events = own;
    const states = this.owner.transportStates();
    const gathering = gatheringStateOf(states);
    if (gathering !== this.iceGatheringState) {
      this.iceGatheringState = gathering;
      events.push(() => this.owner.fire("icegatheringstatechange"));
      // webrtc-pc §4.4.1.3: the end of all candidates is told as well.
      if (gathering === "complete") events.push(() => this.owner.fireCandidate(null, null));
    }
    const ice = iceConnectionStateOf(states);
    if (ice !== this.iceConnectionState) {
      this.iceConnectionState = ice;
      events.push(() => this.owner.fire("iceconnectionstatechange"));
    }
    const connection = connectionStateOf(states);
    if (connection !== this.connectionState) {
      this.connectionState = connection;
      events.push(() => this.owner.fire("connectionstatechange"));
    }
    for (const event of events.slice(1).reverse()) this.tasks.queueNext(event);
    events[0]?.();
  }

  // Negotiation needed (webrtc-pc §4.7.3)

  updateNegotiationNeeded(): void {
    if (!this.chain.isEmpty) {
      this.updateNeededOnEmptyChain = true;
      return;
    }
    this.queueTask(() => {
      if (!this.chain.isEmpty) {
        this.updateNeededOnEmptyChain = true;
        return;
      }
      if (this.signalingState !== "stable") return;
      if (!this.isNegotiationNeeded()) {
        this.negotiationNeeded = false;
        return;
      }
      if (this.negotiationNeeded) return;
      this.negotiationNeeded = true;
      this.owner.fire("negotiationneeded");
    });
  }

  private isNegotiationNeeded(): boolean {
    if (this.credentialsToReplace.length > 0 || this.owner.media.isNegotiationNeeded(this.state)) return true;
    return this.owner.hasDataChannels() && !this.state.slots.some((s) => s.kind === "application" && !s.rejected);
  }

  /** restartIce() (webrtc-pc §4.4.2): the next offer has new credentials for every transport. */
  restartIce(): void {
    this.credentialsToReplace = localIceParameters(this.state);
    this.updateNegotiationNeeded();
  }

  /** Servers or policy are other ones now: the "needs-ice-restart" of RFC 9429 §3.5.1, once something has been gathered. */
  outdateCandidates(): void {
    this.outdatedCredentials = localIceParameters(this.state);
  }

  close(): void {
    this.isClosed = true;
    this.tasks.close();
    this.signalingState = "closed";
    this.state = { ...this.state, signalingState: "closed" };
    this.transports.close();
    this.iceConnectionState = "closed";
    this.connectionState = "closed";
  }
}
