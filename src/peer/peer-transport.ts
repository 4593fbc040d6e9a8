// The machines of one bundle: ICE below, DTLS on it, SCTP and data channels on that. Owns the round (see round.ts): no
// machine is entered from another's callback; what a callback asks for is noted and done when the round settles.
// Knows nothing of SDP. Callers give commands; events go to one host, which must only record them.
import { type Channel, type ChannelHandler, type ChannelParameters, DataChannels } from "../datachannel/channels.js";
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
import type { CandidatePair } from "../ice/pair.js";
import { SctpAssociation } from "../sctp/association.js";
import type { SctpCloseReason } from "../sctp/options.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import { DEMUX_DTLS, demux } from "./demux.js";
import type { Platform } from "./platform.js";
import { Round, type RoundOwner } from "./round.js";
import { roundNetwork } from "./round-network.js";

/** DTLS datagrams kept until the role is known: the peer's first flight may overtake its description. */
export const MAX_EARLY_DATAGRAMS = 16;
/** UDP payload bytes that every path is taken to carry (IPv6's minimum MTU of 1280, less its and UDP's headers). */
const PATH_MTU = 1200;

export type { Channel, ChannelError, ChannelHandler } from "../datachannel/channels.js";
export type { ExternalAddress, IceTcpOptions } from "../ice/options.js";

/**
 * In order of preference. Negotiated whether or not there is media: it may come later on the same DTLS association, and some
 * peers (Pion) refuse a server that does not answer use_srtp.
 */
const SRTP_PROFILES: readonly number[] = [
  SrtpProtectionProfile.SRTP_AEAD_AES_128_GCM,
  SrtpProtectionProfile.SRTP_AEAD_AES_256_GCM,
  SrtpProtectionProfile.SRTP_AES128_CM_HMAC_SHA1_80,
];

export interface PeerTransportOptions {
  readonly platform: Platform;
  readonly certificates: readonly DtlsCertificate[];
  /** What ICE needs besides platform things. */
  readonly ice: Omit<IceAgentOptions, "crypto" | "network" | "logger">;
  /** Largest message accepted on data channels, in bytes. */
  readonly maxMessageSize: number;
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

export interface SctpParameters {
  readonly localPort: number;
  readonly remotePort: number;
  /** The peer's limit in bytes; 0: none. */
  readonly peerMaxMessageSize: number;
}

export class PeerTransport implements RoundOwner {
  readonly ice: IceAgent;
  readonly channels: DataChannels;
  private readonly platform: Platform;
  private readonly options: PeerTransportOptions;
  private readonly host: PeerTransportHost;
  private readonly round: Round;
  private dtlsConnection: DtlsConnection | undefined;
  private association: SctpAssociation | undefined;
  private early: Uint8Array[] = [];
  private fingerprints: readonly Fingerprint[] = [];
  private dtlsStarted = false;
  private pathReady = false;
  private sctpConnectPending = false;
  private sctpAbortPending = false;
  /** The pair that SCTP's measurements are of. */
  private path: CandidatePair | undefined;
  private pathLost = false;
  private closed = false;
  /** Datagrams dropped because nothing here takes them (RTP without media, unknown first bytes). */
  dropped = 0;

  constructor(options: PeerTransportOptions, host: PeerTransportHost) {
    this.options = options;
    this.platform = options.platform;
    this.host = host;
    this.round = new Round(options.platform, this);
    this.ice = new IceAgent(
      {
        ...options.ice,
        crypto: options.platform.crypto,
        network: roundNetwork(options.platform, this.round),
        logger: options.platform.logger,
      },
      this.iceHost,
    );
    this.channels = new DataChannels(
      {
        now: () => this.now,
        onFlushNeeded: () => this.round.markDirty(),
        onChannel: (channel) => host.onChannel(channel),
        onEstablished: () => host.onSctpStateChange("connected", undefined),
        onClosed: (reason) => host.onSctpStateChange("closed", reason),
      },
      options.maxMessageSize,
    );
  }

  get dtls(): DtlsConnection | undefined {
    return this.dtlsConnection;
  }

