// What a server needs beyond RTCConfiguration: the second argument of `new RTCPeerConnection(configuration, options)`.
import type { ExternalAddress, IceTcpOptions } from "../peer/peer-transport.js";
import type { Platform } from "../peer/platform.js";
import { canonicalIp, ipFamily } from "../util/ip.js";
import { microtask } from "../util/microtask.js";
import type { InterfaceAddress } from "../util/net.js";
import {
  boolean,
  type Converter,
  callback,
  type Dictionary,
  dictionary,
  double,
  enumeration,
  integer,
  object,
  sequence,
  usvString,
} from "./conversions.js";

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
  /**
   * Congestion control feedback of RFC 8888 in place of transport-wide feedback: true offers it (beside the other), false does not
   * take it from an offer either. As libwebrtc would, we take it otherwise where all sections of an offer have it.
   */
  readonly congestionControlFeedback?: boolean | undefined;
  /**
   * SCTP without a handshake, by its INIT in offer and answer (a=sctp-init, draft-hancke-tsvwg-snap): data channels open up to two round
   * trips earlier with peers that know it too. False neither offers nor takes it; true if absent.
   */
  readonly sctpSnap?: boolean | undefined;
  /** ICE over TCP (RFC 6544). As in browsers, connections are made to the peer's passive candidates unless `active` is false. */
  readonly iceTcp?: IceTcpOptions | undefined;
}

const unsignedShort = integer("unsigned short", "EnforceRange");

const messageSize: Converter<number> = (value, where) => {
  const size = double(value, where);
  if (Number.isInteger(size) && size >= 1 && size <= MAX_MESSAGE_SIZE) return size;
  throw new TypeError(`${where}The value ${size} is not a whole number from 1 to ${MAX_MESSAGE_SIZE}.`);
};

const portRange: Converter<readonly [number, number]> = (value, where) => {
  const [min, max, ...rest] = sequence(unsignedShort)(value, where);
  if (min === undefined || max === undefined || rest.length > 0) {
    throw new TypeError(`${where}A range is two ports, the lowest and the highest.`);
  }
  if (min < 1 || max < min) throw new TypeError(`${where}There is no port from ${min} to ${max}.`);
  return [min, max];
};

const ipAddress: Converter<string> = (value, where) => {
  const text = usvString(value, where);
  const address = canonicalIp(text);
  if (address === undefined) throw new TypeError(`${where}The value '${text}' is not an IP address.`);
  return address;
};

/** A callback function that returns a boolean: what it throws is reported, and counts as false. */
const interfaceFilter: Converter<(address: InterfaceAddress) => boolean> = (value, where) => {
  const filter = callback(value, where) as (address: InterfaceAddress) => unknown;
  return (address) => {
    try {
      return Boolean(filter(address));
    } catch (error) {
      microtask(() => {
        throw error;
      });
      return false;
    }
  };
};

const externalAddress: Dictionary<ExternalAddress> = dictionary<ExternalAddress>("ExternalAddress", {
  external: { type: ipAddress, required: true },
  local: { type: ipAddress },
  type: { type: enumeration("ExternalAddressType", ["host", "srflx"]) },
});

const externalAddresses: Converter<readonly ExternalAddress[]> = (value, where) => {
  const list = sequence(externalAddress)(value, where);
  for (const { external, local } of list) {
    if (local !== undefined && ipFamily(local) !== ipFamily(external)) {
      throw new TypeError(`${where}The addresses '${local}' and '${external}' are of different families.`);
    }
  }
  return list;
};

const iceTcp: Dictionary<IceTcpOptions> = dictionary<IceTcpOptions>("IceTcpOptions", {
  active: { type: boolean },
  passive: { type: boolean },
  portRange: { type: portRange },
});

/** Converts as if ServerOptions were a dictionary of Web IDL: TypeErrors name the member that is wrong. */
export const serverOptions: Dictionary<ServerOptions> = dictionary<ServerOptions>("ServerOptions", {
  platform: { type: object as Converter<Platform> },
  maxMessageSize: { type: messageSize },
  iceLite: { type: boolean },
  interfaceFilter: { type: interfaceFilter },
  portRange: { type: portRange },
  externalAddresses: { type: externalAddresses },
  loopback: { type: boolean },
  mdns: { type: boolean },
  iceTcp: { type: iceTcp },
  congestionControlFeedback: { type: boolean },
  sctpSnap: { type: boolean },
});
