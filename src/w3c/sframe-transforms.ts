// What the SFrame interfaces of webrtc-encoded-transform §3 (RFC 9605) have in common: options, keys, the error event.
import { SFRAME_SUITES, type SFrameCipherSuite } from "../sframe/cipher-suites.js";
import {
  type Converter,
  type Dictionary,
  dictionary,
  enumeration,
  integer,
  nullable,
  object,
  unionOfInterfaces,
} from "./conversions.js";
import type { EventInit, TypedEventTargetConstructor } from "./event-handlers.js";
import { eventArguments, eventDictionary } from "./events.js";
import type { RTCEncodedAudioFrame, RTCEncodedVideoFrame } from "./rtc-encoded-frame.js";
import { defineInterface } from "./webidl.js";

export type SFrameType = "per-frame" | "per-packet";

export interface SFrameTransformOptions {
  cipherSuite: SFrameCipherSuite;
}
export interface RTCRtpSFrameEncryptorOptions extends SFrameTransformOptions {
  type?: SFrameType;
}
/** An integer below 2^64. */
export type CryptoKeyID = number | bigint;

const cipherSuite = enumeration<SFrameCipherSuite>(
  "SFrameCipherSuite",
  Object.keys(SFRAME_SUITES) as SFrameCipherSuite[],
);
export const transformOptions: Dictionary<SFrameTransformOptions> = dictionary<SFrameTransformOptions>(
  "SFrameTransformOptions",
  {
    cipherSuite: { type: cipherSuite, required: true },
  },
);
export const encryptorOptions: Dictionary<RTCRtpSFrameEncryptorOptions> = dictionary<RTCRtpSFrameEncryptorOptions>(
  "RTCRtpSFrameEncryptorOptions",
  { type: { type: enumeration<SFrameType>("SFrameType", ["per-frame", "per-packet"]), default: () => "per-frame" } },
  transformOptions,
);

const smallKeyId = integer("unsigned long long", "EnforceRange");
export const keyIdType: Converter<CryptoKeyID> = (value, where) => {
  if (typeof value !== "bigint") return smallKeyId(value, where);
  if (value >= 0n && value < 1n << 64n) return value;
  throw new RangeError(`${where}Not a 64 bits integer`);
};

/** What the classes below are faces of. */
export interface SFrameKeysImpl {
  setKey(key: object, id: CryptoKeyID): Promise<void>;
  removeKey(id: CryptoKeyID): Promise<void>;
}
/** A CryptoKey, of whatever realm. */
export const cryptoKey: Converter<object> = (value, where) => {
  if (Object.prototype.toString.call(value) === "[object CryptoKey]") return object(value, where);
  throw new TypeError(`${where}The provided value is not of type 'CryptoKey'.`);
};

export function setKey(impl: Pick<SFrameKeysImpl, "setKey">, key: unknown, id: unknown, where: string): Promise<void> {
  return impl.setKey(cryptoKey(key, where), keyIdType(id, where));
}

export interface SFrameErrorEventMap {
  error: SFrameTransformErrorEvent;
}
export const SFrameTarget: TypedEventTargetConstructor<SFrameErrorEventMap> = EventTarget;

// -- SFrameTransformErrorEvent

export type SFrameTransformErrorEventType = "authentication" | "keyID" | "syntax";

export interface SFrameTransformErrorEventInit extends EventInit {
  errorType: SFrameTransformErrorEventType;
  frame: RTCEncodedVideoFrame | RTCEncodedAudioFrame;
  keyID?: CryptoKeyID | null;
}

const errorEventInit = eventDictionary<SFrameTransformErrorEventInit>("SFrameTransformErrorEventInit", {
  errorType: {
    type: enumeration<SFrameTransformErrorEventType>("SFrameTransformErrorEventType", [
      "authentication",
      "keyID",
      "syntax",
    ]),
    required: true,
  },
  frame: {
    type: unionOfInterfaces<RTCEncodedVideoFrame | RTCEncodedAudioFrame>(
      "RTCEncodedVideoFrame",
      "RTCEncodedAudioFrame",
    ),
    required: true,
  },
  keyID: { type: nullable(keyIdType) },
});

export class SFrameTransformErrorEvent extends Event {
  readonly #init: SFrameTransformErrorEventInit;

  constructor(...args: [type: string, eventInitDict: SFrameTransformErrorEventInit]) {
    const [type, init] = eventArguments(args, 2, "SFrameTransformErrorEvent", errorEventInit);
    super(type, init);
    this.#init = init;
  }

  get errorType(): SFrameTransformErrorEventType {
    return this.#init.errorType;
  }
  get keyID(): CryptoKeyID | null {
    return this.#init.keyID ?? null;
  }
  get frame(): RTCEncodedVideoFrame | RTCEncodedAudioFrame {
    return this.#init.frame;
  }

  static {
    defineInterface(SFrameTransformErrorEvent, {
      name: "SFrameTransformErrorEvent",
      brand: (o) => #init in o,
      constructorLength: 2,
    });
  }
}
