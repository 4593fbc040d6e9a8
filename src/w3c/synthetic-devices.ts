// The synthetic camera and microphone behind getUserMedia: their capabilities, and the settings that a track of theirs can
// have. What they make is src/media/synthetic.
import type { MediaKind } from "../jsep/codec-capabilities.js";
import type { MediaSourceCounters } from "../peer/media-stats.js";
import type { Platform } from "../peer/platform.js";
import {
  type Candidate,
  type MediaTrackCapabilities,
  type MediaTrackConstraints,
  type MediaTrackSettings,
  mentionedNumbers,
} from "./media-constraints.js";
import type { FedTrack, MediaFlow, MediaOutlet, RawReader } from "./media-feed.js";
import type { TrackImpl, TrackSource } from "./media-stream-track.js";

export interface MediaDevice {
  readonly kind: MediaKind;
  readonly deviceId: string;
  readonly groupId: string;
  readonly label: string;
  capabilities(): MediaTrackCapabilities;
  candidates(constraints: MediaTrackConstraints): readonly MediaTrackSettings[];
  /** Of a microphone: how loud it is, 0 to 1, as the root of the mean square. */
  readonly audioLevel?: number;
  /** Begins to send what it makes. */
  connect?(platform: Platform, track: FedTrack, outlet: MediaOutlet): MediaFlow;
  /** Begins to show what it makes, raw; the result ends that. */
  readRaw?(platform: Platform, track: FedTrack, reader: RawReader): () => void;
}

/** A device that is listed, and nothing more: there is no API here by which anything could be played on it. */
export type AudioOutput = Pick<MediaDevice, "deviceId" | "groupId" | "label">;

let liveTracks = 0;

/** Whether a track of any device is live (webrtc-stats §10.2, the "context capturing state"). */
export function isCapturing(): boolean {
  return liveTracks > 0;
}

/** A device that a program has opened: the source of its track and of the clones of that. */
export class DeviceSource implements TrackSource {
  readonly device: MediaDevice;
  readonly tracks: Set<TrackImpl> = new Set();

  readonly connect?: (track: FedTrack, outlet: MediaOutlet) => MediaFlow;
  readonly readRaw?: (track: FedTrack, reader: RawReader) => () => void;
  private readonly platform: Platform;
  /** Monotonic milliseconds. */
  private readonly openedAt: number;

  constructor(device: MediaDevice, platform: Platform) {
    this.device = device;
    this.platform = platform;
    this.openedAt = platform.now();
    const { connect, readRaw } = device;
    if (connect !== undefined) this.connect = (track, outlet) => connect(platform, track, outlet);
    if (readRaw !== undefined) this.readRaw = (track, reader) => readRaw(platform, track, reader);
  }

  /** The device runs on from when it is opened, whether anybody takes what it makes or not. */
  counters(): MediaSourceCounters {
    const seconds = (this.platform.now() - this.openedAt) / 1000;
    const { kind, audioLevel = 0 } = this.device;
    if (kind === "audio") {
      return { kind, audioLevel, totalAudioEnergy: audioLevel ** 2 * seconds, totalSamplesDuration: seconds };
    }
    const [track] = this.tracks;
    const { width, height, frameRate: framesPerSecond } = track?.settings ?? {};
    const frames = framesPerSecond === undefined ? undefined : Math.floor(seconds * framesPerSecond);
    return { kind, width, height, frames, framesPerSecond };
  }

  attach(track: TrackImpl): void {
    if (!this.tracks.has(track)) liveTracks++;
    this.tracks.add(track);
  }
  detach(track: TrackImpl): void {
    if (this.tracks.delete(track)) liveTracks--;
  }
  capabilities(): MediaTrackCapabilities {
    return this.device.capabilities();
  }
  candidates(constraints: MediaTrackConstraints): readonly Candidate[] {
    return this.device.candidates(constraints).map((settings) => ({ settings }));
  }
}

const clamp = (value: number, min: number, max: number): number => Math.min(Math.max(value, min), max);

// -- The camera

const MAX_WIDTH = 1920;
const MAX_HEIGHT = 1080;
const MAX_FRAME_RATE = 60;
/** What it makes without cropping and scaling ("none"), the default first. */
const MODES: readonly (readonly [width: number, height: number])[] = [
  [640, 480],
  [1280, 720],
  [1920, 1080],
  [960, 540],
  [640, 360],
  [320, 240],
  [320, 180],
  [160, 120],
];
const FRAME_RATES: readonly number[] = [30, 60, 25, 24, 20, 15, 10, 5, 1];
const ASPECT_RATIOS: readonly number[] = [4 / 3, 16 / 9];

const CAMERA_ID = { deviceId: "synthetic-camera", groupId: "synthetic-camera-group" };

