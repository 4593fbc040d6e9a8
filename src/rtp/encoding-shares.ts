// What each encoding of a session may use of the estimate: the requests made of what encoders, forwarded sources and limits say, in bytes of the
// path, and the answers in those of payloads. How they are weighed is bandwidth/allocation.ts.
import { type AllocationRequest, allocate } from "./bandwidth/allocation.js";
import type { SourceRates } from "./bandwidth/source-rates.js";
import type { RtpSendStream } from "./send-stream.js";
import type { RtpSender } from "./sender.js";

/** Bytes that SRTP, UDP and IP add to a packet. */
export const TRANSPORT_OVERHEAD = 38;
/** What audio may use where nobody says. */
const DEFAULT_AUDIO_BITRATE = 128_000;
/** What audio gets before weights count: it is small, and missed most. Of forwarded audio that is what comes, but no less than the latter. */
const MIN_AUDIO_BITRATE = 32_000;
const MIN_FORWARDED_AUDIO_BITRATE = 16_000;
/** What else gets before weights count where forwarded streams take theirs. */
const MIN_VIDEO_BITRATE = 30_000;
/** Of all bytes, those of payloads, before enough was sent to know. */
const DEFAULT_PAYLOAD_SHARE = 0.92;
const PACKETS_TO_KNOW = 50;
/** An encoding is told a new bitrate if it differs by more than this share. */
const NEWS = 0.01;

export class EncodingShares {
  private readonly streams: RtpSendStream[] = [];
  private given: readonly number[] = [];

  /** Shares `total` bits per second; `hasFeedback`: arrivals are reported. Gives the most that all together may use. */
  allocate(senders: readonly RtpSender[], total: number, hasFeedback: boolean): number {
    const { streams } = this;
    streams.length = 0;
    const requests: AllocationRequest[] = [];
    const isForwarding = senders.some((sender) => sender.streams.some(({ source }) => source !== undefined));
    let wanted = 0;
    let mayPad = false;
    for (const { options, streams: own } of senders) {
      for (const stream of own) {
        const active = options.active && stream.encoding.active;
        const audio = options.kind === "audio";
        const limit = stream.encoding.maxBitrate ?? (audio ? DEFAULT_AUDIO_BITRATE : Number.POSITIVE_INFINITY);
        const max = Math.min(limit, stream.requestedBitrate) / payloadShare(stream);
        const common = { priority: stream.encoding.priority, max, active, isUrgent: audio };
        const { source } = stream;
        const min = audio ? MIN_AUDIO_BITRATE : isForwarding ? MIN_VIDEO_BITRATE : 0;
        requests.push(source === undefined ? { ...common, min } : forwarded(common, stream, source, audio));
        streams.push(stream);
        if (active) wanted += max;
        // Probes are filled with repeats.
        if (active && !audio && options.codecs.some(({ rtxPayloadType }) => rtxPayloadType !== null)) mayPad = true;
      }
    }
    this.given = allocate(total, requests, hasFeedback && mayPad);
    return wanted;
  }

  /** Tells who has another share now. */
  tell(): void {
    const { streams, given } = this;
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[i]!;
      stream.allocatedBitrate = given[i]!;
      // Repair packets come out of the stream's share: the encoder has the rest.
      const share = Math.floor((given[i]! * payloadShare(stream)) / (1 + stream.protectionRate));
      // Nothing is for what is not active.
      const bitrate = stream.encoding.active && stream.sender.options.active ? Math.max(1, share) : share;
      const before = stream.targetBitrate;
      if (bitrate === before || (Math.abs(bitrate - before) <= NEWS * before && bitrate > 0)) continue;
      stream.targetBitrate = bitrate;
      stream.sender.host.onBitrateChange?.(stream.index, bitrate);
    }
  }

  /** From time to time. True: forwarded streams have begun or stopped to flow. */
  look(senders: readonly RtpSender[], now: number): boolean {
    let isNews = false;
    for (const { streams } of senders) {
      for (const { source, reportPackets } of streams) if (source?.look(reportPackets, now)) isNews = true;
    }
    return isNews;
  }
}

/** What is forwarded goes out at the rate of its lowest layer at least. */
function forwarded(
  common: Pick<AllocationRequest, "priority" | "max" | "active" | "isUrgent">,
  stream: RtpSendStream,
  source: SourceRates,
  audio: boolean,
): AllocationRequest {
  // Nothing comes: it gets some of what is left.
  if (!source.isFlowing) return { ...common, min: 0, steps: [], size: source.size };
  const around = (1 + stream.protectionRate) / payloadShare(stream);
  const steps = source.rates.map((rate) => rate * around);
  const [least] = steps;
  const unknown = audio ? MIN_AUDIO_BITRATE : MIN_VIDEO_BITRATE;
  const min = Math.max(least ?? unknown, audio ? MIN_FORWARDED_AUDIO_BITRATE : 0);
  return { ...common, min, steps, step: source.current, size: source.size };
}

/** Of the bytes that a stream makes the path carry, those that its encoder made. */
function payloadShare(stream: RtpSendStream): number {
  // Padding is nothing that an encoder's frames bring about.
  const packets = stream.packetsSent - stream.paddingPackets;
  const payload = stream.bytesSent - stream.paddingPayloadBytes;
  const headers = stream.headerBytesSent + stream.paddingPayloadBytes - stream.paddingBytes;
  if (packets < PACKETS_TO_KNOW || payload === 0) return DEFAULT_PAYLOAD_SHARE;
  return payload / (payload + headers + packets * TRANSPORT_OVERHEAD);
}
