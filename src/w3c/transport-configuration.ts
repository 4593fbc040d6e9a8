// What a transport is made with: of the configuration as it is when the transport is made, and of what servers ask for beyond it.
import type { Platform } from "../peer/platform.js";
import type { Configuration } from "./configuration.js";
import type { TransportConfiguration } from "./connection-transports.js";
import type { ServerOptions } from "./server-options.js";

export function transportConfiguration(
  platform: Platform,
  maxMessageSize: number,
  { servers, iceTransportPolicy }: Configuration,
  options: ServerOptions,
): TransportConfiguration {
  return {
    platform,
    maxMessageSize,
    ice: {
      servers,
      policy: iceTransportPolicy,
      lite: options.iceLite,
      interfaceFilter: options.interfaceFilter,
      portRange: options.portRange,
      externalAddresses: options.externalAddresses,
      loopback: options.loopback,
      mdns: options.mdns,
      tcp: { active: true, ...options.iceTcp },
    },
  };
}
