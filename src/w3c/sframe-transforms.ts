// The SFrame interfaces of webrtc-encoded-transform §3 (RFC 9605), but for the streams (sframe-streams.ts). The transforms of
// senders and receivers have their shape only: they come with the media layer. Until then none can be made, so that nobody
// takes for encrypted what is not.
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
import { domException } from "./errors.js";
import type { EventHandler, EventInit, TypedEventTargetConstructor } from "./event-handlers.js";
import { eventArguments, eventDictionary } from "./events.js";
import type { RTCEncodedAudioFrame, RTCEncodedVideoFrame } from "./rtc-encoded-frame.js";
import { constructing, defineInterface, executing, requireArguments } from "./webidl.js";

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
const encryptorOptions = dictionary<RTCRtpSFrameEncryptorOptions>(
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
/** Converts the arguments of a constructor, and refuses. */
function refuse<T>(args: readonly unknown[], name: string, options: Converter<unknown>): T {
  const where = constructing(name);
  requireArguments(args.length, 1, where);
  options(args[0], where);
  throw domException("NotSupportedError", `${where}Transforms of senders and receivers are not supported.`);
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

export class RTCRtpSFrameEncryptor {
  readonly #impl: SFrameKeysImpl;

  constructor(...args: [options: RTCRtpSFrameEncryptorOptions]) {
    this.#impl = refuse(args, "RTCRtpSFrameEncryptor", encryptorOptions);
  }

  /** `key` is a CryptoKey. */
  setEncryptionKey(key: object, keyId: CryptoKeyID): Promise<void> {
    return setKey(this.#impl, key, keyId, executing("setEncryptionKey", "RTCRtpSFrameEncryptor"));
  }

  static {
    defineInterface(RTCRtpSFrameEncryptor, {
      name: "RTCRtpSFrameEncryptor",
      brand: (o) => #impl in o,
      constructorLength: 1,
      promises: ["setEncryptionKey"],
    });
  }
}

export class RTCRtpSFrameDecryptor extends SFrameTarget {
  readonly #impl: SFrameKeysImpl;
  declare onerror: EventHandler<SFrameTransformErrorEvent>;

  constructor(...args: [options: SFrameTransformOptions]) {
    super();
    this.#impl = refuse(args, "RTCRtpSFrameDecryptor", transformOptions);
  }

  addDecryptionKey(key: object, keyId: CryptoKeyID): Promise<void> {
    return setKey(this.#impl, key, keyId, executing("addDecryptionKey", "RTCRtpSFrameDecryptor"));
  }
  removeDecryptionKey(id: CryptoKeyID): Promise<void> {
    return this.#impl.removeKey(keyIdType(id, executing("removeDecryptionKey", "RTCRtpSFrameDecryptor")));
  }

  static {
    defineInterface(RTCRtpSFrameDecryptor, {
      name: "RTCRtpSFrameDecryptor",
      brand: (o) => #impl in o,
      constructorLength: 1,
      promises: ["addDecryptionKey", "removeDecryptionKey"],
      handlers: ["error"],
    });
  }
}

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
