import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConnectOptions, IcePeer, signalBetween } from "#test/sim/ice-peers.js";
import { FULL_CONE, PORT_RESTRICTED_CONE, SYMMETRIC } from "#test/sim/nat.js";
import type { Host } from "#test/sim/network.js";
import { Simulation } from "#test/sim/simulation.js";
import { attachStunServer } from "#test/sim/stun-server.js";
import { attachTurnServer, type TurnServer, type TurnServerOptions } from "#test/sim/turn-server.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import type { IceAgentOptions, IceServer } from "./options.js";

const STUN: IceServer = {
  scheme: "stun",
  hostname: "stun.example",
  port: 3478,
  transport: "udp",
  url: "stun:stun.example",
};
const turn = (transport: "udp" | "tcp" | "tls", hostname = "turn.example"): IceServer => ({
  scheme: transport === "tls" ? "turns" : "turn",
  hostname,
  port: transport === "tls" ? 5349 : 3478,
  transport: transport === "udp" ? "udp" : "tcp",
  username: "user",
  credential: "pass",
  url: `${transport === "tls" ? "turns" : "turn"}:${hostname}?transport=${transport}`,
});

interface World {
  sim: Simulation;
  stunHost: Host;
  turnServer: TurnServer;
}

function world(seed = 1, options: TurnServerOptions = {}): World {
  const sim = new Simulation(seed);
  const stunHost = sim.host("stun", { address: "203.0.113.53", link: { latency: 1 } });
  attachStunServer(stunHost);
  const turnHost = sim.host("turn", { address: "203.0.113.54", link: { latency: 1 } });
  const turnServer = attachTurnServer(turnHost, sim.platform(turnHost).crypto, {
    tlsNames: ["turn.example"],
    ...options,
  });
  sim.dns.set("stun.example", ["203.0.113.53"]);
  sim.dns.set("turn.example", ["203.0.113.54"]);
  return { sim, stunHost, turnServer };
}

async function connect(
  sim: Simulation,
  hosts: readonly [Host, Host],
  optionsA: Partial<IceAgentOptions>,
  optionsB: Partial<IceAgentOptions>,
  signalling: ConnectOptions = {},
): Promise<[IcePeer, IcePeer]> {
  const a = new IcePeer(sim, hosts[0], { role: "controlling", ...optionsA });
  const b = new IcePeer(sim, hosts[1], { role: "controlled", ...optionsB });
  signalBetween(a, b, signalling);
  await sim.runUntil(() => a.connected && b.connected, 5000);
  return [a, b];
}

async function dataFlows(sim: Simulation, a: IcePeer, b: IcePeer): Promise<void> {
  const text = `${sim.now}`;
  assert.ok(a.send(`to b ${text}`) && b.send(`to a ${text}`));
  await sim.run(300);
  assert.equal(a.received.at(-1), `to a ${text}`);
  assert.equal(b.received.at(-1), `to b ${text}`);
}

async function close(sim: Simulation, ...peers: IcePeer[]): Promise<void> {
  for (const peer of peers) peer.do((agent, now) => agent.close(now));
  await sim.run(4000);
  assert.deepEqual(
    sim.leftovers().filter((line) => !/^(stun|turn):/.test(line)),
    [],
  );
  for (const peer of peers) assert.equal(peer.agent.deadline, Infinity);
}

test("host and server-reflexive candidates, with priorities and foundations of RFC 8445", async () => {
  const { sim } = world();
  const home = sim.nat("home", { ...FULL_CONE, link: { latency: 5 } });
  const host = sim.host("a", { realm: home.inside, address6: "fd00::1" });
  const a = new IcePeer(sim, host, { servers: [STUN] });
  a.do((agent, now) => agent.gather(now));
  await sim.run(200);
  assert.deepEqual(a.gathering, ["gathering", "complete"]);
  const found = a.candidates.map((c) => `${c.type} ${c.address} ${c.relatedAddress}`);
  assert.deepEqual(found, [
    "host fd00::1 undefined",
    "host 192.168.0.1 undefined",
    `srflx ${home.address} 192.168.0.1`,
  ]);
  const [six, four, reflexive] = a.candidates;
  assert.equal(six!.priority, 126 * 2 ** 24 + 65535 * 256 + 255);
  assert.equal(four!.priority, 126 * 2 ** 24 + (65535 - 256) * 256 + 255);
  assert.equal(reflexive!.priority, 100 * 2 ** 24 + (65535 - 256) * 256 + 255);
  assert.equal(new Set(a.candidates.map((c) => c.foundation)).size, 3);
  assert.equal(reflexive!.url, "stun:stun.example");
  assert.equal(reflexive!.relatedPort, four!.port);
  assert.equal(reflexive!.usernameFragment, a.agent.localParameters.usernameFragment);
  assert.deepEqual(a.errors, []);
  await close(sim, a);
});

