// What the synthetic camera and microphone send: encoded already, since there is no encoder here. The camera speaks VP8, the
// microphone Opus, PCMU and PCMA; with a peer that takes none of these nothing is sent.

import { fittingScale, type PictureLimits, pictureLimits } from "../../payload/picture-limits.js";
import type { EncodedFrameInit } from "../../peer/media.js";
import type { Platform } from "../../peer/platform.js";
import type { FedTrack, MediaFlow, MediaOutlet, RawMedia, RawReader } from "../../w3c/media-feed.js";
import { makeAudioData } from "../raw/audio-data.js";
import { SyntheticCamera, type SyntheticVideoCodec } from "./camera.js";
import { QUANTIZER } from "./h264-encoder.js";
import { type SyntheticAudioCodec, SyntheticMicrophone, TONE_AMPLITUDE, TONE_FREQUENCY } from "./microphone.js";
import { QUANTIZER_INDEX } from "./vp8-encoder.js";

const VIDEO_CLOCK = 90;
const AUDIO_FRAME = 20;
/** -dBov of a sine of amplitude 0.4 (RFC 6464). */
const TONE_LEVEL = 11;
const SILENCE_LEVEL = 127;
/** Sent in place of the tone while the track is disabled. */
const SILENCE: Readonly<Record<SyntheticAudioCodec, () => Uint8Array>> = {
  opus: () => Uint8Array.of(0xf8, 0xff, 0xfe),
  pcmu: () => new Uint8Array(160).fill(0xff),
  pcma: () => new Uint8Array(160).fill(0xd5),
};
/** Ticks that a loop which was held up does not make up for. */
const MAX_LATE_TICKS = 5;

/** Where a stream's timestamps begin (RFC 3550 §5.1). */
function randomTimestamp({ crypto }: Platform): number {
  const bytes = crypto.random(4);
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}

/** Calls back at an even pace until it is stopped, with the time that is due: pictures are even also where the loop is not. */
class Ticker {
  private readonly platform: Platform;
  private readonly tick: (now: number) => void;
  private interval = 0;
  private next = 0;
  private timer: { cancel(): void } | undefined;
  private readonly hold: boolean;

  /** `hold`: it keeps the process alive; where there is a connection, that does. */
  constructor(platform: Platform, tick: (now: number) => void, hold = false) {
    this.platform = platform;
    this.tick = tick;
    this.hold = hold;
  }

  /** `interval` in milliseconds. */
  run(interval: number): void {
    if (interval === this.interval) return;
    this.timer?.cancel();
    this.interval = interval;
    this.next = this.platform.now();
    this.arm();
  }

  private arm(): void {
    const now = this.platform.now();
    if (now - this.next > MAX_LATE_TICKS * this.interval) this.next = now;
    this.timer = this.platform.setTimer(
      () => {
        const due = this.next;
        this.next += this.interval;
        this.arm();
        this.tick(due);
      },
      Math.max(0, this.next - now),
      this.hold,
    );
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}

/** What outbound-rtp says of the camera's encoder. */
const ENCODER = { powerEfficient: false, scalabilityMode: "L1T1" };
const CAMERA_CODECS: Readonly<
  Record<string, { readonly codec: SyntheticVideoCodec; readonly implementation: string; readonly qp: number }>
> = {
  "video/vp8": { codec: "vp8", implementation: "Parley synthetic VP8", qp: QUANTIZER_INDEX },
  "video/h264": { codec: "h264", implementation: "Parley synthetic H.264", qp: QUANTIZER },
};

/** The camera's pictures; a disabled track sends none. */
export class CameraFlow implements MediaFlow {
  private readonly platform: Platform;
  private readonly track: FedTrack;
  private readonly outlet: MediaOutlet;
  private readonly ticker: Ticker;
  private camera: SyntheticCamera;
  private keyFrames = new Set<number>();
  private readonly started: number;
  private readonly firstTimestamp: number;
  /** Of the last frame of each encoding, for maxFramerate. */
  private sentAt: number[] = [];
  private readonly bitrates: number[] = [];
  /** What the peer takes of the codec in use. */
  private limits: PictureLimits | undefined;
  private limitedCodec: object | undefined;

  constructor(platform: Platform, track: FedTrack, outlet: MediaOutlet) {
    this.platform = platform;
    this.track = track;
    this.outlet = outlet;
    this.started = platform.now();
    this.firstTimestamp = randomTimestamp(platform);
    this.camera = this.makeCamera();
    this.ticker = new Ticker(platform, (now) => this.tick(now));
    this.update();
  }

