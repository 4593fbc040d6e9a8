import assert from "node:assert/strict";
import { test } from "node:test";
import { IcePeer, signalBetween } from "#test/sim/ice-peers.js";
import { Simulation } from "#test/sim/simulation.js";

test("two hosts connect, send both ways, complete, and close leaving nothing", async () => {
  const sim = new Simulation(1);
  const a = new IcePeer(sim, sim.host("a", { link: { latency: 1 } }), { role: "controlling" });
  const b = new IcePeer(sim, sim.host("b", { link: { latency: 1 } }), { role: "controlled" });
  signalBetween(a, b, { delay: 5 });
  await sim.runUntil(() => a.connected && b.connected, 1000);
  assert.ok(sim.now < 25, `took ${sim.now} ms`);
  await sim.runUntil(() => a.state === "completed" && b.state === "completed", 1000);
  assert.ok(a.send("from a"));
  assert.ok(b.send("from b"));
  await sim.run(10);
  assert.deepEqual(a.received, ["from b"]);
  assert.deepEqual(b.received, ["from a"]);
  assert.deepEqual(
    a.states.map(([s]) => s),
    ["checking", "connected", "completed"],
  );
  assert.deepEqual(a.gathering, ["gathering", "complete"]);
  assert.equal(a.selected.at(-1)![0].address, "203.0.113.1");
  assert.equal(a.selected.at(-1)![1].address, "203.0.113.2");
  assert.ok(a.agent.selectedPair!.nominated);
  assert.ok(b.agent.selectedPair!.nominated);
  await sim.run(60_000);
  assert.equal(a.state, "completed");
  assert.equal(b.state, "completed");
  a.do((agent, now) => agent.close(now));
  b.do((agent, now) => agent.close(now));
  assert.equal(a.state, "closed");
  assert.deepEqual(sim.leftovers(), []);
  assert.equal(a.agent.deadline, Infinity);
});
