// The dictionaries of media (webrtc-stats): codec, media-source, outbound-rtp, inbound-rtp, what the peer reports of them,
// and media-playout, of what negotiation knows of a stream and the media layer's numbers (src/peer/media-stats.ts). Which
// streams there are is in stats-streams.ts.
import type { MediaKind } from "../jsep/codec-capabilities.js";
import type { NegotiatedCodec } from "../jsep/codecs.js";
import type {
  AudioPlayoutCounters,
  InboundRtpCounters,
  MediaSourceCounters,
  OutboundRtpCounters,
  RemoteInboundCounters,
  RemoteOutboundCounters,
} from "../peer/media-stats.js";
import type { StatsReportBuilder } from "./stats-builder.js";
import {
  type RTCAudioPlayoutStats,
  type RTCAudioSourceStats,
  type RTCCodecStats,
  type RTCInboundRtpStreamStats,
  type RTCOutboundRtpStreamStats,
  type RTCRemoteInboundRtpStreamStats,
  type RTCRemoteOutboundRtpStreamStats,
  type RTCVideoSourceStats,
  statsOf,
} from "./stats-types.js";

/** What the dictionaries of a stream have in common. */
export interface RtpStream {
  readonly id: string;
  readonly kind: MediaKind;
  readonly ssrc: number;
  readonly codecId: string | undefined;
  readonly transportId: string | undefined;
}

/** What negotiation knows of a stream that is sent. */
export interface OutboundStream extends RtpStream {
  readonly active: boolean;
  /** Video only. */
  readonly encodingIndex: number | undefined;
  readonly mediaSourceId: string | undefined;
  readonly mid: string | undefined;
  readonly rid: string | undefined;
  readonly rtxSsrc: number | undefined;
  readonly remoteId: string | undefined;
  /** As asked for; what is sent may be another. Video only. */
  readonly scalabilityMode: string | undefined;
}

/** And of one that is received. */
export interface InboundStream extends RtpStream {
  readonly mid: string | undefined;
  readonly playoutId: string | undefined;
  readonly remoteId: string | undefined;
  readonly trackIdentifier: string;
}

/** A stream that is negotiated but has not sent yet has zeros, as in Chromium. */
const NOTHING_SENT: OutboundRtpCounters = {
  packetsSent: 0,
  bytesSent: 0,
  headerBytesSent: 0,
  retransmittedPacketsSent: 0,
  retransmittedBytesSent: 0,
  nackCount: 0,
  totalPacketSendDelay: 0,
  packetsSentWithEct1: 0,
  firCount: 0,
  pliCount: 0,
  framesSent: 0,
  hugeFramesSent: 0,
  framesEncoded: 0,
  keyFramesEncoded: 0,
  totalEncodeTime: 0,
  totalEncodedBytesTarget: 0,
  qualityLimitationReason: "none",
  qualityLimitationDurations: { none: 0, cpu: 0, bandwidth: 0, other: 0 },
  qualityLimitationResolutionChanges: 0,
};

const copied = <T>(record: Readonly<Record<string, T>> | undefined): Record<string, T> | undefined =>
  record && { ...record };

export function outboundRtp(
  builder: StatsReportBuilder,
  stream: OutboundStream,
  c: OutboundRtpCounters = NOTHING_SENT,
): RTCOutboundRtpStreamStats {
  const isVideo = stream.kind === "video";
  const video = <T>(value: T): T | undefined => (isVideo ? value : undefined);
  const hardware = isVideo && builder.exposesHardware;
  return statsOf<RTCOutboundRtpStreamStats>({
    id: stream.id,
    timestamp: builder.timestamp,
    type: "outbound-rtp",
    codecId: stream.codecId,
    kind: stream.kind,
    ssrc: stream.ssrc,
    transportId: stream.transportId,
    bytesSent: c.bytesSent,
    packetsSent: c.packetsSent,
    active: stream.active,
    encoderImplementation: hardware ? c.encoderImplementation : undefined,
    encodingIndex: video(stream.encodingIndex),
    firCount: video(c.firCount),
    frameHeight: video(c.frameHeight),
    frameWidth: video(c.frameWidth),
    framesEncoded: video(c.framesEncoded),
    framesPerSecond: video(c.framesPerSecond),
    framesSent: video(c.framesSent),
    headerBytesSent: c.headerBytesSent,
    hugeFramesSent: video(c.hugeFramesSent),
    keyFramesEncoded: video(c.keyFramesEncoded),
    mediaSourceId: stream.mediaSourceId,
    mid: stream.mid,
    nackCount: c.nackCount,
    packetsSentWithEct1: c.packetsSentWithEct1,
    pliCount: video(c.pliCount),
    powerEfficientEncoder: hardware ? c.powerEfficientEncoder : undefined,
    psnrMeasurements: video(c.psnrMeasurements),
    psnrSum: video(copied(c.psnrSum)),
    qpSum: video(c.qpSum),
    qualityLimitationDurations: video(copied(c.qualityLimitationDurations)),
    qualityLimitationReason: video(c.qualityLimitationReason),
    qualityLimitationResolutionChanges: video(c.qualityLimitationResolutionChanges),
    remoteId: stream.remoteId,
    retransmittedBytesSent: c.retransmittedBytesSent,
    retransmittedPacketsSent: c.retransmittedPacketsSent,
    rid: stream.rid,
    rtxSsrc: stream.rtxSsrc,
    scalabilityMode: video(c.scalabilityMode ?? stream.scalabilityMode),
    targetBitrate: c.targetBitrate,
    totalEncodeTime: video(c.totalEncodeTime),
    totalEncodedBytesTarget: video(c.totalEncodedBytesTarget),
    totalPacketSendDelay: c.totalPacketSendDelay,
  });
}

