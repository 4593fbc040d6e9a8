// SFrameEncryptorStream and SFrameDecryptorStream (webrtc-encoded-transform §3): TransformStreams of encoded frames over
// src/sframe. Keys are CryptoKeys, which WebCrypto alone can read: HKDF's key derivation is its deriveBits.
import { SFRAME_NONCE_LENGTH, SFRAME_SUITES, type SFrameSuite } from "../sframe/cipher-suites.js";
import { SFrameReceiver, SFrameSender } from "../sframe/context.js";
import { type SFrameInteger, sframeInteger } from "../sframe/header.js";
import { type SFrameKeys, sframeLabels } from "../sframe/keys.js";
import type { Converter } from "./conversions.js";
import { unionOfInterfaces } from "./conversions.js";
import { defaultPlatform } from "./environment.js";
import { domException } from "./errors.js";
import type { EventHandler } from "./event-handlers.js";
import { fire } from "./events.js";
import type { RTCEncodedAudioFrame, RTCEncodedVideoFrame } from "./rtc-encoded-frame.js";
import {
  type CryptoKeyID,
  keyIdType,
  SFrameTarget,
  SFrameTransformErrorEvent,
  type SFrameTransformErrorEventType,
  type SFrameTransformOptions,
  setKey,
  transformOptions,
} from "./sframe-transforms.js";
import { constructing, defineInterface, executing, requireArguments } from "./webidl.js";

type EncodedFrame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;

const encodedFrame = unionOfInterfaces<EncodedFrame>("RTCEncodedVideoFrame", "RTCEncodedAudioFrame");
const HASHES: Readonly<Record<string, string>> = { "sha-256": "SHA-256", "sha-512": "SHA-512" };

/** RFC 9605 §4.4.2 by WebCrypto: extracting with an empty salt and expanding are one step there. */
async function deriveKeys(suite: SFrameSuite, keyId: SFrameInteger, baseKey: object): Promise<SFrameKeys> {
  const labels = sframeLabels(suite, keyId);
  const derive = async (info: Uint8Array, length: number): Promise<Uint8Array> => {
    const algorithm = { name: "HKDF", hash: HASHES[suite.hash]!, salt: new Uint8Array(0), info };
    return new Uint8Array(await crypto.subtle.deriveBits(algorithm, baseKey, length * 8));
  };
  try {
    return { key: await derive(labels.key, suite.keyLength), salt: await derive(labels.salt, SFRAME_NONCE_LENGTH) };
  } catch {
    throw domException("InvalidModificationError", "The key is not one of HKDF that bits can be derived from.");
  }
}

/** What both directions have in common: a TransformStream whose frames wait for the keys that were set before them. */
class StreamImpl {
  readonly stream: TransformStream;
  private readonly suite: SFrameSuite;
  /** Settles when the keys set so far are in use, or refused. */
  private keysSet: Promise<void> = Promise.resolve();

  /** `transform`: whether the frame goes on. */
  constructor(suite: SFrameSuite, transform: (frame: EncodedFrame) => boolean) {
    this.suite = suite;
    this.stream = new TransformStream({
      transform: async (chunk, controller) => {
        const frame = encodedFrame(chunk, "");
        await this.keysSet;
        if (transform(frame)) controller.enqueue(frame);
      },
    });
  }

  /** Keys are used in the order in which they are set, whatever time each takes. */
  changeKeys(
    id: CryptoKeyID,
    key: object | null,
    use: (keyId: SFrameInteger, keys: SFrameKeys | null) => void,
  ): Promise<void> {
    const keyId = sframeInteger(id)!;
    const derived = key === null ? Promise.resolve(null) : deriveKeys(this.suite, keyId, key);
    const result = this.keysSet.then(async () => use(keyId, await derived));
    derived.catch(() => {});
    this.keysSet = result.catch(() => {});
    return result;
  }
}

function suiteOf<T>(
  args: readonly unknown[],
  name: string,
  options: Converter<T & SFrameTransformOptions>,
): SFrameSuite {
  const where = constructing(name);
  requireArguments(args.length, 1, where);
  return SFRAME_SUITES[options(args[0], where).cipherSuite];
}

