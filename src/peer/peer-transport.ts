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
import type { Fingerprint } from "../dtls/certificate.js";
import type { DtlsConnection } from "../dtls/connection.js";
import type { DtlsRole } from "../dtls/options.js";
import { IceAgent } from "../ice/agent.js";
import type { IceParameters, IceRole, IceServer, IceTransportPolicy } from "../ice/options.js";
import type { SctpAssociation } from "../sctp/association.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import type { Cancellable } from "../util/net.js";
import { BundleMedia } from "./bundle-media.js";
import { prepareDefaultCertificate } from "./certificates.js";
import { DEMUX_DTLS, DEMUX_RTP, demux } from "./demux.js";
import { DtlsTransport } from "./dtls-transport.js";
import { ChannelsSide, DtlsSide, IceSide, type SidesOwner } from "./machine-sides.js";
import type {
  RtpReceiver,
  RtpReceiverHost,
  RtpReceiverOptions,
  RtpSender,
  RtpSenderHost,
  RtpSenderOptions,
} from "./media.js";
import type { TransportRtpCounters } from "./media-stats.js";
import type { MediaTransport, MediaTransportOptions } from "./media-transport.js";
import type { PeerTransportHost, PeerTransportOptions } from "./options.js";
import type { Platform } from "./platform.js";
import { recordSize } from "./record-size.js";
import { Round, type RoundOwner } from "./round.js";
import { RoundNetwork } from "./round-network.js";
import { type SctpParameters, SctpTransport } from "./sctp-transport.js";

/** Milliseconds after `close` in which relays may still be given back (RFC 8656 §7.2), with retransmissions. */
export const RELEASE_TIMEOUT = 5000;
/** Milliseconds from when gathering begins to when the handshakes are prepared. */
const PREPARE_AFTER = 1;
const OVER: Cancellable = { cancel() {} };

export type { Channel, ChannelError, ChannelHandler } from "../datachannel/channels.js";
export type { RemoteCandidate } from "../ice/candidate.js";
export type { ExternalAddress, IceServer, IceTcpOptions, IceTransportPolicy } from "../ice/options.js";
export type { CandidatePair } from "../ice/pair.js";
export type { SctpAbort } from "../sctp/options.js";
export type { PeerTransportHost, PeerTransportOptions, SctpTransportState } from "./options.js";

/** What a transport hands over whose channels go on at another. */
export interface LeftSctp {
  readonly channels: DataChannels;
  readonly association: SctpAssociation | undefined;
}

export class PeerTransport implements RoundOwner, SidesOwner {
  readonly ice: IceAgent;
  private ownChannels: DataChannels;
  /** @internal */
  readonly platform: Platform;
  private readonly options: PeerTransportOptions;
  /** @internal */
  readonly host: PeerTransportHost;
  private readonly channelsHost: DataChannelHost;
  /** @internal */
  readonly round: Round;
  private readonly network: RoundNetwork;
  /** @internal */
  readonly dtlsTransport: DtlsTransport;
  /** @internal */
  readonly sctpTransport: SctpTransport;
  /** @internal */
  readonly bundleMedia: BundleMedia;
  private preparation: Cancellable | undefined;
  /** What came last was RTP or RTCP. */
  private isMedia = false;
  private closed = false;
  /** When relays that are being given back are left to expire. */
  private releaseBy = Number.POSITIVE_INFINITY;
  /** The bug of ours that ended this transport: what a machine threw. Both states are "failed" then. */
  fault: unknown;
  /** Datagrams dropped because nothing here takes them (RTP without media, unknown first bytes). */
  dropped = 0;

  constructor(options: PeerTransportOptions, host: PeerTransportHost) {
    this.options = options;
    this.platform = options.platform;
    this.host = host;
    this.round = new Round(options.platform, this);
    this.network = new RoundNetwork(options.platform, this.round);
    this.ice = new IceAgent(
      {
        crypto: options.platform.crypto,
        network: this.network,
        logger: options.platform.logger,
        ...options.ice,
      },
      new IceSide(this),
    );
    this.channelsHost = new ChannelsSide(this);
    this.ownChannels = new DataChannels(this.channelsHost, options.maxMessageSize);
    this.dtlsTransport = new DtlsTransport(options, new DtlsSide(this));
    this.sctpTransport = new SctpTransport(options.platform, options.maxMessageSize, this.channels, {
      mayBeginAnew: () => this.dtlsTransport.mayBeginAnew,
      send: (packet) => this.dtlsTransport.send(packet),
      roundTripTime: () => this.ice.selectedPair?.currentRoundTripTime,
    });
    this.bundleMedia = new BundleMedia(options.platform, {
      transmit: (datagram) => void this.ice.send(datagram, this.current),
      keeps: () => this.ice.keeps(),
      hasKeys: () => this.dtls?.state === "connected",
    });
  }

  get channels(): DataChannels {
    return this.ownChannels;
  }

  get dtls(): DtlsConnection | undefined {
    return this.dtlsTransport.connection;
  }

  /** The name of the SRTP protection profile (RFC 5764 §4.1.2) that DTLS has negotiated. */
  get srtpCipher(): string | undefined {
    return this.dtlsTransport.srtpCipher;
  }

