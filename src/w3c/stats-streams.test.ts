// Which streams, codecs and sources a connection reports, when, and how they refer to each other. No media flows: what the
// media layer would count is put in its place.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Simulation } from "#test/sim/simulation.js";
import { assertReport, ofType, type Report, type Stats } from "#test/stats-conformance.js";
import { type MediaStreamTrack, RTCPeerConnection } from "../index.js";
import type { InboundRtpCounters, OutboundRtpCounters, RemoteInboundCounters } from "../peer/media-stats.js";
import { createMediaDevices } from "./media-devices.js";
import { trackImplOf } from "./media-stream-track.js";
import { receiverImplOf } from "./rtc-rtp-receiver.js";
import { senderImplOf } from "./rtc-rtp-sender.js";
import { syntheticCamera, syntheticMicrophone } from "./synthetic-devices.js";

interface Asked {
  getStats(): Promise<unknown>;
}

class Bed {
  readonly sim: Simulation = new Simulation(1);
  readonly a: RTCPeerConnection = this.peer("a");
  readonly b: RTCPeerConnection = this.peer("b");

  private peer(name: string): RTCPeerConnection {
    return new RTCPeerConnection({}, { platform: this.sim.platform(this.sim.host(name)) });
  }

  async negotiate(from: RTCPeerConnection = this.a, to: RTCPeerConnection = this.b): Promise<void> {
    const { sim } = this;
    await sim.settle(from.setLocalDescription());
    await sim.settle(to.setRemoteDescription(from.localDescription!));
    await sim.settle(to.setLocalDescription());
    await sim.settle(from.setRemoteDescription(to.localDescription!));
  }

  async stats(of: Asked): Promise<Stats[]> {
    return assertReport((await this.sim.settle(of.getStats())) as Report);
  }
}

/** Devices that send nothing. */
const mediaDevices = createMediaDevices([syntheticMicrophone, syntheticCamera]);

async function capture(constraints: { audio?: boolean; video?: boolean }): Promise<MediaStreamTrack> {
  return (await mediaDevices.getUserMedia(constraints)).getTracks()[0]!;
}

const typesOf = (all: readonly Stats[]): string[] => [...new Set(all.map(({ type }) => type))].sort();

test("streams are there from the answer on, with zeros, as long as they may be sent", async () => {
  const bed = new Bed();
  const { a, b } = bed;
  const { sender } = a.addTransceiver("video");
  const outbound = async (of: Asked): Promise<Stats[]> => ofType(await bed.stats(of), "outbound-rtp");
  assert.deepEqual(await outbound(a), []);
  await bed.sim.settle(a.setLocalDescription());
  assert.deepEqual(await outbound(a), []);
  await bed.sim.settle(b.setRemoteDescription(a.localDescription!));
  assert.deepEqual(await outbound(b), []);
  b.getTransceivers()[0]!.direction = "sendrecv";
  await bed.sim.settle(b.setLocalDescription());
  assert.equal((await outbound(b)).length, 1);
  await bed.sim.settle(a.setRemoteDescription(b.localDescription!));
  const [stream] = await outbound(a);
  const { ssrc, mid, active, encodingIndex, packetsSent, rid, mediaSourceId, rtxSsrc } = stream!;
  assert.deepEqual([mid, active, encodingIndex, packetsSent], ["0", true, 0, 0]);
  assert.deepEqual([rid, mediaSourceId], [undefined, undefined]);
  assert.match(a.localDescription!.sdp, new RegExp(`a=ssrc-group:FID ${ssrc} ${rtxSsrc}\r`));
  assert.deepEqual(ofType(await bed.stats(a), "inbound-rtp"), []);

  const parameters = sender.getParameters();
  parameters.encodings[0]!.active = false;
  await bed.sim.settle(sender.setParameters(parameters));
  const [paused] = await outbound(a);
  assert.deepEqual([paused!.id, paused!.active], [stream!.id, false]);

  b.getTransceivers()[0]!.direction = "inactive";
  await bed.negotiate(b, a);
  assert.deepEqual(await outbound(a), []);
  a.close();
  b.close();
});

