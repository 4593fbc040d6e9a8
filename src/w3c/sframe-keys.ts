// The keys of SFrame transforms and streams, and frames that wait for them: CryptoKeys, which WebCrypto alone can read. HKDF's
// key derivation is its deriveBits (RFC 9605 §4.4.2).
import { SFRAME_NONCE_LENGTH, type SFrameSuite } from "../sframe/cipher-suites.js";
import { SFrameReceiver, SFrameSender } from "../sframe/context.js";
import { type SFrameInteger, sframeInteger } from "../sframe/header.js";
import { type SFrameKeys, sframeLabels } from "../sframe/keys.js";
import { defaultPlatform } from "./environment.js";
import { domException } from "./errors.js";
import type { CryptoKeyID, SFrameKeysImpl, SFrameTransformErrorEventType } from "./sframe-transforms.js";

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

/** Keys are used in the order in which they are set, whatever time each takes; frames wait for those that were set before. */
class KeyChain {
  private readonly suite: SFrameSuite;
  /** Changes that are under way. */
  private pending = 0;
  /** Settles when the keys set so far are in use, or refused. */
  private keysSet: Promise<void> = Promise.resolve();

  constructor(suite: SFrameSuite) {
    this.suite = suite;
  }

  /** Undefined: there is nothing to wait for. */
  get settled(): Promise<void> | undefined {
    return this.pending === 0 ? undefined : this.keysSet;
  }

  change(
    id: CryptoKeyID,
    key: object | null,
    use: (keyId: SFrameInteger, keys: SFrameKeys | null) => void,
  ): Promise<void> {
    const keyId = sframeInteger(id)!;
    const derived = key === null ? Promise.resolve(null) : deriveKeys(this.suite, keyId, key);
    this.pending++;
    const result = this.keysSet.then(async () => {
      try {
        use(keyId, await derived);
      } finally {
        this.pending--;
      }
    });
    derived.catch(() => {});
    this.keysSet = result.catch(() => {});
    return result;
  }
}

const tooMany = (): DOMException => domException("InvalidModificationError", "There are too many keys.");

/** Anything with the bytes of a frame. */
export interface SealedFrame {
  data: ArrayBuffer;
}

/** What is to be done with a frame once the keys are there. */
export interface FrameSealer<F extends SealedFrame> extends SFrameKeysImpl {
  /** Undefined: there is nothing to wait for. */
  readonly settled: Promise<void> | undefined;
  /** False: the frame must not go on. */
  seal(frame: F): boolean;
}

export class FrameEncryptor implements FrameSealer<SealedFrame> {
  private readonly keys: KeyChain;
  private readonly sender: SFrameSender;

  constructor(suite: SFrameSuite) {
    this.keys = new KeyChain(suite);
    this.sender = new SFrameSender(defaultPlatform().crypto, suite);
  }

  get settled(): Promise<void> | undefined {
    return this.keys.settled;
  }

  /** Without a key nothing goes on: a frame must not leave as it came. */
  seal(frame: SealedFrame): boolean {
    const sealed = this.sender.seal(new Uint8Array(frame.data));
    if (sealed === undefined) return false;
    frame.data = sealed.buffer;
    return true;
  }

  setKey(key: object, id: CryptoKeyID): Promise<void> {
    return this.keys.change(id, key, (keyId, keys) => {
      if (!this.sender.setKey(keyId, keys!)) throw tooMany();
    });
  }

  /** An encryptor has one key at a time. */
  removeKey(): Promise<void> {
    return Promise.resolve();
  }
}

export class FrameDecryptor<F extends SealedFrame> implements FrameSealer<F> {
  private readonly keys: KeyChain;
  private readonly receiver: SFrameReceiver;
  private readonly onError: (type: SFrameTransformErrorEventType, frame: F, keyId: SFrameInteger | null) => void;

  constructor(
    suite: SFrameSuite,
    onError: (type: SFrameTransformErrorEventType, frame: F, keyId: SFrameInteger | null) => void,
  ) {
    this.keys = new KeyChain(suite);
    this.receiver = new SFrameReceiver(defaultPlatform().crypto, suite);
    this.onError = onError;
  }

  get settled(): Promise<void> | undefined {
    return this.keys.settled;
  }

  seal(frame: F): boolean {
    const opened = this.receiver.open(new Uint8Array(frame.data));
    if (opened.ok) frame.data = new Uint8Array(opened.frame).buffer;
    else this.onError(opened.reason, frame, opened.reason === "keyID" ? opened.keyId : null);
    return opened.ok;
  }

  setKey(key: object, id: CryptoKeyID): Promise<void> {
    return this.keys.change(id, key, (keyId, keys) => {
      if (!this.receiver.addKey(keyId, keys!)) throw tooMany();
    });
  }

  removeKey(id: CryptoKeyID): Promise<void> {
    return this.keys.change(id, null, (keyId) => void this.receiver.removeKey(keyId));
  }
}
