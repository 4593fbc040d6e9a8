// Simulcast and SVC: browsers send layers, Parley tells them apart and forwards the one that is chosen, pages show it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { RTCPeerConnection, RTCRtpReceiver } from "../dist/index.js";
import { EncodedTrackGenerator, RtpTrackForwarder } from "../dist/media.js";
import { MediaBrowser, missingBrowser } from "./lib/media-browser.mjs";
import { codecMaterial, LAYERS, layeredMaterial, missingEncoders } from "./lib/media-material.mjs";
import { connected, describe, eventually, prefer, trackOf, until } from "./lib/media-parley.mjs";
import { MEDIA_PEERS } from "./lib/media-peers.mjs";
import { FrameLoop, pace } from "./lib/media-sender.mjs";
import { wants, wantsPeer } from "./lib/peers.mjs";
import { peerTest } from "./lib/suite.mjs";

const LIMIT = 180_000;
/** Of smaller pictures Chromium makes no three layers. */
const WIDTH = 960;
const HEIGHT = 540;
/** From choosing a layer to seeing it: the estimate of what its way carries, too, has to allow it, which is low where the machine is slow. */
const SWITCH = 40_000;
/** From the beginning to all layers: a sender begins with the lowest. */
const LAYERS_SHOWN = 40_000;
/** From seeing it to its being steady. */
const STEADY = 8000;
/** How long a layer is looked at, in milliseconds. */
const LOOK = 1200;
const COUNTER = 1024;
/** The share of numbers that are not the camera's: AV1 blurs some while there are few bits for it. */
const MISREAD = 0.35;

/** The material's VP8 on every encoding of one track. */
function simulcastSource({ path, rate }) {
  const { codecs } = JSON.parse(readFileSync(path, "utf8"));
  const generator = new EncodedTrackGenerator({ kind: "video", mimeType: "video/VP8" });
  const loop = new FrameLoop(codecs.VP8);
  generator.onkeyframerequest = () => loop.requestKeyFrame();
  let stop = () => {};
  const start = (rids) => {
    const send = (number) => {
      const { frame, isKey } = loop.next(number);
      for (const rid of rids)
        generator.sendFrame({ data: frame, timestamp: (number * 90_000) / rate, keyFrame: isKey }, rid);
    };
    stop = pace(rate, send, () => {});
  };
  return { all: { track: generator.track, start }, close: () => stop() };
}

/** A page's offer, with all candidates, and Parley's answer. */
async function receiveFrom(page, pc, sdp) {
  await pc.setRemoteDescription({ type: "offer", sdp });
  await page("accept", await describe(pc));
  await connected(pc);
}

async function sendTo(page, pc) {
  const sdp = await page("answerBoth", await describe(pc), "recvonly");
  await pc.setRemoteDescription({ type: "answer", sdp });
  await connected(pc);
}

async function forwardTo(page, pc, track, codec) {
  const forwarder = new RtpTrackForwarder({ track });
  // All profiles: what is forwarded stays in its own.
  const { codecs } = RTCRtpReceiver.getCapabilities("video");
  pc.addTransceiver(forwarder.track, { direction: "sendonly" }).setCodecPreferences(
    codecs.filter(({ mimeType }) => mimeType === `video/${codec}` || mimeType === "video/rtx"),
  );
  await sendTo(page, pc);
  return forwarder;
}

/** What a page shows of its only video. */
async function shown(page) {
  const [video] = (await page("seen")).tracks;
  return video;
}

/** Waits for pictures of that size, then looks at them for a while: their rate, and that the counter only goes forward. */
async function look(page, width, what, milliseconds = LOOK) {
  const began = Date.now();
  let pictures = 0;
  await until(
    what,
    async () => {
      const video = await shown(page);
      pictures = video.size?.[0] === width ? pictures + video.counters.length : 0;
      return { ...video, pictures };
    },
    () => pictures > 3,
    SWITCH,
  );
  const waited = Date.now() - began;
  return eventually(async () => ({ what, waited, ...(await steady(page, width, what, milliseconds)) }), STEADY);
}

/** Looks for a while at pictures of that size. */
async function steady(page, width, what, milliseconds) {
  const before = await shown(page);
  const start = Date.now();
  await sleep(milliseconds);
  const after = await shown(page);
  const { counters } = after;
  let backward = 0;
  for (let i = 1; i < counters.length; i++) {
    const step = (counters[i] - counters[i - 1] + COUNTER) % COUNTER;
    if (step > COUNTER / 2) backward++;
  }
  assert.equal(after.size[0], width, `${what}: ${after.size}`);
  assert.ok(counters.length > 3 && backward <= counters.length * MISREAD, `${what}: ${counters}`);
  const rate = ((after.framesDecoded - before.framesDecoded) * 1000) / (Date.now() - start);
  return { rate, lost: after.packetsLost, pli: after.pliCount };
}

