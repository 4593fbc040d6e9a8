// SCTP of one bundle, with data channels above and DTLS below: makes the association, tells it of the path, and replaces it
// where the peer began anew on another DTLS association (PeerTransport.renewDtls). Chromium has another SCTP association then,
// in which channels go on; Firefox keeps the first. Knows nothing of ICE but which pair carries the packets.
import type { DataChannels } from "../datachannel/channels.js";
import type { IceTransportState } from "../ice/options.js";
import type { CandidatePair } from "../ice/pair.js";
import { SctpAssociation } from "../sctp/association.js";
import { identify, isIdentityProbe } from "../sctp/identity.js";
import type { SctpAbort } from "../sctp/options.js";
import type { Platform } from "./platform.js";
import { decodeInits, type SctpInits } from "./sctp-inits.js";

/** SCTP packets kept until there is an association: the peer's may overtake its answer, where DTLS goes on from before. */
export const MAX_EARLY_PACKETS = 16;
/** Milliseconds for which data waits for a DTLS association that the peer may or may not begin. */
export const SCTP_PATIENCE = 2000;

export interface SctpParameters {
  readonly localPort: number;
  readonly remotePort: number;
  /** The peer's limit in bytes; 0: none. */
  readonly peerMaxMessageSize: number;
  /** Both sides' INITs, where the descriptions have them: there is no handshake then. */
  readonly snap?: SctpInits | null | undefined;
}

export interface SctpTransportHost {
  /** The peer may be about to leave for another transport: what it ends goes on there. */
  mayBeginAnew(): boolean;
  /** One packet, for DTLS to carry. */
  send(packet: Uint8Array): void;
  /** What ICE has measured on the path, in milliseconds. */
  roundTripTime(): number | undefined;
}

export class SctpTransport {
  private readonly platform: Platform;
  private readonly maxMessageSize: number;
  private channels: DataChannels;
  private readonly host: SctpTransportHost;
  private current: SctpAssociation | undefined;
  private parameters: SctpParameters | undefined;
  private signaled = false;
  private early: Uint8Array[] | undefined;
  /** Our INIT is due in this round, or none is needed. */
  private connectPending = false;
  /** The association is of an earlier DTLS association; the peer's first packet says whether it goes on. */
  private onProbation = false;
  /** When data is sent again without that. */
  private resumeAt = Number.POSITIVE_INFINITY;
  /** The association replaces one that the peer aborted, perhaps in order to begin anew. */
  private aborted: SctpAbort | undefined;
  /** The pair that SCTP's measurements are of. */
  private path: CandidatePair | undefined;
  private pathLost = false;
  /** The association is to hear how large packets may be. */
  pathUpdated = false;

  constructor(platform: Platform, maxMessageSize: number, channels: DataChannels, host: SctpTransportHost) {
    this.platform = platform;
    this.maxMessageSize = maxMessageSize;
    this.channels = channels;
    this.host = host;
  }

  get association(): SctpAssociation | undefined {
    return this.current;
  }

  get isConnectPending(): boolean {
    return this.connectPending;
  }

  /** The association needs no handshake. */
  get isSignaled(): boolean {
    return this.signaled;
  }

  get deadline(): number {
    const { current } = this;
    return current === undefined ? Number.POSITIVE_INFINITY : Math.min(current.deadline, this.resumeAt);
  }

  /** Sets an association up; it connects once DTLS has. Later calls only change the peer's limit. */
  start(parameters: SctpParameters): void {
    this.parameters = parameters;
    if (this.current !== undefined) this.current.peerMaxMessageSize = parameters.peerMaxMessageSize;
    else this.channels.attach(this.make(parameters));
  }

  /** The channels go on at another transport; here there are `channels` instead. What was not sent yet is in the association. */
  leave(channels: DataChannels): SctpAssociation | undefined {
    const { current } = this;
    this.current = undefined;
    this.early = undefined;
    this.channels = channels;
    return current;
  }

  /** As `start`, with the channels of another transport and what was not sent there. */
  take(channels: DataChannels, old: SctpAssociation | undefined, parameters: SctpParameters): void {
    this.parameters = parameters;
    this.channels = channels;
    const association = this.make(parameters);
    if (old !== undefined) association.takeOver(old);
    channels.carryOver(association);
  }

  private make({ localPort, remotePort, peerMaxMessageSize, snap }: SctpParameters): SctpAssociation {
    const { crypto, logger } = this.platform;
    const host = this.channels.sctpHost(
      (packet) => this.host.send(packet),
      (reason, abort, tell) => {
        if (reason === "peer-abort" && this.host.mayBeginAnew() && this.current === association) {
          this.aborted = abort ?? { causeCode: undefined, reason: "" };
          this.onProbation = false;
          this.replace(association, false);
        } else if (this.aborted !== undefined) tell("peer-abort", this.aborted);
        else tell(reason, abort);
      },
    );
    const association: SctpAssociation = new SctpAssociation(
      {
        crypto,
        logger,
        localPort,
        remotePort,
        peerMaxMessageSize,
        maxMessageSize: this.maxMessageSize,
        // Liveness is ICE's business (RFC 7675), and whether a connection without a path is to be kept the application's:
        // it may restart ICE after any time.
        maxRetransmissions: Number.POSITIVE_INFINITY,
        maxInitRetransmits: Number.POSITIVE_INFINITY,
      },
      host,
      snap == null ? undefined : decodeInits(snap),
    );
    this.current = association;
    this.signaled = snap != null;
    this.path = undefined;
    this.pathUpdated = true;
    return association;
  }

