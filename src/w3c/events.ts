// The Event interfaces of WebRTC, and how an event is fired. When they fire is task-queue.ts's matter.
import {
  boolean,
  type Converter,
  type Dictionary,
  dictionary,
  domString,
  frozenArray,
  interfaceType,
  nullable,
  unsignedShort,
  usvString,
} from "./conversions.js";
import type { RTCError } from "./errors.js";
import type { EventInit } from "./event-handlers.js";
import type { MediaStream } from "./media-stream.js";
import type { MediaStreamTrack } from "./media-stream-track.js";
import type { RTCDataChannel } from "./rtc-data-channel.js";
import type { RTCIceCandidate } from "./rtc-ice-candidate.js";
import type { RTCRtpReceiver } from "./rtc-rtp-receiver.js";
import type { RTCRtpTransceiver } from "./rtc-rtp-transceiver.js";
import { constructing, defineInterface, requireArguments } from "./webidl.js";

const { dispatchEvent } = EventTarget.prototype;

/** Dispatches `event` at `target`, whatever the program has done to the object. Exceptions of listeners do not come back. */
export function fire(target: object, event: Event): void {
  dispatchEvent.call(target as EventTarget, event);
}

/** Fires an event of that name that uses the Event interface, does not bubble and cannot be cancelled. */
export function fireSimple(target: object, type: string): void {
  dispatchEvent.call(target as EventTarget, new Event(type));
}

const eventInit: Dictionary<EventInit> = dictionary<EventInit>("EventInit", {
  bubbles: { type: boolean },
  cancelable: { type: boolean },
  composed: { type: boolean },
});

/** Converts the arguments of an event constructor. */
export function eventArguments<T>(
  args: readonly unknown[],
  required: number,
  interfaceName: string,
  init: Converter<T>,
): [type: string, init: T] {
  const where = constructing(interfaceName);
  requireArguments(args.length, required, where);
  return [domString(args[0], where), init(args[1], where)];
}

/** A dictionary that inherits from EventInit. */
export function eventDictionary<T extends EventInit>(
  name: string,
  members: Parameters<typeof dictionary<T>>[1],
): Dictionary<T> {
  return dictionary<T>(name, members, eventInit);
}

// -- RTCPeerConnectionIceEvent

export interface RTCPeerConnectionIceEventInit extends EventInit {
  candidate?: RTCIceCandidate | null;
  url?: string | null;
}

const iceEventInit = eventDictionary<RTCPeerConnectionIceEventInit>("RTCPeerConnectionIceEventInit", {
  candidate: { type: nullable(interfaceType<RTCIceCandidate>("RTCIceCandidate")) },
  url: { type: nullable(usvString) },
});

export class RTCPeerConnectionIceEvent extends Event {
  readonly #init: RTCPeerConnectionIceEventInit;

  constructor(...args: [type: string, eventInitDict?: RTCPeerConnectionIceEventInit]) {
    const [type, init] = eventArguments(args, 1, "RTCPeerConnectionIceEvent", iceEventInit);
    super(type, init);
    this.#init = init;
  }

  get candidate(): RTCIceCandidate | null {
    return this.#init.candidate ?? null;
  }
  get url(): string | null {
    return this.#init.url ?? null;
  }

  static {
    defineInterface(RTCPeerConnectionIceEvent, {
      name: "RTCPeerConnectionIceEvent",
      brand: (o) => #init in o,
      constructorLength: 1,
    });
  }
}

// -- RTCPeerConnectionIceErrorEvent

export interface RTCPeerConnectionIceErrorEventInit extends EventInit {
  address?: string | null;
  errorCode: number;
  errorText?: string;
  port?: number | null;
  url?: string;
}

const iceErrorEventInit = eventDictionary<RTCPeerConnectionIceErrorEventInit>("RTCPeerConnectionIceErrorEventInit", {
  address: { type: nullable(domString) },
  errorCode: { type: unsignedShort, required: true },
  errorText: { type: usvString },
  port: { type: nullable(unsignedShort) },
  url: { type: usvString },
});

