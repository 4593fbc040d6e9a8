// The INIT chunk (RFC 9260 §3.3.2): ours, as the options of an association have it, and what the peer's INIT or INIT ACK says of the
// peer. The same whether they come as packets (handshake.ts) or with the descriptions: SNAP, the SCTP Negotiation Acceleration
// Protocol (draft-hancke-tsvwg-snap-00), where each side's INIT is in its offer or answer and there is no handshake.
import { commonCapabilities, initIsSane, judgeParameters, type Offer, offerParameters } from "./capabilities.js";
import { INIT, type InitChunk, parseInit, writeInit } from "./chunks.js";
import type { StateCookie } from "./cookie.js";
import { DEFAULT_RECEIVE_BUFFER, type SctpCrypto, type SctpOptions } from "./options.js";
import { pad4, read16, read32 } from "./packet.js";
import type { Parameter } from "./parameters.js";

const MAX_STREAMS = 65_535;

/** What an INIT, an INIT ACK or a cookie says of the peer. */
export type Peer = Pick<
  StateCookie,
  "peerTag" | "peerInitialTsn" | "peerRwnd" | "outboundStreams" | "inboundStreams" | "capabilities"
>;

/** What of the options the INIT says. */
export type InitOptions = Pick<
  SctpOptions,
  "crypto" | "receiveBuffer" | "maxStreams" | "interleaving" | "zeroChecksum"
>;

export function randomTag(crypto: SctpCrypto): number {
  for (;;) {
    const tag = read32(crypto.random(4), 0);
    if (tag !== 0) return tag;
  }
}

export function randomTsn(crypto: SctpCrypto): number {
  return read32(crypto.random(4), 0);
}

export function offerOf({ interleaving, zeroChecksum }: InitOptions): Offer {
  return { interleaving: interleaving ?? true, zeroChecksum: zeroChecksum ?? true };
}

export function maxStreamsOf({ maxStreams }: InitOptions): number {
  return maxStreams ?? MAX_STREAMS;
}

export function receiveBufferOf({ receiveBuffer }: InitOptions): number {
  return receiveBuffer ?? DEFAULT_RECEIVE_BUFFER;
}

/** The whole INIT of an association with these options, header included. */
export function writeOwnInit(
  options: InitOptions,
  initiateTag: number,
  initialTsn: number,
  offer: Offer = offerOf(options),
): Uint8Array {
  const streams = maxStreamsOf(options);
  return writeInit(INIT, {
    initiateTag,
    arwnd: receiveBufferOf(options),
    outboundStreams: streams,
    inboundStreams: streams,
    initialTsn,
    parameters: offerParameters(offer),
  });
}

/** The INIT of an association that is to be made with these options and `snap`, for a description to carry. */
export function createInit(options: InitOptions): Uint8Array {
  return writeOwnInit(options, randomTag(options.crypto), randomTsn(options.crypto));
}

/** What an INIT or INIT ACK says, and what of its parameters counts. */
export interface JudgedInit {
  readonly init: InitChunk;
  readonly accepted: readonly Parameter[];
  readonly reported: readonly Parameter[];
}

/** Reads the chunk at [offset, offset + length) (header included); undefined if it is malformed or must be refused. */
export function readInit(b: Uint8Array, offset: number, length: number): JudgedInit | undefined {
  const init = parseInit(b, offset, length);
  const judged = init && judgeParameters(init.parameters);
  return judged && { init: init!, ...judged };
}

/** The INIT that a description carries: one whole chunk, which would be taken as a packet too; undefined if it is none. */
export function readSignaledInit(chunk: Uint8Array): JudgedInit | undefined {
  if (chunk.length < 4 || chunk[0] !== INIT) return undefined;
  const length = read16(chunk, 2);
  // Padding may be there or not.
  if (length > chunk.length || chunk.length > pad4(length)) return undefined;
  const read = readInit(chunk, 0, length);
  return read !== undefined && initIsSane(read.init) ? read : undefined;
}

/** What such a chunk means for an association with these options. */
export function peerOf({ init, accepted }: JudgedInit, streams: number, offer: Offer): Peer {
  return {
    peerTag: init.initiateTag,
    peerInitialTsn: init.initialTsn,
    peerRwnd: init.arwnd,
    outboundStreams: Math.min(streams, init.inboundStreams),
    inboundStreams: Math.min(streams, init.outboundStreams),
    capabilities: commonCapabilities(accepted, offer),
  };
}