  get sctp(): SctpAssociation | undefined {
    return this.sctpTransport.association;
  }

  /** Undefined as long as no media was negotiated. */
  get media(): MediaTransport | undefined {
    return this.bundleMedia.transport;
  }

  /** What congestion control knows, once there is media. */
  get rtpCounters(): TransportRtpCounters | undefined {
    return this.media?.rtpCounters;
  }

  // Commands

  gather(): void {
    this.command((now) => this.ice.gather(now));
    if (this.closed) return;
    // What the peer answers to comes first; then there is time.
    const prepare = (): void => {
      this.preparation = OVER;
      this.command(() => this.dtlsTransport.prepare());
    };
    this.preparation ??= this.platform.setTimer(prepare, PREPARE_AFTER, false);
  }

  /** @internal Nobody waits for anything: what the next connection needs can be made. */
  prepareNext(): void {
    // Who offers is the server mostly, and an offer waits for its certificate; who answers makes one while it waits for the offer.
    if (this.dtls?.role !== "server") return;
    // In the next turn of the event loop: this one tells the program.
    const { platform } = this;
    platform.queueTask(() => platform.queueTask(() => this.command(() => prepareDefaultCertificate(platform))));
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
    this.command(() => {
      if (this.dtlsTransport.start(role, fingerprints)) this.channels.setRole(role);
    });
  }

  /**
   * The peer may start another DTLS association, on a transport that ICE is to find, and forget the one that there is; or it
   * may go on with that. Ours of the next startDtls replaces it when it is established (RFC 6347 §4.2.8: not before).
   */
  renewDtls(role: DtlsRole): void {
    if (this.dtls === undefined || this.dtlsTransport.isOver) return;
    this.command((now) => {
      this.sctpTransport.handleRenewal(now);
      this.dtlsTransport.renew(role, now);
    });
  }

  /** Whether a description waits for its answer. */
  setNegotiating(negotiating: boolean): void {
    const { dtlsTransport } = this;
    dtlsTransport.setNegotiating(negotiating);
    if (negotiating) return;
    if (dtlsTransport.isCloseInDoubt) this.command(() => dtlsTransport.believeClose());
    else if (!dtlsTransport.mayBeginAnew && this.dtls?.state === "connected") {
      this.command((now) => this.sctpTransport.handleNoRenewal(now));
    }
  }

  /**
   * Gives up the DTLS association, and SCTP's in it, for others with a peer that ICE is to find yet (RFC 9429 §5.11): what
   * startDtls and startSctp start next waits for another pair.
   */
  resetDtls(): void {
    this.giveUpSctp(false);
    this.command((now) => {
      this.bundleMedia.handleDtlsReset();
      this.dtlsTransport.reset(now);
    });
  }

  /** Gives up the SCTP association: the channels on it end, and startSctp makes another (RFC 9429 §5.11). */
  resetSctp(): void {
    this.giveUpSctp(true);
  }

