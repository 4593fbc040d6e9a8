// What protects media, with peers that know it, over a path that loses packets and with NACK taken out of the descriptions: FlexFEC
// with Chromium, which has it as a field trial; ULPFEC in RED with Chromium and webrtcbin; redundant audio with Chromium. And Cryptex
// with Chromium, where its experimental features are switched on.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { mediaDevices, RTCPeerConnection, RTCRtpReceiver } from "../dist/index.js";
import { EncodedTrackProcessor } from "../dist/media.js";
import { LossyPath } from "./lib/lossy-path.mjs";
import { MediaBrowser, missingBrowser } from "./lib/media-browser.mjs";
import { material } from "./lib/media-material.mjs";
import { describe, eventually, until } from "./lib/media-parley.mjs";
import { MEDIA_PEERS } from "./lib/media-peers.mjs";
import { ROLES, wants, wantsPeer } from "./lib/peers.mjs";
import { peerTest } from "./lib/suite.mjs";

const LIMIT = 120_000;
/** Each packet of this number is lost: there are enough repair packets for that. */
const EVERY = 23;
/** Of the pictures sent, those that have to be decoded. Without repair each loss would be waited on for three seconds. */
const WHOLE = 0.75;
const RATE = 30;
/** Milliseconds: until reports have told of the loss, and how long it is looked at then. */
const WARM_UP = 4000;
const LOOK = 6000;
/** Until that is as it should be. */
const SETTLED = 40_000;
const FLEXFEC = ["--force-fieldtrials=WebRTC-FlexFEC-03-Advertised/Enabled/WebRTC-FlexFEC-03/Enabled/"];
const EXPERIMENTAL = ["--enable-experimental-web-platform-features"];

/** Nobody asks for lost packets. */
const withoutNack = (sdp) => sdp.replace(/^a=rtcp-fb:\S+ nack\r?\n/gm, "");

class Parley {
  frames = { video: 0, audio: 0 };
  processors = [];

  constructor(configuration) {
    this.pc = new RTCPeerConnection(configuration);
    this.pc.ontrack = ({ track }) => {
      const processor = new EncodedTrackProcessor({ track });
      processor.onframe = () => this.frames[track.kind]++;
      this.processors.push(processor);
    };
  }

  /** `codecs`: by kind, names in order of preference. */
  async addTracks(codecs) {
    this.stream = await mediaDevices.getUserMedia({
      video: codecs.video !== undefined && { width: 320, height: 240, frameRate: RATE },
      audio: codecs.audio !== undefined,
    });
    for (const track of this.stream.getTracks()) this.pc.addTrack(track, this.stream);
    for (const transceiver of this.pc.getTransceivers()) {
      const { kind } = transceiver.receiver.track;
      const known = RTCRtpReceiver.getCapabilities(kind).codecs;
      const named = (name) => known.find(({ mimeType }) => mimeType.toLowerCase() === `${kind}/${name}`.toLowerCase());
      transceiver.setCodecPreferences(codecs[kind].map(named));
    }
  }

  async stats() {
    return [...(await this.pc.getStats()).values()];
  }

  close() {
    for (const processor of this.processors) processor.close();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.pc.close();
  }
}

/** Joins the two through the path; `peer` has offer, answer and accept. */
async function connect(parley, peer, role, codecs, path, change = withoutNack) {
  const { pc } = parley;
  if (role === "answerer") {
    await parley.addTracks(codecs);
    const sdp = await peer.answer(change(await path.replace(0, await describe(parley.pc))));
    await pc.setRemoteDescription({ type: "answer", sdp: await path.replace(1, sdp) });
  } else {
    await pc.setRemoteDescription({ type: "offer", sdp: change(await path.replace(1, await peer.offer())) });
    await parley.addTracks(codecs);
    await peer.accept(await path.replace(0, await describe(parley.pc)));
  }
  await until(
    "the connection",
    () => pc.connectionState,
    (state) => state === "connected",
  );
}

/** A page that sends `tracks`. */
async function pageOf(browser, tracks) {
  const page = await browser.page();
  await page("open", { synthetic: true });
  return {
    page,
    offer: () => page("offerBoth", tracks),
    answer: (sdp) => page("answerBoth", sdp),
    accept: (sdp) => page("accept", sdp),
    stats: () => page("stats"),
    close: () => page("close"),
  };
}

const chromiumPeer = async (start, args, tracks) =>
  pageOf(await start(new MediaBrowser().start("chromium", args)), tracks);

const of = (stats, type, kind = "video") => stats.find((entry) => entry.type === type && entry.kind === kind);

/**
 * Both ways under loss, until `check` is content: on a busy machine, not with the first look. `theirs`: what the peer says of what it
 * received, if it does.
 */
