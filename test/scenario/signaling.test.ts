import assert from "node:assert/strict";
import { test } from "node:test";
import { Simulation } from "#test/sim/simulation.js";
import { type Description, type NegotiatingPeer, signal } from "./signaling.js";

/** The signalling states of an RTCPeerConnection and nothing else; descriptions are counters. */
class Stand implements NegotiatingPeer {
  signalingState = "stable";
  iceGatheringState = "new";
  localDescription: Description | null = null;
  remote: string[] = [];
  candidates: unknown[] = [];
  fails = false;
  private readonly listeners = new Map<string, (event: never) => void>();
  private readonly sim: Simulation;
  private readonly name: string;
  private count = 0;

  constructor(sim: Simulation, name: string) {
    this.sim = sim;
    this.name = name;
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.listeners.set(type, listener);
  }

  fire(type: string, event: object = {}): void {
    this.listeners.get(type)!(event as never);
  }

  private later(): Promise<void> {
    return new Promise((resolve) => this.sim.scheduler.after(1, () => resolve()));
  }

  async setLocalDescription(): Promise<void> {
    await this.later();
    const type = this.signalingState === "have-remote-offer" ? "answer" : "offer";
    this.signalingState = type === "answer" ? "stable" : "have-local-offer";
    this.localDescription = { type, sdp: `${this.name}${++this.count}` };
  }

  async setRemoteDescription(description: Description): Promise<void> {
    await this.later();
    if (this.fails) throw new Error("refused");
    if (description.type === "answer" && this.signalingState !== "have-local-offer") throw new Error("wrong state");
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
    this.remote.push(`${description.type} ${description.sdp}`);
  }

  async addIceCandidate(candidate?: unknown): Promise<void> {
    this.candidates.push(candidate);
  }

  close(): void {}
}

function stand(options = {}) {
  const sim = new Simulation(1);
  const a = new Stand(sim, "a");
  const b = new Stand(sim, "b");
  return { sim, a, b, signaling: signal(sim, a, b, options) };
}

test("an offer and its answer take two delays; candidates follow in order", async () => {
  const { sim, a, b, signaling } = stand({ delay: 50 });
  a.fire("negotiationneeded");
  await sim.run(20);
  a.fire("icecandidate", { candidate: { candidate: "one" } });
  a.fire("icecandidate", { candidate: null });
  await sim.runUntil(() => b.remote.length > 0 && a.signalingState === "stable");
  signaling.check();
  assert.deepEqual([a.remote, b.remote], [["answer b1"], ["offer a1"]]);
  assert.deepEqual(b.candidates, [{ candidate: "one" }, null]);
  assert.ok(sim.now >= 100 && sim.now < 110);
});

test("both offer at once: the polite one gives way", async () => {
  const { sim, a, b, signaling } = stand();
  a.fire("negotiationneeded");
  b.fire("negotiationneeded");
  await sim.runUntilIdle();
  signaling.check();
  assert.deepEqual([a.signalingState, b.signalingState], ["stable", "stable"]);
  assert.deepEqual([a.remote, b.remote], [["answer b2"], ["offer a1"]]);
});

test("without trickling, descriptions wait for the end of gathering", async () => {
  const { sim, a, b, signaling } = stand({ trickle: false });
  a.fire("negotiationneeded");
  await sim.run(20);
  a.fire("icecandidate", { candidate: { candidate: "one" } });
  await sim.run(20);
  assert.deepEqual(b.remote, []);
  a.fire("icecandidate", { candidate: null });
  await sim.run(20);
  b.fire("icecandidate", { candidate: null });
  await sim.run(20);
  signaling.check();
  assert.deepEqual([a.remote, b.remote], [["answer b1"], ["offer a1"]]);
  assert.deepEqual(b.candidates, []);
});

test("an error at either end is reported", async () => {
  const { sim, a, b, signaling } = stand();
  b.fails = true;
  a.fire("negotiationneeded");
  await sim.runUntilIdle();
  assert.throws(() => signaling.check(), /refused/);
});
