// AudioData (WebCodecs §9.2): samples as programs give and take them. Where a runtime or a polyfill has one, that is used
// (`makeAudioData`); this one is for runtimes without, as Node is. Not a codec.
import { bufferSource, dictionary, double, enumeration, integer, sequence } from "../../w3c/conversions.js";
import type { RawMedia } from "../../w3c/media-feed.js";
import {
  construct,
  constructing,
  defineInterface,
  executing,
  requireArguments,
  takeImplIfAny,
} from "../../w3c/webidl.js";

const FORMATS = ["u8", "s16", "s32", "f32", "u8-planar", "s16-planar", "s32-planar", "f32-planar"] as const;
export type AudioSampleFormat = (typeof FORMATS)[number];

export interface AudioDataInit {
  format: AudioSampleFormat;
  /** Hz. */
  sampleRate: number;
  numberOfFrames: number;
  numberOfChannels: number;
  /** Microseconds. */
  timestamp: number;
  data: ArrayBuffer | ArrayBufferView;
  transfer?: ArrayBuffer[];
}

export interface AudioDataCopyToOptions {
  planeIndex: number;
  frameOffset?: number;
  frameCount?: number;
  format?: AudioSampleFormat;
}

const sampleFormat = enumeration("AudioSampleFormat", FORMATS);
const count = integer("unsigned long", "EnforceRange");
const audioDataInit = dictionary<AudioDataInit>("AudioDataInit", {
  format: { type: sampleFormat, required: true },
  sampleRate: { type: (value, where) => Math.fround(double(value, where)), required: true },
  numberOfFrames: { type: count, required: true },
  numberOfChannels: { type: count, required: true },
  timestamp: { type: integer("long long", "EnforceRange"), required: true },
  data: { type: bufferSource, required: true },
  transfer: { type: sequence((value) => value as ArrayBuffer) },
});
const copyToOptions = dictionary<AudioDataCopyToOptions>("AudioDataCopyToOptions", {
  planeIndex: { type: count, required: true },
  frameOffset: { type: count, default: () => 0 },
  frameCount: { type: count },
  format: { type: sampleFormat },
});

type Samples = Uint8Array | Int16Array | Int32Array | Float32Array;

interface SampleType {
  readonly bytes: number;
  view(buffer: ArrayBufferLike, offset: number, length: number): Samples;
  /** To and from -1 to 1 (WebCodecs §9.3.1, "audio sample formats"). */
  readonly scale: number;
  readonly bias: number;
}

const TYPES: Readonly<Record<string, SampleType>> = {
  u8: { bytes: 1, view: (buffer, offset, length) => new Uint8Array(buffer, offset, length), scale: 128, bias: 128 },
  s16: { bytes: 2, view: (buffer, offset, length) => new Int16Array(buffer, offset, length), scale: 32_768, bias: 0 },
  s32: { bytes: 4, view: (buffer, offset, length) => new Int32Array(buffer, offset, length), scale: 2 ** 31, bias: 0 },
  f32: { bytes: 4, view: (buffer, offset, length) => new Float32Array(buffer, offset, length), scale: 1, bias: 0 },
};

const isPlanar = (format: AudioSampleFormat): boolean => format.endsWith("-planar");
const typeName = (format: AudioSampleFormat): string => format.replace("-planar", "");
const typeOf = (format: AudioSampleFormat): SampleType => TYPES[typeName(format)]!;

interface Resource {
  readonly format: AudioSampleFormat;
  readonly frames: number;
  readonly channels: number;
  readonly samples: Samples;
}

interface Clone {
  readonly resource: Resource;
  readonly sampleRate: number;
  readonly timestamp: number;
}

interface Copy {
  readonly format: AudioSampleFormat;
  readonly offset: number;
  readonly frames: number;
  readonly elements: number;
}

export class AudioData implements RawMedia {
  /** Null: closed. Nobody changes what is in it: clones have the same. */
  #resource: Resource | null;
  readonly #sampleRate: number;
  readonly #timestamp: number;

  constructor(...args: [init: AudioDataInit]) {
    const where = constructing("AudioData");
    const cloned = takeImplIfAny<Clone>();
    if (cloned !== undefined) {
      this.#resource = cloned.resource;
      this.#sampleRate = cloned.sampleRate;
      this.#timestamp = cloned.timestamp;
      return;
    }
    requireArguments(args.length, 1, where);
    const init = audioDataInit(args[0], where);
    const { format, numberOfFrames: frames, numberOfChannels: channels, sampleRate, timestamp } = init;
    const data = init.data as Uint8Array;
    if (!(sampleRate > 0)) throw new TypeError(`${where}sampleRate must be greater than 0.`);
    if (frames === 0) throw new TypeError(`${where}numberOfFrames must be greater than 0.`);
    if (channels === 0) throw new TypeError(`${where}numberOfChannels must be greater than 0.`);
    const { bytes, view } = typeOf(format);
    const length = frames * channels;
    if (!(length * bytes <= data.byteLength)) {
      throw new TypeError(`${where}data is too small: ${data.byteLength} bytes, not ${length * bytes}.`);
    }
    const transfer = init.transfer ?? [];
    if (new Set(transfer).size !== transfer.length) {
      throw new DOMException(`${where}transfer has a buffer twice.`, "DataCloneError");
    }
    const copy = data.slice(0, length * bytes);
    structuredClone(null, { transfer });
    this.#resource = { format, frames, channels, samples: view(copy.buffer, 0, length) };
    this.#sampleRate = sampleRate;
    this.#timestamp = timestamp;
  }

