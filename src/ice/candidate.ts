// Candidates as an agent keeps them: the remote ones (local ones belong to their base, in pair.ts), and the arithmetic of RFC 8445 §5.1.2 (priorities) and §5.1.1.3 (foundations).
import type { IceCandidate, IceCandidateType, IceTcpCandidateType } from "../util/ice-candidate.js";
import { ipFamily } from "../util/ip.js";

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
  /** The first has the foundation 1. */
  private readonly keys: string[] = [];

  /** RFC 8445 §5.1.1.3: same type, same base address, same server, same protocol. */
  get(type: IceCandidateType, baseAddress: string, protocol: string, server = ""): string {
    const key = [type, baseAddress, protocol, server].join(" ");
    const known = this.keys.indexOf(key);
    return String(known < 0 ? this.keys.push(key) : known + 1);
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
