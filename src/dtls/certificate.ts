// X.509 as far as WebRTC needs it: writes a self-signed v3 certificate (RFC 5280 §4.1), reads the public key, validity
// and signature algorithm of a peer's, and makes fingerprints (RFC 8122 §5). Names, extensions and chains mean nothing
// here: trust comes from the fingerprint in the signalling (RFC 8827 §6.5).
import type { CryptoProvider, HashAlgorithm, PrivateKey, SignatureScheme } from "../crypto/provider.js";
import { hexEncode, utf8Encode } from "../util/text.js";
import { concat } from "./key-schedule.js";

/** A longer certificate is not read. */
export const MAX_CERTIFICATE_LENGTH = 16384;

const CONTEXT_0 = 0xa0;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OID = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;

const NULL = Uint8Array.of(5, 0);
const COMMON_NAME = Uint8Array.of(0x55, 4, 3);
const ECDSA_SHA256 = Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2);
const ECDSA_SHA384 = Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3);
const RSA_SHA256 = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11);

function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const content = concat(...contents);
  const n = content.length;
  const header = n < 0x80 ? [tag, n] : n < 0x100 ? [tag, 0x81, n] : [tag, 0x82, n >> 8, n];
  return concat(Uint8Array.from(header), content);
}

function time(epoch: number): Uint8Array {
  const text = `${new Date(epoch).toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`;
  // RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050.
  if (text < "19500101" || text >= "20500101") return der(GENERALIZED_TIME, utf8Encode(text));
  return der(UTC_TIME, utf8Encode(text.slice(2)));
}

export interface CertificateParameters {
  /** Epoch milliseconds. */
  readonly notBefore: number;
  /** Epoch milliseconds. */
  readonly notAfter: number;
  /** For the serial number. */
  readonly random: (length: number) => Uint8Array;
  /** Of subject and issuer; "WebRTC" if absent. Must tell nothing about the user. */
  readonly commonName?: string | undefined;
}

/** A self-signed certificate (DER) for `privateKey`, signed with SHA-256 (SHA-384 by a P-384 key). */
export function createCertificate(privateKey: PrivateKey, parameters: CertificateParameters): Uint8Array<ArrayBuffer> {
  const { algorithm } = privateKey;
  const p384 = algorithm.name === "ecdsa" && algorithm.namedCurve === "P-384";
  let scheme: SignatureScheme = p384 ? "ecdsa_secp384r1_sha384" : "ecdsa_secp256r1_sha256";
  let signatureAlgorithm = der(SEQUENCE, der(OID, p384 ? ECDSA_SHA384 : ECDSA_SHA256));
  if (algorithm.name === "rsa") {
    scheme = "rsa_pkcs1_sha256";
    signatureAlgorithm = der(SEQUENCE, der(OID, RSA_SHA256), NULL);
  }
  const serial = parameters.random(8).slice();
  serial[0] = (serial[0]! & 0x7f) | 0x40; // positive, and of full length without leading zeros
  const commonName = der(UTF8_STRING, utf8Encode(parameters.commonName ?? "WebRTC"));
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, der(OID, COMMON_NAME), commonName)));
  const tbs = der(
    SEQUENCE,
    der(CONTEXT_0, der(INTEGER, Uint8Array.of(2))),
    der(INTEGER, serial),
    signatureAlgorithm,
    name,
    der(SEQUENCE, time(parameters.notBefore), time(parameters.notAfter)),
    name,
    privateKey.publicKeyDer,
  );
  const signature = privateKey.sign(scheme, tbs);
  return der(SEQUENCE, tbs, signatureAlgorithm, der(BIT_STRING, Uint8Array.of(0), signature));
}

/** What is read of a certificate. */
export interface Certificate {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKeyDer: Uint8Array;
  /** Epoch milliseconds. */
  readonly notBefore: number;
  /** Epoch milliseconds. */
  readonly notAfter: number;
  /** The object identifier of the signature's algorithm, in dotted form. */
  readonly signatureAlgorithm: string;
  /** What `signature` signs. */
  readonly tbs: Uint8Array;
  readonly signature: Uint8Array;
}

/** A cursor over DER elements. Lengths must be definite, minimal and of at most two bytes. */
class DerReader {
  private readonly data: Uint8Array;
  private at: number;
  private readonly end: number;
  failed = false;

  constructor(data: Uint8Array, at = 0, end: number = data.length) {
    this.data = data;
    this.at = at;
    this.end = end;
  }

  get done(): boolean {
    return !this.failed && this.at === this.end;
  }

  peek(): number {
    return this.at < this.end ? this.data[this.at]! : -1;
  }

  /** The next element with its header; `tag` -1 takes any. Empty if it is not there. */
  element(tag: number): Uint8Array {
    return this.read(tag, true);
  }

  content(tag: number): Uint8Array {
    return this.read(tag, false);
  }

