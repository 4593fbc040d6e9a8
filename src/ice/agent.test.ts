import assert from "node:assert/strict";
import { test } from "node:test";
import { IcePeer, signalBetween } from "#test/sim/ice-peers.js";
import { closeAll, connected, dataFlows, type Pair, setUp, setUpConnected } from "./agent-testing.test.js";

test("two hosts connect, send both ways, complete, and close leaving nothing", async () => {
  const pair = await setUpConnected(1);
  const { sim, a, b } = pair;
  // b checks as soon as it has a's parameters and candidate and a socket, one round trip is 4 ms.
  assert.equal(b.timeOf("connected"), 5 + 4);
  assert.equal(a.timeOf("connected"), 10 + 4);
  await dataFlows(pair);
  assert.deepEqual([a.state, b.state], ["connected", "connected"], "completed once consent was renewed");
  assert.deepEqual(a.gathering, ["gathering", "complete"]);
  assert.equal(a.selected.length, 1);
  assert.equal(a.selected[0]![0].address, "203.0.113.1");
  assert.equal(a.selected[0]![1].address, "203.0.113.2");
  assert.ok(a.agent.selectedPair!.nominated);
  assert.ok(b.agent.selectedPair!.nominated);
  assert.ok(a.drained > 0);
  const requests = a.agent.selectedPair!.requestsSent;
  assert.ok(requests <= 3, `${requests} checks`);
  await sim.runUntil(() => a.state === "completed" && b.state === "completed", 6100);
  assert.deepEqual(
    a.states.map(([s]) => s),
    ["checking", "connected", "completed"],
  );
  await sim.run(60_000);
  // RFC 7675: one consent check every 4 to 6 seconds.
  const consents = a.agent.selectedPair!.consentRequestsSent;
  assert.ok(consents >= 10 && consents <= 15, `${consents} consent checks`);
  assert.equal(a.agent.selectedPair!.currentRoundTripTime, 4);
  closeAll(pair);
});

test("without end-of-candidates they are connected, not completed", async () => {
  const pair = setUp(1);
  signalBetween(pair.a, pair.b, { endless: true });
  await connected(pair);
  await pair.sim.run(5000);
  assert.equal(pair.a.state, "connected");
  pair.a.do((agent, now) => agent.endOfRemoteCandidates(now));
  assert.equal(pair.a.state, "completed");
  closeAll(pair);
});

test("whatever the order of parameters, candidates and gathering", async () => {
  type Step = (pair: Pair) => void;
  const steps: Step[] = [
    ({ a, b }) => a.do((agent, now) => agent.setRemoteParameters(b.agent.localParameters, now)),
    ({ a, b }) => b.do((agent, now) => agent.setRemoteParameters(a.agent.localParameters, now)),
    ({ a }) => a.do((agent, now) => agent.gather(now)),
    ({ b }) => b.do((agent, now) => agent.gather(now)),
  ];
  const permute = (list: Step[]): Step[][] =>
    list.length < 2
      ? [list]
      : list.flatMap((s, i) => permute(list.filter((_, k) => k !== i)).map((rest) => [s, ...rest]));
  for (const order of permute(steps)) {
    for (const gap of [0, 3, 20]) {
      for (const candidatesFrom of ["both", "a", "b"]) {
        const pair = setUp(1);
        const { sim, a, b } = pair;
        const pass = (from: IcePeer, to: IcePeer): void => {
          from.signal = (candidate) => {
            to.do((agent, now) => {
              if (candidate !== undefined) agent.addRemoteCandidate(candidate, now);
            });
          };
        };
        if (candidatesFrom !== "b") pass(a, b);
        if (candidatesFrom !== "a") pass(b, a);
        for (const step of order) {
          step(pair);
          await sim.run(gap);
        }
        await connected(pair, 50);
        await dataFlows(pair);
        closeAll(pair);
      }
    }
  }
});

test("a check that is early is answered, and opens the way for data at once", async () => {
  const pair = setUp(1);
  const { sim, a, b } = pair;
  a.do((agent, now) => agent.gather(now));
  await sim.run(0);
  b.do((agent, now) => {
    agent.setRemoteParameters(a.agent.localParameters, now);
    for (const candidate of a.candidates) agent.addRemoteCandidate(candidate, now);
    agent.gather(now);
  });
  await sim.run(10);
  assert.equal(b.state, "connected", "a has answered, though it does not know b's password");
  assert.equal(a.state, "new");
  b.send("early");
  await sim.run(10);
  assert.deepEqual(a.received, ["early"]);
  // The answer comes, without candidates: the peer-reflexive one is enough.
  a.do((agent, now) => agent.setRemoteParameters(b.agent.localParameters, now));
  await connected(pair, 10);
  assert.equal(a.selected[0]![1].type, "prflx");
  // The candidate follows by signalling, and takes the place of the peer-reflexive one.
  a.do((agent, now) => agent.addRemoteCandidate(b.candidates[0]!, now));
  await sim.run(1);
  assert.equal(a.agent.selectedPair!.remote.candidate.type, "host");
  assert.equal(a.agent.pairs.length, 1);
  await dataFlows(pair);
  closeAll(pair);
});

