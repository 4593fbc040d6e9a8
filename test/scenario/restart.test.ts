// Paths that go away: consent and its times, recovery, ICE restarts in the middle of transfers, peers that vanish.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SocketFate } from "#test/sim/network.js";
import { Simulation } from "#test/sim/simulation.js";
import { addServers, type End, Pair, STUN } from "./pair.js";
import type { Side } from "./traffic.js";

interface Bed {
  readonly sim: Simulation;
  readonly pair: Pair;
  readonly ends: Readonly<Record<Side, End>>;
}

/** Two hosts 20 ms apart. */
function bed(seed = 1): Bed {
  const sim = new Simulation(seed);
  const a = { host: sim.host("alice", { link: { latency: 10 } }) };
  const b = { host: sim.host("bob", { link: { latency: 10 } }) };
  return { sim, pair: new Pair(sim, a, b), ends: { a, b } };
}

/** As an application does: a restart when the connection has failed. */
function restartOnFailure(pair: Pair, side: Side): void {
  const pc = pair[side];
  pc.addEventListener("connectionstatechange", () => {
    if (pc.connectionState === "failed") pc.restartIce();
  });
}

for (const side of ["a", "b"] as const) {
  test(`ICE restarts by ${side} in the middle of a transfer: nothing is lost, nothing waits`, async () => {
    const { sim, pair } = bed();
    await pair.open();
    const exchange = pair.exchange(400, 5000, 10);
    const before = pair.a.localDescription!.sdp.match(/a=ice-ufrag:(.*)\r/)![1];
    let longest = 0;
    let last = sim.now;
    exchange.a.channel!.addEventListener("message", () => {
      longest = Math.max(longest, sim.now - last);
      last = sim.now;
    });
    for (let i = 0; i < 4; i++) {
      await sim.run(700);
      pair[side].restartIce();
    }
    await pair.until(() => exchange.done, 20_000);
    const after = pair.a.localDescription!.sdp.match(/a=ice-ufrag:(.*)\r/)![1];
    assert.notEqual(after, before);
    assert.ok(longest < 150, `a pause of ${longest} ms`);
    assert.ok(!pair.states.a.some(({ state }) => state === "disconnected" || state === "failed"));
    await pair.close();
  });
}

test("both sides restart at once", async () => {
  const { sim, pair } = bed();
  await pair.open();
  const exchange = pair.exchange(200, 5000, 10);
  for (let i = 0; i < 3; i++) {
    await sim.run(500);
    pair.a.restartIce();
    pair.b.restartIce();
  }
  await pair.until(() => exchange.done, 20_000);
  await pair.close();
});

test("consent (RFC 7675): disconnected within seconds of silence, failed thirty after the last answer, no data after", async () => {
  const { sim, pair, ends } = bed();
  await pair.open();
  await sim.run(5000);
  const cut = sim.now;
  ends.b.host.link.set({ up: false });
  await pair.until(() => pair.a.connectionState === "failed" && pair.b.connectionState === "failed", 40_000);
  await sim.run(1);
  for (const side of ["a", "b"] as const) {
    const disconnected = pair.timeOf(side, "disconnected")! - cut;
    const failed = pair.timeOf(side, "failed")! - cut;
    assert.ok(disconnected > 2000 && disconnected < 9500, `${side} disconnected after ${disconnected}`);
    assert.ok(failed > 23_000 && failed < 30_500, `${side} failed after ${failed}`);
  }
  const sent = ends.a.host.link.up.stats.sent;
  pair.channel.send("into nowhere");
  await sim.run(20_000);
  assert.equal(ends.a.host.link.up.stats.sent, sent);
  await pair.close();
});

test("a short outage: disconnected, and connected again without a restart; what was sent meanwhile arrives at once", async () => {
  const { sim, pair, ends } = bed();
  await pair.open();
  ends.b.host.link.set({ up: false });
  await pair.until(() => pair.a.connectionState === "disconnected", 12_000);
  const exchange = pair.exchange(20, 10_000);
  await sim.run(8000);
  const back = sim.now;
  ends.b.host.link.set({ up: true });
  await pair.until(() => pair.connected && exchange.done, 3000);
  assert.ok(pair.timeOf("a", "connected", back)! - back < 1000);
  assert.ok(sim.now - back < 1500, `delivered ${sim.now - back} ms after`);
  await pair.close();
});

test("an outage longer than any timer: the application restarts ICE after minutes, and everything arrives", async () => {
  const { sim, pair, ends } = bed();
  await pair.open();
  const exchange = pair.exchange(100, 10_000, 20);
  await sim.run(1000);
  ends.b.host.link.set({ up: false });
  await sim.run(600_000);
  assert.ok(!exchange.done);
  ends.b.host.link.set({ up: true });
  const back = sim.now;
  pair.a.restartIce();
  await pair.until(() => exchange.done, 10_000);
  assert.ok(sim.now - back < 3000, `after ${sim.now - back} ms`);
  await pair.close();
});

