// Hello extensions (RFC 5246 §7.4.1.4, RFC 8422 §5.1, RFC 7627, RFC 5746, RFC 5764 §4.1.1, RFC 8449) and the code points of
// groups and signature schemes. Unknown extensions, groups and schemes (GREASE of RFC 8701, post-quantum key shares) are passed
// over. Writes only what DTLS 1.2 needs.
import type { NamedGroup, SignatureScheme } from "../crypto/provider.js";
import { ByteReader } from "../util/byte-reader.js";
import type { ByteWriter } from "../util/byte-writer.js";

export const ExtensionType = {
  supported_groups: 10,
  ec_point_formats: 11,
  signature_algorithms: 13,
  use_srtp: 14,
  extended_master_secret: 23,
  record_size_limit: 28,
  supported_versions: 43,
  renegotiation_info: 0xff01,
} as const;

export const NAMED_GROUPS: Readonly<Record<NamedGroup, number>> = { secp256r1: 23, secp384r1: 24, x25519: 29 };

export function groupOf(code: number): NamedGroup | undefined {
  return code === 29 ? "x25519" : code === 23 ? "secp256r1" : code === 24 ? "secp384r1" : undefined;
}

/** In our order of preference for our own signatures. */
export const SIGNATURE_SCHEMES: Readonly<Record<SignatureScheme, number>> = {
  ecdsa_secp256r1_sha256: 0x0403,
  ecdsa_secp384r1_sha384: 0x0503,
  ecdsa_secp521r1_sha512: 0x0603,
  ed25519: 0x0807,
  rsa_pss_rsae_sha256: 0x0804,
  rsa_pkcs1_sha256: 0x0401,
  rsa_pss_rsae_sha384: 0x0805,
  rsa_pkcs1_sha384: 0x0501,
  rsa_pss_rsae_sha512: 0x0806,
  rsa_pkcs1_sha512: 0x0601,
  ecdsa_sha1: 0x0203,
  rsa_pkcs1_sha1: 0x0201,
};

const SCHEME_NAMES = Object.keys(SIGNATURE_SCHEMES) as SignatureScheme[];

/** What is offered unless an option says otherwise: everything but SHA-1 (RFC 9155). */
export const DEFAULT_SIGNATURE_SCHEMES: readonly SignatureScheme[] = SCHEME_NAMES.filter((n) => !n.endsWith("sha1"));

export function signatureSchemeOf(code: number): SignatureScheme | undefined {
  return SCHEME_NAMES.find((name) => SIGNATURE_SCHEMES[name] === code);
}

/** Our preferred scheme that `codes` (the peer's list) has, `allowed` has and fits a key of `kind`. */
export function pickSignatureScheme(
  kind: "ecdsa" | "rsa",
  codes: readonly number[],
  allowed: readonly SignatureScheme[],
): SignatureScheme | undefined {
  return SCHEME_NAMES.find(
    (name) => name.startsWith(kind) && allowed.includes(name) && codes.includes(SIGNATURE_SCHEMES[name]),
  );
}

/** What we read of the extensions of a hello. */
export interface HelloExtensions {
  /** All types that were there, known or not. */
  readonly types: ReadonlySet<number>;
  supportedGroups?: readonly number[];
  pointFormats?: Uint8Array;
  signatureSchemes?: readonly number[];
  useSrtp?: { readonly profiles: readonly number[]; readonly mki: Uint8Array };
  extendedMasterSecret: boolean;
  /** `renegotiated_connection`: empty in a first handshake (RFC 5746 §3.2). */
  renegotiationInfo?: Uint8Array;
  /** The longest plaintext that the peer takes, in bytes (RFC 8449 §4). */
  recordSizeLimit?: number;
  /** Of a ClientHello only. */
  supportedVersions?: readonly number[];
}

function codes(data: Uint8Array): number[] | undefined {
  if (data.length === 0 || data.length % 2 !== 0) return undefined;
  const out: number[] = [];
  for (let i = 0; i < data.length; i += 2) out.push((data[i]! << 8) | data[i + 1]!);
  return out;
}

function readOne(type: number, data: Uint8Array, from: "client" | "server", out: HelloExtensions): boolean {
  const r = new ByteReader(data);
  switch (type) {
    case ExtensionType.supported_groups: {
      const groups = codes(r.vector16());
      if (groups === undefined) return false;
      out.supportedGroups = groups;
      return r.done;
    }
    case ExtensionType.ec_point_formats:
      out.pointFormats = r.vector8();
      return r.done && out.pointFormats.length > 0;
    case ExtensionType.signature_algorithms: {
      const schemes = codes(r.vector16());
      if (schemes === undefined) return false;
      out.signatureSchemes = schemes;
      return r.done;
    }
    case ExtensionType.use_srtp: {
      const profiles = codes(r.vector16());
      const mki = r.vector8();
      if (profiles === undefined) return false;
      out.useSrtp = { profiles, mki };
      return r.done;
    }
    case ExtensionType.extended_master_secret:
      out.extendedMasterSecret = true;
      return data.length === 0;
    case ExtensionType.record_size_limit:
      out.recordSizeLimit = r.u16();
      return r.done;
    case ExtensionType.renegotiation_info:
      out.renegotiationInfo = r.vector8();
      return r.done;
    case ExtensionType.supported_versions: {
      if (from === "server") return true;
      const versions = codes(r.vector8());
      if (versions === undefined) return false;
      out.supportedVersions = versions;
      return r.done;
    }
    default:
      return true;
  }
}

/** Reads the rest of a hello; no extensions at all is valid (RFC 5246 §7.4.1.2). Undefined: malformed, or one twice. */
export function parseExtensions(reader: ByteReader, from: "client" | "server"): HelloExtensions | undefined {
  const types = new Set<number>();
  const out: HelloExtensions = { types, extendedMasterSecret: false };
  if (reader.remaining === 0) return out;
  const list = new ByteReader(reader.vector16());
  if (!reader.done) return undefined;
  while (list.remaining > 0) {
    const type = list.u16();
    const data = list.vector16();
    if (list.failed || types.has(type) || !readOne(type, data, from, out)) return undefined;
    types.add(type);
  }
  return out;
}

/** Writes one extension: type, length and whatever `body` writes. */
export function writeExtension(writer: ByteWriter, type: number, body: (writer: ByteWriter) => void): void {
  writer.u16(type).vector(2, body);
}

/** RFC 8449 §4: a smaller limit is a fatal error. */
export const MIN_RECORD_SIZE_LIMIT = 64;

/** Writes record_size_limit: we take records as large as DTLS 1.2 allows. */
export function writeRecordSizeLimit(writer: ByteWriter): void {
  writeExtension(writer, ExtensionType.record_size_limit, (e) => e.u16(16384));
}

/** A two-byte list with a length prefix of two bytes. */
export function writeCodes(writer: ByteWriter, list: readonly number[]): void {
  writer.vector(2, (w) => {
    for (const code of list) w.u16(code);
  });
}
