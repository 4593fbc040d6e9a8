// Multicast DNS (RFC 6762) for the `.local` names of ICE candidates: asks for addresses of others' names, answers for
// our own. One socket for the process, open only while somebody asks or has a name published.
import { createSocket, type Socket } from "node:dgram";
import {
  DNS_TYPE_A,
  DNS_TYPE_AAAA,
  DNS_TYPE_ANY,
  parseDnsMessage,
  writeDnsAnswer,
  writeDnsQuery,
} from "../util/dns-message.js";
import { formatIp, parseIp } from "../util/ip.js";
import { microtask } from "../util/microtask.js";
import type { Cancellable } from "../util/net.js";
import { interfaces } from "./interfaces.js";
import { loop } from "./timers.js";

const GROUP = "224.0.0.251";
const PORT = 5353;
/** Seconds, for names of hosts (RFC 6762 §10). */
const TTL = 120;
/** Queries are repeated after these milliseconds (RFC 6762 §5.2: at least a second apart) and given up after the last. */
const QUERY_DELAYS = [1000, 2000];
const GIVE_UP_AFTER = 2000;
/** Queries under way at once; more are answered with no address. */
const MAX_QUERIES = 256;

interface Query {
  readonly name: string;
  readonly done: (addresses: readonly string[]) => void;
  timer: NodeJS.Timeout | undefined;
  sent: number;
}

const queries = new Set<Query>();
const published = new Map<string, Uint8Array>();
let socket: Socket | undefined;
let ready = false;

function memberships(): string[] {
  return interfaces()
    .filter(({ family }) => family === 4)
    .map(({ address }) => address);
}

/** Joins the group on interfaces that have come up since; where it was joined before, nothing changes. */
function join(to: Socket): void {
  for (const address of memberships()) {
    try {
      to.addMembership(GROUP, address);
    } catch {
      // Joined already, or an interface without multicast.
    }
  }
}

/** Sends to the group on every interface: the system's choice of one is often not the peer's. */
function multicast(packet: Uint8Array): void {
  if (socket === undefined || !ready) return;
  join(socket);
  for (const address of memberships()) {
    try {
      socket.setMulticastInterface(address);
      socket.send(packet, PORT, GROUP);
    } catch {
      // An interface without multicast.
    }
  }
}

function handleMessage(data: Uint8Array, from: { address: string; port: number }): void {
  const message = parseDnsMessage(data);
  if (message === undefined) return;
  if (message.isResponse) {
    for (const query of queries) {
      const found = message.addresses.filter(({ name }) => name === query.name).map(({ address }) => formatIp(address));
      if (found.length > 0) finish(query, found);
    }
    return;
  }
  for (const { name, type, unicast } of message.questions) {
    const address = published.get(name);
    if (address === undefined) continue;
    const matches = type === (address.length === 4 ? DNS_TYPE_A : DNS_TYPE_AAAA) || type === DNS_TYPE_ANY;
    if (!matches) continue;
    // A query from another port than 5353 comes from a simple resolver, which wants its answer directly (§6.7).
    const legacy = from.port !== PORT;
    if (legacy || unicast) {
      try {
        socket?.send(writeDnsAnswer(legacy ? message.id : 0, name, address, TTL), from.port, from.address);
      } catch {
        // `send` throws for port 0, which anyone can put on a packet.
      }
    }
    if (!legacy) multicast(writeDnsAnswer(0, name, address, TTL));
  }
}

function open(): void {
  if (socket !== undefined) {
    if (ready) join(socket);
    return;
  }
  const opened = createSocket({ type: "udp4", reuseAddr: true });
  socket = opened;
  ready = false;
  opened.on("message", handleMessage);
  opened.on("error", () => {
    // No multicast on this host: queries end by their timers.
    if (socket === opened) socket = undefined;
    try {
      opened.close();
    } catch {
      // Closed already.
    }
  });
  // Of its own in each worker of a cluster: all are to hear what is multicast.
  opened.bind({ port: PORT, exclusive: true }, () => {
    if (socket !== opened) return;
    join(opened);
    try {
      opened.setMulticastTTL(255);
      opened.setMulticastLoopback(true);
    } catch {
      // The system's defaults have to do.
    }
    opened.unref();
    ready = true;
    for (const query of queries) multicast(writeDnsQuery(query.name));
  });
}

function closeIfIdle(): void {
  if (queries.size > 0 || published.size > 0 || socket === undefined) return;
  socket.close();
  socket = undefined;
  ready = false;
}

function finish(query: Query, addresses: readonly string[] | undefined): void {
  if (!queries.delete(query)) return;
  loop.clearTimeout(query.timer);
  closeIfIdle();
  if (addresses !== undefined) query.done(addresses);
}

function arm(query: Query): void {
  const delay = QUERY_DELAYS[query.sent];
  query.timer = loop.setTimeout(() => {
    if (delay === undefined) return finish(query, []);
    query.sent++;
    multicast(writeDnsQuery(query.name));
    arm(query);
  }, delay ?? GIVE_UP_AFTER);
}

/** Asks for the addresses of a `.local` name; an empty list after five seconds without an answer. */
export function resolveMdns(name: string, done: (addresses: readonly string[]) => void): Cancellable {
  const own = published.get(name);
  const query: Query = { name, done, timer: undefined, sent: 0 };
  queries.add(query);
  if (own !== undefined) microtask(() => finish(query, [formatIp(own)]));
  else if (queries.size > MAX_QUERIES) microtask(() => finish(query, []));
  else {
    open();
    multicast(writeDnsQuery(name));
    arm(query);
  }
  return { cancel: () => finish(query, undefined) };
}

/** Answers for `name` with `address` until cancelled. */
export function publishMdns(name: string, address: string): Cancellable {
  const bytes = parseIp(address);
  if (bytes === undefined) return { cancel() {} };
  published.set(name, bytes);
  open();
  return {
    cancel() {
      published.delete(name);
      closeIfIdle();
    },
  };
}
