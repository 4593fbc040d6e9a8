// Media between Parley and every peer, both ways at once over one connection, each side offering: pictures and sound, key frames
// asked for from either side, loss, and what the statistics say of it.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { mediaDevices, RTCPeerConnection, RTCRtpReceiver } from "../dist/index.js";
import { EncodedTrackProcessor } from "../dist/media.js";
import { LossyPath } from "./lib/lossy-path.mjs";
import { continuity, PictureReader, parseRtp, pcmuFrequency } from "./lib/media-check.mjs";
import { FRAME_RATE, HEIGHT, material, WIDTH } from "./lib/media-material.mjs";
import { describe, eventually, until } from "./lib/media-parley.mjs";
import { FrameCollector } from "./lib/media-payloads.mjs";
import { MEDIA_PEERS } from "./lib/media-peers.mjs";
import { ROLES, wants, wantsPeer } from "./lib/peers.mjs";
import { peerTest } from "./lib/suite.mjs";

/** For one peer in one role. */
const LIMIT = 150_000;
/** How long media is looked at, in milliseconds. */
const LOOK = 1500;
const LOSSY_LOOK = 2500;
const AFTER_LOSS = 300;
/** The share of pictures that have to come whole while packets are lost: of those in one packet each, nine in ten would by themselves. */
const WHOLE = 0.96;
const LOSS = 0.1;
const TONE = 440;
/** Milliseconds until reports come: webrtcbin puts them off while it asks for packets. */
const REPORTED = 45_000;

function prefer(pc, mimeTypes) {
  for (const transceiver of pc.getTransceivers()) {
    const { kind } = transceiver.receiver.track;
    const { codecs } = RTCRtpReceiver.getCapabilities(kind);
    const wanted = codecs.filter((codec) => codec.mimeType.toLowerCase() === mimeTypes[kind].toLowerCase());
    transceiver.setCodecPreferences([...wanted, ...codecs.filter((codec) => /\/rtx$/i.test(codec.mimeType))]);
  }
}

/** Parley's end: sends the synthetic camera and microphone, and keeps what comes. */
class Parley {
  pc = new RTCPeerConnection();
  frames = { video: [], audio: [] };
  pictures = 0;
  processors = {};
  stream;

  async open() {
    this.stream = await mediaDevices.getUserMedia({
      video: { width: WIDTH, height: HEIGHT, frameRate: FRAME_RATE },
      audio: true,
    });
    this.pc.ontrack = ({ track }) => {
      const processor = new EncodedTrackProcessor({ track });
      processor.onframe = (frame) => {
        this.frames[track.kind].push(frame);
        if (track.kind === "video") this.pictures++;
      };
      this.processors[track.kind] = processor;
    };
  }

  addTracks(mimeTypes) {
    for (const track of [...this.stream.getVideoTracks(), ...this.stream.getAudioTracks()])
      this.pc.addTrack(track, this.stream);
    prefer(this.pc, mimeTypes);
  }

  take() {
    return { video: this.frames.video.splice(0), audio: this.frames.audio.splice(0) };
  }

  async stats(type, kind) {
    for (const entry of (await this.pc.getStats()).values())
      if (entry.type === type && entry.kind === kind) return entry;
    return undefined;
  }

  close() {
    for (const processor of Object.values(this.processors)) processor.close();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.pc.close();
  }
}

/** The peer's end: what its agent says, as counters of pictures and the frequency of sound. */
class Peer {
  remote;
  #collector = new FrameCollector("VP8");
  #pictures = new PictureReader();
  #audio;
  keyFrames = 0;

  constructor(remote, audio) {
    this.remote = remote;
    this.#audio = audio;
  }

  call(op, args) {
    return this.remote.call(op, args);
  }