  private makeCamera(): SyntheticCamera {
    const { width, height, frameRate } = this.track.settings;
    return new SyntheticCamera({ width: width ?? 640, height: height ?? 480, frameRate: frameRate ?? 30 });
  }

  update(): void {
    const { width, height, frameRate } = this.track.settings;
    const { camera } = this;
    if (camera.width !== width || camera.height !== height || camera.frameRate !== frameRate) {
      this.camera = this.makeCamera();
    }
    // Encodings may be others now, or begin again.
    this.outlet.encodings.forEach((_, index) => {
      this.keyFrames.add(index);
    });
    this.ticker.run(1000 / this.camera.frameRate);
  }

  private tick(now: number): void {
    const { outlet, camera, track } = this;
    const used = outlet.codecs.find(({ mimeType }) => mimeType.toLowerCase() in CAMERA_CODECS);
    if (used === undefined || !track.enabled) return;
    if (used !== this.limitedCodec) {
      this.limitedCodec = used;
      this.limits = pictureLimits(used.mimeType, used.sdpFmtpLine ?? "");
    }
    const { frameSize, rate: blockRate, frameRate, level } = this.limits!;
    const { codec, implementation, qp } = CAMERA_CODECS[used.mimeType.toLowerCase()]!;
    // Pictures of H.264 have even sizes.
    const sizeOf = (pixels: number): number => (codec === "h264" ? pixels + (pixels & 1) : pixels);
    outlet.encodings.forEach(({ active, scaleResolutionDownBy, maxFramerate, maxBitrate }, index) => {
      if (!active) return;
      // The pictures get smaller, and not fewer, until the peer takes that many macroblocks a second.
      const mostFrames = Math.min(maxFramerate ?? Number.POSITIVE_INFINITY, frameRate);
      const rate = Math.min(camera.frameRate, mostFrames);
      const mostBlocks = Math.min(frameSize, blockRate / rate);
      const scale = fittingScale(camera.width, camera.height, Math.max(1, scaleResolutionDownBy), mostBlocks);
      const width = sizeOf(Math.max(1, Math.floor(camera.width / scale)));
      const height = sizeOf(Math.max(1, Math.floor(camera.height / scale)));
      const since = now - (this.sentAt[index] ?? Number.NEGATIVE_INFINITY);
      // Half a frame of tolerance: ticks are not exact.
      if (since < 1000 / mostFrames - 500 / camera.frameRate) return;
      this.sentAt[index] = now;
      const keyFrame = this.keyFrames.delete(index);
      const begun = this.platform.now();
      const data = camera.nextFrame(keyFrame, scale, false, codec, level);
      const duration = this.platform.now() - begun;
      const frame: EncodedFrameInit = {
        data,
        timestamp: (this.firstTimestamp + Math.floor((now - this.started) * VIDEO_CLOCK)) >>> 0,
        keyFrame,
        mimeType: used.mimeType,
        payloadType: used.payloadType,
        captureTime: now,
        width,
        height,
      };
      const bitrate = Math.min(
        this.bitrates[index] ?? Number.POSITIVE_INFINITY,
        maxBitrate ?? Number.POSITIVE_INFINITY,
      );
      const targetSize = Number.isFinite(bitrate) && rate > 0 ? bitrate / 8 / rate : undefined;
      outlet.sendFrame(index, frame, { ...ENCODER, implementation, qp, duration, targetSize });
    });
  }

  requestKeyFrame(encoding: number): void {
    this.keyFrames.add(encoding);
  }

  /** The pictures are as small as they get: only statistics say what they might have been. */
  setBitrate(encoding: number, bitsPerSecond: number): void {
    this.bitrates[encoding] = bitsPerSecond;
  }

  stop(): void {
    this.ticker.stop();
  }
}

const AUDIO_CODECS: Readonly<Record<string, { readonly codec: SyntheticAudioCodec; readonly ticks: number }>> = {
  "audio/opus": { codec: "opus", ticks: 960 },
  "audio/pcmu": { codec: "pcmu", ticks: 160 },
  "audio/pcma": { codec: "pcma", ticks: 160 },
};

/** The microphone's tone; a disabled track sends silence. */
export class MicrophoneFlow implements MediaFlow {
  private readonly track: FedTrack;
  private readonly outlet: MediaOutlet;
  private readonly ticker: Ticker;
  private readonly microphone = new SyntheticMicrophone();
  private readonly firstTimestamp: number;
  private readonly started: number;
  private first = true;

