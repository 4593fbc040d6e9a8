// The dictionaries of media, made of counters as the media layer will keep them; each is held against the IDL.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Simulation } from "#test/sim/simulation.js";
import { assertConforms, membersOf, type Stats } from "#test/stats-conformance.js";
import type {
  AudioPlayoutCounters,
  InboundRtpCounters,
  OutboundRtpCounters,
  RemoteInboundCounters,
  RemoteOutboundCounters,
} from "../peer/media-stats.js";
import { StatsReportBuilder } from "./stats-builder.js";
import { StatsIds } from "./stats-ids.js";
import {
  audioPlayout,
  codecStats,
  inboundRtp,
  mediaSource,
  outboundRtp,
  remoteInboundRtp,
  remoteOutboundRtp,
} from "./stats-media.js";
import type { RTCStats } from "./stats-types.js";

const sim = new Simulation(1);
const platform = sim.platform(sim.host("host"));
const builder = (exposesHardware = true): StatsReportBuilder =>
  new StatsReportBuilder(platform, new StatsIds(), exposesHardware);

const stream = { id: "X", ssrc: 0xffff_ffff, codecId: "C", transportId: "T", mid: "0" };
const outboundStream = {
  ...stream,
  active: true,
  encodingIndex: 1,
  mediaSourceId: "S",
  rid: "hi",
  rtxSsrc: 2,
  remoteId: "RI",
  scalabilityMode: undefined,
};
const inboundStream = { ...stream, playoutId: "AP", remoteId: "RO", trackIdentifier: "track" };

/** Every member there is, whatever the kind of media. */
const SENT: OutboundRtpCounters = {
  payloadType: 96,
  packetsSent: 1,
  bytesSent: 2 ** 40,
  headerBytesSent: 3,
  retransmittedPacketsSent: 4,
  retransmittedBytesSent: 5,
  nackCount: 6,
  targetBitrate: 7.5,
  totalEncodedBytesTarget: 8,
  totalPacketSendDelay: 0.25,
  packetsSentWithEct1: 9,
  firCount: 10,
  pliCount: 11,
  frameWidth: 12,
  frameHeight: 13,
  framesPerSecond: 29.97,
  framesSent: 14,
  hugeFramesSent: 15,
  framesEncoded: 16,
  keyFramesEncoded: 17,
  qpSum: 18,
  psnrSum: { y: 40, u: 41, v: 42 },
  psnrMeasurements: 19,
  totalEncodeTime: 0.5,
  qualityLimitationReason: "cpu",
  qualityLimitationDurations: { none: 1, cpu: 2, bandwidth: 3, other: 4 },
  qualityLimitationResolutionChanges: 20,
  scalabilityMode: "L1T3",
  encoderImplementation: "encoder",
  powerEfficientEncoder: false,
};
const RECEIVED: InboundRtpCounters = {
  ssrc: 1,
  payloadType: 96,
  packetsReceived: 1,
  packetsReceivedWithEct1: 2,
  packetsReceivedWithCe: 3,
  packetsReportedAsLost: 4,
  packetsReportedAsLostButRecovered: 5,
  packetsLost: -6,
  jitter: 0.007,
  bytesReceived: 8,
  headerBytesReceived: 9,
  lastPacketReceivedAt: 1000,
  packetsDiscarded: 10,
  nackCount: 11,
  retransmittedPacketsReceived: 12,
  retransmittedBytesReceived: 13,
  rtxSsrc: 14,
  fecSsrc: 15,
  fecBytesReceived: 16,
  fecPacketsReceived: 17,
  fecPacketsDiscarded: 18,
  totalProcessingDelay: 1.5,
  estimatedPlayoutTimestamp: 3_900_000_000_000,
  jitterBufferDelay: 2.5,
  jitterBufferTargetDelay: 3.5,
  jitterBufferMinimumDelay: 4.5,
  jitterBufferEmittedCount: 19,
  firCount: 20,
  pliCount: 21,
  framesReceived: 22,
  framesAssembledFromMultiplePackets: 23,
  totalAssemblyTime: 5.5,
  framesDecoded: 24,
  keyFramesDecoded: 25,
  framesRendered: 26,
  framesDropped: 27,
  frameWidth: 28,
  frameHeight: 29,
  framesPerSecond: 30,
  qpSum: 31,
  totalDecodeTime: 6.5,
  totalInterFrameDelay: 7.5,
  totalSquaredInterFrameDelay: 8.5,
  pauseCount: 32,
  totalPausesDuration: 9.5,
  freezeCount: 33,
  totalFreezesDuration: 10.5,
  totalCorruptionProbability: 0.5,
  totalSquaredCorruptionProbability: 0.25,
  corruptionMeasurements: 34,
  decoderImplementation: "decoder",
  powerEfficientDecoder: true,
  totalSamplesReceived: 35,
  concealedSamples: 36,
  silentConcealedSamples: 37,
  concealmentEvents: 38,
  insertedSamplesForDeceleration: 39,
  removedSamplesForAcceleration: 40,
  audioLevel: 0.5,
  totalAudioEnergy: 11.5,
  totalSamplesDuration: 12.5,
};
const REPORT = { reportedAt: 2500, roundTripTime: 0.05, totalRoundTripTime: 0.5, roundTripTimeMeasurements: 10 };
const REPORTED: RemoteInboundCounters = {
  ...REPORT,
  packetsReceived: 1,
  packetsReceivedWithEct1: 2,
  packetsReceivedWithCe: 3,
  packetsReportedAsLost: 4,
  packetsReportedAsLostButRecovered: 5,
  packetsLost: 6,
  jitter: 0.01,
  fractionLost: 0.125,
  packetsWithBleachedEct1Marking: 7,
};
const REPORTED_SENT: RemoteOutboundCounters = {
  ...REPORT,
  packetsSent: 1,
  bytesSent: 2,
  reportsSent: 3,
  remoteTimestamp: 1_767_225_600_000,
};
const PLAYED: AudioPlayoutCounters = {
  synthesizedSamplesDuration: 0.1,
  synthesizedSamplesEvents: 2,
  totalSamplesDuration: 3,
  totalPlayoutDelay: 4.5,
  totalSamplesCount: 5,
};

