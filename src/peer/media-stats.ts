// What the media machines count for getStats: the numbers of webrtc-stats §8 that only they know, under its names and in its
// units (durations in seconds, bitrates in bits per second). Types only. A machine keeps such an object anyway and nobody
// copies it before a program asks: src/w3c/stats-media.ts makes dictionaries of it then.
//
// - A member that is absent, undefined or NaN is not known, and the dictionary has no such member.
// - What applies to one kind of media only may be there for the other: the dictionary leaves it away.
// - Members that end in `At` are instants, in monotonic milliseconds; the dictionary has them since the epoch.
// - What negotiation knows (mid, rid, codec, transport, track) is not here.

/** The RTCP of the peer that a remote dictionary is made of; its timestamp is that of the report. */
interface RemoteReport {
  /** When the report arrived. */
  readonly reportedAt: number;
  /** Of the RTCP reports that allowed to measure (RFC 3550 §6.4.1, RFC 3611 §4.5). */
  readonly roundTripTime?: number | undefined;
  readonly totalRoundTripTime: number;
  readonly roundTripTimeMeasurements: number;
}

/** RTCReceivedRtpStreamStats. */
interface ReceivedRtpCounters {
  readonly packetsReceived?: number | undefined;
  readonly packetsReceivedWithEct1?: number | undefined;
  readonly packetsReceivedWithCe?: number | undefined;
  readonly packetsReportedAsLost?: number | undefined;
  readonly packetsReportedAsLostButRecovered?: number | undefined;
  /** RFC 3550 §6.4.1; negative where more were received than sent. */
  readonly packetsLost: number;
  /** RFC 3550 §6.4.1, in seconds. */
  readonly jitter: number;
}

/** One SSRC that is received: RTCInboundRtpStreamStats. */
export interface InboundRtpCounters extends ReceivedRtpCounters {
  readonly ssrc: number;
  /** That of the latest packet of media: it says the codec. */
  readonly payloadType: number;
  readonly packetsReceived: number;
  readonly bytesReceived: number;
  readonly headerBytesReceived: number;
  readonly lastPacketReceivedAt: number;
  readonly packetsDiscarded?: number | undefined;
  readonly nackCount?: number | undefined;
  readonly retransmittedPacketsReceived?: number | undefined;
  readonly retransmittedBytesReceived?: number | undefined;
  readonly rtxSsrc?: number | undefined;
  readonly fecSsrc?: number | undefined;
  readonly fecBytesReceived?: number | undefined;
  readonly fecPacketsReceived?: number | undefined;
  readonly fecPacketsDiscarded?: number | undefined;
  readonly totalProcessingDelay?: number | undefined;
  /** Milliseconds of the sender's NTP clock. */
  readonly estimatedPlayoutTimestamp?: number | undefined;
  readonly jitterBufferDelay?: number | undefined;
  readonly jitterBufferTargetDelay?: number | undefined;
  readonly jitterBufferMinimumDelay?: number | undefined;
  readonly jitterBufferEmittedCount?: number | undefined;

  // Video
  readonly firCount?: number | undefined;
  readonly pliCount?: number | undefined;
  readonly framesReceived?: number | undefined;
  readonly framesAssembledFromMultiplePackets?: number | undefined;
  readonly totalAssemblyTime?: number | undefined;
  readonly framesDecoded?: number | undefined;
  readonly keyFramesDecoded?: number | undefined;
  readonly framesRendered?: number | undefined;
  readonly framesDropped?: number | undefined;
  readonly frameWidth?: number | undefined;
  readonly frameHeight?: number | undefined;
  readonly framesPerSecond?: number | undefined;
  readonly qpSum?: number | undefined;
  readonly totalDecodeTime?: number | undefined;
  readonly totalInterFrameDelay?: number | undefined;
  /** Square seconds. */
  readonly totalSquaredInterFrameDelay?: number | undefined;
  readonly pauseCount?: number | undefined;
  readonly totalPausesDuration?: number | undefined;
  readonly freezeCount?: number | undefined;
  readonly totalFreezesDuration?: number | undefined;
  readonly totalCorruptionProbability?: number | undefined;
  readonly totalSquaredCorruptionProbability?: number | undefined;
  readonly corruptionMeasurements?: number | undefined;
  readonly decoderImplementation?: string | undefined;
  readonly powerEfficientDecoder?: boolean | undefined;

  // Audio
  readonly totalSamplesReceived?: number | undefined;
  readonly concealedSamples?: number | undefined;
  readonly silentConcealedSamples?: number | undefined;
  readonly concealmentEvents?: number | undefined;
  readonly insertedSamplesForDeceleration?: number | undefined;
  readonly removedSamplesForAcceleration?: number | undefined;
  /** 0 to 1, linear. */
  readonly audioLevel?: number | undefined;
  readonly totalAudioEnergy?: number | undefined;
  readonly totalSamplesDuration?: number | undefined;
}

