// The agent once it is connected, or should have been: restarts, silence, loss, addresses that change, limits.
import assert from "node:assert/strict";
import { test } from "node:test";
import { IcePeer, signalBetween } from "#test/sim/ice-peers.js";
import { Simulation } from "#test/sim/simulation.js";
import { closeAll, connected, dataFlows, setUp, setUpConnected } from "./agent-testing.test.js";

test("restart: data flows throughout, states go as the W3C says, and the old sockets go", async () => {
  const pair = setUp(1);
  const { sim, a, b } = pair;
  signalBetween(a, b);
  await sim.runUntil(() => a.state === "completed" && b.state === "completed", 7000);
  const oldFragment = a.agent.localParameters.usernameFragment;
  const oldPort = a.agent.selectedPair!.base.portNumber;
  a.states.length = 0;
  let sent = 0;
  const ticker = (): void => {
    assert.ok(a.send(`a${sent}`));
    assert.ok(b.send(`b${sent}`));
    sent++;
    if (sent < 200) sim.scheduler.after(1, ticker);
  };
  ticker();
  a.do((agent, now) => agent.restart(now));
  b.do((agent, now) => agent.restart(now));
  assert.notEqual(a.agent.localParameters.usernameFragment, oldFragment);
  assert.deepEqual(
    a.states.map(([s]) => s),
    ["connected"],
  );
  assert.equal(a.agent.gatheringState, "new");
  await sim.run(50);
  signalBetween(a, b, { delay: 20 });
  await sim.runUntil(() => a.agent.selectedPair!.base.portNumber !== oldPort, 1000);
  await sim.run(500);
  assert.deepEqual([a.states.length, a.state, b.state], [1, "connected", "connected"]);
  assert.equal(a.received.length, 200);
  assert.equal(b.received.length, 200);
  assert.equal(sim.leftovers().filter((l) => l.includes("udp")).length, 4);
  await sim.run(3000);
  assert.equal(sim.leftovers().filter((l) => l.includes("udp")).length, 2, "old sockets are closed");
  await sim.runUntil(() => a.state === "completed" && b.state === "completed", 4000);
  await dataFlows(pair);
  closeAll(pair);
});

test("a restart taken back: the sockets and candidates of before, and no event of gathering", async () => {
  for (const delay of [0, 500]) {
    const pair = await setUpConnected(1);
    const { sim, a } = pair;
    await sim.run(500);
    const parameters = a.agent.localParameters;
    const { port } = a.agent.selectedPair!;
    const candidates = [...a.agent.localCandidates];
    a.do((agent, now) => {
      agent.restart(now);
      agent.gather(now);
    });
    await sim.run(delay);
    a.do((agent, now) => agent.restart(now, parameters));
    await sim.run(500);
    assert.equal(a.agent.gatheringState, "complete");
    assert.deepEqual(a.agent.localParameters, parameters);
    assert.deepEqual(a.agent.localCandidates, candidates);
    assert.equal(a.agent.selectedPair!.port, port);
    await dataFlows(pair);
    assert.equal(sim.leftovers().filter((l) => l.includes("udp")).length, 2, "the sockets of the restart are closed");
    closeAll(pair);
  }
});

test("restart of one side only: the other follows with new credentials later", async () => {
  const pair = await setUpConnected(1);
  const { sim, a, b } = pair;
  a.do((agent, now) => {
    agent.restart(now);
    agent.gather(now);
  });
  // For a minute nobody answers: consent of the old generation is kept.
  await sim.run(60_000);
  assert.equal(a.state, "connected");
  await dataFlows(pair);
  b.do((agent, now) => agent.restart(now));
  signalBetween(a, b);
  for (const candidate of a.candidates.slice(1)) b.do((agent, now) => agent.addRemoteCandidate(candidate, now));
  await sim.runUntil(
    () => b.agent.selectedPair!.remote.usernameFragment === a.agent.localParameters.usernameFragment,
    1000,
  );
  await dataFlows(pair);
  closeAll(pair);
});

test("a restart that leads nowhere: the old pair goes on until it fails itself", async () => {
  const pair = await setUpConnected(1);
  const { sim, a, b } = pair;
  a.do((agent, now) => {
    agent.restart(now);
    agent.gather(now);
    agent.setRemoteParameters({ usernameFragment: "none", password: "nobody-has-this-password" }, now);
    agent.addRemoteCandidate({ ...b.candidates[0]!, address: "203.0.113.99", usernameFragment: undefined }, now);
    agent.endOfRemoteCandidates(now);
  });
  await sim.run(30_000);
  assert.equal(a.state, "connected");
  await dataFlows(pair);
  b.do((agent, now) => agent.close(now));
  await sim.run(40_000);
  assert.equal(a.state, "failed");
  assert.equal(a.send("x"), false);
});

