// The machines of one bundle: ICE below, DTLS on it, SCTP and data channels on that. Owns the round (see round.ts): no
// machine is entered from another's callback; what a callback asks for is noted and done when the round settles.
// Knows nothing of SDP. Callers give commands; events go to one host, which must only record them.
import {
  type Channel,
  type ChannelHandler,
  type ChannelParameters,
  type DataChannelHost,
  DataChannels,
} from "../datachannel/channels.js";
import { type Fingerprint, matchesFingerprint } from "../dtls/certificate.js";
import { DtlsConnection } from "../dtls/connection.js";
import {
  type DtlsAlert,
  type DtlsCertificate,
  type DtlsCloseReason,
  type DtlsRole,
  type DtlsState,
  SrtpProtectionProfile,
} from "../dtls/options.js";
import { IceAgent } from "../ice/agent.js";
import type {
  IceAgentOptions,
  IceCandidateError,
  IceGatheringState,
  IceHost,
  IceParameters,
  IceRole,
  IceServer,
  IceTransportPolicy,
  IceTransportState,
} from "../ice/options.js";
import type { SctpAssociation } from "../sctp/association.js";
import { DEFAULT_MTU, type SctpCloseReason } from "../sctp/options.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import { ipScope } from "../util/ip.js";
import { DEMUX_DTLS, DEMUX_RTP, demux } from "./demux.js";
import type {
  RtpReceiver,
  RtpReceiverHost,
  RtpReceiverOptions,
  RtpSender,
  RtpSenderHost,
  RtpSenderOptions,
} from "./media.js";
import type { TransportRtpCounters } from "./media-stats.js";
import { MediaTransport, type MediaTransportOptions } from "./media-transport.js";
import type { Platform } from "./platform.js";
import { Round, type RoundOwner } from "./round.js";
import { type RoundNetwork, roundNetwork } from "./round-network.js";
import { type SctpParameters, SctpTransport } from "./sctp-transport.js";

/** DTLS datagrams kept until the role is known: the peer's first flight may overtake its description. */
export const MAX_EARLY_DATAGRAMS = 16;
/** UDP payload bytes that every path is taken to carry (IPv6's minimum MTU of 1280, less its and UDP's headers). */
const PATH_MTU = 1200;
/** Milliseconds after `close` in which relays may still be given back (RFC 8656 §7.2), with retransmissions. */
export const RELEASE_TIMEOUT = 5000;
/**
 * Milliseconds after which a close_notify that comes while a description waits for its answer is believed: the peer may have
 * begun anew with that (see `renewDtls`), or be gone.
 */
export const CLOSE_GRACE = 5000;
/** Plaintext bytes of a record that every peer is taken to accept. */
const MAX_UNANNOUNCED_RECORD = DEFAULT_MTU;

export type { Channel, ChannelError, ChannelHandler } from "../datachannel/channels.js";
export type { RemoteCandidate } from "../ice/candidate.js";
export type { ExternalAddress, IceTcpOptions } from "../ice/options.js";
export type { CandidatePair } from "../ice/pair.js";

/**
 * In order of preference: first what everyone must have (RFC 8827 §6.5) and browsers choose, which costs no more than the others;
 * last, for peers that have nothing else, the one whose tags are short.
 * Negotiated whether or not there is media: it may come later on the same DTLS association, and some peers (Pion) refuse a
 * server that does not answer use_srtp.
 */
const SRTP_PROFILES: readonly number[] = [
  SrtpProtectionProfile.SRTP_AES128_CM_HMAC_SHA1_80,
  SrtpProtectionProfile.SRTP_AEAD_AES_128_GCM,
  SrtpProtectionProfile.SRTP_AEAD_AES_256_GCM,
  SrtpProtectionProfile.SRTP_AES128_CM_HMAC_SHA1_32,
];

export interface PeerTransportOptions {
  readonly platform: Platform;
  readonly certificates: readonly DtlsCertificate[];
  /** What ICE needs besides platform things. */
  readonly ice: Omit<IceAgentOptions, "crypto" | "network" | "logger">;
  /** Largest message accepted on data channels, in bytes. */
  readonly maxMessageSize: number;
  /** DTLS-SRTP protection profiles in order of preference, instead of all. */
  readonly srtpProfiles?: readonly number[] | undefined;
}

