// RTCRtpTransceiver.stop: what it does at once, before anybody has negotiated (webrtc-pc §5.4, "stop sending and receiving").
import assert from "node:assert/strict";
import { test } from "node:test";
import { RtpTrackGenerator, RtpTrackProcessor } from "#src/media.js";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { Simulation } from "#test/sim/simulation.js";

interface End {
  readonly pc: RTCPeerConnection;
  readonly generator: RtpTrackGenerator;
  /** Of what came: `mute`, `unmute`, `ended` of the track, and the packets' numbers. */
  readonly log: string[];
  packets: number;
}

async function bed() {
  const sim = new Simulation(1);
  const ends = ["alice", "bob"].map((name): End => {
    const platform = sim.platform(sim.host(name, { link: { latency: 10 } }));
    const end: End = {
      pc: new RTCPeerConnection(undefined, { platform }),
      generator: new RtpTrackGenerator({ kind: "video", mimeType: "video/VP8" }),
      log: [],
      packets: 0,
    };
    end.pc.addEventListener("track", ({ track }) => {
      if (track.kind !== "video") return;
      for (const type of ["mute", "unmute", "ended"]) track.addEventListener(type, () => end.log.push(type));
      new RtpTrackProcessor({ track }).onrtp = ({ payloadLength }) => {
        if (payloadLength > 0) end.packets++;
      };
    });
    return end;
  });
  const [a, b] = ends as [End, End];
  a.pc.onicecandidate = (event) => void b.pc.addIceCandidate((event as unknown as { candidate: null }).candidate);
  b.pc.onicecandidate = (event) => void a.pc.addIceCandidate((event as unknown as { candidate: null }).candidate);
  const negotiate = async (): Promise<void> => {
    await sim.settle(a.pc.setLocalDescription());
    await sim.settle(b.pc.setRemoteDescription(a.pc.localDescription!));
    await sim.settle(b.pc.setLocalDescription());
    await sim.settle(a.pc.setRemoteDescription(b.pc.localDescription!));
  };
  // A section that stays, which the transport is of.
  a.pc.addTransceiver("audio");
  a.pc.addTransceiver(a.generator.track);
  await sim.settle(a.pc.setLocalDescription());
  await sim.settle(b.pc.setRemoteDescription(a.pc.localDescription!));
  const theirs = b.pc.getTransceivers()[1]!;
  await sim.settle(theirs.sender.replaceTrack(b.generator.track));
  theirs.direction = "sendrecv";
  await sim.settle(b.pc.setLocalDescription());
  await sim.settle(a.pc.setRemoteDescription(b.pc.localDescription!));
  await sim.runUntil(() => ends.every(({ pc }) => pc.connectionState === "connected"), 10_000);
  let number = 0;
  const talk = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) {
      const packet = new Uint8Array(30).fill(1);
      packet.set([0x80, 0x80 | 96, 0, ++number]);
      packet[12] = 0x10;
      for (const { generator } of ends) generator.sendRtp(packet.slice());
      await sim.run(20);
    }
  };
  return { sim, a, b, negotiate, talk };
}

test("stop() ends what is sent with a BYE, and what is received, without a negotiation", async () => {
  const { sim, a, b, negotiate, talk } = await bed();
  await talk();
  const before = [a.packets, b.packets];
  assert.ok(Math.min(...before) > 5, `${before}`);
  assert.deepEqual([a.log, b.log], [["unmute"], ["unmute"]]);

  const transceiver = a.pc.getTransceivers()[1]!;
  transceiver.stop();
  await sim.run(100);
  assert.equal(transceiver.receiver.track.readyState, "ended");
  assert.deepEqual(
    [a.log, b.log],
    [
      ["unmute", "ended"],
      ["unmute", "mute"],
    ],
  );
  await talk();
  assert.deepEqual([a.packets, b.packets], before);
  assert.equal(a.pc.signalingState, "stable");

  await negotiate();
  assert.equal(b.pc.getTransceivers()[0]!.stopped, false);
  assert.deepEqual(
    [a.log, b.log],
    [
      ["unmute", "ended"],
      ["unmute", "mute", "ended"],
    ],
  );
  await talk();
  assert.deepEqual([a.packets, b.packets], before);
  a.pc.close();
  b.pc.close();
});

test("a transceiver that was stopped while an exchange was under way takes up nothing with its answer", async () => {
  const { sim, a, b, talk } = await bed();
  await talk();
  const before = [a.packets, b.packets];
  await sim.settle(a.pc.setLocalDescription());
  a.pc.getTransceivers()[1]!.stop();
  await sim.settle(b.pc.setRemoteDescription(a.pc.localDescription!));
  await sim.settle(b.pc.setLocalDescription());
  await sim.settle(a.pc.setRemoteDescription(b.pc.localDescription!));
  await talk();
  assert.deepEqual([a.packets, b.packets], before);
  assert.deepEqual(
    [a.log, b.log],
    [
      ["unmute", "ended"],
      ["unmute", "mute"],
    ],
  );
  a.pc.close();
  b.pc.close();
});