test("restart out of failed", async () => {
  const pair = await setUpConnected(1);
  const { sim, a, b } = pair;
  sim.hosts[0]!.link.set({ up: false });
  await sim.run(60_000);
  assert.equal(a.state, "failed");
  assert.equal(a.send("nothing"), false, "RFC 7675: no consent, no data");
  sim.hosts[0]!.link.set({ up: true });
  await sim.run(10_000);
  assert.equal(a.state, "failed", "terminal until a restart");
  for (const peer of [a, b]) peer.do((agent, now) => agent.restart(now));
  assert.equal(a.state, "failed", "until the peer has restarted");
  signalBetween(a, b);
  await connected(pair);
  assert.deepEqual(
    a.states.slice(-2).map(([state]) => state),
    ["checking", "connected"],
  );
  await dataFlows(pair);
  closeAll(pair);
});

test("silence: disconnected after seconds, recovery at once, failed after thirty", async () => {
  const pair = await setUpConnected(3);
  const { sim, a } = pair;
  await sim.run(1000);
  const down = sim.now;
  sim.hosts[1]!.link.set({ up: false });
  await sim.runUntil(() => a.state === "disconnected", 12_000);
  assert.ok(sim.now - down >= 3000 && sim.now - down <= 9100, `after ${sim.now - down}`);
  await sim.run(2000);
  sim.hosts[1]!.link.set({ up: true });
  const up = sim.now;
  await sim.runUntil(() => a.connected, 2000);
  assert.ok(sim.now - up <= 600, `recovered after ${sim.now - up}`);
  await sim.run(2000);
  await dataFlows(pair);
  const again = sim.now;
  sim.hosts[1]!.link.set({ up: false });
  await sim.runUntil(() => a.state === "failed", 40_000);
  assert.ok(sim.now - again >= 23_000 && sim.now - again <= 30_500, `after ${sim.now - again}`);
  closeAll(pair);
});

test("who has lost consent says so: the other side does not take it for connected", async () => {
  const pair = await setUpConnected(3);
  const { sim, a, b } = pair;
  await sim.run(1000);
  sim.hosts[1]!.link.set({ up: false });
  const link = sim.hosts[1]!.link;
  await sim.runUntil(() => a.state === "failed" || b.state === "failed", 60_000);
  const second = a.state === "failed" ? b : a;
  assert.equal(second.state, "disconnected", "a moment later");
  link.set({ up: true });
  await sim.run(2000);
  assert.equal(second.state, "failed");
  closeAll(pair);
});

test("a peer that begins after the other has given up is heard", async () => {
  const pair = setUp(1);
  const { sim, a, b } = pair;
  // What b sends gets nowhere until a has sent something, as behind a NAT on a's side.
  const { link } = sim.hosts[0]!;
  link.down.filter = () => link.up.stats.sent > 0;
  a.do((agent, now) => agent.gather(now));
  b.do((agent, now) => agent.gather(now));
  await sim.run(10);
  b.do((agent, now) => {
    agent.setRemoteParameters(a.agent.localParameters, now);
    agent.addRemoteCandidate(a.candidates[0]!, now);
    agent.endOfRemoteCandidates(now);
  });
  await sim.run(60_000);
  assert.equal(b.state, "failed");
  a.do((agent, now) => {
    agent.setRemoteParameters(b.agent.localParameters, now);
    agent.addRemoteCandidate(b.candidates[0]!, now);
    agent.endOfRemoteCandidates(now);
  });
  await connected(pair);
  await dataFlows(pair);
  closeAll(pair);
});

test("data that keeps coming is a sign of life", async () => {
  const pair = setUp(3);
  const { sim, a, b } = pair;
  signalBetween(a, b);
  await sim.runUntil(() => a.state === "completed", 7000);
  // b's answers get lost, its data does not.
  sim.hosts[1]!.link.up.filter = (packet) => packet.data[0]! >= 4;
  const ticker = (): void => {
    if (b.send("alive")) sim.scheduler.after(100, ticker);
  };
  ticker();
  await sim.run(20_000);
  assert.equal(a.state, "completed");
  await sim.run(12_000);
  assert.equal(a.state, "failed", "but no consent (RFC 7675)");
});

test("heavy loss delays, but does not prevent", async () => {
  let worst = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const sim = new Simulation(seed);
    const a = new IcePeer(sim, sim.host("a", { link: { latency: 5, loss: 0.3 } }), { role: "controlling" });
    const b = new IcePeer(sim, sim.host("b", { link: { latency: 5 } }), { role: "controlled" });
    signalBetween(a, b);
    await connected({ sim, a, b }, 10_000);
    worst = Math.max(worst, sim.now);
    await sim.run(60_000);
    assert.ok(a.state !== "failed" && b.state !== "failed");
    assert.ok(a.agent.selectedPair?.nominated && b.agent.selectedPair?.nominated);
    closeAll({ sim, a, b });
  }
  assert.ok(worst < 3500, `${worst}`);
});

