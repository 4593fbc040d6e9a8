// Host names: unicast DNS by the system's resolver, `.local` names by multicast DNS.
import { lookup } from "node:dns";
import { isIP } from "node:net";
import { microtask } from "../util/microtask.js";
import type { Cancellable } from "../util/net.js";
import { publishMdns, resolveMdns } from "./mdns.js";

type Done = (addresses: readonly string[]) => void;

/** Names that peers have sent are looked up one at a time: who is slow to answer for them leaves threads for others. */
const MAX_PEER_LOOKUPS = 1;

interface Lookup {
  readonly hostname: string;
  readonly waiting: Set<Done>;
}

/**
 * Under way or to come, by name. One has a thread of the pool for as long as it takes, cannot be given up, and keeps the process
 * alive: where a server does not answer, one for each connection would be in the queue behind all others.
 */
const lookups = new Map<string, Lookup>();
/** Those to come. */
const queue = new Set<Lookup>();
let peerLookups = 0;

function start({ hostname, waiting }: Lookup, onEnd?: () => void): void {
  lookup(hostname, { all: true, verbatim: true }, (error, found) => {
    lookups.delete(hostname);
    onEnd?.();
    // A bare number is no name of anyone's, but the system makes 0.0.0.N of it: "this network" (RFC 1122 §3.2.1.3).
    const addresses = error ? [] : found.map(({ address }) => address).filter((address) => !address.startsWith("0."));
    for (const done of waiting) done(addresses);
  });
}

function startQueued(): void {
  for (const next of queue) {
    if (peerLookups >= MAX_PEER_LOOKUPS) return;
    queue.delete(next);
    peerLookups++;
    start(next, () => {
      peerLookups--;
      startQueued();
    });
  }
}

function lookupOf(hostname: string, isPeers: boolean): Lookup {
  let found = lookups.get(hostname);
  if (found === undefined) {
    found = { hostname, waiting: new Set() };
    lookups.set(hostname, found);
    if (isPeers) queue.add(found);
    else start(found);
    startQueued();
  } else if (!isPeers && queue.delete(found)) start(found);
  return found;
}

export function resolve(hostname: string, done: Done, isPeers = false): Cancellable {
  if (isIP(hostname)) {
    let cancelled = false;
    microtask(() => {
      if (!cancelled) done([hostname]);
    });
    return {
      cancel() {
        cancelled = true;
      },
    };
  }
  if (/\.local\.?$/i.test(hostname)) return resolveMdns(hostname.toLowerCase().replace(/\.$/, ""), done);
  const shared = lookupOf(hostname, isPeers);
  const one: Done = (addresses) => done(addresses);
  shared.waiting.add(one);
  return {
    cancel() {
      shared.waiting.delete(one);
      if (shared.waiting.size === 0 && queue.delete(shared)) lookups.delete(hostname);
    },
  };
}

export function publish(hostname: string, address: string): Cancellable {
  return publishMdns(hostname.toLowerCase(), address);
}