/** One SSRC that is sent: RTCOutboundRtpStreamStats. */
export interface OutboundRtpCounters {
  /** That of the latest packet of media; the first of those negotiated if it is not known. */
  readonly payloadType?: number | undefined;
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly headerBytesSent: number;
  readonly retransmittedPacketsSent: number;
  readonly retransmittedBytesSent: number;
  readonly nackCount: number;
  readonly targetBitrate?: number | undefined;
  readonly totalEncodedBytesTarget?: number | undefined;
  readonly totalPacketSendDelay?: number | undefined;
  readonly packetsSentWithEct1?: number | undefined;

  // Video
  readonly firCount?: number | undefined;
  readonly pliCount?: number | undefined;
  readonly frameWidth?: number | undefined;
  readonly frameHeight?: number | undefined;
  readonly framesPerSecond?: number | undefined;
  readonly framesSent?: number | undefined;
  readonly hugeFramesSent?: number | undefined;
  readonly framesEncoded?: number | undefined;
  readonly keyFramesEncoded?: number | undefined;
  readonly qpSum?: number | undefined;
  /** By component: "y", "u", "v". */
  readonly psnrSum?: Readonly<Record<string, number>> | undefined;
  readonly psnrMeasurements?: number | undefined;
  readonly totalEncodeTime?: number | undefined;
  readonly qualityLimitationReason?: QualityLimitationReason | undefined;
  /** Seconds by reason. */
  readonly qualityLimitationDurations?: Readonly<Record<QualityLimitationReason, number>> | undefined;
  readonly qualityLimitationResolutionChanges?: number | undefined;
  readonly scalabilityMode?: string | undefined;
  readonly encoderImplementation?: string | undefined;
  readonly powerEfficientEncoder?: boolean | undefined;
}

export type QualityLimitationReason = "none" | "cpu" | "bandwidth" | "other";

/** What the peer's receiver reports say of an SSRC that is sent: RTCRemoteInboundRtpStreamStats. */
export interface RemoteInboundCounters extends ReceivedRtpCounters, RemoteReport {
  /** 0 to 1, of the latest report. */
  readonly fractionLost: number;
  readonly packetsWithBleachedEct1Marking?: number | undefined;
}

/** What the peer's sender reports say of an SSRC that is received: RTCRemoteOutboundRtpStreamStats. */
export interface RemoteOutboundCounters extends RemoteReport {
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly reportsSent: number;
  /** The sender's clock at the latest report, milliseconds since the epoch. */
  readonly remoteTimestamp: number;
}

/** RTCAudioSourceStats: what a track that is sent has produced. */
export interface AudioSourceCounters {
  readonly kind: "audio";
  readonly audioLevel?: number | undefined;
  readonly totalAudioEnergy?: number | undefined;
  readonly totalSamplesDuration?: number | undefined;
  /** Decibels. */
  readonly echoReturnLoss?: number | undefined;
  readonly echoReturnLossEnhancement?: number | undefined;
}

/** RTCVideoSourceStats. */
export interface VideoSourceCounters {
  readonly kind: "video";
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly frames?: number | undefined;
  readonly framesPerSecond?: number | undefined;
}

export type MediaSourceCounters = AudioSourceCounters | VideoSourceCounters;

/** RTCAudioPlayoutStats: the one that plays the audio of a connection. */
export interface AudioPlayoutCounters {
  readonly synthesizedSamplesDuration: number;
  readonly synthesizedSamplesEvents: number;
  readonly totalSamplesDuration: number;
  readonly totalPlayoutDelay: number;
  readonly totalSamplesCount: number;
}

/** What congestion control of RTP knows of a transport: members of RTCTransportStats and RTCIceCandidatePairStats. */
export interface TransportRtpCounters {
  /** Bits per second, for the selected pair. */
  readonly availableOutgoingBitrate?: number | undefined;
  readonly availableIncomingBitrate?: number | undefined;
  /** RFC 8888. */
  readonly ccfbMessagesSent: number;
  readonly ccfbMessagesReceived: number;
}

/** What a sender's getStats asks the media layer. */
export interface SenderStatistics {
  /** Undefined as long as nothing was sent: the dictionary has zeros then. */
  outbound(ssrc: number): OutboundRtpCounters | undefined;
  /** Undefined before the first report. */
  remoteInbound(ssrc: number): RemoteInboundCounters | undefined;
}

/** What a receiver's getStats asks the media layer. */
export interface ReceiverStatistics {
  /** The streams of which a packet has come. `now`: monotonic milliseconds. */
  inbound(now: number): Iterable<InboundRtpCounters>;
  /** Undefined before the first report. */
  remoteOutbound(ssrc: number): RemoteOutboundCounters | undefined;
  /** Of audio that is played. */
  readonly playout?: AudioPlayoutCounters | undefined;
}
