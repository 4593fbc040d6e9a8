// The port to cryptography: what the protocols need, synchronous, with the names of TLS and the RFCs. Implementations
// live outside the core (src/node/crypto.ts). Nothing here throws on bytes from the network: an operation that such
// bytes can make fail returns undefined, false or a negative number.

export type HashAlgorithm = "md5" | "sha-1" | "sha-224" | "sha-256" | "sha-384" | "sha-512";

/** AEAD algorithms with a 12-byte nonce and a 16-byte tag. */
export type AeadAlgorithm = "aes-128-gcm" | "aes-256-gcm" | "chacha20-poly1305";

/** Ephemeral key agreement, by the TLS names of the groups (RFC 8422 §5.1.1). */
export type NamedGroup = "x25519" | "secp256r1" | "secp384r1";

/** TLS SignatureScheme names (RFC 8446 §4.2.3); in TLS 1.2 the same code points mean the hash/signature pair. */
export type SignatureScheme =
  | "ecdsa_secp256r1_sha256"
  | "ecdsa_secp384r1_sha384"
  | "ecdsa_secp521r1_sha512"
  | "ecdsa_sha1"
  | "rsa_pkcs1_sha1"
  | "rsa_pkcs1_sha256"
  | "rsa_pkcs1_sha384"
  | "rsa_pkcs1_sha512"
  | "rsa_pss_rsae_sha256"
  | "rsa_pss_rsae_sha384"
  | "rsa_pss_rsae_sha512"
  | "ed25519";

export type KeyAlgorithm =
  | { readonly name: "ecdsa"; readonly namedCurve: "P-256" | "P-384" }
  | { readonly name: "rsa"; readonly modulusLength: number; readonly publicExponent: number };

/**
 * One sealed or to-be-sealed record, in place: on seal, `buffer[offset, offset + length)` is the plaintext and 16 bytes
 * after it are free for the tag; on open, `length` counts ciphertext and tag, and the plaintext replaces it.
 */
export interface AeadJob {
  buffer: Uint8Array;
  offset: number;
  length: number;
  /** 12 bytes. */
  nonce: Uint8Array;
  aad: Uint8Array;
  /** If given, only so many bytes at the beginning of `aad` are meant, which may then be `buffer` itself. */
  aadLength?: number;
  /** Set by openBatch: false if the tag did not match (the buffer's content is then undefined). */
  ok: boolean;
}

/** An AEAD under one key. Batches exist so that an implementation can share work between records. */
export interface Aead {
  readonly tagLength: 16;
  sealBatch(jobs: readonly AeadJob[], count: number): void;
  openBatch(jobs: readonly AeadJob[], count: number): void;
}

/** A keyed HMAC, usable any number of times. */
export interface Hmac {
  readonly length: number;
  /** HMAC of the concatenation of the arguments. */
  sign(data: Uint8Array, more?: Uint8Array): Uint8Array;
}

/** AES in counter mode with a 16-byte initial counter block (NIST SP 800-38A §6.5). */
export interface AesCtr {
  /** XORs the key stream into `buffer[offset, offset + length)` in place. */
  apply(iv: Uint8Array, buffer: Uint8Array, offset: number, length: number): void;
}

/**
 * One packet to be encrypted in counter mode and authenticated with a truncated HMAC, in place, as SRTP does it
 * (RFC 3711 §3.1): `buffer[start, end)` is encrypted, the tag is that of `buffer[0, macEnd)` and stands at `macEnd`.
 */
export interface CtrHmacJob {
  buffer: Uint8Array;
  start: number;
  end: number;
  /** Where in `[start, end)` four bytes stay as they are, without using up key stream; 0: nowhere. */
  gap: number;
  macEnd: number;
  tagLength: number;
  /** 16 bytes: the first counter block, whose last two bytes are zero. */
  iv: Uint8Array;
  /** Whether the tag also covers `suffix`, 32 bits that are not part of the packet. */
  hasSuffix: boolean;
  suffix: number;
  /** Set by openBatch: false if the tag did not match (the buffer's content is then what it was). */
  ok: boolean;
}

/** Counter mode and HMAC under one pair of keys. Batches exist so that an implementation can share work. */
export interface CtrHmac {
  sealBatch(jobs: readonly CtrHmacJob[], count: number): void;
  openBatch(jobs: readonly CtrHmacJob[], count: number): void;
}

/** One side's ephemeral key. */
export interface KeyShare {
  readonly group: NamedGroup;
  /** As on the wire: uncompressed point (RFC 8422 §5.4.1) or 32 bytes of X25519. */
  readonly publicKey: Uint8Array;
  /** The shared secret, or undefined if the peer's key is not valid (not on the curve, all-zero result). */
  agree(peerPublicKey: Uint8Array): Uint8Array | undefined;
}

export interface PrivateKey {
  readonly algorithm: KeyAlgorithm;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKeyDer: Uint8Array;
  /** ECDSA signatures are DER encoded, as in TLS. */
  sign(scheme: SignatureScheme, data: Uint8Array): Uint8Array;
}

export interface PublicKey {
  readonly kind: "ecdsa" | "rsa" | "ed25519" | "other";
  /** False also when the scheme does not fit the key. */
  verify(scheme: SignatureScheme, data: Uint8Array, signature: Uint8Array): boolean;
}

export interface CryptoProvider {
  /** Cryptographically secure random bytes (fresh memory). */
  random(length: number): Uint8Array<ArrayBuffer>;
  hash(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array;
  createHmac(algorithm: HashAlgorithm, key: Uint8Array): Hmac;
  createAead(algorithm: AeadAlgorithm, key: Uint8Array): Aead;
  createAesCtr(key: Uint8Array): AesCtr;
  createAesCtrHmacSha1(key: Uint8Array, hmacKey: Uint8Array): CtrHmac;
  createKeyShare(group: NamedGroup): KeyShare;
  /** Key generation; RSA takes long, hence `generateKeyPairAsync`. */
  generateKeyPair(algorithm: KeyAlgorithm): PrivateKey;
  generateKeyPairAsync(algorithm: KeyAlgorithm): Promise<PrivateKey>;
  /** PKCS #8 DER, or undefined if unreadable. */
  importPrivateKey(pkcs8: Uint8Array): PrivateKey | undefined;
  /** SubjectPublicKeyInfo DER, or undefined if unreadable. */
  importPublicKey(spki: Uint8Array): PublicKey | undefined;
  /** Constant-time comparison; false if the lengths differ. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
}