test("without a NAT the reflexive candidate is redundant", async () => {
  const { sim } = world();
  const a = new IcePeer(sim, sim.host("a"), { servers: [STUN] });
  a.do((agent, now) => agent.gather(now));
  await sim.run(200);
  assert.deepEqual(
    a.candidates.map((c) => c.type),
    ["host"],
  );
  await close(sim, a);
});

test("servers that are silent, unknown or unwilling: candidate errors, and gathering ends", async () => {
  const { sim } = world();
  sim.dns.set("silent.example", ["203.0.113.200"]);
  const servers: IceServer[] = [
    { ...STUN, hostname: "silent.example", url: "stun:silent.example" },
    { ...STUN, hostname: "nobody.example", url: "stun:nobody.example" },
    { ...turn("udp"), credential: "wrong" },
    turn("tcp", "silent.example"),
  ];
  const a = new IcePeer(sim, sim.host("a"), { servers });
  a.do((agent, now) => agent.gather(now));
  await sim.runUntil(() => a.agent.gatheringState === "complete", 15_000);
  assert.deepEqual(a.errors.map((e) => `${e.errorCode} ${e.url} ${e.address}`).sort(), [
    "401 turn:turn.example?transport=udp 203.0.113.1",
    "701 stun:nobody.example 203.0.113.1",
    "701 stun:silent.example 203.0.113.1",
    "701 turn:silent.example?transport=tcp undefined",
  ]);
  await close(sim, a);
});

for (const scheme of ["stun", "stuns"] as const) {
  test(`a STUN server over ${scheme === "stun" ? "TCP" : "TLS"} tells where our connections come from`, async () => {
    const { sim, stunHost } = world();
    attachStunServer(stunHost, { port: 3479, tlsNames: ["stun.example"] });
    const home = sim.nat("home", { ...SYMMETRIC, link: { latency: 5 } });
    const port = scheme === "stun" ? 3478 : 5349;
    const server: IceServer = { ...STUN, scheme, port, transport: "tcp", url: `${scheme}:stun.example` };
    const a = new IcePeer(sim, sim.host("a", { realm: home.inside }), { servers: [server], tcp: { active: true } });
    a.do((agent, now) => agent.gather(now));
    await sim.runUntil(() => a.agent.gatheringState === "complete", 1000);
    assert.deepEqual(
      a.candidates.map((c) => `${c.protocol} ${c.type} ${c.address} ${c.port === 9} ${c.tcpType} ${c.url}`),
      [
        "udp host 192.168.0.1 false undefined undefined",
        "tcp host 192.168.0.1 true active undefined",
        `tcp srflx ${home.address} true active ${server.url}`,
      ],
    );
    assert.deepEqual(a.errors, []);
    await close(sim, a);

    // Nobody there, somebody who says nothing, somebody who says no.
    sim.dns.set("silent.example", ["203.0.113.200"]);
    const closed = { ...server, hostname: "turn.example", port: 4000 };
    const silent = { ...server, hostname: "silent.example" };
    const b = new IcePeer(sim, sim.host("b", { realm: home.inside }), {
      servers: [closed, silent],
      tcp: { active: true },
    });
    b.do((agent, now) => agent.gather(now));
    await sim.runUntil(() => b.agent.gatheringState === "complete", 11_000);
    assert.deepEqual(
      b.errors.map((e) => e.errorCode),
      [701, 701],
    );
    const c = new IcePeer(sim, sim.host("c", { realm: home.inside }), { servers: [silent], tcp: { active: true } });
    c.do((agent, now) => agent.gather(now));
    await sim.run(100);
    await close(sim, b, c);
  });
}

test("a relay that does not answer holds gathering up for ten seconds at most", async () => {
  for (const transport of ["udp", "tcp", "tls"] as const) {
    const { sim, turnServer } = world();
    turnServer.up = false;
    const a = new IcePeer(sim, sim.host("a"), { servers: [turn(transport)] });
    a.do((agent, now) => agent.gather(now));
    await sim.runUntil(() => a.agent.gatheringState === "complete", 10_100);
    assert.deepEqual(
      a.errors.map((e) => e.errorCode),
      [701],
    );
    await close(sim, a);
  }
});