test("what has been stopped or closed has no streams, but still answers", async () => {
  const bed = new Bed();
  const { a } = bed;
  const audio = a.addTransceiver("audio");
  const video = a.addTransceiver("video");
  await bed.negotiate();
  assert.deepEqual(
    ofType(await bed.stats(a), "outbound-rtp").map(({ kind }) => kind),
    ["audio", "video"],
  );
  const [found] = ofType(await bed.stats(audio.sender), "outbound-rtp");
  assert.equal(found!.kind, "audio");
  assert.equal(found!.encodingIndex, undefined);
  audio.stop();
  assert.deepEqual(await bed.stats(audio.sender), []);
  await bed.negotiate();
  assert.deepEqual(await bed.stats(audio.sender), []);
  assert.equal(ofType(await bed.stats(video.sender), "outbound-rtp").length, 1);
  a.close();
  assert.deepEqual(await bed.stats(video.sender), []);
  assert.deepEqual(ofType(await bed.stats(a), "outbound-rtp"), []);
  bed.b.close();
});

test("simulcast: one stream for each encoding", async () => {
  const bed = new Bed();
  const { a, b } = bed;
  a.addTransceiver("video", { sendEncodings: [{ rid: "lo", active: false }, { rid: "hi" }] });
  await bed.negotiate();
  const streams = ofType(await bed.stats(a), "outbound-rtp");
  assert.deepEqual(
    streams.map(({ rid, encodingIndex, active }) => [rid, encodingIndex, active]),
    [
      ["lo", 0, false],
      ["hi", 1, true],
    ],
  );
  assert.equal(new Set(streams.map(({ ssrc }) => ssrc)).size, 2);
  assert.equal(new Set(streams.map(({ id }) => id)).size, 2);
  a.close();
  b.close();
});

test("sources: one for each track that a sender has", async () => {
  const bed = new Bed();
  const { a } = bed;
  const [microphone, camera] = [await capture({ audio: true }), await capture({ video: true })];
  a.addTrack(microphone);
  const { sender } = a.addTransceiver(camera);
  a.addTransceiver(camera);
  const sources = ofType(await bed.stats(a), "media-source");
  assert.deepEqual(
    sources.map(({ kind, trackIdentifier }) => [kind, trackIdentifier]),
    [
      ["audio", microphone.id],
      ["video", camera.id],
      ["video", camera.id],
    ],
  );
  trackImplOf(camera).source.counters = () => ({ kind: "video", width: 640, height: 480, frames: 30 });
  await bed.negotiate();
  const all = await bed.stats(a);
  const streams = ofType(all, "outbound-rtp");
  assert.deepEqual(
    streams.map(({ mediaSourceId }) => mediaSourceId),
    sources.map(({ id }) => id),
  );
  const { frames, framesPerSecond } = ofType(all, "media-source")[1]!;
  assert.deepEqual([frames, framesPerSecond], [30, undefined]);
  await bed.sim.settle(sender.replaceTrack(null));
  const [without] = ofType(await bed.stats(sender), "outbound-rtp");
  assert.deepEqual([without!.id, without!.mediaSourceId], [streams[1]!.id, undefined]);
  const other = camera.clone();
  await bed.sim.settle(sender.replaceTrack(other));
  const [replaced] = ofType(await bed.stats(sender), "media-source");
  assert.equal(replaced!.trackIdentifier, other.id);
  assert.ok(sources.every(({ id }) => id !== replaced!.id));
  for (const track of [microphone, camera, other]) track.stop();
  a.close();
  bed.b.close();
});

