// Streams of one source (one CNAME, RFC 3550 §6.5.1) play together: who comes sooner waits for the slowest, in small steps, by the
// clocks that sender reports tell.
import type { RtpReceiveStream } from "./receive-stream.js";

/** Milliseconds that a stream waits more for the others, at most (as in Chromium). */
export const MAX_SYNCHRONISATION_DELAY = 10_000;
/** Change with each report, milliseconds. */
const STEP = 80;

/** From capture to playing, without what is added for synchronisation: milliseconds, with an offset that all streams share. */
function latency(stream: RtpReceiveStream): number {
  const buffer = stream.frames?.buffer;
  const { codec, lastTimestamp, clock } = stream;
  if (buffer === undefined || codec === undefined || !buffer.paced || !buffer.delay.known || !clock.known)
    return Number.NaN;
  const wait = buffer.targetDelay - buffer.synchronisationDelay;
  return buffer.delay.earliest(lastTimestamp) + wait - clock.at(lastTimestamp, codec.clockRate);
}

/** `streams`: those of one source. */
export function synchronise(streams: readonly RtpReceiveStream[]): void {
  let slowest = Number.NEGATIVE_INFINITY;
  for (const stream of streams) {
    const one = latency(stream);
    if (one > slowest) slowest = one;
  }
  for (const stream of streams) {
    const one = latency(stream);
    if (Number.isNaN(one)) continue;
    const buffer = stream.frames!.buffer;
    const wanted = Math.min(MAX_SYNCHRONISATION_DELAY, slowest - one);
    const change = wanted - buffer.synchronisationDelay;
    buffer.synchronisationDelay += Math.max(-STEP, Math.min(STEP, change));
  }
}
