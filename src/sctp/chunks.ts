// Chunk types and flags (RFC 9260 §3.2, 3758, 6525, 8260, 4820), the INIT codec (§3.3.2) and small chunks. DATA and SACK
// are read and written in place where they are used (retransmission.ts, association.ts, data-tracker.ts).

import { MAX_PARAMETERS } from "./options.js";
import { read16, read32, write16, write32 } from "./packet.js";
import { type Parameter, parseParameters, writeParameters } from "./parameters.js";

export const DATA = 0;
export const INIT = 1;
export const INIT_ACK = 2;
export const SACK = 3;
export const HEARTBEAT = 4;
export const HEARTBEAT_ACK = 5;
export const ABORT = 6;
export const SHUTDOWN = 7;
export const SHUTDOWN_ACK = 8;
export const ERROR = 9;
export const COOKIE_ECHO = 10;
export const COOKIE_ACK = 11;
export const SHUTDOWN_COMPLETE = 14;
export const I_DATA = 64;
export const RE_CONFIG = 130;
export const PAD = 132;
export const FORWARD_TSN = 192;
export const I_FORWARD_TSN = 194;

/** Flags of DATA and I-DATA. */
export const FLAG_E = 1;
export const FLAG_B = 2;
export const FLAG_U = 4;
/** SACK at once (RFC 7053). */
export const FLAG_I = 8;
/** ABORT and SHUTDOWN COMPLETE: the verification tag is reflected (RFC 9260 §8.5.1). */
export const FLAG_T = 1;

export const DATA_HEADER = 16;
export const I_DATA_HEADER = 20;
export const SACK_HEADER = 16;

/** INIT or INIT ACK (same shape). */
export interface InitChunk {
  readonly initiateTag: number;
  readonly arwnd: number;
  readonly outboundStreams: number;
  readonly inboundStreams: number;
  readonly initialTsn: number;
  readonly parameters: readonly Parameter[];
}

/** Parses the chunk at [offset, offset + length) (header included); undefined if it is malformed. */
export function parseInit(b: Uint8Array, offset: number, length: number): InitChunk | undefined {
  if (length < 20) return undefined;
  const parameters = parseParameters(b, offset + 20, offset + length, MAX_PARAMETERS);
  if (parameters === undefined) return undefined;
  return {
    initiateTag: read32(b, offset + 4),
    arwnd: read32(b, offset + 8),
    outboundStreams: read16(b, offset + 12),
    inboundStreams: read16(b, offset + 14),
    initialTsn: read32(b, offset + 16),
    parameters,
  };
}

/** The whole chunk, header included, unpadded. */
export function writeInit(type: number, init: InitChunk): Uint8Array {
  const parameters = writeParameters(init.parameters);
  const out = new Uint8Array(20 + parameters.length);
  out[0] = type;
  write16(out, 2, out.length);
  write32(out, 4, init.initiateTag);
  write32(out, 8, init.arwnd);
  write16(out, 12, init.outboundStreams);
  write16(out, 14, init.inboundStreams);
  write32(out, 16, init.initialTsn);
  out.set(parameters, 20);
  return out;
}

/** A chunk of `type` around `value`, header included, unpadded. */
export function writeChunk(type: number, flags: number, value: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + value.length);
  out[0] = type;
  out[1] = flags;
  write16(out, 2, out.length);
  out.set(value, 4);
  return out;
}