  /** `withHandshake`: the peer begins with one, whatever the descriptions have. */
  private replace(old: SctpAssociation, withHandshake: boolean): void {
    const association = this.make(withHandshake ? { ...this.parameters!, snap: null } : this.parameters!);
    association.takeOver(old);
    this.channels.carryOver(association);
    this.resumeAt = Number.POSITIVE_INFINITY;
  }

  /** Gives the association up: the channels on it end, and `start` makes another. False if there is none. */
  giveUp(now: number, keepRole: boolean, isDtlsConnected: boolean): boolean {
    const old = this.current;
    this.connectPending = isDtlsConnected;
    this.early = undefined;
    // Channels may have identifiers of the role before there is an association.
    if (old !== undefined || !keepRole) this.channels.detach(keepRole);
    if (old === undefined) return false;
    old.abort(now);
    old.flush(now);
    this.current = undefined;
    this.path = undefined;
    this.onProbation = false;
    this.aborted = undefined;
    this.resumeAt = Number.POSITIVE_INFINITY;
    return true;
  }

  // DTLS

  /** Another DTLS association may come. What is sent before it is known whether the peer still has ours would be lost. */
  handleRenewal(now: number): void {
    this.onProbation = this.current !== undefined && this.aborted === undefined;
    if (!this.onProbation) return;
    this.current!.suspend();
    this.resumeAt = now + SCTP_PATIENCE;
  }

  /** No other DTLS association came of a negotiation: what the peer aborted is over. */
  handleNoRenewal(now: number): void {
    if (this.aborted !== undefined) this.current?.abort(now);
  }

  handleDtlsConnected(): void {
    this.connectPending = true;
    this.pathUpdated = true;
    this.aborted = undefined;
    const { current } = this;
    if (current === undefined) return;
    if (this.onProbation) current.probe();
    // What was sent on a DTLS association before this one is lost.
    if (current.state !== "closed") this.pathLost = true;
  }

  /** One packet. `isLatest`: of a DTLS association that no other is to replace. */
  receive(packet: Uint8Array, isLatest: boolean, now: number): void {
    const { current } = this;
    if (current === undefined) {
      this.early ??= [];
      if (this.early.length < MAX_EARLY_PACKETS) this.early.push(packet.slice());
      return;
    }
    if (this.onProbation && isLatest && this.judge(packet, now)) return;
    // The peer's first packet may have data.
    if (this.connectPending && this.signaled) this.connect(current, now);
    this.current?.receive(packet, now);
  }

  /** True if the packet is not for the association that there is now. */
  private judge(packet: Uint8Array, now: number): boolean {
    const { standing } = this.current!;
    const identity = identify(packet, standing);
    if (identity === undefined) {
      if (isIdentityProbe(packet, standing!)) return false;
      // Our question, or its answer, was lost.
      this.current!.probe();
      return true;
    }
    this.onProbation = false;
    if (identity === "same") {
      this.resume(now);
      return false;
    }
    this.replace(this.current!, identity === "shaking");
    this.connectPending = true;
    // Another without a handshake has the tags of the one before: what ends that would end it too.
    return identity === "another";
  }

  private connect(current: SctpAssociation, now: number): void {
    this.connectPending = false;
    const roundTripTime = this.host.roundTripTime();
    if (this.signaled) current.connect(now, roundTripTime);
    const { early } = this;
    this.early = undefined;
    if (early !== undefined) for (const packet of early) current.receive(packet, now);
    // Where the peer has begun the handshake, ours is not needed.
    if (!this.signaled) current.connect(now, roundTripTime);
  }

  private resume(now: number): void {
    this.resumeAt = Number.POSITIVE_INFINITY;
    this.current?.resume(now);
  }

  /** DTLS has ended: an orderly end if the peer closed, else a failure. */
  end(now: number, isFailure: boolean): void {
    if (isFailure) this.channels.handleTransportFailed();
    this.current?.abort(now);
  }

  // The round

  handleTimeout(now: number): void {
    const { current } = this;
    if (current !== undefined && now >= current.deadline) current.handleTimeout(now);
    if (now >= this.resumeAt) this.resume(now);
  }

  /** Sends what is due over this pair. */
  flush(pair: CandidatePair | undefined, state: IceTransportState, now: number): void {
    const { current } = this;
    if (current === undefined) return;
    if (this.connectPending) this.connect(current, now);
    this.followPath(current, pair, state, now);
    current.flush(now);
  }

  /** After an outage, or on another path, SCTP must not wait for its timers, which have backed off. */
  private followPath(
    current: SctpAssociation,
    pair: CandidatePair | undefined,
    state: IceTransportState,
    now: number,
  ): void {
    if (state === "disconnected" || state === "failed") this.pathLost = true;
    if (pair === undefined || (pair === this.path && !this.pathLost)) return;
    if (state !== "connected" && state !== "completed") return;
    if (this.path !== undefined) current.pathChanged(now);
    this.path = pair;
    this.pathLost = false;
  }
}
