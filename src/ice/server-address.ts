// A STUN or TURN server as gathering knows it.
import type { TransportAddress } from "../util/net.js";
import type { IceServer } from "./options.js";

/** A server with one address of it. */
export interface ServerAddress extends TransportAddress {
  readonly server: IceServer;
  /** Place in the configuration: separates the priorities of candidates from different servers. */
  readonly index: number;
}
