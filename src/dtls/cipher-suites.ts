// The cipher suites of DTLS 1.2 spoken here: ECDHE with an AEAD (RFC 5289, RFC 7905), nothing else.
import type { AeadAlgorithm } from "../crypto/provider.js";

export interface CipherSuite {
  readonly code: number;
  /** The name in the registry of IANA. */
  readonly name: string;
  /** The kind of key that the server's certificate must have. */
  readonly authentication: "ecdsa" | "rsa";
  readonly aead: AeadAlgorithm;
  /** The hash of PRF, Finished and exporter. */
  readonly hash: "sha-256" | "sha-384";
  readonly keyLength: 16 | 32;
  /** Bytes of the nonce that come from the key block: 4 of GCM (RFC 5288 §3), 12 of ChaCha20-Poly1305. */
  readonly fixedIvLength: 4 | 12;
  /** Bytes of the nonce that each record carries. */
  readonly explicitNonceLength: 0 | 8;
}

const GCM = { fixedIvLength: 4, explicitNonceLength: 8 } as const;
const AES_128 = { aead: "aes-128-gcm", hash: "sha-256", keyLength: 16, ...GCM } as const;
const AES_256 = { aead: "aes-256-gcm", hash: "sha-384", keyLength: 32, ...GCM } as const;
const CHACHA20 = {
  aead: "chacha20-poly1305",
  hash: "sha-256",
  keyLength: 32,
  fixedIvLength: 12,
  explicitNonceLength: 0,
} as const;

/** In our order of preference. */
export const CIPHER_SUITES: readonly CipherSuite[] = [
  { code: 0xc02b, name: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", authentication: "ecdsa", ...AES_128 },
  { code: 0xc02f, name: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", authentication: "rsa", ...AES_128 },
  { code: 0xcca9, name: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", authentication: "ecdsa", ...CHACHA20 },
  { code: 0xcca8, name: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", authentication: "rsa", ...CHACHA20 },
  { code: 0xc02c, name: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", authentication: "ecdsa", ...AES_256 },
  { code: 0xc030, name: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", authentication: "rsa", ...AES_256 },
];

export function cipherSuite(code: number): CipherSuite | undefined {
  return CIPHER_SUITES.find((suite) => suite.code === code);
}

/** TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746 §3.3): not a suite, but renegotiation_info in the list of suites. */
export const EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff;