/** Conforms; returns the members of its dictionary that it lacks. */
function missing(stats: RTCStats, dictionary: string): string[] {
  assertConforms(stats as unknown as Stats);
  return membersOf(dictionary)
    .map(({ name }) => name)
    .filter((name) => !Object.hasOwn(stats, name));
}

const AUDIO_ONLY_RECEIVED = [
  "audioLevel",
  "concealedSamples",
  "concealmentEvents",
  "insertedSamplesForDeceleration",
  "playoutId",
  "removedSamplesForAcceleration",
  "silentConcealedSamples",
  "totalAudioEnergy",
  "totalSamplesDuration",
  "totalSamplesReceived",
];
const VIDEO_ONLY_RECEIVED = [
  "corruptionMeasurements",
  "decoderImplementation",
  "firCount",
  "frameHeight",
  "frameWidth",
  "framesAssembledFromMultiplePackets",
  "framesDecoded",
  "framesDropped",
  "framesPerSecond",
  "framesReceived",
  "framesRendered",
  "freezeCount",
  "keyFramesDecoded",
  "pauseCount",
  "pliCount",
  "powerEfficientDecoder",
  "qpSum",
  "totalAssemblyTime",
  "totalCorruptionProbability",
  "totalDecodeTime",
  "totalFreezesDuration",
  "totalInterFrameDelay",
  "totalPausesDuration",
  "totalSquaredCorruptionProbability",
  "totalSquaredInterFrameDelay",
];
const VIDEO_ONLY_SENT = [
  "encoderImplementation",
  "encodingIndex",
  "firCount",
  "frameHeight",
  "frameWidth",
  "framesEncoded",
  "framesPerSecond",
  "framesSent",
  "hugeFramesSent",
  "keyFramesEncoded",
  "pliCount",
  "powerEfficientEncoder",
  "psnrMeasurements",
  "psnrSum",
  "qpSum",
  "qualityLimitationDurations",
  "qualityLimitationReason",
  "qualityLimitationResolutionChanges",
  "scalabilityMode",
  "totalEncodeTime",
  "totalEncodedBytesTarget",
];

test("with every counter there, every member is, but those of the other kind of media", () => {
  const b = builder();
  const video = outboundRtp(b, { ...outboundStream, kind: "video" }, SENT);
  assert.deepEqual(missing(video, "RTCOutboundRtpStreamStats"), []);
  const audio = outboundRtp(b, { ...outboundStream, kind: "audio" }, SENT);
  assert.deepEqual(missing(audio, "RTCOutboundRtpStreamStats"), VIDEO_ONLY_SENT);
  const seen = inboundRtp(b, { ...inboundStream, kind: "video" }, RECEIVED);
  assert.deepEqual(missing(seen, "RTCInboundRtpStreamStats"), AUDIO_ONLY_RECEIVED);
  const heard = inboundRtp(b, { ...inboundStream, kind: "audio" }, RECEIVED);
  assert.deepEqual(missing(heard, "RTCInboundRtpStreamStats"), VIDEO_ONLY_RECEIVED);
  const remote = { ...stream, localId: "O", kind: "video" } as const;
  assert.deepEqual(missing(remoteInboundRtp(b, remote, REPORTED), "RTCRemoteInboundRtpStreamStats"), []);
  assert.deepEqual(missing(remoteOutboundRtp(b, remote, REPORTED_SENT), "RTCRemoteOutboundRtpStreamStats"), []);
  assert.deepEqual(missing(audioPlayout(b, "AP", PLAYED), "RTCAudioPlayoutStats"), []);
});

