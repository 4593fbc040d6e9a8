// Codec of the handshake messages of DTLS 1.2 (RFC 6347 §4.2.2, RFC 5246 §7.4, RFC 8422 §5). Bodies only: fragments are
// put together in reassembly.ts, and what a message means is decided in client12.ts and server12.ts.
import { ByteReader } from "../util/byte-reader.js";
import { ByteWriter } from "../util/byte-writer.js";
import { type HelloExtensions, parseExtensions, writeCodes } from "./extensions.js";

export const HandshakeType = {
  hello_request: 0,
  client_hello: 1,
  server_hello: 2,
  hello_verify_request: 3,
  new_session_ticket: 4,
  certificate: 11,
  server_key_exchange: 12,
  certificate_request: 13,
  server_hello_done: 14,
  certificate_verify: 15,
  client_key_exchange: 16,
  finished: 20,
} as const;

export const DTLS_1_0 = 0xfeff;
export const DTLS_1_2 = 0xfefd;

/** type(1) length(3) message_seq(2) fragment_offset(3) fragment_length(3) */
export const HANDSHAKE_HEADER = 12;

/** No certificate chain of a peer may be longer. */
export const MAX_CHAIN_LENGTH = 10;

/** A whole message: header as if in one fragment (the form that the transcript hashes, RFC 6347 §4.2.6), then body. */
export function writeHandshake(type: number, messageSeq: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(HANDSHAKE_HEADER + body.length);
  out.u8(type).u24(body.length).u16(messageSeq).u24(0).u24(body.length).bytes(body);
  return out.finish();
}

export interface ClientHello {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly cookie: Uint8Array;
  readonly cipherSuites: readonly number[];
  readonly compressionMethods: Uint8Array;
  readonly extensions: HelloExtensions;
}

export function parseClientHello(body: Uint8Array): ClientHello | undefined {
  const r = new ByteReader(body);
  const version = r.u16();
  const random = r.bytes(32);
  const sessionId = r.vector8();
  const cookie = r.vector8();
  const suites = new ByteReader(r.vector16());
  const compressionMethods = r.vector8();
  if (r.failed || sessionId.length > 32 || compressionMethods.length === 0) return undefined;
  if (suites.remaining < 2 || suites.remaining % 2 !== 0) return undefined;
  const cipherSuites: number[] = [];
  while (suites.remaining > 0) cipherSuites.push(suites.u16());
  const extensions = parseExtensions(r, "client");
  return extensions && { version, random, sessionId, cookie, cipherSuites, compressionMethods, extensions };
}

export function writeClientHello(
  random: Uint8Array,
  cookie: Uint8Array,
  cipherSuites: readonly number[],
  extensions: (writer: ByteWriter) => void,
): Uint8Array<ArrayBuffer> {
  const w = new ByteWriter().u16(DTLS_1_2).bytes(random);
  w.u8(0).vector(1, (v) => v.bytes(cookie));
  writeCodes(w, cipherSuites);
  return w.u8(1).u8(0).vector(2, extensions).finish();
}

export interface ServerHello {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly cipherSuite: number;
  readonly compressionMethod: number;
  readonly extensions: HelloExtensions;
}

export function parseServerHello(body: Uint8Array): ServerHello | undefined {
  const r = new ByteReader(body);
  const version = r.u16();
  const random = r.bytes(32);
  const sessionId = r.vector8();
  const cipherSuite = r.u16();
  const compressionMethod = r.u8();
  if (r.failed || sessionId.length > 32) return undefined;
  const extensions = parseExtensions(r, "server");
  return extensions && { version, random, sessionId, cipherSuite, compressionMethod, extensions };
}

export function writeServerHello(
  random: Uint8Array,
  cipherSuite: number,
  extensions: (writer: ByteWriter) => void,
): Uint8Array<ArrayBuffer> {
  const w = new ByteWriter().u16(DTLS_1_2).bytes(random).u8(0).u16(cipherSuite).u8(0);
  const bare = w.length;
  w.vector(2, extensions);
  // RFC 5246 §7.4.1.3: no extensions, no extensions block.
  if (w.length === bare + 2) w.length = bare;
  return w.finish();
}

/** The cookie of a HelloVerifyRequest (RFC 6347 §4.2.1). */
export function parseHelloVerifyRequest(body: Uint8Array): Uint8Array | undefined {
  const r = new ByteReader(body);
  r.u16();
  const cookie = r.vector8();
  return r.done ? cookie : undefined;
}

