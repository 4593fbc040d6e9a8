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

for (const [first, second] of [
  ["active", "passive"],
  ["passive", "active"],
] as const) {
  test(`data channels that come after the answer of another endpoint: identifiers by the role with that (${first}, then ${second})`, async () => {
    const sim = new Simulation(1);
    const peer = (name: string): RTCPeerConnection =>
      new RTCPeerConnection({}, { platform: sim.platform(sim.host(name, { link: { latency: 10 } })) });
    const caller = peer("caller");
    const callees = [peer("first"), peer("second")] as const;
    caller.addTransceiver("audio");
    for (const callee of callees) {
      callee.onicecandidate = ({ candidate }) => void caller.addIceCandidate(candidate).catch(() => {});
    }
    caller.onicecandidate = ({ candidate }) => {
      for (const callee of callees) if (callee.remoteDescription) void callee.addIceCandidate(candidate);
    };
    const answer = async (callee: RTCPeerConnection, role: string): Promise<string> => {
      await callee.setRemoteDescription(caller.localDescription!);
      const sdp = (await callee.createAnswer()).sdp!.replaceAll("a=setup:active", `a=setup:${role}`);
      await callee.setLocalDescription({ type: "answer", sdp });
      return callee.localDescription!.sdp;
    };
    await sim.settle(
      (async () => {
        await caller.setLocalDescription();
        await caller.setRemoteDescription({ type: "pranswer", sdp: await answer(callees[0], first) });
      })(),
    );
    await sim.run(2000);
    // Its identifier is that of whoever answers at last.
    const early = caller.createDataChannel("early");
    await sim.settle(
      (async () => {
        await caller.setRemoteDescription({ type: "answer", sdp: await answer(callees[1], second) });
      })(),
    );
    await sim.run(2000);
    const channel = caller.createDataChannel("ours");
    const theirs = callees[1].createDataChannel("theirs");
    await sim.settle(
      (async () => {
        await caller.setLocalDescription();
        await callees[1].setRemoteDescription(caller.localDescription!);
        await callees[1].setLocalDescription();
        await caller.setRemoteDescription(callees[1].localDescription!);
      })(),
    );
    const all = [early, channel, theirs];
    await sim.runUntil(() => all.every(({ readyState }) => readyState === "open"), 5000);
    // RFC 8832 §6: the DTLS client's are even.
    const isClient = second === "passive";
    assert.deepEqual(
      all.map(({ id }) => id! % 2),
      isClient ? [0, 0, 1] : [1, 1, 0],
    );
    for (const pc of [caller, ...callees]) pc.close();
    await sim.run(12_000);
    assert.deepEqual(sim.leftovers(), []);
  });
}
