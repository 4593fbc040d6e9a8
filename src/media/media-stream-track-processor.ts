// MediaStreamTrackProcessor (mediacapture-transform §3): a track's raw media as a stream. Raw is what a generator was given, and
// the synthetic microphone; a received track of G.711 is decoded. For other codecs there is no decoder here.
import { dictionary, integer, unionOfInterfaces } from "../w3c/conversions.js";
import type { RawMedia, RawReader } from "../w3c/media-feed.js";
import { type MediaStreamTrack, type TrackImpl, trackImplOf } from "../w3c/media-stream-track.js";
import { handledTrack, MediaStreamTrackHandle } from "../w3c/media-stream-track-handle.js";
import { constructing, defineInterface, requireArguments } from "../w3c/webidl.js";
import { G711Decoder } from "./raw/g711-codec.js";

export interface MediaStreamTrackProcessorInit {
  track: MediaStreamTrack | MediaStreamTrackHandle;
  /** Frames. */
  maxBufferSize?: number;
}

const processorInit = dictionary<MediaStreamTrackProcessorInit>("MediaStreamTrackProcessorInit", {
  track: {
    type: unionOfInterfaces<MediaStreamTrack | MediaStreamTrackHandle>("MediaStreamTrack", "MediaStreamTrackHandle"),
    required: true,
  },
  maxBufferSize: { type: integer("unsigned short", "EnforceRange") },
});

/** Frames that wait to be read, unless the program says (as in Chromium): of audio, which comes every 10 or 20 ms, more. */
const DEFAULT_BUFFER = { audio: 10, video: 1 } as const;

/** Telephone events and comfort noise come beside the sound. */
const BESIDES: ReadonlySet<string> = new Set(["audio/telephone-event", "audio/cn"]);

const DECODER = { implementation: "Parley G.711", powerEfficient: false };

const notSupported = (message: string): DOMException => new DOMException(message, "NotSupportedError");

/** Begins to read the track raw; the result ends that. */
function read(track: TrackImpl, reader: RawReader, where: string): () => void {
  const { source, kind, platform } = track;
  if (source.readRaw !== undefined) return source.readRaw(track, reader);
  if (kind === "video" || source.read === undefined) {
    throw notSupported(`${where}There is no decoder for the track's media.`);
  }
  const decoder = new G711Decoder();
  return source.read({
    onFrame: (frame, origin) => {
      const begun = platform.now();
      const data = decoder.decode(frame);
      if (data !== undefined) {
        origin.onDecoded?.(frame, { ...DECODER, duration: platform.now() - begun, samples: data.numberOfFrames });
        reader.onData(data);
      } else if (!BESIDES.has(frame.mimeType.toLowerCase())) {
        reader.onError(notSupported(`There is no decoder for ${frame.mimeType}.`));
      }
    },
  });
}

class Processor implements RawReader {
  readonly readable: ReadableStream;
  discardedFrames = 0;
  totalFrames = 0;
  private readonly maxBufferSize: number;
  private readonly queue: RawMedia[] = [];
  private readonly track: TrackImpl;
  private readonly stop: () => void;
  private controller: ReadableStreamDefaultController | undefined;
  private isWanted = false;

  constructor(track: TrackImpl, maxBufferSize: number, where: string) {
    this.track = track;
    this.maxBufferSize = maxBufferSize;
    const isLive = track.state === "live";
    this.stop = isLive ? read(track, this, where) : () => {};
    this.readable = new ReadableStream(
      {
        start: (controller) => {
          this.controller = controller;
        },
        pull: () => {
          this.isWanted = true;
          this.deliver();
        },
        cancel: () => this.end(),
      },
      { highWaterMark: 0 },
    );
    if (isLive) track.onEnd(this.onTrackEnd);
    else this.onTrackEnd();
  }

  private readonly onTrackEnd = (): void => {
    const { controller } = this;
    this.end();
    controller?.close();
  };

  onData(data: RawMedia): void {
    this.totalFrames++;
    if (this.controller === undefined) {
      data.close();
      return;
    }
    this.queue.push(data);
    this.deliver();
    if (this.queue.length <= this.maxBufferSize) return;
    this.discardedFrames++;
    this.queue.shift()!.close();
  }

  onError(error: unknown): void {
    const { controller } = this;
    this.end();
    controller?.error(error);
  }

  private deliver(): void {
    if (!this.isWanted || this.queue.length === 0) return;
    this.isWanted = false;
    this.controller?.enqueue(this.queue.shift()!);
  }

  private end(): void {
    this.controller = undefined;
    this.stop();
    this.track.offEnd(this.onTrackEnd);
    for (const data of this.queue) data.close();
    this.queue.length = 0;
  }
}

export class MediaStreamTrackProcessor {
  readonly #impl: Processor;

  /** Throws NotSupportedError where the track's media cannot be had raw. */
  constructor(...args: [init: MediaStreamTrackProcessorInit]) {
    const where = constructing("MediaStreamTrackProcessor");
    requireArguments(args.length, 1, where);
    const { track, maxBufferSize } = processorInit(args[0], where);
    const impl = track instanceof MediaStreamTrackHandle ? handledTrack(track) : trackImplOf(track);
    this.#impl = new Processor(impl, Math.max(1, maxBufferSize ?? DEFAULT_BUFFER[impl.kind]), where);
  }

  /** Of VideoFrame or AudioData, which whoever reads them has to close. It is closed when the track ends. */
  get readable(): ReadableStream {
    return this.#impl.readable;
  }
  /** Frames that were not read in time. */
  get discardedFrames(): number {
    return this.#impl.discardedFrames;
  }
  get totalFrames(): number {
    return this.#impl.totalFrames;
  }

  static {
    defineInterface(MediaStreamTrackProcessor, {
      name: "MediaStreamTrackProcessor",
      brand: (o) => #impl in o,
      constructorLength: 1,
    });
  }
}
