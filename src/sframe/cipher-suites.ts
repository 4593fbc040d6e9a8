// The cipher suites of SFrame (RFC 9605 §4.5, and draft-barnes-sframe-iana-256 for AES-256 in counter mode): AEADs with a
// 12-byte nonce. One nonce is for one frame: who calls has to see to that.
import type { AeadJob, CryptoProvider, HashAlgorithm } from "../crypto/provider.js";

/** By the names that WebRTC Encoded Transform gives them. */
export type SFrameCipherSuite =
  | "AES_128_CTR_HMAC_SHA256_80"
  | "AES_128_CTR_HMAC_SHA256_64"
  | "AES_128_CTR_HMAC_SHA256_32"
  | "AES_128_GCM_SHA256_128"
  | "AES_256_GCM_SHA512_128"
  | "AES_256_CTR_HMAC_SHA512_80"
  | "AES_256_CTR_HMAC_SHA512_64"
  | "AES_256_CTR_HMAC_SHA512_32";

export interface SFrameSuite {
  /** IANA's number. */
  readonly id: number;
  /** Of HKDF. */
  readonly hash: HashAlgorithm;
  /** Nk and Nt: bytes of the key (of both keys, where there is an HMAC) and of the tag. */
  readonly keyLength: number;
  readonly tagLength: number;
  /** Of the cipher alone; null: an AEAD of its own. */
  readonly ctrKeyLength: number | null;
}

/** Nn. */
export const SFRAME_NONCE_LENGTH = 12;

function ctr(id: number, hash: HashAlgorithm, bits: 128 | 256, hashLength: number, tagBits: number): SFrameSuite {
  const ctrKeyLength = bits / 8;
  return { id, hash, keyLength: ctrKeyLength + hashLength, tagLength: tagBits / 8, ctrKeyLength };
}

export const SFRAME_SUITES: Readonly<Record<SFrameCipherSuite, SFrameSuite>> = {
  AES_128_CTR_HMAC_SHA256_80: ctr(1, "sha-256", 128, 32, 80),
  AES_128_CTR_HMAC_SHA256_64: ctr(2, "sha-256", 128, 32, 64),
  AES_128_CTR_HMAC_SHA256_32: ctr(3, "sha-256", 128, 32, 32),
  AES_128_GCM_SHA256_128: { id: 4, hash: "sha-256", keyLength: 16, tagLength: 16, ctrKeyLength: null },
  AES_256_GCM_SHA512_128: { id: 5, hash: "sha-512", keyLength: 32, tagLength: 16, ctrKeyLength: null },
  AES_256_CTR_HMAC_SHA512_80: ctr(6, "sha-512", 256, 64, 80),
  AES_256_CTR_HMAC_SHA512_64: ctr(7, "sha-512", 256, 64, 64),
  AES_256_CTR_HMAC_SHA512_32: ctr(8, "sha-512", 256, 64, 32),
};

/** A suite under one key. */
export interface SFrameCipher {
  readonly tagLength: number;
  /** In place: `buffer[offset, offset + length)` becomes ciphertext, and the tag is put after it. */
  seal(buffer: Uint8Array, offset: number, length: number, nonce: Uint8Array, aad: Uint8Array): void;
  /** In place: `length` counts ciphertext and tag, and the plaintext replaces the ciphertext. False if the tag is wrong. */
  open(buffer: Uint8Array, offset: number, length: number, nonce: Uint8Array, aad: Uint8Array): boolean;
}

/** `key` has the suite's `keyLength`. */
export function createSFrameCipher(crypto: CryptoProvider, suite: SFrameSuite, key: Uint8Array): SFrameCipher {
  return suite.ctrKeyLength === null ? new GcmCipher(crypto, key) : new CtrHmacCipher(crypto, suite, key);
}

class GcmCipher implements SFrameCipher {
  readonly tagLength = 16;
  private readonly aead: ReturnType<CryptoProvider["createAead"]>;
  private readonly jobs: [AeadJob];

