// What getStats asks of media (media-stats.ts), answered by the RTP machines: one object for each sender and receiver, which
// looks at their counters when it is asked. What codecs count is the media layer's, which adds it; without a codec frames were
// encoded elsewhere, and what is sent counts as encoded, unless it passes through as packets.
import type { RtpReceiveStream } from "../rtp/receive-stream.js";
import type { RtpReceiver } from "../rtp/receiver.js";
import type { RtpSendStream } from "../rtp/send-stream.js";
import type { RtpSender } from "../rtp/sender.js";
import type {
  AudioPlayoutCounters,
  InboundRtpCounters,
  MediaSourceCounters,
  OutboundRtpCounters,
  ReceiverStatistics,
  RemoteInboundCounters,
  RemoteOutboundCounters,
  SenderStatistics,
} from "./media-stats.js";

/** What an encoder adds to, or knows better than, the packets it made. */
export type EncoderCounters = (stream: RtpSendStream) => Partial<OutboundRtpCounters> | undefined;
/** And a jitter buffer or decoder. */
export interface DecoderCounters {
  decoderCounters(stream: RtpReceiveStream): Partial<InboundRtpCounters> | undefined;
}

/** What a decoder counts, where none has had anything to count: the members that Chromium has then, and the frames of the last second. */
const NOTHING_DECODED: Partial<InboundRtpCounters> = {
  framesDecoded: 0,
  keyFramesDecoded: 0,
  framesRendered: 0,
  framesPerSecond: 0,
  totalDecodeTime: 0,
  totalProcessingDelay: 0,
  totalInterFrameDelay: 0,
  totalSquaredInterFrameDelay: 0,
  pauseCount: 0,
  totalPausesDuration: 0,
  freezeCount: 0,
  totalFreezesDuration: 0,
};

/** What a player of sound counts, likewise: it has made nothing up and stretched nothing. */
const NOTHING_PLAYED: Partial<InboundRtpCounters> = {
  totalProcessingDelay: 0,
  concealedSamples: 0,
  silentConcealedSamples: 0,
  concealmentEvents: 0,
  insertedSamplesForDeceleration: 0,
  removedSamplesForAcceleration: 0,
};

/**
 * Of audio that nobody wants frames of there is no jitter buffer: nothing waits in it then, and what it has counted stays, as in
 * Chromium while nothing plays it. Of video it is counted when frames would have come out (rtp/unread-frames.ts).
 */
function jitterBuffer(stream: RtpReceiveStream): Partial<InboundRtpCounters> {
  const counters = stream.frameCounters;
  const common = {
    jitterBufferDelay: counters?.jitterBufferDelay ?? 0,
    jitterBufferTargetDelay: counters?.jitterBufferTargetDelay ?? 0,
    jitterBufferMinimumDelay: counters?.jitterBufferMinimumDelay ?? 0,
    jitterBufferEmittedCount: counters?.jitterBufferEmittedCount ?? 0,
  };
  const { sound } = stream;
  if (stream.receiver.kind === "audio") {
    return {
      ...common,
      ...NOTHING_PLAYED,
      audioLevel: sound?.level,
      totalSamplesReceived: sound?.samples ?? 0,
      totalSamplesDuration: sound?.seconds ?? 0,
      totalAudioEnergy: sound?.energy ?? 0,
    };
  }
  return {
    ...common,
    ...NOTHING_DECODED,
    framesReceived: counters?.framesReceived ?? 0,
    framesAssembledFromMultiplePackets: counters?.framesAssembledFromMultiplePackets ?? 0,
    totalAssemblyTime: counters?.totalAssemblyTime ?? 0,
    framesDropped: counters?.framesDropped ?? 0,
    frameWidth: stream.frameWidth > 0 ? stream.frameWidth : undefined,
    frameHeight: stream.frameHeight > 0 ? stream.frameHeight : undefined,
  };
}

const seconds = (milliseconds: number): number => milliseconds / 1000;

export class RtpSenderStatistics implements SenderStatistics {
  private readonly sender: RtpSender;
  private readonly encoder: EncoderCounters | undefined;

  /** `encoder`: of whoever encodes. */
  constructor(sender: RtpSender, encoder?: EncoderCounters) {
    this.sender = sender;
    this.encoder = encoder;
  }

  private stream(ssrc: number): RtpSendStream | undefined {
    return this.sender.streams.find((stream) => stream.ssrc === ssrc);
  }

  outbound(ssrc: number): OutboundRtpCounters | undefined {
    const stream = this.stream(ssrc);
    if (stream === undefined) return undefined;
    return {
      payloadType: stream.codec?.payloadType,
      packetsSent: stream.packetsSent,
      bytesSent: stream.bytesSent,
      headerBytesSent: stream.headerBytesSent,
      retransmittedPacketsSent: stream.retransmittedPacketsSent,
      retransmittedBytesSent: stream.retransmittedBytesSent,
      nackCount: stream.nackCount,
      targetBitrate: stream.targetBitrate > 0 ? stream.targetBitrate : undefined,
      totalPacketSendDelay: seconds(stream.totalPacketSendDelay),
      // Sockets of Node cannot mark packets.
      packetsSentWithEct1: 0,
      firCount: stream.firCount,
      pliCount: stream.pliCount,
      framesSent: stream.framesSent + stream.framesForwarded,
      framesEncoded: stream.framesSent + stream.framesDropped,
      keyFramesEncoded: stream.keyFramesSent + stream.keyFramesDropped,
      hugeFramesSent: 0,
      qualityLimitationReason: "none",
      qualityLimitationResolutionChanges: 0,
      ...this.encoder?.(stream),
    };
  }