test("two NATs that map independently of the destination: direct, through reflexive candidates", async () => {
  const { sim } = world();
  const nats = ["left", "right"].map((name) => sim.nat(name, { ...PORT_RESTRICTED_CONE, link: { latency: 5 } }));
  const hosts = nats.map((nat, i) => sim.host(`h${i}`, { realm: nat.inside })) as [Host, Host];
  const [a, b] = await connect(sim, hosts, { servers: [STUN] }, { servers: [STUN] });
  assert.equal(a.selected.at(-1)![0].type, "srflx", "the local candidate as the peer sees it");
  assert.ok(["srflx", "prflx"].includes(a.selected.at(-1)![1].type));
  await dataFlows(sim, a, b);
  await close(sim, a, b);
});

test("a symmetric NAT against a full cone: peer-reflexive", async () => {
  const { sim } = world();
  const left = sim.nat("left", { ...SYMMETRIC, link: { latency: 5 } });
  const right = sim.nat("right", { ...FULL_CONE, link: { latency: 5 } });
  const hosts: [Host, Host] = [sim.host("l", { realm: left.inside }), sim.host("r", { realm: right.inside })];
  const [a, b] = await connect(sim, hosts, { servers: [STUN] }, { servers: [STUN] });
  assert.equal(a.selected.at(-1)![0].type, "prflx");
  assert.equal(b.selected.at(-1)![1].type, "prflx");
  await dataFlows(sim, a, b);
  await close(sim, a, b);
});

for (const transport of ["udp", "tcp", "tls"] as const) {
  test(`two symmetric NATs: over a relay reached by ${transport}, given back at the end`, async () => {
    const { sim, turnServer } = world();
    const nats = ["left", "right"].map((name) => sim.nat(name, { ...SYMMETRIC, link: { latency: 5 } }));
    const hosts = nats.map((nat, i) => sim.host(`h${i}`, { realm: nat.inside })) as [Host, Host];
    const [a, b] = await connect(sim, hosts, { servers: [STUN, turn(transport)] }, { servers: [STUN] });
    assert.equal(a.selected.at(-1)![0].type, "relay");
    assert.equal(a.selected.at(-1)![0].relayProtocol, transport);
    await dataFlows(sim, a, b);
    await sim.run(700_000);
    assert.ok(a.connected && b.connected);
    await dataFlows(sim, a, b);
    assert.equal(turnServer.relays().length, 1);
    await close(sim, a, b);
    assert.equal(turnServer.relays().length, 0);
  });
}

test("a relay first, the direct way as soon as it works", async () => {
  const { sim } = world();
  const left = sim.host("l", { link: { latency: 1 } });
  const right = sim.host("r", { link: { latency: 1 } });
  // Direct packets are held back for half a second.
  const until = 500;
  left.link.down.filter = (packet) => sim.now > until || packet.source !== right.address();
  const [a, b] = await connect(sim, [left, right], { servers: [turn("udp")] }, {});
  assert.equal(a.selected.at(-1)![0].type, "relay");
  assert.ok(sim.now < 200, `relay after ${sim.now}`);
  await sim.run(2500);
  assert.equal(a.selected.at(-1)![0].type, "host");
  assert.equal(b.agent.selectedPair!.remote.candidate.type, "host");
  await dataFlows(sim, a, b);
  await close(sim, a, b);
});

test("policy relay: nothing but relays is signalled, answered or used", async () => {
  const { sim } = world();
  const hosts: [Host, Host] = [sim.host("l", { link: { latency: 1 } }), sim.host("r", { link: { latency: 1 } })];
  const [a, b] = await connect(sim, hosts, { servers: [STUN, turn("udp")], policy: "relay" }, {});
  assert.deepEqual(
    a.candidates.map((c) => `${c.type} ${c.relatedAddress} ${c.relatedPort}`),
    ["relay 0.0.0.0 0"],
  );
  assert.equal(a.agent.selectedPair!.base.type, "relay");
  assert.equal(b.agent.selectedPair!.address, "203.0.113.54");
  await dataFlows(sim, a, b);
  assert.ok(b.agent.pairs.every((pair) => pair.address === "203.0.113.54"));
  await close(sim, a, b);
});

test("the relay is lost: the pair over it fails, another takes over", async () => {
  const { sim, turnServer } = world();
  const hosts: [Host, Host] = [sim.host("l", { link: { latency: 1 } }), sim.host("r", { link: { latency: 1 } })];
  const [a, b] = await connect(sim, hosts, { servers: [turn("tcp")], policy: "relay" }, {});
  turnServer.host.link.set({ up: false });
  await sim.run(60_000);
  assert.equal(a.state, "failed");
  assert.equal(b.state, "failed");
  await close(sim, a, b);
});

