// What an ICE agent is told and what it tells: options, times, limits, the host interface.
import type { CryptoProvider } from "../crypto/provider.js";
import type { StunSchedule } from "../stun/transaction.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import type { Logger } from "../util/logger.js";
import type { InterfaceAddress, Network } from "../util/net.js";

export type IceRole = "controlling" | "controlled";
export type IceGatheringState = "new" | "gathering" | "complete";
/** RTCIceTransportState of the W3C (webrtc-pc §5.6.4). */
export type IceTransportState = "new" | "checking" | "connected" | "completed" | "disconnected" | "failed" | "closed";
export type IceTransportPolicy = "all" | "relay";

/** One URL of an ICE server, parsed (RFC 7064, RFC 7065). */
export interface IceServer {
  readonly scheme: "stun" | "stuns" | "turn" | "turns";
  /** A host name or IP literal, without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly transport: "udp" | "tcp";
  readonly username?: string | undefined;
  readonly credential?: string | undefined;
  /** As the application wrote it. */
  readonly url: string;
}

export interface IceParameters {
  readonly usernameFragment: string;
  readonly password: string;
  readonly iceLite?: boolean | undefined;
}

/** RTCPeerConnectionIceErrorEvent: 300 to 699 as the server said, 701 where none was reached. */
export interface IceCandidateError {
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly url: string;
  readonly errorCode: number;
  readonly errorText: string;
}

/** A one-to-one NAT: what the world sees instead of `local` (of every address of the family where it is left out). */
export interface ExternalAddress {
  readonly external: string;
  readonly local?: string | undefined;
  /** "host" (the default): it replaces the host candidate's address. "srflx": it becomes a further candidate. */
  readonly type?: "host" | "srflx" | undefined;
}

export interface IceTcpOptions {
  /** Connect to the peer's passive candidates. */
  readonly active?: boolean | undefined;
  /** Listen, on a port of this range if given. */
  readonly passive?: boolean | undefined;
  readonly portRange?: readonly [min: number, max: number] | undefined;
}

/** Times in milliseconds. */
export interface IceTiming {
  /** Ta: between two checks of pairs that were never checked (RFC 8445 §14.2; 5 is its lower bound). */
  readonly ta: number;
  /** One connectivity check. */
  readonly check: StunSchedule;
  /** One request to a STUN server while gathering. */
  readonly gather: StunSchedule;
  /** How often the NAT binding of a server-reflexive candidate is refreshed before a pair is selected (§11: ≥ 15 s). */
  readonly bindingRefresh: number;
  /** RFC 7675 §5.1: mean interval of consent checks, and how long consent lasts. */
  readonly consentInterval: number;
  readonly consentTimeout: number;
  /** An unanswered consent check is followed by the next after this, ... */
  readonly consentRetry: number;
  /** ... and after so long without an answer or any other packet the pair is "disconnected". */
  readonly disconnectedTimeout: number;
  /** While disconnected, how often every other pair is tried again. */
  readonly recoveryInterval: number;
  /** RFC 8863: how long to wait for the peer's checks before "failed", counted from its parameters. */
  readonly patience: number;
  /** How long "disconnected" lasts, counted likewise, for a peer that never says that its candidates are at an end. */
  readonly candidatePatience: number;
  /** A lite agent has no checks of its own: it goes by the peer's. */
  readonly liteDisconnectedTimeout: number;
  /** Two lite agents: how often each is heard of at least (Tr of RFC 8445 §11). */
  readonly keepalive: number;
  /** As controlled: a nomination older than this no longer outweighs a newer one of lower priority. */
  readonly nominationRecency: number;
}

/**
 * RFC 8445 §14.3 would have RTOs of 500 ms. Here they begin at 100 ms, since a lost check delays the whole setup, and the
 * doubling ends at 1.6 s, as a peer's answer may open the path at any time. `patience` is what RFC 8863 §4 derives from it.
 */
