// Every kind of NAT (RFC 4787) against every other: the connection goes directly where that can be, through the relay where
// it cannot, and always opens.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type NatBehavior, SYMMETRIC } from "#test/sim/nat.js";
import { Simulation } from "#test/sim/simulation.js";
import { addServers, Pair, STUN, TURN_UDP } from "./pair.js";

const BEHAVIORS: readonly NatBehavior[] = ["endpoint-independent", "address-dependent", "address-and-port-dependent"];

interface Kind {
  readonly mapping: NatBehavior;
  readonly filtering: NatBehavior;
}
const KINDS: readonly Kind[] = BEHAVIORS.flatMap((mapping) => BEHAVIORS.map((filtering) => ({ mapping, filtering })));

/** Whether checks from `x` open a way to `y` that ICE (RFC 8445 §7.2.5.2.1: answers come from where the check went) can use. */
function opens(x: Kind, y: Kind): boolean {
  // What x sends to y's reflexive address comes from a port that y has never heard of if x maps by destination.
  const isLetIn =
    y.filtering === "endpoint-independent" ||
    (y.mapping === "endpoint-independent" &&
      (y.filtering === "address-dependent" || x.mapping === "endpoint-independent"));
  if (!isLetIn) return false;
  if (y.mapping === "endpoint-independent") return true;
  // y's answer, and its own check, come from another port; x must let that in, and then stay at its own.
  if (x.filtering === "address-and-port-dependent") return false;
  return x.mapping !== "address-and-port-dependent" || y.mapping !== "address-and-port-dependent";
}

const short = ({ mapping, filtering }: Kind): string =>
  [mapping, filtering]
    .map((b) =>
      b
        .replace("endpoint-independent", "EI")
        .replace("address-and-port-dependent", "APD")
        .replace("address-dependent", "AD"),
    )
    .join("/");

for (const [i, left] of KINDS.entries()) {
  test(`behind a NAT with mapping/filtering ${short(left)}, against every other`, async () => {
    for (const right of KINDS.slice(i)) {
      const sim = new Simulation(i);
      const { hosts } = addServers(sim);
      const homes = [left, right].map((kind, n) =>
        sim.nat(`nat${n}`, { ...kind, preservePorts: false, link: { latency: 10 } }),
      );
      const configuration = { iceServers: [STUN, TURN_UDP] };
      const pair = new Pair(
        sim,
        { host: sim.host("alice", { realm: homes[0]!.inside }), configuration },
        { host: sim.host("bob", { realm: homes[1]!.inside }), configuration },
      );
      await pair.open();
      // A relay may be what works first; what is better takes over.
      await sim.run(2000);
      const direct = opens(left, right) || opens(right, left);
      assert.equal(pair.isRelayed, !direct, `${short(left)} and ${short(right)}: ${pair.path("a")}`);
      await pair.echo();
      await pair.close(hosts);
    }
  });
}

test("behind one NAT: by host candidates, or through its hairpin where the hosts do not reach each other", async () => {
  const sim = new Simulation(1);
  const { hosts } = addServers(sim);
  const home = sim.nat("home", SYMMETRIC);
  const configuration = { iceServers: [STUN, TURN_UDP] };
  const pair = new Pair(
    sim,
    { host: sim.host("alice", { realm: home.inside }), configuration },
    { host: sim.host("bob", { realm: home.inside }), configuration },
  );
  await pair.open();
  await sim.run(1000);
  assert.equal(pair.path("a"), "host host udp");
  await pair.close(hosts);
});

test("a NAT behind a NAT", async () => {
  const sim = new Simulation(1);
  const { hosts } = addServers(sim);
  const carrier = sim.nat("carrier", { link: { latency: 5 } });
  const home = sim.nat("home", { outside: carrier.inside });
  const configuration = { iceServers: [STUN] };
  const pair = new Pair(
    sim,
    { host: sim.host("alice", { realm: home.inside }), configuration },
    { host: sim.host("bob", { realm: sim.nat("other").inside }), configuration },
  );
  await pair.open();
  assert.ok(!pair.isRelayed);
  await pair.echo();
  await pair.close(hosts);
});

test("IPv4 and IPv6: whatever works is used, IPv6 first", async () => {
  const sim = new Simulation(1);
  const pair = new Pair(
    sim,
    { host: sim.host("alice", { link: { latency: 10 }, address6: true }) },
    { host: sim.host("bob", { link: { latency: 10 }, address6: true }) },
  );
  await pair.open();
  await sim.run(1000);
  const ice = pair.a.sctp!.transport.iceTransport;
  assert.match(ice.getSelectedCandidatePair()!.remote.address!, /^2001:db8::/);
  await pair.close();

  const broken = new Simulation(1);
  const hosts = ["alice", "bob"].map((name) => broken.host(name, { link: { latency: 10 }, address6: true }));
  hosts[0]!.link.up.filter = (packet) => !packet.source.includes(":");
  const second = new Pair(broken, { host: hosts[0]! }, { host: hosts[1]! });
  await second.open();
  await second.echo();
  await second.close();
});