  private giveUpSctp(keepDtls: boolean): void {
    this.command((now) => {
      const isConnected = keepDtls && this.dtls?.state === "connected";
      if (!this.sctpTransport.giveUp(now, keepDtls, isConnected)) return;
      this.dtls?.flush(now);
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
    const { dtls } = this;
    if (dtls !== undefined) this.ownChannels.setRole(dtls.role);
    return { channels, association: this.sctpTransport.leave(this.ownChannels) };
  }

  /** As `startSctp`, for channels that were another transport's: what has been bundled now, and was not before. */
  takeSctp({ channels, association }: LeftSctp, parameters: SctpParameters): void {
    if (this.closed) return;
    channels.move(this.channelsHost);
    this.ownChannels = channels;
    const { dtls } = this;
    if (dtls !== undefined) channels.changeRole(dtls.role);
    this.command(() => this.sctpTransport.take(channels, association, parameters));
  }

  /** Opens a data channel; see DataChannels.open. */
  openChannel(parameters: ChannelParameters, handler: ChannelHandler): Channel {
    return this.channels.open(parameters, handler);
  }

  // Media. Senders and receivers are used directly, outside of rounds, with `mediaNow`; what they then have to send leaves in
  // the round that `mediaQueued` asks for.

  /** Whether RTP headers are encrypted (Cryptex, RFC 9335) in packets that are sent, and understood so in those that come. */
  setCryptex(send: boolean, receive: boolean): void {
    this.command(() => this.bundleMedia.setCryptex(send, receive));
  }

  addRtpSender(options: RtpSenderOptions, host: RtpSenderHost, media: MediaTransportOptions): RtpSender {
    const sender = this.bundleMedia.ensure(media).session.addSender(options, host);
    this.round.markDirty();
    return sender;
  }

  addRtpReceiver(options: RtpReceiverOptions, host: RtpReceiverHost, media: MediaTransportOptions): RtpReceiver {
    const receiver = this.bundleMedia.ensure(media).session.addReceiver(options, host);
    this.round.markDirty();
    return receiver;
  }

  /** There were senders or receivers before. */
  get hasMedia(): boolean {
    return this.media !== undefined;
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
    return this.bundleMedia.whenReady(run);
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
    this.preparation?.cancel();
    const now = this.platform.now();
    this.round.run(now, () => {
      this.current = now;
      // What the program has sent in this task, too: browsers hand it on before they close.
      if (!silently) this.sctp?.flush(now);
      this.dtlsTransport.stop();
      this.sctp?.abort(now, "Close called");
      // What is not flushed, or has no keys, does not leave.
      if (silently) this.media?.stop();
      else this.sctp?.flush(now);
      this.media?.close(now);
      if (!silently) this.dtlsTransport.close(now);
      this.ice.close(now);
      this.closed = true;
      this.releaseBy = now + RELEASE_TIMEOUT;
    });
  }

  private finishClose(): void {
    this.round.close();
    this.network.closeAll();
  }

  // The round

  /** @internal */
  current = 0;

  /** @internal The time of the round under way, or of now. */
  get now(): number {
    return this.round.isOpen ? this.current : this.platform.now();
  }

  private command(run: (now: number) => void): void {
    if (this.closed) return;
    this.round.run(this.platform.now(), (now) => {
      this.current = now;
      run(now);
    });
  }

  /**
   * In a handshake each message is waited for. Media is part of none, and comes for as long as the peer leaves SCTP's unanswered. A DTLS
   * client that has just connected looks first whether the server's INIT came in the same wake-up, which makes its own needless.
   */
  get isHasty(): boolean {
    const { dtls, sctp } = this;
    if (this.isMedia) return false;
    if (dtls === undefined || dtls.state !== "connected") return true;
    if (sctp === undefined) return false;
    if (this.sctpTransport.isConnectPending) return dtls.role === "server" || this.sctpTransport.isSignaled;
    return sctp.state === "cookie-wait" || sctp.state === "cookie-echoed";
  }

  deadline(): number {
    if (this.closed) return Math.min(this.ice.deadline, this.releaseBy);
    return Math.min(
      this.ice.deadline,
      this.dtlsTransport.deadline,
      this.sctpTransport.deadline,
      this.bundleMedia.deadline,
    );
  }

  handleTimeout(now: number): void {
    this.current = now;
    if (now >= this.ice.deadline) this.ice.handleTimeout(now);
    if (this.closed) return;
    if (now >= this.dtlsTransport.deadline) this.dtlsTransport.handleTimeout(now);
    if (now >= this.sctpTransport.deadline) this.sctpTransport.handleTimeout(now);
    if (now >= this.bundleMedia.deadline) this.bundleMedia.handleTimeout(now);
  }

  settle(now: number): boolean {
    this.current = now;
    if (this.closed) {
      if (this.ice.deadline === Number.POSITIVE_INFINITY || now >= this.releaseBy) this.finishClose();
      return false;
    }
    const dtls = this.dtlsTransport.flush(now);
    if (dtls === undefined) return false;
    if (this.dtlsTransport.isOver) {
      this.sctpTransport.end(now, dtls.state === "failed");
      this.media?.stop();
      return false;
    }
    // The peer may have closed in the round in which it connected, and that not be believed yet.
    this.bundleMedia.flush(dtls.state === "connected" ? dtls : undefined, now);
    const { sctpTransport } = this;
    if (sctpTransport.association === undefined) return false;
    if (sctpTransport.pathUpdated) this.updateMtu(dtls);
    sctpTransport.flush(this.ice.selectedPair, this.ice.state, now);
    dtls.flush(now);
    return false;
  }

  /** Ends everything because of a bug of ours that was noticed elsewhere. */
  fail(error: unknown): void {
    this.round.fault(error);
  }

  handleFault(error: unknown): void {
    const now = this.platform.now();
    this.fault = error ?? new Error("unknown");
    this.closed = true;
    // Each by itself, since any of them may be what is broken. The peer is told if it can be.
    for (const step of [
      () => this.platform.logger?.("error", "peer", `a bug ended this connection: ${describe(error)}`),
      () => this.channels.handleTransportFailed(),
      () => this.sctp?.abort(now),
      // What programs go on sending would wait for ever.
      () => this.media?.close(now),
      () => this.dtlsTransport.stop(),
      () => this.dtls?.close(now),
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

  private updateMtu(dtls: DtlsConnection): void {
    const { selectedPair } = this.ice;
    if (selectedPair === undefined || dtls.state !== "connected") return;
    this.sctpTransport.pathUpdated = false;
    const { certain, most } = recordSize(selectedPair, dtls, this.platform.network);
    this.sctp?.setMtu(certain, most);
  }

  /** @internal What came on a pair and is not for ICE. */
  receive(data: Uint8Array, now: number, isCurrent: boolean): void {
    this.current = now;
    const protocol = demux(data);
    const { media } = this;
    this.isMedia = protocol === DEMUX_RTP;
    if (this.isMedia && media !== undefined && !this.closed) {
      media.receive(data, now);
      return;
    }
    if (this.closed || protocol !== DEMUX_DTLS || !this.dtlsTransport.receive(data, now, isCurrent)) this.dropped++;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
