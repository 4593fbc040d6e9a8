// RTCCertificate, and what `RTCPeerConnection.generateCertificate` understands of its argument (webrtc-pc §4.9; algorithm
// names and dictionaries of Web Crypto).
import type { KeyAlgorithm, PrivateKey } from "../crypto/provider.js";
import { DEFAULT_LIFETIME, generateLocalCertificate, type LocalCertificate } from "../peer/certificates.js";
import type { Platform } from "../peer/platform.js";
import { type Converter, type Dictionary, dictionary, domString, integer, object } from "./conversions.js";
import { domException } from "./errors.js";
import { construct, defineInterface, executing, takeImpl } from "./webidl.js";

export interface RTCDtlsFingerprint {
  algorithm: string;
  /** Lower-case hexadecimal with colons. */
  value: string;
}

/** The impl of a certificate object. */
export let certificateImplOf: (certificate: RTCCertificate) => LocalCertificate;

export class RTCCertificate {
  readonly #impl: LocalCertificate = takeImpl();

  get expires(): number {
    return Math.floor(this.#impl.notAfter);
  }

  getFingerprints(): RTCDtlsFingerprint[] {
    return this.#impl.fingerprints.map(({ algorithm, value }) => ({ algorithm, value: value.toLowerCase() }));
  }

  static {
    certificateImplOf = (certificate) => certificate.#impl;
    defineInterface(RTCCertificate, { name: "RTCCertificate", brand: (o) => #impl in o });
  }
}

export function createRTCCertificate(impl: LocalCertificate): RTCCertificate {
  return construct(RTCCertificate, impl);
}

/** What a certificate is serialized to (webrtc-pc §4.9.1); `handle`: its keying material. */
export interface SerializedCertificate<Handle> extends Omit<LocalCertificate, "privateKey"> {
  readonly handle: Handle;
}

export function serializeCertificate<Handle>(
  certificate: RTCCertificate,
  handleOf: (key: PrivateKey) => Handle,
): SerializedCertificate<Handle> {
  const { der, notAfter, fingerprints, privateKey } = certificateImplOf(certificate);
  return { der, notAfter, fingerprints, handle: handleOf(privateKey) };
}

export function deserializeCertificate<Handle>(
  { handle, ...rest }: SerializedCertificate<Handle>,
  keyOf: (handle: Handle) => PrivateKey,
): RTCCertificate {
  return createRTCCertificate({ ...rest, privateKey: keyOf(handle) });
}

// -- generateCertificate

/** The longest validity a program gets, in milliseconds; Chromium's. */
const MAX_LIFETIME = 365 * 24 * 3600 * 1000;
/** RSA keys outside this range, or with another exponent, are refused, as by Chromium. */
const MIN_RSA_MODULUS_LENGTH = 1024;
const MAX_RSA_MODULUS_LENGTH = 8192;
const RSA_PUBLIC_EXPONENT = 65537;

export type AlgorithmIdentifier = string | object;

const WHERE = executing("generateCertificate", "RTCPeerConnection");

const objectOrString: Converter<AlgorithmIdentifier> = (value, where) =>
  (typeof value === "object" && value !== null) || typeof value === "function"
    ? object(value, where)
    : domString(value, where);

const bigInteger: Converter<Uint8Array> = (value, where) => {
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`${where}The provided value is not of type 'Uint8Array'.`);
};

interface Algorithm {
  name: string;
}
interface RsaHashedKeyGenParams extends Algorithm {
  hash: AlgorithmIdentifier;
  modulusLength: number;
  publicExponent: Uint8Array;
}
interface EcKeyGenParams extends Algorithm {
  namedCurve: string;
}
const algorithmDictionary: Dictionary<Algorithm> = dictionary<Algorithm>("Algorithm", {
  name: { type: domString, required: true },
});
const rsaKeyGenParams: Dictionary<RsaHashedKeyGenParams> = dictionary<RsaHashedKeyGenParams>(
  "RsaHashedKeyGenParams",
  {
    hash: { type: objectOrString, required: true },
    modulusLength: { type: integer("unsigned long", "EnforceRange"), required: true },
    publicExponent: { type: bigInteger, required: true },
  },
  algorithmDictionary,
);
const ecKeyGenParams: Dictionary<EcKeyGenParams> = dictionary<EcKeyGenParams>(
  "EcKeyGenParams",
  { namedCurve: { type: domString, required: true } },
  algorithmDictionary,
);
const certificateExpiration: Dictionary<{ expires?: number }> = dictionary<{ expires?: number }>(
  "RTCCertificateExpiration",
  { expires: { type: integer("unsigned long long", "EnforceRange") } },
);

function unsupported(): DOMException {
  return domException(
    "NotSupportedError",
    `${WHERE}The 1st argument provided is an object, a dictionary or a name of an unsupported algorithm.`,
  );
}

function nameOf(identifier: AlgorithmIdentifier): string {
  return (typeof identifier === "string" ? identifier : algorithmDictionary(identifier, WHERE).name).toLowerCase();
}

/** Reads the argument of `generateCertificate`. Throws a TypeError or a NotSupportedError. */
export function certificateParameters(keygenAlgorithm: unknown): { algorithm: KeyAlgorithm; lifetime: number } {
  const identifier = objectOrString(keygenAlgorithm, WHERE);
  const { expires } = certificateExpiration(typeof identifier === "string" ? undefined : identifier, WHERE);
  const lifetime = Math.min(expires ?? DEFAULT_LIFETIME, MAX_LIFETIME);
  const parameters = typeof identifier === "string" ? { name: identifier } : identifier;
  switch (nameOf(identifier)) {
    case "rsassa-pkcs1-v1_5": {
      const { hash, modulusLength, publicExponent } = rsaKeyGenParams(parameters, WHERE);
      if (nameOf(hash) !== "sha-256") throw unsupported();
      if (modulusLength < MIN_RSA_MODULUS_LENGTH || modulusLength > MAX_RSA_MODULUS_LENGTH) throw unsupported();
      if (publicExponent.reduce((sum, byte) => sum * 256 + byte, 0) !== RSA_PUBLIC_EXPONENT) throw unsupported();
      return { algorithm: { name: "rsa", modulusLength, publicExponent: RSA_PUBLIC_EXPONENT }, lifetime };
    }
    case "ecdsa": {
      const { namedCurve } = ecKeyGenParams(parameters, WHERE);
      if (namedCurve !== "P-256") throw unsupported();
      return { algorithm: { name: "ecdsa", namedCurve }, lifetime };
    }
    default:
      throw unsupported();
  }
}

/** `RTCPeerConnection.generateCertificate`. */
export async function generateCertificate(platform: Platform, keygenAlgorithm: unknown): Promise<RTCCertificate> {
  const { algorithm, lifetime } = certificateParameters(keygenAlgorithm);
  return createRTCCertificate(await generateLocalCertificate(platform, algorithm, lifetime));
}
