// Feedback about what arrives, by which Parley's rate is found. RFC 8888 with Chromium, which knows it as a field trial: a page's
// picture and tone through Parley to a second page, reported on in that way on both legs. REMB with aiortc, over a path of a
// fixed rate.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { RTCPeerConnection, RTCRtpReceiver } from "../dist/index.js";
import { EncodedTrackGenerator } from "../dist/media.js";
import { LossyPath } from "./lib/lossy-path.mjs";
import { MediaBrowser, missingBrowser } from "./lib/media-browser.mjs";
import { material } from "./lib/media-material.mjs";
import { describe } from "./lib/media-parley.mjs";
import { MEDIA_PEERS } from "./lib/media-peers.mjs";
import { connect, create } from "./lib/page-connection.mjs";
import { wants } from "./lib/peers.mjs";
import { peerTest } from "./lib/suite.mjs";

const LIMIT = 120_000;
const PATIENCE = 40_000;
const TRIAL = "--force-fieldtrials=WebRTC-RFC8888CongestionControlFeedback/Enabled,offer:true/";

/** Of one leg: messages each way, and what the sender may send. */
async function look(pc, page) {
  const ours = [...(await pc.getStats()).values()];
  const theirs = await page("stats");
  const of = (stats) => {
    const transport = stats.find(({ type }) => type === "transport");
    const pair = stats.find(({ id }) => id === transport.selectedCandidatePairId);
    const { ccfbMessagesSent: sent, ccfbMessagesReceived: received } = transport;
    return { sent, received, available: pair.availableOutgoingBitrate };
  };
  return { ours: of(ours), theirs: of(theirs) };
}

function checkDescriptions(offer, answer, expected) {
  for (const sdp of [offer, answer]) assert.equal(/^a=rtcp-fb:.* ack ccfb/m.test(sdp), expected);
  assert.equal(answer.includes("transport-cc"), !expected);
}

function feedbackTest(pagesOffer) {
  const name = `Chromium → Parley → Chromium, RFC 8888, ${pagesOffer ? "pages offer" : "Parley offers"}`;
  peerTest(name, { limit: LIMIT, missing: () => missingBrowser("chromium") }, async (t, start) => {
    const browser = await start(new MediaBrowser().start("chromium", [TRIAL]));
    const camera = await browser.page();
    const viewer = await browser.page();
    const options = pagesOffer ? undefined : { congestionControlFeedback: true };
    const from = create(options);
    const to = create(options);
    try {
      await camera("open");
      await viewer("open");
      const tracks = [];
      from.pc.ontrack = ({ track }) => tracks.push(track);
      for (const [page, own] of [
        [camera, from],
        [viewer, to],
      ]) {
        const { pc } = own;
        if (own === to) for (const track of tracks) if (pagesOffer) pc.addTrack(track);
        if (pagesOffer) {
          const media = { video: "video/VP8", audio: "audio/opus" };
          await page(page === camera ? "send" : "receive", media);
          await pc.setRemoteDescription({ type: "offer", sdp: await page("offer") });
          await pc.setLocalDescription();
          await page("accept", pc.localDescription.sdp);
        } else {
          if (own === from) for (const kind of ["video", "audio"]) pc.addTransceiver(kind, { direction: "recvonly" });
          else for (const track of tracks) pc.addTransceiver(track, { direction: "sendonly" });
          await pc.setLocalDescription();
          const sdp = await page("answer", pc.localDescription.sdp, page === camera);
          await pc.setRemoteDescription({ type: "answer", sdp });
        }
        const [offer, answer] = pagesOffer
          ? [pc.remoteDescription.sdp, pc.localDescription.sdp]
          : [pc.localDescription.sdp, pc.remoteDescription.sdp];
        checkDescriptions(offer, answer, true);
        await connect(page, own);
      }
      const end = Date.now() + PATIENCE;
      for (;;) {
        const inbound = await look(from.pc, camera);
        const outbound = await look(to.pc, viewer);
        const counters = (await viewer("seen")).tracks.flatMap((track) => track.counters ?? []);
        const good =
          inbound.ours.sent > 50 &&
          inbound.theirs.received > 50 &&
          inbound.theirs.available > 500_000 &&
          // Chromium 156 does not count those that it sends.
          outbound.ours.received > 50 &&
          outbound.ours.available > 500_000 &&
          counters.length > 5;
        if (good) {
          t.diagnostic(JSON.stringify({ inbound, outbound }));
          return;
        }
        assert.ok(Date.now() < end, JSON.stringify({ inbound, outbound, pictures: counters.length }));
        await sleep(500);
      }
    } finally {
      from.pc.close();
      to.pc.close();
    }
  });
}

