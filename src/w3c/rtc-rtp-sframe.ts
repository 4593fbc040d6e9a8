// RTCRtpSFrameEncryptor and RTCRtpSFrameDecryptor (webrtc-encoded-transform §3): SFrame (RFC 9605) as the transform of a sender
// or receiver. Whole frames are sealed, the RTP payload format of the codec stays; SFrame of single packets is not there.
import { SFRAME_SUITES } from "../sframe/cipher-suites.js";
import type { SFrameInteger } from "../sframe/header.js";
import { MAX_UNREAD_FRAMES } from "./encoded-streams.js";
import { defaultPlatform } from "./environment.js";
import { domException } from "./errors.js";
import type { EventHandler } from "./event-handlers.js";
import { fire } from "./events.js";
import { type AttachTransform, type FrameUnit, registerTransform } from "./frame-transform.js";
import {
  createAudioFrame,
  createVideoFrame,
  type RTCEncodedAudioFrame,
  type RTCEncodedVideoFrame,
} from "./rtc-encoded-frame.js";
import { FrameDecryptor, FrameEncryptor, type FrameSealer, type SealedFrame } from "./sframe-keys.js";
import {
  type CryptoKeyID,
  encryptorOptions,
  keyIdType,
  type RTCRtpSFrameEncryptorOptions,
  SFrameTarget,
  SFrameTransformErrorEvent,
  type SFrameTransformErrorEventType,
  type SFrameTransformOptions,
  setKey,
  transformOptions,
} from "./sframe-transforms.js";
import { constructing, defineInterface, executing, requireArguments } from "./webidl.js";

/** A unit whose bytes are replaced. */
type Sealed = { -readonly [K in keyof FrameUnit]: FrameUnit[K] } & SealedFrame;

function attachTo(sealer: FrameSealer<Sealed>): AttachTransform {
  return (target) => {
    // Frames that wait for keys, in their order.
    let waiting: Sealed[] = [];
    const pass = (frame: Sealed): void => {
      if (sealer.seal(frame)) target.output(frame);
    };
    const passAll = (): void => {
      const { settled } = sealer;
      if (settled !== undefined) {
        void settled.then(passAll);
        return;
      }
      const frames = waiting;
      waiting = [];
      frames.forEach(pass);
    };
    return {
      push: ({ type, data, metadata, carried }) => {
        const frame = { type, data, metadata, carried };
        if (sealer.settled === undefined && waiting.length === 0) {
          pass(frame);
        } else if (waiting.length < MAX_UNREAD_FRAMES) {
          waiting.push(frame);
          if (waiting.length === 1) passAll();
        }
      },
      detach: () => {
        waiting = [];
      },
    };
  };
}

export class RTCRtpSFrameEncryptor {
  readonly #impl: FrameSealer<Sealed>;

  constructor(...args: [options: RTCRtpSFrameEncryptorOptions]) {
    const where = constructing("RTCRtpSFrameEncryptor");
    requireArguments(args.length, 1, where);
    const { cipherSuite, type } = encryptorOptions(args[0], where);
    if (type === "per-packet")
      throw domException("NotSupportedError", `${where}Packets cannot be encrypted one by one.`);
    const sealer = new FrameEncryptor(SFRAME_SUITES[cipherSuite]);
    this.#impl = sealer;
    registerTransform(this, attachTo(sealer));
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
  readonly #impl: FrameSealer<Sealed>;
  declare onerror: EventHandler<SFrameTransformErrorEvent>;

  constructor(...args: [options: SFrameTransformOptions]) {
    super();
    const where = constructing("RTCRtpSFrameDecryptor");
    requireArguments(args.length, 1, where);
    const { cipherSuite } = transformOptions(args[0], where);
    const sealer = new FrameDecryptor<Sealed>(SFRAME_SUITES[cipherSuite], (errorType, unit, keyID) => {
      defaultPlatform().queueTask(() => fire(this, errorEvent(errorType, unit, keyID)));
    });
    this.#impl = sealer;
    registerTransform(this, attachTo(sealer));
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

function errorEvent(
  errorType: SFrameTransformErrorEventType,
  { type, data, metadata }: Sealed,
  keyID: SFrameInteger | null,
): SFrameTransformErrorEvent {
  const frame: RTCEncodedVideoFrame | RTCEncodedAudioFrame =
    type === undefined ? createAudioFrame({ data, metadata }) : createVideoFrame({ type, data, metadata });
  return new SFrameTransformErrorEvent("error", { errorType, frame, keyID });
}