test("multicast DNS: names instead of addresses, and they connect by them", async () => {
  const { sim } = world();
  const lan = sim.nat("lan", { ...SYMMETRIC });
  const hosts: [Host, Host] = [sim.host("l", { realm: lan.inside }), sim.host("r", { realm: lan.inside })];
  const [a, b] = await connect(sim, hosts, { mdns: true, servers: [STUN] }, { mdns: true });
  const shown = a.candidates[0]!.address;
  assert.match(shown, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.local$/);
  for (const candidate of [...a.candidates, ...b.candidates]) {
    assert.ok(!JSON.stringify(candidate).includes("192.168."), JSON.stringify(candidate));
  }
  await dataFlows(sim, a, b);
  await close(sim, a, b);
});

test("multicast DNS without a NAT: the address that the STUN server saw is told, for peers that cannot resolve the name", async () => {
  const { sim } = world();
  const hosts: [Host, Host] = [sim.host("l"), sim.host("r")];
  hosts[1].mdns = false;
  const [a, b] = await connect(sim, hosts, { mdns: true, servers: [STUN] }, {});
  assert.deepEqual(
    a.candidates.map((c) => [c.type, c.address.endsWith(".local"), c.relatedAddress]),
    [
      ["host", true, undefined],
      ["srflx", false, "0.0.0.0"],
    ],
  );
  await dataFlows(sim, a, b);
  await close(sim, a, b);
});

test("external addresses: in place of the host candidate's, or beside it", async () => {
  const { sim } = world();
  const nat = sim.nat("cloud", { ...FULL_CONE, preservePorts: true });
  const inside = sim.host("server", { realm: nat.inside });
  const outside = sim.host("client");
  const [a, b] = await connect(
    sim,
    [inside, outside],
    { externalAddresses: [{ external: nat.address }], lite: false },
    {},
  );
  assert.deepEqual(
    a.candidates.map((c) => `${c.type} ${c.address}`),
    [`host ${nat.address}`],
  );
  await dataFlows(sim, a, b);
  const c = new IcePeer(sim, inside, { externalAddresses: [{ external: nat.address, type: "srflx" }] });
  c.do((agent, now) => agent.gather(now));
  await sim.run(1);
  assert.deepEqual(
    c.candidates.map((x) => `${x.type} ${x.address}`),
    [`host ${inside.address()}`, `srflx ${nat.address}`],
  );
  await close(sim, a, b, c);
});

test("interface filter, port range, loopback only where nothing else is", async () => {
  const { sim } = world();
  const host = sim.host("a");
  host.attach({ realm: sim.internet, interfaceName: "docker0" });
  const gathered = async (options: Partial<IceAgentOptions>): Promise<string[]> => {
    const peer = new IcePeer(sim, host, options);
    peer.do((agent, now) => agent.gather(now));
    await sim.run(10);
    const out = peer.candidates.map((c) => `${c.address}:${c.port >= 20_000 && c.port < 20_010 ? "in" : "out"}`);
    await close(sim, peer);
    return out;
  };
  assert.deepEqual(await gathered({}), ["203.0.113.1:out", "203.0.113.2:out"]);
  assert.deepEqual(await gathered({ interfaceFilter: (i) => i.name !== "docker0", portRange: [20_000, 20_009] }), [
    "203.0.113.1:in",
  ]);
  assert.deepEqual(await gathered({ loopback: true }), ["203.0.113.1:out", "203.0.113.2:out", "127.0.0.1:out"]);
  assert.deepEqual(await gathered({ interfaceFilter: (i) => i.internal }), ["127.0.0.1:out"]);
  assert.deepEqual(await gathered({ interfaceFilter: () => false }), []);
});

for (const [active, passive] of [
  ["a", "b"],
  ["b", "a"],
] as const) {
  test(`ICE-TCP where UDP is blocked: ${active} connects, ${passive} listens`, async () => {
    const { sim } = world();
    const firewall = sim.nat("office", { ...SYMMETRIC, link: { latency: 5 }, block: (p) => p.protocol === "udp" });
    const inside = sim.host("in", { realm: firewall.inside });
    const outside = sim.host("out", { link: { latency: 1 } });
    const of = (name: string): Partial<IceAgentOptions> => ({
      tcp: { active: active === name, passive: passive === name },
    });
    const hosts: [Host, Host] = active === "a" ? [inside, outside] : [outside, inside];
    const [a, b] = await connect(sim, hosts, of("a"), of("b"));
    const opener = active === "a" ? a : b;
    assert.deepEqual(opener.candidates.map((c) => `${c.protocol} ${c.tcpType} ${c.port === 9}`).sort(), [
      "tcp active true",
      "udp undefined false",
    ]);
    assert.equal(a.agent.selectedPair!.base.protocol, "tcp");
    await dataFlows(sim, a, b);
    // Big ones cross segment boundaries.
    const big = "x".repeat(60_000);
    assert.ok(a.send(big));
    await sim.run(1000);
    assert.equal(b.received.at(-1)?.length, big.length);
    await sim.run(60_000);
    assert.ok(a.connected && b.connected);
    await close(sim, a, b);
  });
}

