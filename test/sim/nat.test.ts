import assert from "node:assert/strict";
import { test } from "node:test";
import { type NatBehavior, type NatOptions, SYMMETRIC } from "./nat.js";
import { Simulation } from "./simulation.js";
import { RecordingUdp } from "./sockets.js";

const BEHAVIORS: readonly NatBehavior[] = ["endpoint-independent", "address-dependent", "address-and-port-dependent"];

async function bed(options: Partial<NatOptions>) {
  const sim = new Simulation(1);
  const nat = sim.nat("home", options);
  const inside = sim.host("inside", { realm: nat.inside });
  const other = sim.host("other", { realm: nat.inside });
  const x = sim.host("x");
  const y = sim.host("y");
  const s = new RecordingUdp(inside, inside.address(), 5000);
  const t = new RecordingUdp(other, other.address(), 5000);
  const x1 = new RecordingUdp(x, x.address(), 1);
  const x2 = new RecordingUdp(x, x.address(), 2);
  const y1 = new RecordingUdp(y, y.address(), 1);
  await sim.run(0);
  const portSeen = (at: RecordingUdp): number => Number(at.received.at(-1)!.from.split(":")[1]);
  return { sim, nat, inside, other, x, y, s, t, x1, x2, y1, portSeen };
}

for (const mapping of BEHAVIORS) {
  test(`mapping: ${mapping}`, async () => {
    const { sim, nat, s, x, y, x1, x2, y1, portSeen } = await bed({ mapping });
    s.send("1", x.address(), 1);
    s.send("2", x.address(), 2);
    s.send("3", y.address(), 1);
    s.send("4", x.address(), 1);
    await sim.run(1);
    assert.equal(x1.received.length, 2);
    assert.equal(x1.received[0]!.from, x1.received[1]!.from, "the same destination, the same mapping");
    assert.equal(x1.received[0]!.from.split(":")[0], nat.address);
    assert.equal(portSeen(x1) === portSeen(x2), mapping !== "address-and-port-dependent");
    assert.equal(portSeen(x1) === portSeen(y1), mapping === "endpoint-independent");
  });
}

for (const filtering of BEHAVIORS) {
  test(`filtering: ${filtering}`, async () => {
    const { sim, nat, s, x, x1, x2, y1, portSeen } = await bed({ filtering });
    s.send("out", x.address(), 1);
    await sim.run(1);
    const port = portSeen(x1);
    x1.send("same address and port", nat.address, port);
    x2.send("same address", nat.address, port);
    y1.send("another address", nat.address, port);
    y1.send("no mapping", nat.address, port + 1);
    await sim.run(1);
    const expected = ["same address and port"];
    if (filtering !== "address-and-port-dependent") expected.push("same address");
    if (filtering === "endpoint-independent") expected.push("another address");
    assert.deepEqual(s.texts(), expected);
    assert.equal(nat.refused, 4 - expected.length);
  });
}

test("ports: preserved, taken by another, not preserved", async () => {
  const kept = await bed({});
  kept.s.send("s", kept.x.address(), 1);
  kept.t.send("t", kept.x.address(), 1);
  await kept.sim.run(1);
  const ports = kept.x1.received.map((r) => Number(r.from.split(":")[1]));
  assert.equal(ports[0], 5000);
  assert.notEqual(ports[1], 5000);
  const moved = await bed(SYMMETRIC);
  moved.s.send("s", moved.x.address(), 1);
  moved.s.send("s", moved.y.address(), 1);
  await moved.sim.run(1);
  assert.notEqual(moved.portSeen(moved.x1), 5000);
  assert.notEqual(moved.portSeen(moved.x1), moved.portSeen(moved.y1));
});

for (const hairpinning of [true, false]) {
  test(`hairpinning ${hairpinning ? "on" : "off"}`, async () => {
    const { sim, nat, s, t, x, x1, portSeen } = await bed({ hairpinning, filtering: "endpoint-independent" });
    t.send("map me", x.address(), 1);
    await sim.run(1);
    s.send("neighbour", nat.address, portSeen(x1));
    await sim.run(1);
    assert.deepEqual(t.texts(), hairpinning ? ["neighbour"] : []);
    if (hairpinning) assert.equal(t.received[0]!.from.split(":")[0], nat.address, "from the external address");
  });
}

test("a mapping ends after its time without outbound packets", async () => {
  const { sim, nat, s, x, x1, portSeen } = await bed({ bindingTimeout: 30_000 });
  s.send("1", x.address(), 1);
  await sim.run(29_000);
  const port = portSeen(x1);
  x1.send("in time", nat.address, port);
  await sim.run(2000);
  x1.send("late", nat.address, port);
  await sim.run(1);
  assert.deepEqual(s.texts(), ["in time"]);
  assert.equal(nat.refused, 1);
});

test("rebinding gives other ports and forgets the old ones", async () => {
  const { sim, nat, s, x, x1, portSeen } = await bed({ filtering: "endpoint-independent" });
  s.send("1", x.address(), 1);
  await sim.run(1);
  const before = portSeen(x1);
  nat.rebind();
  s.send("2", x.address(), 1);
  await sim.run(1);
  assert.notEqual(portSeen(x1), before);
  x1.send("old", nat.address, before);
  x1.send("new", nat.address, portSeen(x1));
  await sim.run(1);
  assert.deepEqual(s.texts(), ["new"]);
  nat.changeAddress("203.0.113.222");
  s.send("3", x.address(), 1);
  await sim.run(1);
  assert.equal(x1.received.at(-1)!.from.split(":")[0], "203.0.113.222");
});

test("NATs nest, and a firewall blocks", async () => {
  const sim = new Simulation(1);
  const carrier = sim.nat("carrier");
  const home = sim.nat("home", { outside: carrier.inside, block: (p) => p.destinationPort === 25 });
  const deep = sim.host("deep", { realm: home.inside, link: { latency: 1 } });
  const server = sim.host("server");
  const s = new RecordingUdp(deep);
  const echo = new RecordingUdp(server, server.address(), 7);
  echo.answer = (data, address, port) => echo.send(data, address, port);
  await sim.run(0);
  s.send("hi", server.address(), 7);
  s.send("spam", server.address(), 25);
  await sim.run(10);
  assert.deepEqual(s.texts(), ["hi"]);
  assert.equal(echo.received[0]!.from.split(":")[0], carrier.address);
  assert.equal(home.blocked, 1);
});
