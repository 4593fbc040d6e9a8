// One candidate pair: its state (RFC 8445 §6.1.2.6), its checks, what it carried.
import type { StunTransaction } from "../stun/transaction.js";
import type { DatagramPort } from "../util/net.js";
import type { IceBase, LocalCandidate, RemoteCandidate } from "./candidate.js";
import type { IceRole } from "./options.js";

export type PairState = "frozen" | "waiting" | "in-progress" | "succeeded" | "failed";

/** A check under way: what its answer means. */
export interface Check {
  readonly pair: CandidatePair;
  /** The role that the request claimed. */
  readonly role: IceRole;
  /** It carried USE-CANDIDATE. */
  readonly nominating: boolean;
  /** A consent check (RFC 7675): sent once, and its timeout says nothing. */
  readonly consent: boolean;
  /** PRIORITY, for the peer-reflexive candidate it may reveal. */
  readonly priority: number;
}

export class CandidatePair {
  readonly base: IceBase;
  readonly remote: RemoteCandidate;
  /** What `remote` is, flat for the packet path. */
  readonly port: DatagramPort;
  readonly address: string;
  readonly portNumber: number;
  /** The local candidate as the peer sees it: the base's own, until a check shows another (§7.2.5.3.2). */
  local: LocalCandidate;
  state: PairState = "frozen";
  /** In the triggered-check queue. */
  triggered = false;
  /** Controlling: a check with USE-CANDIDATE succeeded. Controlled: the peer sent USE-CANDIDATE, and the pair is valid. */
  nominated = false;
  /** Controlling: such a check is on its way. Controlled: USE-CANDIDATE came before the pair was valid (§7.3.1.5). */
  nominating = false;
  /** Controlled: the time of the latest USE-CANDIDATE. */
  nominatedAt: number = Number.NEGATIVE_INFINITY;
  /** The peer's address has proved to know a password: data from it is let in. */
  authenticated = false;
  /** The check under way, if any. */
  check: StunTransaction<Check> | undefined;
  /** Consent was lost or revoked: nothing may be sent (RFC 7675 §5.1). */
  revoked = false;
  /** Priority as RFC 8445 §6.1.2.3 has it, which needs 64 bits: 2^32 * low + 2 * high + odd. */
  private low = 0;
  private high = 0;
  private odd = 0;

  /** Counters and times for statistics (RTCIceCandidatePairStats); times are monotonic, NaN for never. */
  /** Connectivity checks without retransmissions, and without consent checks. */
  requestsSent = 0;
  responsesReceived = 0;
  requestsReceived = 0;
  responsesSent = 0;
  consentRequestsSent = 0;
  currentRoundTripTime: number = Number.NaN;
  totalRoundTripTime = 0;
  /** Data without STUN, as the four below. */
  bytesSent = 0;
  packetsSent = 0;
  bytesReceived = 0;
  packetsReceived = 0;
  /** Of those that were sent: what the socket did not take. */
  packetsDiscardedOnSend = 0;
  bytesDiscardedOnSend = 0;
  lastPacketSentAt: number = Number.NaN;
  lastPacketReceivedAt: number = Number.NaN;
  /** Of anything, STUN included. */
  lastReceivedAt: number = Number.NaN;
  lastRequestReceivedAt: number = Number.NaN;
  lastResponseAt: number = Number.NaN;

  constructor(base: IceBase, remote: RemoteCandidate, role: IceRole) {
    this.base = base;
    this.remote = remote;
    this.local = base.own;
    this.port = base.port;
    this.address = remote.address;
    this.portNumber = remote.port;
    this.setRole(role);
  }

  get foundation(): string {
    return `${this.base.own.candidate.foundation}:${this.remote.candidate.foundation}`;
  }

  /** Through a relay on either side. */
  get relayed(): boolean {
    return this.base.type === "relay" || this.remote.candidate.type === "relay";
  }

  /** Computes the priority anew. */
  setRole(role: IceRole): void {
    const local = this.base.own.candidate.priority;
    const remote = this.remote.candidate.priority;
    this.low = Math.min(local, remote);
    this.high = Math.max(local, remote);
    const [g, d] = role === "controlling" ? [local, remote] : [remote, local];
    this.odd = g > d ? 1 : 0;
  }

  /** Positive if this pair has the higher priority. */
  compare(other: CandidatePair): number {
    return this.low - other.low || this.high - other.high || this.odd - other.odd;
  }
}
