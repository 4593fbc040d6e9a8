// MediaStreamTrack and its event (Media Capture and Streams §4.3, mst-content-hint). Where a track's media comes from is a
// TrackSource: a device, an RTCRtpReceiver, a generator.
import type { MediaKind } from "../jsep/codec-capabilities.js";
import type { MediaSourceCounters } from "../peer/media-stats.js";
import type { Platform } from "../peer/platform.js";
import { uuid } from "../util/text.js";
import { boolean, domString, interfaceType } from "./conversions.js";
import type { EventHandler, EventInit, TypedEventTargetConstructor, Widened } from "./event-handlers.js";
import { eventArguments, eventDictionary, fireSimple } from "./events.js";
import {
  type Candidate,
  copyPlain,
  type MediaTrackCapabilities,
  type MediaTrackConstraints,
  type MediaTrackSettings,
  mediaTrackConstraints,
  selectSettings,
} from "./media-constraints.js";
import type { FedTrack, MediaSource, RawReader } from "./media-feed.js";
import { OverconstrainedError } from "./overconstrained-error.js";
import type { ReceivedLayers } from "./received-layers.js";
import { construct, defineInterface, executing, setting, takeImpl } from "./webidl.js";

export type MediaStreamTrackState = "live" | "ended";

export interface TrackSource extends Partial<MediaSource> {
  /** A live track more, or less; without any a source can stop. */
  attach(track: TrackImpl): void;
  detach(track: TrackImpl): void;
  /** A copy, or a value that nobody changes. Its properties are those that can be constrained. */
  capabilities(): MediaTrackCapabilities;
  /** The settings that a track with these constraints could have, best first; see selectSettings. */
  candidates(constraints: MediaTrackConstraints, current: MediaTrackSettings): readonly Candidate[];
  /** What it has produced, for getStats of a sender of its tracks; missing where nobody counts. */
  counters?(): MediaSourceCounters;
  /** Asks whoever sends for at most so many bits per second; of several holders the lowest counts. Null: no more. */
  limitBitrate?(holder: object, bitsPerSecond: number | null): void;
  /** Begins to show the media raw; the result ends that. Absent where it is encoded. */
  readRaw?(track: FedTrack, reader: RawReader): () => void;
  /** The received streams, where there may be several. */
  readonly layers?: ReceivedLayers;
  /** It sends what others have encoded, maybe in layers within a stream that a dependency descriptor tells apart. */
  readonly mayHaveLayers?: boolean;
}

/** A random identifier in the form of a UUID (RFC 9562 §5.4), as tracks and streams have. */
export function randomUuid({ crypto }: Pick<Platform, "crypto">): string {
  return uuid(crypto.random(16));
}

export interface TrackInit {
  readonly platform: Platform;
  readonly kind: MediaKind;
  readonly source: TrackSource;
  readonly label: string;
  /** Made up if it is not given. */
  readonly id?: string;
  readonly muted?: boolean;
  readonly constraints?: MediaTrackConstraints;
  readonly settings?: MediaTrackSettings;
  /** The interface object is made by whoever makes this, and set then: it is of a derived interface. */
  readonly isDerived?: boolean;
}

export class TrackImpl {
  wrapper!: MediaStreamTrack;
  readonly platform: Platform;
  readonly kind: MediaKind;
  readonly id: string;
  readonly label: string;
  readonly source: TrackSource;
  enabled = true;
  muted: boolean;
  state: MediaStreamTrackState = "live";
  contentHint = "";
  constraints: MediaTrackConstraints;
  settings: MediaTrackSettings;
  /** Called when the track has ended, in whichever way, after its state has changed. */
  private readonly endListeners = new Set<() => void>();

  constructor(init: TrackInit) {
    this.platform = init.platform;
    this.kind = init.kind;
    this.id = init.id ?? randomUuid(init.platform);
    this.label = init.label;
    this.source = init.source;
    this.muted = init.muted ?? false;
    this.constraints = init.constraints ?? {};
    this.settings = init.settings ?? {};
    if (init.isDerived !== true) this.wrapper = construct(MediaStreamTrack, this);
    this.source.attach(this);
  }

  onEnd(listener: () => void): void {
    this.endListeners.add(listener);
  }
  offEnd(listener: () => void): void {
    this.endListeners.delete(listener);
  }

  /** To be called in a task, as the next: changes the state and fires `mute` or `unmute` (§4.3.1, "set a track's muted state"). */
  setMuted(muted: boolean): void {
    if (this.state === "ended" || this.muted === muted) return;
    this.muted = muted;
    fireSimple(this.wrapper, muted ? "mute" : "unmute");
  }

  /** The source has ended: fires `ended`. */
  end(): void {
    if (this.state === "ended") return;
    this.stop();
    fireSimple(this.wrapper, "ended");
  }

  /** Ends the track without an event. */
  stop(): void {
    if (this.state === "ended") return;
    this.state = "ended";
    this.source.detach(this);
    for (const listener of this.endListeners) listener();
    this.endListeners.clear();
  }