test("what an early check was for another peer's credentials is forgotten", async () => {
  const pair = setUp(1);
  const { sim, a, b } = pair;
  const c = new IcePeer(sim, sim.host("c", { link: { latency: 1 } }), { role: "controlled" });
  a.do((agent, now) => agent.gather(now));
  await sim.run(0);
  for (const peer of [b, c]) {
    peer.do((agent, now) => {
      agent.setRemoteParameters(a.agent.localParameters, now);
      for (const candidate of a.candidates) agent.addRemoteCandidate(candidate, now);
      agent.gather(now);
    });
  }
  await sim.run(20);
  assert.equal(a.agent.pairs.length, 2);
  a.do((agent, now) => agent.setRemoteParameters(b.agent.localParameters, now));
  assert.equal(a.agent.pairs.length, 1);
  await connected(pair, 20);
  assert.equal(a.selected[0]![1].address, "203.0.113.2");
  c.send("not for you");
  await sim.run(10);
  assert.deepEqual(a.received, []);
});

for (const role of ["controlling", "controlled"] as const) {
  test(`both ${role}: the conflict is settled once, and they connect`, async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const pair = await setUpConnected(seed, { role }, { role });
      const { a, b } = pair;
      await pair.sim.run(100);
      assert.notEqual(a.agent.role, b.agent.role);
      assert.equal(a.roles.length + b.roles.length, 1);
      assert.ok(a.agent.selectedPair!.nominated && b.agent.selectedPair!.nominated);
      await dataFlows(pair);
      closeAll(pair);
    }
  });
}

test("a lite peer is controlled; it connects when a pair is nominated, and notices when we are gone", async () => {
  for (const liteIsA of [true, false]) {
    const pair = await setUpConnected(
      1,
      { lite: liteIsA, role: "controlling" },
      { lite: !liteIsA, role: "controlled" },
    );
    const { sim, a, b } = pair;
    const [lite, full] = liteIsA ? [a, b] : [b, a];
    assert.equal(full.agent.role, "controlling");
    assert.equal(lite.agent.role, "controlled");
    await sim.run(30_000);
    assert.ok(lite.connected && full.connected);
    assert.equal(
      lite.agent.pairs.reduce((sum, p) => sum + p.requestsSent, 0),
      0,
      "lite agents send no checks",
    );
    await dataFlows(pair);
    sim.hosts[liteIsA ? 1 : 0]!.link.set({ up: false });
    await sim.run(16_000);
    assert.equal(lite.state, "disconnected");
    await sim.run(20_000);
    assert.equal(lite.state, "failed");
    closeAll(pair);
  }
});

test("two lite agents connect on what they signal, keep each other informed, and notice when the other is gone", async () => {
  for (const endless of [false, true]) {
    const pair = setUp(1, { lite: true, role: "controlling" }, { lite: true, role: "controlled" });
    const { sim, a, b } = pair;
    signalBetween(a, b, { endless });
    await connected(pair);
    assert.deepEqual([a.agent.role, b.agent.role], ["controlling", "controlled"]);
    assert.deepEqual([...a.roles, ...b.roles], []);
    await dataFlows(pair);
    await sim.run(120_000);
    assert.ok(a.connected && b.connected);
    assert.equal([...a.agent.pairs, ...b.agent.pairs].filter((p) => p.requestsSent > 0).length, 0);
    await dataFlows(pair);
    const { link } = sim.hosts[1]!;
    link.set({ up: false });
    await sim.run(48_000);
    assert.deepEqual([a.state, b.state], ["disconnected", "disconnected"]);
    link.set({ up: true });
    await sim.run(10_001);
    assert.ok(a.connected && b.connected);
    link.set({ up: false });
    await sim.run(70_000);
    assert.deepEqual([a.state, b.state], ["failed", "failed"]);
    closeAll(pair);
  }
});

test("a lite agent whose peer never checks fails after its patience", async () => {
  const pair = setUp(1, { lite: true });
  const { sim, a, b } = pair;
  const link = sim.hosts[1]!.link;
  link.set({ up: false });
  signalBetween(a, b);
  await sim.runUntil(() => a.state === "failed", 17_000);
  link.set({ up: true });
  for (const peer of [a, b]) peer.do((agent, now) => agent.restart(now));
  signalBetween(a, b);
  await connected(pair, 3000);
  await dataFlows(pair);
  closeAll(pair);
});
