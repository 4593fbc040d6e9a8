// The streams of encoded frames that a program transforms: a readable one with what comes, a writable one for what goes on
// (webrtc-encoded-transform §4.2). For a worker's RTCRtpScriptTransformer, and for Chromium's createEncodedStreams.
import { domException } from "./errors.js";
import type { AttachTransform, FrameUnit } from "./frame-transform.js";
import {
  createAudioFrame,
  createVideoFrame,
  type EncodedAudioFrameImpl,
  type EncodedVideoFrameImpl,
  encodedAudioFrameImplOf,
  encodedVideoFrameImplOf,
  type FrameOrigin,
  type RTCEncodedAudioFrame,
  type RTCEncodedVideoFrame,
} from "./rtc-encoded-frame.js";
import { isPlatformObject } from "./webidl.js";

/** Frames that wait to be read; what comes then is dropped (as many as in Chromium). */
export const MAX_UNREAD_FRAMES = 60;

/** What createEncodedStreams gives. */
export interface RTCInsertableStreams {
  /** A ReadableStream of RTCEncodedVideoFrame or RTCEncodedAudioFrame. */
  readable: object;
  /** A WritableStream of such frames. */
  writable: object;
}

/** Moves the bytes; undefined if they are elsewhere already. */
function transferred(data: ArrayBuffer): ArrayBuffer | undefined {
  try {
    // Throws if they are; structuredClone of Node 20 does not.
    new Uint8Array(data);
    const { transfer } = data as ArrayBuffer & { transfer?(): ArrayBuffer };
    return transfer === undefined ? structuredClone(data, { transfer: [data] }) : transfer.call(data);
  } catch {
    return undefined;
  }
}

const written = new WeakSet<object>();

let owners = 0;

/** Chromium leaves the program the bytes, and takes the frame but once. */
function copied(impl: EncodedVideoFrameImpl | EncodedAudioFrameImpl): ArrayBuffer | undefined {
  if (written.has(impl)) return undefined;
  written.add(impl);
  return impl.data.slice(0);
}

export class EncodedStreams {
  readonly readable: object;
  readonly writable: object;
  /** Among the owners of frames in this thread. */
  readonly number: number = owners++;
  private readonly onWritten: (unit: FrameUnit) => void;
  private readonly strict: boolean;
  private controller: ReadableStreamController | undefined;
  private counter = 0;
  private lastWritten = -1;
  /** Frames that nobody read in time. */
  dropped = 0;

  /**
   * `strict`: what is written has to be one of the frames that were read, in their order, anything else is ignored (§4.2);
   * otherwise any frame will do, once (Chromium's way).
   */
  constructor(strict: boolean, onWritten: (unit: FrameUnit) => void) {
    this.strict = strict;
    this.onWritten = onWritten;
    this.readable = new ReadableStream(
      {
        start: (controller) => {
          this.controller = controller;
        },
        cancel: () => {
          this.controller = undefined;
        },
      },
      { highWaterMark: 0 },
    );
    this.writable = new WritableStream({ write: (chunk) => this.write(chunk) });
  }

  push({ type, data, metadata, carried }: FrameUnit): void {
    const { controller } = this;
    if (controller === undefined || controller.desiredSize! <= -MAX_UNREAD_FRAMES) {
      this.dropped++;
      return;
    }
    const origin = { owner: this, counter: this.counter++, carried };
    controller.enqueue(
      type === undefined
        ? createAudioFrame({ data, metadata, origin })
        : createVideoFrame({ type, data, metadata, origin }),
    );
  }

  /** No more frames will come. */
  end(): void {
    const { controller } = this;
    this.controller = undefined;
    controller?.close();
  }

  private write(chunk: unknown): void {
    const impl = implOf(chunk);
    if (impl === undefined) throw new TypeError("The value is not an encoded frame.");
    const { origin, type, metadata } = impl;
    const own = origin !== undefined && this.isOwn(origin) ? origin : undefined;
    if (this.strict) {
      if (own === undefined || own.counter <= this.lastWritten) return;
      this.lastWritten = own.counter;
    }
    const data = this.strict ? transferred(impl.data) : copied(impl);
    if (data === undefined) throw domException("OperationError", "The frame has been written already.");
    this.onWritten({ type, data, metadata, carried: own?.carried });
  }

  /** A clone that has come back to this thread counts for Chromium's streams, where no object is its owner. */
  private isOwn({ owner }: FrameOrigin): boolean {
    return owner === this || (!this.strict && owner.number === this.number && owner.thread === undefined);
  }
}

function implOf(chunk: unknown): EncodedVideoFrameImpl | EncodedAudioFrameImpl | undefined {
  if (isPlatformObject(chunk, "RTCEncodedVideoFrame")) return encodedVideoFrameImplOf(chunk as RTCEncodedVideoFrame);
  if (isPlatformObject(chunk, "RTCEncodedAudioFrame")) return encodedAudioFrameImplOf(chunk as RTCEncodedAudioFrame);
  return undefined;
}

/** Chromium's streams in the program's own thread. */
export function insertableStreams(): { attach: AttachTransform; streams: RTCInsertableStreams } {
  let output: (unit: FrameUnit) => void = () => {};
  const encoded = new EncodedStreams(false, (unit) => output(unit));
  return {
    streams: { readable: encoded.readable, writable: encoded.writable },
    attach: (target) => {
      output = (unit) => target.output(unit);
      return {
        push: (unit) => encoded.push(unit),
        detach: () => encoded.end(),
      };
    },
  };
}
