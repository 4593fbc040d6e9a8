// What a transport (peer-transport.ts) is made with, and what it tells.
import type { Channel, ChannelHandler } from "../datachannel/channels.js";
import type { DtlsAlert, DtlsCertificate, DtlsCloseReason, DtlsState } from "../dtls/options.js";
import type {
  IceAgentOptions,
  IceCandidateError,
  IceGatheringState,
  IceRole,
  IceTransportState,
} from "../ice/options.js";
import type { SctpCloseReason } from "../sctp/options.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import type { Platform } from "./platform.js";

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
