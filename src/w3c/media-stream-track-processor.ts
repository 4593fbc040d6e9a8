// The interfaces of mediacapture-transform: raw frames of a track as a stream, and a track from one. Their shape is here;
// frames come with the media layer, so that a processor or generator cannot be made yet.
import { dictionary, integer, interfaceArgument, unionOfInterfaces } from "./conversions.js";
import { domException } from "./errors.js";
import { type MediaStreamTrack, type TrackImpl, trackImplOf } from "./media-stream-track.js";
import { constructing, defineInterface, requireArguments } from "./webidl.js";

function refuse<T>(where: string): T {
  throw domException("NotSupportedError", `${where}Tracks have no raw frames.`);
}

/** Names a track so that a worker can have it: worker threads of Node take no such objects along. */
export class MediaStreamTrackHandle {
  readonly #track: TrackImpl;

  constructor(...args: [track: MediaStreamTrack]) {
    const where = constructing("MediaStreamTrackHandle");
    requireArguments(args.length, 1, where);
    this.#track = trackImplOf(interfaceArgument<MediaStreamTrack>(args[0], "MediaStreamTrack", 1, where));
  }

  static {
    defineInterface(MediaStreamTrackHandle, {
      name: "MediaStreamTrackHandle",
      brand: (o) => #track in o,
      constructorLength: 1,
    });
  }
}

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

export interface TrackProcessorImpl {
  /** A ReadableStream of VideoFrame or AudioData. */
  readonly readable: object;
  readonly discardedFrames: number;
  readonly totalFrames: number;
}

export class MediaStreamTrackProcessor {
  readonly #impl: TrackProcessorImpl;

  constructor(...args: [init: MediaStreamTrackProcessorInit]) {
    const where = constructing("MediaStreamTrackProcessor");
    requireArguments(args.length, 1, where);
    processorInit(args[0], where);
    this.#impl = refuse(where);
  }

  get readable(): object {
    return this.#impl.readable;
  }
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

export interface VideoTrackGeneratorImpl {
  /** A WritableStream of VideoFrame. */
  readonly writable: object;
  muted: boolean;
  readonly track: TrackImpl;
}

export class VideoTrackGenerator {
  readonly #impl: VideoTrackGeneratorImpl;

  constructor() {
    this.#impl = refuse(constructing("VideoTrackGenerator"));
  }

  get writable(): object {
    return this.#impl.writable;
  }
  get muted(): boolean {
    return this.#impl.muted;
  }
  set muted(value: boolean) {
    this.#impl.muted = Boolean(value);
  }
  get track(): MediaStreamTrack {
    return this.#impl.track.wrapper;
  }

  static {
    defineInterface(VideoTrackGenerator, { name: "VideoTrackGenerator", brand: (o) => #impl in o });
  }
}