const tooMany = (): DOMException => domException("InvalidModificationError", "There are too many keys.");

// -- SFrameEncryptorStream

class EncryptorImpl extends StreamImpl {
  private readonly sender: SFrameSender;

  constructor(suite: SFrameSuite) {
    const sender = new SFrameSender(defaultPlatform().crypto, suite);
    // Without a key nothing goes on: a frame must not leave as it came.
    super(suite, (frame) => {
      const sealed = sender.seal(new Uint8Array(frame.data));
      if (sealed === undefined) return false;
      frame.data = sealed.buffer;
      return true;
    });
    this.sender = sender;
  }

  setKey(key: object, id: CryptoKeyID): Promise<void> {
    return this.changeKeys(id, key, (keyId, keys) => {
      if (!this.sender.setKey(keyId, keys!)) throw tooMany();
    });
  }
}

export class SFrameEncryptorStream {
  readonly #impl: EncryptorImpl;

  constructor(...args: [options: SFrameTransformOptions]) {
    this.#impl = new EncryptorImpl(suiteOf(args, "SFrameEncryptorStream", transformOptions));
  }

  /** A ReadableStream of the frames, encrypted: the objects that were written. */
  get readable(): object {
    return this.#impl.stream.readable;
  }
  /** A WritableStream of RTCEncodedVideoFrame and RTCEncodedAudioFrame. */
  get writable(): object {
    return this.#impl.stream.writable;
  }
  /** `key`: a CryptoKey of HKDF with the usage "deriveBits". It is for the frames that are written from now on. */
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

// -- SFrameDecryptorStream

class DecryptorImpl extends StreamImpl {
  private readonly receiver: SFrameReceiver;

  constructor(
    suite: SFrameSuite,
    onError: (type: SFrameTransformErrorEventType, frame: EncodedFrame, keyId: SFrameInteger | null) => void,
  ) {
    const receiver = new SFrameReceiver(defaultPlatform().crypto, suite);
    super(suite, (frame) => {
      const opened = receiver.open(new Uint8Array(frame.data));
      if (opened.ok) frame.data = opened.frame.slice().buffer;
      else onError(opened.reason, frame, opened.reason === "keyID" ? opened.keyId : null);
      return opened.ok;
    });
    this.receiver = receiver;
  }

  setKey(key: object, id: CryptoKeyID): Promise<void> {
    return this.changeKeys(id, key, (keyId, keys) => {
      if (!this.receiver.addKey(keyId, keys!)) throw tooMany();
    });
  }

  removeKey(id: CryptoKeyID): Promise<void> {
    return this.changeKeys(id, null, (keyId) => void this.receiver.removeKey(keyId));
  }
}

export class SFrameDecryptorStream extends SFrameTarget {
  readonly #impl: DecryptorImpl;
  declare onerror: EventHandler<SFrameTransformErrorEvent>;

  constructor(...args: [options: SFrameTransformOptions]) {
    super();
    this.#impl = new DecryptorImpl(
      suiteOf(args, "SFrameDecryptorStream", transformOptions),
      (errorType, frame, keyID) => {
        const event = new SFrameTransformErrorEvent("error", { errorType, frame, keyID });
        defaultPlatform().queueTask(() => fire(this, event));
      },
    );
  }

  /** A ReadableStream of the frames, decrypted; those that cannot be are left out, and told by an `error` event. */
  get readable(): object {
    return this.#impl.stream.readable;
  }
  /** A WritableStream of RTCEncodedVideoFrame and RTCEncodedAudioFrame. */
  get writable(): object {
    return this.#impl.stream.writable;
  }
  /** `key`: a CryptoKey of HKDF with the usage "deriveBits". */
  addDecryptionKey(key: object, keyId: CryptoKeyID): Promise<void> {
    return setKey(this.#impl, key, keyId, executing("addDecryptionKey", "SFrameDecryptorStream"));
  }
  removeDecryptionKey(keyId: CryptoKeyID): Promise<void> {
    return this.#impl.removeKey(keyIdType(keyId, executing("removeDecryptionKey", "SFrameDecryptorStream")));
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
