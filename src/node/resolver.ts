// Host names: unicast DNS by the system's resolver, `.local` names by multicast DNS.
import { lookup } from "node:dns";
import { isIP } from "node:net";
import type { Cancellable } from "../util/net.js";
import { publishMdns, resolveMdns } from "./mdns.js";

export function resolve(hostname: string, done: (addresses: readonly string[]) => void): Cancellable {
  if (isIP(hostname)) {
    let cancelled = false;
    queueMicrotask(() => {
      if (!cancelled) done([hostname]);
    });
    return {
      cancel() {
        cancelled = true;
      },
    };
  }
  if (/\.local\.?$/i.test(hostname)) return resolveMdns(hostname.toLowerCase().replace(/\.$/, ""), done);
  let cancelled = false;
  lookup(hostname, { all: true, verbatim: true }, (error, found) => {
    // A bare number is no name of anyone's, but the system makes 0.0.0.N of it: "this network" (RFC 1122 §3.2.1.3).
    const addresses = error ? [] : found.map(({ address }) => address).filter((address) => !address.startsWith("0."));
    if (!cancelled) done(addresses);
  });
  return {
    cancel() {
      cancelled = true;
    },
  };
}

export function publish(hostname: string, address: string): Cancellable {
  return publishMdns(hostname.toLowerCase(), address);
}
