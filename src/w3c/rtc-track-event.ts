// RTCTrackEvent (webrtc-pc §5.7), and the events of streams.
import { frozenArray, interfaceType } from "./conversions.js";
import type { EventInit } from "./event-handlers.js";
import { eventArguments, eventDictionary } from "./events.js";
import type { MediaStream } from "./media-stream.js";
import type { MediaStreamTrack } from "./media-stream-track.js";
import type { RTCRtpReceiver } from "./rtc-rtp-receiver.js";
import type { RTCRtpTransceiver } from "./rtc-rtp-transceiver.js";
import { defineInterface } from "./webidl.js";

export interface RTCTrackEventInit extends EventInit {
  receiver: RTCRtpReceiver;
  streams?: MediaStream[] | readonly MediaStream[];
  track: MediaStreamTrack;
  transceiver: RTCRtpTransceiver;
}

const trackEventInit = eventDictionary<RTCTrackEventInit>("RTCTrackEventInit", {
  receiver: { type: interfaceType<RTCRtpReceiver>("RTCRtpReceiver"), required: true },
  streams: { type: frozenArray(interfaceType<MediaStream>("MediaStream")), default: () => Object.freeze([]) },
  track: { type: interfaceType<MediaStreamTrack>("MediaStreamTrack"), required: true },
  transceiver: { type: interfaceType<RTCRtpTransceiver>("RTCRtpTransceiver"), required: true },
});

export class RTCTrackEvent extends Event {
  readonly #init: RTCTrackEventInit;

  constructor(...args: [type: string, eventInitDict: RTCTrackEventInit]) {
    const [type, init] = eventArguments(args, 2, "RTCTrackEvent", trackEventInit);
    super(type, init);
    this.#init = init;
  }

  get receiver(): RTCRtpReceiver {
    return this.#init.receiver;
  }
  get track(): MediaStreamTrack {
    return this.#init.track;
  }
  /** A frozen array, the same each time. */
  get streams(): readonly MediaStream[] {
    return this.#init.streams!;
  }
  get transceiver(): RTCRtpTransceiver {
    return this.#init.transceiver;
  }

  static {
    defineInterface(RTCTrackEvent, { name: "RTCTrackEvent", brand: (o) => #init in o, constructorLength: 2 });
  }
}

// -- addstream and removestream, which no specification has any more

export class StreamEvent extends Event {
  readonly stream: MediaStream;

  constructor(type: string, stream: MediaStream) {
    super(type);
    this.stream = stream;
  }
}
