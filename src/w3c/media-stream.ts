// MediaStream (Media Capture and Streams §4.2).
import type { MediaKind } from "../jsep/codec-capabilities.js";
import type { Platform } from "../peer/platform.js";
import { domString, interfaceArgument, interfaceType, sequence } from "./conversions.js";
import { defaultPlatform } from "./environment.js";
import type { EventHandler, EventHandlerRead, TypedEventTargetConstructor } from "./event-handlers.js";
import { fire } from "./events.js";
import {
  type MediaStreamTrack,
  MediaStreamTrackEvent,
  randomUuid,
  type TrackImpl,
  trackImplOf,
} from "./media-stream-track.js";
import { construct, constructing, defineInterface, executing, isPlatformObject, takeImplIfAny } from "./webidl.js";

export class StreamImpl {
  readonly wrapper: MediaStream;
  readonly platform: Platform;
  readonly id: string;
  readonly tracks: Set<TrackImpl>;

  /** `id` is made up if it is not given; `wrapper` where a program calls the constructor. */
  constructor(platform: Platform, tracks: Iterable<TrackImpl>, id?: string, wrapper?: MediaStream) {
    this.platform = platform;
    this.id = id ?? randomUuid(platform);
    this.tracks = new Set(tracks);
    this.wrapper = wrapper ?? construct(MediaStream, this);
  }

  get active(): boolean {
    for (const { state } of this.tracks) if (state === "live") return true;
    return false;
  }

  list(kind?: MediaKind): MediaStreamTrack[] {
    const out: MediaStreamTrack[] = [];
    for (const track of this.tracks) if (kind === undefined || track.kind === kind) out.push(track.wrapper);
    return out;
  }

  /** To be called in a task, as the next: what is not the program's own doing fires an event. */
  addRemote(track: TrackImpl): void {
    if (this.tracks.has(track)) return;
    this.tracks.add(track);
    fire(this.wrapper, new MediaStreamTrackEvent("addtrack", { track: track.wrapper }));
  }
  removeRemote(track: TrackImpl): void {
    if (!this.tracks.delete(track)) return;
    fire(this.wrapper, new MediaStreamTrackEvent("removetrack", { track: track.wrapper }));
  }
}

export interface MediaStreamEventMap {
  addtrack: MediaStreamTrackEvent;
  removetrack: MediaStreamTrackEvent;
}
/** See EventHandlerRead. */
interface MediaStreamHandlers {
  get onaddtrack(): EventHandlerRead;
  set onaddtrack(handler: EventHandler<MediaStreamTrackEvent>);
  get onremovetrack(): EventHandlerRead;
  set onremovetrack(handler: EventHandler<MediaStreamTrackEvent>);
}
const StreamTarget: TypedEventTargetConstructor<MediaStreamEventMap, MediaStreamHandlers> = EventTarget as never;

const trackList = sequence(interfaceType<MediaStreamTrack>("MediaStreamTrack"));

function constructorTracks(args: readonly unknown[]): Iterable<TrackImpl> {
  if (args.length === 0) return [];
  const [given] = args;
  if (isPlatformObject(given, "MediaStream")) return streamImplOf(given as MediaStream).tracks;
  return trackList(given, constructing("MediaStream")).map(trackImplOf);
}

export let streamImplOf: (stream: MediaStream) => StreamImpl;

export class MediaStream extends StreamTarget {
  readonly #impl: StreamImpl;

  constructor(...args: [streamOrTracks?: MediaStream | Iterable<MediaStreamTrack>]) {
    super();
    const given = takeImplIfAny<StreamImpl>();
    this.#impl = given ?? new StreamImpl(defaultPlatform(), constructorTracks(args), undefined, this);
  }

  get id(): string {
    return this.#impl.id;
  }
  get active(): boolean {
    return this.#impl.active;
  }

  getAudioTracks(): MediaStreamTrack[] {
    return this.#impl.list("audio");
  }
  getVideoTracks(): MediaStreamTrack[] {
    return this.#impl.list("video");
  }
  getTracks(): MediaStreamTrack[] {
    return this.#impl.list();
  }
  getTrackById(trackId: string): MediaStreamTrack | null {
    const id = domString(trackId, executing("getTrackById", "MediaStream"));
    for (const track of this.#impl.tracks) if (track.id === id) return track.wrapper;
    return null;
  }

  addTrack(track: MediaStreamTrack): void {
    const where = executing("addTrack", "MediaStream");
    this.#impl.tracks.add(trackImplOf(interfaceArgument(track, "MediaStreamTrack", 1, where)));
  }
  removeTrack(track: MediaStreamTrack): void {
    const where = executing("removeTrack", "MediaStream");
    this.#impl.tracks.delete(trackImplOf(interfaceArgument(track, "MediaStreamTrack", 1, where)));
  }

  clone(): MediaStream {
    const { platform, tracks } = this.#impl;
    return new StreamImpl(
      platform,
      [...tracks].map((track) => track.clone()),
    ).wrapper;
  }

  static {
    streamImplOf = (stream) => stream.#impl;
    defineInterface(MediaStream, {
      name: "MediaStream",
      brand: (o) => #impl in o,
      constructorLength: 0,
      handlers: ["addtrack", "removetrack"],
    });
  }
}
