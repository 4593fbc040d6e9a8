// Candidates as an agent keeps them: a base (a socket, or what behaves as one) with its local candidates, the remote
// candidates, and the arithmetic of RFC 8445 §5.1.2 (priorities) and §5.1.1.3 (foundations).
import type { IceCandidate, IceCandidateType, IceTcpCandidateType } from "../util/ice-candidate.js";
import { ipFamily } from "../util/ip.js";
import type { DatagramPort } from "../util/net.js";
import type { CandidatePair } from "./pair.js";

/** Local candidates of one base: where a NAT maps every check anew, the later ones are not remembered. */
const MAX_LOCAL_CANDIDATES = 16;

export type RelayProtocol = "udp" | "tcp" | "tls";

/**
 * Type preferences. Those of UDP are the RFC's (§5.1.2.2); TCP's are lower, so that it is used where nothing else works
 * (RFC 6544 §4.2); relays go by how we reach them.
 */
export function typePreference(
  type: IceCandidateType,
  protocol: "udp" | "tcp",
  relayProtocol?: RelayProtocol | undefined,
): number {
  if (type === "relay") return relayProtocol === "tls" ? 0 : relayProtocol === "tcp" ? 1 : 2;
  if (protocol === "tcp") return type === "host" ? 90 : type === "prflx" ? 80 : 70;
  return type === "host" ? 126 : type === "prflx" ? 110 : 100;
}

/** RFC 8445 §5.1.2.1, as an unsigned 32-bit number. `localPreference` is 16 bits wide. */
export function candidatePriority(typePref: number, localPreference: number, component = 1): number {
  return typePref * 0x100_0000 + localPreference * 0x100 + (256 - component);
}

/** RFC 6544 §4.2: three bits of direction above 13 of the rest. */
export function tcpLocalPreference(type: IceCandidateType, tcpType: IceTcpCandidateType, other: number): number {
  const reflexive = type === "srflx" || type === "prflx";
  const direction = tcpType === "active" ? (reflexive ? 4 : 6) : tcpType === "passive" ? (reflexive ? 2 : 4) : 6;
  return direction * 0x2000 + (other >>> 3);
}

/** Gives equal keys equal, short foundations; kept over restarts. */
export class Foundations {
  private readonly byKey = new Map<string, string>();

  /** RFC 8445 §5.1.1.3: same type, same base address, same server, same protocol. */
  get(type: IceCandidateType, baseAddress: string, protocol: string, server = ""): string {
    const key = `${type} ${baseAddress} ${protocol} ${server}`;
    let found = this.byKey.get(key);
    if (found === undefined) {
      found = String(this.byKey.size + 1);
      this.byKey.set(key, found);
    }
    return found;
  }
}

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
  readonly candidates: LocalCandidate[] = [];
  /** By remote address and port. */
  readonly pairs: Map<string, CandidatePair> = new Map();
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
    if (this.candidates.length < MAX_LOCAL_CANDIDATES) this.candidates.push(local);
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

export function remoteKey(address: string, port: number): string {
  return `${address} ${port}`;
}

/** A remote candidate with a known IP address. */
export class RemoteCandidate {
  /** Replaced when a peer-reflexive candidate turns out to be one that is signalled later. */
  candidate: IceCandidate;
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
  /** The peer's ufrag, as far as known: candidates of another generation are not ours. */
  readonly usernameFragment: string | undefined;

  constructor(candidate: IceCandidate, address: string, usernameFragment: string | undefined) {
    this.candidate = candidate;
    this.address = address;
    this.port = candidate.port;
    this.family = ipFamily(address) === 6 ? 6 : 4;
    this.usernameFragment = usernameFragment;
  }

  get key(): string {
    return remoteKey(this.address, this.port);
  }
}
