// STUN credentials (RFC 8489 §9 and §14): keys of the short- and long-term mechanisms, USERHASH, the nonce cookie.
import type { CryptoProvider } from "../crypto/provider.js";
import { utf8Encode } from "../util/text.js";

/** OpaqueString of RFC 8265 §4.2: NFC, and every space of Unicode an ASCII one. (What it forbids is not looked for.) */
export function opaqueString(text: string): string {
  return text.replace(/\p{Zs}/gu, " ").normalize("NFC");
}

/** RFC 8489 §9.1.1. ICE passwords are plain ASCII and pass unchanged. */
export function shortTermKey(password: string): Uint8Array<ArrayBuffer> {
  return utf8Encode(opaqueString(password));
}

/** RFC 8489 §18.5.1: MD5 or SHA-256 of `user:realm:password`. */
export function longTermKey(
  crypto: Pick<CryptoProvider, "hash">,
  username: string,
  realm: string,
  password: string,
  algorithm: "md5" | "sha-256" = "md5",
): Uint8Array {
  const text = `${opaqueString(username)}:${opaqueString(realm)}:${opaqueString(password)}`;
  return crypto.hash(algorithm, utf8Encode(text));
}

/** RFC 8489 §14.4: SHA-256 of `user:realm`. */
export function userhash(crypto: Pick<CryptoProvider, "hash">, username: string, realm: string): Uint8Array {
  return crypto.hash("sha-256", utf8Encode(`${opaqueString(username)}:${opaqueString(realm)}`));
}

const NONCE_COOKIE = "obMatJos2";
/** STUN Security Features (RFC 8489 §18.1), as bits of a 24-bit number whose first bit is the highest. */
export const FEATURE_PASSWORD_ALGORITHMS = 0x80_0000;
export const FEATURE_USERNAME_ANONYMITY = 0x40_0000;

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The security features that a server's nonce announces (RFC 8489 §9.2), 0 if it has no nonce cookie. */
export function nonceFeatures(nonce: string): number {
  if (!nonce.startsWith(NONCE_COOKIE) || nonce.length < NONCE_COOKIE.length + 4) return 0;
  let bits = 0;
  for (let i = 0; i < 4; i++) {
    const value = BASE64.indexOf(nonce[NONCE_COOKIE.length + i]!);
    if (value < 0) return 0;
    bits = bits * 64 + value;
  }
  return bits;
}

/** The start of a nonce that announces these features. */
export function nonceCookie(features: number): string {
  let out = NONCE_COOKIE;
  for (let shift = 18; shift >= 0; shift -= 6) out += BASE64[(features >>> shift) & 63]!;
  return out;
}
