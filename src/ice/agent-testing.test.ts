// Two agents in a simulation, and what is asked of them again and again.
import assert from "node:assert/strict";
import { IcePeer, signalBetween } from "#test/sim/ice-peers.js";
import { Simulation } from "#test/sim/simulation.js";
import type { IceAgentOptions } from "./options.js";

export interface Pair {
  sim: Simulation;
  a: IcePeer;
  b: IcePeer;
}

/** Two hosts one millisecond from the internet's middle each. */
export function setUp(
  seed: number,
  optionsA: Partial<IceAgentOptions> = {},
  optionsB: Partial<IceAgentOptions> = {},
): Pair {
  const sim = new Simulation(seed);
  const a = new IcePeer(sim, sim.host("a", { link: { latency: 1 } }), { role: "controlling", ...optionsA });
  const b = new IcePeer(sim, sim.host("b", { link: { latency: 1 } }), { role: "controlled", ...optionsB });
  return { sim, a, b };
}

export async function connected({ sim, a, b }: Pair, within = 1000): Promise<void> {
  await sim.runUntil(() => a.connected && b.connected, within);
}

/** As `setUp`, and what there is to be signalled is: they have connected. */
export async function setUpConnected(
  seed: number,
  optionsA: Partial<IceAgentOptions> = {},
  optionsB: Partial<IceAgentOptions> = {},
): Promise<Pair> {
  const pair = setUp(seed, optionsA, optionsB);
  signalBetween(pair.a, pair.b);
  await connected(pair);
  return pair;
}

export async function dataFlows({ sim, a, b }: Pair, wait = 50): Promise<void> {
  const [toB, toA] = [`to b ${sim.now}`, `to a ${sim.now}`];
  assert.ok(a.send(toB));
  assert.ok(b.send(toA));
  await sim.run(wait);
  assert.equal(a.received.at(-1), toA);
  assert.equal(b.received.at(-1), toB);
}

export function closeAll({ sim, a, b }: Pair): void {
  a.do((agent, now) => agent.close(now));
  b.do((agent, now) => agent.close(now));
  assert.equal(a.state, "closed");
  assert.deepEqual(sim.leftovers(), []);
  assert.equal(a.agent.deadline, Infinity);
}