function layerTest(name, sender, viewers, { codec, sendEncodings }, body) {
  const missing = () => [sender, ...viewers].map(missingBrowser).find(Boolean);
  peerTest(name, { limit: LIMIT, missing }, async (t, start) => {
    const browsers = new Map();
    for (const one of new Set([sender, ...viewers])) browsers.set(one, await start(new MediaBrowser().start(one)));
    const camera = await browsers.get(sender).page();
    const from = new RTCPeerConnection();
    const outgoing = [];
    try {
      await camera("open", { width: WIDTH, height: HEIGHT });
      // Fewer pixels are sent where there are too few bits: layers are to keep their sizes.
      const keepSize = `const [sender] = pc.getSenders(); const all = sender.getParameters();
        await sender.setParameters({ ...all, degradationPreference: "maintain-resolution" });`;
      let received;
      from.ontrack = ({ track }) => {
        received = track;
      };
      await receiveFrom(
        camera,
        from,
        await camera("offerBoth", [{ kind: "video", codec, direction: "sendonly", sendEncodings }]),
      );
      if (sender === "chromium") await camera("run", keepSize);
      const screens = [];
      for (const viewer of viewers) {
        const page = await browsers.get(viewer).page();
        await page("open", { width: WIDTH, height: HEIGHT });
        const pc = new RTCPeerConnection();
        outgoing.push(pc);
        screens.push({ viewer, page, pc, forwarder: await forwardTo(page, pc, received, codec) });
      }
      const notes = await body({ screens, camera, from }).catch(async (error) => {
        throw new Error(`${error.message} ${await limits(camera)}`, { cause: error });
      });
      for (const note of notes) t.diagnostic(JSON.stringify(note));
    } finally {
      from.close();
      for (const pc of outgoing) pc.close();
    }
  });
}

const SIMULCAST = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 400_000 },
  { rid: "f", maxBitrate: 1_200_000 },
];

/** What a sending page says of why it leaves layers out. */
async function limits(camera) {
  const stats = await camera("stats");
  const sent = stats.filter(({ type }) => type === "outbound-rtp");
  const pair = stats.find(({ type, nominated }) => type === "candidate-pair" && nominated);
  return JSON.stringify({
    available: pair?.availableOutgoingBitrate,
    layers: sent.map(({ rid, active, frameWidth, framesSent, targetBitrate, qualityLimitationReason }) => ({
      rid,
      active,
      frameWidth,
      framesSent,
      targetBitrate,
      qualityLimitationReason,
    })),
  });
}

/** What is chosen from, and by what. */
async function choice(pc, { layers, current }) {
  const pairs = [...(await pc.getStats()).values()].filter(({ type }) => type === "candidate-pair");
  const available = pairs.find(({ nominated }) => nominated)?.availableOutgoingBitrate;
  const brief = ({ rid, active, bitrate } = {}) => ({ rid, active, bitrate: Math.round(bitrate) });
  return JSON.stringify({ available, current: brief(current ?? undefined), layers: layers.map(brief) });
}

/** `widths`: by rid; `milliseconds`: how long each is looked at. */
const simulcast =
  (widths, milliseconds) =>
  async ({ screens }) => {
    const notes = [];
    const [{ forwarder }] = screens;
    const layers = await until(
      "three layers",
      () => forwarder.layers.map(({ rid, active, width, bitrate }) => ({ rid, active, width, bitrate })),
      (all) => all.length === 3 && all.every(({ active, width }) => active && width > 0),
      LAYERS_SHOWN,
    );
    assert.deepEqual(Object.fromEntries(layers.map(({ rid, width }) => [rid, width])), widths);
    for (const rid of ["q", "f", "h"]) {
      for (const { forwarder } of screens) forwarder.select({ rid });
      for (const { viewer, page, pc, forwarder } of screens) {
        const note = await look(page, widths[rid], `${viewer} shows ${rid}`, milliseconds).catch(async (error) => {
          throw new Error(`${error.message} ${await choice(pc, forwarder)}`, { cause: error });
        });
        notes.push(note);
        assert.equal(forwarder.current.rid, rid);
      }
    }
    return notes;
  };

/** `spatial` and `temporal`: how many layers there are. */
const svc =
  (spatial, temporal) =>
  async ({ screens: [{ page, forwarder }] }) => {
    const notes = [];
    await until(
      "the layers",
      () => forwarder.layers.map((layer) => [layer.spatialLayers, layer.temporalLayers]),
      ([all]) => all?.[0] === spatial && all?.[1] === temporal,
      LAYERS_SHOWN,
    );
    for (let spatialIndex = 0; spatialIndex < spatial; spatialIndex++) {
      forwarder.select({ spatialIndex });
      notes.push(await look(page, WIDTH >> (spatial - 1 - spatialIndex), `spatial layer ${spatialIndex}`));
    }
    // Again where a busy machine held pictures up, which then follow in a burst.
    await eventually(async () => {
      forwarder.select({});
      const all = await look(page, WIDTH, "all layers");
      forwarder.select({ temporalIndex: 0 });
      await sleep(500);
      const base = await look(page, WIDTH, "the lowest temporal layer");
      // Every fourth picture of three layers.
      assert.ok(base.rate < all.rate * 0.45 && base.rate > 2, JSON.stringify([all, base]));
      notes.push(all, base);
    });
    return notes;
  };