export const DEFAULT_TIMING: IceTiming = {
  ta: 5,
  check: { rto: 100, rc: 12, lastWait: 1600, maxInterval: 1600 },
  gather: { rto: 500, rc: 5, lastWait: 2000 },
  bindingRefresh: 15_000,
  consentInterval: 5000,
  consentTimeout: 30_000,
  consentRetry: 500,
  disconnectedTimeout: 3000,
  recoveryInterval: 2000,
  patience: 16_000,
  candidatePatience: 30_000,
  liteDisconnectedTimeout: 8000,
  keepalive: 15_000,
  nominationRecency: 3000,
};

/** Remote candidates of one generation, signalled and peer-reflexive. */
export const MAX_REMOTE_CANDIDATES = 128;
/** Of them, peer-reflexive (each costs the peer an authenticated request). */
export const MAX_PEER_REFLEXIVE = 32;
/** Pairs of one checklist (RFC 8445 §6.1.2.5 suggests 100). */
export const MAX_PAIRS = 256;
/** Host names among the remote candidates that are being resolved. */
export const MAX_RESOLUTIONS = 32;
/** Local sockets of one generation. */
export const MAX_BASES = 64;
/** Requests to STUN and TURN servers: addresses taken of one host name. */
export const MAX_SERVER_ADDRESSES = 4;

export interface IceAgentOptions {
  readonly crypto: CryptoProvider;
  readonly network: Network;
  readonly logger?: Logger | undefined;
  readonly role?: IceRole | undefined;
  readonly servers?: readonly IceServer[] | undefined;
  readonly policy?: IceTransportPolicy | undefined;
  /** ICE-lite (RFC 8445 §2.5): host candidates only, and no checks of our own. */
  readonly lite?: boolean | undefined;
  readonly interfaceFilter?: ((address: InterfaceAddress) => boolean) | undefined;
  readonly portRange?: readonly [min: number, max: number] | undefined;
  readonly externalAddresses?: readonly ExternalAddress[] | undefined;
  /** Gather loopback addresses too. They are gathered without it only where the host has no others. */
  readonly loopback?: boolean | undefined;
  /** Hide host addresses behind names of multicast DNS. */
  readonly mdns?: boolean | undefined;
  readonly tcp?: IceTcpOptions | undefined;
  readonly timing?: Partial<IceTiming> | undefined;
  /** The first generation's credentials, for those who must know them beforehand. */
  readonly usernameFragment?: string | undefined;
  readonly password?: string | undefined;
}

/** What was dropped, over the life of the agent. */
export interface IceCounters {
  /** Data from addresses that never authenticated. */
  droppedData: number;
  /** What is no STUN message though it begins as one, and responses with a wrong integrity or to nothing we asked. */
  droppedStun: number;
  /** Requests that nobody with our password sent. */
  rejectedRequests: number;
  /** Remote candidates beyond the limits, or of no use. */
  droppedCandidates: number;
  /** Pairs for which the checklist had no room. */
  droppedPairs: number;
}

/** Whoever owns the agent. No callback may call the agent back before it has returned. */
export interface IceHost {
  onLocalCandidate(candidate: IceCandidate): void;
  onCandidateError(error: IceCandidateError): void;
  onGatheringStateChange(state: IceGatheringState): void;
  onStateChange(state: IceTransportState): void;
  /** The pair that `send` uses. */
  onSelectedPairChange(local: IceCandidate, remote: IceCandidate): void;
  /** A role conflict was settled, or the peer is lite. */
  onRoleChange(role: IceRole): void;
  /**
   * One datagram that is not STUN, from an address that proved to know our password or that we have proved ours to.
   * `isCurrent`: not over a pair of the generation before.
   */
  onData(data: Uint8Array, now: number, isCurrent: boolean): void;
  /** The end of a wake-up of one of the sockets. */
  onDrained(now: number): void;
}
