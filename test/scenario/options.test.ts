// What configuration and options change: the candidate pool, ICE-lite, ICE-TCP, multicast DNS, port ranges, addresses of
// one-to-one NATs.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RTCConfiguration } from "#src/w3c/configuration.js";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { FULL_CONE } from "#test/sim/nat.js";
import { Simulation } from "#test/sim/simulation.js";
import { addServers, type End, Pair, STUN, TURN_UDP } from "./pair.js";

/** Those of UDP; active TCP adds one for each address. */
function candidatesOf(pc: RTCPeerConnection): string[] {
  return [...pc.localDescription!.sdp.matchAll(/a=(candidate:\S+ 1 udp .*)\r/g)].map((match) => match[1]!);
}

test("iceCandidatePoolSize: gathered before, told right after setLocalDescription, used by offer and answer", async () => {
  const sim = new Simulation(1);
  const { hosts, stun } = addServers(sim);
  const configuration: RTCConfiguration = { iceServers: [STUN, TURN_UDP], iceCandidatePoolSize: 1 };
  const pair = new Pair(
    sim,
    { host: sim.host("alice", { realm: sim.nat("home", { link: { latency: 50 } }).inside }), configuration },
    { host: sim.host("bob", { realm: sim.nat("office", { link: { latency: 50 } }).inside }), configuration },
    { delay: 500 },
  );
  const told: [string, number][] = [];
  pair.a.addEventListener("icecandidate", (event) => {
    const { candidate } = event as Event & { candidate: { type: string } | null };
    told.push([candidate?.type ?? "none", sim.now]);
  });
  // Signalling begins at once, as a channel was made; the answerer has half a second to gather.
  await sim.run(499);
  const requests = stun.requests;
  assert.equal(requests, 2, "both have asked");
  await pair.open();
  assert.equal(stun.requests, requests, "nobody asked again");
  assert.ok(
    candidatesOf(pair.b).some((candidate) => candidate.includes("typ relay")),
    "the pooled transport's",
  );
  await pair.echo();
  await pair.close(hosts);

  // An offer that comes later finds everything gathered.
  const host = sim.host("carol", { realm: sim.nat("third", { link: { latency: 50 } }).inside });
  const pc = new RTCPeerConnection(configuration, { platform: sim.platform(host) });
  assert.equal(pc.iceGatheringState, "new");
  await sim.run(1000);
  assert.equal(pc.iceGatheringState, "new", "not before there is a description");
  const events: string[] = [];
  pc.addEventListener("icecandidate", (event) => {
    const { candidate } = event as Event & { candidate: { type: string | null; tcpType: string | null } | null };
    if (candidate?.tcpType === "active") return;
    events.push(candidate === null ? "null" : (candidate.type ?? "end"));
  });
  pc.addEventListener("icegatheringstatechange", () => events.push(pc.iceGatheringState));
  pc.createDataChannel("x");
  const at = sim.now;
  await sim.settle(pc.setLocalDescription());
  await sim.run(1);
  assert.equal(pc.iceGatheringState, "complete");
  assert.ok(sim.now - at <= 2);
  assert.deepEqual(events, ["gathering", "host", "srflx", "relay", "end", "complete", "null"]);
  pc.close();
  await sim.run(5000);
  assert.deepEqual(
    sim.leftovers().filter((line) => line.startsWith("carol")),
    [],
  );
});

test("the pool grows, shrinks, and is gathered anew with other servers", async () => {
  const sim = new Simulation(1);
  const { stun } = addServers(sim);
  const host = sim.host("alice", { link: { latency: 10 } });
  const pc = new RTCPeerConnection({ iceCandidatePoolSize: 1 }, { platform: sim.platform(host) });
  await sim.run(100);
  assert.equal(host.openSockets().length, 1);
  pc.setConfiguration({ iceCandidatePoolSize: 3 });
  await sim.run(100);
  assert.equal(host.openSockets().length, 3);
  assert.equal(stun.requests, 0);
  pc.setConfiguration({ iceCandidatePoolSize: 2, iceServers: [STUN] });
  await sim.run(100);
  assert.equal(host.openSockets().length, 2);
  assert.equal(stun.requests, 2);
  // A description takes one of them; the others go once it is answered.
  const other = new RTCPeerConnection({}, { platform: sim.platform(sim.host("bob")) });
  pc.createDataChannel("x");
  await sim.settle(pc.setLocalDescription());
  await sim.run(100);
  assert.equal(host.openSockets().length, 2);
  assert.equal(stun.requests, 2);
  await sim.settle(other.setRemoteDescription(pc.localDescription!));
  await sim.settle(other.setLocalDescription());
  await sim.settle(pc.setRemoteDescription(other.localDescription!));
  await sim.run(100);
  assert.equal(host.openSockets().length, 1);
  pc.close();
  other.close();
  await sim.run(1000);
  assert.deepEqual(
    sim.leftovers().filter((line) => !line.startsWith("stun") && !line.startsWith("turn")),
    [],
  );
});

test("a pool that nobody used is closed with the connection", async () => {
  const sim = new Simulation(1);
  const pc = new RTCPeerConnection({ iceCandidatePoolSize: 255 }, { platform: sim.platform(sim.host("alice")) });
  await sim.run(100);
  assert.equal(sim.hosts[0]!.openSockets().length, 8);
  pc.close();
  await sim.run(100);
  assert.deepEqual(sim.leftovers(), []);
});

