// The events of peer connections and channels (webrtc-pc §4.8.2, §4.8.3, §6.4, §11.3).
import { RTCError } from "./errors.js";
import type { RTCDataChannel } from "./rtc-data-channel.js";
import { isDataChannel } from "./rtc-data-channel.js";
import { RTCIceCandidate } from "./rtc-ice-candidate.js";
import {
  type Converter,
  constructing,
  defineInterface,
  dictionary,
  instanceOf,
  nullable,
  requireArguments,
  toBoolean,
  toDOMString,
  toUSVString,
  unsigned,
} from "./webidl.js";

const NO = (): boolean => false;
const toEventInit = dictionary<Required<EventInit>>("EventInit", {
  bubbles: { convert: toBoolean, default: NO },
  cancelable: { convert: toBoolean, default: NO },
  composed: { convert: toBoolean, default: NO },
});

/** Arguments of an event constructor, converted: type and init dictionary. */
function eventArguments<D extends object>(
  name: string,
  given: number,
  required: number,
  type: unknown,
  init: unknown,
  convert: Converter<D>,
): { type: string; init: D & EventInit } {
  const where = constructing(name);
  requireArguments(given, required, where);
  return { type: toDOMString(type, where), init: convert(init, where) };
}

export interface RTCPeerConnectionIceEventInit extends EventInit {
  candidate?: RTCIceCandidate | null;
  url?: string | null;
}

const toIceEventInit = dictionary<Pick<RTCPeerConnectionIceEventInit, "candidate" | "url">>(
  "RTCPeerConnectionIceEventInit",
  {
    candidate: {
      convert: nullable(
        instanceOf("RTCIceCandidate", (value): value is RTCIceCandidate => value instanceof RTCIceCandidate),
      ),
    },
    url: { convert: nullable(toDOMString) },
  },
  toEventInit,
);

/** A candidate was found, or (with none) there will be no more. */
export class RTCPeerConnectionIceEvent extends Event {
  readonly #candidate: RTCIceCandidate | null;
  readonly #url: string | null;

  constructor(type: string, eventInitDict: RTCPeerConnectionIceEventInit = {}) {
    const args = eventArguments("RTCPeerConnectionIceEvent", arguments.length, 1, type, eventInitDict, toIceEventInit);
    super(args.type, args.init);
    this.#candidate = args.init.candidate ?? null;
    this.#url = args.init.url ?? null;
  }

  get candidate(): RTCIceCandidate | null {
    return this.#candidate;
  }

  get url(): string | null {
    return this.#url;
  }
}
defineInterface(RTCPeerConnectionIceEvent, { length: 1 });

export interface RTCPeerConnectionIceErrorEventInit extends EventInit {
  address?: string | null;
  port?: number | null;
  url?: string;
  errorCode: number;
  errorText?: string;
}

const toIceErrorEventInit = dictionary<Omit<RTCPeerConnectionIceErrorEventInit, keyof EventInit>>(
  "RTCPeerConnectionIceErrorEventInit",
  {
    address: { convert: nullable(toDOMString) },
    port: { convert: nullable(unsigned(16)) },
    url: { convert: toDOMString },
    errorCode: { convert: unsigned(16), required: true },
    errorText: { convert: toUSVString },
  },
  toEventInit,
);

/** A STUN or TURN server refused, or could not be reached (701). */
export class RTCPeerConnectionIceErrorEvent extends Event {
  readonly #init: RTCPeerConnectionIceErrorEventInit;

  constructor(type: string, eventInitDict: RTCPeerConnectionIceErrorEventInit) {
    const name = "RTCPeerConnectionIceErrorEvent";
    const args = eventArguments(name, arguments.length, 2, type, eventInitDict, toIceErrorEventInit);
    super(args.type, args.init);
    this.#init = args.init;
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
}
defineInterface(RTCPeerConnectionIceErrorEvent, { length: 2 });

export interface RTCDataChannelEventInit extends EventInit {
  channel: RTCDataChannel;
}

const toDataChannelEventInit = dictionary<Pick<RTCDataChannelEventInit, "channel">>(
  "RTCDataChannelEventInit",
  { channel: { convert: instanceOf("RTCDataChannel", isDataChannel), required: true } },
  toEventInit,
);

/** The peer opened a data channel. */
export class RTCDataChannelEvent extends Event {
  readonly #channel: RTCDataChannel;

  constructor(type: string, eventInitDict: RTCDataChannelEventInit) {
    const args = eventArguments(
      "RTCDataChannelEvent",
      arguments.length,
      2,
      type,
      eventInitDict,
      toDataChannelEventInit,
    );
    super(args.type, args.init);
    this.#channel = args.init.channel;
  }

  get channel(): RTCDataChannel {
    return this.#channel;
  }
}
defineInterface(RTCDataChannelEvent, { length: 2 });

export interface RTCErrorEventInit extends EventInit {
  error: RTCError;
}

const toErrorEventInit = dictionary<Pick<RTCErrorEventInit, "error">>(
  "RTCErrorEventInit",
  {
    error: {
      convert: instanceOf("RTCError", (value): value is RTCError => value instanceof RTCError),
      required: true,
    },
  },
  toEventInit,
);

export class RTCErrorEvent extends Event {
  readonly #error: RTCError;

  constructor(type: string, eventInitDict: RTCErrorEventInit) {
    const args = eventArguments("RTCErrorEvent", arguments.length, 2, type, eventInitDict, toErrorEventInit);
    super(args.type, args.init);
    this.#error = args.init.error;
  }

  get error(): RTCError {
    return this.#error;
  }
}
defineInterface(RTCErrorEvent, { length: 2 });