async function watch(parley, theirs, path, check) {
  await until(
    "pictures from the peer",
    () => parley.frames.video,
    (frames) => frames > 30,
  );
  path.every = EVERY;
  await sleep(WARM_UP);
  await eventually(async () => check(await look(parley, theirs, path)), SETTLED);
  path.every = 0;
}

async function look(parley, theirs, path) {
  const before = { inbound: of(await parley.stats(), "inbound-rtp"), theirs: await theirs(), lost: [...path.lost] };
  parley.frames.video = 0;
  const began = Date.now();
  await sleep(LOOK);
  const ours = await parley.stats();
  const after = { inbound: of(ours, "inbound-rtp"), outbound: of(ours, "outbound-rtp"), theirs: await theirs() };
  const since = (name) => (after.inbound[name] ?? 0) - (before.inbound[name] ?? 0);
  const there = (name) => (after.theirs?.[name] ?? 0) - (before.theirs?.[name] ?? 0);
  return {
    seconds: (Date.now() - began) / 1000,
    lost: path.lost.map((lost, side) => lost - before.lost[side]),
    frames: parley.frames.video,
    received: since("fecPacketsReceived"),
    // Of what came, what was needed.
    repaired: since("fecPacketsReceived") - since("fecPacketsDiscarded"),
    nacks: since("nackCount"),
    retransmitted: after.outbound.retransmittedPacketsSent,
    theirs: {
      received: there("fecPacketsReceived"),
      repaired: there("fecPacketsReceived") - there("fecPacketsDiscarded"),
      frames: there("framesReceived"),
      decoded: there("framesDecoded"),
    },
  };
}

function checkProtected(seen) {
  const text = JSON.stringify(seen);
  assert.equal(seen.nacks + seen.retransmitted, 0, text);
  assert.ok(seen.received > 5 && seen.repaired > 0, `repaired here: ${text}`);
  // Pages paint as the machine lets them: how many they send is not told here.
  assert.ok(seen.frames > 0.6 * RATE * seen.seconds, `frames here: ${text}`);
}

const codecsOf = { "flexfec-03": ["VP8", "flexfec-03"], ulpfec: ["VP8", "red", "ulpfec"] };

for (const role of wants("protection") && wantsPeer("chromium") ? ROLES : []) {
  for (const [name, args] of [
    ["flexfec-03", FLEXFEC],
    ["ulpfec", []],
  ]) {
    const title = `Chromium as ${role}, ${name} without NACK over a path that loses packets`;
    peerTest(title, { limit: LIMIT, missing: () => missingBrowser("chromium") }, async (t, start) => {
      const codecs = { video: codecsOf[name], audio: ["opus"] };
      const parley = new Parley();
      const path = new LossyPath();
      try {
        const peer = await chromiumPeer(start, args, [{ kind: "video", codec: "VP8", more: name }]);
        await connect(parley, peer, role, codecs, path);
        const agreed = [parley.pc.localDescription.sdp, parley.pc.remoteDescription.sdp];
        for (const sdp of agreed) {
          assert.match(sdp, new RegExp(`a=rtpmap:\\d+ ${name}/90000`));
          assert.equal(/a=ssrc-group:FEC-FR/.test(sdp), name === "flexfec-03");
        }
        const theirs = async () => of(await peer.stats(), "inbound-rtp");
        await watch(parley, theirs, path, (seen) => {
          t.diagnostic(JSON.stringify(seen));
          checkProtected(seen);
          // Chromium counts the packets of FlexFEC, not those of ULPFEC.
          if (name === "flexfec-03") assert.ok(seen.theirs.received > 5, JSON.stringify(seen));
          assert.ok(seen.theirs.decoded > WHOLE * RATE * seen.seconds, `frames there: ${JSON.stringify(seen)}`);
        });
        await peer.close();
      } finally {
        parley.close();
        path.close();
      }
    });
  }
}

for (const role of wants("protection") && wantsPeer("webrtcbin") ? ROLES : []) {
  const title = `webrtcbin as ${role}, ULPFEC without NACK over a path that loses packets`;
  peerTest(title, { limit: LIMIT, missing: MEDIA_PEERS.webrtcbin.missing }, async (t, start) => {
    const parley = new Parley();
    const path = new LossyPath();
    try {
      const remote = await start(MEDIA_PEERS.webrtcbin.start("webrtcbin"));
      const tracks = [{ kind: "video", codec: "VP8" }];
      await remote.call("open", { tracks, material: await material(), repair: "ulpfec" });
      const peer = {
        offer: async () => (await remote.call("offer")).sdp,
        answer: async (sdp) => (await remote.call("answer", { sdp })).sdp,
        accept: (sdp) => remote.call("accept", { sdp }),
      };
      await connect(parley, peer, role, { video: codecsOf.ulpfec }, path);
      let shown = 0;
      const theirs = async () => {
        const { tracks: list } = await remote.call("seen");
        shown += list[0].counters.length;
        return { framesDecoded: shown };
      };
      await until("pictures there", theirs, ({ framesDecoded }) => framesDecoded > 30);
      await watch(parley, theirs, path, (seen) => {
        t.diagnostic(JSON.stringify(seen));
        checkProtected(seen);
        assert.ok(seen.theirs.decoded > WHOLE * RATE * seen.seconds, `frames there: ${JSON.stringify(seen)}`);
      });
      assert.deepEqual(remote.strays, []);
    } finally {
      parley.close();
      path.close();
    }
  });
}