test("codecs: those in use, as negotiated, once for all streams of a transport", async () => {
  const bed = new Bed();
  const { a } = bed;
  const [first, second] = [a.addTransceiver("video"), a.addTransceiver("video")];
  a.addTransceiver("audio");
  await bed.negotiate();
  const all = await bed.stats(a);
  const codecs = ofType(all, "codec");
  const negotiated = first.sender.getParameters().codecs[0]!;
  assert.deepEqual(
    codecs.map(({ mimeType, payloadType, clockRate, channels }) => [mimeType, payloadType, clockRate, channels]),
    [
      [negotiated.mimeType, negotiated.payloadType, 90_000, undefined],
      ["audio/opus", 111, 48_000, 2],
    ],
  );
  assert.equal(codecs[1]!.sdpFmtpLine, "minptime=10;useinbandfec=1");
  const [transport] = ofType(all, "transport");
  for (const { transportId } of [...codecs, ...ofType(all, "outbound-rtp")]) assert.equal(transportId, transport!.id);

  // What an encoding asks for, and what is really sent.
  const parameters = second.sender.getParameters();
  const other = parameters.codecs.find(
    ({ mimeType }) => mimeType.startsWith("video/") && mimeType !== negotiated.mimeType && !mimeType.endsWith("rtx"),
  )!;
  const { payloadType: asked, ...codec } = other;
  parameters.encodings[0]!.codec = codec;
  await bed.sim.settle(second.sender.setParameters(parameters));
  const codecOf = async (of: Asked): Promise<unknown> => ofType(await bed.stats(of), "codec")[0]!.payloadType;
  assert.equal(await codecOf(second.sender), asked);
  assert.equal(await codecOf(first.sender), negotiated.payloadType);
  senderImplOf(second.sender).statistics = {
    outbound: () => ({ ...NOTHING, payloadType: negotiated.payloadType }),
    remoteInbound: () => undefined,
  };
  assert.equal(await codecOf(second.sender), negotiated.payloadType);
  a.close();
  bed.b.close();
});

const NOTHING: OutboundRtpCounters = {
  packetsSent: 0,
  bytesSent: 0,
  headerBytesSent: 0,
  retransmittedPacketsSent: 0,
  retransmittedBytesSent: 0,
  nackCount: 0,
};
const REPORT = { reportedAt: 1, totalRoundTripTime: 0, roundTripTimeMeasurements: 0 };

