// MediaStreamTrackHandle (mediacapture-transform): what a worker would be given of a track.
import { interfaceArgument } from "./conversions.js";
import { type MediaStreamTrack, type TrackImpl, trackImplOf } from "./media-stream-track.js";
import { constructing, defineInterface, requireArguments } from "./webidl.js";

export let handledTrack: (handle: MediaStreamTrackHandle) => TrackImpl;

/** Names a track so that a worker can have it: worker threads of Node take no such objects along. */
export class MediaStreamTrackHandle {
  readonly #track: TrackImpl;

  constructor(...args: [track: MediaStreamTrack]) {
    const where = constructing("MediaStreamTrackHandle");
    requireArguments(args.length, 1, where);
    this.#track = trackImplOf(interfaceArgument<MediaStreamTrack>(args[0], "MediaStreamTrack", 1, where));
  }

  static {
    handledTrack = (handle) => handle.#track;
    defineInterface(MediaStreamTrackHandle, {
      name: "MediaStreamTrackHandle",
      brand: (o) => #track in o,
      constructorLength: 1,
    });
  }
}