/** Pictures with a counter, filled up to what the connection says that it carries. */
async function fill(generator, file) {
  const { keys, changes } = JSON.parse(await readFile(file, "utf8")).codecs.VP8;
  let target = 100_000;
  generator.onbitratechange = (bitsPerSecond) => {
    target = bitsPerSecond;
  };
  let count = 0;
  const began = Date.now();
  return setInterval(() => {
    for (const due = ((Date.now() - began) * 30) / 1000; count < due; count++) {
      const isKey = count % changes.length === 0;
      const picture = Buffer.from(isKey ? keys[0] : changes[count % changes.length], "base64");
      const data = new Uint8Array(Math.max(picture.length, Math.round(target / 8 / 30)));
      data.set(picture);
      generator.sendFrame({ data, timestamp: count * 3000, keyFrame: isKey });
    }
  }, 10);
}

function rembTest() {
  const aiortc = MEDIA_PEERS.aiortc;
  peerTest("Parley → aiortc: REMB finds a path's rate", { limit: LIMIT, missing: aiortc.missing }, async (t, start) => {
    const remote = await start(aiortc.start("aiortc"));
    const generator = new EncodedTrackGenerator({ kind: "video", mimeType: "video/VP8" });
    const pc = new RTCPeerConnection();
    const path = new LossyPath();
    let timer;
    try {
      const file = await material();
      await remote.call("open", { tracks: [{ kind: "video", codec: "VP8" }], material: file });
      const transceiver = pc.addTransceiver(generator.track);
      const { codecs } = RTCRtpReceiver.getCapabilities("video");
      transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => /VP8|rtx/.test(mimeType)));
      const offer = await path.replace(0, await describe(pc));
      const { sdp } = await remote.call("answer", { sdp: offer });
      assert.match(sdp, /goog-remb/);
      assert.doesNotMatch(sdp, /transport-cc/);
      await pc.setRemoteDescription({ type: "answer", sdp: await path.replace(1, sdp) });
      const available = async () => {
        const pairs = [...(await pc.getStats()).values()].filter(({ type }) => type === "candidate-pair");
        return Math.max(...pairs.map(({ availableOutgoingBitrate = 0 }) => availableOutgoingBitrate));
      };
      const until = async (what, isGood) => {
        const end = Date.now() + PATIENCE;
        for (;;) {
          const seen = await available();
          if (isGood(seen)) return t.diagnostic(`${what}: ${Math.round(seen / 1000)} kbit/s`);
          assert.ok(Date.now() < end, `${what}: ${seen}`);
          await sleep(100);
        }
      };
      timer = await fill(generator, file);
      await until("without a limit", (seen) => seen > 200_000);
      path.rates[0] = 150_000;
      await until("150 kbit/s", (seen) => seen < 165_000);
      path.rates[0] = Number.POSITIVE_INFINITY;
      await until("without a limit again", (seen) => seen > 190_000);
    } finally {
      clearInterval(timer);
      pc.close();
      path.close();
    }
  });
}

if (wants("feedback") || wants("aiortc")) rembTest();
if (wants("feedback") || wants("chromium")) {
  feedbackTest(true);
  feedbackTest(false);
}