test("strangers that connect to a passive TCP candidate are thrown out in time", async () => {
  const { sim } = world();
  const host = sim.host("a");
  const stranger = sim.host("s");
  const a = new IcePeer(sim, host, { tcp: { passive: true } });
  a.do((agent, now) => agent.gather(now));
  await sim.run(10);
  const port = a.candidates.find((c) => c.tcpType === "passive")!.port;
  let closed = 0;
  for (let i = 0; i < 100; i++) {
    stranger.connectTcp(
      { address: host.address(), port },
      { onOpen: (s) => s.write(Uint8Array.of(0xff)), onData() {}, onDrained() {}, onClose: () => closed++ },
    );
  }
  await sim.run(1000);
  assert.ok(closed >= 68, "over the limit");
  await sim.run(20_000);
  assert.equal(closed, 100);
  await close(sim, a);
});

test("the binding of a reflexive candidate is kept until a pair is chosen", async () => {
  const { sim } = world();
  const home = sim.nat("home", { ...FULL_CONE, bindingTimeout: 20_000 });
  const inside = sim.host("a", { realm: home.inside });
  const outside = sim.host("b");
  const a = new IcePeer(sim, inside, { role: "controlling", servers: [STUN] });
  const b = new IcePeer(sim, outside, { role: "controlled" });
  a.do((agent, now) => agent.gather(now));
  await sim.run(100_000);
  b.do((agent, now) => {
    agent.gather(now);
    agent.setRemoteParameters(a.agent.localParameters, now);
    for (const candidate of a.candidates) agent.addRemoteCandidate(candidate, now);
  });
  await sim.run(100);
  assert.equal(b.state, "connected", "a's binding is still there");
  a.do((agent, now) => agent.setRemoteParameters(b.agent.localParameters, now));
  await sim.runUntil(() => a.connected && a.agent.selectedPair!.nominated, 1000);
  await close(sim, a, b);
});

test("a refused TCP connection fails its check at once; ports that no browser connects to are no candidates", async () => {
  const { sim } = world();
  const b = sim.host("b");
  const candidate = (port: number): IceCandidate => ({
    foundation: "1",
    component: 1,
    protocol: "tcp",
    priority: 1518214911,
    address: b.address(),
    port,
    type: "host",
    tcpType: "passive",
  });
  const statesWith = async (name: string, port: number): Promise<string[]> => {
    const a = new IcePeer(sim, sim.host(name), { tcp: { active: true } });
    a.do((agent, now) => {
      agent.gather(now);
      agent.setRemoteParameters({ usernameFragment: "frag", password: "p".repeat(22) }, now);
      agent.addRemoteCandidate(candidate(port), now);
    });
    await sim.run(500);
    const states = a.states.map(([state]) => state);
    await close(sim, a);
    return states;
  };
  assert.deepEqual(await statesWith("a1", 8001), ["checking", "disconnected"]);
  assert.deepEqual(await statesWith("a2", 25), []);
});

test("a relay of both families: what has IPv4 alone reaches what has IPv6 alone", async () => {
  const sim = new Simulation(1);
  const turnHost = sim.host("turn", { address: "203.0.113.54", address6: "2001:db8::54", link: { latency: 1 } });
  attachTurnServer(turnHost, sim.platform(turnHost).crypto, { dual: true });
  sim.dns.set("turn.example", ["203.0.113.54"]);
  const four = sim.host("four", { link: { latency: 5 } });
  const six = sim.host("six", { address6: "2001:db8::66", link: { latency: 5 } });
  const [a, b] = await connect(
    sim,
    [four, six],
    { servers: [turn("udp")] },
    { interfaceFilter: (i) => i.family === 6 },
  );
  const relays = a.candidates.filter((c) => c.type === "relay");
  assert.deepEqual(
    relays.map((c) => c.address),
    ["203.0.113.54", "2001:db8::54"],
  );
  assert.equal(new Set(a.candidates.map((c) => c.priority)).size, a.candidates.length);
  assert.equal(a.agent.selectedPair!.local.candidate.address, "2001:db8::54");
  await dataFlows(sim, a, b);
  // Over a channel by then, and after a refresh of the permission.
  await sim.run(400_000);
  await dataFlows(sim, a, b);
  await close(sim, a, b);
});
