// What a TURN client is given and what it tells its owner.
import type { Logger } from "../util/logger.js";
import type { DatagramPort, StreamPort, TransportAddress } from "../util/net.js";
import type { TurnCrypto } from "./credentials.js";

/** The way to the server, opened by the owner. */
export type TurnTransport =
  | { readonly kind: "datagram"; readonly port: DatagramPort; readonly server: TransportAddress }
  | { readonly kind: "stream"; readonly port: StreamPort };

export interface TurnClientOptions {
  readonly crypto: TurnCrypto;
  readonly transport: TurnTransport;
  readonly username: string;
  readonly password: string;
  /** Address family of the relayed address; 4 unless given. */
  readonly family?: 4 | 6 | undefined;
  /** With family 4: ask for an IPv6 address besides (ADDITIONAL-ADDRESS-FAMILY). Servers may have none. */
  readonly additional?: boolean | undefined;
  readonly software?: string | undefined;
  readonly logger?: Logger | undefined;
}

/**
 * Why a client has ended. "closed": by `close`. "refused": the server said no, see the code. "unreachable": no answer, or
 * the connection broke. "expired": the allocation is gone. "redirected": to a server that needs another transport, see
 * `alternate`. "protocol": the server does not speak TURN.
 */
export type TurnEndReason = "closed" | "refused" | "unreachable" | "expired" | "redirected" | "protocol";

export interface TurnEnd {
  readonly reason: TurnEndReason;
  /** The STUN error code (300–699), 701 where there is none, 0 for "closed": as icecandidateerror wants it. */
  readonly code: number;
  readonly text: string;
  /** "redirected" only; connect there the same way (RFC 8489 §10). */
  readonly alternate?: TransportAddress | undefined;
  readonly alternateDomain?: string | undefined;
}

export interface TurnClientHost {
  /**
   * The allocation stands: `relay` sends from it. `mapped` is our address as the server sees it. `additional` is the IPv6
   * address of the same allocation; both ports send from the one of the peer's family. Called once.
   */
  onAllocated(relay: DatagramPort, mapped: TransportAddress, now: number, additional?: DatagramPort): void;
  /** A datagram from a peer; its bytes belong to the receiver. */
  onDatagram(data: Uint8Array, address: string, port: number, now: number): void;
  /** It is over, before or after `onAllocated`. Called once; the transport can be closed. */
  onEnd(end: TurnEnd, now: number): void;
}

export type TurnClientState = "new" | "allocating" | "allocated" | "closing" | "ended";

export interface TurnCounters {
  /** Datagrams that did not come from the server. */
  foreign: number;
  /** Messages from the server that made no sense, or answered nothing. */
  malformed: number;
  /** Responses dropped for their integrity. */
  unauthenticated: number;
  /** Data from peers or on channels that we know nothing of. */
  unexpected: number;
  /** Datagrams we could not send: no allocation, another family, refused, above a limit. */
  unsendable: number;
}
