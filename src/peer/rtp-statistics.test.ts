import assert from "node:assert/strict";
import { test } from "node:test";
import { OPUS, Pipe, packet, receiving, sending, TIME_ORIGIN, VP8 } from "../rtp/testing.test.js";
import { RtpReceiverStatistics, RtpSenderStatistics } from "./rtp-statistics.js";

test("both ends of a stream count the same, and tell each other", () => {
  const pipe = new Pipe({ delay: 20 });
  // What is lost stays lost.
  const codecs = [{ ...VP8, nack: false }];
  const sender = pipe.sessions[0].addSender(sending({ codecs }), {});
  const receiver = pipe.sessions[1].addReceiver(receiving({ codecs }), {});
  const [ours, theirs] = [new RtpSenderStatistics(sender), new RtpReceiverStatistics(receiver)];
  assert.equal(ours.outbound(1), undefined, "an SSRC that is not the sender's");
  assert.equal(ours.outbound(1000)!.packetsSent, 0);
  assert.equal(ours.outbound(1000)!.payloadType, undefined);
  assert.deepEqual(
    [ours.remoteInbound(1000), theirs.inbound(pipe.now), theirs.remoteOutbound(1000)],
    [undefined, [], undefined],
  );

  let lost = 0;
  pipe.drop = (_, side) => side === 0 && pipe.sentRtp[0].length === 50 && lost++ === 0;
  for (let i = 0; i < 300; i++) {
    sender.sendPacket(0, packet(i, i * 3000, { payload: new Uint8Array(100) }), 96, pipe.now);
    pipe.run(33);
  }
  pipe.run(2000);
  const sent = ours.outbound(1000)!;
  const [received] = theirs.inbound(pipe.now);
  assert.equal(lost, 1);
  assert.equal(received!.packetsLost, 1);
  assert.equal(sent.payloadType, 96);
  assert.equal(received!.payloadType, 96);
  assert.equal(sent.packetsSent, pipe.sentRtp[0].length);
  assert.equal(sent.packetsSent, received!.packetsReceived + lost);
  assert.equal(sent.bytesSent - received!.bytesReceived, 100 * lost);
  assert.equal(sent.headerBytesSent, pipe.sentRtp[0].reduce((sum, { length }) => sum + length, 0) - sent.bytesSent);
  assert.equal(received!.ssrc, 1000);
  assert.ok(received!.jitter < 0.001, "seconds");

  const said = ours.remoteInbound(1000)!;
  assert.equal(said.packetsLost, received!.packetsLost);
  assert.ok(Math.abs(said.roundTripTime! - 0.04) < 0.001, `${said.roundTripTime} s`);
  assert.ok(said.roundTripTimeMeasurements > 1);
  assert.ok(said.totalRoundTripTime < said.roundTripTimeMeasurements * 0.041);
  assert.ok(said.reportedAt > 1000 && said.reportedAt <= pipe.now);

  const told = theirs.remoteOutbound(1000)!;
  assert.ok(told.reportsSent > 1);
  assert.ok(told.packetsSent > 200 && told.packetsSent <= sent.packetsSent);
  // The report was made a delay before it came.
  assert.ok(Math.abs(told.remoteTimestamp - TIME_ORIGIN - (told.reportedAt - 20)) < 1);
});