  nested(tag: number): DerReader {
    return new DerReader(this.content(tag));
  }

  private read(tag: number, whole: boolean): Uint8Array {
    const { data, at: start, end } = this;
    let at = start + 2;
    let length = start + 1 < end ? data[start + 1]! : -1;
    if (length === 0x81) {
      length = at < end && data[at]! >= 0x80 ? data[at]! : -1;
      at += 1;
    } else if (length === 0x82) {
      length = at + 1 < end && data[at] !== 0 ? (data[at]! << 8) | data[at + 1]! : -1;
      at += 2;
    } else if (length >= 0x80) length = -1;
    if (this.failed || length < 0 || length > end - at || (tag >= 0 && data[start] !== tag)) {
      this.failed = true;
      return new Uint8Array(0);
    }
    this.at = at + length;
    return data.subarray(whole ? start : at, this.at);
  }
}

function parseTime(reader: DerReader): number {
  const tag = reader.peek();
  const text = String.fromCharCode(...reader.content(-1).subarray(0, 20));
  const full = tag === UTC_TIME ? (text < "5" ? `20${text}` : `19${text}`) : tag === GENERALIZED_TIME ? text : "";
  const m = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full);
  return m === null ? Number.NaN : Date.UTC(+m[1]!, +m[2]! - 1, +m[3]!, +m[4]!, +m[5]!, +m[6]!);
}

function parseOid(bytes: Uint8Array): string {
  const arcs: number[] = [];
  let value = 0;
  for (let i = 0; i < bytes.length && i < 32; i++) {
    value = value * 128 + (bytes[i]! & 0x7f);
    if (bytes[i]! & 0x80) continue;
    if (arcs.length === 0)
      arcs.push(Math.min(2, Math.floor(value / 40)), value - 40 * Math.min(2, Math.floor(value / 40)));
    else arcs.push(value);
    value = 0;
  }
  return arcs.join(".");
}

/** Reads a certificate, or undefined where it is not one. Checks no signature. */
export function parseCertificate(data: Uint8Array): Certificate | undefined {
  if (data.length > MAX_CERTIFICATE_LENGTH) return undefined;
  const outer = new DerReader(data);
  const certificate = outer.nested(SEQUENCE);
  if (!outer.done) return undefined;
  const tbs = certificate.element(SEQUENCE);
  const algorithm = certificate.nested(SEQUENCE);
  const bits = certificate.content(BIT_STRING);
  const fields = new DerReader(tbs).nested(SEQUENCE);
  if (fields.peek() === CONTEXT_0) fields.content(CONTEXT_0); // version; absent in v1
  fields.content(INTEGER);
  fields.content(SEQUENCE); // signature
  fields.content(SEQUENCE); // issuer
  const validity = fields.nested(SEQUENCE);
  const notBefore = parseTime(validity);
  const notAfter = parseTime(validity);
  fields.content(SEQUENCE); // subject
  const publicKeyDer = fields.element(SEQUENCE);
  const signatureAlgorithm = parseOid(algorithm.content(OID));
  if (!certificate.done || fields.failed || !validity.done || algorithm.failed || bits.length < 1) return undefined;
  if (Number.isNaN(notBefore) || Number.isNaN(notAfter)) return undefined;
  return { publicKeyDer, notBefore, notAfter, signatureAlgorithm, tbs, signature: bits.subarray(1) };
}

/** The hash functions that fingerprints may use, strongest first. MD5 and MD2 must not be (RFC 8122 §5). */
export const FINGERPRINT_ALGORITHMS: readonly HashAlgorithm[] = ["sha-512", "sha-384", "sha-256", "sha-224", "sha-1"];

/** Upper-case hexadecimal with colons, as in `a=fingerprint` (RFC 8122 §5). */
export function fingerprint(crypto: CryptoProvider, certificate: Uint8Array, algorithm: HashAlgorithm): string {
  return hexEncode(crypto.hash(algorithm, certificate), ":").toUpperCase();
}

/** One `a=fingerprint` line. */
export interface Fingerprint {
  readonly algorithm: string;
  readonly value: string;
}

/**
 * True if the certificate has one of the fingerprints. Of several hash functions only the strongest counts (RFC 8122
 * §5: the most preferred one out of those offered); unknown ones are passed over, and none at all matches nothing.
 */
export function matchesFingerprint(
  crypto: CryptoProvider,
  certificate: Uint8Array,
  fingerprints: readonly Fingerprint[],
): boolean {
  for (const algorithm of FINGERPRINT_ALGORITHMS) {
    const offered = fingerprints.filter((f) => f.algorithm.toLowerCase() === algorithm);
    if (offered.length === 0) continue;
    const own = fingerprint(crypto, certificate, algorithm);
    return offered.some((f) => f.value.toUpperCase() === own);
  }
  return false;
}