export type SctpTransportState = "connecting" | "connected" | "closed";

/** Events of a transport. They come in the middle of a round: record them, do not call back. */
export interface PeerTransportHost {
  onLocalCandidate(candidate: IceCandidate): void;
  onCandidateError(error: IceCandidateError): void;
  onGatheringStateChange(state: IceGatheringState): void;
  onIceStateChange(state: IceTransportState): void;
  onSelectedPairChange(local: IceCandidate, remote: IceCandidate): void;
  onIceRoleChange(role: IceRole): void;
  onDtlsStateChange(state: DtlsState): void;
  onDtlsClosed(reason: DtlsCloseReason, alert: DtlsAlert | undefined): void;
  onSctpStateChange(state: SctpTransportState, reason: SctpCloseReason | undefined): void;
  /** The peer opened a channel; the host returns what hears of it. */
  onChannel(channel: Channel): ChannelHandler;
}

/** What a transport hands over whose channels go on at another. */
export interface LeftSctp {
  readonly channels: DataChannels;
  readonly association: SctpAssociation | undefined;
}

export class PeerTransport implements RoundOwner {
  readonly ice: IceAgent;
  private ownChannels: DataChannels;
  private readonly platform: Platform;
  private readonly options: PeerTransportOptions;
  private readonly host: PeerTransportHost;
  private readonly round: Round;
  private readonly network: RoundNetwork;
  private dtlsConnection: DtlsConnection | undefined;
  /** What is to replace `dtlsConnection` once it is connected; it begins when ICE has a pair of the generation at hand. */
  private successor: DtlsConnection | undefined;
  private successorStarted = false;
  /** DTLS has begun anew before it was established. */
  private isRenewed = false;
  private negotiating = false;
  /** When a close_notify that may be part of a negotiation is believed. */
  private closeBelievedAt = Number.POSITIVE_INFINITY;
  private readonly sctpTransport: SctpTransport;
  private mediaTransport: MediaTransport | undefined;
  private mediaStartPending = false;
  /** The addresses of the selected pair. */
  private route: string | undefined;
  /** What was negotiated of Cryptex (RFC 9335), for a media transport yet to be made. */
  private cryptex = { send: false, receive: false };
  private waitingForMedia: (() => void)[] = [];
  private early: Uint8Array[] = [];
  private fingerprints: readonly Fingerprint[] = [];
  private dtlsStarted = false;
  private pathReady = false;
  private closed = false;
  /** When relays that are being given back are left to expire. */
  private releaseBy = Number.POSITIVE_INFINITY;
  /** The bug of ours that ended this transport: what a machine threw. Both states are "failed" then. */
  fault: unknown;
  private dtlsEnded = false;
  /** Datagrams dropped because nothing here takes them (RTP without media, unknown first bytes). */
  dropped = 0;

  constructor(options: PeerTransportOptions, host: PeerTransportHost) {
    this.options = options;
    this.platform = options.platform;
    this.host = host;
    this.round = new Round(options.platform, this);
    this.network = roundNetwork(options.platform, this.round);
    this.ice = new IceAgent(
      {
        ...options.ice,
        crypto: options.platform.crypto,
        network: this.network,
        logger: options.platform.logger,
      },
      this.iceHost,
    );
    this.ownChannels = new DataChannels(this.channelsHost, options.maxMessageSize);
    this.sctpTransport = new SctpTransport(options.platform, options.maxMessageSize, this.channels, {
      mayBeginAnew: () => this.negotiating || this.successor !== undefined,
      send: (packet) => void this.dtlsConnection?.send(packet),
    });
  }

  get channels(): DataChannels {
    return this.ownChannels;
  }

  get dtls(): DtlsConnection | undefined {
    return this.dtlsConnection;
  }

  /** The name of the SRTP protection profile (RFC 5764 §4.1.2) that DTLS has negotiated. */
  get srtpCipher(): string | undefined {
    const profile = this.dtlsConnection?.srtpProfile;
    return Object.entries(SrtpProtectionProfile).find(([, code]) => code === profile)?.[0];
  }