for (const role of wants("protection") && wantsPeer("chromium") ? ROLES : []) {
  peerTest(
    `Chromium as ${role}, Cryptex`,
    { limit: LIMIT, missing: () => missingBrowser("chromium") },
    async (t, start) => {
      const parley = new Parley(role === "answerer" ? { rtpHeaderEncryptionPolicy: "require" } : undefined);
      const path = new LossyPath();
      try {
        const tracks = [
          { kind: "video", codec: "VP8" },
          { kind: "audio", codec: "opus" },
        ];
        const peer = await chromiumPeer(start, EXPERIMENTAL, tracks);
        await connect(parley, peer, role, { video: ["VP8", "rtx"], audio: ["opus"] }, path, (sdp) => sdp);
        for (const sdp of [parley.pc.localDescription.sdp, parley.pc.remoteDescription.sdp])
          assert.match(sdp, /^a=cryptex\r$/m);
        for (const { rtpHeaderEncryptionNegotiated } of parley.pc.getTransceivers())
          assert.ok(rtpHeaderEncryptionNegotiated);
        const seen = await until(
          "pictures and sound at both ends",
          async () => {
            const stats = await peer.stats();
            const { framesDecoded } = of(stats, "inbound-rtp") ?? {};
            const { packetsReceived } = of(stats, "inbound-rtp", "audio") ?? {};
            return { ...parley.frames, framesDecoded, packetsReceived, extensions: path.extensions };
          },
          ({ video, audio, framesDecoded, packetsReceived }) =>
            video > 60 && audio > 60 && framesDecoded > 60 && packetsReceived > 60,
        );
        t.diagnostic(JSON.stringify(seen));
        // On the wire: each side encrypts all of its extensions.
        for (const { plain, encrypted } of path.extensions) {
          assert.equal(plain, 0);
          assert.ok(encrypted > 60);
        }
        await peer.close();
      } finally {
        parley.close();
        path.close();
      }
    },
  );
}

/** A page that hears sound over a path of its own, with these codecs. */
async function hearer(browser, role, list) {
  const parley = new Parley();
  const path = new LossyPath();
  const close = () => {
    parley.close();
    path.close();
  };
  try {
    const peer = await pageOf(browser, [{ kind: "audio", codec: "opus" }]);
    await connect(parley, peer, role, { audio: list }, path);
    const look = async () => of(await peer.stats(), "inbound-rtp", "audio") ?? {};
    await until("sound", look, ({ packetsReceived }) => packetsReceived > 50);
    const [sent] = [...path.payloadTypes[0]].sort((a, b) => b[1] - a[1]);
    assert.equal(sent[0], list[0] === "red" ? 63 : 111);
    await peer.page("wait", 800);
    return { path, look, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The share of what was heard in three seconds that was made up. */
async function concealedShare({ look }) {
  const before = await look();
  await sleep(3000);
  const after = await look();
  const samples = (name) => after[name] - before[name];
  return samples("concealedSamples") / samples("totalSamplesReceived");
}

const ATTEMPTS = 8;

/** Two pages, from each of which each tenth packet is kept: where it has the one before in it the sound has no gap. */
for (const role of wants("protection") && wantsPeer("chromium") ? ROLES : []) {
  const title = `Chromium as ${role}, redundant audio over a path that loses packets`;
  peerTest(title, { limit: LIMIT, missing: () => missingBrowser("chromium") }, async (t, start) => {
    const browser = await start(new MediaBrowser().start("chromium"));
    const ends = [];
    try {
      for (const list of [["red", "opus"], ["opus"]]) ends.push(await hearer(browser, role, list));
      await sleep(2000);
      for (const { path } of ends) path.every = 10;
      let [red, opus] = [1, 1];
      // The microphone leaves out what a busy machine is late for, which is concealed as well: not each time, however.
      for (let attempt = 0; attempt < ATTEMPTS && red >= 0.6 * opus; attempt++) {
        const shares = await Promise.all(ends.map(concealedShare));
        [red, opus] = [Math.min(red, shares[0]), Math.min(opus, shares[1])];
      }
      t.diagnostic(JSON.stringify({ red, opus }));
      assert.ok(red < 0.6 * opus, JSON.stringify({ red, opus }));
    } finally {
      for (const { close } of ends) close();
    }
  });
}
