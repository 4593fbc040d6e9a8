// Media that comes before the answer to the offer that asked for it (RFC 9429 §5.9).
import assert from "node:assert/strict";
import { test } from "node:test";
import { RtpTrackGenerator, RtpTrackProcessor } from "#src/media.js";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { Simulation } from "#test/sim/simulation.js";
import { assertReport, ofType, type Report, type Stats } from "#test/stats-conformance.js";

async function bed() {
  const sim = new Simulation(1);
  const [a, b] = ["alice", "bob"].map((name) => {
    const host = sim.host(name, { link: { latency: 10 } });
    return new RTCPeerConnection(undefined, { platform: sim.platform(host) });
  }) as [RTCPeerConnection, RTCPeerConnection];
  a.onicecandidate = (event) => void b.addIceCandidate((event as unknown as { candidate: null }).candidate);
  b.onicecandidate = (event) => void a.addIceCandidate((event as unknown as { candidate: null }).candidate);
  // A transport with media, on which nothing comes to `a`.
  a.addTransceiver("audio", { direction: "sendonly" });
  await sim.settle(a.setLocalDescription());
  await sim.settle(b.setRemoteDescription(a.localDescription!));
  await sim.settle(b.setLocalDescription());
  await sim.settle(a.setRemoteDescription(b.localDescription!));
  await sim.runUntil(() => a.connectionState === "connected" && b.connectionState === "connected", 10_000);
  const generator = new RtpTrackGenerator({ kind: "video", mimeType: "video/VP8" });
  let number = 0;
  const talk = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) {
      const packet = new Uint8Array(30).fill(1);
      packet.set([0x80, 0x80 | 96, 0, ++number]);
      packet[12] = 0x10;
      generator.sendRtp(packet);
      await sim.run(20);
    }
  };
  const inbound = async (): Promise<Stats[]> =>
    ofType(assertReport((await sim.settle(a.getStats())) as Report), "inbound-rtp");
  return { sim, a, b, generator, talk, inbound };
}

test("what comes before the answer is received, and the track is told of with the answer", async () => {
  const { sim, a, b, generator, talk, inbound } = await bed();
  const { receiver } = a.addTransceiver("video", { direction: "recvonly" });
  await sim.settle(a.setLocalDescription());
  await sim.settle(b.setRemoteDescription(a.localDescription!));
  const numbers: number[] = [];
  // Besides there is padding, by which the peer looks for bandwidth.
  new RtpTrackProcessor({ track: receiver.track }).onrtp = ({ sequenceNumber, payloadLength }) => {
    if (payloadLength > 0) numbers.push(sequenceNumber);
  };
  const tracks: unknown[] = [];
  a.ontrack = (event) => tracks.push((event as unknown as { track: unknown }).track);

  const transceiver = b.getTransceivers()[1]!;
  await sim.settle(transceiver.sender.replaceTrack(generator.track));
  transceiver.direction = "sendonly";
  assert.deepEqual(await inbound(), []);
  await sim.settle(b.setLocalDescription());
  await talk();
  assert.equal(a.signalingState, "have-local-offer");
  const [early] = await inbound();
  assert.ok((early!.packetsReceived as number) >= 10);
  assert.equal(numbers.length, 10);
  assert.deepEqual([receiver.track.muted, tracks.length], [true, 0]);

  await sim.settle(a.setRemoteDescription(b.localDescription!));
  assert.deepEqual(tracks, [receiver.track]);
  await talk();
  assert.equal(receiver.track.muted, false);
  const [later, ...others] = await inbound();
  assert.deepEqual([later!.ssrc, others.length], [early!.ssrc, 0]);
  assert.equal(numbers.length, 20);
  a.close();
  b.close();
});

test("an offer that is taken back takes that with it", async () => {
  const { sim, a, b, generator, talk, inbound } = await bed();
  a.addTransceiver("video", { direction: "recvonly" });
  await sim.settle(a.setLocalDescription());
  await sim.settle(b.setRemoteDescription(a.localDescription!));
  const transceiver = b.getTransceivers()[1]!;
  await sim.settle(transceiver.sender.replaceTrack(generator.track));
  transceiver.direction = "sendonly";
  await sim.settle(b.setLocalDescription());
  await talk();
  assert.equal((await inbound()).length, 1);
  await sim.settle(a.setLocalDescription({ type: "rollback" }));
  assert.deepEqual(await inbound(), []);
  await talk();
  assert.deepEqual(await inbound(), []);
  a.close();
  b.close();
});
