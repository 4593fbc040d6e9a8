// What goes beside the media: tones (RFC 4733), requests for key frames of either kind, and whether the figures of both ends agree.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { RTCRtpReceiver } from "../dist/index.js";
import { RtpTrackProcessor } from "../dist/media.js";
import { parseRtp } from "./lib/media-check.mjs";
import { codecMaterial, missingEncoders } from "./lib/media-material.mjs";
import { ParleyEnd, trackOf, until } from "./lib/media-parley.mjs";
import { MEDIA_PEERS } from "./lib/media-peers.mjs";
import { wants, wantsPeer } from "./lib/peers.mjs";
import { peerTest } from "./lib/suite.mjs";

const LIMIT = 90_000;
const TONES = "15#";
const EVENTS = [1, 5, 11];
/** Milliseconds of each tone. */
const DURATION = 200;
/** How much the counts of both ends may differ: what was under way when they were read. */
const AGREEMENT = 0.06;

/** The tones in payloads of telephone-event, with the longest duration of each, in ticks. */
function tonesOf(payloads) {
  const tones = [];
  for (const payload of payloads) {
    if (payload.length < 4) continue;
    const [event] = payload;
    const duration = (payload[2] << 8) | payload[3];
    const last = tones.at(-1);
    const isEnd = (payload[1] & 0x80) !== 0;
    if (last?.event === event && !last.over) Object.assign(last, { duration, over: isEnd });
    else if (!(last?.event === event && isEnd && last.duration === duration))
      tones.push({ event, duration, over: isEnd });
  }
  return tones;
}

function checkTones(tones, clockRate) {
  assert.deepEqual(
    tones.map(({ event }) => event),
    EVENTS,
  );
  for (const { duration } of tones) {
    const milliseconds = (duration * 1000) / clockRate;
    assert.ok(milliseconds > DURATION * 0.8 && milliseconds < DURATION * 1.5, `${milliseconds} ms`);
  }
}

async function start(started, name, codecs, options, role = "answerer") {
  const material = await codecMaterial();
  const agent = await started(MEDIA_PEERS[name].start(name));
  const parley = new ParleyEnd(material.path, codecs, options);
  await agent.call("open", { tracks: codecs.map(trackOf), material: material.path });
  try {
    await parley.connect(agent, role);
  } catch (error) {
    parley.close();
    throw error;
  }
  return { agent, parley };
}

const helpers = /\/(rtx|telephone-event)$/i;
const missingFor = (name) => () => MEDIA_PEERS[name].missing() ?? missingEncoders();

if (wants("media") && wantsPeer("pion"))
  peerTest(
    "Pion: tones to it, key frames asked for by FIR and PLI",
    { limit: LIMIT, missing: missingFor("pion") },
    async (t, started) => {
      const { agent, parley } = await start(started, "pion", ["PCMU", "VP8"], { helpers });
      try {
        await until(
          "pictures",
          () => parley.frames[1]?.length,
          (count) => count > 5,
        );
        await t.test("tones", async () => {
          const { sender } = parley.pc.getTransceivers()[0];
          const payloads = [];
          const look = async () => {
            const { tracks } = await agent.call("seen");
            for (const text of tracks[0].packets) {
              const { payloadType, payload } = parseRtp(Buffer.from(text, "base64"));
              if (payloadType !== 0) payloads.push(payload);
            }
            return tonesOf(payloads).filter(({ over }) => over).length;
          };
          sender.dtmf.insertDTMF(TONES, DURATION, 100);
          await until("the tones", look, (count) => count === EVENTS.length);
          await sleep(200);
          await look();
          checkTones(tonesOf(payloads), 8000);
        });
        for (const [what, fir, name] of [
          ["FIR", true, "firCount"],
          ["PLI", false, "pliCount"],
        ])
          await t.test(what, async () => {
            await sleep(500); // one soon after another is the same wish
            const before = await parley.stats(1, "outbound-rtp");
            const { requests } = parley.tracks.all[1];
            await agent.call("keyframe", { track: 1, fir });
            await until(
              "the request",
              () => parley.tracks.all[1].requests,
              (now) => now > requests,
            );
            const after = await parley.stats(1, "outbound-rtp");
            assert.equal(after[name], before[name] + 1);
          });
      } finally {
        parley.close();
      }
    },
  );

/** The first difference of more than AGREEMENT between figures of two ends, by name. */
function differing(pairs) {
  return Object.entries(pairs).filter(([, [one, other]]) => !(Math.abs(one - other) <= Math.max(3, one * AGREEMENT)));
}

