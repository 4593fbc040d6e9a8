// What a server needs beyond RTCConfiguration: the second argument of `new RTCPeerConnection(configuration, options)`.
import type { ExternalAddress, IceTcpOptions } from "../peer/peer-transport.js";
import type { Platform } from "../peer/platform.js";
import type { InterfaceAddress } from "../util/net.js";

/** Bytes: what we take in one data channel message unless told otherwise. */
export const DEFAULT_MAX_MESSAGE_SIZE: number = 256 * 1024;
export const MAX_MESSAGE_SIZE: number = 1024 * 1024 * 1024;

export interface ServerOptions {
  /** Clock, sockets and cryptography; Node's if absent. */
  readonly platform?: Platform | undefined;
  /** Largest data channel message to accept, in bytes, up to 1 GiB; 256 KiB if absent. */
  readonly maxMessageSize?: number | undefined;
  /** Be an ICE-lite agent (RFC 8445 §2.5): for hosts with public addresses. */
  readonly iceLite?: boolean | undefined;
  /** Which local addresses to gather candidates from. */
  readonly interfaceFilter?: ((address: InterfaceAddress) => boolean) | undefined;
  /** Inclusive range of local UDP ports. */
  readonly portRange?: readonly [min: number, max: number] | undefined;
  /** Addresses under which a one-to-one NAT makes this host reachable. */
  readonly externalAddresses?: readonly ExternalAddress[] | undefined;
  /** Gather loopback addresses too; they are gathered without it where there are no others. */
  readonly loopback?: boolean | undefined;
  /** Hide host addresses behind names of multicast DNS. */
  readonly mdns?: boolean | undefined;
  /** ICE over TCP (RFC 6544). As in browsers, connections are made to the peer's passive candidates unless `active` is false. */
  readonly iceTcp?: IceTcpOptions | undefined;
}
