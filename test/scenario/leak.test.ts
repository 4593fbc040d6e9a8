// Closed connections in virtual time: no socket, no timer, and nothing that anyone still holds on to.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { Simulation } from "#test/sim/simulation.js";
import { Pair } from "./pair.js";

const collect = (globalThis as { gc?: () => void }).gc;

/** A pair that connects, moves some data and is closed, seen from outside. */
async function used(sim: Simulation, hosts: readonly [string, string]): Promise<WeakRef<object>[]> {
  const [a, b] = hosts.map((name) => ({ host: sim.hosts.find((host) => host.name === name)! }));
  const pair = await new Pair(sim, a!, b!).open();
  const exchange = pair.exchange(20, 20_000);
  await pair.until(() => exchange.done);
  const objects = [pair.a, pair.b, pair.channel, pair.remote!, pair.a.sctp!, pair.a.sctp!.transport];
  await pair.close();
  return objects.map((object) => new WeakRef(object));
}

test("connections opened and closed one after the other leave nothing behind", {
  skip: collect === undefined ? "needs --expose-gc" : false,
}, async () => {
  const sim = new Simulation(1);
  for (const name of ["alice", "bob"]) sim.host(name, { link: { latency: 5 } });
  const references: WeakRef<object>[] = [];
  for (let i = 0; i < 10; i++) {
    references.push(...(await used(sim, ["alice", "bob"])));
    assert.deepEqual(sim.leftovers(), []);
  }
  // What the last one has left on the stack goes with the next turns.
  for (let i = 0; i < 5; i++) {
    await nextTurn();
    collect!();
  }
  const alive = references.filter((reference) => reference.deref() !== undefined);
  assert.equal(alive.length, 0, `alive: ${alive.map((r) => r.deref()!.constructor.name).join(", ")}`);
});

test("so do connections that are closed before they are open, and offers that nobody answers", async () => {
  const sim = new Simulation(2);
  const a = { host: sim.host("alice", { link: { latency: 5 } }) };
  const b = { host: sim.host("bob", { link: { latency: 5 } }) };
  for (let i = 0; i < 30; i++) {
    const pair = new Pair(sim, a, b);
    await sim.run(3 * i);
    pair.a.close();
    pair.b.close();
    await sim.run(2000);
    assert.deepEqual(sim.leftovers(), [], `closed after ${3 * i} ms`);
  }
});

/** A connection that a program makes something of, and forgets. */
async function forgotten(sim: Simulation, use: (pc: RTCPeerConnection) => Promise<unknown>): Promise<WeakRef<object>> {
  const pc = new RTCPeerConnection({}, { platform: sim.platform(sim.hosts[0]!) });
  pc.onnegotiationneeded = () => void pc.signalingState;
  const used = use(pc);
  await sim.run(100);
  await used;
  return new WeakRef(pc);
}

test("connections without sockets need not be closed", {
  skip: collect === undefined ? "needs --expose-gc" : false,
}, async () => {
  const sim = new Simulation(3);
  sim.host("alice", { link: { latency: 5 } });
  const references = [
    await forgotten(sim, async () => {}),
    await forgotten(sim, async (pc) => pc.createDataChannel("data").addEventListener("open", () => void pc.sctp)),
    await forgotten(sim, async (pc) => {
      pc.addTransceiver("video");
      await pc.createOffer();
      return pc.getStats();
    }),
    await forgotten(sim, async (pc) => {
      const other = new RTCPeerConnection({}, { platform: sim.platform(sim.hosts[0]!) });
      other.addTransceiver("audio");
      await pc.setRemoteDescription(await other.createOffer());
      await pc.createAnswer();
    }),
  ];
  for (let i = 0; i < 5; i++) {
    await nextTurn();
    collect!();
  }
  assert.deepEqual(
    references.map((reference) => reference.deref() !== undefined),
    [false, false, false, false],
  );
});
