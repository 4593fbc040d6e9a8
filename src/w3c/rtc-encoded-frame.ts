// RTCEncodedVideoFrame and RTCEncodedAudioFrame (webrtc-encoded-transform §4): a frame between encoder and packetizer, or
// depacketizer and decoder. Made by encoded-streams.ts. Serializable with parley-rtc/globals alone: structuredClone and
// postMessage of Node know no platform objects but its own.
import {
  checkBuffer,
  type Dictionary,
  dictionary,
  domString,
  double,
  integer,
  interfaceArgument,
  isArrayBuffer,
  octet,
  sequence,
  unsignedLong,
  unsignedLongLong,
  unsignedShort,
} from "./conversions.js";
import { domException } from "./errors.js";
import { copyPlain } from "./media-constraints.js";
import {
  construct,
  constructing,
  defineInterface,
  isPlatformObject,
  requireArguments,
  setting,
  takeImplIfAny,
} from "./webidl.js";

/** EncodedVideoChunkType of WebCodecs. */
export type EncodedVideoChunkType = "key" | "delta";

export interface RTCEncodedFrameMetadata {
  synchronizationSource?: number;
  payloadType?: number;
  contributingSources?: number[];
  rtpTimestamp?: number;
  /** Milliseconds since timeOrigin, here and below. */
  receiveTime?: number;
  captureTime?: number;
  senderCaptureTimeOffset?: number;
  mimeType?: string;
}
export interface RTCEncodedVideoFrameMetadata extends RTCEncodedFrameMetadata {
  frameId?: number;
  dependencies?: number[];
  width?: number;
  height?: number;
  spatialIndex?: number;
  temporalIndex?: number;
  /** Microseconds. */
  timestamp?: number;
}
export interface RTCEncodedAudioFrameMetadata extends RTCEncodedFrameMetadata {
  sequenceNumber?: number;
  /** 0 to 1, linear. */
  audioLevel?: number;
}
export interface RTCEncodedVideoFrameOptions {
  metadata?: RTCEncodedVideoFrameMetadata;
}
export interface RTCEncodedAudioFrameOptions {
  metadata?: RTCEncodedAudioFrameMetadata;
}

const frameMetadata = dictionary<RTCEncodedFrameMetadata>("RTCEncodedFrameMetadata", {
  synchronizationSource: { type: unsignedLong },
  payloadType: { type: octet },
  contributingSources: { type: sequence(unsignedLong) },
  rtpTimestamp: { type: unsignedLong },
  receiveTime: { type: double },
  captureTime: { type: double },
  senderCaptureTimeOffset: { type: double },
  mimeType: { type: domString },
});

const videoFrameOptions = dictionary<RTCEncodedVideoFrameOptions>("RTCEncodedVideoFrameOptions", {
  metadata: {
    type: dictionary<RTCEncodedVideoFrameMetadata>(
      "RTCEncodedVideoFrameMetadata",
      {
        frameId: { type: unsignedLongLong },
        dependencies: { type: sequence(unsignedLongLong) },
        width: { type: unsignedShort },
        height: { type: unsignedShort },
        spatialIndex: { type: unsignedLong },
        temporalIndex: { type: unsignedLong },
        timestamp: { type: integer("long long") },
      },
      frameMetadata,
    ),
  },
});

const audioFrameOptions = dictionary<RTCEncodedAudioFrameOptions>("RTCEncodedAudioFrameOptions", {
  metadata: {
    type: dictionary<RTCEncodedAudioFrameMetadata>(
      "RTCEncodedAudioFrameMetadata",
      { sequenceNumber: { type: integer("short") }, audioLevel: { type: double } },
      frameMetadata,
    ),
  },
});

/** Of whose streams a frame is that has been cloned: only they know whether it is one of theirs. */
export interface RemoteOwner {
  /** Undefined: this one. */
  readonly thread: number | undefined;
  /** Among the owners of that thread. */
  readonly number: number;
}

