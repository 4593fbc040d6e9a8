// Sound that a program writes and reads raw, with a page at the other end: G.711 is encoded and decoded by Parley.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { RTCPeerConnection } from "../dist/index.js";
import { AudioData, MediaStreamTrackGenerator, MediaStreamTrackProcessor } from "../dist/media.js";
import { MediaBrowser, missingBrowser } from "./lib/media-browser.mjs";
import { frequencyOf } from "./lib/media-check.mjs";
import { wants } from "./lib/peers.mjs";
import { peerTest } from "./lib/suite.mjs";

const LIMIT = 90_000;
const PATIENCE = 40_000;
const RATE = 44_100;
/** Hz: what Parley says, and what the page says. */
const OURS = 600;
const THEIRS = 440;

/** Writes a tone as it is due, in pieces of 10 ms; the result ends that. */
function speak(writer) {
  const begun = performance.now();
  const count = RATE / 100;
  let piece = 0;
  const timer = setInterval(() => {
    for (; piece * 10 < performance.now() - begun; piece++) {
      const data = Float32Array.from(
        { length: count },
        (_, i) => 0.4 * Math.sin((2 * Math.PI * OURS * (piece * count + i)) / RATE),
      );
      const shape = { format: "f32", sampleRate: RATE, numberOfFrames: count, numberOfChannels: 1 };
      void writer.write(new AudioData({ ...shape, timestamp: piece * 10_000, data }));
    }
  }, 10);
  return () => clearInterval(timer);
}

async function listen(track, heard) {
  for await (const data of new MediaStreamTrackProcessor({ track, maxBufferSize: 100 }).readable) {
    const samples = new Float32Array(data.numberOfFrames);
    data.copyTo(samples, { planeIndex: 0 });
    heard.push(...samples);
    heard.rate = data.sampleRate;
    data.close();
  }
}

function rawTest(browser, codec) {
  const name = `raw sound both ways with ${browser}, ${codec}`;
  peerTest(name, { limit: LIMIT, missing: () => missingBrowser(browser) }, async (t, start) => {
    const page = await (await start(new MediaBrowser().start(browser))).page();
    const pc = new RTCPeerConnection();
    const generator = new MediaStreamTrackGenerator({ kind: "audio" });
    const heard = [];
    let silence = () => {};
    try {
      await page("open");
      pc.ontrack = ({ track }) => void listen(track, heard);
      await pc.setRemoteDescription({ type: "offer", sdp: await page("offerBoth", [{ kind: "audio", codec }]) });
      pc.addTrack(generator);
      const gathered = new Promise((resolve) => {
        pc.onicecandidate = ({ candidate }) => candidate ?? resolve();
      });
      await pc.setLocalDescription();
      await gathered;
      await page("accept", pc.localDescription.sdp);
      silence = speak(generator.writable.getWriter());

      for (const end = Date.now() + PATIENCE; ; ) {
        await sleep(1000);
        const own = frequencyOf(heard.slice(-2 * heard.rate || undefined), heard.rate);
        const [theirs] = (await page("seen")).tracks;
        const isHeard = theirs.frequency === undefined ? theirs.loudness > 0.1 : Math.abs(theirs.frequency - OURS) < 15;
        const figures = JSON.stringify({ own, samples: heard.length, theirs });
        if (isHeard && heard.length > 3 * heard.rate && Math.abs(own - THEIRS) < 5) {
          t.diagnostic(figures);
          assert.equal(theirs.codec.toLowerCase(), `audio/${codec}`.toLowerCase());
          break;
        }
        assert.ok(Date.now() < end, figures);
      }
    } finally {
      silence();
      pc.close();
    }
  });
}

if (wants("media")) {
  rawTest("chromium", "PCMU");
  rawTest("chromium", "PCMA");
  rawTest("firefox", "PCMU");
}
