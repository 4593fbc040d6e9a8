// Networks between two hosts, drawn from a seed: who is behind which NAT, which servers there are, what the links do to
// packets. Every drawn network has a way between the two hosts, so a connection that does not open is a bug.

import type { RTCConfiguration, RTCIceServer } from "#src/w3c/configuration.js";
import type { ServerOptions } from "#src/w3c/server-options.js";
import type { LinkOptions } from "#test/sim/link.js";
import type { Nat, NatBehavior, NatOptions } from "#test/sim/nat.js";
import type { Host } from "#test/sim/network.js";
import type { Random } from "#test/sim/random.js";
import type { Simulation } from "#test/sim/simulation.js";
import { attachStunServer } from "#test/sim/stun-server.js";
import { attachTurnServer, type TurnServer } from "#test/sim/turn-server.js";

export const TOPOLOGIES = [
  "direct4",
  "direct6",
  "dual",
  "one-nat",
  "two-nats",
  "same-nat",
  "relay-only",
  "udp-blocked",
] as const;
export type TopologyKind = (typeof TOPOLOGIES)[number];

/** One of the two machines. */
export interface Site {
  readonly host: Host;
  /** What it is behind, if anything. */
  readonly nat: Nat | undefined;
  readonly configuration: RTCConfiguration;
  readonly options: ServerOptions;
}

export interface Topology {
  readonly kind: TopologyKind;
  readonly a: Site;
  readonly b: Site;
  readonly turn: TurnServer | undefined;
  /** In words, for the trace. */
  readonly description: string;
}

const BEHAVIORS: readonly NatBehavior[] = ["endpoint-independent", "address-dependent", "address-and-port-dependent"];
const SERVER_LINK: LinkOptions = { latency: 2 };

/** Half of a path's trouble: both ends' links add up to at most 10 % loss, 200 ms one way, and so on. */
export function drawLink(random: Random, unlimited = false): LinkOptions {
  const some = (chance: number, most: number): number => (random.chance(chance) ? random.float() * most : 0);
  const link: LinkOptions = {
    latency: random.chance(0.2) ? 0 : random.float() * 100,
    jitter: some(0.5, 30),
    loss: some(0.6, 0.05),
    duplicate: some(0.3, 0.03),
    reorder: some(0.3, 0.05),
    reorderDelay: 1 + random.float() * 40,
    rate: random.chance(0.4) ? 10 ** (6 + random.float() * 1.5) : undefined,
    queue: 20_000 + random.int(200_000),
    mtu: 1280 + random.int(221),
    burst: random.chance(0.15) ? { enter: 0.004, leave: 0.5, lossBad: 0.7 } : undefined,
  };
  return unlimited ? { ...link, rate: undefined } : link;
}

function drawNat(random: Random): Partial<NatOptions> {
  return {
    mapping: random.chance(0.6) ? "endpoint-independent" : random.pick(BEHAVIORS),
    filtering: random.pick(BEHAVIORS),
    preservePorts: random.chance(0.5),
    hairpinning: random.chance(0.5),
    bindingTimeout: 30_000 + random.int(90_000),
  };
}

function describeNat(nat: Nat | undefined): string {
  return nat === undefined ? "open" : `${nat.options.mapping}/${nat.options.filtering}`;
}