  get sctp(): SctpAssociation | undefined {
    return this.sctpTransport.association;
  }

  /** Undefined as long as no media was negotiated. */
  get media(): MediaTransport | undefined {
    return this.mediaTransport;
  }

  /** What congestion control knows, once there is media. */
  get rtpCounters(): TransportRtpCounters | undefined {
    return this.mediaTransport?.rtpCounters;
  }

  // Commands

  gather(): void {
    this.command((now) => this.ice.gather(now));
  }

  setServers(servers: readonly IceServer[], policy: IceTransportPolicy): void {
    this.command(() => this.ice.setConfiguration(servers, policy));
  }

  setIceRole(role: IceRole): void {
    this.command((now) => this.ice.setRole(role, now));
  }

  setRemoteIceParameters(parameters: IceParameters): void {
    this.command((now) => this.ice.setRemoteParameters(parameters, now));
  }

  /** The peer begins anew with ICE; its parameters and candidates follow, and may be the same. */
  forgetRemote(): void {
    this.command((now) => this.ice.forgetRemote(now));
  }

  addRemoteCandidate(candidate: IceCandidate): void {
    this.command((now) => this.ice.addRemoteCandidate(candidate, now));
  }

  endOfRemoteCandidates(): void {
    this.command((now) => this.ice.endOfRemoteCandidates(now));
  }

  /** Begins a new generation with these credentials; the old one carries the data until the new one can. */
  restartIce(parameters: IceParameters): void {
    this.command((now) => this.ice.restart(now, parameters));
  }

  /**
   * Starts DTLS in a role as soon as there is a path. Later calls replace the fingerprints; a peer that has authenticated
   * with a certificate which is none of them fails then.
   */
  startDtls(role: DtlsRole, fingerprints: readonly Fingerprint[]): void {
    this.fingerprints = fingerprints;
    if (this.closed) return;
    if (this.dtlsConnection !== undefined) {
      this.command(() => this.dtlsConnection?.reverify());
      return;
    }
    this.command(() => {
      this.dtlsConnection = this.makeDtls(role);
      this.channels.setRole(role);
    });
  }

  /**
   * The peer may start another DTLS association, on a transport that ICE is to find, and forget the one that there is; or it
   * may go on with that. Ours of the next startDtls replaces it when it is established (RFC 6347 §4.2.8: not before).
   */
  renewDtls(role: DtlsRole): void {
    const old = this.dtlsConnection;
    if (old === undefined || this.dtlsEnded) return;
    this.command((now) => {
      this.early = [];
      this.successor?.close(now);
      this.sctpTransport.handleRenewal(now);
      if (old.state === "connected") {
        this.successor = this.makeDtls(role);
        this.successorStarted = false;
        return;
      }
      this.isRenewed = true;
      // Nothing would be kept by waiting. No alert: the peer may not know yet.
      this.dtlsConnection = this.makeDtls(role);
      this.dtlsStarted = false;
      this.pathReady = false;
      this.channels.changeRole(role);
    });
  }

  private makeDtls(role: DtlsRole): DtlsConnection {
    const { platform } = this;
    const connection: DtlsConnection = new DtlsConnection(
      {
        role,
        crypto: platform.crypto,
        certificates: this.options.certificates,
        mtu: PATH_MTU,
        srtpProfiles: this.options.srtpProfiles ?? SRTP_PROFILES,
        verifyPeer: ([leaf]) => leaf !== undefined && matchesFingerprint(platform.crypto, leaf, this.fingerprints),
        logger: platform.logger,
      },
      {
        transmit: (datagram) => void this.ice.send(datagram, this.current),
        keeps: () => this.ice.keeps(),
        onStateChange: (state) => {
          const isOver = state === "closed" || state === "failed";
          if (state === "closed" && this.negotiating && this.dtlsConnection === connection) {
            this.closeBelievedAt = this.now + CLOSE_GRACE;
            return;
          }
          if (this.successor === connection) {
            if (isOver) this.successor = undefined;
            if (state === "connected") this.promote(connection);
          } else if (this.dtlsConnection === connection && this.successor !== undefined && isOver) {
            // The peer has no more need of it.
            const { successor } = this;
            this.promote(successor);
            this.host.onDtlsStateChange(successor.state);
            return;
          }
          if (this.dtlsConnection !== connection) return;
          if (state === "connected") {
            this.mediaStartPending = true;
            this.sctpTransport.handleDtlsConnected();
          }
          if (this.fault === undefined) this.host.onDtlsStateChange(state);
        },
        onData: (plaintext) => {
          const isLatest = this.dtlsConnection === connection && this.successor === undefined;
          this.sctpTransport.receive(plaintext, isLatest, this.now);
        },
        onClosed: (reason, alert) => {
          if (this.dtlsConnection !== connection || this.closeBelievedAt !== Number.POSITIVE_INFINITY) return;
          this.dtlsEnded = true;
          if (this.fault === undefined) this.host.onDtlsClosed(reason, alert);
        },
      },
    );
    return connection;
  }