test("nothing answers: failed when patience is at its end, not before", async () => {
  const pair = setUp(1);
  const { sim, a, b } = pair;
  sim.hosts[1]!.link.set({ up: false });
  signalBetween(a, b);
  await sim.run(14_000);
  assert.equal(a.state, "checking");
  await sim.run(6000);
  assert.equal(a.state, "failed");
  assert.equal(a.agent.deadline, Infinity, "and rests");
  closeAll(pair);
});

test("no remote candidates at all: waits, and fails only when told that none will come", async () => {
  const pair = setUp(1);
  const { sim, a, b } = pair;
  a.do((agent, now) => {
    agent.gather(now);
    agent.setRemoteParameters(b.agent.localParameters, now);
  });
  await sim.run(100_000);
  assert.equal(a.state, "new");
  a.do((agent, now) => agent.endOfRemoteCandidates(now));
  await sim.run(1);
  assert.equal(a.state, "failed");
});

test("a late candidate revives what has failed without an end-of-candidates", async () => {
  const pair = setUp(1);
  const { sim, a, b } = pair;
  signalBetween(a, b, { endless: true, filter: () => false });
  a.do((agent, now) =>
    agent.addRemoteCandidate(
      { foundation: "x", component: 1, protocol: "udp", priority: 1, address: "203.0.113.99", port: 9, type: "host" },
      now,
    ),
  );
  await sim.run(29_000);
  assert.equal(a.state, "disconnected", "more may come");
  await sim.run(2000);
  assert.equal(a.state, "failed");
  a.do((agent, now) => agent.addRemoteCandidate(b.candidates[0]!, now));
  await connected(pair);
  await dataFlows(pair);
});

test("the peer's address changes: its checks from the new one are a pair, and data moves over", async () => {
  for (const mover of ["controlling", "controlled"] as const) {
    const other = mover === "controlling" ? "controlled" : "controlling";
    const pair = await setUpConnected(1, { role: mover }, { role: other });
    const { sim, a, b } = pair;
    await sim.run(1000);
    sim.hosts[0]!.changeAddress("203.0.113.1", { realm: sim.internet, sockets: "follow", link: { latency: 1 } });
    await sim.runUntil(() => b.agent.selectedPair?.address === "203.0.113.3", 12_000);
    await sim.run(3000);
    await dataFlows(pair);
    assert.ok(a.connected && b.connected);
    closeAll(pair);
  }
});

test("two addresses each: one dies, the pair between the others takes over without a restart", async () => {
  for (const cut of ["controlling", "controlled"] as const) {
    const sim = new Simulation(1);
    const hosts = ["a", "b"].map((name) => sim.host(name, { link: { latency: 1 }, address: undefined }));
    for (const host of hosts) host.attach({ realm: sim.internet, interfaceName: "wlan0", link: { latency: 8 } });
    const a = new IcePeer(sim, hosts[0]!, { role: "controlling" });
    const b = new IcePeer(sim, hosts[1]!, { role: "controlled" });
    signalBetween(a, b);
    await connected({ sim, a, b });
    await sim.run(2000);
    const inUse = (cut === "controlling" ? a : b).agent.selectedPair!.base.address;
    const host = hosts[cut === "controlling" ? 0 : 1]!;
    host.attachmentOf(inUse)!.link.set({ up: false });
    await sim.run(12_000);
    assert.ok(a.connected && b.connected, `${a.state} ${b.state}`);
    await dataFlows({ sim, a, b });
    assert.ok(!a.states.some(([s]) => s === "failed"));
    closeAll({ sim, a, b });
  }
});

test("a candidate learned from a check and signalled later is paired with every local one", async () => {
  const pair = setUp(1);
  const { sim, a, b } = pair;
  const host = sim.hosts[0]!;
  const second = host.attach({ realm: sim.internet, interfaceName: "wlan0" });
  second.link.down.filter = () => false;
  signalBetween(a, b, { delay: 20 });
  await connected(pair);
  await sim.run(200);
  const bases = a.agent.pairs.map(({ base }) => base.address);
  assert.deepEqual(bases.sort(), [host.address(), second.address].sort());
  closeAll(pair);
});

test("limits: remote candidates, peer-reflexive ones, pairs", async () => {
  const pair = setUp(1);
  const { a, b } = pair;
  signalBetween(a, b, { endless: true });
  a.do((agent, now) => {
    for (let i = 0; i < 1000; i++) {
      agent.addRemoteCandidate(
        {
          foundation: `f${i}`,
          component: 1,
          protocol: "udp",
          priority: 2_000_000_000 + i,
          address: `198.51.100.${i % 250}`,
          port: 1000 + i,
          type: "host",
        },
        now,
      );
    }
  });
  assert.ok(a.agent.remoteCandidates.length <= 128);
  assert.ok(a.agent.counters.droppedCandidates > 800);
  // b's own candidate found no room: its checks find it.
  await connected(pair, 5000);
  await dataFlows(pair);
  closeAll(pair);
});