/** Where a frame comes from; its copies have the same. */
export interface FrameOrigin {
  /** Of whose streams. */
  readonly owner: { readonly number: number; readonly thread?: undefined } | RemoteOwner;
  /** Which one of theirs. */
  readonly counter: number;
  /** Plain data of the owner's that goes with the frame. */
  readonly carried: unknown;
}

/** What a frame is made of; `data` belongs to the frame. */
export interface EncodedVideoFrameImpl {
  readonly type: EncodedVideoChunkType;
  data: ArrayBuffer;
  metadata: RTCEncodedVideoFrameMetadata;
  readonly origin?: FrameOrigin | undefined;
}
export interface EncodedAudioFrameImpl {
  readonly type?: undefined;
  data: ArrayBuffer;
  metadata: RTCEncodedAudioFrameMetadata;
  readonly origin?: FrameOrigin | undefined;
}

/** The arguments of a constructor: the frame that is copied, and what of its metadata is replaced. */
function copyArguments<F, O extends { metadata?: object }>(
  args: readonly unknown[],
  name: string,
  options: Dictionary<O>,
): [original: F, metadata: O["metadata"]] {
  const where = constructing(name);
  requireArguments(args.length, 1, where);
  const original = interfaceArgument<F>(args[0], name, 1, where);
  return [original, options(args[1], where).metadata];
}

/** The metadata of a copy. Whose frame it is cannot be changed (as in Chromium, the specification does not say). */
function changed<T extends RTCEncodedFrameMetadata>(before: T, metadata: T | undefined, where: string): T {
  const ssrc = metadata?.synchronizationSource;
  if (ssrc !== undefined && ssrc !== before.synchronizationSource) {
    throw domException("InvalidModificationError", `${where}Bad metadata: synchronizationSource cannot be changed.`);
  }
  return { ...copyPlain(before), ...metadata };
}

function arrayBuffer(value: unknown, where: string): ArrayBuffer {
  if (!isArrayBuffer(value)) throw new TypeError(`${where}The provided value is not of type 'ArrayBuffer'.`);
  checkBuffer(value, "ArrayBuffer", where);
  return value;
}

export let encodedVideoFrameImplOf: (frame: RTCEncodedVideoFrame) => EncodedVideoFrameImpl;

export class RTCEncodedVideoFrame {
  readonly #impl: EncodedVideoFrameImpl;

  constructor(...args: [originalFrame: RTCEncodedVideoFrame, options?: RTCEncodedVideoFrameOptions]) {
    const given = takeImplIfAny<EncodedVideoFrameImpl>();
    if (given !== undefined) {
      this.#impl = given;
      return;
    }
    const [original, metadata] = copyArguments<RTCEncodedVideoFrame, RTCEncodedVideoFrameOptions>(
      args,
      "RTCEncodedVideoFrame",
      videoFrameOptions,
    );
    const { type, data, metadata: before, origin } = original.#impl;
    const where = constructing("RTCEncodedVideoFrame");
    this.#impl = { type, data: data.slice(0), metadata: changed(before, metadata, where), origin };
  }

  get type(): EncodedVideoChunkType {
    return this.#impl.type;
  }
  get data(): ArrayBuffer {
    return this.#impl.data;
  }
  set data(value: ArrayBuffer) {
    this.#impl.data = arrayBuffer(value, setting("data", "RTCEncodedVideoFrame"));
  }
  /** As `rtpTimestamp` of the metadata, which has taken its place; browsers have it still, and programs that encrypt use it. */
  get timestamp(): number {
    return this.#impl.metadata.rtpTimestamp ?? 0;
  }
  getMetadata(): RTCEncodedVideoFrameMetadata {
    return copyPlain(this.#impl.metadata);
  }

  static {
    encodedVideoFrameImplOf = (frame) => frame.#impl;
    defineInterface(RTCEncodedVideoFrame, {
      name: "RTCEncodedVideoFrame",
      brand: (o) => #impl in o,
      constructorLength: 1,
    });
  }
}

export let encodedAudioFrameImplOf: (frame: RTCEncodedAudioFrame) => EncodedAudioFrameImpl;

export class RTCEncodedAudioFrame {
  readonly #impl: EncodedAudioFrameImpl;

