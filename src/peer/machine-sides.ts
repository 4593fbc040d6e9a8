// A transport (peer-transport.ts) as its machines see it: the hosts of data channels, DTLS and ICE, which pass on what happens in
// one of them to the others and to the host of the transport. Classes, since each function of a literal is an object of its own
// per connection.
import type { Channel, ChannelHandler, DataChannelHost, DataChannels } from "../datachannel/channels.js";
import type { DtlsAlert, DtlsCloseReason, DtlsRole, DtlsState } from "../dtls/options.js";
import type { IceAgent } from "../ice/agent.js";
import type { IceCandidateError, IceGatheringState, IceHost, IceRole, IceTransportState } from "../ice/options.js";
import type { SctpAssociation } from "../sctp/association.js";
import type { SctpCloseReason } from "../sctp/options.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import type { BundleMedia } from "./bundle-media.js";
import type { DtlsTransport, DtlsTransportHost } from "./dtls-transport.js";
import type { PeerTransportHost } from "./options.js";
import type { Platform } from "./platform.js";
import type { Round } from "./round.js";
import type { SctpTransport } from "./sctp-transport.js";

/** What is used of the transport. */
export interface SidesOwner {
  readonly platform: Platform;
  readonly host: PeerTransportHost;
  readonly round: Round;
  readonly ice: IceAgent;
  readonly dtlsTransport: DtlsTransport;
  readonly sctpTransport: SctpTransport;
  readonly sctp: SctpAssociation | undefined;
  readonly channels: DataChannels;
  readonly bundleMedia: BundleMedia;
  /** The bug of ours that ended the transport, which its host knows of. */
  readonly fault: unknown;
  /** The time of the round under way, or of now. */
  readonly now: number;
  /** The time of the latest round. */
  readonly current: number;
  /** Nobody waits for anything any more. */
  prepareNext(): void;
  receive(data: Uint8Array, now: number, isCurrent: boolean): void;
}

class Side {
  protected readonly owner: SidesOwner;

  constructor(owner: SidesOwner) {
    this.owner = owner;
  }
}

export class ChannelsSide extends Side implements DataChannelHost {
  now(): number {
    return this.owner.now;
  }

  onFlushNeeded(): void {
    this.owner.round.markDirty();
  }

  onChannel(channel: Channel): ChannelHandler {
    return this.owner.host.onChannel(channel);
  }

  onEstablished(): void {
    this.owner.host.onSctpStateChange("connected", undefined);
    this.owner.prepareNext();
  }

  onClosed(reason: SctpCloseReason): void {
    this.owner.host.onSctpStateChange("closed", reason);
  }
}

export class DtlsSide extends Side implements DtlsTransportHost {
  now(): number {
    return this.owner.now;
  }

  transmit(datagram: Uint8Array): void {
    this.owner.ice.send(datagram, this.owner.current);
  }

  keeps(): boolean {
    return this.owner.ice.keeps();
  }

  isOnNewPath(): boolean {
    const { selectedPair, pairs } = this.owner.ice;
    return selectedPair !== undefined && pairs.includes(selectedPair);
  }

  onStateChange(state: DtlsState): void {
    if (this.owner.fault === undefined) this.owner.host.onDtlsStateChange(state);
  }

  onConnected(): void {
    this.owner.bundleMedia.handleDtlsConnected();
    this.owner.sctpTransport.handleDtlsConnected();
    if (this.owner.sctp === undefined) this.owner.prepareNext();
  }

  onClosed(reason: DtlsCloseReason, alert: DtlsAlert | undefined): void {
    if (this.owner.fault === undefined) this.owner.host.onDtlsClosed(reason, alert);
  }

  onReplaced(role: DtlsRole): void {
    this.owner.channels.changeRole(role);
  }

  onData(plaintext: Uint8Array, isLatest: boolean): void {
    this.owner.sctpTransport.receive(plaintext, isLatest, this.owner.now);
  }
}

export class IceSide extends Side implements IceHost {
  onLocalCandidate(candidate: IceCandidate): void {
    this.owner.host.onLocalCandidate(candidate);
  }

  onCandidateError(error: IceCandidateError): void {
    this.owner.host.onCandidateError(error);
  }

  onGatheringStateChange(state: IceGatheringState): void {
    this.owner.host.onGatheringStateChange(state);
  }

  onStateChange(state: IceTransportState): void {
    if (state === "connected" || state === "completed") this.owner.dtlsTransport.handlePath();
    if (this.owner.fault === undefined) this.owner.host.onIceStateChange(state);
  }

  onSelectedPairChange(local: IceCandidate, remote: IceCandidate): void {
    const { dtlsTransport, sctpTransport, bundleMedia, platform, host } = this.owner;
    dtlsTransport.handlePath();
    sctpTransport.pathUpdated = true;
    const route = [local.address, local.port, remote.address, remote.port].join(" ");
    bundleMedia.handleRoute(route, platform.now());
    host.onSelectedPairChange(local, remote);
  }

  onRoleChange(role: IceRole): void {
    this.owner.host.onIceRoleChange(role);
  }

  onData(data: Uint8Array, now: number, isCurrent: boolean): void {
    this.owner.receive(data, now, isCurrent);
  }

  onDrained(): void {}
}