  constructor(platform: Platform, track: FedTrack, outlet: MediaOutlet) {
    this.track = track;
    this.outlet = outlet;
    this.started = platform.now();
    this.firstTimestamp = randomTimestamp(platform);
    this.ticker = new Ticker(platform, (now) => this.tick(now));
    this.ticker.run(AUDIO_FRAME);
  }

  private tick(now: number): void {
    const { outlet, track } = this;
    const used = outlet.codecs.find(({ mimeType }) => mimeType.toLowerCase() in AUDIO_CODECS);
    if (used === undefined) return;
    const { codec, ticks } = AUDIO_CODECS[used.mimeType.toLowerCase()]!;
    const { enabled } = track;
    const data = enabled ? this.microphone.next(codec) : SILENCE[codec]();
    const timestamp = (this.firstTimestamp + Math.round((now - this.started) / AUDIO_FRAME) * ticks) >>> 0;
    const audioLevel = enabled ? TONE_LEVEL : SILENCE_LEVEL;
    const frame: EncodedFrameInit = {
      data,
      timestamp,
      keyFrame: true,
      mimeType: used.mimeType,
      captureTime: now,
      audioLevel,
      voiceActivity: enabled,
      startOfTalkspurt: this.first,
    };
    this.first = false;
    outlet.encodings.forEach(({ active }, index) => {
      if (active) outlet.sendFrame(index, frame);
    });
  }

  update(): void {}
  requestKeyFrame(): void {}
  setBitrate(): void {}

  stop(): void {
    this.ticker.stop();
  }
}

/** The microphone's tone as AudioData of 10 ms, in the track's rate and channels; silence while the track is disabled. */
export function readMicrophone(platform: Platform, track: FedTrack, reader: RawReader): () => void {
  const begun = platform.now();
  let phase = 0;
  const tick = (now: number): void => {
    const { sampleRate = 48_000, channelCount = 1 } = track.settings;
    const numberOfFrames = Math.round(sampleRate / 100);
    const data = new Float32Array(numberOfFrames * channelCount);
    for (let i = 0; i < numberOfFrames; i++) {
      data[i] = track.enabled ? TONE_AMPLITUDE * Math.sin(2 * Math.PI * phase) : 0;
      phase = (phase + TONE_FREQUENCY / sampleRate) % 1;
    }
    for (let channel = 1; channel < channelCount; channel++)
      data.copyWithin(channel * numberOfFrames, 0, numberOfFrames);
    const timestamp = Math.round((now - begun) * 1000);
    const format = "f32-planar";
    reader.onData(
      makeAudioData({ format, sampleRate, numberOfFrames, numberOfChannels: channelCount, timestamp, data }),
    );
  };
  const ticker = new Ticker(platform, tick, true);
  ticker.run(10);
  return () => ticker.stop();
}

interface VideoFrameInit {
  readonly format: "I420";
  readonly codedWidth: number;
  readonly codedHeight: number;
  readonly timestamp: number;
}
type VideoFrameClass = new (data: Uint8Array<ArrayBuffer>, init: VideoFrameInit) => RawMedia;

/** The camera's pictures as VideoFrame, where there is a WebCodecs that has one; a disabled track shows none. */
export function readCamera(platform: Platform, track: FedTrack, reader: RawReader): () => void {
  const { VideoFrame } = globalThis as { VideoFrame?: VideoFrameClass };
  if (typeof VideoFrame !== "function") {
    throw new DOMException("There is no VideoFrame to show the camera's pictures with.", "NotSupportedError");
  }
  const { width: codedWidth = 640, height: codedHeight = 480, frameRate = 30 } = track.settings;
  const camera = new SyntheticCamera({ width: codedWidth, height: codedHeight, frameRate });
  const begun = platform.now();
  const tick = (now: number): void => {
    const picture = camera.nextPicture();
    const timestamp = Math.round((now - begun) * 1000);
    if (track.enabled) reader.onData(new VideoFrame(picture, { format: "I420", codedWidth, codedHeight, timestamp }));
  };
  const ticker = new Ticker(platform, tick, true);
  ticker.run(1000 / frameRate);
  return () => ticker.stop();
}