for (const sockets of ["die", "silent", "follow"] as const satisfies readonly SocketFate[]) {
  test(`the address changes in the middle of a transfer; sockets: ${sockets}`, async () => {
    const { sim, pair, ends } = bed();
    await pair.open();
    restartOnFailure(pair, "a");
    const exchange = pair.exchange(200, 5000, 10);
    await sim.run(500);
    const { host } = ends.b;
    host.changeAddress(host.address(), { realm: sim.internet, sockets, link: { latency: 20 } });
    await pair.until(() => exchange.done, 60_000);
    assert.equal(pair.timeOf("a", "failed") !== undefined, sockets !== "follow", "without a restart where it can be");
    await pair.close();
  });
}

test("the NAT forgets its bindings in the middle of a transfer", async () => {
  const sim = new Simulation(1);
  const { hosts } = addServers(sim);
  const nat = sim.nat("home", { link: { latency: 10 } });
  const pair = new Pair(
    sim,
    { host: sim.host("alice", { realm: nat.inside }), configuration: { iceServers: [STUN] } },
    { host: sim.host("bob", { link: { latency: 10 } }) },
  );
  await pair.open();
  restartOnFailure(pair, "a");
  const exchange = pair.exchange(200, 5000, 20);
  await sim.run(1000);
  nat.rebind();
  await pair.until(() => exchange.done, 60_000);
  assert.equal(pair.timeOf("a", "failed"), undefined, "the peer learns the new binding from a check");
  await pair.close(hosts);
});

test("a move from Wi-Fi to another network with an ICE restart on disconnected", async () => {
  const { sim, pair, ends } = bed();
  const home = sim.nat("home", { link: { latency: 30 } });
  const { hosts } = addServers(sim);
  pair.b.setConfiguration({ iceServers: [STUN] });
  await pair.open();
  pair.b.addEventListener("connectionstatechange", () => {
    if (pair.b.connectionState === "disconnected") pair.b.restartIce();
  });
  const exchange = pair.exchange(300, 5000, 10);
  await sim.run(500);
  const { host } = ends.b;
  host.changeAddress(host.address(), { realm: home.inside, sockets: "silent", link: { latency: 1 } });
  const moved = sim.now;
  await pair.until(() => exchange.done, 30_000);
  assert.ok(pair.timeOf("b", "connected", moved)! - moved < 11_000);
  await pair.close(hosts);
});

test("a peer that vanishes: disconnected, failed, and nothing left after close", async () => {
  const { sim, pair, ends } = bed();
  await pair.open();
  pair.exchange(50, 10_000);
  await sim.run(100);
  ends.b.host.detach(ends.b.host.address(), "silent");
  await pair.until(() => pair.a.connectionState === "failed", 40_000);
  assert.equal(pair.channel.readyState, "open", "whether to give it up is the application's decision");
  await pair.close();
});

test("a peer that closes: its channels end here at once, with an error event first", async () => {
  const { sim, pair } = bed();
  await pair.open();
  const events: string[] = [];
  for (const type of ["closing", "error", "close"]) {
    pair.channel.addEventListener(type, () => events.push(`${type} ${pair.channel.readyState}`));
  }
  const at = sim.now;
  pair.b.close();
  await pair.until(() => events.includes("close closed"), 1000);
  assert.ok(sim.now - at < 50);
  assert.deepEqual(events, ["error closed", "close closed"]);
  await sim.run(1);
  assert.equal(pair.a.sctp!.state, "closed");
  await pair.close();
});

test("the policy becomes relay without a relay: the next offer restarts, and the connection fails on both sides", async () => {
  const { sim, pair } = bed();
  await pair.open();
  const fragment = (): string => /a=ice-ufrag:(.*)/.exec(pair.a.localDescription!.sdp)![1]!;
  const before = fragment();
  pair.a.setConfiguration({ iceTransportPolicy: "relay" });
  const negotiate = async (): Promise<void> => {
    await sim.settle(pair.a.setLocalDescription());
    await sim.settle(pair.b.setRemoteDescription(pair.a.localDescription!));
    await sim.settle(pair.b.setLocalDescription());
    await sim.settle(pair.a.setRemoteDescription(pair.b.localDescription!));
  };
  await negotiate();
  assert.notEqual(fragment(), before);
  await sim.run(10_000);
  assert.equal(pair.a.connectionState, "connected", "while there is hope the old pair is used");
  await pair.until(() => pair.a.connectionState === "failed" && pair.b.connectionState === "failed", 60_000);
  // Back again, with what could not be sent meanwhile.
  const exchange = pair.exchange(5, 1000);
  pair.a.setConfiguration({ iceTransportPolicy: "all" });
  await negotiate();
  await pair.until(() => exchange.done, 10_000);
  await pair.close();
});
