// Session keys from a master key (RFC 3711 §4.3; for AEAD, RFC 7714 §11): AES in counter mode as the pseudo-random
// function, AES-256 for 256-bit keys (RFC 6188 §2). The key derivation rate is always zero: DTLS-SRTP has no other.
import type { CryptoProvider } from "../crypto/provider.js";
import type { SrtpKeys, SrtpProfile } from "./profiles.js";

const AUTH_KEY_LENGTH = 20;

export interface SessionKeys extends SrtpKeys {
  /** Of HMAC-SHA1; empty for AEAD profiles. */
  readonly authKey: Uint8Array;
}

/** `length` bytes of the pseudo-random function for a label of RFC 3711 §4.3.2. */
export function deriveKey(
  crypto: Pick<CryptoProvider, "createAesCtr">,
  master: SrtpKeys,
  label: number,
  length: number,
): Uint8Array {
  // A 96-bit salt is taken as a 112-bit one whose last 16 bits are zero (RFC 7714 §11).
  const iv = new Uint8Array(16);
  iv.set(master.salt);
  iv[7]! ^= label;
  const out = new Uint8Array(length);
  crypto.createAesCtr(master.key).apply(iv, out, 0, length);
  return out;
}

function derive(
  crypto: Pick<CryptoProvider, "createAesCtr">,
  profile: SrtpProfile,
  master: SrtpKeys,
  firstLabel: number,
): SessionKeys {
  return {
    key: deriveKey(crypto, master, firstLabel, profile.keyLength),
    authKey: profile.aead ? new Uint8Array(0) : deriveKey(crypto, master, firstLabel + 1, AUTH_KEY_LENGTH),
    salt: deriveKey(crypto, master, firstLabel + 2, profile.saltLength),
  };
}

/** Session keys of SRTP (labels 0 to 2) and SRTCP (labels 3 to 5). */
export function deriveSessionKeys(
  crypto: Pick<CryptoProvider, "createAesCtr">,
  profile: SrtpProfile,
  master: SrtpKeys,
): { rtp: SessionKeys; rtcp: SessionKeys } {
  return { rtp: derive(crypto, profile, master, 0), rtcp: derive(crypto, profile, master, 3) };
}