for (const lite of ["a", "b"] as const) {
  test(`ICE-lite (${lite === "a" ? "offers" : "answers"}) with a full peer behind a NAT`, async () => {
    const sim = new Simulation(1);
    const home = sim.nat("home", { link: { latency: 20 } });
    const server = { host: sim.host("server", { link: { latency: 5 } }), iceLite: true };
    const client = { host: sim.host("client", { realm: home.inside }) };
    const pair = lite === "a" ? new Pair(sim, server, client) : new Pair(sim, client, server);
    await pair.open();
    const [liteSide, fullSide] = lite === "a" ? [pair.a, pair.b] : [pair.b, pair.a];
    assert.match(liteSide.localDescription!.sdp, /a=ice-lite/);
    assert.equal(liteSide.sctp!.transport.iceTransport.role, "controlled");
    assert.equal(fullSide.sctp!.transport.iceTransport.role, "controlling");
    const exchange = pair.exchange(20, 20_000);
    await pair.until(() => exchange.done);
    // An ICE restart, and a client that goes away.
    fullSide.restartIce();
    await sim.run(2000);
    await pair.echo();
    client.host.link.set({ up: false });
    await pair.until(() => liteSide.connectionState === "failed", 60_000);
    await pair.close();
  });
}

test("ICE-lite on both sides, also after a restart", async () => {
  const sim = new Simulation(1);
  const lite = (name: string): End => ({
    host: sim.host(name, { link: { latency: 5 }, address6: `2001:db8::${name}` }),
    iceLite: true,
  });
  const pair = new Pair(sim, lite("a"), lite("b"));
  await pair.open();
  assert.deepEqual(
    [pair.a, pair.b].map((pc) => pc.sctp!.transport.iceTransport.role),
    ["controlling", "controlled"],
  );
  const exchange = pair.exchange(20, 20_000);
  pair.a.restartIce();
  await pair.until(() => exchange.done);
  await pair.close();
});

for (const listener of ["a", "b"] as const) {
  test(`ICE-TCP where no UDP gets through; ${listener} listens`, async () => {
    const sim = new Simulation(1);
    const home = sim.nat("home", { link: { latency: 20 }, block: (packet) => packet.protocol === "udp" });
    const open = { host: sim.host("server", { link: { latency: 5 } }), iceTcp: { passive: true } };
    const closed = { host: sim.host("client", { realm: home.inside }), iceTcp: { active: true } };
    const pair = listener === "a" ? new Pair(sim, open, closed) : new Pair(sim, closed, open);
    await pair.open();
    assert.match(pair.path("a"), / tcp$/);
    const exchange = pair.exchange(20, 20_000);
    await pair.until(() => exchange.done);
    await pair.close();
  });
}

test("multicast DNS: no address is told, and hosts of one network connect by their names", async () => {
  const sim = new Simulation(1);
  const home = sim.nat("home");
  const ends = ["alice", "bob"].map((name) => ({ host: sim.host(name, { realm: home.inside }), mdns: true }));
  const pair = new Pair(sim, ends[0]!, ends[1]!);
  await pair.open();
  for (const pc of [pair.a, pair.b]) {
    assert.ok(candidatesOf(pc).every((candidate) => /[0-9a-f-]{36}\.local /.test(candidate)));
    assert.ok(!pc.localDescription!.sdp.includes("192.168."));
  }
  await pair.echo();
  await pair.close();
});

test("a port range, also where all its ports are taken", async () => {
  const sim = new Simulation(1);
  const portRange = [40_000, 40_001] as const;
  const host = sim.host("server");
  const pairs: Pair[] = [];
  for (let i = 0; i < 2; i++) {
    pairs.push(new Pair(sim, { host, portRange }, { host: sim.host(`client${i}`) }));
    await pairs[i]!.open();
    const ports = candidatesOf(pairs[i]!.a).map((candidate) => Number(candidate.split(" ")[5]));
    assert.ok(ports.every((port) => port >= 40_000 && port <= 40_001));
  }
  // The third has no candidate of its own; the connection fails without an error and leaves nothing.
  const third = new Pair(sim, { host, portRange }, { host: sim.host("client2") });
  await sim.run(30_000);
  assert.notEqual(third.a.connectionState, "connected");
  assert.deepEqual(candidatesOf(third.a), []);
  third.check();
  for (const pc of [third.a, third.b, pairs[0]!.a, pairs[0]!.b]) pc.close();
  await pairs[1]!.close();
});

for (const type of ["host", "srflx"] as const) {
  test(`a one-to-one NAT whose address is given, as ${type}`, async () => {
    const sim = new Simulation(1);
    const cloud = sim.nat("cloud", { ...FULL_CONE, link: { latency: 5 } });
    const host = sim.host("server", { realm: cloud.inside });
    // What a one-to-one NAT forwards before anything has gone out.
    host.openUdp(
      { address: host.address(), portRange: [5000, 5000] },
      {
        onOpen: (port) => {
          port.send(new Uint8Array(1), "203.0.113.250", 9);
          port.close();
        },
        onDatagram() {},
        onDrained() {},
        onError() {},
      },
    );
    await sim.run(10);
    const pair = new Pair(
      sim,
      { host, portRange: [5000, 5000], externalAddresses: [{ external: cloud.address, type }] },
      { host: sim.host("client", { realm: sim.nat("home").inside }) },
    );
    await pair.open();
    const told = candidatesOf(pair.a).map((candidate) => candidate.split(" ").slice(4, 8).join(" "));
    assert.ok(told.includes(`${cloud.address} 5000 typ ${type}`), told.join());
    assert.equal(told.length, type === "host" ? 1 : 2);
    await pair.close();
  });
}