  constructor(...args: [originalFrame: RTCEncodedAudioFrame, options?: RTCEncodedAudioFrameOptions]) {
    const given = takeImplIfAny<EncodedAudioFrameImpl>();
    if (given !== undefined) {
      this.#impl = given;
      return;
    }
    const [original, metadata] = copyArguments<RTCEncodedAudioFrame, RTCEncodedAudioFrameOptions>(
      args,
      "RTCEncodedAudioFrame",
      audioFrameOptions,
    );
    const { data, metadata: before, origin } = original.#impl;
    const where = constructing("RTCEncodedAudioFrame");
    this.#impl = { data: data.slice(0), metadata: changed(before, metadata, where), origin };
  }

  get data(): ArrayBuffer {
    return this.#impl.data;
  }
  set data(value: ArrayBuffer) {
    this.#impl.data = arrayBuffer(value, setting("data", "RTCEncodedAudioFrame"));
  }
  /** As `rtpTimestamp` of the metadata, which has taken its place; browsers have it still, and programs that encrypt use it. */
  get timestamp(): number {
    return this.#impl.metadata.rtpTimestamp ?? 0;
  }
  getMetadata(): RTCEncodedAudioFrameMetadata {
    return copyPlain(this.#impl.metadata);
  }

  static {
    encodedAudioFrameImplOf = (frame) => frame.#impl;
    defineInterface(RTCEncodedAudioFrame, {
      name: "RTCEncodedAudioFrame",
      brand: (o) => #impl in o,
      constructorLength: 1,
    });
  }
}

// The constructors that programs see take frames to copy.
export function createVideoFrame(impl: EncodedVideoFrameImpl): RTCEncodedVideoFrame {
  return construct(RTCEncodedVideoFrame as unknown as new () => RTCEncodedVideoFrame, impl);
}
export function createAudioFrame(impl: EncodedAudioFrameImpl): RTCEncodedAudioFrame {
  return construct(RTCEncodedAudioFrame as unknown as new () => RTCEncodedAudioFrame, impl);
}

/**
 * What a frame is to be cloned as (§4.1, serialization steps). It is no frame of its owner's any more, as transforms go by; but
 * Chromium's streams take it back.
 */
export interface SerializedFrame {
  readonly type: EncodedVideoChunkType | undefined;
  readonly data: ArrayBuffer;
  readonly metadata: RTCEncodedVideoFrameMetadata & RTCEncodedAudioFrameMetadata;
  readonly origin: { readonly thread: number; readonly number: number; readonly carried: unknown } | undefined;
}
/** `thread`: a number for the thread that this is. */
export function serializeFrame(frame: RTCEncodedVideoFrame | RTCEncodedAudioFrame, thread: number): SerializedFrame {
  const { type, data, metadata, origin } = isPlatformObject(frame, "RTCEncodedVideoFrame")
    ? encodedVideoFrameImplOf(frame as RTCEncodedVideoFrame)
    : encodedAudioFrameImplOf(frame as RTCEncodedAudioFrame);
  if (origin === undefined) return { type, data, metadata, origin: undefined };
  const { owner, carried } = origin;
  return { type, data, metadata, origin: { thread: owner.thread ?? thread, number: owner.number, carried } };
}
export function deserializeFrame(
  { type, data, metadata, origin: given }: SerializedFrame,
  thread: number,
): RTCEncodedVideoFrame | RTCEncodedAudioFrame {
  const owner = given && { thread: given.thread === thread ? undefined : given.thread, number: given.number };
  const origin = owner && { owner, counter: Number.NaN, carried: given.carried };
  return type === undefined
    ? createAudioFrame({ data, metadata, origin })
    : createVideoFrame({ type, data, metadata, origin });
}
export function isEncodedFrame(value: unknown): value is RTCEncodedVideoFrame | RTCEncodedAudioFrame {
  return isPlatformObject(value, "RTCEncodedVideoFrame") || isPlatformObject(value, "RTCEncodedAudioFrame");
}
