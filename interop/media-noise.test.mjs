// Comfort noise (RFC 3389) with Chromium, which sends it where a microphone is silent: what Parley reads of it, what another page hears of
// it by way of Parley, and what the first page makes of a program's.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { RTCPeerConnection } from "../dist/index.js";
import { EncodedTrackGenerator, EncodedTrackProcessor } from "../dist/media.js";
import { MediaBrowser, missingBrowser } from "./lib/media-browser.mjs";
import { material } from "./lib/media-material.mjs";
import { connected, describe, eventually, prefer, until } from "./lib/media-parley.mjs";
import { FrameLoop, pace } from "./lib/media-sender.mjs";
import { wants, wantsPeer } from "./lib/peers.mjs";
import { peerTest } from "./lib/suite.mjs";

const LIMIT = 120_000;
const NOISE = /\/CN$/i;
/** Every so many packets of 20 ms. */
const NOISE_EVERY = 5;
/** Milliseconds that silence is looked at. */
const LOOK = 1500;
/** -dBov of a program's noise, one after the other, and how far what is heard may be from it. */
const LEVELS = [30, 55];
const TOLERANCE = 8;

/** A program's sound, which says how loud the noise is in its place once it has a `level`. */
class Program {
  generator = new EncodedTrackGenerator({ kind: "audio", mimeType: "audio/PCMU" });
  level;

  async start() {
    const loop = new FrameLoop(JSON.parse(readFileSync(await material(), "utf8")).codecs.PCMU);
    const send = (number) => {
      const frame = { timestamp: (number * 160) >>> 0, keyFrame: true };
      if (this.level === undefined) this.generator.sendFrame({ ...frame, data: loop.next(number).frame });
      else if (number % NOISE_EVERY === 0)
        this.generator.sendFrame({ ...frame, data: Uint8Array.of(this.level), mimeType: "audio/CN" });
    };
    this.stop = pace(1, () => {}, send);
  }
}

/** How loud it is at a page, in dB of full scale, and what its figures say. */
async function heard(page) {
  const [{ rms }] = (await page("seen")).tracks;
  const inbound = (await page("stats")).find(({ type }) => type === "inbound-rtp");
  const { packetsReceived, concealedSamples, totalSamplesReceived } = inbound ?? {};
  return { loudness: 20 * Math.log10(rms), packetsReceived, concealedSamples, totalSamplesReceived };
}

const isLoud = ({ loudness }) => loudness > -20;

if (wants("media") && wantsPeer("chromium"))
  peerTest(
    "Chromium: comfort noise from it, through Parley to another page, and to it",
    { limit: LIMIT, missing: () => missingBrowser("chromium") },
    async (t, start) => {
      const browser = await start(new MediaBrowser().start("chromium"));
      const [speaker, listener] = [await browser.page(), await browser.page()];
      const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
      const program = new Program();
      const frames = [];
      try {
        await Promise.all([speaker("open"), listener("open")]);
        from.ontrack = ({ track }) => {
          new EncodedTrackProcessor({ track }).onframe = (frame) => frames.push(frame);
          prefer(to.addTransceiver(track, { direction: "sendonly" }), ["PCMU"], NOISE);
        };
        const sdp = await speaker("offerBoth", [{ kind: "audio", codec: "PCMU" }]);
        assert.match(sdp, /^a=rtpmap:13 CN\/8000\r$/m);
        await from.setRemoteDescription({ type: "offer", sdp });
        from.addTrack(program.generator.track);
        await speaker("accept", await describe(from));
        await to.setRemoteDescription({
          type: "answer",
          sdp: await listener("answerBoth", await describe(to), "recvonly"),
        });
        await Promise.all([connected(from), connected(to)]);
        await program.start();
        const both = () => Promise.all([heard(speaker), heard(listener)]);
        const loud = () => until("a tone at both pages", both, (pages) => pages.every(isLoud));
        await t.test("a tone each way", loud);

        await t.test("the page falls silent, and the program", async () => {
          program.level = LEVELS[0];
          await speaker("run", "pc.getSenders()[0].track.enabled = false");
          frames.length = 0;
          const noise = () => frames.filter(({ mimeType }) => mimeType === "audio/CN");
          await until("noise from the page", noise, ({ length }) => length > 2);
          await sleep(300);
          // Again where the page, or the timers here, were held up.
          await eventually(async () => {
            const before = await both();
            frames.length = 0;
            await sleep(LOOK);
            const after = await both();
            const count = noise().length;
            t.diagnostic(JSON.stringify({ count, frames: frames.length, before, after }));
            // Every 100 ms, and nothing else.
            assert.ok(count > LOOK / 200 && count < LOOK / 60, `${count} of ${frames.length}`);
            assert.equal(frames.length, count);
            for (const { data, payloadType } of noise()) {
              assert.equal(payloadType, 13);
              // A muted microphone is as silent as can be.
              assert.ok(data[0] > 60 && data[0] <= 127, `level ${data[0]}`);
            }
            const [[mine, theirs], [mineBefore, theirsBefore]] = [after, before];
            assert.ok(Math.abs(mine.loudness + LEVELS[0]) < TOLERANCE, `${mine.loudness} dB`);
            assert.ok(!(theirs.loudness > -60), `${theirs.loudness} dB`);
            // That is no sound that was missed: packets came, ten a second, and nothing was made up for lost ones.
            for (const [now, then] of [
              [mine, mineBefore],
              [theirs, theirsBefore],
            ]) {
              const packets = now.packetsReceived - then.packetsReceived;
              assert.ok(packets > LOOK / 200 && packets < LOOK / 60, `${packets} packets`);
              const played = now.totalSamplesReceived - then.totalSamplesReceived;
              assert.ok(now.concealedSamples - then.concealedSamples < 0.1 * played, JSON.stringify([then, now]));
            }
          });
        });

        await t.test("another level", async () => {
          program.level = LEVELS[1];
          await until(
            "softer noise",
            () => heard(speaker),
            ({ loudness }) => Math.abs(loudness + LEVELS[1]) < TOLERANCE,
          );
        });

        await t.test("both speak again", async () => {
          program.level = undefined;
          await speaker("run", "pc.getSenders()[0].track.enabled = true");
          await loud();
        });
      } finally {
        program.stop?.();
        from.close();
        to.close();
      }
    },
  );
