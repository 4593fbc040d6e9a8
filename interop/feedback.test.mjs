// Congestion control feedback of RFC 8888 with Chromium, which knows it as a field trial: a page's picture and tone through Parley to
// a second page, reported on in that way on both legs.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { RTCPeerConnection } from "../dist/index.js";
import { MediaBrowser, missingBrowser } from "./lib/media-browser.mjs";
import { wants } from "./lib/peers.mjs";
import { peerTest } from "./lib/suite.mjs";

const LIMIT = 60_000;
const PATIENCE = 20_000;
const TRIAL = "--force-fieldtrials=WebRTC-RFC8888CongestionControlFeedback/Enabled,offer:true/";

function create(options) {
  const pc = new RTCPeerConnection(undefined, options);
  const candidates = [];
  pc.onicecandidate = ({ candidate }) => candidates.push(candidate?.toJSON() ?? null);
  return { pc, candidates };
}

async function connect(page, { pc, candidates }) {
  const end = Date.now() + PATIENCE;
  while (pc.connectionState !== "connected") {
    assert.ok(Date.now() < end, `not connected: ${pc.connectionState}`);
    for (const candidate of candidates.splice(0)) await page("candidate", candidate);
    for (const candidate of await page("candidates")) await pc.addIceCandidate(candidate ?? undefined);
    await sleep(20);
  }
}

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

if (wants("feedback") || wants("chromium")) {
  feedbackTest(true);
  feedbackTest(false);
}
