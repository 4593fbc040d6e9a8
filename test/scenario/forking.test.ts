// One offer, several answerers one after the other: provisional answers of one, the answer of another.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { Simulation } from "#test/sim/simulation.js";

for (const [connected, role] of [
  [true, "active"],
  [true, "passive"],
  [false, "passive"],
] as const) {
  test(`a provisional answer of one endpoint, ${connected ? "with which we connect" : "not even reached"}, and the answer of another (${role})`, async () => {
    const sim = new Simulation(1);
    const peer = (name: string): RTCPeerConnection =>
      new RTCPeerConnection({}, { platform: sim.platform(sim.host(name, { link: { latency: 10 } })) });
    const [caller, first, second] = [peer("caller"), peer("first"), peer("second")];
    const log: string[] = [];
    const channel = caller.createDataChannel("x");
    channel.onopen = () => log.push("open");
    channel.onclose = () => log.push("close");
    caller.addTransceiver("audio");
    for (const callee of [first, second]) {
      callee.onicecandidate = ({ candidate }) => void caller.addIceCandidate(candidate).catch(() => {});
      callee.ondatachannel = () => log.push(callee === first ? "first" : "second");
    }
    caller.onicecandidate = ({ candidate }) => {
      for (const callee of [first, second]) if (callee.remoteDescription) void callee.addIceCandidate(candidate);
    };
    await sim.settle(
      (async () => {
        await caller.setLocalDescription();
        await first.setRemoteDescription(caller.localDescription!);
        await first.setLocalDescription();
        await caller.setRemoteDescription({ type: "pranswer", sdp: first.localDescription!.sdp });
        await second.setRemoteDescription(caller.localDescription!);
      })(),
    );
    if (connected) {
      await sim.runUntil(() => channel.readyState === "open", 5000);
      await sim.run(100);
      assert.equal(caller.signalingState, "have-remote-pranswer");
    }
    await sim.settle(
      (async () => {
        const { sdp } = await second.createAnswer();
        await second.setLocalDescription({ type: "answer", sdp: sdp!.replaceAll("a=setup:active", `a=setup:${role}`) });
        await caller.setRemoteDescription(second.localDescription!);
      })(),
    );
    await sim.run(3000);
    assert.equal(caller.connectionState, "connected", log.join());
    assert.equal(second.connectionState, "connected", log.join());
    const next = caller.createDataChannel("y");
    await sim.runUntil(() => next.readyState === "open", 5000);
    await sim.run(100);
    // What was open with the first ended with it; what was not opens with the second.
    assert.deepEqual(log, connected ? ["open", "first", "close", "second"] : ["open", "second", "second"]);
    for (const pc of [caller, first, second]) pc.close();
    await sim.run(12_000);
    assert.deepEqual(sim.leftovers(), []);
  });
}
