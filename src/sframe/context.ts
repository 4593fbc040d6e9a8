// Sealing and opening of SFrame ciphertexts (RFC 9605 §4.4): a header, and behind it the frame, encrypted and authenticated
// together with the header and metadata of the application's. Replay is the application's matter (§9.3).
import type { CryptoProvider } from "../crypto/provider.js";
import { hexEncode } from "../util/text.js";
import { createSFrameCipher, SFRAME_NONCE_LENGTH, type SFrameCipher, type SFrameSuite } from "./cipher-suites.js";
import { parseSFrameHeader, type SFrameInteger, writeSFrameHeader } from "./header.js";
import type { SFrameKeys } from "./keys.js";

/** Keys that one receiver holds. */
export const MAX_SFRAME_KEYS = 1024;

const NONE = new Uint8Array(0);

class KeyContext {
  readonly cipher: SFrameCipher;
  private readonly salt: Uint8Array;
  private readonly nonce = new Uint8Array(SFRAME_NONCE_LENGTH);

  constructor(crypto: CryptoProvider, suite: SFrameSuite, { key, salt }: SFrameKeys) {
    this.cipher = createSFrameCipher(crypto, suite, key);
    this.salt = salt;
  }

  /** The salt, with the counter (big-endian, of up to eight bytes) XORed into its end; good until the next call. */
  nonceOf(counter: Uint8Array): Uint8Array {
    const { nonce } = this;
    nonce.set(this.salt);
    for (let i = 0; i < counter.length; i++) nonce[SFRAME_NONCE_LENGTH - counter.length + i]! ^= counter[i]!;
    return nonce;
  }
}

function withMetadata(header: Uint8Array, metadata: Uint8Array): Uint8Array {
  if (metadata.length === 0) return header;
  const aad = new Uint8Array(header.length + metadata.length);
  aad.set(header);
  aad.set(metadata, header.length);
  return aad;
}

/** Keys that one sender has had: it remembers how far their counters have come. */
const MAX_KEYS_USED = 4096;

/** Encrypts with one key at a time. */
export class SFrameSender {
  private readonly crypto: CryptoProvider;
  private readonly suite: SFrameSuite;
  private keyId: SFrameInteger = 0;
  private context: KeyContext | undefined;
  private counter = 0;
  private name = "";
  /** The next counters of the keys before, by key and salt. */
  private readonly used = new Map<string, number>();

  constructor(crypto: CryptoProvider, suite: SFrameSuite) {
    this.crypto = crypto;
    this.suite = suite;
  }

  /**
   * From now on this key is used. A key that comes back goes on with its counter, so that no nonce is used twice (§9.1);
   * `counter` is for one that somebody else has used. False if there have been too many keys.
   */
  setKey(keyId: SFrameInteger, keys: SFrameKeys, counter = 0): boolean {
    if (this.context !== undefined) this.used.set(this.name, this.counter);
    const name = `${hexEncode(keys.key)} ${hexEncode(keys.salt)}`;
    if (!this.used.has(name) && this.used.size >= MAX_KEYS_USED) return false;
    this.name = name;
    this.keyId = keyId;
    this.context = new KeyContext(this.crypto, this.suite, keys);
    this.counter = Math.max(counter, this.used.get(name) ?? 0);
    return true;
  }

  /** The counter of the next frame. */
  get nextCounter(): number {
    return this.counter;
  }

  /** Fresh memory; undefined without a key, or once its counters are used up. */
  seal(frame: Uint8Array, metadata: Uint8Array = NONE): Uint8Array<ArrayBuffer> | undefined {
    const { context, counter } = this;
    if (context === undefined || counter > Number.MAX_SAFE_INTEGER) return undefined;
    this.counter++;
    const header = writeSFrameHeader(this.keyId, counter);
    const out = new Uint8Array(header.length + frame.length + context.cipher.tagLength);
    out.set(header);
    out.set(frame, header.length);
    const nonce = context.nonceOf(parseSFrameHeader(header)!.counter);
    context.cipher.seal(out, header.length, frame.length, nonce, withMetadata(header, metadata));
    return out;
  }
}

/** `keyId`: the one that the header names, where it can be read. */
export type SFrameOpened =
  | { readonly ok: true; readonly frame: Uint8Array<ArrayBuffer>; readonly keyId: SFrameInteger }
  | { readonly ok: false; readonly reason: "syntax"; readonly keyId: null }
  | { readonly ok: false; readonly reason: "keyID" | "authentication"; readonly keyId: SFrameInteger };

/** Decrypts with any of its keys. */
export class SFrameReceiver {
  private readonly crypto: CryptoProvider;
  private readonly suite: SFrameSuite;
  private readonly contexts = new Map<SFrameInteger, KeyContext>();

  constructor(crypto: CryptoProvider, suite: SFrameSuite) {
    this.crypto = crypto;
    this.suite = suite;
  }

  /** False if there are too many. A key identifier's old key goes. */
  addKey(keyId: SFrameInteger, keys: SFrameKeys): boolean {
    if (!this.contexts.has(keyId) && this.contexts.size >= MAX_SFRAME_KEYS) return false;
    this.contexts.set(keyId, new KeyContext(this.crypto, this.suite, keys));
    return true;
  }

  /** False if there is none. */
  removeKey(keyId: SFrameInteger): boolean {
    return this.contexts.delete(keyId);
  }

  /** `data` stays as it is. */
  open(data: Uint8Array, metadata: Uint8Array = NONE): SFrameOpened {
    const header = parseSFrameHeader(data);
    if (header === undefined) return { ok: false, reason: "syntax", keyId: null };
    const { keyId, counter, length } = header;
    const context = this.contexts.get(keyId);
    if (context === undefined) return { ok: false, reason: "keyID", keyId };
    const { cipher } = context;
    if (data.length < length + cipher.tagLength) return { ok: false, reason: "syntax", keyId: null };
    const body = Uint8Array.from(data.subarray(length));
    const aad = withMetadata(data.subarray(0, length), metadata);
    const ok = cipher.open(body, 0, body.length, context.nonceOf(counter), aad);
    if (!ok) return { ok, reason: "authentication", keyId };
    return { ok, frame: body.subarray(0, body.length - cipher.tagLength), keyId };
  }
}