export class RTCPeerConnectionIceErrorEvent extends Event {
  readonly #init: RTCPeerConnectionIceErrorEventInit;

  constructor(...args: [type: string, eventInitDict: RTCPeerConnectionIceErrorEventInit]) {
    const [type, init] = eventArguments(args, 2, "RTCPeerConnectionIceErrorEvent", iceErrorEventInit);
    super(type, init);
    this.#init = init;
  }

  get address(): string | null {
    return this.#init.address ?? null;
  }
  get port(): number | null {
    return this.#init.port ?? null;
  }
  get url(): string {
    return this.#init.url ?? "";
  }
  get errorCode(): number {
    return this.#init.errorCode;
  }
  get errorText(): string {
    return this.#init.errorText ?? "";
  }

  static {
    defineInterface(RTCPeerConnectionIceErrorEvent, {
      name: "RTCPeerConnectionIceErrorEvent",
      brand: (o) => #init in o,
      constructorLength: 2,
    });
  }
}

// -- RTCDataChannelEvent

export interface RTCDataChannelEventInit extends EventInit {
  channel: RTCDataChannel;
}

const dataChannelEventInit = eventDictionary<RTCDataChannelEventInit>("RTCDataChannelEventInit", {
  channel: { type: interfaceType<RTCDataChannel>("RTCDataChannel"), required: true },
});

export class RTCDataChannelEvent extends Event {
  readonly #channel: RTCDataChannel;

  constructor(...args: [type: string, eventInitDict: RTCDataChannelEventInit]) {
    const [type, init] = eventArguments(args, 2, "RTCDataChannelEvent", dataChannelEventInit);
    super(type, init);
    this.#channel = init.channel;
  }

  get channel(): RTCDataChannel {
    return this.#channel;
  }

  static {
    defineInterface(RTCDataChannelEvent, {
      name: "RTCDataChannelEvent",
      brand: (o) => #channel in o,
      constructorLength: 2,
    });
  }
}

// -- RTCErrorEvent

export interface RTCErrorEventInit extends EventInit {
  error: RTCError;
}

const errorEventInit = eventDictionary<RTCErrorEventInit>("RTCErrorEventInit", {
  error: { type: interfaceType<RTCError>("RTCError"), required: true },
});

export class RTCErrorEvent extends Event {
  readonly #error: RTCError;

  constructor(...args: [type: string, eventInitDict: RTCErrorEventInit]) {
    const [type, init] = eventArguments(args, 2, "RTCErrorEvent", errorEventInit);
    super(type, init);
    this.#error = init.error;
  }

  get error(): RTCError {
    return this.#error;
  }

  static {
    defineInterface(RTCErrorEvent, { name: "RTCErrorEvent", brand: (o) => #error in o, constructorLength: 2 });
  }
}

// -- RTCTrackEvent

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

// -- RTCDTMFToneChangeEvent

export interface RTCDTMFToneChangeEventInit extends EventInit {
  tone?: string;
}

const toneChangeEventInit = eventDictionary<RTCDTMFToneChangeEventInit>("RTCDTMFToneChangeEventInit", {
  tone: { type: domString, default: () => "" },
});

export class RTCDTMFToneChangeEvent extends Event {
  readonly #tone: string;

  constructor(...args: [type: string, eventInitDict?: RTCDTMFToneChangeEventInit]) {
    const [type, init] = eventArguments(args, 1, "RTCDTMFToneChangeEvent", toneChangeEventInit);
    super(type, init);
    this.#tone = init.tone!;
  }

  get tone(): string {
    return this.#tone;
  }

  static {
    defineInterface(RTCDTMFToneChangeEvent, {
      name: "RTCDTMFToneChangeEvent",
      brand: (o) => #tone in o,
      constructorLength: 1,
    });
  }
}
