// Media through Parley: a page's picture and tone, received, forwarded encoded to a second page, and looked at there.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { RTCRtpReceiver } from "../dist/index.js";
import { MediaBrowser, missingBrowser } from "./lib/media-browser.mjs";
import { eventually } from "./lib/media-parley.mjs";
import { connect, create } from "./lib/page-connection.mjs";
import { wants } from "./lib/peers.mjs";
import { peerTest } from "./lib/suite.mjs";

const LIMIT = 120_000;
/** Milliseconds in which pictures must have come through. */
const PATIENCE = 30_000;

/** The page offers. */
async function answerPage(page, own) {
  const { pc } = own;
  await pc.setRemoteDescription({ type: "offer", sdp: await page("offer") });
  await pc.setLocalDescription();
  await page("accept", pc.localDescription.sdp);
  await connect(page, own);
}

/** Parley offers; `media`: the page is to send. */
async function offerPage(page, own, media) {
  const { pc } = own;
  await pc.setLocalDescription();
  await pc.setRemoteDescription({ type: "answer", sdp: await page("answer", pc.localDescription.sdp, media) });
  await connect(page, own);
}

async function until(what, look, isGood) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const seen = await look();
    if (isGood(seen)) return seen;
    assert.ok(Date.now() < end, `${what}: ${JSON.stringify(seen)}`);
    await sleep(250);
  }
}

/** That pictures arrive in order and are not the same one again and again; with a tone, that it is that tone. */
async function checkViewer(viewer, { audio, frequency = 440 }, t) {
  const look = async () => {
    const { tracks } = await viewer("seen");
    const video = tracks.find(({ counters }) => counters);
    return { ...tracks.find(({ loudness }) => loudness !== undefined), counters: video?.counters ?? [], video };
  };
  await until("pictures", look, ({ counters }) => counters.length > 5);
  await sleep(2000);
  const seen = await until(
    "a steady picture",
    async () => {
      await look();
      await sleep(1500);
      return look();
    },
    (all) => all.counters.length > 15 && (!audio || hears(all, frequency)) && rises(all.counters) > 0.9,
  );
  t.diagnostic(JSON.stringify({ ...seen, counters: seen.counters.length }));
  return seen;
}

/** Where the browser has no sound card to run Web Audio, that something loud is decoded has to do. */
function hears({ frequency: heard, loudness }, frequency) {
  return heard === undefined ? loudness > 0.1 : Math.abs(heard - frequency) < 15;
}

/** The share of steps between frame counters that go forward by less than a second's worth of frames. */
function rises(counters) {
  let good = 0;
  for (let i = 1; i < counters.length; i++) {
    const step = (counters[i] - counters[i - 1] + 1024) % 1024;
    if (step > 0 && step < 30) good++;
  }
  return good / (counters.length - 1);
}

const streamOf = (stats, type, kind) => stats.find((one) => one.type === type && one.kind === kind);

/**
 * That both ends of a stream count the same, while it flows: what the receiver has lies between what the sender had a little before and
 * what it has after. `sent`, `received`: functions that give the statistics.
 */
async function sameCounts(sent, received, kind) {
  const streams = async () => {
    const before = streamOf(await sent(), "outbound-rtp", kind);
    await sleep(300);
    const there = streamOf(await received(), "inbound-rtp", kind);
    await sleep(300);
    return [before, there, streamOf(await sent(), "outbound-rtp", kind)];
  };
  const [before, there, after] = await streams();
  const pairs = ["packets", "bytes", "headerBytes", ...(kind === "video" ? ["frames"] : [])];
  for (const what of pairs) {
    const [least, count, most] = [before[`${what}Sent`], there[`${what}Received`], after[`${what}Sent`]];
    assert.ok(least > 0 && count >= least && count <= most, `${kind}, ${what}: ${count} is not in ${least} to ${most}`);
  }
  if (kind !== "video") return;
  // The sender may change the size meanwhile.
  const sizes = [before, after].map(({ frameWidth, frameHeight }) => `${frameWidth}x${frameHeight}`);
  const size = `${there.frameWidth}x${there.frameHeight}`;
  assert.ok(there.frameWidth > 0 && sizes.includes(size), `${size} of ${sizes}`);
  const wait = (1000 * there.jitterBufferDelay) / there.jitterBufferEmittedCount;
  assert.ok(wait >= 0 && wait < 500, `${wait} ms in the jitter buffer`);
  assert.ok(there.jitterBufferEmittedCount > 0.9 * there.framesReceived, `${there.jitterBufferEmittedCount} came out`);
}