test("packets that are repeated, because they were lost or as padding, count the same at both ends", () => {
  const pipe = new Pipe({ delay: 20 });
  const codecs = [{ ...VP8, transportCc: true }];
  const sender = pipe.sessions[0].addSender(sending({ codecs }), {});
  const receiver = pipe.sessions[1].addReceiver(receiving({ codecs, ssrcs: [{ ssrc: 1000, rtxSsrc: 1001 }] }), {});
  const [ours, theirs] = [new RtpSenderStatistics(sender), new RtpReceiverStatistics(receiver)];
  let lost = 0;
  let lostBytes = 0;
  pipe.drop = (packet) => {
    if ((packet[1]! & 127) !== 96 || pipe.sentRtp[0].length % 10 !== 0) return false;
    lost++;
    lostBytes += packet.length;
    return true;
  };
  for (let i = 0; i < 300; i++) {
    const data = new Uint8Array(2500).fill(i);
    data.set(i === 0 ? [0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0] : [0x11, 2, 0]);
    sender.sendFrame(0, { data, timestamp: i * 3000, keyFrame: i === 0, mimeType: "video/VP8" }, pipe.now);
    pipe.run(33);
  }
  pipe.run(500);
  const sent = ours.outbound(1000)!;
  const [received] = theirs.inbound(pipe.now);
  const { paddingPackets, paddingPayloadBytes } = sender.streams[0]!;
  assert.ok(lost > 20 && paddingPackets > 0 && paddingPayloadBytes > 0, `${lost} lost, ${paddingPackets} of padding`);
  assert.equal(sent.packetsSent, received!.packetsReceived + lost);
  assert.equal(
    sent.bytesSent + sent.headerBytesSent,
    received!.bytesReceived + received!.headerBytesReceived + lostBytes,
  );
  // What padding has mended is not asked for.
  assert.ok(sent.retransmittedPacketsSent > lost * 0.9, `${sent.retransmittedPacketsSent} of ${lost}`);
  assert.ok(received!.retransmittedPacketsReceived! >= sent.retransmittedPacketsSent);
  assert.equal(
    received!.retransmittedBytesReceived! - sent.retransmittedBytesSent,
    paddingPayloadBytes,
    "padding is known as such only to who sends it",
  );
  // Repeats of what had come are no packets that came too late (webrtc-stats, packetsDiscarded).
  assert.equal(received!.packetsDiscarded, 0);
});

test("retransmissions that cannot be told from what was sent first are not counted", () => {
  const pipe = new Pipe();
  const codecs = [{ ...VP8, rtxPayloadType: null }];
  const sender = pipe.sessions[0].addSender(sending({ codecs }), {});
  const receiver = pipe.sessions[1].addReceiver(receiving({ codecs }), {});
  sender.sendPacket(0, packet(1, 1), 96, pipe.now);
  pipe.run(50);
  const [received] = new RtpReceiverStatistics(receiver).inbound(pipe.now);
  assert.equal(received!.packetsReceived, 1);
  assert.equal("retransmittedPacketsReceived" in received!, false);
  assert.equal("retransmittedBytesReceived" in received!, false);
});

test("who sends knows the way to the peer's streams too, by reports of reference times (RFC 3611 §4.4, §4.5)", () => {
  const pipe = new Pipe({ delay: 20 });
  const codecs = [{ ...VP8, nack: false }];
  const encodings = (ssrc: number) => [{ rid: null, ssrc, rtxSsrc: null, active: true, maxBitrate: null, priority: 1 }];
  const senders = pipe.sessions.map((session, i) =>
    session.addSender(sending({ codecs, encodings: encodings(1000 + i) }), {}),
  );
  const [receiver] = pipe.sessions.map((session) => session.addReceiver(receiving({ codecs }), {}));
  for (let i = 0; i < 150; i++) {
    for (const sender of senders) sender.sendPacket(0, packet(i, i * 3000), 96, pipe.now);
    pipe.run(33);
  }
  const { roundTripTime, roundTripTimeMeasurements } = new RtpReceiverStatistics(receiver!).remoteOutbound(1001)!;
  assert.ok(Math.abs(roundTripTime! - 0.04) < 0.001, `${roundTripTime} s`);
  assert.ok(roundTripTimeMeasurements > 1);

  // Another stream of the peer gives the same answer once more.
  const answer = pipe.sentRtcp[1].findLast((compound) => compound.length > 0 && dlrrOf(compound) !== undefined)!;
  pipe.sessions[0].receiveRtcp(dlrrOf(answer)!, 24, pipe.now);
  assert.equal(
    new RtpReceiverStatistics(receiver!).remoteOutbound(1001)!.roundTripTimeMeasurements,
    roundTripTimeMeasurements,
  );
});

