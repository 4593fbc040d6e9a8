// The SFrame interfaces of webrtc-encoded-transform §3 (RFC 9605). Their shape is here: keys and ciphers come with the media
// layer's transforms. Until then no object can be made, so that nobody takes for encrypted what is not.
import {
  type Converter,
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

export type SFrameCipherSuite =
  | "AES_128_CTR_HMAC_SHA256_80"
  | "AES_128_CTR_HMAC_SHA256_64"
  | "AES_128_CTR_HMAC_SHA256_32"
  | "AES_128_GCM_SHA256_128"
  | "AES_256_GCM_SHA512_128"
  | "AES_256_CTR_HMAC_SHA512_80"
  | "AES_256_CTR_HMAC_SHA512_64"
  | "AES_256_CTR_HMAC_SHA512_32";
export type SFrameType = "per-frame" | "per-packet";

export interface SFrameTransformOptions {
  cipherSuite: SFrameCipherSuite;
}
export interface RTCRtpSFrameEncryptorOptions extends SFrameTransformOptions {
  type?: SFrameType;
}
/** An integer below 2^64. */
export type CryptoKeyID = number | bigint;

const cipherSuite = enumeration<SFrameCipherSuite>("SFrameCipherSuite", [
  "AES_128_CTR_HMAC_SHA256_80",
  "AES_128_CTR_HMAC_SHA256_64",
  "AES_128_CTR_HMAC_SHA256_32",
  "AES_128_GCM_SHA256_128",
  "AES_256_GCM_SHA512_128",
  "AES_256_CTR_HMAC_SHA512_80",
  "AES_256_CTR_HMAC_SHA512_64",
  "AES_256_CTR_HMAC_SHA512_32",
]);
const transformOptions = dictionary<SFrameTransformOptions>("SFrameTransformOptions", {
  cipherSuite: { type: cipherSuite, required: true },
});
const encryptorOptions = dictionary<RTCRtpSFrameEncryptorOptions>(
  "RTCRtpSFrameEncryptorOptions",
  { type: { type: enumeration<SFrameType>("SFrameType", ["per-frame", "per-packet"]), default: () => "per-frame" } },
  transformOptions,
);

const smallKeyId = integer("unsigned long long", "EnforceRange");
const keyId: Converter<CryptoKeyID> = (value, where) => {
  if (typeof value !== "bigint") return smallKeyId(value, where);
  if (value >= 0n && value < 1n << 64n) return value;
  throw new RangeError(`${where}Not a 64 bits integer`);
};

/** What the classes below are faces of. */
export interface SFrameKeysImpl {
  setKey(key: object, id: CryptoKeyID): Promise<void>;
  removeKey(id: CryptoKeyID): Promise<void>;
}
export interface SFrameStreamImpl extends SFrameKeysImpl {
  /** A ReadableStream. */
  readonly readable: object;
  /** A WritableStream. */
  readonly writable: object;
}

/** Converts the arguments of a constructor, and refuses. */
function refuse<T>(args: readonly unknown[], name: string, options: Converter<unknown>): T {
  const where = constructing(name);
  requireArguments(args.length, 1, where);
  options(args[0], where);
  throw domException("NotSupportedError", `${where}SFrame is not supported.`);
}

function setKey(impl: SFrameKeysImpl, key: unknown, id: unknown, where: string): Promise<void> {
  return impl.setKey(object(key, where), keyId(id, where));
}

export interface SFrameErrorEventMap {
  error: SFrameTransformErrorEvent;
}
const SFrameTarget: TypedEventTargetConstructor<SFrameErrorEventMap> = EventTarget;

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
    return this.#impl.removeKey(keyId(id, executing("removeDecryptionKey", "RTCRtpSFrameDecryptor")));
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

export class SFrameEncryptorStream {
  readonly #impl: SFrameStreamImpl;

  constructor(...args: [options: SFrameTransformOptions]) {
    this.#impl = refuse(args, "SFrameEncryptorStream", transformOptions);
  }

  get readable(): object {
    return this.#impl.readable;
  }
  get writable(): object {
    return this.#impl.writable;
  }
  setEncryptionKey(key: object, keyId: CryptoKeyID): Promise<void> {
    return setKey(this.#impl, key, keyId, executing("setEncryptionKey", "SFrameEncryptorStream"));
  }

  static {
    defineInterface(SFrameEncryptorStream, {
      name: "SFrameEncryptorStream",
      brand: (o) => #impl in o,
      constructorLength: 1,
      promises: ["setEncryptionKey"],
    });
  }
}

export class SFrameDecryptorStream extends SFrameTarget {
  readonly #impl: SFrameStreamImpl;
  declare onerror: EventHandler<SFrameTransformErrorEvent>;

  constructor(...args: [options: SFrameTransformOptions]) {
    super();
    this.#impl = refuse(args, "SFrameDecryptorStream", transformOptions);
  }

  get readable(): object {
    return this.#impl.readable;
  }
  get writable(): object {
    return this.#impl.writable;
  }
  addDecryptionKey(key: object, keyId: CryptoKeyID): Promise<void> {
    return setKey(this.#impl, key, keyId, executing("addDecryptionKey", "SFrameDecryptorStream"));
  }
  removeDecryptionKey(id: CryptoKeyID): Promise<void> {
    return this.#impl.removeKey(keyId(id, executing("removeDecryptionKey", "SFrameDecryptorStream")));
  }

  static {
    defineInterface(SFrameDecryptorStream, {
      name: "SFrameDecryptorStream",
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
  keyID: { type: nullable(keyId) },
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
