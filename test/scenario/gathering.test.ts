// The gathering states of a connection with more than one transport.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { Simulation } from "#test/sim/simulation.js";

test("two transports begin to gather together; where they end, the state is new when the promise settles", async () => {
  const sim = new Simulation(1);
  const [a, b] = ["a", "b"].map((name) => {
    const pc = new RTCPeerConnection({}, { platform: sim.platform(sim.host(name)) });
    const states: string[] = [];
    pc.onicegatheringstatechange = () => states.push(pc.iceGatheringState);
    return { pc, states };
  }) as [{ pc: RTCPeerConnection; states: string[] }, { pc: RTCPeerConnection; states: string[] }];
  const negotiate = async (): Promise<void> => {
    await sim.settle(a.pc.setLocalDescription());
    const sdp = a.pc.localDescription!.sdp.replace("a=group:BUNDLE", "a=group:NONE");
    await sim.settle(b.pc.setRemoteDescription({ type: "offer", sdp }));
    await sim.settle(b.pc.setLocalDescription());
    await sim.settle(a.pc.setRemoteDescription(b.pc.localDescription!));
  };
  a.pc.addTransceiver("audio");
  a.pc.addTransceiver("video");
  await negotiate();
  await sim.run(1000);
  a.pc.restartIce();
  await negotiate();
  await sim.run(1000);
  for (const { states } of [a, b]) {
    assert.deepEqual(states.splice(0), ["gathering", "complete", "gathering", "complete"]);
  }
  for (const transceiver of a.pc.getTransceivers()) transceiver.stop();
  await negotiate();
  assert.deepEqual([a.pc.iceGatheringState, b.pc.iceGatheringState], ["new", "new"]);
  assert.deepEqual([...a.states, ...b.states], ["new", "new"]);
  a.pc.close();
  b.pc.close();
  await sim.run(1000);
  assert.deepEqual(sim.leftovers(), []);
});
