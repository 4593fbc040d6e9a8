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
    if (!cancelled) done(error ? [] : found.map(({ address }) => address));
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
