// The keys of SFrame (RFC 9605 §4.4.2): from a base key that the application shares, HKDF (RFC 5869) makes the cipher's key and
// the salt of its nonces.
import type { CryptoProvider } from "../crypto/provider.js";
import { SFRAME_NONCE_LENGTH, type SFrameSuite } from "./cipher-suites.js";
import { eightBytes, type SFrameInteger } from "./header.js";

export interface SFrameKeys {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

/** What HKDF expands: with an empty salt before it, the two calls of a key derivation in one (WebCrypto's deriveBits). */
export interface SFrameLabels {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

const encoder = new TextEncoder();

export function sframeLabels(suite: SFrameSuite, keyId: SFrameInteger): SFrameLabels {
  const label = (purpose: string): Uint8Array => {
    const text = encoder.encode(`SFrame 1.0 Secret ${purpose} `);
    const out = new Uint8Array(text.length + 10);
    out.set(text);
    out.set(eightBytes(keyId), text.length);
    out[text.length + 8] = suite.id >> 8;
    out[text.length + 9] = suite.id;
    return out;
  };
  return { key: label("key"), salt: label("salt") };
}

export function deriveSFrameKeys(
  crypto: CryptoProvider,
  suite: SFrameSuite,
  keyId: SFrameInteger,
  baseKey: Uint8Array,
): SFrameKeys {
  const { hash, keyLength } = suite;
  const secret = crypto.createHmac(hash, new Uint8Array(0)).sign(baseKey);
  const expand = (info: Uint8Array, length: number): Uint8Array => {
    const hmac = crypto.createHmac(hash, secret);
    const out = new Uint8Array(length);
    let block = new Uint8Array(0);
    for (let done = 0, n = 1; done < length; done += block.length, n++) {
      const input = new Uint8Array(block.length + info.length + 1);
      input.set(block);
      input.set(info, block.length);
      input[input.length - 1] = n;
      block = Uint8Array.from(hmac.sign(input));
      out.set(block.subarray(0, length - done), done);
    }
    return out;
  };
  const labels = sframeLabels(suite, keyId);
  return { key: expand(labels.key, keyLength), salt: expand(labels.salt, SFRAME_NONCE_LENGTH) };
}
