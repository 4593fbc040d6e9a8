// Nomination by peers that are not like us: what a controlled agent makes of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { IcePeer, signalBetween } from "#test/sim/ice-peers.js";
import { Simulation } from "#test/sim/simulation.js";
import { closeAll, setUp, setUpConnected } from "./agent-testing.test.js";
import type { Checker } from "./checker.js";
import type { CandidatePair } from "./pair.js";

/** The two ends of a pair as the controlling side has them. */
function endsOf({ base, port, address, portNumber }: CandidatePair, controlling: boolean): string[] {
  const ends = [`${base.address} ${port.localPort}`, `${address} ${portNumber}`];
  return controlling ? ends : ends.reverse();
}

test("aggressive nomination (RFC 5245 §8.1.1.2): both ends settle on the same pair, and stay there", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const sim = new Simulation(seed);
    const random = sim.random.stream("latencies");
    const hosts = ["a", "b"].map((name) => {
      const host = sim.host(name, { link: { latency: 1 + random.int(40) } });
      host.attach({ realm: sim.internet, interfaceName: "wlan0", link: { latency: 1 + random.int(80) } });
      return host;
    });
    const a = new IcePeer(sim, hosts[0]!, { role: "controlling" });
    const b = new IcePeer(sim, hosts[1]!, { role: "controlled" });
    // Every check of an aggressive agent carries USE-CANDIDATE.
    const { checker } = (a.agent as unknown as { current: { session: { checker: Checker } } }).current.session;
    const check = checker.check.bind(checker);
    let nominations = 0;
    checker.check = (pair, role, tieBreaker, _nominating, now) => {
      nominations++;
      check(pair, role, tieBreaker, role === "controlling", now);
    };
    signalBetween(a, b, { delay: 20 });
    await sim.runUntil(() => a.connected && b.connected, 2000);
    await sim.run(3000);
    const changes = b.selected.length;
    const settled = endsOf(b.agent.selectedPair!, false);
    assert.ok(nominations > 1, `seed ${seed}`);
    assert.ok(b.agent.selectedPair!.nominated, `seed ${seed}`);
    assert.deepEqual(endsOf(a.agent.selectedPair!, true), settled, `seed ${seed}`);
    await sim.run(20_000);
    assert.equal(b.selected.length, changes, `seed ${seed}`);
    assert.deepEqual(endsOf(b.agent.selectedPair!, false), settled, `seed ${seed}`);
    for (const peer of [a, b]) peer.do((agent, now) => agent.close(now));
  }
});

test("a peer that forgets nominations which come before our description is told again", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const pair = setUp(seed);
    const { sim, a, b } = pair;
    // As Firefox: of early requests from one address, the first is kept.
    type Session = { remote: unknown; receiveNomination: (pair: CandidatePair, now: number) => void };
    const { session } = (b.agent as unknown as { current: { session: Session } }).current;
    const receive = session.receiveNomination.bind(session);
    let forgotten = 0;
    session.receiveNomination = (candidatePair, now) => {
      if (session.remote === undefined) forgotten++;
      else receive(candidatePair, now);
    };
    // The answer comes long after the first checks.
    signalBetween(b, a, { delay: 300 });
    await sim.runUntil(() => a.agent.selectedPair?.nominated === true, 500);
    assert.equal(session.remote, undefined);
    assert.ok(forgotten > 0, `seed ${seed}`);
    await sim.runUntil(() => b.agent.selectedPair?.nominated === true, 600);
    const local = endsOf(b.agent.selectedPair!, false);
    assert.deepEqual(endsOf(a.agent.selectedPair!, true), local, `seed ${seed}`);
    closeAll(pair);
  }
});

test("consent checks repeat the nomination, and their answers nominate nothing", async () => {
  const pair = await setUpConnected(3);
  const { sim, a, b } = pair;
  await sim.run(100);
  type Session = { receiveNomination: (pair: CandidatePair, now: number) => void };
  const { session } = (b.agent as unknown as { current: { session: Session } }).current;
  const receive = session.receiveNomination.bind(session);
  let repeated = 0;
  session.receiveNomination = (candidatePair, now) => {
    repeated++;
    receive(candidatePair, now);
  };
  const selected = a.agent.selectedPair!;
  const asked = selected.consentRequestsSent;
  await sim.runUntil(() => selected.consentRequestsSent > asked, 10_000);
  // The pair is left before the answer comes.
  selected.nominated = false;
  const { responsesReceived } = selected;
  await sim.run(20);
  assert.deepEqual([repeated, selected.responsesReceived, selected.nominated], [1, responsesReceived + 1, false]);
  closeAll(pair);
});
