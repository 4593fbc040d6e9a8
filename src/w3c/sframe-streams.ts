// SFrameEncryptorStream and SFrameDecryptorStream (webrtc-encoded-transform §3): TransformStreams of encoded frames over
// sframe-keys.ts.
import { SFRAME_SUITES, type SFrameSuite } from "../sframe/cipher-suites.js";
import type { Converter } from "./conversions.js";
import { unionOfInterfaces } from "./conversions.js";
import { defaultPlatform } from "./environment.js";
import type { EventHandler } from "./event-handlers.js";
import { fire } from "./events.js";
import type { RTCEncodedAudioFrame, RTCEncodedVideoFrame } from "./rtc-encoded-frame.js";
import { FrameDecryptor, FrameEncryptor, type FrameSealer } from "./sframe-keys.js";
import {
  type CryptoKeyID,
  keyIdType,
  SFrameTarget,
  SFrameTransformErrorEvent,
  type SFrameTransformOptions,
  setKey,
  transformOptions,
} from "./sframe-transforms.js";
import { constructing, defineInterface, executing, requireArguments } from "./webidl.js";

type EncodedFrame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;

const encodedFrame = unionOfInterfaces<EncodedFrame>("RTCEncodedVideoFrame", "RTCEncodedAudioFrame");

interface StreamImpl {
  readonly stream: TransformStream;
  readonly sealer: FrameSealer<EncodedFrame>;
}

function streamOf(sealer: FrameSealer<EncodedFrame>): StreamImpl {
  const stream = new TransformStream({
    transform: async (chunk, controller) => {
      const frame = encodedFrame(chunk, "");
      await sealer.settled;
      if (sealer.seal(frame)) controller.enqueue(frame);
    },
  });
  return { stream, sealer };
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

// -- SFrameEncryptorStream

export class SFrameEncryptorStream {
  readonly #impl: StreamImpl;

  constructor(...args: [options: SFrameTransformOptions]) {
    this.#impl = streamOf(new FrameEncryptor(suiteOf(args, "SFrameEncryptorStream", transformOptions)));
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
    return setKey(this.#impl.sealer, key, keyId, executing("setEncryptionKey", "SFrameEncryptorStream"));
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

export class SFrameDecryptorStream extends SFrameTarget {
  readonly #impl: StreamImpl;
  declare onerror: EventHandler<SFrameTransformErrorEvent>;

  constructor(...args: [options: SFrameTransformOptions]) {
    super();
    const suite = suiteOf(args, "SFrameDecryptorStream", transformOptions);
    this.#impl = streamOf(
      new FrameDecryptor<EncodedFrame>(suite, (errorType, frame, keyID) => {
        const event = new SFrameTransformErrorEvent("error", { errorType, frame, keyID });
        defaultPlatform().queueTask(() => fire(this, event));
      }),
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
    return setKey(this.#impl.sealer, key, keyId, executing("addDecryptionKey", "SFrameDecryptorStream"));
  }
  removeDecryptionKey(keyId: CryptoKeyID): Promise<void> {
    return this.#impl.sealer.removeKey(keyIdType(keyId, executing("removeDecryptionKey", "SFrameDecryptorStream")));
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
