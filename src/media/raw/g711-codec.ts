// Between AudioData and packets of G.711 (RFC 3551 §4.5.14), the one codec that is here: any rate and number of channels to
// 8 kHz and one channel, in packets of 20 ms; and back, at 8 kHz. No jitter buffer, and nothing is made up for what is lost.
import { decodePcma, decodePcmu, encodePcma, encodePcmu } from "../../payload/g711.js";
import type { EncodedFrame, EncodedFrameInit } from "../../peer/media.js";
import { type AudioData, makeAudioData, monoSamples } from "./audio-data.js";
import { Resampler } from "./resampler.js";

const RATE = 8000;
/** Samples of a packet. */
const FRAME = 160;
const FULL_SCALE = 0x8000;
/** Seconds between data and what came before it that are a pause, or a jump of the clock. */
const GAP = 0.02;
const SILENCE = 127;

interface G711 {
  encode(samples: Int16Array): Uint8Array;
  decode(payload: Uint8Array): Int16Array;
}
const CODECS: ReadonlyMap<string, G711> = new Map([
  ["audio/pcmu", { encode: encodePcmu, decode: decodePcmu }],
  ["audio/pcma", { encode: encodePcma, decode: decodePcma }],
]);

export const isG711 = (mimeType: string): boolean => CODECS.has(mimeType.toLowerCase());

/** -dBov of samples between -1 and 1 (RFC 6464 §3). */
function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const level = -10 * Math.log10(sum / samples.length);
  return Number.isFinite(level) ? Math.min(Math.max(Math.round(level), 0), SILENCE) : SILENCE;
}

export class G711Encoder {
  private readonly onFrame: (frame: EncodedFrameInit) => void;
  private resampler: Resampler | undefined;
  private readonly pending = new Float32Array(FRAME);
  private filled = 0;
  private timestamp: number;
  /** Microseconds, where the next data begins if there is no pause. */
  private expected = Number.NaN;
  private isStart = true;

  /** `firstTimestamp`: of RTP. */
  constructor(firstTimestamp: number, onFrame: (frame: EncodedFrameInit) => void) {
    this.timestamp = firstTimestamp;
    this.onFrame = onFrame;
  }

  /** Codes what there is of whole packets; silence in its place if it is not `audible`. The data stays the caller's. */
  push(data: AudioData, mimeType: string, audible: boolean): void {
    const { sampleRate, timestamp, numberOfFrames } = data;
    this.follow(timestamp, sampleRate);
    this.expected = timestamp + (numberOfFrames / sampleRate) * 1e6;
    const samples = audible ? monoSamples(data) : new Float32Array(numberOfFrames);
    const { encode } = CODECS.get(mimeType.toLowerCase())!;
    for (const sample of this.resampler!.process(samples)) {
      this.pending[this.filled++] = Math.min(Math.max(sample, -1), 1);
      if (this.filled === FRAME) this.emit(encode, mimeType);
    }
  }

  /** Another rate begins a filter anew; a pause goes into the timestamps. */
  private follow(timestamp: number, sampleRate: number): void {
    if (this.resampler?.from !== sampleRate) this.resampler = new Resampler(sampleRate, RATE);
    const gap = (timestamp - this.expected) / 1e6;
    if (!(Math.abs(gap) > GAP)) return;
    this.resampler = new Resampler(sampleRate, RATE);
    // What does not fill a packet is lost. A clock that jumps back goes on from where it was.
    this.timestamp = (this.timestamp + this.filled + Math.max(0, Math.round(gap * RATE))) >>> 0;
    this.filled = 0;
    this.isStart = true;
  }

  private emit(encode: G711["encode"], mimeType: string): void {
    this.filled = 0;
    const samples = Int16Array.from(this.pending, (sample) =>
      Math.min(Math.round(sample * FULL_SCALE), FULL_SCALE - 1),
    );
    const audioLevel = levelOf(this.pending);
    this.onFrame({
      data: encode(samples),
      timestamp: this.timestamp,
      keyFrame: true,
      mimeType,
      audioLevel,
      voiceActivity: audioLevel < SILENCE,
      startOfTalkspurt: this.isStart,
    });
    this.isStart = false;
    this.timestamp = (this.timestamp + FRAME) >>> 0;
  }
}

export class G711Decoder {
  private last = Number.NaN;
  /** RTP units since the first frame. */
  private elapsed = 0;

  /** Undefined: it is no frame of G.711. */
  decode({ data, mimeType, timestamp }: EncodedFrame): AudioData | undefined {
    const codec = CODECS.get(mimeType.toLowerCase());
    if (codec === undefined || data.length === 0) return undefined;
    if (!Number.isNaN(this.last)) this.elapsed += (timestamp - this.last) | 0;
    this.last = timestamp;
    return makeAudioData({
      format: "f32-planar",
      sampleRate: RATE,
      numberOfFrames: data.length,
      numberOfChannels: 1,
      timestamp: Math.round((this.elapsed / RATE) * 1e6),
      data: Float32Array.from(codec.decode(data), (sample) => sample / FULL_SCALE),
    });
  }
}