export function inboundRtp(
  builder: StatsReportBuilder,
  stream: InboundStream,
  c: InboundRtpCounters,
): RTCInboundRtpStreamStats {
  const isVideo = stream.kind === "video";
  const video = <T>(value: T): T | undefined => (isVideo ? value : undefined);
  const audio = <T>(value: T): T | undefined => (isVideo ? undefined : value);
  const hardware = isVideo && builder.exposesHardware;
  return statsOf<RTCInboundRtpStreamStats>({
    id: stream.id,
    timestamp: builder.timestamp,
    type: "inbound-rtp",
    codecId: stream.codecId,
    kind: stream.kind,
    ssrc: stream.ssrc,
    transportId: stream.transportId,
    jitter: c.jitter,
    packetsLost: c.packetsLost,
    packetsReceived: c.packetsReceived,
    packetsReceivedWithCe: c.packetsReceivedWithCe,
    packetsReceivedWithEct1: c.packetsReceivedWithEct1,
    packetsReportedAsLost: c.packetsReportedAsLost,
    packetsReportedAsLostButRecovered: c.packetsReportedAsLostButRecovered,
    audioLevel: audio(c.audioLevel),
    bytesReceived: c.bytesReceived,
    concealedSamples: audio(c.concealedSamples),
    concealmentEvents: audio(c.concealmentEvents),
    corruptionMeasurements: video(c.corruptionMeasurements),
    decoderImplementation: hardware ? c.decoderImplementation : undefined,
    estimatedPlayoutTimestamp: c.estimatedPlayoutTimestamp,
    fecBytesReceived: c.fecBytesReceived,
    fecPacketsDiscarded: c.fecPacketsDiscarded,
    fecPacketsReceived: c.fecPacketsReceived,
    fecSsrc: c.fecSsrc,
    firCount: video(c.firCount),
    frameHeight: video(c.frameHeight),
    frameWidth: video(c.frameWidth),
    framesAssembledFromMultiplePackets: video(c.framesAssembledFromMultiplePackets),
    framesDecoded: video(c.framesDecoded),
    framesDropped: video(c.framesDropped),
    framesPerSecond: video(c.framesPerSecond),
    framesReceived: video(c.framesReceived),
    framesRendered: video(c.framesRendered),
    freezeCount: video(c.freezeCount),
    headerBytesReceived: c.headerBytesReceived,
    insertedSamplesForDeceleration: audio(c.insertedSamplesForDeceleration),
    jitterBufferDelay: c.jitterBufferDelay,
    jitterBufferEmittedCount: c.jitterBufferEmittedCount,
    jitterBufferMinimumDelay: c.jitterBufferMinimumDelay,
    jitterBufferTargetDelay: c.jitterBufferTargetDelay,
    keyFramesDecoded: video(c.keyFramesDecoded),
    lastPacketReceivedTimestamp: builder.epoch(c.lastPacketReceivedAt),
    mid: stream.mid,
    nackCount: c.nackCount,
    packetsDiscarded: c.packetsDiscarded,
    pauseCount: video(c.pauseCount),
    playoutId: audio(stream.playoutId),
    pliCount: video(c.pliCount),
    powerEfficientDecoder: hardware ? c.powerEfficientDecoder : undefined,
    qpSum: video(c.qpSum),
    remoteId: stream.remoteId,
    removedSamplesForAcceleration: audio(c.removedSamplesForAcceleration),
    retransmittedBytesReceived: c.retransmittedBytesReceived,
    retransmittedPacketsReceived: c.retransmittedPacketsReceived,
    rtxSsrc: c.rtxSsrc,
    silentConcealedSamples: audio(c.silentConcealedSamples),
    totalAssemblyTime: video(c.totalAssemblyTime),
    totalAudioEnergy: audio(c.totalAudioEnergy),
    totalCorruptionProbability: video(c.totalCorruptionProbability),
    totalDecodeTime: video(c.totalDecodeTime),
    totalFreezesDuration: video(c.totalFreezesDuration),
    totalInterFrameDelay: video(c.totalInterFrameDelay),
    totalPausesDuration: video(c.totalPausesDuration),
    totalProcessingDelay: c.totalProcessingDelay,
    totalSamplesDuration: audio(c.totalSamplesDuration),
    totalSamplesReceived: audio(c.totalSamplesReceived),
    totalSquaredCorruptionProbability: video(c.totalSquaredCorruptionProbability),
    totalSquaredInterFrameDelay: video(c.totalSquaredInterFrameDelay),
    trackIdentifier: stream.trackIdentifier,
  });
}

