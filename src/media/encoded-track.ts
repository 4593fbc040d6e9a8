// Tracks as encoded frames: a generator is given what an encoder makes, a processor shows what a decoder would take.
import type { EncodedFrame, EncodedFrameInit } from "../peer/media.js";
import { defaultPlatform } from "../w3c/environment.js";
import type { PacketOrigin } from "../w3c/media-feed.js";
import { type MediaStreamTrack, TrackImpl, type TrackSource, trackImplOf } from "../w3c/media-stream-track.js";
import { type FrameInit, frameInit } from "./frame-init.js";
import { GeneratorSource } from "./generator-source.js";

export type { EncodedFrame, EncodedFrameInit };

export interface EncodedTrackGeneratorInit {
  readonly kind: "audio" | "video";
  /** What the frames are, such as "video/VP8". It has to be negotiated with a peer for anything to be sent there. */
  readonly mimeType: string;
}

/** A track whose media are encoded frames that the program gives. They are paced, and repaired where the peer asks. */
export class EncodedTrackGenerator {
  readonly track: MediaStreamTrack;
  /** A peer needs a key frame; with simulcast, of the encoding `rid`. */
  onkeyframerequest: ((rid: string | null) => void) | null = null;
  /** What the network to a peer carries, in bits per second. */
  onbitratechange: ((bitsPerSecond: number, rid: string | null) => void) | null = null;
  private readonly source: GeneratorSource;
  private readonly mimeType: string;

  constructor(init: EncodedTrackGeneratorInit) {
    const { kind, mimeType } = init;
    if (kind !== "audio" && kind !== "video") {
      throw new TypeError(`EncodedTrackGenerator: kind '${kind}' is neither 'audio' nor 'video'.`);
    }
    this.mimeType = `${mimeType}`;
    this.source = new GeneratorSource(this.mimeType.toLowerCase(), {
      onKeyFrameRequest: (rid) => this.onkeyframerequest?.(rid),
      onBitrateChange: (bitsPerSecond, rid) => this.onbitratechange?.(bitsPerSecond, rid),
    });
    const platform = defaultPlatform();
    this.track = new TrackImpl({ platform, kind, label: `encoded ${kind}`, source: this.source }).wrapper;
  }

  /**
   * Sends one frame; its timestamp is in units of the codec's clock. With simulcast `rid` names the encoding. A frame with a
   * `mimeType` of its own, such as comfort noise (RFC 3389) among sound, goes where that is negotiated too, with the same clock
   * rate. Throws a TypeError that names the member if `frame` is no frame.
   */
  sendFrame(frame: FrameInit, rid: string | null = null): void {
    const checked = frameInit(frame, "EncodedTrackGenerator.sendFrame: ");
    this.source.sendFrame({ ...checked, mimeType: checked.mimeType ?? this.mimeType }, rid);
  }
}

export interface EncodedTrackProcessorInit {
  readonly track: MediaStreamTrack;
}

/** Reads a received track as whole frames in order, after a jitter buffer that waits for what is retransmitted. */
export class EncodedTrackProcessor {
  onframe: ((frame: EncodedFrame, origin: PacketOrigin) => void) | null = null;
  private readonly source: TrackSource;
  private readonly stop: () => void;

  /** Throws NotSupportedError where the track's source has no encoded frames to show. */
  constructor(init: EncodedTrackProcessorInit) {
    const { source } = trackImplOf(init.track);
    if (source.read === undefined) {
      throw new DOMException("EncodedTrackProcessor: the track's media is not received.", "NotSupportedError");
    }
    this.source = source;
    this.stop = source.read({ onFrame: (frame, origin) => this.onframe?.(frame, origin) });
  }

  /** Asks whoever makes the media for a key frame. */
  requestKeyFrame(): void {
    this.source.requestKeyFrame?.();
  }

  close(): void {
    this.stop();
  }
}