if (wants("media") && wantsPeer("pion")) {
  const missing = () => MEDIA_PEERS.pion.missing() ?? missingEncoders();
  peerTest("Parley → Pion, VP8 simulcast", { limit: LIMIT, missing }, async (_, start) => {
    const material = await codecMaterial();
    const there = await start(MEDIA_PEERS.pion.start("pion"));
    const { all, close } = simulcastSource(material);
    const pc = new RTCPeerConnection();
    try {
      await there.call("open", { tracks: [trackOf("VP8")], material: material.path, layers: true });
      const rids = ["a", "b", "c"];
      const transceiver = pc.addTransceiver(all.track, {
        direction: "sendonly",
        sendEncodings: rids.map((rid) => ({ rid })),
      });
      prefer(transceiver, ["VP8"]);
      const { sdp } = await there.call("answer", { sdp: await describe(pc) });
      // Pion keeps them in a map, so they come in any order.
      assert.deepEqual(/^a=simulcast:recv (\S+)\r?$/m.exec(sdp)?.[1].split(";").sort(), rids);
      await pc.setRemoteDescription({ type: "answer", sdp });
      await connected(pc);
      all.start(rids);
      await until(
        "three layers at Pion",
        async () => (await there.call("seen")).tracks[0].rids,
        (counts) => rids.every((rid) => counts[rid] > 30),
      );
      const sent = [...(await pc.getStats()).values()].filter(({ type }) => type === "outbound-rtp");
      assert.deepEqual(sent.map(({ rid }) => rid).sort(), rids);
      assert.deepEqual(there.strays, []);
    } finally {
      close();
      pc.close();
    }
  });
}

/** A peer that sends packets of three encodings, as offerer (nobody offers to receive several), and a page that shows them by way of Parley. */
async function layeredPeer(there, browser) {
  const page = await browser.page();
  await page("open", { synthetic: true });
  const [from, pc] = [new RTCPeerConnection(), new RTCPeerConnection()];
  const close = () => {
    from.close();
    pc.close();
  };
  try {
    const tracks = [{ ...trackOf("VP8"), rids: Object.keys(LAYERS) }];
    await there.call("open", { tracks, material: await layeredMaterial(), layers: true });
    const { sdp } = await there.call("offer");
    await from.setRemoteDescription({ type: "offer", sdp });
    await there.call("accept", { sdp: await describe(from) });
    await connected(from);
    const [{ receiver }] = from.getTransceivers();
    const forwarder = await forwardTo(page, pc, receiver.track, "VP8");
    return { screens: [{ viewer: there.name, page, pc, forwarder }], close };
  } catch (error) {
    close();
    throw error;
  }
}

const layered = ["pion", "werift"].filter((name) => wants("media") && wantsPeer(name));
if (layered.length > 0) {
  const missing = () => layered.map((name) => MEDIA_PEERS[name].missing()).find(Boolean) ?? missingBrowser("chromium");
  const title = layered.map((name) => MEDIA_PEERS[name].title).join(" and ");
  peerTest(
    `${title} → Parley → chromium, VP8 simulcast, layers chosen`,
    { limit: LIMIT, missing },
    async (t, start) => {
      const browser = await start(new MediaBrowser().start("chromium"));
      // One after the other: a page that another one hides shows nothing.
      for (const name of layered) {
        const there = await start(MEDIA_PEERS[name].start(name));
        const { screens, close } = await layeredPeer(there, browser);
        try {
          for (const note of await simulcast(LAYERS, 600)({ screens })) t.diagnostic(JSON.stringify(note));
          assert.deepEqual(there.strays, []);
        } finally {
          close();
        }
      }
    },
  );
}

if (wants("media")) {
  const three = simulcast({ q: WIDTH / 4, h: WIDTH / 2, f: WIDTH });
  const tests = [
    ["chromium", ["chromium", "firefox"], { codec: "VP8", sendEncodings: SIMULCAST }, three, "simulcast"],
    ["chromium", ["chromium"], { codec: "H264", sendEncodings: SIMULCAST }, three, "simulcast"],
    ["firefox", ["chromium"], { codec: "VP8", sendEncodings: SIMULCAST }, three, "simulcast"],
    ["chromium", ["chromium"], { codec: "VP9", sendEncodings: [{ scalabilityMode: "L3T3" }] }, svc(3, 3), "L3T3"],
    ["chromium", ["chromium"], { codec: "AV1", sendEncodings: [{ scalabilityMode: "L1T3" }] }, svc(1, 3), "L1T3"],
    ["chromium", ["chromium"], { codec: "AV1", sendEncodings: [{ scalabilityMode: "L3T3" }] }, svc(3, 3), "L3T3"],
  ];
  for (const [sender, viewers, media, body, what] of tests) {
    if (![sender, ...viewers].some(wantsPeer)) continue;
    layerTest(
      `${sender} → Parley → ${viewers.join(" and ")}, ${media.codec} ${what}, layers chosen`,
      sender,
      viewers,
      media,
      body,
    );
  }
}