  /** Whether a description waits for its answer. */
  setNegotiating(negotiating: boolean): void {
    this.negotiating = negotiating;
    if (negotiating) return;
    if (this.closeBelievedAt !== Number.POSITIVE_INFINITY) this.command(() => this.believeClose());
    else if (this.successor === undefined && this.dtlsConnection?.state === "connected") {
      this.command((now) => this.sctpTransport.handleNoRenewal(now));
    }
  }

  private believeClose(): void {
    this.closeBelievedAt = Number.POSITIVE_INFINITY;
    if (this.dtlsConnection?.state !== "closed") return;
    this.dtlsEnded = true;
    this.host.onDtlsStateChange("closed");
    this.host.onDtlsClosed("close-notify", undefined);
  }

  private promote(connection: DtlsConnection): void {
    this.dtlsConnection = connection;
    this.dtlsStarted = this.successorStarted;
    this.successor = undefined;
    this.channels.changeRole(connection.role);
  }

  /**
   * Gives up the DTLS association, and SCTP's in it, for others with a peer that ICE is to find yet (RFC 9429 §5.11): what
   * startDtls and startSctp start next waits for another pair.
   */
  resetDtls(): void {
    this.giveUpSctp(false);
    this.command((now) => {
      const old = this.dtlsConnection;
      this.dtlsConnection = undefined;
      this.successor = undefined;
      this.dtlsStarted = false;
      this.pathReady = false;
      this.mediaStartPending = false;
      this.dtlsEnded = false;
      this.closeBelievedAt = Number.POSITIVE_INFINITY;
      this.early = [];
      this.mediaTransport?.stop();
      old?.close(now);
    });
  }

  /** Gives up the SCTP association: the channels on it end, and startSctp makes another (RFC 9429 §5.11). */
  resetSctp(): void {
    this.giveUpSctp(true);
  }

  private giveUpSctp(keepDtls: boolean): void {
    this.command((now) => {
      const isConnected = keepDtls && this.dtlsConnection?.state === "connected";
      if (!this.sctpTransport.giveUp(now, keepDtls, isConnected)) return;
      this.dtlsConnection?.flush(now);
      this.host.onSctpStateChange("connecting", undefined);
    });
  }

  /** Sets SCTP up; it connects once DTLS has. Later calls only change the peer's limit. */
  startSctp(parameters: SctpParameters): void {
    if (this.closed) return;
    this.sctpTransport.start(parameters);
    this.command(() => {});
  }

  /** Hands the channels over, which go on at another transport: to be followed by its `takeSctp`. */
  leaveSctp(): LeftSctp {
    const channels = this.ownChannels;
    this.ownChannels = new DataChannels(this.channelsHost, this.options.maxMessageSize);
    const { dtlsConnection } = this;
    if (dtlsConnection !== undefined) this.ownChannels.setRole(dtlsConnection.role);
    return { channels, association: this.sctpTransport.leave(this.ownChannels) };
  }

  /** As `startSctp`, for channels that were another transport's: what has been bundled now, and was not before. */
  takeSctp({ channels, association }: LeftSctp, parameters: SctpParameters): void {
    if (this.closed) return;
    channels.move(this.channelsHost);
    this.ownChannels = channels;
    const { dtlsConnection } = this;
    if (dtlsConnection !== undefined) channels.changeRole(dtlsConnection.role);
    this.command(() => this.sctpTransport.take(channels, association, parameters));
  }

