// Host names: unicast DNS by the system's resolver, `.local` names by multicast DNS.
import { lookup } from "node:dns";
import { isIP } from "node:net";
import type { Cancellable } from "../util/net.js";
import { publishMdns, resolveMdns } from "./mdns.js";

type Done = (addresses: readonly string[]) => void;

/**
 * Who waits for which name. A lookup has a thread of the pool for as long as it takes, cannot be given up, and keeps the process
 * alive: where a server does not answer, one for each connection would be in the queue behind all others.
 */
const lookups = new Map<string, Set<Done>>();

function start(hostname: string): Set<Done> {
  const waiting = new Set<Done>();
  lookups.set(hostname, waiting);
  lookup(hostname, { all: true, verbatim: true }, (error, found) => {
    lookups.delete(hostname);
    // A bare number is no name of anyone's, but the system makes 0.0.0.N of it: "this network" (RFC 1122 §3.2.1.3).
    const addresses = error ? [] : found.map(({ address }) => address).filter((address) => !address.startsWith("0."));
    for (const done of waiting) done(addresses);
  });
  return waiting;
}

export function resolve(hostname: string, done: Done): Cancellable {
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
  const waiting = lookups.get(hostname) ?? start(hostname);
  const one: Done = (addresses) => done(addresses);
  waiting.add(one);
  return { cancel: () => waiting.delete(one) };
}

export function publish(hostname: string, address: string): Cancellable {
  return publishMdns(hostname.toLowerCase(), address);
}
