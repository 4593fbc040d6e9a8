// Two whole PeerTransports in a simulation, signalled without descriptions: for tests of the transport itself and of attacks
// on it.
import type { Channel, ChannelError, ChannelHandler, ChannelParameters } from "#src/datachannel/channels.js";
import type { DtlsCloseReason, DtlsRole, DtlsState } from "#src/dtls/options.js";
import type { IceTransportState } from "#src/ice/options.js";
import { createDefaultCertificate, type LocalCertificate } from "#src/peer/certificates.js";
import {
  PeerTransport,
  type PeerTransportHost,
  type PeerTransportOptions,
  type SctpTransportState,
} from "#src/peer/peer-transport.js";
import type { Platform } from "#src/peer/platform.js";
import { createSctpInit } from "#src/peer/sctp-inits.js";
import type { IceCandidate } from "#src/util/ice-candidate.js";

export const CHANNEL: ChannelParameters = {
  label: "channel",
  protocol: "",
  ordered: true,
  negotiated: false,
  priority: "low",
};

/** What a channel told. */
export class RecordingChannel implements ChannelHandler {
  channel: Channel | undefined;
  opened = 0;
  closed = 0;
  readonly messages: string[] = [];
  readonly errors: ChannelError[] = [];

  onOpen(): void {
    this.opened++;
  }
  onMessage(data: Uint8Array): void {
    this.messages.push(Buffer.from(data).toString("latin1"));
  }
  onBufferedAmountDecrease(): void {}
  onClosing(): void {}
  onClosed(): void {
    this.closed++;
  }
  onError(reason: ChannelError): void {
    this.errors.push(reason);
  }
}

export class TransportSide implements PeerTransportHost {
  readonly transport: PeerTransport;
  readonly platform: Platform;
  readonly certificate: LocalCertificate;
  readonly ice: IceTransportState[] = [];
  readonly dtls: DtlsState[] = [];
  readonly sctp: SctpTransportState[] = [];
  readonly dtlsClosed: DtlsCloseReason[] = [];
  readonly channels: RecordingChannel[] = [];
  /** Called for each local candidate. */
  signal: (candidate: IceCandidate) => void = () => {};

  constructor(platform: Platform, options: Partial<PeerTransportOptions> = {}, certificate?: LocalCertificate) {
    this.platform = platform;
    this.certificate = certificate ?? createDefaultCertificate(platform);
    this.transport = new PeerTransport(
      { platform, certificates: [this.certificate], ice: {}, maxMessageSize: 65_536, ...options },
      this,
    );
  }

  open(parameters: Partial<ChannelParameters> = {}): RecordingChannel {
    const recording = new RecordingChannel();
    recording.channel = this.transport.openChannel({ ...CHANNEL, ...parameters }, recording);
    return recording;
  }

  get connected(): boolean {
    return this.sctp.at(-1) === "connected";
  }

  onLocalCandidate(candidate: IceCandidate): void {
    this.signal(candidate);
  }
  onCandidateError(): void {}
  onGatheringStateChange(): void {}
  onIceStateChange(state: IceTransportState): void {
    this.ice.push(state);
  }
  onSelectedPairChange(): void {}
  onIceRoleChange(): void {}
  onDtlsStateChange(state: DtlsState): void {
    this.dtls.push(state);
  }
  onDtlsClosed(reason: DtlsCloseReason): void {
    this.dtlsClosed.push(reason);
  }
  onSctpStateChange(state: SctpTransportState): void {
    this.sctp.push(state);
  }
  onChannel(channel: Channel): ChannelHandler {
    const recording = new RecordingChannel();
    recording.channel = channel;
    this.channels.push(recording);
    return recording;
  }
}

/**
 * Gives each side all of the other's parameters, as offer and answer do. `defer` carries candidates: it runs them later. `snap`: SCTP's
 * INITs, too.
 */
export function introduce(a: TransportSide, b: TransportSide, defer: (run: () => void) => void, snap = false): void {
  const inits = new Map([a, b].map((side) => [side, snap ? createSctpInit(side.platform) : ""]));
  a.signal = (candidate) => defer(() => b.transport.addRemoteCandidate(candidate));
  b.signal = (candidate) => defer(() => a.transport.addRemoteCandidate(candidate));
  a.transport.setIceRole("controlling");
  b.transport.setIceRole("controlled");
  for (const [one, other, role] of [
    [a, b, "server"],
    [b, a, "client"],
  ] as [TransportSide, TransportSide, DtlsRole][]) {
    const { transport } = one;
    transport.gather();
    transport.setRemoteIceParameters(other.transport.ice.localParameters);
    transport.startDtls(role, other.certificate.fingerprints);
    transport.startSctp({
      localPort: 5000,
      remotePort: 5000,
      peerMaxMessageSize: 65_536,
      snap: snap ? { localInit: inits.get(one)!, remoteInit: inits.get(other)! } : null,
    });
  }
}