/** A compound's XR packet with a DLRR block, alone. */
function dlrrOf(compound: Uint8Array): Uint8Array | undefined {
  for (let at = 0; at + 4 <= compound.length; ) {
    const length = 4 * (((compound[at + 2]! << 8) | compound[at + 3]!) + 1);
    if (compound[at + 1] === 207 && compound[at + 8] === 5) return compound.slice(at, at + length);
    at += length;
  }
  return undefined;
}

test("what codecs count is added", () => {
  const pipe = new Pipe();
  const sender = pipe.sessions[0].addSender(sending(), {});
  const receiver = pipe.sessions[1].addReceiver(receiving(), {});
  const ours = new RtpSenderStatistics(sender, (stream) => ({
    framesEncoded: 7,
    scalabilityMode: `L${stream.index + 1}T1`,
  }));
  const theirs = new RtpReceiverStatistics(receiver);
  sender.sendPacket(0, packet(1, 1), 96, pipe.now);
  pipe.run(50);
  theirs.decoder = { decoderCounters: (stream) => ({ framesDecoded: stream.packetsReceived + 1 }) };
  const { framesEncoded, framesSent, scalabilityMode } = ours.outbound(1000)!;
  assert.deepEqual([framesEncoded, framesSent, scalabilityMode], [7, 1, "L1T1"]);
  assert.equal(theirs.inbound(pipe.now)[0]!.framesDecoded, 2);
});

test("where nothing is decoded or played, the counters of that are zero", () => {
  const pipe = new Pipe();
  const sender = pipe.sessions[0].addSender(sending(), {});
  const receiver = pipe.sessions[1].addReceiver(receiving(), {});
  sender.sendPacket(0, packet(1, 1), 96, pipe.now);
  pipe.run(50);
  const [video] = new RtpReceiverStatistics(receiver).inbound(pipe.now);
  assert.equal(video!.framesDecoded, 0);
  assert.equal(video!.totalDecodeTime, 0);
  assert.equal(video!.freezeCount, 0);
  assert.equal(video!.framesPerSecond, 0, "that were decoded");
  assert.equal(video!.fecPacketsReceived, 0);
  // Of the last frame that was decoded: there was none.
  assert.equal(video!.frameWidth, undefined);
  assert.equal(video!.qpSum, undefined);
  assert.equal(video!.totalSamplesReceived, undefined);

  const codecs = [OPUS];
  const encodings = [{ rid: null, ssrc: 2000, rtxSsrc: null, active: true, maxBitrate: null, priority: 1 }];
  const voice = pipe.sessions[0].addSender(sending({ kind: "audio", mid: "1", codecs, encodings }), {});
  const ear = pipe.sessions[1].addReceiver(receiving({ kind: "audio", mid: "1", codecs }), {});
  const payload = Uint8Array.of(0xf8, 1, 2);
  const frame = { data: payload, timestamp: 960, keyFrame: true, mimeType: "audio/opus", audioLevel: 20 };
  for (let i = 1; i <= 50; i++) {
    voice.sendFrame(0, { ...frame, data: payload.slice(), timestamp: 960 * i }, pipe.now);
    pipe.run(20);
  }
  const [audio] = new RtpReceiverStatistics(ear).inbound(pipe.now);
  assert.equal(audio!.totalSamplesReceived, 48_000);
  assert.ok(Math.abs(audio!.totalSamplesDuration! - 1) < 1e-6);
  assert.ok(Math.abs(audio!.totalAudioEnergy! - 0.01) < 1e-6);
  assert.ok(Math.abs(audio!.audioLevel! - 0.1) < 1e-6);
  assert.deepEqual([audio!.concealedSamples, audio!.removedSamplesForAcceleration], [0, 0]);
  assert.equal(audio!.framesDecoded, undefined);
});
