// Where checks are sent from: a base (a socket, or what behaves as one) with its local candidates; and candidate pairs: their
// state (RFC 8445 §6.1.2.6), their checks, what they carried.
import type { StunTransaction } from "../stun/transaction.js";
import type { IceCandidate, IceCandidateType, IceTcpCandidateType } from "../util/ice-candidate.js";
import { ipFamily } from "../util/ip.js";
import { LateMap } from "../util/late-map.js";
import type { DatagramPort } from "../util/net.js";
import {
  candidatePriority,
  type RelayProtocol,
  type RemoteCandidate,
  remoteKey,
  tcpLocalPreference,
  typePreference,
} from "./candidate.js";
import type { IceRole } from "./options.js";

/** Local candidates of one base: where a NAT maps every check anew, the later ones are not remembered. */
const MAX_LOCAL_CANDIDATES = 16;

/** A local candidate: what was (or could be) signalled, and the true address where that hides it. */
export class LocalCandidate {
  readonly candidate: IceCandidate;
  readonly base: IceBase;
  readonly address: string;
  readonly port: number;

  constructor(candidate: IceCandidate, base: IceBase, address: string, port: number) {
    this.candidate = candidate;
    this.base = base;
    this.address = address;
    this.port = port;
  }
}

/** Where checks are sent from: a UDP socket, a TCP listener or dialler with its connections, or a relay. */
export class IceBase {
  readonly port: DatagramPort;
  readonly protocol: "udp" | "tcp";
  readonly type: "host" | "relay";
  readonly tcpType: IceTcpCandidateType | undefined;
  readonly family: 4 | 6;
  readonly localPreference: number;
  readonly relayProtocol: RelayProtocol | undefined;
  /** The address that candidates are based on; for relays, the relayed one. */
  readonly address: string;
  readonly portNumber: number;
  /** The first is the base's own candidate. */
  candidates: readonly LocalCandidate[] = [];
  /** By remote address and port. */
  readonly pairs: LateMap<string, CandidatePair> = new LateMap();
  /** The pair that data came over last: the packet path's shortcut. */
  lastPair: CandidatePair | undefined;
  closed = false;

  constructor(
    port: DatagramPort,
    options: {
      readonly type: "host" | "relay";
      readonly protocol?: "udp" | "tcp" | undefined;
      readonly tcpType?: IceTcpCandidateType | undefined;
      readonly localPreference: number;
      readonly relayProtocol?: RelayProtocol | undefined;
    },
  ) {
    this.port = port;
    this.type = options.type;
    this.protocol = options.protocol ?? "udp";
    this.tcpType = options.tcpType;
    this.localPreference = options.localPreference;
    this.relayProtocol = options.relayProtocol;
    this.address = port.localAddress;
    this.portNumber = port.localPort;
    this.family = ipFamily(port.localAddress) === 6 ? 6 : 4;
  }

  /** A list that grows in place has room for sixteen more; most bases have one candidate. */
  addCandidate(candidate: LocalCandidate): void {
    this.candidates = [...this.candidates, candidate];
  }

  /** The base's own candidate. */
  get own(): LocalCandidate {
    return this.candidates[0]!;
  }

  /** PRIORITY of a check from here: as if the peer learned a peer-reflexive candidate (RFC 8445 §7.1.1). */
  get peerReflexivePriority(): number {
    return candidatePriority(typePreference("prflx", this.protocol), this.preferenceFor("prflx"));
  }

  preferenceFor(type: IceCandidateType): number {
    return this.tcpType === undefined
      ? this.localPreference
      : tcpLocalPreference(type, this.tcpType, this.localPreference);
  }

  /**
   * The local candidate that a peer sees at this address (RFC 8445 §7.2.5.3.1): peer-reflexive if it is none of those
   * gathered. `priority` is that of the check.
   */
  candidateSeenAs(address: string, port: number, priority: number): LocalCandidate {
    for (const known of this.candidates) {
      if (known.address === address && known.port === port) return known;
      // Behind a one-to-one NAT, what is signalled is what the peer sees.
      if (known.candidate.address === address && known.candidate.port === port) return known;
    }
    const own = this.own.candidate;
    // TCP connections have ports of their own; the candidate of the listener or dialler stands for them.
    if (this.protocol === "tcp" && address === this.address) return this.own;
    const candidate: IceCandidate = {
      ...own,
      foundation: `${own.foundation}p`,
      priority,
      address,
      port,
      type: "prflx",
      relatedAddress: own.address,
      relatedPort: own.port,
    };
    const local = new LocalCandidate(candidate, this, address, port);
    if (this.candidates.length < MAX_LOCAL_CANDIDATES) this.addCandidate(local);
    return local;
  }

  findPair(address: string, port: number): CandidatePair | undefined {
    return this.pairs.get(remoteKey(address, port));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.port.close();
  }
}

export type PairState = "frozen" | "waiting" | "in-progress" | "succeeded" | "failed";

/** A check under way: what its answer means. */
export interface Check {
  readonly pair: CandidatePair;
  /** The role that the request claimed. */
  readonly role: IceRole;
  /** It carried USE-CANDIDATE, and was not a consent check, which may carry it again. */
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