/** Sizes by cropping and scaling that come into question: the modes', and what the constraints mention. */
function scaledSizes(constraints: MediaTrackConstraints): (readonly [number, number])[] {
  const pixels = (name: "width" | "height", max: number): number[] =>
    mentionedNumbers(constraints, name).map((value) => clamp(Math.round(value), 1, max));
  const widths = new Set([...pixels("width", MAX_WIDTH), ...MODES.map(([width]) => width)]);
  const heights = new Set([...pixels("height", MAX_HEIGHT), ...MODES.map(([, height]) => height)]);
  const sizes = new Map<number, readonly [number, number]>();
  const add = (width: number, height: number): void => {
    if (width < 1 || height < 1 || width > MAX_WIDTH || height > MAX_HEIGHT) return;
    sizes.set(width * 65_536 + height, [width, height]);
  };
  // First those that keep the shape of a picture.
  for (const ratio of [...ASPECT_RATIOS, ...mentionedNumbers(constraints, "aspectRatio")]) {
    if (!(ratio > 0)) continue;
    for (const width of widths) add(width, Math.round(width / ratio));
    for (const height of heights) add(Math.round(height * ratio), height);
  }
  for (const width of widths) for (const height of heights) add(width, height);
  return [...sizes.values()];
}

export const syntheticCamera: MediaDevice = {
  kind: "video",
  ...CAMERA_ID,
  label: "Synthetic camera",
  capabilities: () => ({
    ...CAMERA_ID,
    width: { max: MAX_WIDTH, min: 1 },
    height: { max: MAX_HEIGHT, min: 1 },
    aspectRatio: { max: MAX_WIDTH, min: 1 / MAX_HEIGHT },
    frameRate: { max: MAX_FRAME_RATE, min: 1 },
    facingMode: ["user"],
    resizeMode: ["none", "crop-and-scale"],
    backgroundBlur: [false],
  }),
  candidates(constraints) {
    const out: MediaTrackSettings[] = [];
    const add = (sizes: readonly (readonly [number, number])[], rates: Iterable<number>, resizeMode: string): void => {
      for (const frameRate of rates) {
        for (const [width, height] of sizes) {
          const aspectRatio = width / height;
          out.push({
            ...CAMERA_ID,
            width,
            height,
            aspectRatio,
            frameRate,
            facingMode: "user",
            resizeMode,
            backgroundBlur: false,
          });
        }
      }
    };
    const rates = mentionedNumbers(constraints, "frameRate").map((rate) => clamp(rate, 1, MAX_FRAME_RATE));
    add(MODES, FRAME_RATES, "none");
    add([...MODES, ...scaledSizes(constraints)], new Set([...FRAME_RATES, ...rates]), "crop-and-scale");
    return out;
  },
};

// -- The microphone

const SAMPLE_RATES = { max: 48_000, min: 8000 };
const LATENCY = 0.01;
const MICROPHONE_ID = { deviceId: "synthetic-microphone", groupId: "synthetic-microphone-group" };
const SWITCH: readonly boolean[] = [false, true];
/** There is no echo, noise or other voice in what it makes, so that each of these is a matter of course. */
const ECHO_CANCELLATION: readonly (boolean | string)[] = [false, true, "all", "remote-only"];

export const syntheticMicrophone: MediaDevice = {
  kind: "audio",
  ...MICROPHONE_ID,
  label: "Synthetic microphone",
  // A sine of amplitude 0.4.
  audioLevel: 0.4 * Math.SQRT1_2,
  capabilities: () => ({
    ...MICROPHONE_ID,
    sampleRate: { ...SAMPLE_RATES },
    sampleSize: { max: 16, min: 16 },
    echoCancellation: [...ECHO_CANCELLATION],
    autoGainControl: [...SWITCH],
    noiseSuppression: [...SWITCH],
    voiceIsolation: [...SWITCH],
    latency: { max: LATENCY, min: LATENCY },
    channelCount: { max: 2, min: 1 },
  }),
  candidates(constraints) {
    const rates = mentionedNumbers(constraints, "sampleRate").map((rate) =>
      clamp(Math.round(rate), SAMPLE_RATES.min, SAMPLE_RATES.max),
    );
    let out: MediaTrackSettings[] = [{ ...MICROPHONE_ID, sampleSize: 16, latency: LATENCY }];
    const vary = <K extends keyof MediaTrackSettings>(name: K, values: Iterable<MediaTrackSettings[K]>): void => {
      const list = [...values];
      out = out.flatMap((settings) => list.map((value) => ({ ...settings, [name]: value })));
    };
    vary("sampleRate", new Set([SAMPLE_RATES.max, ...rates]));
    vary("channelCount", [1, 2]);
    vary("echoCancellation", ECHO_CANCELLATION);
    vary("autoGainControl", SWITCH);
    vary("noiseSuppression", SWITCH);
    vary("voiceIsolation", SWITCH);
    return out;
  },
};

/** It is part of one thing with the microphone, as the parts of a headset are. */
export const syntheticSpeaker: AudioOutput = {
  deviceId: "synthetic-speaker",
  groupId: MICROPHONE_ID.groupId,
  label: "Synthetic speaker",
};
