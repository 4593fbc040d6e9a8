// What one implementation sends, forwarded encoded to another one that comes later: the picture is there in time, because its request
// for a key frame goes back to the first.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { RTCPeerConnection } from "../dist/index.js";
import { parseRtp } from "./lib/media-check.mjs";
import { codecMaterial, missingEncoders } from "./lib/media-material.mjs";
import { connected, describe, eventually, ParleyEnd, prefer, trackOf, until } from "./lib/media-parley.mjs";
import { MEDIA_PEERS } from "./lib/media-peers.mjs";
import { isVideo } from "./lib/media-sender.mjs";
import { wants, wantsPeer } from "./lib/peers.mjs";
import { peerTest } from "./lib/suite.mjs";

const LIMIT = 120_000;
/** From the connection to the first picture, and until all is as it should be: the machine may be busy. */
const FIRST_PICTURE = 20_000;
const SETTLED = 20_000;
const LOOK = 1500;
const TONE = 440;

/** From whom, to whom, in which codecs. */
const CHAINS = [
  ["chromium", "aiortc", ["VP8", "H264", "opus", "PCMU"]],
  ["webrtcbin", "chromium", ["VP8", "VP9", "H264", "opus", "PCMA"]],
  ["pion", "firefox", ["VP8", "VP9", "AV1", "opus", "G722"]],
  ["firefox", "webrtcbin", ["VP8", "VP9", "opus", "PCMU"]],
  ["aiortc", "wrtc", ["VP8", "opus", "PCMA"]],
  ["wrtc", "pion", ["VP8", "VP9", "AV1", "opus", "G722"]],
  ["werift", "webrtcbin", ["VP8", "H264", "H265", "opus", "G722"]],
  ["node-datachannel", "chromium", ["VP9", "H264", "AV1", "opus", "PCMU"]],
];

/** How many pictures or packets came to a section since the last time, and the tone. */
function came({ packets, counters, decoded, frequency, loudness } = {}) {
  const pictures = packets
    ? packets.map((text) => parseRtp(Buffer.from(text, "base64"))).length
    : (decoded ?? counters?.length);
  return { count: pictures ?? 0, frequency, loudness };
}

for (const [source, sink, codecs] of wants("media") ? CHAINS : []) {
  if (![source, sink].some(wantsPeer)) continue;
  const [from, to] = [MEDIA_PEERS[source], MEDIA_PEERS[sink]];
  const missing = () => from.missing() ?? to.missing() ?? missingEncoders();
  const title = `${from.title} → Parley → ${to.title}, ${codecs.join(", ")}`;
  peerTest(title, { limit: LIMIT, missing }, async (t, start) => {
    const material = await codecMaterial();
    const tracks = codecs.map(trackOf);
    // Pion takes the codecs of the first section for those of all.
    const mixed = source === "pion";
    const [sender, receiver] = await Promise.all([start(from.start(source)), start(to.start(sink))]);
    const inbound = new ParleyEnd(material.path, codecs, { mixed });
    const outbound = new RTCPeerConnection();
    try {
      await sender.call("open", { tracks, material: material.path });
      await receiver.call("open", { tracks, material: material.path });
      await inbound.connect(sender, "offerer");
      await until(
        "everything to come to Parley",
        () => codecs.map((_, i) => inbound.frames[i]?.length ?? 0),
        (counts) => counts.every((count) => count > 5),
      );
      await sleep(700); // the first key frame is long over
      codecs.forEach((codec, i) => {
        const transceiver = outbound.addTransceiver(inbound.remoteTracks[i], { direction: "sendonly" });
        prefer(transceiver, sink === "pion" ? [codec, ...codecs] : [codec]);
      });
      const { sdp } = await receiver.call("answer", { sdp: await describe(outbound) });
      await outbound.setRemoteDescription({ type: "answer", sdp });
      await connected(outbound);
      const began = Date.now();
      const first = codecs.map(() => undefined);
      await until(
        "everything to come through",
        async () => {
          const seen = (await receiver.call("seen")).tracks.map(came);
          codecs.forEach((codec, i) => {
            const { count = 0, frequency, loudness } = seen[i] ?? {};
            if (count > 0 || (!isVideo(codec) && (frequency > 0 || loudness > 0))) first[i] ??= Date.now() - began;
          });
          return first;
        },
        (all) => all.every((time) => time !== undefined),
        FIRST_PICTURE,
      );
      t.diagnostic(`first after ${JSON.stringify(Object.fromEntries(codecs.map((codec, i) => [codec, first[i]])))} ms`);
      await sleep(1000);
      const look = async () => {
        await receiver.call("seen");
        const began = Date.now();
        await sleep(LOOK);
        const seen = (await receiver.call("seen")).tracks.map(came);
        const seconds = (Date.now() - began) / 1000;
        codecs.forEach((codec, i) => {
          const { count, frequency, loudness } = seen[i];
          if (isVideo(codec)) assert.ok(count >= seconds * material.rate * 0.3, `${codec}: ${count} pictures`);
          else if (frequency !== undefined) assert.ok(Math.abs(frequency - TONE) < 15, `${codec}: ${frequency} Hz`);
          else if (loudness !== undefined) assert.ok(loudness > 0.1, `${codec}: loudness ${loudness}`);
          else assert.ok(count > seconds * 27, `${codec}: ${count} packets`);
        });
      };
      await eventually(look, SETTLED);
      assert.deepEqual([...sender.strays, ...receiver.strays], [], JSON.stringify([sender.strays, receiver.strays]));
    } finally {
      inbound.close();
      outbound.close();
    }
  });
}