  clone(): TrackImpl {
    const { platform, kind, label, source, muted } = this;
    const constraints = copyPlain(this.constraints);
    const clone = new TrackImpl({ platform, kind, label, source, muted, constraints, settings: { ...this.settings } });
    clone.enabled = this.enabled;
    clone.contentHint = this.contentHint;
    if (this.state === "ended") clone.stop();
    return clone;
  }

  /** Throws an OverconstrainedError where the constraints cannot be met; then nothing has changed. */
  applyConstraints(constraints: MediaTrackConstraints): void {
    if (this.state === "ended") return;
    const capabilities = this.source.capabilities();
    const candidates = this.source.candidates(constraints, this.settings);
    const selection = selectSettings(candidates, constraints, (name) => name in capabilities);
    if (!selection.ok) throw new OverconstrainedError(selection.constraint, "Cannot satisfy constraints");
    this.settings = selection.candidate.settings;
    this.constraints = constraints;
  }
}

export interface MediaStreamTrackEventMap {
  ended: Event;
  isolationchange: Event;
  mute: Event;
  unmute: Event;
}
const TrackTarget: TypedEventTargetConstructor<MediaStreamTrackEventMap> = EventTarget;

const CONTENT_HINTS: Readonly<Record<MediaKind, readonly string[]>> = {
  audio: ["", "speech", "speech-recognition", "music"],
  video: ["", "motion", "detail", "text"],
};

export let trackImplOf: (track: MediaStreamTrack) => TrackImpl;

export class MediaStreamTrack extends TrackTarget {
  readonly #impl: TrackImpl = takeImpl();
  declare onmute: EventHandler;
  declare onunmute: EventHandler;
  declare onended: EventHandler;
  declare onisolationchange: EventHandler;

  get kind(): string {
    return this.#impl.kind;
  }
  get id(): string {
    return this.#impl.id;
  }
  get label(): string {
    return this.#impl.label;
  }

  get enabled(): boolean {
    return this.#impl.enabled;
  }
  set enabled(value: boolean) {
    this.#impl.enabled = boolean(value, setting("enabled", "MediaStreamTrack"));
  }

  get muted(): boolean {
    return this.#impl.muted;
  }
  get readyState(): MediaStreamTrackState {
    return this.#impl.state;
  }

  get contentHint(): string {
    return this.#impl.contentHint;
  }
  /** A hint that the kind of track does not have is ignored. */
  set contentHint(value: string) {
    const hint = domString(value, setting("contentHint", "MediaStreamTrack"));
    if (CONTENT_HINTS[this.#impl.kind].includes(hint)) this.#impl.contentHint = hint;
  }

  /** Whether only a verified peer may have the media (webrtc-identity): no source here asks for that. */
  get isolated(): boolean {
    return false;
  }

  clone(): MediaStreamTrack {
    return this.#impl.clone().wrapper;
  }
  stop(): void {
    this.#impl.stop();
  }

  getCapabilities(): Widened<MediaTrackCapabilities, "echoCancellation"> {
    return copyPlain(this.#impl.source.capabilities());
  }
  getConstraints(): Widened<MediaTrackConstraints, "echoCancellation" | "advanced"> {
    return copyPlain(this.#impl.constraints);
  }
  getSettings(): Widened<MediaTrackSettings, "echoCancellation"> {
    return { ...this.#impl.settings };
  }

  applyConstraints(constraints?: MediaTrackConstraints): Promise<void> {
    const converted = mediaTrackConstraints(constraints, executing("applyConstraints", "MediaStreamTrack"));
    const impl = this.#impl;
    return new Promise((resolve, reject) => {
      impl.platform.queueTask(() => {
        try {
          resolve(impl.applyConstraints(converted));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  static {
    trackImplOf = (track) => track.#impl;
    defineInterface(MediaStreamTrack, {
      name: "MediaStreamTrack",
      brand: (o) => #impl in o,
      required: { applyConstraints: 0 },
      promises: ["applyConstraints"],
      handlers: ["mute", "unmute", "ended", "isolationchange"],
    });
  }
}

// -- MediaStreamTrackEvent

export interface MediaStreamTrackEventInit extends EventInit {
  track: MediaStreamTrack;
}

const trackEventInit = eventDictionary<MediaStreamTrackEventInit>("MediaStreamTrackEventInit", {
  track: { type: interfaceType<MediaStreamTrack>("MediaStreamTrack"), required: true },
});

export class MediaStreamTrackEvent extends Event {
  readonly #track: MediaStreamTrack;

  constructor(...args: [type: string, eventInitDict: MediaStreamTrackEventInit]) {
    const [type, init] = eventArguments(args, 2, "MediaStreamTrackEvent", trackEventInit);
    super(type, init);
    this.#track = init.track;
  }

  get track(): MediaStreamTrack {
    return this.#track;
  }

  static {
    defineInterface(MediaStreamTrackEvent, {
      name: "MediaStreamTrackEvent",
      brand: (o) => #track in o,
      constructorLength: 2,
    });
  }
}