  /** Opens a data channel; see DataChannels.open. */
  openChannel(parameters: ChannelParameters, handler: ChannelHandler): Channel {
    return this.channels.open(parameters, handler);
  }

  // Media. Senders and receivers are used directly, outside of rounds, with `mediaNow`; what they then have to send leaves in
  // the round that `mediaQueued` asks for.

  private ensureMedia(options: MediaTransportOptions): MediaTransport {
    if (this.mediaTransport === undefined) {
      this.mediaTransport = new MediaTransport(
        this.platform,
        options,
        (datagram) => void this.ice.send(datagram, this.current),
        () => this.ice.keeps(),
      );
      this.mediaTransport.setCryptex(this.cryptex.send, this.cryptex.receive);
      this.mediaStartPending = this.dtlsConnection?.state === "connected";
    }
    return this.mediaTransport;
  }

  /** Whether RTP headers are encrypted (Cryptex, RFC 9335) in packets that are sent, and understood so in those that come. */
  setCryptex(send: boolean, receive: boolean): void {
    this.cryptex = { send, receive };
    if (this.mediaTransport !== undefined) this.command(() => this.mediaTransport!.setCryptex(send, receive));
  }

  addRtpSender(options: RtpSenderOptions, host: RtpSenderHost, media: MediaTransportOptions): RtpSender {
    const sender = this.ensureMedia(media).session.addSender(options, host);
    this.round.markDirty();
    return sender;
  }

  addRtpReceiver(options: RtpReceiverOptions, host: RtpReceiverHost, media: MediaTransportOptions): RtpReceiver {
    const receiver = this.ensureMedia(media).session.addReceiver(options, host);
    this.round.markDirty();
    return receiver;
  }

  /** There were senders or receivers before. */
  get hasMedia(): boolean {
    return this.mediaTransport !== undefined;
  }

  /** Runs what ends a sender or receiver. */
  removeRtp(run: (now: number) => void): void {
    this.command(run);
  }

  mediaNow(): number {
    this.current = this.now;
    return this.current;
  }

  /** Calls back, once the round is over, when media can be sent; true: it can already, and no call follows. */
  whenMediaReady(run: () => void): boolean {
    if (this.mediaTransport?.srtpProfile !== undefined) return true;
    this.waitingForMedia.push(run);
    return false;
  }

  mediaQueued(): void {
    this.round.markDirty();
  }

  /**
   * Says goodbye to the peer, as far as there is one, and lets go of everything; only what is needed to give relays back
   * stays, for up to RELEASE_TIMEOUT. The host hears nothing of that. `silently`: without the goodbye, which the peer might hear
   * before the description that makes this transport superfluous, and take for ours.
   */
  close(silently = false): void {
    if (this.closed) return;
    const now = this.platform.now();
    this.round.run(now, () => {
      this.current = now;
      this.negotiating = false;
      this.sctp?.abort(now);
      // What is not flushed, or has no keys, does not leave.
      if (silently) this.mediaTransport?.stop();
      else this.sctp?.flush(now);
      this.mediaTransport?.close(now);
      if (!silently) {
        this.successor?.close(now);
        this.dtlsConnection?.close(now);
      }
      this.ice.close(now);
      this.closed = true;
      this.early = [];
      this.releaseBy = now + RELEASE_TIMEOUT;
    });
  }

  private finishClose(): void {
    this.round.close();
    this.network.closeAll();
  }

  // The round

  private current = 0;

  /** The time of the round under way, or of now. */
  private get now(): number {
    return this.round.isOpen ? this.current : this.platform.now();
  }

  private command(run: (now: number) => void): void {
    if (this.closed) return;
    this.round.run(this.platform.now(), (now) => {
      this.current = now;
      run(now);
    });
  }

  deadline(): number {
    if (this.closed) return Math.min(this.ice.deadline, this.releaseBy);
    return Math.min(
      this.ice.deadline,
      this.dtlsStarted ? this.dtlsConnection!.deadline : Number.POSITIVE_INFINITY,
      this.successor?.deadline ?? Number.POSITIVE_INFINITY,
      this.closeBelievedAt,
      this.sctpTransport.deadline,
      this.mediaTransport?.deadline ?? Number.POSITIVE_INFINITY,
    );
  }

