// A STUN or TURN server as gathering knows it.
import { ipFamily } from "../util/ip.js";
import type { TransportAddress } from "../util/net.js";
import { type IceServer, MAX_SERVER_ADDRESSES } from "./options.js";

/** A server with one address of it. */
export interface ServerAddress extends TransportAddress {
  readonly server: IceServer;
  /** Place in the configuration: separates the priorities of candidates from different servers. */
  readonly index: number;
}

/** Reached over TCP or TLS. */
export function isStream({ scheme, transport }: IceServer): boolean {
  return transport === "tcp" || scheme === "turns" || scheme === "stuns";
}

/** Of the addresses of a server, the first of each family. */
export function onePerFamily(server: IceServer, addresses: readonly string[], index: number): ServerAddress[] {
  const taken = new Set<number>();
  const entries: ServerAddress[] = [];
  for (const address of addresses.slice(0, MAX_SERVER_ADDRESSES)) {
    const family = ipFamily(address);
    if (taken.has(family)) continue;
    taken.add(family);
    entries.push({ server, address, port: server.port, index });
  }
  return entries;
}
