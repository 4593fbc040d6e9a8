// The crypto provider over node:crypto. Keys of long-lived objects are KeyObjects: with raw keys every call pays for a
// key import (4 to 5 times slower on Node 24).
import {
  type CipherCCMTypes,
  type CipherGCMTypes,
  type CipherKey,
  constants,
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  hash,
  type KeyObject,
  randomFillSync,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto";
import { createChaCha20Poly1305 } from "../crypto/chacha20-poly1305.js";
import { createBatchCtrHmac } from "../crypto/ctr-hmac.js";
import { type BlockCipher, createBatchGcm } from "../crypto/ghash.js";
import type {
  Aead,
  AeadAlgorithm,
  AeadJob,
  AesCtr,
  CryptoProvider,
  CtrHmac,
  CtrHmacJob,
  HashAlgorithm,
  Hmac,
  KeyAlgorithm,
  KeyShare,
  NamedGroup,
  PrivateKey,
  PublicKey,
  SignatureScheme,
} from "../crypto/provider.js";
import { generateEcdsa, generateRsa, generateRsaAsync, generateX25519 } from "./key-generation.js";
import { release } from "./release.js";

const HASHES: Record<HashAlgorithm, string> = {
  md5: "md5",
  "sha-1": "sha1",
  "sha-224": "sha224",
  "sha-256": "sha256",
  "sha-384": "sha384",
  "sha-512": "sha512",
};

const HASH_LENGTHS: Record<HashAlgorithm, number> = {
  md5: 16,
  "sha-1": 20,
  "sha-224": 28,
  "sha-256": 32,
  "sha-384": 48,
  "sha-512": 64,
};

interface SchemeParameters {
  readonly kind: PublicKey["kind"];
  readonly hash: string | null;
  readonly pss?: boolean;
}

const SCHEMES: Record<SignatureScheme, SchemeParameters> = {
  ecdsa_secp256r1_sha256: { kind: "ecdsa", hash: "sha256" },
  ecdsa_secp384r1_sha384: { kind: "ecdsa", hash: "sha384" },
  ecdsa_secp521r1_sha512: { kind: "ecdsa", hash: "sha512" },
  ecdsa_sha1: { kind: "ecdsa", hash: "sha1" },
  rsa_pkcs1_sha1: { kind: "rsa", hash: "sha1" },
  rsa_pkcs1_sha256: { kind: "rsa", hash: "sha256" },
  rsa_pkcs1_sha384: { kind: "rsa", hash: "sha384" },
  rsa_pkcs1_sha512: { kind: "rsa", hash: "sha512" },
  rsa_pss_rsae_sha256: { kind: "rsa", hash: "sha256", pss: true },
  rsa_pss_rsae_sha384: { kind: "rsa", hash: "sha384", pss: true },
  rsa_pss_rsae_sha512: { kind: "rsa", hash: "sha512", pss: true },
  ed25519: { kind: "ed25519", hash: null },
};

function withKey(scheme: SchemeParameters, key: KeyObject): KeyObject | object {
  if (scheme.pss !== true) return key;
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

// OpenSSL 3 takes about 0.1 ms to write or read a SubjectPublicKeyInfo, and a tenth of that to hand out or take the bare
// key, which Node does by way of JWK. The rest of the structure is constant (RFC 5480 §2, RFC 8410 §4).
const P256_SPKI = Uint8Array.of(
  ...[0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01],
  ...[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04],
);

function spkiOf(algorithm: KeyAlgorithm, key: KeyObject): Uint8Array {
  if (algorithm.name !== "ecdsa" || algorithm.namedCurve !== "P-256") {
    return new Uint8Array(key.export({ type: "spki", format: "der" }));
  }
  const { x, y } = key.export({ format: "jwk" });
  return new Uint8Array(Buffer.concat([P256_SPKI, Buffer.from(x!, "base64url"), Buffer.from(y!, "base64url")]));
}

function publicKeyOf(spki: Uint8Array): KeyObject {
  const der = Buffer.from(spki.buffer, spki.byteOffset, spki.byteLength);
  if (der.length === P256_SPKI.length + 64 && der.subarray(0, P256_SPKI.length).equals(P256_SPKI)) {
    const x = der.toString("base64url", P256_SPKI.length, P256_SPKI.length + 32);
    const y = der.toString("base64url", P256_SPKI.length + 32);
    return createPublicKey({ key: { kty: "EC", crv: "P-256", x, y }, format: "jwk" });
  }
  return createPublicKey({ key: der, format: "der", type: "spki" });
}

class NodePrivateKey implements PrivateKey {
  readonly algorithm: KeyAlgorithm;
  readonly publicKeyDer: Uint8Array;
  readonly key: KeyObject;

  constructor(algorithm: KeyAlgorithm, key: KeyObject, publicKey: KeyObject = createPublicKey(key)) {
    this.algorithm = algorithm;
    this.key = key;
    this.publicKeyDer = spkiOf(algorithm, publicKey);
  }

  sign(scheme: SignatureScheme, data: Uint8Array): Uint8Array {
    const parameters = SCHEMES[scheme];
    return new Uint8Array(sign(parameters.hash, data, withKey(parameters, this.key) as KeyObject));
  }
}

/** What of a private key can be posted to another thread. */
export function postablePrivateKey(key: PrivateKey): KeyObject {
  if (key instanceof NodePrivateKey) return key.key;
  throw new TypeError("The key is of another provider of cryptography.");
}

/** And the key that was posted. */
export function postedPrivateKey(key: KeyObject): PrivateKey {
  const algorithm = algorithmOf(key);
  if (algorithm === undefined) throw new TypeError("That is no private key of a certificate.");
  return new NodePrivateKey(algorithm, key);
}

class NodePublicKey implements PublicKey {
  readonly kind: PublicKey["kind"];
  private readonly key: KeyObject;

  constructor(key: KeyObject) {
    this.key = key;
    const type = key.asymmetricKeyType;
    this.kind = type === "ec" ? "ecdsa" : type === "rsa" || type === "ed25519" ? type : "other";
  }

  verify(scheme: SignatureScheme, data: Uint8Array, signature: Uint8Array): boolean {
    const parameters = SCHEMES[scheme];
    if (parameters === undefined || parameters.kind !== this.kind) return false;
    try {
      return verify(parameters.hash, data, withKey(parameters, this.key) as KeyObject, signature);
    } catch {
      return false;
    }
  }
}

/** Bytes from which giving memory back costs no more than leaving it to the garbage collector. */
const WORTH_RELEASING = 512;

class NodeAead implements Aead {
  readonly tagLength = 16;
  private readonly cipher: CipherGCMTypes;
  /** Bytes until it is needed: a KeyObject takes a kilobyte, and many a connection has nothing for it to do. */
  private material: Uint8Array | KeyObject;

  constructor(algorithm: AeadAlgorithm, key: Uint8Array) {
    // The typings know chacha20-poly1305 only with CCM's options; the calls are the same.
    this.cipher = algorithm as CipherGCMTypes & CipherCCMTypes;
    this.material = key.slice();
  }

  private get key(): KeyObject {
    if (this.material instanceof Uint8Array) this.material = createSecretKey(this.material);
    return this.material;
  }

  sealBatch(jobs: readonly AeadJob[], count: number): void {
    for (let i = 0; i < count; i++) {
      const { buffer, offset, length, nonce, aad, aadLength } = jobs[i]!;
      const cipher = createCipheriv(this.cipher, this.key as CipherKey, nonce, TAG);
      cipher.setAAD(aadLength === undefined ? aad : aad.subarray(0, aadLength), PLAINTEXT_LENGTH);
      const end = offset + length;
      const sealed = cipher.update(buffer.subarray(offset, end));
      cipher.final();
      buffer.set(sealed, offset);
      done(sealed);
      buffer.set(cipher.getAuthTag(), end);
    }
  }

  openBatch(jobs: readonly AeadJob[], count: number): void {
    for (let i = 0; i < count; i++) {
      const job = jobs[i]!;
      const { buffer, offset, length, nonce, aad, aadLength } = job;
      job.ok = false;
      if (length < 16) continue;
      const end = offset + length - 16;
      const decipher = createDecipheriv(this.cipher, this.key as CipherKey, nonce, TAG);
      decipher.setAAD(aadLength === undefined ? aad : aad.subarray(0, aadLength), PLAINTEXT_LENGTH);
      decipher.setAuthTag(buffer.subarray(end, end + 16));
      const opened = decipher.update(buffer.subarray(offset, end));
      try {
        decipher.final();
      } catch {
        continue;
      }
      buffer.set(opened, offset);
      done(opened);
      job.ok = true;
    }
  }
}

/** The output of a cipher was copied, and is not needed any more. */
function done({ buffer, length }: Uint8Array): void {
  if (length >= WORTH_RELEASING && length === buffer.byteLength) release(buffer as ArrayBuffer);
}
const TAG = { authTagLength: 16 };
const PLAINTEXT_LENGTH = { plaintextLength: 0 };

/** Longer data is not put together here first. */
const MAX_SHORT = 2048;
/** Where data and what is hashed around it stand next to each other. */
const workspace = new Uint8Array(128 + MAX_SHORT);

/** Puts the key XOR the pad (RFC 2104 §2) in front. */
function putKey(key: Uint8Array, pad: number, block: number): void {
  for (let i = 0; i < key.length; i++) workspace[i] = key[i]! ^ pad;
  workspace.fill(pad, key.length, block);
}

/**
 * HMAC as RFC 2104 §2 defines it, from two calls that hash at once: with cold caches, as in a handshake, they take 25 to 29
 * microseconds, Node's own 39 to 64; with warm ones the same.
 */
class NodeHmac implements Hmac {
  readonly length: number;
  private readonly algorithm: string;
  private readonly key: Uint8Array;
  private readonly block: number;

  constructor(algorithm: HashAlgorithm, key: Uint8Array) {
    this.length = HASH_LENGTHS[algorithm];
    this.algorithm = HASHES[algorithm];
    this.block = this.length > 32 ? 128 : 64;
    this.key = key.length > this.block ? hash(this.algorithm, key, "buffer") : key.slice();
  }

  sign(data: Uint8Array, more?: Uint8Array): Uint8Array {
    const { algorithm, key, block } = this;
    const end = block + data.length;
    const whole = end + (more?.length ?? 0);
    if (whole > workspace.length) return this.signLong(data, more);
    putKey(key, 0x36, block);
    workspace.set(data, block);
    if (more !== undefined) workspace.set(more, end);
    const digest = hash(algorithm, workspace.subarray(0, whole), "buffer");
    putKey(key, 0x5c, block);
    workspace.set(digest, block);
    const mac = hash(algorithm, workspace.subarray(0, block + digest.length), "buffer");
    // Keys are secret, and often what is hashed.
    workspace.fill(0, 0, Math.max(whole, block + digest.length));
    return mac;
  }

  private signLong(data: Uint8Array, more: Uint8Array | undefined): Uint8Array {
    const hmac = createHmac(this.algorithm, this.key).update(data);
    if (more !== undefined) hmac.update(more);
    return hmac.digest();
  }
}

class NodeAesCtr implements AesCtr {
  private readonly cipher: string;
  private readonly key: KeyObject;

  constructor(key: Uint8Array) {
    this.cipher = `aes-${key.length * 8}-ctr`;
    this.key = createSecretKey(key);
  }

  apply(iv: Uint8Array, buffer: Uint8Array, offset: number, length: number): void {
    const cipher = createCipheriv(this.cipher, this.key, iv);
    buffer.set(cipher.update(buffer.subarray(offset, offset + length)), offset);
  }
}

/** Packets one by one: for what does not fit the kernel. */
class NodeCtrHmac implements CtrHmac {
  private readonly ctr: NodeAesCtr;
  private readonly hmac: NodeHmac;

  constructor(key: Uint8Array, hmacKey: Uint8Array) {
    this.ctr = new NodeAesCtr(key);
    this.hmac = new NodeHmac("sha-1", hmacKey);
  }

  sealBatch(jobs: readonly CtrHmacJob[], count: number): void {
    for (let i = 0; i < count; i++) {
      const job = jobs[i]!;
      this.crypt(job);
      job.buffer.set(this.tag(job), job.macEnd);
    }
  }

  openBatch(jobs: readonly CtrHmacJob[], count: number): void {
    for (let i = 0; i < count; i++) {
      const job = jobs[i]!;
      const { buffer, macEnd, tagLength } = job;
      job.ok = timingSafeEqual(this.tag(job), buffer.subarray(macEnd, macEnd + tagLength));
      if (job.ok) this.crypt(job);
    }
  }

  private crypt({ buffer, start, end, gap, iv }: CtrHmacJob): void {
    const plain = buffer.slice(gap, gap + 4);
    // The four bytes are skipped by moving what is before them next to what is after them, and back.
    if (gap > 0) buffer.copyWithin(start + 4, start, gap);
    this.ctr.apply(iv, buffer, gap > 0 ? start + 4 : start, end - (gap > 0 ? start + 4 : start));
    if (gap === 0) return;
    buffer.copyWithin(start, start + 4, gap + 4);
    buffer.set(plain, gap);
  }

  private tag({ buffer, macEnd, tagLength, hasSuffix, suffix }: CtrHmacJob): Uint8Array {
    const more = hasSuffix ? Uint8Array.of(suffix >>> 24, suffix >>> 16, suffix >>> 8, suffix) : undefined;
    return this.hmac.sign(buffer.subarray(0, macEnd), more).subarray(0, tagLength);
  }
}

class X25519KeyShare implements KeyShare {
  readonly group = "x25519";
  readonly publicKey: Uint8Array;
  private readonly privateKey: KeyObject;

  constructor() {
    const key = generateX25519();
    this.privateKey = createPrivateKey({ key, format: "jwk" });
    this.publicKey = new Uint8Array(Buffer.from(key.x!, "base64url"));
  }

  agree(peerPublicKey: Uint8Array): Uint8Array | undefined {
    if (peerPublicKey.length !== 32) return undefined;
    const x = Buffer.from(peerPublicKey).toString("base64url");
    try {
      const publicKey = createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" });
      const secret = diffieHellman({ privateKey: this.privateKey, publicKey });
      // RFC 7748 §6.1: an all-zero result means a point of small order.
      return secret.every((byte) => byte === 0) ? undefined : new Uint8Array(secret);
    } catch {
      return undefined;
    }
  }
}

class EcdhKeyShare implements KeyShare {
  readonly group: NamedGroup;
  readonly publicKey: Uint8Array;
  private readonly ecdh: ReturnType<typeof createECDH>;

  constructor(group: "secp256r1" | "secp384r1") {
    this.group = group;
    this.ecdh = createECDH(group === "secp256r1" ? "prime256v1" : "secp384r1");
    this.publicKey = new Uint8Array(this.ecdh.generateKeys());
  }

  agree(peerPublicKey: Uint8Array): Uint8Array | undefined {
    // Only uncompressed points are allowed (RFC 8422 §5.1.2).
    if (peerPublicKey[0] !== 4 || peerPublicKey.length !== this.publicKey.length) return undefined;
    try {
      return new Uint8Array(this.ecdh.computeSecret(peerPublicKey));
    } catch {
      return undefined;
    }
  }
}

function algorithmOf(key: KeyObject): KeyAlgorithm | undefined {
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType === "ec") {
    if (details?.namedCurve === "prime256v1") return { name: "ecdsa", namedCurve: "P-256" };
    if (details?.namedCurve === "secp384r1") return { name: "ecdsa", namedCurve: "P-384" };
  }
  if (key.asymmetricKeyType === "rsa" && details?.modulusLength !== undefined) {
    return {
      name: "rsa",
      modulusLength: details.modulusLength,
      publicExponent: Number(details.publicExponent ?? 65537n),
    };
  }
  return undefined;
}

/** A pool of random bytes: small draws are frequent, and a system call for each is slow. */
const POOL_SIZE = 4096;
const pool = new Uint8Array(POOL_SIZE);
let poolUsed = POOL_SIZE;

function random(length: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(length);
  if (length > POOL_SIZE / 8) return randomFillSync(out);
  if (poolUsed + length > POOL_SIZE) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  out.set(pool.subarray(poolUsed, poolUsed + length));
  // What was handed out is forgotten here.
  pool.fill(0, poolUsed, poolUsed + length);
  poolUsed += length;
  return out;
}

function aesBlocks(key: Uint8Array): BlockCipher {
  let material: Uint8Array | undefined = key.slice();
  let ecb: ReturnType<typeof createCipheriv> | undefined;
  return (blocks, to, at) => {
    if (material !== undefined) {
      ecb = createCipheriv(`aes-${material.length * 8}-ecb`, material, null).setAutoPadding(false);
      material = undefined;
    }
    const encrypted = ecb!.update(blocks);
    to.set(encrypted, at);
    done(encrypted);
  };
}

function createAead(algorithm: AeadAlgorithm, key: Uint8Array): Aead {
  if (algorithm === "chacha20-poly1305") return createChaCha20Poly1305(key) ?? new NodeAead(algorithm, key);
  const single = new NodeAead(algorithm, key);
  return createBatchGcm(aesBlocks(key), single) ?? single;
}

function createAesCtrHmacSha1(key: Uint8Array, hmacKey: Uint8Array): CtrHmac {
  const fallback = new NodeCtrHmac(key, hmacKey);
  const sha1 = (data: Uint8Array): Uint8Array => hash("sha1", data, "buffer");
  return createBatchCtrHmac(aesBlocks(key), hmacKey, sha1, fallback) ?? fallback;
}

/** node:crypto as a CryptoProvider. */
export const nodeCrypto: CryptoProvider = {
  random,
  hash: (algorithm, data) => hash(HASHES[algorithm], data, "buffer"),
  createHmac: (algorithm, key) => new NodeHmac(algorithm, key),
  createAead,
  createAesCtr: (key) => new NodeAesCtr(key),
  createAesCtrHmacSha1,
  createKeyShare: (group) => (group === "x25519" ? new X25519KeyShare() : new EcdhKeyShare(group)),
  generateKeyPair(algorithm) {
    if (algorithm.name === "ecdsa") return new NodePrivateKey(algorithm, generateEcdsa(algorithm.namedCurve));
    return new NodePrivateKey(algorithm, ...generateRsa(algorithm));
  },
  async generateKeyPairAsync(algorithm) {
    if (algorithm.name === "ecdsa") return new NodePrivateKey(algorithm, generateEcdsa(algorithm.namedCurve));
    return new NodePrivateKey(algorithm, ...(await generateRsaAsync(algorithm)));
  },
  importPrivateKey(pkcs8) {
    try {
      const key = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
      const algorithm = algorithmOf(key);
      return algorithm && new NodePrivateKey(algorithm, key);
    } catch {
      return undefined;
    }
  },
  importPublicKey(spki) {
    try {
      return new NodePublicKey(publicKeyOf(spki));
    } catch {
      return undefined;
    }
  },
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
};