  get format(): AudioSampleFormat | null {
    return this.#resource?.format ?? null;
  }
  get sampleRate(): number {
    return this.#resource === null ? 0 : this.#sampleRate;
  }
  get numberOfFrames(): number {
    return this.#resource?.frames ?? 0;
  }
  get numberOfChannels(): number {
    return this.#resource?.channels ?? 0;
  }
  /** Microseconds. */
  get duration(): number {
    return this.#resource === null ? 0 : Math.round((this.#resource.frames / this.#sampleRate) * 1e6);
  }
  /** Microseconds. */
  get timestamp(): number {
    return this.#timestamp;
  }

  allocationSize(options: AudioDataCopyToOptions): number {
    const where = executing("allocationSize", "AudioData");
    const { format, elements } = this.#plan(this.#open(where), options, where);
    return elements * typeOf(format).bytes;
  }

  copyTo(destination: ArrayBuffer | ArrayBufferView, options: AudioDataCopyToOptions): void {
    const where = executing("copyTo", "AudioData");
    const resource = this.#open(where);
    const bytes = bufferSource(destination, where);
    const { planeIndex } = options;
    const { format, offset, frames, elements } = this.#plan(resource, options, where);
    const size = elements * typeOf(format).bytes;
    if (size > bytes.byteLength) throw new RangeError(`${where}destination is too small: ${size} bytes are needed.`);
    copy(resource, format, offset, frames, planeIndex, bytes, elements);
  }

  clone(): AudioData {
    const resource = this.#open(executing("clone", "AudioData"));
    const cloned: Clone = { resource, sampleRate: this.#sampleRate, timestamp: this.#timestamp };
    return construct(AudioData as unknown as new () => AudioData, cloned);
  }

  close(): void {
    this.#resource = null;
  }

  #open(where: string): Resource {
    if (this.#resource === null) throw new DOMException(`${where}The AudioData is closed.`, "InvalidStateError");
    return this.#resource;
  }

  /** "Compute copy element count" (WebCodecs §9.2.5). */
  #plan(resource: Resource, options: AudioDataCopyToOptions, where: string): Copy {
    const { planeIndex, frameOffset, frameCount, format: wanted } = copyToOptions(options, where);
    const format = wanted ?? resource.format;
    const planes = isPlanar(format) ? resource.channels : 1;
    if (planeIndex >= planes) throw new RangeError(`${where}planeIndex is ${planeIndex} of ${planes} planes.`);
    const offset = frameOffset!;
    if (offset >= resource.frames) throw new RangeError(`${where}frameOffset is not below ${resource.frames}.`);
    const frames = frameCount ?? resource.frames - offset;
    if (frames > resource.frames - offset) throw new RangeError(`${where}frameCount is too large.`);
    return { format, offset, frames, elements: isPlanar(format) ? frames : frames * resource.channels };
  }

  static {
    defineInterface(AudioData, { name: "AudioData", brand: (o) => #sampleRate in o, constructorLength: 1 });
  }
}

function copy(
  { format: from, channels, samples, frames: total }: Resource,
  to: AudioSampleFormat,
  offset: number,
  frames: number,
  plane: number,
  bytes: Uint8Array,
  elements: number,
): void {
  const { scale, bias } = typeOf(from);
  const target = typeOf(to);
  const isSame = typeName(from) === typeName(to);
  // The program's memory need not be aligned.
  const out = target.view(new ArrayBuffer(elements * target.bytes), 0, elements);
  const wide = isPlanar(to) ? 1 : channels;
  const max = target.scale - 1;
  for (let i = 0; i < frames; i++) {
    for (let k = 0; k < wide; k++) {
      const channel = wide === 1 && isPlanar(to) ? plane : k;
      const frame = offset + i;
      const sample = samples[isPlanar(from) ? channel * total + frame : frame * channels + channel]!;
      const at = i * wide + k;
      if (isSame) {
        out[at] = sample;
      } else {
        const value = (sample - bias) / scale;
        out[at] =
          target.scale === 1
            ? value
            : Math.min(Math.max(Math.round(value * target.scale), -target.scale), max) + target.bias;
      }
    }
  }
  bytes.set(new Uint8Array(out.buffer));
}

/** Whether `value` looks like an AudioData, whosever implementation. */
export function isAudioData(value: unknown): value is AudioData {
  if (typeof value !== "object" || value === null) return false;
  const { numberOfFrames, sampleRate, copyTo, close } = value as Partial<AudioData>;
  return (
    typeof numberOfFrames === "number" &&
    typeof sampleRate === "number" &&
    typeof copyTo === "function" &&
    typeof close === "function"
  );
}

/** An AudioData of the implementation that the program has, if it has one. */
export function makeAudioData(init: AudioDataInit): AudioData {
  const theirs = (globalThis as { AudioData?: typeof AudioData }).AudioData;
  return typeof theirs === "function" ? new theirs(init) : new AudioData(init);
}

/** The samples as one channel, from -1 to 1: the mean of all. */
export function monoSamples(data: AudioData): Float32Array {
  const { numberOfFrames, numberOfChannels } = data;
  const mono = new Float32Array(numberOfFrames);
  const plane = numberOfChannels > 1 ? new Float32Array(numberOfFrames) : mono;
  for (let planeIndex = 0; planeIndex < numberOfChannels; planeIndex++) {
    data.copyTo(plane, { planeIndex, format: "f32-planar" });
    if (numberOfChannels > 1) {
      for (let i = 0; i < numberOfFrames; i++) mono[i] = mono[i]! + plane[i]! / numberOfChannels;
    }
  }
  return mono;
}
