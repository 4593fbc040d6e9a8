// The source of tracks whose media a program gives raw, as VideoFrame or AudioData: to those who read them raw, and encoded to
// peers. There is an encoder for G.711; where a peer takes none of what can be encoded, nothing is sent to it.
import type { MediaSourceCounters } from "../../peer/media-stats.js";
import type { Platform } from "../../peer/platform.js";
import { FrameRate } from "../../util/frame-rate.js";
import type { MediaTrackSettings } from "../../w3c/media-constraints.js";
import type { FedTrack, MediaFlow, MediaOutlet, MediaSource, RawMedia, RawReader } from "../../w3c/media-feed.js";
import type { TrackImpl, TrackSource } from "../../w3c/media-stream-track.js";
import { type AudioData, isAudioData, monoSamples } from "./audio-data.js";
import { G711Encoder, isG711 } from "./g711-codec.js";

/** What of a VideoFrame is looked at. */
interface Picture extends RawMedia {
  readonly codedWidth: number;
  readonly displayWidth: number;
  readonly displayHeight: number;
}

/** Whether `value` looks like a VideoFrame, whosever implementation. */
export function isVideoFrame(value: unknown): value is Picture {
  if (typeof value !== "object" || value === null) return false;
  const { codedWidth, displayWidth, clone, close } = value as Partial<Picture>;
  return (
    typeof codedWidth === "number" &&
    typeof displayWidth === "number" &&
    typeof clone === "function" &&
    typeof close === "function"
  );
}

export class RawSource implements TrackSource, MediaSource {
  private readonly kind: "audio" | "video";
  private readonly platform: Platform;
  private readonly tracks = new Set<TrackImpl>();
  private readonly readers = new Map<RawReader, FedTrack>();
  private readonly flows = new Set<RawAudioFlow>();
  private readonly rate = new FrameRate();
  private frames = 0;
  private size: { readonly width: number; readonly height: number } | undefined;
  private level = 0;
  private energy = 0;
  private seconds = 0;

  constructor(kind: "audio" | "video", platform: Platform) {
    this.kind = kind;
    this.platform = platform;
  }

  attach(track: TrackImpl): void {
    this.tracks.add(track);
  }
  detach(track: TrackImpl): void {
    this.tracks.delete(track);
  }
  capabilities(): Record<string, never> {
    return {};
  }
  candidates(_constraints: unknown, current: MediaTrackSettings): readonly { settings: MediaTrackSettings }[] {
    return [{ settings: current }];
  }

  /** The tracks that are live. */
  get liveTracks(): readonly TrackImpl[] {
    return [...this.tracks];
  }

  /** Whether this is of the kind, and not closed. */
  takes(data: unknown): data is RawMedia {
    if (this.kind === "audio") return isAudioData(data) && data.numberOfFrames > 0;
    return isVideoFrame(data) && data.codedWidth > 0;
  }

  /** Takes the data over: it is closed in the end. */
  write(data: RawMedia): void {
    try {
      if (this.tracks.size === 0) return;
      if (this.kind === "audio") this.hear(data as unknown as AudioData);
      else this.see(data as Picture);
      for (const [reader, { enabled }] of this.readers) {
        // A track that is disabled is dark, or silent.
        if (enabled) reader.onData(data.clone());
      }
    } finally {
      data.close();
    }
  }

  private hear(data: AudioData): void {
    const samples = monoSamples(data);
    let sum = 0;
    for (const sample of samples) sum += sample * sample;
    const seconds = samples.length / data.sampleRate;
    this.level = Math.min(1, Math.sqrt(sum / samples.length));
    this.energy += this.level ** 2 * seconds;
    this.seconds += seconds;
    for (const flow of this.flows) flow.push(data);
  }

  private see({ displayWidth: width, displayHeight: height }: Picture): void {
    this.frames++;
    this.rate.add(this.platform.now());
    if (this.size?.width === width && this.size.height === height) return;
    this.size = { width, height };
    for (const track of this.tracks) track.settings = { ...track.settings, width, height, aspectRatio: width / height };
  }

  counters(): MediaSourceCounters {
    if (this.kind === "audio") {
      const { level: audioLevel, energy: totalAudioEnergy, seconds: totalSamplesDuration } = this;
      return { kind: "audio", audioLevel, totalAudioEnergy, totalSamplesDuration };
    }
    return {
      kind: "video",
      frames: this.frames,
      framesPerSecond: this.rate.at(this.platform.now()),
      width: this.size?.width,
      height: this.size?.height,
    };
  }

  readRaw(track: FedTrack, reader: RawReader): () => void {
    this.readers.set(reader, track);
    return () => this.readers.delete(reader);
  }

  connect(track: FedTrack, outlet: MediaOutlet): MediaFlow {
    const flow = new RawAudioFlow(this.platform, track, outlet, () => this.flows.delete(flow));
    if (this.kind === "audio") this.flows.add(flow);
    return flow;
  }
}

/** To one peer, in the first of the codecs that it takes and there is an encoder for. */
class RawAudioFlow implements MediaFlow {
  private readonly track: FedTrack;
  private readonly outlet: MediaOutlet;
  private readonly onStop: () => void;
  private readonly encoder: G711Encoder;

  constructor(platform: Platform, track: FedTrack, outlet: MediaOutlet, onStop: () => void) {
    this.track = track;
    this.outlet = outlet;
    this.onStop = onStop;
    const [a, b, c, d] = platform.crypto.random(4);
    const first = ((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0;
    this.encoder = new G711Encoder(first, (frame) =>
      outlet.encodings.forEach(({ active }, index) => {
        if (active) outlet.sendFrame(index, frame);
      }),
    );
  }

  push(data: AudioData): void {
    const codec = this.outlet.codecs.find(({ mimeType }) => isG711(mimeType));
    if (codec !== undefined) this.encoder.push(data, codec.mimeType, this.track.enabled);
  }

  update(): void {}
  requestKeyFrame(): void {}
  setBitrate(): void {}
  stop(): void {
    this.onStop();
  }
}