test("values are the counters'; instants become times since the epoch", () => {
  const b = builder();
  const sent = outboundRtp(b, { ...outboundStream, kind: "video" }, SENT);
  assert.deepEqual(
    [sent.ssrc, sent.bytesSent, sent.psnrSum, sent.qualityLimitationDurations, sent.rid, sent.encodingIndex],
    [0xffff_ffff, 2 ** 40, SENT.psnrSum, SENT.qualityLimitationDurations, "hi", 1],
  );
  assert.notEqual(sent.psnrSum, SENT.psnrSum, "a copy");
  const received = inboundRtp(b, { ...inboundStream, kind: "audio" }, RECEIVED);
  assert.deepEqual([received.packetsLost, received.jitter, received.audioLevel], [-6, 0.007, 0.5]);
  assert.equal(received.lastPacketReceivedTimestamp, platform.timeOrigin + 1000);
  assert.equal(received.timestamp, platform.timeOrigin + platform.now());
  const report = remoteInboundRtp(b, { ...stream, localId: "O", kind: "audio" }, REPORTED);
  assert.equal(report.timestamp, platform.timeOrigin + 2500);
  assert.deepEqual([report.localId, report.fractionLost, report.roundTripTime], ["O", 0.125, 0.05]);
});

test("what is not known is not there", () => {
  const b = builder();
  const bare: InboundRtpCounters = {
    ssrc: 1,
    payloadType: 0,
    packetsReceived: 1,
    bytesReceived: 2,
    headerBytesReceived: 3,
    packetsLost: 0,
    jitter: Number.NaN,
    lastPacketReceivedAt: Number.NaN,
  };
  const plain = { id: "X", ssrc: 1, codecId: undefined, transportId: undefined, mid: undefined };
  const received = inboundRtp(
    b,
    { ...plain, kind: "audio", playoutId: undefined, remoteId: undefined, trackIdentifier: "t" },
    bare,
  );
  assertConforms(received as unknown as Stats);
  assert.deepEqual(
    Object.keys(received),
    "id timestamp type kind ssrc packetsLost packetsReceived bytesReceived headerBytesReceived trackIdentifier".split(
      " ",
    ),
  );
});

test("a stream that has not sent yet has zeros", () => {
  const b = builder();
  const plain = { ...outboundStream, remoteId: undefined, rid: undefined, rtxSsrc: undefined, encodingIndex: 0 };
  for (const kind of ["audio", "video"] as const) {
    const stats = outboundRtp(b, { ...plain, kind });
    assertConforms(stats as unknown as Stats);
    for (const name of ["packetsSent", "bytesSent", "headerBytesSent", "nackCount"] as const) {
      assert.equal(stats[name], 0, name);
    }
    assert.equal(stats.framesSent, kind === "video" ? 0 : undefined);
    assert.equal(stats.qualityLimitationReason, kind === "video" ? "none" : undefined);
    assert.equal(stats.frameWidth, undefined);
    const layered = outboundRtp(b, { ...plain, kind, scalabilityMode: "L1T2" });
    assert.equal(layered.scalabilityMode, kind === "video" ? "L1T2" : undefined);
  }
});

test("what tells of the hardware is shown only while something is captured", () => {
  const b = builder(false);
  const sent = outboundRtp(b, { ...outboundStream, kind: "video" }, SENT);
  const received = inboundRtp(b, { ...inboundStream, kind: "video" }, RECEIVED);
  for (const name of ["encoderImplementation", "powerEfficientEncoder"]) assert.equal(name in sent, false, name);
  for (const name of ["decoderImplementation", "powerEfficientDecoder"]) assert.equal(name in received, false, name);
});

test("sources: those of a track that nobody counts have names only", () => {
  const b = builder();
  const audio = mediaSource(b, "SA1", "audio", "track", {
    kind: "audio",
    audioLevel: 0,
    totalAudioEnergy: 1,
    totalSamplesDuration: 2,
    echoReturnLoss: -30,
    echoReturnLossEnhancement: 3,
  });
  assert.deepEqual(missing(audio, "RTCAudioSourceStats"), []);
  const video = mediaSource(b, "SV1", "video", "track", {
    kind: "video",
    width: 640,
    height: 480,
    frames: 10,
    framesPerSecond: 29.5,
  });
  assert.deepEqual(missing(video, "RTCVideoSourceStats"), []);
  const unknown = mediaSource(b, "SV2", "video", "track", undefined);
  assert.deepEqual(missing(unknown, "RTCVideoSourceStats"), ["frames", "framesPerSecond", "height", "width"]);
});

test("codecs: channels of audio only", () => {
  const common = { role: "media", rtcpFeedback: [], rtxPayloadType: null, apt: null, identity: "" } as const;
  const opus = {
    ...common,
    mimeType: "audio/opus",
    clockRate: 48000,
    channels: 2,
    payloadType: 111,
    sdpFmtpLine: "a=1",
  };
  assert.deepEqual(missing(codecStats(builder(), "C", "T", opus), "RTCCodecStats"), []);
  const vp8 = {
    ...common,
    mimeType: "video/VP8",
    clockRate: 90000,
    channels: undefined,
    payloadType: 96,
    sdpFmtpLine: undefined,
  };
  assert.deepEqual(missing(codecStats(builder(), "C", "T", vp8), "RTCCodecStats"), ["channels", "sdpFmtpLine"]);
});
