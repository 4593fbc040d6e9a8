// What statistics are made of (webrtc-stats, RTCTransportStats and RTCIceCandidatePairStats).
import assert from "node:assert/strict";
import { test } from "node:test";
import { IcePeer, signalBetween } from "#test/sim/ice-peers.js";
import { Simulation } from "#test/sim/simulation.js";
import type { IceAgentOptions } from "./options.js";

function setUp(optionsA: Partial<IceAgentOptions> = {}): { sim: Simulation; a: IcePeer; b: IcePeer } {
  const sim = new Simulation(1);
  const a = new IcePeer(sim, sim.host("a", { link: { latency: 1 } }), { role: "controlling", ...optionsA });
  const b = new IcePeer(sim, sim.host("b", { link: { latency: 1 } }), { role: "controlled" });
  return { sim, a, b };
}

test("data is counted without STUN, on its pair and for the transport", async () => {
  const { sim, a, b } = setUp();
  signalBetween(a, b);
  await sim.runUntil(() => a.connected && b.connected, 1000);
  assert.ok(Number.isNaN(a.agent.selectedPair!.lastPacketSentAt));
  await sim.run(1000);
  a.send("four");
  const sentAt = sim.now;
  await sim.run(10);
  a.send("three");
  await sim.run(20_000);
  const [mine, theirs] = [a.agent.selectedPair!, b.agent.selectedPair!];
  assert.deepEqual([mine.packetsSent, mine.bytesSent, mine.packetsReceived, mine.bytesReceived], [2, 9, 0, 0]);
  assert.deepEqual([theirs.packetsSent, theirs.bytesSent, theirs.packetsReceived, theirs.bytesReceived], [0, 0, 2, 9]);
  assert.deepEqual([a.agent.packetsSent, a.agent.bytesSent], [2, 9]);
  assert.deepEqual([b.agent.packetsReceived, b.agent.bytesReceived], [2, 9]);
  // Consent checks came after.
  assert.equal(mine.lastPacketSentAt, sentAt + 10);
  assert.equal(theirs.lastPacketReceivedAt, sentAt + 12);
  assert.ok(Number.isNaN(mine.lastPacketReceivedAt));
  assert.ok(theirs.lastReceivedAt > sentAt + 1000);
});

test("consent checks are no connectivity checks, and a retransmission is no further request", async () => {
  const { sim, a, b } = setUp();
  sim.hosts[1]!.link.set({ up: false });
  signalBetween(a, b);
  await sim.run(500);
  const [pair] = a.agent.pairs;
  assert.equal(pair!.requestsSent, 1);
  assert.equal(pair!.responsesReceived, 0);
  sim.hosts[1]!.link.set({ up: true });
  await sim.runUntil(() => a.connected && b.connected, 20_000);
  await sim.run(1000);
  const selected = a.agent.selectedPair!;
  const before = selected.requestsSent;
  const answered = selected.responsesReceived;
  await sim.run(30_000);
  assert.equal(selected.requestsSent, before);
  assert.ok(selected.consentRequestsSent >= 5);
  assert.equal(selected.responsesReceived, answered + selected.consentRequestsSent);
});

test("totals and changes of the selected pair go on over a restart", async () => {
  const { sim, a, b } = setUp();
  assert.equal(a.agent.selectedPairChanges, 0);
  signalBetween(a, b);
  await sim.runUntil(() => a.connected && b.connected, 1000);
  assert.equal(a.agent.selectedPairChanges, 1);
  a.send("before");
  await sim.run(10);
  a.do((agent, now) => agent.restart(now));
  b.do((agent, now) => agent.restart(now));
  signalBetween(a, b);
  await sim.runUntil(() => a.agent.pairs.includes(a.agent.selectedPair!), 5000);
  assert.equal(a.agent.selectedPairChanges, 2);
  a.send("after");
  assert.equal(a.agent.selectedPair!.bytesSent, 5);
  assert.deepEqual([a.agent.packetsSent, a.agent.bytesSent], [2, 11]);
  const [remote] = a.agent.remotes;
  assert.equal(remote, [...a.agent.remotes][0]);
  a.do((agent, now) => agent.close(now));
  assert.equal(a.agent.selectedPairChanges, 3);
});

test("what a socket does not take is discarded", async () => {
  const { sim, a, b } = setUp();
  signalBetween(a, b);
  await sim.runUntil(() => a.connected && b.connected, 1000);
  const pair = a.agent.selectedPair!;
  a.send("taken");
  assert.deepEqual([pair.packetsDiscardedOnSend, pair.bytesDiscardedOnSend], [0, 0]);
  pair.port.close();
  a.send("refused");
  assert.deepEqual([pair.packetsDiscardedOnSend, pair.bytesDiscardedOnSend], [1, 7]);
});

test("every answer counts into the round-trip times, also to a request that was repeated", async () => {
  const { sim, a, b } = setUp();
  // Longer than the first retransmission takes.
  for (const host of sim.hosts) host.link.set({ latency: 60 });
  signalBetween(a, b);
  await sim.runUntil(() => a.connected && b.connected, 5000);
  const pair = a.agent.selectedPair!;
  // Nobody knows which transmission was answered: at least since the last one.
  assert.ok(pair.currentRoundTripTime > 0 && pair.currentRoundTripTime <= 240, `${pair.currentRoundTripTime}`);
  await sim.run(1000);
  const { responsesReceived, totalRoundTripTime } = pair;
  assert.ok(totalRoundTripTime > 0 && totalRoundTripTime <= 240 * responsesReceived);
  await sim.run(20_000);
  assert.equal(pair.currentRoundTripTime, 240);
  assert.equal(pair.totalRoundTripTime, totalRoundTripTime + 240 * (pair.responsesReceived - responsesReceived));
});
