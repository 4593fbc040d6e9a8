import assert from "node:assert/strict";
import { test } from "node:test";
import { Simulation } from "#test/sim/simulation.js";
import { setDefaultPlatform } from "./environment.js";
import { RTCIceCandidate } from "./rtc-ice-candidate.js";
import { RTCIceTransport } from "./rtc-ice-transport.js";
import { RTCPeerConnection } from "./rtc-peer-connection.js";

function transportOn(sim: Simulation, name: string): { transport: RTCIceTransport; events: string[] } {
  setDefaultPlatform(sim.platform(sim.host(name)));
  const transport = new RTCIceTransport();
  const events: string[] = [];
  for (const type of ["statechange", "gatheringstatechange", "selectedcandidatepairchange", "error"] as const) {
    transport.addEventListener(type, () =>
      events.push(`${type} ${type.startsWith("g") ? transport.gatheringState : transport.state}`),
    );
  }
  transport.addEventListener("icecandidate", ({ candidate }) => events.push(candidate?.protocol ?? "end"));
  return { transport, events };
}

test("two transports without a connection gather, find each other, and stop", async () => {
  const sim = new Simulation(1);
  const a = transportOn(sim, "a");
  const b = transportOn(sim, "b");
  assert.equal(a.transport.role, null);
  a.transport.onicecandidate = ({ candidate }) => b.transport.addRemoteCandidate(candidate ?? {});
  b.transport.onicecandidate = ({ candidate }) => a.transport.addRemoteCandidate(candidate ?? {});
  a.transport.gather();
  b.transport.gather({ gatherPolicy: "all", iceServers: [] });
  assert.throws(() => a.transport.gather(), { name: "InvalidStateError" });
  a.transport.start(b.transport.getLocalParameters()!, "controlling");
  b.transport.start(a.transport.getLocalParameters()!);
  assert.deepEqual([a.transport.role, b.transport.role, a.transport.state], ["controlling", "controlled", "new"]);
  await sim.run(7000);
  for (const { events } of [a, b]) {
    assert.deepEqual(events, [
      "udp",
      "tcp",
      "end",
      "gatheringstatechange complete",
      "selectedcandidatepairchange checking",
      "statechange connected",
      "statechange completed",
    ]);
  }
  const { local, remote } = a.transport.getSelectedCandidatePair()!;
  assert.ok(a.transport.getLocalCandidates().includes(local));
  assert.ok(a.transport.getRemoteCandidates().includes(remote));
  a.transport.stop();
  b.transport.stop();
  assert.equal(a.transport.state, "closed");
  assert.equal(a.transport.getSelectedCandidatePair(), null);
  await sim.run(1000);
  assert.deepEqual(sim.leftovers(), []);
});

test("other credentials are another peer: its candidates are those that follow", async () => {
  const sim = new Simulation(1);
  const { transport, events } = transportOn(sim, "a");
  const candidate = new RTCIceCandidate({
    candidate: "candidate:1 1 udp 2113929471 203.0.113.100 10100 typ host",
    sdpMid: "",
  });
  transport.start({ usernameFragment: "1111", password: "1".repeat(22) });
  transport.addRemoteCandidate(candidate);
  assert.equal(transport.state, "checking");
  transport.start({ usernameFragment: "2222", password: "2".repeat(22) });
  assert.equal(transport.state, "new");
  await sim.run(10);
  assert.equal(transport.state, "new");
  assert.deepEqual(transport.getRemoteCandidates(), []);
  transport.addRemoteCandidate(candidate);
  assert.deepEqual(transport.getRemoteCandidates(), [candidate]);
  assert.deepEqual(events, []);
  transport.stop();
  assert.throws(() => transport.addRemoteCandidate(candidate), { name: "InvalidStateError" });
});

test("a connection's transport is not for the program to run", async () => {
  const sim = new Simulation(1);
  const pc = new RTCPeerConnection({}, { platform: sim.platform(sim.host("a")) });
  pc.createDataChannel("x");
  await sim.settle(pc.setLocalDescription());
  assert.throws(() => pc.sctp!.transport.iceTransport.stop(), { name: "InvalidStateError" });
  pc.close();
});