  get sctp(): SctpAssociation | undefined {
    return this.association;
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

  /** Starts DTLS in a role as soon as there is a path. Later calls only replace the fingerprints. */
  startDtls(role: DtlsRole, fingerprints: readonly Fingerprint[]): void {
    this.fingerprints = fingerprints;
    if (this.dtlsConnection !== undefined || this.closed) return;
    const { platform } = this;
    this.dtlsConnection = new DtlsConnection(
      {
        role,
        crypto: platform.crypto,
        certificates: this.options.certificates,
        epochOffset: platform.timeOrigin,
        mtu: PATH_MTU,
        srtpProfiles: SRTP_PROFILES,
        verifyPeer: ([leaf]) => leaf !== undefined && matchesFingerprint(platform.crypto, leaf, this.fingerprints),
        logger: platform.logger,
      },
      {
        transmit: (datagram) => void this.ice.send(datagram, this.current),
        onStateChange: (state) => {
          if (state === "connected") this.sctpConnectPending = true;
          this.host.onDtlsStateChange(state);
        },
        onData: (plaintext) => this.association?.receive(plaintext, this.now),
        onClosed: (reason, alert) => {
          this.sctpAbortPending = true;
          this.host.onDtlsClosed(reason, alert);
        },
      },
    );
    this.channels.setRole(role);
    this.command(() => {});
  }

  /** Sets SCTP up; it connects once DTLS has. Later calls only change the peer's limit. */
  startSctp(parameters: SctpParameters): void {
    if (this.association !== undefined) {
      this.association.peerMaxMessageSize = parameters.peerMaxMessageSize;
      return;
    }
    if (this.closed) return;
    const { platform } = this;
    const association = new SctpAssociation(
      {
        crypto: platform.crypto,
        logger: platform.logger,
        localPort: parameters.localPort,
        remotePort: parameters.remotePort,
        peerMaxMessageSize: parameters.peerMaxMessageSize,
        maxMessageSize: this.options.maxMessageSize,
        // Liveness is ICE's business (RFC 7675), and whether a connection without a path is to be kept the application's:
        // it may restart ICE after any time.
        maxRetransmissions: Number.POSITIVE_INFINITY,
        maxInitRetransmits: Number.POSITIVE_INFINITY,
      },
      this.channels.sctpHost((packet) => void this.dtlsConnection?.send(packet)),
    );
    this.association = association;
    this.channels.attach(association);
    this.command(() => {});
  }

  /** Opens a data channel; see DataChannels.open. */
  openChannel(parameters: ChannelParameters, handler: ChannelHandler): Channel {
    return this.channels.open(parameters, handler);
  }

  /**
   * Says goodbye to the peer, as far as there is one, and lets go of everything. Only relays take a little longer: they are
   * given back to their servers, with retransmissions.
   */
  close(): void {
    if (this.closed) return;
    const now = this.platform.now();
    this.round.enter();
    this.current = now;
    this.association?.abort(now);
    this.association?.flush(now);
    this.dtlsConnection?.close(now);
    this.ice.close(now);
    this.closed = true;
    this.early = [];
    this.round.leave(now);
  }

  // The round

  private current = 0;

  /** The time of the round under way, or of now. */
  private get now(): number {
    return this.round.isOpen ? this.current : this.platform.now();
  }

  private command(run: (now: number) => void): void {
    if (this.closed) return;
    const now = this.platform.now();
    this.round.enter();
    this.current = now;
    run(now);
    this.round.leave(now);
  }

  deadline(): number {
    if (this.closed) return this.ice.deadline;
    return Math.min(
      this.ice.deadline,
      this.dtlsStarted ? this.dtlsConnection!.deadline : Number.POSITIVE_INFINITY,
      this.association?.deadline ?? Number.POSITIVE_INFINITY,
    );
  }

  handleTimeout(now: number): void {
    this.current = now;
    if (now >= this.ice.deadline) this.ice.handleTimeout(now);
    if (this.closed) return;
    const dtls = this.dtlsConnection;
    if (this.dtlsStarted && now >= dtls!.deadline) dtls!.handleTimeout(now);
    const sctp = this.association;
    if (sctp !== undefined && now >= sctp.deadline) sctp.handleTimeout(now);
  }

  settle(now: number): boolean {
    this.current = now;
    if (this.closed) {
      if (this.ice.deadline === Number.POSITIVE_INFINITY) this.round.close();
      return false;
    }
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
    const sctp = this.association;
    if (sctp === undefined) return false;
    if (this.sctpAbortPending) {
      // RFC 8261 §6.4: without DTLS there is no association. Some peers (Pion) say goodbye only with close_notify.
      this.sctpAbortPending = false;
      sctp.abort(now);
    }
    if (this.sctpConnectPending) {
      this.sctpConnectPending = false;
      sctp.connect(now);
    }
    this.followPath(sctp, now);
    sctp.flush(now);
    dtls.flush(now);
    return false;
  }

  /** After an outage, or on another path, SCTP must not wait for its timers, which have backed off. */
  private followPath(sctp: SctpAssociation, now: number): void {
    const { selectedPair, state } = this.ice;
    if (state === "disconnected" || state === "failed") this.pathLost = true;
    if (selectedPair === undefined || (selectedPair === this.path && !this.pathLost)) return;
    if (state !== "connected" && state !== "completed") return;
    if (this.path !== undefined) sctp.pathChanged(now);
    this.path = selectedPair;
    this.pathLost = false;
  }

  // Hosts of the machines

  private readonly iceHost: IceHost = {
    onLocalCandidate: (candidate) => this.host.onLocalCandidate(candidate),
    onCandidateError: (error) => this.host.onCandidateError(error),
    onGatheringStateChange: (state) => this.host.onGatheringStateChange(state),
    onStateChange: (state) => {
      if (state === "connected" || state === "completed") this.pathReady = true;
      this.host.onIceStateChange(state);
    },
    onSelectedPairChange: (local, remote) => {
      this.pathReady = true;
      this.host.onSelectedPairChange(local, remote);
    },
    onRoleChange: (role) => this.host.onIceRoleChange(role),
    onData: (data, now) => this.receive(data, now),
    onDrained: () => {},
  };

  private receive(data: Uint8Array, now: number): void {
    this.current = now;
    if (this.closed) return;
    if (demux(data) !== DEMUX_DTLS) {
      this.dropped++;
      return;
    }
    if (this.dtlsStarted) this.dtlsConnection!.receive(data, now);
    else if (this.early.length < MAX_EARLY_DATAGRAMS) this.early.push(data);
    else this.dropped++;
  }
}