/** `stream` is that of the local dictionary, with an id of its own. */
export function remoteInboundRtp(
  builder: StatsReportBuilder,
  stream: RtpStream & { readonly localId: string },
  c: RemoteInboundCounters,
): RTCRemoteInboundRtpStreamStats {
  return statsOf<RTCRemoteInboundRtpStreamStats>({
    id: stream.id,
    timestamp: builder.epoch(c.reportedAt),
    type: "remote-inbound-rtp",
    codecId: stream.codecId,
    kind: stream.kind,
    ssrc: stream.ssrc,
    transportId: stream.transportId,
    jitter: c.jitter,
    packetsLost: c.packetsLost,
    packetsReceived: c.packetsReceived,
    packetsReceivedWithCe: c.packetsReceivedWithCe,
    packetsReceivedWithEct1: c.packetsReceivedWithEct1,
    packetsReportedAsLost: c.packetsReportedAsLost,
    packetsReportedAsLostButRecovered: c.packetsReportedAsLostButRecovered,
    fractionLost: c.fractionLost,
    localId: stream.localId,
    packetsWithBleachedEct1Marking: c.packetsWithBleachedEct1Marking,
    roundTripTime: c.roundTripTime,
    roundTripTimeMeasurements: c.roundTripTimeMeasurements,
    totalRoundTripTime: c.totalRoundTripTime,
  });
}

export function remoteOutboundRtp(
  builder: StatsReportBuilder,
  stream: RtpStream & { readonly localId: string },
  c: RemoteOutboundCounters,
): RTCRemoteOutboundRtpStreamStats {
  return statsOf<RTCRemoteOutboundRtpStreamStats>({
    id: stream.id,
    timestamp: builder.epoch(c.reportedAt),
    type: "remote-outbound-rtp",
    codecId: stream.codecId,
    kind: stream.kind,
    ssrc: stream.ssrc,
    transportId: stream.transportId,
    bytesSent: c.bytesSent,
    packetsSent: c.packetsSent,
    localId: stream.localId,
    remoteTimestamp: c.remoteTimestamp,
    reportsSent: c.reportsSent,
    roundTripTime: c.roundTripTime,
    roundTripTimeMeasurements: c.roundTripTimeMeasurements,
    totalRoundTripTime: c.totalRoundTripTime,
  });
}

export function mediaSource(
  builder: StatsReportBuilder,
  id: string,
  kind: MediaKind,
  trackIdentifier: string,
  c: MediaSourceCounters | undefined,
): RTCAudioSourceStats | RTCVideoSourceStats {
  const base = { id, timestamp: builder.timestamp, type: "media-source", kind, trackIdentifier } as const;
  if (kind === "audio") {
    const audio = c?.kind === "audio" ? c : undefined;
    return statsOf<RTCAudioSourceStats>({
      ...base,
      audioLevel: audio?.audioLevel,
      echoReturnLoss: audio?.echoReturnLoss,
      echoReturnLossEnhancement: audio?.echoReturnLossEnhancement,
      totalAudioEnergy: audio?.totalAudioEnergy,
      totalSamplesDuration: audio?.totalSamplesDuration,
    });
  }
  const video = c?.kind === "video" ? c : undefined;
  return statsOf<RTCVideoSourceStats>({
    ...base,
    frames: video?.frames,
    framesPerSecond: video?.framesPerSecond,
    height: video?.height,
    width: video?.width,
  });
}

export function audioPlayout(builder: StatsReportBuilder, id: string, c: AudioPlayoutCounters): RTCAudioPlayoutStats {
  return statsOf<RTCAudioPlayoutStats>({
    id,
    timestamp: builder.timestamp,
    type: "media-playout",
    kind: "audio",
    synthesizedSamplesDuration: c.synthesizedSamplesDuration,
    synthesizedSamplesEvents: c.synthesizedSamplesEvents,
    totalPlayoutDelay: c.totalPlayoutDelay,
    totalSamplesCount: c.totalSamplesCount,
    totalSamplesDuration: c.totalSamplesDuration,
  });
}

export function codecStats(
  builder: StatsReportBuilder,
  id: string,
  transportId: string,
  { channels, clockRate, mimeType, payloadType, sdpFmtpLine }: NegotiatedCodec,
): RTCCodecStats {
  return statsOf<RTCCodecStats>({
    id,
    timestamp: builder.timestamp,
    type: "codec",
    channels,
    clockRate,
    mimeType,
    payloadType,
    sdpFmtpLine,
    transportId,
  });
}
