// Tracks as RTP packets, for programs that make, forward or record encoded media: a generator is written to, a processor is
// read from (names after mediacapture-transform; the W3C's RtpTransport draft has the same idea on senders and receivers).
// Nothing is decoded.
import type { RtpPacket } from "../peer/media.js";
import { bufferSource } from "../w3c/conversions.js";
import { defaultPlatform } from "../w3c/environment.js";
import type { PacketOrigin } from "../w3c/media-feed.js";
import { type MediaStreamTrack, TrackImpl, type TrackSource, trackImplOf } from "../w3c/media-stream-track.js";
import { GeneratorSource } from "./generator-source.js";

export interface RtpTrackGeneratorInit {
  readonly kind: "audio" | "video";
  /** What the packets carry, such as "video/VP8". Without it a packet's payload type says, or else what was negotiated first. */
  readonly mimeType?: string;
}

/**
 * A track whose media are RTP packets that the program writes. What is negotiated decides the SSRC, the payload type and the
 * header extensions on the wire; timestamps, markers and payloads stay, and so do gaps of sequence numbers.
 */
export class RtpTrackGenerator {
  readonly track: MediaStreamTrack;
  /** A peer needs a key frame; with simulcast, of the encoding `rid`. */
  onkeyframerequest: ((rid: string | null) => void) | null = null;
  /** What the network to a peer carries, in bits per second. */
  onbitratechange: ((bitsPerSecond: number, rid: string | null) => void) | null = null;
  private readonly source: GeneratorSource;

  constructor(init: RtpTrackGeneratorInit) {
    const { kind } = init;
    if (kind !== "audio" && kind !== "video") {
      throw new TypeError(`RtpTrackGenerator: kind '${kind}' is neither 'audio' nor 'video'.`);
    }
    this.source = new GeneratorSource(init.mimeType?.toLowerCase(), {
      onKeyFrameRequest: (rid) => this.onkeyframerequest?.(rid),
      onBitrateChange: (bitsPerSecond, rid) => this.onbitratechange?.(bitsPerSecond, rid),
    });
    const platform = defaultPlatform();
    this.track = new TrackImpl({ platform, kind, label: `RTP ${kind}`, source: this.source }).wrapper;
  }

  /**
   * Sends one RTP packet (RFC 3550 §5.1), which is copied, on every connection that the track was added to. False if it is
   * not an RTP packet. With simulcast `rid` names the encoding. Throws a TypeError if it is no bytes at all.
   */
  sendRtp(packet: Uint8Array, rid: string | null = null): boolean {
    const bytes = packet instanceof Uint8Array ? packet : bufferSource(packet, "RtpTrackGenerator.sendRtp: ");
    return this.source.sendPacket(bytes, rid);
  }
}

export type { PacketOrigin, RtpPacket };

export interface RtpTrackProcessorInit {
  readonly track: MediaStreamTrack;
}

/** Reads a track's media as the RTP packets that it comes in: authenticated, in order of arrival, retransmissions unwrapped. */
export class RtpTrackProcessor {
  /** The packet object is used again after the call; its bytes are not. */
  onrtp: ((packet: RtpPacket, origin: PacketOrigin) => void) | null = null;
  private readonly source: TrackSource;
  private readonly stop: () => void;

  /** Throws NotSupportedError where the track's source has no RTP to show. */
  constructor(init: RtpTrackProcessorInit) {
    const { source } = trackImplOf(init.track);
    if (source.read === undefined) {
      throw new DOMException("RtpTrackProcessor: the track's media is not RTP.", "NotSupportedError");
    }
    this.source = source;
    this.stop = source.read({ onPacket: (packet, origin) => this.onrtp?.(packet, origin) });
  }

  /** Asks whoever makes the media for a key frame. */
  requestKeyFrame(): void {
    this.source.requestKeyFrame?.();
  }

  close(): void {
    this.stop();
  }
}
