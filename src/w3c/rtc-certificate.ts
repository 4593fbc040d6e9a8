// RTCCertificate and the algorithms of generateCertificate (webrtc-pc §4.9).
import type { KeyAlgorithm } from "../crypto/provider.js";
import { DEFAULT_LIFETIME, generateLocalCertificate, type LocalCertificate } from "../peer/certificates.js";
import type { Platform } from "../peer/platform.js";
import {
  checkInternal,
  defineInterface,
  executing,
  INTERNAL,
  isObject,
  requireArguments,
  toDOMString,
  toEnforcedUnsignedLongLong,
} from "./webidl.js";

/** Milliseconds: as Chromium, a year at most. */
const MAX_LIFETIME = 365 * 24 * 60 * 60 * 1000;

export interface RTCDtlsFingerprint {
  algorithm: string;
  value: string;
}

export let certificates: {
  create(local: LocalCertificate): RTCCertificate;
  local(certificate: RTCCertificate): LocalCertificate;
};

export function isCertificate(value: unknown): value is RTCCertificate {
  return value instanceof RTCCertificate;
}

export class RTCCertificate {
  readonly #local: LocalCertificate;

  constructor(token: unknown, local: LocalCertificate) {
    checkInternal(token);
    this.#local = local;
  }

  static {
    certificates = {
      create: (local) => new RTCCertificate(INTERNAL, local),
      local: (certificate) => certificate.#local,
    };
  }

  /** Milliseconds since the epoch. */
  get expires(): number {
    return Math.floor(this.#local.notAfter);
  }

  getFingerprints(): RTCDtlsFingerprint[] {
    return this.#local.fingerprints.map(({ algorithm, value }) => ({ algorithm, value: value.toLowerCase() }));
  }
}
defineInterface(RTCCertificate);

function notSupported(message: string): DOMException {
  return new DOMException(`${executing("generateCertificate", "RTCPeerConnection")}: ${message}`, "NotSupportedError");
}

/** Normalises an AlgorithmIdentifier of Web Crypto to the kinds of keys that DTLS takes. */
function normalize(keygenAlgorithm: unknown): KeyAlgorithm {
  const where = executing("generateCertificate", "RTCPeerConnection");
  const given = isObject(keygenAlgorithm) ? (keygenAlgorithm as Record<string, unknown>) : { name: keygenAlgorithm };
  if (given.name === undefined) throw new TypeError(`${where}: Algorithm: name: Missing or not a string`);
  const name = toDOMString(given.name, where).toLowerCase();
  if (name === "ecdsa") {
    if (given.namedCurve === undefined) {
      // A bare name says too little (Web Crypto: EcKeyGenParams needs namedCurve).
      if (!isObject(keygenAlgorithm)) throw notSupported("ECDSA needs a namedCurve");
      throw new TypeError(`${where}: EcKeyGenParams: namedCurve: Missing`);
    }
    const curve = toDOMString(given.namedCurve, where);
    if (curve !== "P-256") throw notSupported(`the curve ${curve} is not supported; use P-256`);
    return { name: "ecdsa", namedCurve: "P-256" };
  }
  if (name === "rsassa-pkcs1-v1_5") {
    const { modulusLength, publicExponent, hash } = given;
    if (modulusLength === undefined || publicExponent === undefined || hash === undefined) {
      if (!isObject(keygenAlgorithm)) throw notSupported("RSASSA-PKCS1-v1_5 needs parameters");
      throw new TypeError(`${where}: RsaHashedKeyGenParams: modulusLength, publicExponent and hash are required`);
    }
    const hashName = toDOMString(isObject(hash) ? (hash as Record<string, unknown>).name : hash, where);
    if (hashName.toUpperCase() !== "SHA-256") throw notSupported(`the hash ${hashName} is not supported; use SHA-256`);
    if (!(publicExponent instanceof Uint8Array)) throw new TypeError(`${where}: publicExponent: Not a Uint8Array`);
    const exponent = publicExponent.reduce((sum, byte) => sum * 256 + byte, 0);
    const length = Number(modulusLength);
    if (length < 1024 || length > 8192 || length % 8 !== 0) throw notSupported(`a modulus of ${length} bits`);
    if (exponent !== 65537 && exponent !== 3) throw notSupported(`the public exponent ${exponent}`);
    return { name: "rsa", modulusLength: length, publicExponent: exponent };
  }
  throw notSupported(`the algorithm ${name} is not supported`);
}

/** RTCPeerConnection.generateCertificate (§4.4.2). */
export async function generateCertificate(platform: Platform, args: readonly unknown[]): Promise<RTCCertificate> {
  const where = executing("generateCertificate", "RTCPeerConnection");
  requireArguments(args.length, 1, where);
  const keygenAlgorithm = args[0];
  const expires = isObject(keygenAlgorithm) ? (keygenAlgorithm as Record<string, unknown>).expires : undefined;
  const lifetime = expires === undefined ? DEFAULT_LIFETIME : toEnforcedUnsignedLongLong(expires, where);
  const algorithm = normalize(keygenAlgorithm);
  return certificates.create(await generateLocalCertificate(platform, algorithm, Math.min(lifetime, MAX_LIFETIME)));
}