  handleTimeout(now: number): void {
    this.current = now;
    if (now >= this.ice.deadline) this.ice.handleTimeout(now);
    if (this.closed) return;
    const dtls = this.dtlsConnection;
    if (this.dtlsStarted && now >= dtls!.deadline) dtls!.handleTimeout(now);
    const { successor } = this;
    if (successor !== undefined && now >= successor.deadline) successor.handleTimeout(now);
    if (now >= this.closeBelievedAt) this.believeClose();
    if (now >= this.sctpTransport.deadline) this.sctpTransport.handleTimeout(now);
    const media = this.mediaTransport;
    if (media !== undefined && now >= media.deadline) media.handleTimeout(now);
  }

  settle(now: number): boolean {
    this.current = now;
    if (this.closed) {
      if (this.ice.deadline === Number.POSITIVE_INFINITY || now >= this.releaseBy) this.finishClose();
      return false;
    }
    if (this.successor !== undefined) this.settleSuccessor(this.successor, now);
    const dtls = this.dtlsConnection;
    if (dtls === undefined) return false;
    if (!this.dtlsStarted) {
      // Only ICE knows that the peer agrees to be sent to; until then nothing leaves, and nothing is believed.
      if (!this.pathReady) return false;
      this.dtlsStarted = true;
      dtls.start(now);
      for (const datagram of this.early.splice(0)) dtls.receive(datagram, now);
    }
    dtls.flush(now);
    if (this.dtlsEnded) {
      this.sctpTransport.end(now, dtls.state === "failed");
      this.mediaTransport?.stop();
      return false;
    }
    const media = this.mediaTransport;
    if (media !== undefined) {
      // The peer may have closed in the round in which it connected, and that not be believed yet.
      if (this.mediaStartPending && dtls.state === "connected") {
        this.mediaStartPending = false;
        media.start(dtls, now);
        const waiting = this.waitingForMedia;
        this.waitingForMedia = [];
        for (const run of waiting) queueMicrotask(run);
      }
      media.flush(now);
    }
    const { sctpTransport } = this;
    if (sctpTransport.association === undefined) return false;
    if (sctpTransport.pathUpdated) this.updateMtu(dtls, sctpTransport);
    sctpTransport.flush(this.ice.selectedPair, this.ice.state, now);
    dtls.flush(now);
    return false;
  }

  private settleSuccessor(successor: DtlsConnection, now: number): void {
    if (!this.successorStarted) {
      const { selectedPair, pairs } = this.ice;
      // Over the pair from before, the peer that it is for is not reached.
      if (selectedPair === undefined || !pairs.includes(selectedPair)) return;
      this.successorStarted = true;
      successor.start(now);
      for (const datagram of this.early.splice(0)) successor.receive(datagram, now);
    }
    successor.flush(now);
  }

  /** Media has another path when the addresses are others; a pair may also be replaced by one with the same. */
  private followRoute(route: string): void {
    if (this.route !== undefined && this.route !== route)
      this.mediaTransport?.session.onRouteChange(this.platform.now());
    this.route = route;
  }

  /** Ends everything because of a bug of ours that was noticed elsewhere. */
  fail(error: unknown): void {
    this.round.fault(error);
  }

  handleFault(error: unknown): void {
    const now = this.platform.now();
    this.fault = error ?? new Error("unknown");
    this.closed = true;
    this.early = [];
    // Each by itself, since any of them may be what is broken. The peer is told if it can be.
    for (const step of [
      () => this.platform.logger?.("error", "peer", `a bug ended this connection: ${describe(error)}`),
      () => this.channels.handleTransportFailed(),
      () => this.sctp?.abort(now),
      // What programs go on sending would wait for ever.
      () => this.mediaTransport?.close(now),
      () => this.dtlsConnection?.close(now),
      () => this.host.onDtlsStateChange("failed"),
      () => this.host.onIceStateChange("failed"),
      () => this.ice.close(now),
      () => this.network.closeAll(),
    ]) {
      try {
        step();
      } catch {
        // One fault is enough to report.
      }
    }
  }