  async seen() {
    const { state, tracks } = await this.call("seen");
    assert.deepEqual(this.remote.strays, []);
    const [video, sound] = tracks;
    if (!video?.packets) return { counters: [], ...sound, ...video, state };
    const parse = (list) => list.map((text) => parseRtp(Buffer.from(text, "base64")));
    const counters = parse(video.packets)
      .flatMap((packet) => this.#collector.push(packet))
      .map(({ units }) => this.#pictures.read(units[0]) ?? -1);
    this.keyFrames = this.#pictures.keyFrames;
    const sounds = parse(sound.packets);
    // Opus is not decoded here: that the packets come on time has to do.
    const frequency = this.#audio === "PCMU" ? pcmuFrequency(sounds.map(({ payload }) => payload)) : undefined;
    const { fault } = this.#pictures;
    return {
      state,
      counters,
      size: [WIDTH, HEIGHT],
      frequency,
      sounds: sounds.length,
      keyFrames: this.keyFrames,
      fault,
    };
  }
}

function summary(seen) {
  const { counters, fault, ...rest } = seen;
  return JSON.stringify({ ...rest, counters: counters?.slice(0, 40), fault });
}

async function connect(parley, peer, role, codecs, path) {
  const { pc } = parley;
  const mimeTypes = { video: codecs.video, audio: codecs.audio };
  if (role === "answerer") {
    parley.addTracks(mimeTypes);
    const offer = await path.replace(0, await describe(parley.pc));
    const { sdp } = await peer.call("answer", { sdp: offer });
    await pc.setRemoteDescription({ type: "answer", sdp: await path.replace(1, sdp) });
  } else {
    const { sdp } = await peer.call("offer");
    await pc.setRemoteDescription({ type: "offer", sdp: await path.replace(1, sdp) });
    parley.addTracks(mimeTypes);
    await peer.call("accept", { sdp: await path.replace(0, await describe(parley.pc)) });
  }
  await until(
    "the connection",
    () => pc.connectionState,
    (state) => state === "connected",
  );
}

/**
 * What came to Parley within `milliseconds`. The timestamps tell the rate; how much came in that time is looked at loosely, since
 * a busy machine holds things up and lets them follow in a burst. `sent`: pictures that the peer says it has sent.
 */
function checkFrames({ video, audio }, milliseconds, sent) {
  const check = (what, frames, wanted, rate, clockRate) => {
    const count = frames.length;
    assert.ok(count > wanted * 0.6 && count < wanted * 1.6, `${count} ${what} in ${milliseconds} ms, not ${wanted}`);
    const span = ((frames.at(-1).timestamp - frames[0].timestamp) >>> 0) / clockRate;
    const share = (count - 1) / (span * rate);
    assert.ok(share > 0.85 && share < 1.15, `${count} ${what} in ${span} s of timestamps, not ${span * rate}`);
  };
  const seconds = milliseconds / 1000;
  const rate = sent === undefined ? FRAME_RATE : sent / seconds;
  check("pictures", video, seconds * rate, rate, 90_000);
  check("sounds", audio, seconds * 50, 50, audio[0]?.mimeType.toLowerCase() === "audio/opus" ? 48_000 : 8000);
}

/** What happens while the path loses packets both ways. */
async function lose(parley, there, path) {
  const before = {
    inbound: await parley.stats("inbound-rtp", "video"),
    outbound: await parley.stats("outbound-rtp", "video"),
  };
  parley.take();
  await there.seen();
  path.loss = LOSS;
  const began = Date.now();
  await sleep(LOSSY_LOOK);
  path.loss = 0;
  await sleep(AFTER_LOSS);
  const frames = parley.take().video;
  const time = Date.now() - began;
  const seen = await there.seen();
  const inbound = await parley.stats("inbound-rtp", "video");
  const outbound = await parley.stats("outbound-rtp", "video");
  assert.ok(frames.length > 10, `${frames.length} pictures came`);
  // By the timestamps: what waits in the jitter buffer is not lost.
  const span = ((frames.at(-1).timestamp - frames[0].timestamp) >>> 0) / 90_000;
  const rate = seen.sent === undefined ? FRAME_RATE : (seen.sent * 1000) / time;
  return {
    time,
    span,
    seen,
    frames: frames.length,
    /** Of the pictures in that time, those that came whole. */
    whole: span * 1000 < time / 2 ? 0 : frames.length / (span * rate + 1),
    continuity: continuity(seen.counters, 65_536),
    asked: inbound.nackCount - before.inbound.nackCount,
    keysAsked: inbound.pliCount - before.inbound.pliCount,
    repaired: (inbound.retransmittedPacketsReceived ?? 0) - (before.inbound.retransmittedPacketsReceived ?? 0),
    asks: outbound.nackCount - before.outbound.nackCount,
    repairs: outbound.retransmittedPacketsSent - before.outbound.retransmittedPacketsSent,
  };
}

const brief = ({ seen, ...rest }) => JSON.stringify({ ...rest, seen: seen.counters.length });

for (const [name, peer] of wants("media") ? Object.entries(MEDIA_PEERS).filter(([name]) => wantsPeer(name)) : []) {
  for (const role of ROLES) {
    const codecs = { video: "video/VP8", audio: role === "offerer" ? "audio/opus" : "audio/PCMU" };
    const title = `${peer.title} as ${role}, media both ways, VP8 and ${codecs.audio.slice(6)}`;
    peerTest(title, { limit: LIMIT, missing: peer.missing }, async (t, start) => {
      const { limits } = peer;
      const audio = codecs.audio.slice(6);
      const parley = new Parley();
      const path = new LossyPath();
      try {
        const there = new Peer(await start(peer.start(name)), audio);
        const tracks = [
          { kind: "video", codec: "VP8" },
          { kind: "audio", codec: audio },
        ];
        await there.call("open", { tracks, material: await material() });
        await parley.open();
        const step = (what, body) => t.test(what, limits.skip?.[what] ? { skip: limits.skip[what] } : {}, body);
        let isConnected = false;
        await step("connects", async () => {
          await connect(parley, there, role, codecs, path);
          const { srtpCipher } = await parley.stats("transport");
          assert.match(srtpCipher, peer.srtp?.[role] ?? /^SRTP_A/);
          isConnected = true;
        });
        if (!isConnected) return;

        let received;
        let shown;
        await step("media flows", async () => {
          let counters = 0;
          let looks = 0;
          await until(
            "pictures and sound at both ends",
            async () => {
              shown = await there.seen();
              counters += shown.counters.filter((counter) => counter >= 0).length;
              // The first key frame may come before the peer takes any media, and not every peer asks for another by itself.
              if (counters === 0 && ++looks % 10 === 0) await there.call("keyframe", { track: 0 });
              return [
                parley.frames.video.length,
                parley.frames.audio.length,
                counters,
                shown.fault,
                shown.size,
                shown.frequency,
              ];
            },
            ([video, sound]) => video > 5 && sound > 5 && counters > 5,
          );
          assert.ok(
            parley.frames.video.some(({ keyFrame }) => keyFrame),
            "no key frame",
          );
          // Again where something is not right, and for longer, so that less depends on when it begins: whether it stays so is said by the next steps.
          let attempts = 0;
          const look = async () => {
            if (shown.time) await there.call("keyframe", { track: 0 });
            await sleep(500);
            parley.take();
            await there.seen();
            const began = Date.now();
            await sleep(LOOK * Math.min(++attempts, 4));
            received = parley.take();
            received.time = Date.now() - began;
            shown = await there.seen();
            shown.time = Date.now() - began;
            for (const check of [fromPeer, picturesThere, soundThere]) check();
          };
          await eventually(look).catch((error) => t.diagnostic(`stays: ${error.message}`));
        });
        if (!shown?.time) return;
        await step("pictures and sound from the peer", () => fromPeer());
        await step("pictures to the peer", () => picturesThere());
        await step("sound to the peer", () => soundThere());

        function fromPeer() {
          checkFrames(received, received.time, shown.sent);
          assert.equal(received.video[0].mimeType.toLowerCase(), codecs.video.toLowerCase());
          assert.equal(received.audio[0].mimeType.toLowerCase(), codecs.audio.toLowerCase());
          if (audio === "PCMU") {
            const frequency = pcmuFrequency(received.audio.map(({ data }) => data));
            assert.ok(Math.abs(frequency - TONE) < 15, `heard ${frequency} Hz; ${summary(shown)}`);
          }
        }

        function picturesThere() {
          const { counters, decoded = counters.length, time, size } = shown;
          const wanted = (time / 1000) * FRAME_RATE;
          const good = continuity(counters, 65_536);
          const { steady = 0.95 } = limits;
          assert.ok(decoded > wanted * 0.6 && decoded < wanted * 1.6, `${decoded}, not ${wanted}`);
          assert.ok(good.share > steady && good.backward === 0, summary(shown));
          assert.deepEqual(size, [WIDTH, HEIGHT]);
        }

        function soundThere() {
          const { frequency, loudness, sounds, time } = shown;
          if (frequency !== undefined)
            assert.ok(Math.abs(frequency - TONE) < 15, `heard ${frequency} Hz; ${summary(shown)}`);
          else if (loudness !== undefined) assert.ok(loudness > 0.2 && loudness < 0.6, `loudness ${loudness}`);
          else assert.ok(sounds > time / 32 && sounds < time / 12, `${sounds} packets in ${time} ms`);
        }

        await step("key frame asked of the peer", async () => {
          parley.take();
          parley.processors.video.requestKeyFrame();
          await until(
            "a key frame",
            () => parley.frames.video.filter(({ keyFrame }) => keyFrame).length,
            (count) => count > 0,
          );
          const { pliCount, firCount } = await parley.stats("inbound-rtp", "video");
          assert.ok(pliCount + firCount > 0, "getStats counts no request");
        });

        await step("key frame asked of Parley", async () => {
          const before = await parley.stats("outbound-rtp", "video");
          const keyFrames = there.keyFrames;
          await there.call("keyframe", { track: 0 });
          await until(
            "a key frame",
            () => parley.stats("outbound-rtp", "video"),
            (now) =>
              now.pliCount + now.firCount > before.pliCount + before.firCount &&
              now.keyFramesEncoded > before.keyFramesEncoded,
          );
          if (keyFrames > 0)
            await until(
              "the key frame there",
              () => there.seen(),
              (now) => now.keyFrames > keyFrames,
            );
        });

        let lossy;
        const comesAgain = () => {
          const { asked, repaired, whole } = lossy;
          // Firefox sends parity besides (ULPFEC): what that repairs is not asked for.
          assert.ok(asked + repaired > 0, "nothing was asked for, nor repaired");
          assert.ok(whole > (limits.whole ?? WHOLE), brief(lossy));
        };
        const goesAgain = () => {
          const { seen, time, asks, repairs, continuity: good } = lossy;
          assert.ok(asks > 0 && repairs > 0, `${asks} asked, ${repairs} sent`);
          const { shown: least = WHOLE } = limits;
          assert.ok(good.share > least, `${brief(lossy)} ${summary(seen)}`);
          const { decoded = good.count } = seen;
          assert.ok(decoded > (time / 1000) * FRAME_RATE * 0.6, `${decoded} pictures`);
        };
        const lossSteps = {
          "lost packets come again from the peer": comesAgain,
          "lost packets go again to the peer": goesAgain,
        };
        await t.test("10 % loss", async () => {
          // A key frame asked for because this machine was busy for a while is not what is looked for.
          const look = async () => {
            lossy = await lose(parley, there, path);
            for (const [what, check] of Object.entries(lossSteps)) if (!limits.skip?.[what]) check();
          };
          await eventually(look).catch((error) => t.diagnostic(`stays: ${error.message}`));
          assert.ok(lossy, "no pictures came");
          assert.ok(path.lost[0] > 5 && path.lost[1] > 5, `lost ${path.lost}`);
        });
        for (const [what, check] of Object.entries(lossSteps)) await step(what, check);

        const figures = async () => {
          const before = parley.pictures;
          const inbound = await parley.stats("inbound-rtp", "video");
          const { framesReceived, packetsReceived, bytesReceived, codecId } = inbound;
          // Of what is received, the last may still wait for what is missing before it.
          assert.ok(
            before > 50 && framesReceived >= before && framesReceived < before * 1.2,
            `${before}: ${JSON.stringify(inbound)}`,
          );
          assert.ok(packetsReceived >= framesReceived, JSON.stringify(inbound));
          assert.ok(bytesReceived > 0 && codecId);
          // All that got through is counted, retransmissions aside.
          const sound = await parley.stats("inbound-rtp", "audio");
          const arrived = packetsReceived + sound.packetsReceived;
          assert.ok(
            Math.abs(arrived - path.passed[1]) < path.passed[1] * 0.1,
            `${packetsReceived} + ${sound.packetsReceived}, ${inbound.retransmittedPacketsReceived} again, ${inbound.packetsLost} + ${sound.packetsLost} lost, of ${path.passed[1]}`,
          );
        };
        await step("statistics", () => eventually(figures, 5000));
        await step("reports of the peer", async () => {
          const report = await until(
            "a report of the peer",
            () => parley.stats("remote-inbound-rtp", "video"),
            Boolean,
            REPORTED,
          );
          assert.ok(report.packetsLost >= -5 && report.packetsLost < 100, JSON.stringify(report));
          const sent = await until(
            "a sender report of the peer",
            () => parley.stats("remote-outbound-rtp", "video"),
            Boolean,
            REPORTED,
          );
          assert.ok(sent.packetsSent > 0, JSON.stringify(sent));
        });
        if (lossy) t.diagnostic(brief({ ...lossy, lost: path.lost }));
        await there.call("close");
        assert.deepEqual(there.remote.strays, []);
      } finally {
        parley.close();
        path.close();
      }
    });
  }
}
