// Which of the host's addresses are gathered, and in which order of preference (RFC 8445 §5.1.1.1, RFC 8421).
import { formatIp, type IpScope, ipScope, parseIp } from "../util/ip.js";
import type { InterfaceAddress } from "../util/net.js";

export interface GatherAddress {
  readonly name: string;
  readonly address: string;
  readonly family: 4 | 6;
  /** 16 bits; distinct, with room below each for one candidate per server. */
  readonly localPreference: number;
  /** Servers are worth asking from here: it is no bridge of containers, unless there is nothing better. */
  readonly outward: boolean;
}

export interface InterfaceOptions {
  readonly interfaceFilter?: ((address: InterfaceAddress) => boolean) | undefined;
  readonly loopback?: boolean | undefined;
}

/** Bridges and the like of containers and virtual machines: they lead somewhere rarely, so they come last. */
const VIRTUAL = /^(docker|br-|veth|virbr|vmnet|vboxnet|lxc|cni|flannel|cali)/;
/** Distance between the local preferences of two addresses. */
export const PREFERENCE_STEP = 256;
const MAX_ADDRESSES = 32;

interface Usable extends InterfaceAddress {
  /** What comes first: 0 ordinary, 1 virtual, 2 link-local, 3 loopback. */
  readonly rank: number;
}

function rankOf({ internal, name }: InterfaceAddress, scope: IpScope | undefined): number {
  if (internal || scope === "loopback") return 3;
  if (scope === "link-local") return 2;
  return VIRTUAL.test(name) ? 1 : 0;
}

export function gatherAddresses(interfaces: readonly InterfaceAddress[], options: InterfaceOptions): GatherAddress[] {
  const seen = new Set<string>();
  const byRank: [Usable[], Usable[], Usable[], Usable[]] = [[], [], [], []];
  for (const entry of interfaces) {
    const bytes = parseIp(entry.address);
    if (bytes === undefined) continue;
    const address = formatIp(bytes);
    if (seen.has(address) || options.interfaceFilter?.(entry) === false) continue;
    seen.add(address);
    const scope = ipScope(bytes);
    // Link-local IPv6 needs a zone that no candidate can carry; site-local is out by RFC 8445 §5.1.1.1.
    if (scope === "unspecified" || scope === "multicast" || scope === "broadcast" || scope === "site-local") continue;
    if (scope === "link-local" && entry.family === 6) continue;
    const rank = rankOf(entry, scope);
    byRank[rank as 0 | 1 | 2 | 3].push({ rank, ...entry, address });
  }
  if (options.loopback !== true && (byRank[0].length > 0 || byRank[1].length > 0 || byRank[2].length > 0))
    byRank[3] = [];
  const sorted = byRank.flatMap(interleave);
  const best = { 4: 4, 6: 4 };
  for (const { family, rank } of sorted) best[family] = Math.min(best[family], rank);
  return sorted.slice(0, MAX_ADDRESSES).map((entry, index) => ({
    name: entry.name,
    address: entry.address,
    family: entry.family,
    localPreference: 65535 - index * PREFERENCE_STEP,
    outward: entry.rank === best[entry.family],
  }));
}

/** RFC 8421 §4: IPv6 first, then the families take turns, so that one broken family does not delay the other. */
function interleave(entries: readonly Usable[]): Usable[] {
  const six = entries.filter((entry) => entry.family === 6);
  const four = entries.filter((entry) => entry.family === 4);
  const out: Usable[] = [];
  for (let i = 0; i < Math.max(six.length, four.length); i++) {
    if (i < six.length) out.push(six[i]!);
    if (i < four.length) out.push(four[i]!);
  }
  return out;
}
