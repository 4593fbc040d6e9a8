// Media elements as far as they go without a decoder: they take the frames of received tracks from behind the jitter buffer, as a
// player does, and know the size of the picture from the key frames; devices they read raw. Nothing is decoded, drawn or heard, and
// there is no timeline: a test that passes with them has shown that its media came, whole and in order, and not what is to be seen.

const HAVE_NOTHING = 0;
const HAVE_ENOUGH_DATA = 4;

/** What WebCodecs has, as far as the camera needs it to be read. */
export class VideoFrame {
  constructor(_data, init) {
    Object.assign(this, init);
  }
  clone() {
    return new VideoFrame(undefined, this);
  }
  close() {}
}

/** Shows the frames of a track: whether it is a key frame, and the size of the picture. */
function readTrack(track, { EncodedTrackProcessor, MediaStreamTrackProcessor }, onFrame) {
  try {
    const processor = new EncodedTrackProcessor({ track });
    processor.onframe = onFrame;
    // Who begins to look in the midst of a stream needs one.
    if (track.kind === "video") processor.requestKeyFrame();
    return processor;
  } catch (error) {
    if (error.name !== "NotSupportedError") throw error;
  }
  const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
  const pump = async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const { codedWidth: width, codedHeight: height } = next.value;
      next.value.close();
      onFrame({ keyFrame: true, width, height });
    }
  };
  pump().catch(() => {});
  return { close: () => reader.cancel() };
}

/** `Base`: the element of the window. `media`: parley-rtc/media. */
export function mediaElementClass(Base, media) {
  return class MediaElement extends Base {
    readyState = HAVE_NOTHING;
    paused = true;
    videoWidth = 0;
    videoHeight = 0;
    #stream = null;
    /** By track. */
    #readers = new Map();
    #waiting = [];
    #autoplay = false;
    #begun = false;

    constructor(...args) {
      super(...args);
      // A window may have elements with fields of these names.
      for (const name of ["srcObject", "autoplay"]) delete this[name];
    }

    get autoplay() {
      return this.#autoplay || this.hasAttribute("autoplay");
    }
    set autoplay(value) {
      this.#autoplay = Boolean(value);
    }

    get srcObject() {
      return this.#stream;
    }
    set srcObject(stream) {
      for (const reader of this.#readers.values()) reader.close();
      this.#readers.clear();
      this.#stream?.removeEventListener("addtrack", this.#follow);
      this.#stream?.removeEventListener("removetrack", this.#follow);
      this.#stream = stream;
      this.readyState = HAVE_NOTHING;
      this.#begun = false;
      this.videoWidth = this.videoHeight = 0;
      stream?.addEventListener("addtrack", this.#follow);
      stream?.addEventListener("removetrack", this.#follow);
      this.#follow();
    }

    #follow = () => {
      const tracks = this.#stream?.getTracks() ?? [];
      for (const [track, reader] of this.#readers) {
        if (tracks.includes(track)) continue;
        reader.close();
        this.#readers.delete(track);
      }
      for (const track of tracks) {
        if (this.#readers.has(track)) continue;
        this.#readers.set(
          track,
          readTrack(track, media, (frame) => this.#take(track, frame)),
        );
      }
    };

    #take({ kind }, { keyFrame, width, height }) {
      if (kind === "video" && keyFrame && width > 0 && (width !== this.videoWidth || height !== this.videoHeight)) {
        this.videoWidth = width;
        this.videoHeight = height;
        if (this.#begun) this.#fire("resize");
      }
      const hasVideo = [...this.#readers.keys()].some((track) => track.kind === "video");
      if (this.#begun || (hasVideo && this.videoWidth === 0)) return;
      this.#begun = true;
      setImmediate(() => this.#begin());
    }

    #begin() {
      this.readyState = HAVE_ENOUGH_DATA;
      for (const type of ["loadedmetadata", "loadeddata", "canplay", "canplaythrough"]) this.#fire(type);
      if (this.autoplay && this.paused) {
        this.paused = false;
        this.#fire("play");
      }
      if (!this.paused) this.#playing();
    }

    #playing() {
      this.#fire("playing");
      for (const { resolve } of this.#waiting.splice(0)) resolve();
    }

    play() {
      return new Promise((resolve, reject) => {
        this.#waiting.push({ resolve, reject });
        if (this.paused) this.#fire("play");
        this.paused = false;
        if (this.readyState === HAVE_ENOUGH_DATA) this.#playing();
      });
    }

    pause() {
      if (!this.paused) this.#fire("pause");
      this.paused = true;
      for (const { reject } of this.#waiting.splice(0)) reject(new DOMException("pause() was called.", "AbortError"));
    }

    #fire(type) {
      const event = new Event(type);
      this[`on${type}`]?.(event);
      this.dispatchEvent(event);
    }
  };
}
