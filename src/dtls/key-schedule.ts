// The key schedule of (D)TLS 1.2: PRF (RFC 5246 §5), master secret (§8.1, extended: RFC 7627 §4), key block (§6.3),
// verify_data (§7.4.9) and the exporter (RFC 5705 §4).
import type { CryptoProvider, HashAlgorithm } from "../crypto/provider.js";
import { utf8Encode } from "../util/text.js";
import type { CipherSuite } from "./cipher-suites.js";

export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (let i = 0; i < parts.length; i++) length += parts[i]!.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < parts.length; i++) {
    out.set(parts[i]!, at);
    at += parts[i]!.length;
  }
  return out;
}

/** PRF(secret, label, seed) as `length` bytes. */
export function prf(
  crypto: CryptoProvider,
  hash: HashAlgorithm,
  secret: Uint8Array,
  label: string,
  seed: Uint8Array,
  length: number,
): Uint8Array<ArrayBuffer> {
  const hmac = crypto.createHmac(hash, secret);
  const labelAndSeed = concat(utf8Encode(label), seed);
  const out = new Uint8Array(length);
  let a = labelAndSeed;
  for (let at = 0; at < length; at += hmac.length) {
    a = hmac.sign(a) as Uint8Array<ArrayBuffer>;
    out.set(hmac.sign(a, labelAndSeed).subarray(0, length - at), at);
  }
  return out;
}

const MASTER_SECRET_LENGTH = 48;

/** Without the extended master secret extension. */
export function masterSecret(
  crypto: CryptoProvider,
  suite: CipherSuite,
  premaster: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const seed = concat(clientRandom, serverRandom);
  return prf(crypto, suite.hash, premaster, "master secret", seed, MASTER_SECRET_LENGTH);
}

/** `transcript`: all handshake messages up to and including ClientKeyExchange. */
export function extendedMasterSecret(
  crypto: CryptoProvider,
  suite: CipherSuite,
  premaster: Uint8Array,
  transcript: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const sessionHash = crypto.hash(suite.hash, transcript);
  return prf(crypto, suite.hash, premaster, "extended master secret", sessionHash, MASTER_SECRET_LENGTH);
}

export interface TrafficKey {
  readonly key: Uint8Array;
  /** The fixed part of the nonce. */
  readonly iv: Uint8Array;
}

export interface KeyBlock {
  readonly client: TrafficKey;
  readonly server: TrafficKey;
}

export function keyBlock(
  crypto: CryptoProvider,
  suite: CipherSuite,
  master: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
): KeyBlock {
  const { keyLength: k, fixedIvLength: v } = suite;
  const seed = concat(serverRandom, clientRandom);
  const block = prf(crypto, suite.hash, master, "key expansion", seed, 2 * (k + v));
  return {
    client: { key: block.slice(0, k), iv: block.slice(2 * k, 2 * k + v) },
    server: { key: block.slice(k, 2 * k), iv: block.slice(2 * k + v) },
  };
}

export const VERIFY_DATA_LENGTH = 12;

export function verifyData(
  crypto: CryptoProvider,
  suite: CipherSuite,
  master: Uint8Array,
  sender: "client" | "server",
  transcript: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const seed = crypto.hash(suite.hash, transcript);
  return prf(crypto, suite.hash, master, `${sender} finished`, seed, VERIFY_DATA_LENGTH);
}

/** Keying material (RFC 5705). No context and an empty context give different results. */
export function exportKeyingMaterial(
  crypto: CryptoProvider,
  suite: CipherSuite,
  master: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
  label: string,
  context: Uint8Array | undefined,
  length: number,
): Uint8Array<ArrayBuffer> {
  const seed =
    context === undefined
      ? concat(clientRandom, serverRandom)
      : concat(clientRandom, serverRandom, Uint8Array.of(context.length >> 8, context.length), context);
  return prf(crypto, suite.hash, master, label, seed, length);
}
