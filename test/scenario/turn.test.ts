// Whole connections through a TURN server, and its troubles.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RTCIceServer } from "#src/w3c/configuration.js";
import type { Packet } from "#test/sim/link.js";
import { SYMMETRIC } from "#test/sim/nat.js";
import { Simulation } from "#test/sim/simulation.js";
import type { TurnServerOptions } from "#test/sim/turn-server.js";
import { addServers, Pair, type Servers, STUN, TURN_TCP, TURN_TLS, TURN_UDP } from "./pair.js";

interface Bed extends Servers {
  readonly sim: Simulation;
  readonly pair: Pair;
}

/** Alice behind a symmetric NAT with a relay, Bob behind another. */
function bed(server: RTCIceServer, block?: (packet: Packet) => boolean, options: TurnServerOptions = {}): Bed {
  const sim = new Simulation(1);
  const servers = addServers(sim, options);
  const home = sim.nat("home", { ...SYMMETRIC, link: { latency: 10 }, block });
  const office = sim.nat("office", { ...SYMMETRIC, link: { latency: 10 } });
  const pair = new Pair(
    sim,
    { host: sim.host("alice", { realm: home.inside }), configuration: { iceServers: [STUN, server] } },
    { host: sim.host("bob", { realm: office.inside }), configuration: { iceServers: [STUN] } },
  );
  return { sim, pair, ...servers };
}

const noUdp = (packet: Packet): boolean => packet.protocol === "udp";
/** A firewall that lets only TLS out, to the usual port. */
const onlyTls = (packet: Packet): boolean => packet.protocol === "udp" || packet.destinationPort !== 5349;

for (const [name, server, block, protocol] of [
  ["UDP", TURN_UDP, undefined, "udp"],
  ["TCP, where no UDP gets out", TURN_TCP, noUdp, "tcp"],
  ["TLS, where nothing else gets out", TURN_TLS, onlyTls, "tls"],
] as const) {
  test(`TURN over ${name}`, async () => {
    const { pair, hosts } = bed(server, block);
    await pair.open(15_000);
    assert.match(pair.path("a"), new RegExp(`^relay/${protocol} `));
    assert.match(pair.path("b"), / relay /);
    const exchange = pair.exchange(20, 20_000);
    await pair.until(() => exchange.done, 30_000);
    await pair.close(hosts);
  });
}

test("a stale nonce, again and again, is not noticed above", async () => {
  const { pair, sim, hosts, turn } = bed(TURN_UDP, undefined, { nonceLifetime: 20_000 });
  await pair.open();
  const exchange = pair.exchange(200, 2000, 4000);
  await pair.until(() => exchange.done, 900_000);
  assert.ok((turn.counters.errors.get(438) ?? 0) >= 3, `${turn.counters.errors.get(438)} stale nonces`);
  assert.deepEqual(
    pair.states.a.map(({ state }) => state),
    ["connecting", "connected"],
  );
  assert.ok(sim.now > 700_000, "beyond the lifetime of allocation, permissions and channels");
  await pair.close(hosts);
});

test("the allocation is lost: disconnected, failed, and a restart gets another, with nothing lost", async () => {
  const { pair, sim, hosts, turn } = bed(TURN_UDP);
  await pair.open();
  const exchange = pair.exchange(300, 2000, 20);
  await sim.run(1000);
  turn.restart();
  pair.a.addEventListener("connectionstatechange", () => {
    if (pair.a.connectionState === "failed") pair.a.restartIce();
  });
  await pair.until(() => exchange.done, 90_000);
  assert.ok(pair.timeOf("a", "failed") !== undefined);
  assert.ok(pair.connected);
  await pair.close(hosts);
});

test("iceTransportPolicy relay: no address of the host is told, and both ends of the path are relays", async () => {
  const sim = new Simulation(1);
  const { hosts } = addServers(sim);
  const configuration = { iceServers: [STUN, TURN_UDP], iceTransportPolicy: "relay" as const };
  const pair = new Pair(
    sim,
    { host: sim.host("alice", { link: { latency: 10 } }), configuration },
    { host: sim.host("bob", { link: { latency: 10 } }), configuration },
  );
  const told: string[] = [];
  for (const pc of [pair.a, pair.b]) {
    pc.addEventListener("icecandidate", (event) => {
      const { candidate } = event as Event & { candidate: { candidate: string } | null };
      if (candidate !== null && candidate.candidate !== "") told.push(candidate.candidate);
    });
  }
  await pair.open();
  await sim.run(1000);
  assert.equal(pair.path("a"), "relay/udp relay udp");
  assert.equal(pair.path("b"), "relay/udp relay udp");
  assert.equal(told.length, 2);
  for (const candidate of told) assert.match(candidate, / typ relay raddr 0\.0\.0\.0 rport 0/);
  for (const pc of [pair.a, pair.b]) assert.ok(!pc.localDescription!.sdp.includes(sim.hosts[2]!.address()));
  await pair.close(hosts);
});
