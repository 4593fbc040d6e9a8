// The host's network interfaces: addresses and, where the system tells, the largest packet they take.
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { InterfaceAddress } from "../util/net.js";
import { now } from "./timers.js";

/** How long a list is used again, in milliseconds: reading it is a system call of some 50 microseconds. */
const MAX_AGE = 1000;
const ETHERNET_MTU = 1500;
/** The smallest MTU of a loopback interface among the systems that Node runs on (macOS). */
const LOOPBACK_MTU = 16384;

interface Entry extends InterfaceAddress {
  readonly mtu: number;
}

let readAt = Number.NEGATIVE_INFINITY;
let entries: readonly Entry[] = [];

function mtuOf(name: string, internal: boolean): number {
  if (process.platform === "linux") {
    try {
      const mtu = Number.parseInt(readFileSync(`/sys/class/net/${name}/mtu`, "latin1"), 10);
      if (mtu >= 576) return mtu;
    } catch {
      // No sysfs here.
    }
  }
  return internal ? LOOPBACK_MTU : ETHERNET_MTU;
}

/** What the system says; it may not (no file descriptor left, or not permitted). */
function ask(): ReturnType<typeof networkInterfaces> | undefined {
  try {
    return networkInterfaces();
  } catch {
    return undefined;
  }
}

function read(): readonly Entry[] {
  const time = now();
  if (time - readAt < MAX_AGE) return entries;
  const answer = ask();
  if (answer === undefined) return entries;
  const found: Entry[] = [];
  for (const [name, addresses] of Object.entries(answer)) {
    const mtu = mtuOf(name, addresses?.[0]?.internal ?? false);
    for (const { address, family, internal } of addresses ?? []) {
      // A link-local IPv6 address needs a zone to be used, which candidates cannot carry.
      if (family === "IPv6" && /^fe[89ab]/i.test(address)) continue;
      found.push({ name, address, family: family === "IPv6" ? 6 : 4, internal, mtu });
    }
  }
  readAt = time;
  entries = found;
  return found;
}

/** Those of the last answer where the system does not tell. */
export function interfaces(): readonly InterfaceAddress[] {
  return read();
}

/**
 * Bytes of UDP payload that the first hop from `local` to `remote` takes without fragmenting. What goes to an address of
 * our own never leaves the host.
 */
export function firstHopPayload(local: string, remote: string): number {
  const all = read();
  const headers = remote.includes(":") ? 48 : 28;
  const own = all.some(({ address }) => address === remote);
  const hop = own ? all.find(({ internal }) => internal) : all.find(({ address }) => address === local);
  return (hop?.mtu ?? ETHERNET_MTU) - headers;
}