test("a selector has its own streams and what they refer to, directly or not, and nothing else", async () => {
  const bed = new Bed();
  const { a, b, sim } = bed;
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.addEventListener("icecandidate", ({ candidate }) => {
      sim.scheduler.after(1, () => void to.addIceCandidate(candidate));
    });
  }
  const track = await capture({ audio: true });
  const sender = a.addTrack(track);
  a.createDataChannel("data");
  a.addTransceiver("video");
  await bed.negotiate();
  await sim.runUntil(() => a.connectionState === "connected" && b.connectionState === "connected");
  const { ssrc } = ofType(await bed.stats(sender), "outbound-rtp")[0]! as { ssrc?: number };
  const remote: RemoteInboundCounters = { ...REPORT, packetsLost: 1, jitter: 0, fractionLost: 0.5 };
  senderImplOf(sender).statistics = {
    outbound: (asked) => (asked === ssrc ? { ...NOTHING, packetsSent: 7 } : undefined),
    remoteInbound: (asked) => (asked === ssrc ? remote : undefined),
  };
  const own = [
    "candidate-pair",
    "certificate",
    "codec",
    "local-candidate",
    "media-source",
    "outbound-rtp",
    "remote-candidate",
    "remote-inbound-rtp",
    "transport",
  ];
  const report = assertReport((await sim.settle(a.getStats(track))) as Report);
  assert.deepEqual(typesOf(report), own);
  assert.deepEqual(typesOf(await bed.stats(sender)), own);
  assert.equal(ofType(report, "outbound-rtp").length, 1);
  const [stream] = ofType(report, "outbound-rtp");
  const [heard] = ofType(report, "remote-inbound-rtp");
  assert.deepEqual([stream!.packetsSent, stream!.remoteId], [7, heard!.id]);
  assert.deepEqual([heard!.localId, heard!.ssrc, heard!.fractionLost], [stream!.id, ssrc, 0.5]);
  assert.equal(heard!.timestamp, sim.platform(sim.hosts[0]!).timeOrigin + 1);

  const receiver = b.getReceivers()[0]!;
  assert.deepEqual(await bed.stats(receiver), []);
  const counters: InboundRtpCounters = {
    ssrc: ssrc!,
    payloadType: 111,
    packetsReceived: 5,
    packetsLost: 0,
    jitter: 0,
    bytesReceived: 50,
    headerBytesReceived: 60,
    lastPacketReceivedAt: 2,
  };
  receiverImplOf(receiver).statistics = {
    // A stream of which nothing has come is not reported.
    inbound: () => [counters, { ...counters, ssrc: 1, packetsReceived: 0 }],
    remoteOutbound: () => ({ ...REPORT, packetsSent: 6, bytesSent: 66, reportsSent: 1, remoteTimestamp: 3 }),
    playout: {
      synthesizedSamplesDuration: 0,
      synthesizedSamplesEvents: 0,
      totalSamplesDuration: 1,
      totalPlayoutDelay: 0,
      totalSamplesCount: 48_000,
    },
  };
  const received = assertReport((await sim.settle(b.getStats(receiver.track))) as Report);
  assert.deepEqual(typesOf(received), [
    "candidate-pair",
    "certificate",
    "codec",
    "inbound-rtp",
    "local-candidate",
    "media-playout",
    "remote-candidate",
    "remote-outbound-rtp",
    "transport",
  ]);
  const [inbound] = ofType(received, "inbound-rtp");
  assert.equal(ofType(received, "inbound-rtp").length, 1);
  assert.deepEqual([inbound!.trackIdentifier, inbound!.mid, inbound!.ssrc], [receiver.track.id, "0", ssrc]);
  assert.equal(ofType(received, "codec")[0]!.mimeType, "audio/opus");
  b.getTransceivers()[0]!.stop();
  assert.deepEqual(await bed.stats(receiver), []);
  track.stop();
  a.close();
  b.close();
});

test("a track that is no sender's or receiver's, or of more than one, is no selector", async () => {
  const bed = new Bed();
  const { a, b, sim } = bed;
  const track = await capture({ video: true });
  const refused = { name: "InvalidAccessError" };
  await assert.rejects(sim.settle(a.getStats(track)), refused);
  a.addTransceiver(track);
  assert.deepEqual(assertReport((await sim.settle(a.getStats(track))) as Report), []);
  a.addTransceiver(track);
  await assert.rejects(sim.settle(a.getStats(track)), refused);
  const echo = b.addTransceiver("audio");
  b.addTransceiver(echo.receiver.track);
  await assert.rejects(sim.settle(b.getStats(echo.receiver.track)), refused);
  await assert.rejects(sim.settle(b.getStats({} as never)), TypeError);
  assert.equal((await bed.stats({ getStats: () => b.getStats(null) })).length, 2);
  track.stop();
  a.close();
  b.close();
});

test("what tells of the hardware is shown while a device is open", async () => {
  const bed = new Bed();
  const { a } = bed;
  const { sender } = a.addTransceiver("video");
  await bed.negotiate();
  senderImplOf(sender).statistics = {
    outbound: () => ({ ...NOTHING, encoderImplementation: "some" }),
    remoteInbound: () => undefined,
  };
  const shown = async (): Promise<unknown> => ofType(await bed.stats(a), "outbound-rtp")[0]!.encoderImplementation;
  assert.equal(await shown(), undefined);
  const track = await capture({ audio: true });
  assert.equal(await shown(), "some");
  const clone = track.clone();
  track.stop();
  assert.equal(await shown(), "some");
  clone.stop();
  assert.equal(await shown(), undefined);
  a.close();
  bed.b.close();
});