function forwardTest(source, sink, { video, audio }, pageOffers) {
  const name = `${source} → Parley → ${sink}, ${[video, audio].filter(Boolean).join(" and ")}, ${pageOffers ? "pages offer" : "Parley offers"}`;
  peerTest(name, { limit: LIMIT, missing: () => missingBrowser(source) ?? missingBrowser(sink) }, async (t, start) => {
    const sending = await start(new MediaBrowser().start(source));
    // A page that another one hides is throttled by Firefox.
    const showing = source === sink && source !== "firefox" ? sending : await start(new MediaBrowser().start(sink));
    const camera = await sending.page();
    const viewer = await showing.page();
    const from = create();
    const to = create();
    const [inbound, outbound] = [from.pc, to.pc];
    try {
      await camera("open");
      await viewer("open");
      const tracks = [];
      inbound.ontrack = ({ track, streams }) => tracks.push([track, streams]);
      if (pageOffers) {
        await camera("send", { video, audio });
        await answerPage(camera, from);
      } else {
        for (const [kind, mimeType] of Object.entries({ video, audio })) {
          if (mimeType) prefer(inbound.addTransceiver(kind, { direction: "recvonly" }), kind, mimeType);
        }
        await offerPage(camera, from, true);
      }
      assert.equal(tracks.length, [video, audio].filter(Boolean).length);
      if (pageOffers) {
        await viewer("receive", { video, audio });
        for (const [track, streams] of tracks) outbound.addTrack(track, ...streams);
        await answerPage(viewer, to);
      } else {
        for (const [track, streams] of tracks) {
          prefer(
            outbound.addTransceiver(track, { direction: "sendonly", streams }),
            track.kind,
            { video, audio }[track.kind],
          );
        }
        await offerPage(viewer, to);
      }
      const seen = await checkViewer(viewer, { audio }, t);
      if (video) assert.equal(seen.video.codec.toLowerCase(), video.toLowerCase());
      if (audio && seen.codec) assert.equal(seen.codec.toLowerCase(), audio.toLowerCase());
      for (const [track] of tracks) assert.equal(track.muted, false);
      for (const kind of [video && "video", audio && "audio"].filter(Boolean)) {
        const own = (pc) => async () => [...(await pc.getStats()).values()];
        const agree = (sent, received) => eventually(() => sameCounts(sent, received, kind), PATIENCE);
        if (source === "chromium") await agree(() => camera("stats"), own(inbound));
        if (sink === "chromium") await agree(own(outbound), () => viewer("stats"));
      }
    } finally {
      inbound.close();
      outbound.close();
    }
  });
}

function prefer(transceiver, kind, mimeType) {
  if (!mimeType) return;
  const { codecs } = RTCRtpReceiver.getCapabilities(kind);
  const wanted = codecs.filter((codec) => codec.mimeType.toLowerCase() === mimeType.toLowerCase());
  transceiver.setCodecPreferences([...wanted, ...codecs.filter((codec) => /rtx|telephone/i.test(codec.mimeType))]);
}

if (wants("media")) {
  const CODECS = [
    { video: "video/VP8", audio: "audio/opus" },
    { video: "video/VP9", audio: "audio/PCMU" },
    { video: "video/H264", audio: "audio/G722" },
    { video: "video/AV1", audio: "audio/opus" },
  ];
  for (const codecs of CODECS) forwardTest("chromium", "chromium", codecs, true);
  forwardTest("chromium", "chromium", CODECS[0], false);
  forwardTest("chromium", "firefox", CODECS[0], true);
  forwardTest("firefox", "chromium", CODECS[0], true);
  forwardTest("firefox", "firefox", { video: "video/VP9", audio: "audio/opus" }, false);
}
