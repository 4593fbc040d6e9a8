// Whom the media of a receiver comes from: RTCRtpContributingSource and RTCRtpSynchronizationSource (webrtc-pc §5.3.1).
import type { RtpReceiver } from "../peer/media.js";
import type { Platform } from "../peer/platform.js";
import { linearLevel } from "./frame-units.js";

export interface RTCRtpContributingSource {
  /** Milliseconds since the Unix epoch. */
  timestamp: number;
  source: number;
  /** Linear, 0 to 1. */
  audioLevel?: number;
  rtpTimestamp: number;
}
export interface RTCRtpSynchronizationSource extends RTCRtpContributingSource {
  /** Milliseconds since 1900 by the capturer's clock (webrtc-extensions, "RTCRtpContributingSource"). */
  captureTimestamp?: number;
  /** Milliseconds that the capturer's clock lacks of the sender's. */
  senderCaptureTimeOffset?: number;
}

/** Sources of the last ten seconds are told. */
const MEMORY = 10_000;

type Clock = Pick<Platform, "now" | "timeOrigin">;

interface Source {
  readonly source: number;
  /** Monotonic milliseconds. */
  readonly time: number;
  readonly rtpTimestamp: number;
  /** The level of RFC 6464 and RFC 6465 in its low seven bits, negative without. */
  readonly audioLevel: number;
  readonly capture?: { captureTimestamp?: number; senderCaptureTimeOffset?: number };
}

/** The newest first. */
function recent(sources: readonly Source[], clock: Clock): RTCRtpContributingSource[] {
  const since = clock.now() - MEMORY;
  return sources
    .filter(({ time }) => time >= since)
    .sort((a, b) => b.time - a.time)
    .map(({ source, time, rtpTimestamp, audioLevel, capture }) => {
      const out = { timestamp: clock.timeOrigin + time, source, rtpTimestamp, ...capture };
      return audioLevel < 0 ? out : { ...out, audioLevel: linearLevel(audioLevel & 0x7f) };
    });
}

export function contributingSources(receiver: RtpReceiver, clock: Clock): RTCRtpContributingSource[] {
  return recent(receiver.contributingSources, clock);
}

export function synchronizationSources(receiver: RtpReceiver, clock: Clock): RTCRtpSynchronizationSource[] {
  const sources = receiver.streams
    .filter(({ packetsReceived }) => packetsReceived > 0)
    .map(({ ssrc, lastPacketReceived, lastTimestamp, audioLevel, captureTimestamp, captureClockOffset }) => ({
      source: ssrc,
      time: lastPacketReceived,
      rtpTimestamp: lastTimestamp,
      audioLevel,
      capture: {
        ...(Number.isNaN(captureTimestamp) ? {} : { captureTimestamp }),
        ...(Number.isNaN(captureClockOffset) ? {} : { senderCaptureTimeOffset: captureClockOffset }),
      },
    }));
  return recent(sources, clock);
}
