// Libraries that were written for browsers, unmodified, over Parley's globals.
import "../dist/globals.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Device } from "mediasoup-client";
import Peer from "simple-peer";

const LIMIT = 120_000;

const extension = (kind, uri, preferredId) => ({
  kind,
  uri,
  preferredId,
  preferredEncrypt: false,
  direction: "sendrecv",
});
const MID = "urn:ietf:params:rtp-hdrext:sdes:mid";
const TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
/** What a router of mediasoup says of itself. */
const ROUTER = {
  codecs: [
    {
      kind: "audio",
      mimeType: "audio/opus",
      preferredPayloadType: 100,
      clockRate: 48_000,
      channels: 2,
      rtcpFeedback: [{ type: "transport-cc" }],
    },
    {
      kind: "video",
      mimeType: "video/VP8",
      preferredPayloadType: 101,
      clockRate: 90_000,
      rtcpFeedback: [{ type: "nack" }, { type: "nack", parameter: "pli" }, { type: "transport-cc" }],
    },
    { kind: "video", mimeType: "video/rtx", preferredPayloadType: 102, clockRate: 90_000, parameters: { apt: 101 } },
  ],
  headerExtensions: [
    extension("audio", MID, 1),
    extension("video", MID, 1),
    extension("video", "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", 2),
    extension("video", "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id", 3),
    extension("video", TRANSPORT_CC, 5),
  ],
};
/** A transport of the router; nobody is there. */
const TRANSPORT = {
  id: "transport",
  iceParameters: { usernameFragment: "abcdefgh12345678", password: "abcdefghijklmnopqrstuvwxyz123456", iceLite: true },
  iceCandidates: [
    {
      foundation: "udpcandidate",
      priority: 1_076_302_079,
      ip: "127.0.0.1",
      address: "127.0.0.1",
      protocol: "udp",
      port: 40_000,
      type: "host",
    },
  ],
  dtlsParameters: {
    role: "auto",
    fingerprints: [{ algorithm: "sha-256", value: Array.from({ length: 32 }, () => "AB").join(":") }],
  },
  sctpParameters: { port: 5000, OS: 1024, MIS: 1024, maxMessageSize: 262_144 },
};
const rtcp = { cname: "x", reducedSize: true, mux: true };
const mid = { uri: MID, id: 1 };
const AUDIO = {
  mid: "0",
  codecs: [
    {
      mimeType: "audio/opus",
      payloadType: 100,
      clockRate: 48_000,
      channels: 2,
      // The answer is changed to say so too.
      parameters: { "sprop-stereo": 1, usedtx: 1 },
      rtcpFeedback: [{ type: "transport-cc" }],
    },
  ],
  headerExtensions: [mid],
  encodings: [{ ssrc: 111_111 }],
  rtcp,
};
const VIDEO = {
  mid: "1",
  codecs: [
    { mimeType: "video/VP8", payloadType: 101, clockRate: 90_000, rtcpFeedback: [{ type: "nack" }] },
    { mimeType: "video/rtx", payloadType: 102, clockRate: 90_000, parameters: { apt: 101 } },
  ],
  headerExtensions: [mid],
  encodings: [{ ssrc: 222_222, rtx: { ssrc: 333_333 } }],
  rtcp,
};

for (const handlerName of ["Chrome111", "Chrome74", "Safari12"]) {
  test(`mediasoup-client as ${handlerName}: produces and consumes`, { timeout: LIMIT }, async () => {
    const device = new Device({ handlerName });
    await device.load({ routerRtpCapabilities: ROUTER });
    assert.ok(device.canProduce("audio") && device.canProduce("video"));
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    const [audioTrack] = stream.getAudioTracks();
    const [videoTrack] = stream.getVideoTracks();
    // A producer stops its track when it is closed.
    const [otherAudio, otherVideo] = [audioTrack.clone(), videoTrack.clone()];
    let count = 0;
    const answer = (_, done) => done({ id: `${count++}` });

    const send = device.createSendTransport(TRANSPORT);
    send.on("connect", (_, done) => done());
    send.on("produce", answer);
    send.on("producedata", answer);
    const codecOptions = { opusStereo: true, opusDtx: true, opusMaxAverageBitrate: 64_000 };
    const audio = await send.produce({ track: audioTrack, codecOptions });
    assert.equal(audio.rtpParameters.codecs[0].parameters.usedtx, 1);
    const encodings = [100_000, 300_000, 900_000].map((maxBitrate) => ({ maxBitrate }));
    const video = await send.produce({ track: videoTrack, encodings });
    assert.equal(video.rtpParameters.encodings.length, 3);
    await send.produceData({ ordered: false, maxRetransmits: 1 });
    await video.setMaxSpatialLayer(1);
    await video.replaceTrack({ track: otherVideo });
    audio.close();
    await send.produce({ track: otherAudio });
    const iceParameters = { ...TRANSPORT.iceParameters, usernameFragment: "another1" };
    await send.restartIce({ iceParameters });
    assert.ok((await send.getStats()).size > 0);

    const receive = device.createRecvTransport(TRANSPORT);
    receive.on("connect", (_, done) => done());
    const consumers = [
      await receive.consume({ id: "c1", producerId: "p1", kind: "audio", rtpParameters: AUDIO }),
      await receive.consume({ id: "c2", producerId: "p2", kind: "video", rtpParameters: VIDEO }),
    ];
    assert.deepEqual(
      consumers.map(({ track }) => track.kind),
      ["audio", "video"],
    );
    const sctpStreamParameters = { streamId: 1, ordered: true };
    await receive.consumeData({ id: "d1", dataProducerId: "d", sctpStreamParameters, label: "l", protocol: "" });
    consumers[0].close();
    await receive.restartIce({ iceParameters });
    send.close();
    receive.close();
    for (const track of stream.getTracks()) track.stop();
  });
}

for (const trickle of [true, false]) {
  test(`simple-peer connects and adds a stream, trickle ${trickle}`, { timeout: LIMIT }, async () => {
    const wrtc = { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    const sdpTransform = (sdp) => sdp.replace(/(a=fmtp:111 .*)/, "$1;stereo=1");
    const [a, b] = [true, false].map((initiator) => new Peer({ initiator, wrtc, trickle, sdpTransform }));
    await new Promise((done, fail) => {
      a.on("error", fail);
      b.on("error", fail);
      a.on("signal", (signal) => b.signal(signal));
      b.on("signal", (signal) => a.signal(signal));
      a.on("connect", () => a.send("hello"));
      b.on("data", (data) => {
        assert.equal(String(data), "hello");
        b.addStream(stream);
      });
      a.on("stream", (heard) => {
        assert.equal(heard.getTracks().length, 2);
        done();
      });
    });
    a.destroy();
    b.destroy();
    for (const track of stream.getTracks()) track.stop();
  });
}
