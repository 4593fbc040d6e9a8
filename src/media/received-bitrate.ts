// A limit for what is received: what browsers have only as b= lines in descriptions, and servers need from moment to moment.
import { type MediaStreamTrack, trackImplOf } from "../w3c/media-stream-track.js";

const HOLDER: object = {};

/**
 * Asks whoever sends this track, which is that of an RTCRtpReceiver, for at most so many bits per second of payload (all layers of
 * a simulcast together); null takes that back. Sent as TMMBR (RFC 5104) or REMB, whichever is negotiated; a peer that knows neither
 * is asked nothing, one with REMB takes it for all that it sends on the connection, so that the others are counted in. Throws
 * TypeError for what is no rate, NotSupportedError for a track that is not received.
 */
export function limitReceivedBitrate(track: MediaStreamTrack, bitsPerSecond: number | null): void {
  if (bitsPerSecond !== null && !(bitsPerSecond >= 0 && Number.isFinite(bitsPerSecond))) {
    throw new TypeError(`limitReceivedBitrate: ${bitsPerSecond} is not a number of bits per second.`);
  }
  const { source } = trackImplOf(track);
  if (source.limitBitrate === undefined) {
    throw new DOMException("limitReceivedBitrate: the track's media is not received.", "NotSupportedError");
  }
  source.limitBitrate(HOLDER, bitsPerSecond);
}
