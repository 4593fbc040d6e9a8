// Sections with transports of their own that are bundled by a later exchange: what was on the others goes on with the first.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { Simulation } from "#test/sim/simulation.js";

for (const who of ["caller", "callee"] as const) {
  test(`data channels go on when the ${who}'s next offer bundles`, async () => {
    const sim = new Simulation(1);
    const [caller, callee] = ["caller", "callee"].map(
      (name) =>
        new RTCPeerConnection(
          { bundlePolicy: "max-compat" },
          { platform: sim.platform(sim.host(name, { link: { latency: 10 } })) },
        ),
    ) as [RTCPeerConnection, RTCPeerConnection];
    caller.onicecandidate = ({ candidate }) => void callee.addIceCandidate(candidate).catch(() => {});
    callee.onicecandidate = ({ candidate }) => void caller.addIceCandidate(candidate).catch(() => {});
    const negotiate = async (from: RTCPeerConnection, to: RTCPeerConnection, bundled: boolean): Promise<void> => {
      await from.setLocalDescription();
      const { sdp } = from.localDescription!;
      await to.setRemoteDescription({ type: "offer", sdp: bundled ? sdp : sdp.replace(/a=group:BUNDLE.*\r\n/, "") });
      await to.setLocalDescription();
      await from.setRemoteDescription(to.localDescription!);
    };
    const log: string[] = [];
    callee.ondatachannel = ({ channel }) => {
      log.push(`channel ${channel.label}`);
      channel.onmessage = ({ data }) => channel.send(`${data}!`);
      channel.onclose = () => log.push("closed");
    };
    const channel = caller.createDataChannel("x");
    channel.onmessage = ({ data }) => log.push(String(data));
    channel.onclose = () => log.push("close");
    const transceiver = caller.addTransceiver("audio");
    await sim.settle(negotiate(caller, callee, false));
    await sim.runUntil(() => channel.readyState === "open", 5000);
    await sim.run(200);
    const { sctp } = caller;
    assert.notEqual(sctp!.transport, transceiver.sender.transport);
    channel.send("one");
    await sim.run(100);
    const [from, to] = who === "caller" ? [caller, callee] : [callee, caller];
    await sim.settle(negotiate(from, to, true));
    channel.send("two");
    await sim.run(2000);
    channel.send("three");
    await sim.run(200);
    assert.deepEqual(log, ["channel x", "one!", "two!", "three!"]);
    assert.equal(caller.sctp, sctp);
    assert.equal(sctp!.transport, transceiver.sender.transport);
    assert.equal(sctp!.state, "connected");
    assert.equal(callee.sctp!.transport, callee.getReceivers()[0]!.transport);
    const next = caller.createDataChannel("y");
    await sim.runUntil(() => next.readyState === "open", 2000);
    await sim.run(100);
    assert.equal(log.at(-1), "channel y");
    for (const pc of [caller, callee]) pc.close();
    await sim.run(12_000);
    assert.deepEqual(sim.leftovers(), []);
  });
}
