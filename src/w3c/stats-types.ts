// The dictionaries of webrtc-stats as types, member by member.
import type { RTCDtlsTransportState, RTCIceTransportState } from "./connection-states.js";
import type { RTCDataChannelState } from "./rtc-data-channel.js";
import type {
  RTCIceCandidateType,
  RTCIceServerTransportProtocol,
  RTCIceTcpCandidateType,
} from "./rtc-ice-candidate.js";
import type { RTCIceRole } from "./rtc-ice-transport.js";

export type RTCStatsType =
  | "codec"
  | "inbound-rtp"
  | "outbound-rtp"
  | "remote-inbound-rtp"
  | "remote-outbound-rtp"
  | "media-source"
  | "media-playout"
  | "peer-connection"
  | "data-channel"
  | "transport"
  | "candidate-pair"
  | "local-candidate"
  | "remote-candidate"
  | "certificate";

export interface RTCStats {
  id: string;
  /** Milliseconds since the epoch. */
  timestamp: number;
  type: RTCStatsType;
}

// -- The connection and its data channels

export interface RTCPeerConnectionStats extends RTCStats {
  dataChannelsClosed?: number;
  dataChannelsOpened?: number;
}

export interface RTCDataChannelStats extends RTCStats {
  bytesReceived?: number;
  bytesSent?: number;
  dataChannelIdentifier?: number;
  label?: string;
  messagesReceived?: number;
  messagesSent?: number;
  protocol?: string;
  state: RTCDataChannelState;
}

// -- Transports

export type RTCDtlsRole = "client" | "server" | "unknown";

export interface RTCTransportStats extends RTCStats {
  bytesReceived?: number;
  bytesSent?: number;
  ccfbMessagesReceived?: number;
  ccfbMessagesSent?: number;
  dtlsCipher?: string;
  dtlsRole?: RTCDtlsRole;
  dtlsState: RTCDtlsTransportState;
  iceLocalUsernameFragment?: string;
  iceRole?: RTCIceRole;
  iceState?: RTCIceTransportState;
  localCertificateId?: string;
  packetsReceived?: number;
  packetsSent?: number;
  remoteCertificateId?: string;
  selectedCandidatePairChanges?: number;
  selectedCandidatePairId?: string;
  srtpCipher?: string;
  /** As on the wire, in upper-case hexadecimal: FEFD is DTLS 1.2. */
  tlsVersion?: string;
}

export interface RTCIceCandidateStats extends RTCStats {
  /** Null for what a peer's check has shown and nobody has signalled. */
  address?: string | null;
  candidateType: RTCIceCandidateType;
  foundation?: string;
  port?: number;
  priority?: number;
  protocol?: string;
  relatedAddress?: string;
  relatedPort?: number;
  relayProtocol?: RTCIceServerTransportProtocol;
  tcpType?: RTCIceTcpCandidateType;
  transportId: string;
  url?: string;
  usernameFragment?: string;
}

export type RTCStatsIceCandidatePairState = "frozen" | "waiting" | "in-progress" | "failed" | "succeeded";

export interface RTCIceCandidatePairStats extends RTCStats {
  availableIncomingBitrate?: number;
  availableOutgoingBitrate?: number;
  bytesDiscardedOnSend?: number;
  bytesReceived?: number;
  bytesSent?: number;
  consentRequestsSent?: number;
  /** Seconds. */
  currentRoundTripTime?: number;
  lastPacketReceivedTimestamp?: number;
  lastPacketSentTimestamp?: number;
  localCandidateId: string;
  nominated?: boolean;
  packetsDiscardedOnSend?: number;
  packetsReceived?: number;
  packetsSent?: number;
  remoteCandidateId: string;
  requestsReceived?: number;
  requestsSent?: number;
  responsesReceived?: number;
  responsesSent?: number;
  state: RTCStatsIceCandidatePairState;
  /** Seconds. */
  totalRoundTripTime?: number;
  transportId: string;
}

export interface RTCCertificateStats extends RTCStats {
  base64Certificate: string;
  fingerprint: string;
  fingerprintAlgorithm: string;
  issuerCertificateId?: string;
}

// -- Media

export interface RTCCodecStats extends RTCStats {
  channels?: number;
  clockRate?: number;
  mimeType: string;
  payloadType: number;
  sdpFmtpLine?: string;
  transportId: string;
}

export interface RTCMediaSourceStats extends RTCStats {
  kind: string;
  trackIdentifier: string;
}

export interface RTCAudioSourceStats extends RTCMediaSourceStats {
  audioLevel?: number;
  echoReturnLoss?: number;
  echoReturnLossEnhancement?: number;
  totalAudioEnergy?: number;
  totalSamplesDuration?: number;
}

export interface RTCVideoSourceStats extends RTCMediaSourceStats {
  frames?: number;
  framesPerSecond?: number;
  height?: number;
  width?: number;
}

export interface RTCAudioPlayoutStats extends RTCStats {
  kind: string;
  synthesizedSamplesDuration?: number;
  synthesizedSamplesEvents?: number;
  totalPlayoutDelay?: number;
  totalSamplesCount?: number;
  totalSamplesDuration?: number;
}

