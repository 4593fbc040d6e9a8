// How much SCTP may put into one DTLS record on a path.
import type { DtlsConnection } from "../dtls/connection.js";
import type { CandidatePair } from "../ice/pair.js";
import { DEFAULT_MTU } from "../sctp/options.js";
import { ipScope } from "../util/ip.js";
import type { Network } from "../util/net.js";

/** Plaintext bytes of a record that every peer is taken to accept. */
const MAX_UNANNOUNCED_RECORD = DEFAULT_MTU;

/** Plaintext bytes. */
export interface RecordSize {
  /** What the path is taken to carry. */
  readonly certain: number;
  /** What it carries at best. */
  readonly most: number;
}

/**
 * Large records where they cost nothing: to an address of this host, if the peer says that it takes them (RFC 8449; a
 * record that is longer than its buffer ends the connection of some). Elsewhere the safe size: searching for more
 * (RFC 8899) needs packets that nobody fragments, and sockets of Node cannot ask for that.
 */
export function recordSize(
  pair: CandidatePair,
  dtls: Pick<DtlsConnection, "recordSizeLimit" | "overhead">,
  network: Network,
): RecordSize {
  const limit = dtls.recordSizeLimit ?? MAX_UNANNOUNCED_RECORD;
  const certain = Math.min(DEFAULT_MTU, limit);
  const { local, base, address } = pair;
  const isDirect = local.candidate.protocol === "udp" && local.candidate.type !== "relay";
  if (!isDirect || !isOwnAddress(address, network)) return { certain, most: certain };
  const payload = network.firstHopPayload?.(base.address, address) ?? 0;
  return { certain, most: Math.max(certain, Math.min(payload - dtls.overhead, limit)) };
}

function isOwnAddress(address: string, network: Network): boolean {
  return ipScope(address) === "loopback" || network.interfaces().some((own) => own.address === address);
}
