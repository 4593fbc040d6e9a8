// Whether the peer still has the SCTP association of before, once it may have begun another on another DTLS association (PeerTransport's
// renewDtls). An INIT or an ABORT would tell. Without a handshake (SNAP, see init.ts) both have the same tags and first TSNs: what
// differs is how far they have got. A DATA chunk that is a duplicate to either makes the peer say so.
import { ABORT, DATA, FLAG_B, FLAG_E, FLAG_I, I_DATA, INIT, SACK, writeChunk } from "./chunks.js";
import { CHUNK_HEADER, COMMON_HEADER, read32, write32 } from "./packet.js";

/** Where the association stands that we have. */
export interface Standing {
  readonly localInitialTsn: number;
  readonly peerInitialTsn: number;
  /** The last TSN of ours that the peer has acknowledged. */
  readonly acknowledged: number;
  /** The last TSN of the peer's that has come, with all before it. */
  readonly received: number;
}

/** "shaking": another, which begins with a handshake; undefined: this packet does not say. */
export type Identity = "same" | "another" | "shaking" | undefined;

/** The TSN before the first: no new data in any association. */
function probeTsn(initialTsn: number): number {
  return (initialTsn - 1) >>> 0;
}

/** The chunk that is to be answered with a SACK. */
export function writeIdentityProbe(interleaving: boolean, localInitialTsn: number): Uint8Array {
  const value = new Uint8Array(interleaving ? 17 : 13);
  write32(value, 0, probeTsn(localInitialTsn));
  return writeChunk(interleaving ? I_DATA : DATA, FLAG_B | FLAG_E | FLAG_I, value);
}

/** Judges the first chunk of a packet. `standing`: undefined where there was a handshake, and tags tell one from the other. */
export function identify(packet: Uint8Array, standing: Standing | undefined): Identity {
  const chunk = packet[COMMON_HEADER];
  if (chunk === INIT) return "shaking";
  if (chunk === ABORT) return "another";
  if (standing === undefined) return "same";
  if (packet.length < COMMON_HEADER + 16) return undefined;
  const tsn = read32(packet, COMMON_HEADER + CHUNK_HEADER);
  const { localInitialTsn, peerInitialTsn, acknowledged, received } = standing;
  if (chunk === SACK) {
    if (((tsn - acknowledged) | 0) < 0) return "another";
    return acknowledged === probeTsn(localInitialTsn) && received !== probeTsn(peerInitialTsn) ? undefined : "same";
  }
  if ((chunk !== DATA && chunk !== I_DATA) || acknowledged !== probeTsn(localInitialTsn)) return undefined;
  // Nothing of ours was acknowledged: what the peer sends has to tell.
  if (tsn === probeTsn(peerInitialTsn)) return undefined;
  return ((tsn - received) | 0) > 0 ? "same" : "another";
}

/** Whether this is the peer's question, which changes nothing in any association. */
export function isIdentityProbe(packet: Uint8Array, { peerInitialTsn }: Standing): boolean {
  const chunk = packet[COMMON_HEADER];
  if ((chunk !== DATA && chunk !== I_DATA) || packet.length < COMMON_HEADER + 16) return false;
  return read32(packet, COMMON_HEADER + CHUNK_HEADER) === probeTsn(peerInitialTsn);
}
