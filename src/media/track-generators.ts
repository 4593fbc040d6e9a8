// Tracks made of raw media: VideoTrackGenerator (mediacapture-transform §4), and MediaStreamTrackGenerator, which was there
// before it, is a track itself, takes audio as well, and is what Chromium has in windows.
import { boolean, dictionary, enumeration } from "../w3c/conversions.js";
import { defaultPlatform } from "../w3c/environment.js";
import { MediaStreamTrack, TrackImpl } from "../w3c/media-stream-track.js";
import { constructing, defineInterface, provideImpl, requireArguments, setting } from "../w3c/webidl.js";
import { RawSource } from "./raw/raw-source.js";

export interface MediaStreamTrackGeneratorInit {
  kind: "audio" | "video";
}

const kindOf = enumeration("MediaStreamTrackGeneratorKind", ["audio", "video"]);
const generatorInit = dictionary<MediaStreamTrackGeneratorInit>("MediaStreamTrackGeneratorInit", {
  kind: { type: kindOf, required: true },
});

/** Takes raw media until it is closed or aborted, which ends the tracks. */
class Generator {
  readonly source: RawSource;
  readonly writable: WritableStream;
  /** What is written while it is muted goes nowhere. */
  isMuted = false;

  constructor(kind: "audio" | "video") {
    this.source = new RawSource(kind, defaultPlatform());
    const end = (): void => {
      defaultPlatform().queueTask(() => {
        for (const track of this.source.liveTracks) track.end();
      }, true);
    };
    this.writable = new WritableStream({ write: (chunk) => this.write(chunk, kind), close: end, abort: end });
  }

  private write(chunk: unknown, kind: "audio" | "video"): void {
    if (!this.source.takes(chunk)) {
      throw new TypeError(`The value is no ${kind === "audio" ? "AudioData" : "VideoFrame"}, or it is closed.`);
    }
    if (this.isMuted) chunk.close();
    else this.source.write(chunk);
  }
}

function trackOf({ source }: Generator, kind: "audio" | "video", isDerived: boolean): TrackImpl {
  return new TrackImpl({ platform: defaultPlatform(), kind, label: `generated ${kind}`, source, isDerived });
}

export class MediaStreamTrackGenerator extends MediaStreamTrack {
  readonly #generator: Generator;

  /** `init`: also the kind alone. */
  constructor(...args: [init: MediaStreamTrackGeneratorInit | "audio" | "video"]) {
    const where = constructing("MediaStreamTrackGenerator");
    requireArguments(args.length, 1, where);
    const [init] = args;
    const kind = typeof init === "string" ? kindOf(init, where) : generatorInit(init, where).kind;
    const generator = new Generator(kind);
    const impl = trackOf(generator, kind, true);
    provideImpl(impl);
    super();
    impl.wrapper = this;
    this.#generator = generator;
  }

  /** Takes VideoFrame or AudioData, which are closed. */
  get writable(): WritableStream {
    return this.#generator.writable;
  }

  static {
    defineInterface(MediaStreamTrackGenerator, {
      name: "MediaStreamTrackGenerator",
      brand: (o) => #generator in o,
      constructorLength: 1,
    });
  }
}

export class VideoTrackGenerator {
  readonly #generator: Generator = new Generator("video");
  readonly #track: TrackImpl = trackOf(this.#generator, "video", false);

  /** Takes VideoFrame, which are closed. */
  get writable(): WritableStream {
    return this.#generator.writable;
  }

  get muted(): boolean {
    return this.#generator.isMuted;
  }
  set muted(value: boolean) {
    const muted = boolean(value, setting("muted", "VideoTrackGenerator"));
    const generator = this.#generator;
    if (muted === generator.isMuted) return;
    generator.isMuted = muted;
    defaultPlatform().queueTask(() => {
      for (const track of generator.source.liveTracks) track.setMuted(muted);
    }, true);
  }

  get track(): MediaStreamTrack {
    return this.#track.wrapper;
  }

  static {
    defineInterface(VideoTrackGenerator, { name: "VideoTrackGenerator", brand: (o) => #generator in o });
  }
}