  constructor(crypto: CryptoProvider, key: Uint8Array) {
    this.aead = crypto.createAead(key.length === 16 ? "aes-128-gcm" : "aes-256-gcm", key);
    const none = new Uint8Array(0);
    this.jobs = [{ buffer: none, offset: 0, length: 0, nonce: none, aad: none, ok: false }];
  }

  private job(buffer: Uint8Array, offset: number, length: number, nonce: Uint8Array, aad: Uint8Array): void {
    const [job] = this.jobs;
    job.buffer = buffer;
    job.offset = offset;
    job.length = length;
    job.nonce = nonce;
    job.aad = aad;
  }

  seal(buffer: Uint8Array, offset: number, length: number, nonce: Uint8Array, aad: Uint8Array): void {
    this.job(buffer, offset, length, nonce, aad);
    this.aead.sealBatch(this.jobs, 1);
  }

  open(buffer: Uint8Array, offset: number, length: number, nonce: Uint8Array, aad: Uint8Array): boolean {
    if (length < this.tagLength) return false;
    this.job(buffer, offset, length, nonce, aad);
    this.aead.openBatch(this.jobs, 1);
    return this.jobs[0].ok;
  }
}

/** RFC 9605 §4.5.1. */
class CtrHmacCipher implements SFrameCipher {
  readonly tagLength: number;
  private readonly crypto: CryptoProvider;
  private readonly cipher: ReturnType<CryptoProvider["createAesCtr"]>;
  private readonly hmac: ReturnType<CryptoProvider["createHmac"]>;
  private readonly iv = new Uint8Array(16);

  constructor(crypto: CryptoProvider, suite: SFrameSuite, key: Uint8Array) {
    this.crypto = crypto;
    this.tagLength = suite.tagLength;
    this.cipher = crypto.createAesCtr(key.subarray(0, suite.ctrKeyLength!));
    this.hmac = crypto.createHmac(suite.hash, key.subarray(suite.ctrKeyLength!));
  }

  private tag(ciphertext: Uint8Array, nonce: Uint8Array, aad: Uint8Array): Uint8Array {
    const head = new Uint8Array(24 + SFRAME_NONCE_LENGTH + aad.length);
    writeLength(head, 0, aad.length);
    writeLength(head, 8, ciphertext.length);
    writeLength(head, 16, this.tagLength);
    head.set(nonce, 24);
    head.set(aad, 24 + SFRAME_NONCE_LENGTH);
    return this.hmac.sign(head, ciphertext).subarray(0, this.tagLength);
  }

  private applyStream(buffer: Uint8Array, offset: number, length: number, nonce: Uint8Array): void {
    this.iv.fill(0);
    this.iv.set(nonce);
    this.cipher.apply(this.iv, buffer, offset, length);
  }

  seal(buffer: Uint8Array, offset: number, length: number, nonce: Uint8Array, aad: Uint8Array): void {
    this.applyStream(buffer, offset, length, nonce);
    buffer.set(this.tag(buffer.subarray(offset, offset + length), nonce, aad), offset + length);
  }

  open(buffer: Uint8Array, offset: number, length: number, nonce: Uint8Array, aad: Uint8Array): boolean {
    const end = offset + length - this.tagLength;
    if (end < offset) return false;
    const expected = this.tag(buffer.subarray(offset, end), nonce, aad);
    if (!this.crypto.equal(expected, buffer.subarray(end, offset + length))) return false;
    this.applyStream(buffer, offset, end - offset, nonce);
    return true;
  }
}

/** Eight bytes; lengths of arrays fit in the last six. */
function writeLength(out: Uint8Array, offset: number, length: number): void {
  const high = Math.floor(length / 2 ** 32);
  out[offset + 2] = high >>> 8;
  out[offset + 3] = high;
  out[offset + 4] = length >>> 24;
  out[offset + 5] = length >>> 16;
  out[offset + 6] = length >>> 8;
  out[offset + 7] = length;
}
