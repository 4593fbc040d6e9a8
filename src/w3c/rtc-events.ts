// The event interfaces of WebRTC that tell of candidates, errors and tones.
import { domString, interfaceType, nullable, unsignedShort, usvString } from "./conversions.js";
import type { RTCError } from "./errors.js";
import type { EventInit } from "./event-handlers.js";
import { eventArguments, eventDictionary } from "./events.js";
import type { RTCIceCandidate } from "./rtc-ice-candidate.js";
import { construct, defineInterface, takeImplIfAny } from "./webidl.js";

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
    const own = takeImplIfAny<RTCPeerConnectionIceEventInit>();
    const [type, init]: [string, RTCPeerConnectionIceEventInit] =
      own === undefined ? eventArguments(args, 1, "RTCPeerConnectionIceEvent", iceEventInit) : ["icecandidate", own];
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

/** The event `icecandidate`. */
export function iceCandidateEvent(candidate: RTCIceCandidate | null, url: string | null): RTCPeerConnectionIceEvent {
  const init: RTCPeerConnectionIceEventInit = { candidate, url };
  return construct(RTCPeerConnectionIceEvent as unknown as new () => RTCPeerConnectionIceEvent, init);
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