/** `server_version` is that of DTLS 1.0 whatever will be negotiated (RFC 6347 §4.2.1). */
export function writeHelloVerifyRequest(cookie: Uint8Array): Uint8Array<ArrayBuffer> {
  return new ByteWriter()
    .u16(DTLS_1_0)
    .vector(1, (w) => w.bytes(cookie))
    .finish();
}

/** The chain, leaf first; may be empty. */
export function parseCertificateMessage(body: Uint8Array): Uint8Array[] | undefined {
  const r = new ByteReader(body);
  const list = new ByteReader(r.vector24());
  if (!r.done) return undefined;
  const chain: Uint8Array[] = [];
  while (list.remaining > 0) {
    const certificate = list.vector24();
    if (list.failed || certificate.length === 0 || chain.length === MAX_CHAIN_LENGTH) return undefined;
    chain.push(certificate);
  }
  return chain;
}

export function writeCertificateMessage(chain: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new ByteWriter()
    .vector(3, (list) => {
      for (const certificate of chain) list.vector(3, (w) => w.bytes(certificate));
    })
    .finish();
}

/** RFC 8422 §5.4, with a named curve. */
export interface ServerKeyExchange {
  readonly group: number;
  readonly publicKey: Uint8Array;
  /** ServerECDHParams as received, for the signature. */
  readonly parameters: Uint8Array;
  readonly scheme: number;
  readonly signature: Uint8Array;
}

const NAMED_CURVE = 3;

export function parseServerKeyExchange(body: Uint8Array): ServerKeyExchange | undefined {
  const r = new ByteReader(body);
  const curveType = r.u8();
  const group = r.u16();
  const publicKey = r.vector8();
  const parameters = body.subarray(0, r.offset);
  const scheme = r.u16();
  const signature = r.vector16();
  if (!r.done || curveType !== NAMED_CURVE || publicKey.length === 0) return undefined;
  return { group, publicKey, parameters, scheme, signature };
}

/** ServerECDHParams alone. */
export function writeServerEcdhParameters(group: number, publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return new ByteWriter()
    .u8(NAMED_CURVE)
    .u16(group)
    .vector(1, (w) => w.bytes(publicKey))
    .finish();
}

export interface CertificateRequest {
  readonly certificateTypes: Uint8Array;
  readonly schemes: readonly number[];
}

/** ClientCertificateType (RFC 8422 §5.5). */
export const ClientCertificateType = { rsa_sign: 1, ecdsa_sign: 64 } as const;

export function parseCertificateRequest(body: Uint8Array): CertificateRequest | undefined {
  const r = new ByteReader(body);
  const certificateTypes = r.vector8();
  const list = new ByteReader(r.vector16());
  r.vector16(); // certificate_authorities: our certificates are self-signed, and nobody's names fit them
  if (!r.done || certificateTypes.length === 0 || list.remaining === 0 || list.remaining % 2 !== 0) return undefined;
  const schemes: number[] = [];
  while (list.remaining > 0) schemes.push(list.u16());
  return { certificateTypes, schemes };
}

export function writeCertificateRequest(schemes: readonly number[]): Uint8Array<ArrayBuffer> {
  const w = new ByteWriter().u8(2).u8(ClientCertificateType.ecdsa_sign).u8(ClientCertificateType.rsa_sign);
  writeCodes(w, schemes);
  return w.u16(0).finish();
}

/** The client's public key (RFC 8422 §5.7). */
export function parseClientKeyExchange(body: Uint8Array): Uint8Array | undefined {
  const r = new ByteReader(body);
  const publicKey = r.vector8();
  return r.done && publicKey.length > 0 ? publicKey : undefined;
}

export function writeClientKeyExchange(publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return new ByteWriter().vector(1, (w) => w.bytes(publicKey)).finish();
}

export interface DigitallySigned {
  readonly scheme: number;
  readonly signature: Uint8Array;
}

export function parseCertificateVerify(body: Uint8Array): DigitallySigned | undefined {
  const r = new ByteReader(body);
  const scheme = r.u16();
  const signature = r.vector16();
  return r.done ? { scheme, signature } : undefined;
}

/** `prefix` is written before the signature: ServerECDHParams, or nothing. */
export function writeSigned(prefix: Uint8Array, scheme: number, signature: Uint8Array): Uint8Array<ArrayBuffer> {
  return new ByteWriter()
    .bytes(prefix)
    .u16(scheme)
    .vector(2, (w) => w.bytes(signature))
    .finish();
}