export function drawTopology(sim: Simulation, random: Random, unlimited = false): Topology {
  const kind = random.pick(TOPOLOGIES);
  const links = [drawLink(random, unlimited), drawLink(random, unlimited)] as const;
  const natOptions = [drawNat(random), drawNat(random)] as const;
  // A lite agent is for a public address, and has a full peer.
  const lite = random.chance(0.1) && kind !== "relay-only" ? random.int(2) : undefined;
  const draws = {
    turn: random.chance(0.3),
    first: random.chance(0.5),
    mdns: random.chance(0.2),
    tcp: random.chance(0.3),
  };

  const servers = sim.host("server", { link: SERVER_LINK, address6: true });
  sim.dns.set("stun.example.org", [servers.address()]);
  sim.dns.set("turn.example.org", [servers.address()]);
  attachStunServer(servers, { port: 3479 });
  const stun: RTCIceServer = { urls: "stun:stun.example.org:3479" };

  const nats: (Nat | undefined)[] = [undefined, undefined];
  if (kind === "one-nat" || kind === "udp-blocked") {
    const at = draws.first ? 0 : 1;
    nats[at] = sim.nat(`nat${at}`, { ...natOptions[at], link: links[at] });
  } else if (kind === "two-nats" || kind === "relay-only") {
    for (const at of [0, 1] as const) nats[at] = sim.nat(`nat${at}`, { ...natOptions[at], link: links[at] });
  } else if (kind === "same-nat") {
    nats[0] = nats[1] = sim.nat("nat0", natOptions[0]);
  }
  const blocked = kind === "udp-blocked" ? (draws.first ? 0 : 1) : undefined;
  if (blocked !== undefined) {
    const nat = nats[blocked]!;
    nat.options = { ...nat.options, block: (packet) => packet.protocol === "udp" };
  }

  // A pair of NATs of which one maps by destination needs a relay; so does what lets no UDP out.
  const hard = kind === "two-nats" && nats.some((nat) => nat?.options.mapping !== "endpoint-independent");
  const needsTurn = hard || kind === "relay-only" || blocked !== undefined;
  const turnAtA = needsTurn ? blocked === 0 || blocked === undefined : draws.turn;
  const turnAtB = needsTurn ? blocked === 1 || kind === "relay-only" || draws.turn : draws.turn;
  let turn: TurnServer | undefined;
  if (turnAtA || turnAtB) {
    turn = attachTurnServer(servers, sim.platform(servers).crypto, { tlsNames: ["turn.example.org"] });
  }
  const urls = ["turn:turn.example.org", "turn:turn.example.org?transport=tcp", "turns:turn.example.org?transport=tcp"];
  const relay = (overTcp: boolean): RTCIceServer => ({
    urls: overTcp ? urls[1 + random.int(2)]! : urls[random.chance(0.7) ? 0 : random.int(3)]!,
    username: "user",
    credential: "pass",
  });

  // From a stream of its own: seeds keep their networks.
  const handshakes = sim.random.stream("handshakes");
  const site = (at: 0 | 1): Site => {
    const nat = nats[at];
    const name = at === 0 ? "alice" : "bob";
    const behind = nat === undefined ? undefined : nat.inside;
    // Behind a NAT the outer link has the trouble, the inner one is a home network.
    const link = nat === undefined || kind === "same-nat" ? links[at] : { latency: 1 };
    const host = sim.host(name, {
      ...(behind === undefined ? {} : { realm: behind }),
      ...(kind === "direct6" ? { family: 6 as const } : {}),
      link,
      ...(kind === "dual" ? { address6: true as const } : {}),
    });
    const isLite = lite === at && nat === undefined;
    const iceServers: RTCIceServer[] = [];
    if (nat !== undefined || draws.turn) iceServers.push(stun);
    if (at === 0 ? turnAtA : turnAtB) iceServers.push(relay(blocked === at));
    return {
      host,
      nat,
      configuration: {
        iceServers,
        iceCandidatePoolSize: random.chance(0.2) ? 1 + random.int(2) : 0,
        iceTransportPolicy: kind === "relay-only" && (at === 0 || draws.first) ? "relay" : "all",
      },
      options: {
        platform: sim.platform(host),
        iceLite: isLite,
        // Names say nothing to a host elsewhere: only with a server that shows the address behind them.
        mdns: !isLite && iceServers.length > 0 && draws.mdns,
        ...(draws.tcp ? { iceTcp: { active: true, passive: true } } : {}),
        sctpSnap: !handshakes.chance(0.25),
      },
    };
  };
  const a = site(0);
  const b = site(1);
  const words = [kind, describeNat(a.nat), describeNat(b.nat), JSON.stringify(links)];
  for (const { configuration } of [a, b]) words.push(JSON.stringify(configuration));
  return { kind, a, b, turn, description: words.join(" | ") };
}