  /**
   * Large records where they cost nothing: to an address of this host, if the peer says that it takes them (RFC 8449; a
   * record that is longer than its buffer ends the connection of some). Elsewhere the safe size: searching for more
   * (RFC 8899) needs packets that nobody fragments, and sockets of Node cannot ask for that.
   */
  private updateMtu(dtls: DtlsConnection, sctp: SctpTransport): void {
    const pair = this.ice.selectedPair;
    if (pair === undefined || dtls.state !== "connected") return;
    sctp.pathUpdated = false;
    const limit = dtls.recordSizeLimit ?? MAX_UNANNOUNCED_RECORD;
    const mtu = Math.min(DEFAULT_MTU, limit);
    let maxMtu = mtu;
    const { local, address } = pair;
    if (local.candidate.protocol === "udp" && local.candidate.type !== "relay" && this.isOwnAddress(address)) {
      const payload = this.platform.network.firstHopPayload?.(pair.base.address, address) ?? 0;
      maxMtu = Math.max(mtu, Math.min(payload - dtls.overhead, limit));
    }
    sctp.association?.setMtu(mtu, maxMtu);
  }

  private isOwnAddress(address: string): boolean {
    return ipScope(address) === "loopback" || this.platform.network.interfaces().some((own) => own.address === address);
  }

  // Hosts of the machines

  private readonly channelsHost: DataChannelHost = {
    now: () => this.now,
    onFlushNeeded: () => this.round.markDirty(),
    onChannel: (channel) => this.host.onChannel(channel),
    onEstablished: () => this.host.onSctpStateChange("connected", undefined),
    onClosed: (reason) => this.host.onSctpStateChange("closed", reason),
  };

  private readonly iceHost: IceHost = {
    onLocalCandidate: (candidate) => this.host.onLocalCandidate(candidate),
    onCandidateError: (error) => this.host.onCandidateError(error),
    onGatheringStateChange: (state) => this.host.onGatheringStateChange(state),
    onStateChange: (state) => {
      if (state === "connected" || state === "completed") this.pathReady = true;
      if (this.fault === undefined) this.host.onIceStateChange(state);
    },
    onSelectedPairChange: (local, remote) => {
      this.pathReady = true;
      this.sctpTransport.pathUpdated = true;
      this.followRoute(`${local.address} ${local.port} ${remote.address} ${remote.port}`);
      this.host.onSelectedPairChange(local, remote);
    },
    onRoleChange: (role) => this.host.onIceRoleChange(role),
    onData: (data, now, isCurrent) => this.receive(data, now, isCurrent),
    onDrained: () => {},
  };

  private receive(data: Uint8Array, now: number, isCurrent: boolean): void {
    this.current = now;
    const protocol = demux(data);
    if (protocol === DEMUX_RTP && this.mediaTransport !== undefined && !this.closed) {
      this.mediaTransport.receive(data, now);
      return;
    }
    if (this.closed || protocol !== DEMUX_DTLS) {
      this.dropped++;
      return;
    }
    if (this.successor !== undefined) {
      if (isCurrent && this.isForSuccessor(this.successor, data, now)) return;
    } else if (this.isRenewed && !isCurrent && this.dtlsConnection?.state !== "connected") {
      // Of the handshake that was given up.
      this.dropped++;
      return;
    }
    if (this.dtlsStarted) this.dtlsConnection!.receive(data, now);
    else this.keepEarly(data);
  }

  private keepEarly(data: Uint8Array): void {
    if (this.early.length < MAX_EARLY_DATAGRAMS) this.early.push(data);
    else this.dropped++;
  }

  /** Handshakes are the successor's alone. Of protected records only opening them shows whose they are. */
  private isForSuccessor(successor: DtlsConnection, data: Uint8Array, now: number): boolean {
    const isPlain = isPlainRecord(data);
    if (this.successorStarted) successor.receive(isPlain ? data : data.slice(), now);
    else if (isPlain) this.keepEarly(data);
    return isPlain;
  }
}

/** Whether the first record is one of epoch 0 (RFC 6347 §4.1). */
function isPlainRecord(data: Uint8Array): boolean {
  return data[3] === 0 && data[4] === 0;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