/** `unseen`: by section, what was sent and the peer does not count, as of the last call. */
async function agree(parley, agent, unseen) {
  const { pc } = parley;
  const mids = pc.getTransceivers().map(({ mid }) => mid);
  for (const [i, mid] of mids.entries()) {
    const [ours, theirs] = await Promise.all([pc.getStats(), agent.page("stats")]);
    const here = [...ours.values()];
    const of = (stats, type) => stats.find((one) => one.type === type && one.mid === mid);
    const remote = (stats, own) => stats.find(({ id }) => id === own?.remoteId);
    const [sent, got] = [of(here, "outbound-rtp"), of(theirs, "inbound-rtp")];
    const [came, gone] = [of(here, "inbound-rtp"), of(theirs, "outbound-rtp")];
    const pairs = {
      packetsSent: [sent.packetsSent, got.packetsReceived],
      bytesSent: [sent.bytesSent, got.bytesReceived],
      packetsReceived: [gone.packetsSent, came.packetsReceived],
      bytesReceived: [gone.bytesSent, came.bytesReceived],
      headerBytes: [gone.headerBytesSent, came.headerBytesReceived],
    };
    if (agent.name === "firefox") {
      // It counts no packets that are nothing but padding, as those that probe for bandwidth are: of pictures, not of sound.
      delete pairs.packetsSent;
      if (sent.kind === "video") {
        const before = unseen.get(mid);
        const now = { bytes: sent.bytesSent - got.bytesReceived, received: got.bytesReceived };
        unseen.set(mid, now);
        pairs.bytesSent = [now.bytes, before?.bytes];
        assert.ok(now.bytes >= 0 && now.received > (before?.received ?? 0), `section ${i}: ${JSON.stringify(now)}`);
      }
    }
    assert.deepEqual(differing(pairs), [], `section ${i}: ${JSON.stringify(pairs)}`);
    const [reported, reports] = [remote(here, sent), remote(theirs, gone)];
    for (const report of [reported, reports]) {
      assert.ok(report, `section ${i}: no report`);
      assert.ok(report.packetsLost >= -1 && report.packetsLost < 5, JSON.stringify(report));
      assert.ok(report.roundTripTime >= 0 && report.roundTripTime < 1, JSON.stringify(report));
      assert.ok(report.jitter >= 0 && report.jitter < 0.5, JSON.stringify(report));
    }
    const announced = remote(here, came);
    assert.ok(announced && announced.packetsSent <= gone.packetsSent, JSON.stringify(announced));
  }
}

for (const name of ["chromium", "firefox"]) {
  if (!wants("media") || !wantsPeer(name)) continue;
  const { title } = MEDIA_PEERS[name];
  peerTest(
    `${title}: tones from it, figures of both ends`,
    { limit: LIMIT, missing: missingFor(name) },
    async (t, started) => {
      const { agent, parley } = await start(started, name, ["VP8", "PCMU"], { helpers });
      try {
        const payloads = [];
        const event = RTCRtpReceiver.getCapabilities("audio").codecs.some(({ mimeType }) =>
          /telephone-event/.test(mimeType),
        );
        assert.ok(event);
        const { payloadType } = parley.pc
          .getTransceivers()[1]
          .receiver.getParameters()
          .codecs.find(({ mimeType, clockRate }) => mimeType === "audio/telephone-event" && clockRate === 8000);
        const processor = new RtpTrackProcessor({ track: parley.remoteTracks[1] });
        processor.onrtp = (packet) => {
          if (packet.payloadType === payloadType) payloads.push(Buffer.from(packet.payload()));
        };
        await until(
          "pictures",
          () => parley.frames[0]?.length,
          (count) => count > 5,
        );
        await t.test("tones from the page", async () => {
          await agent.page("dtmf", TONES);
          await until(
            "the tones",
            () => tonesOf(payloads).filter(({ over }) => over).length,
            (count) => count === EVENTS.length,
          );
          await sleep(200);
          checkTones(tonesOf(payloads), 8000);
        });
        processor.close();
        await t.test("figures of both ends", async () => {
          await sleep(2500); // reports are made every second or less often
          const unseen = new Map();
          await until(
            "figures that agree",
            () =>
              agree(parley, agent, unseen).then(
                () => undefined,
                (error) => error.message,
              ),
            (fault) => fault === undefined,
          );
        });
        assert.deepEqual(agent.strays, []);
      } finally {
        parley.close();
      }
    },
  );
}