export interface RTCRtpStreamStats extends RTCStats {
  codecId?: string;
  kind: string;
  ssrc: number;
  transportId?: string;
}

export interface RTCReceivedRtpStreamStats extends RTCRtpStreamStats {
  jitter?: number;
  packetsLost?: number;
  packetsReceived?: number;
  packetsReceivedWithCe?: number;
  packetsReceivedWithEct1?: number;
  packetsReportedAsLost?: number;
  packetsReportedAsLostButRecovered?: number;
}

export interface RTCInboundRtpStreamStats extends RTCReceivedRtpStreamStats {
  audioLevel?: number;
  bytesReceived?: number;
  concealedSamples?: number;
  concealmentEvents?: number;
  corruptionMeasurements?: number;
  decoderImplementation?: string;
  estimatedPlayoutTimestamp?: number;
  fecBytesReceived?: number;
  fecPacketsDiscarded?: number;
  fecPacketsReceived?: number;
  fecSsrc?: number;
  firCount?: number;
  frameHeight?: number;
  frameWidth?: number;
  framesAssembledFromMultiplePackets?: number;
  framesDecoded?: number;
  framesDropped?: number;
  framesPerSecond?: number;
  framesReceived?: number;
  framesRendered?: number;
  freezeCount?: number;
  headerBytesReceived?: number;
  insertedSamplesForDeceleration?: number;
  jitterBufferDelay?: number;
  jitterBufferEmittedCount?: number;
  jitterBufferMinimumDelay?: number;
  jitterBufferTargetDelay?: number;
  keyFramesDecoded?: number;
  lastPacketReceivedTimestamp?: number;
  mid?: string;
  nackCount?: number;
  packetsDiscarded?: number;
  pauseCount?: number;
  playoutId?: string;
  pliCount?: number;
  powerEfficientDecoder?: boolean;
  qpSum?: number;
  remoteId?: string;
  removedSamplesForAcceleration?: number;
  retransmittedBytesReceived?: number;
  retransmittedPacketsReceived?: number;
  rtxSsrc?: number;
  silentConcealedSamples?: number;
  totalAssemblyTime?: number;
  totalAudioEnergy?: number;
  totalCorruptionProbability?: number;
  totalDecodeTime?: number;
  totalFreezesDuration?: number;
  totalInterFrameDelay?: number;
  totalPausesDuration?: number;
  totalProcessingDelay?: number;
  totalSamplesDuration?: number;
  totalSamplesReceived?: number;
  totalSquaredCorruptionProbability?: number;
  totalSquaredInterFrameDelay?: number;
  trackIdentifier: string;
}

export interface RTCRemoteInboundRtpStreamStats extends RTCReceivedRtpStreamStats {
  fractionLost?: number;
  localId?: string;
  packetsWithBleachedEct1Marking?: number;
  roundTripTime?: number;
  roundTripTimeMeasurements?: number;
  totalRoundTripTime?: number;
}

export interface RTCSentRtpStreamStats extends RTCRtpStreamStats {
  bytesSent?: number;
  packetsSent?: number;
}

export type RTCQualityLimitationReason = "none" | "cpu" | "bandwidth" | "other";

export interface RTCOutboundRtpStreamStats extends RTCSentRtpStreamStats {
  active?: boolean;
  encoderImplementation?: string;
  encodingIndex?: number;
  firCount?: number;
  frameHeight?: number;
  frameWidth?: number;
  framesEncoded?: number;
  framesPerSecond?: number;
  framesSent?: number;
  headerBytesSent?: number;
  hugeFramesSent?: number;
  keyFramesEncoded?: number;
  mediaSourceId?: string;
  mid?: string;
  nackCount?: number;
  packetsSentWithEct1?: number;
  pliCount?: number;
  powerEfficientEncoder?: boolean;
  psnrMeasurements?: number;
  psnrSum?: Record<string, number>;
  qpSum?: number;
  qualityLimitationDurations?: Record<string, number>;
  qualityLimitationReason?: RTCQualityLimitationReason;
  qualityLimitationResolutionChanges?: number;
  remoteId?: string;
  retransmittedBytesSent?: number;
  retransmittedPacketsSent?: number;
  rid?: string;
  rtxSsrc?: number;
  scalabilityMode?: string;
  targetBitrate?: number;
  totalEncodeTime?: number;
  totalEncodedBytesTarget?: number;
  totalPacketSendDelay?: number;
}

export interface RTCRemoteOutboundRtpStreamStats extends RTCSentRtpStreamStats {
  localId?: string;
  remoteTimestamp?: number;
  reportsSent?: number;
  roundTripTime?: number;
  roundTripTimeMeasurements?: number;
  totalRoundTripTime?: number;
}

// -- Making them

/** Members that may be not known. */
type Possibly<T extends RTCStats> = { [K in keyof Required<T>]: T[K] | undefined };

/**
 * A dictionary of these members, without those that are undefined or NaN. They are to be given in the order in which Web IDL
 * turns a dictionary into an object: base dictionaries first, each in the order of the names.
 */
export function statsOf<T extends RTCStats>(members: Possibly<T>): T {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined && !Number.isNaN(value)) out[name] = value;
  }
  return out as unknown as T;
}
