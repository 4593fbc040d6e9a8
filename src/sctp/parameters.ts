// Parameters of INIT, INIT ACK and RE-CONFIG chunks, and error causes: the type-length-value codec (RFC 9260 §3.2.1,
// §3.3.10). Meanings are decided by who reads them.
import { utf8Decode } from "../util/text.js";
import type { SctpAbort } from "./options.js";
import { pad4, read16, write16, write32 } from "./packet.js";

export const HEARTBEAT_INFO = 1;
export const IPV4_ADDRESS = 5;
export const IPV6_ADDRESS = 6;
export const STATE_COOKIE = 7;
export const UNRECOGNIZED_PARAMETER = 8;
export const COOKIE_PRESERVATIVE = 9;
export const HOST_NAME_ADDRESS = 11;
export const SUPPORTED_ADDRESS_TYPES = 12;
export const OUTGOING_SSN_RESET_REQUEST = 13;
export const INCOMING_SSN_RESET_REQUEST = 14;
export const SSN_TSN_RESET_REQUEST = 15;
export const RECONFIG_RESPONSE = 16;
export const ADD_OUTGOING_STREAMS = 17;
export const ADD_INCOMING_STREAMS = 18;
export const ZERO_CHECKSUM_ACCEPTABLE = 0x8001;
export const SUPPORTED_EXTENSIONS = 0x8008;
export const FORWARD_TSN_SUPPORTED = 0xc000;

/** Error detection method "SCTP over DTLS" (RFC 9653 §7.2). */
export const EDMID_DTLS = 1;

export const CAUSE_INVALID_STREAM = 1;
export const CAUSE_STALE_COOKIE = 3;
export const CAUSE_OUT_OF_RESOURCE = 4;
export const CAUSE_UNRECOGNIZED_CHUNK = 6;
export const CAUSE_INVALID_MANDATORY_PARAMETER = 7;
export const CAUSE_UNRECOGNIZED_PARAMETERS = 8;
export const CAUSE_NO_USER_DATA = 9;
export const CAUSE_COOKIE_WHILE_SHUTTING_DOWN = 10;
export const CAUSE_RESTART_WITH_NEW_ADDRESSES = 11;
export const CAUSE_USER_INITIATED_ABORT = 12;
export const CAUSE_PROTOCOL_VIOLATION = 13;

export interface Parameter {
  readonly type: number;
  /** Without header and padding. */
  readonly value: Uint8Array;
}

/** Parses [start, end); undefined if a length is wrong or there are more than `limit`. Values are views. */
export function parseParameters(b: Uint8Array, start: number, end: number, limit: number): Parameter[] | undefined {
  const out: Parameter[] = [];
  let at = start;
  // Up to three bytes of padding may be left where the chunk's length counts them.
  while (end - at >= 4) {
    const length = read16(b, at + 2);
    if (length < 4 || length > end - at || out.length >= limit) return undefined;
    out.push({ type: read16(b, at), value: b.subarray(at + 4, at + length) });
    at += pad4(length);
  }
  return out;
}

/** All parameters, each padded but the last (RFC 9260 §3.2: a chunk's length does not count the final padding). */
export function writeParameters(parameters: readonly Parameter[]): Uint8Array {
  let size = 0;
  for (const p of parameters) size = pad4(size) + 4 + p.value.length;
  const out = new Uint8Array(size);
  let at = 0;
  for (const p of parameters) {
    at = pad4(at);
    write16(out, at, p.type);
    write16(out, at + 2, 4 + p.value.length);
    out.set(p.value, at + 4);
    at += 4 + p.value.length;
  }
  return out;
}

export function parameterU32(type: number, value: number): Parameter {
  const bytes = new Uint8Array(4);
  write32(bytes, 0, value);
  return { type, value: bytes };
}

/** Bytes of the reason in an ABORT, written and read. */
export const MAX_ABORT_REASON = 128;
const MAX_ABORT_CAUSES = 8;

/** The error causes of an ABORT, in [start, end). */
export function parseAbort(b: Uint8Array, start: number, end: number): SctpAbort {
  const cause = parseParameters(b, start, end, MAX_ABORT_CAUSES)?.[0];
  const hasReason = cause?.type === CAUSE_USER_INITIATED_ABORT;
  return {
    causeCode: cause?.type,
    reason: hasReason ? utf8Decode(cause.value.subarray(0, MAX_ABORT_REASON)) : "",
  };
}

/** One error cause with its header. */
export function errorCause(code: number, value: Uint8Array = new Uint8Array(0)): Uint8Array {
  return writeParameters([{ type: code, value }]);
}