  remoteInbound(ssrc: number): RemoteInboundCounters | undefined {
    const stream = this.stream(ssrc);
    if (stream === undefined || Number.isNaN(stream.remoteReportTime)) return undefined;
    return {
      reportedAt: stream.remoteReportTime,
      packetsReceived: stream.remotePacketsReceived,
      packetsLost: stream.remotePacketsLost,
      jitter: stream.remoteJitter,
      fractionLost: stream.remoteFractionLost,
      roundTripTime: seconds(stream.roundTripTime),
      totalRoundTripTime: seconds(stream.totalRoundTripTime),
      roundTripTimeMeasurements: stream.roundTripTimeMeasurements,
    };
  }
}

export class RtpReceiverStatistics implements ReceiverStatistics {
  /** Set by whoever decodes. */
  decoder: DecoderCounters | undefined;
  /** Set by whoever plays. */
  playout: AudioPlayoutCounters | undefined;
  private readonly receiver: RtpReceiver;

  constructor(receiver: RtpReceiver) {
    this.receiver = receiver;
  }

  inbound(now: number): InboundRtpCounters[] {
    for (const stream of this.receiver.streams) stream.settle(now);
    return this.receiver.streams.map((stream) => ({
      ssrc: stream.ssrc,
      payloadType: stream.codec?.payloadType ?? -1,
      packetsReceived: stream.packetsReceived,
      bytesReceived: stream.bytesReceived,
      headerBytesReceived: stream.headerBytesReceived,
      packetsLost: stream.packetsLost,
      jitter: stream.jitter,
      lastPacketReceivedAt: stream.lastPacketReceived,
      packetsDiscarded: stream.packetsDiscarded,
      ...this.retransmissions(stream),
      rtxSsrc: stream.rtxSsrc,
      nackCount: stream.nackCount,
      firCount: stream.firCount,
      pliCount: stream.pliCount,
      // Nobody marks packets for us: ECN is not negotiated (RFC 6679), and Node could not show it.
      packetsReceivedWithEct1: 0,
      packetsReceivedWithCe: 0,
      packetsReportedAsLost: this.receiver.reportedLosses(stream)?.lost,
      packetsReportedAsLostButRecovered: this.receiver.reportedLosses(stream)?.recovered,
      fecSsrc: stream.fecSsrc,
      fecPacketsReceived: stream.repair?.packetsReceived ?? 0,
      fecBytesReceived: stream.repair?.bytesReceived,
      fecPacketsDiscarded: stream.repair?.packetsDiscarded ?? 0,
      ...jitterBuffer(stream),
      ...this.decoder?.decoderCounters(stream),
    }));
  }

  /** Without an SSRC and payload type of their own they cannot be told from what was sent first. */
  private retransmissions({
    retransmittedPacketsReceived,
    retransmittedBytesReceived,
  }: RtpReceiveStream): Partial<InboundRtpCounters> {
    const told = this.receiver.options.codecs.some(({ rtxPayloadType }) => rtxPayloadType !== null);
    return told ? { retransmittedPacketsReceived, retransmittedBytesReceived } : {};
  }

  remoteOutbound(ssrc: number): RemoteOutboundCounters | undefined {
    const stream = this.receiver.streams.find((candidate) => candidate.ssrc === ssrc);
    if (stream === undefined || stream.reportsSent === 0) return undefined;
    return {
      reportedAt: stream.statistics.senderReportTime,
      packetsSent: stream.remotePacketsSent,
      bytesSent: stream.remoteBytesSent,
      reportsSent: stream.reportsSent,
      remoteTimestamp: stream.remoteTimestamp,
      roundTripTime: seconds(stream.roundTripTime),
      totalRoundTripTime: seconds(stream.totalRoundTripTime),
      roundTripTimeMeasurements: stream.roundTripTimeMeasurements,
    };
  }
}

/** What a received track has brought, as media-source says it of who sends that track on: of several streams, of the largest picture. */
export function receivedSource(receiver: RtpReceiver, now: number): MediaSourceCounters {
  const { kind, streams } = receiver;
  if (kind === "audio") {
    const sound = streams.findLast(({ sound }) => sound !== undefined)?.sound;
    return { kind, audioLevel: sound?.level, totalAudioEnergy: sound?.energy, totalSamplesDuration: sound?.seconds };
  }
  for (const stream of streams) stream.settle(now);
  let largest = streams[0];
  for (const stream of streams) if (stream.frameWidth > (largest?.frameWidth ?? 0)) largest = stream;
  const counters = largest?.frameCounters;
  if (largest === undefined || counters === undefined) return { kind };
  const { frameWidth, frameHeight } = largest;
  return {
    kind,
    frames: counters.framesReceived,
    framesPerSecond: counters.rate.at(now),
    width: frameWidth > 0 ? frameWidth : undefined,
    height: frameHeight > 0 ? frameHeight : undefined,
  };
}
