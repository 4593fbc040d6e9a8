// Every codec that a peer has, both ways at once over one connection, each side offering. Peers that only carry packets get the very
// frames that were sent, to the byte, and send the same; of the others, what they send is decoded by GStreamer, and they say what they show.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { parseRtp } from "./lib/media-check.mjs";
import { decode } from "./lib/media-decode.mjs";
import { codecMaterial, missingEncoders } from "./lib/media-material.mjs";
import { ParleyEnd, trackOf, until } from "./lib/media-parley.mjs";
import { FrameCollector, identityOf, unitsOf } from "./lib/media-payloads.mjs";
import { CODEC_PEERS } from "./lib/media-peers.mjs";
import { isVideo } from "./lib/media-sender.mjs";
import { ROLES, wants, wantsPeer } from "./lib/peers.mjs";
import { peerTest } from "./lib/suite.mjs";

/** For one peer in one role. */
const LIMIT = 120_000;
/** How long media is looked at, in milliseconds. */
const LOOK = 1500;
/** From asking for a key frame to showing it: webrtcbin's latency, and a busy machine. */
const RECOVERY = 2000;
/** For so long it is looked again where something was not right: a busy machine loses packets, and shows late. */
const PATIENCE_TO_SETTLE = 30_000;
/** Of what should come in that time: a busy machine decodes less. */
const LEAST = 0.25;
const TONE = 440;
/** The share of pictures that have to follow the one before. */
const STEADY = 0.9;

/** Which frame of the material each of `frames` (units) is, -1: none. */
function indices(codec, material, frames) {
  const known = new Map(
    material.codecs[codec].changes.map((text, i) => [identityOf(unitsOf(codec, Buffer.from(text, "base64"))), i]),
  );
  return frames.map((units) => known.get(identityOf(units)) ?? -1);
}

/** The share of steps that go on by one, or to the beginning: a key frame was asked for. Pages show fewer than are decoded. */
function steadiness(counters, modulus, { gaps = false } = {}) {
  let good = 0;
  for (let i = 1; i < counters.length; i++) {
    const step = (counters[i] - counters[i - 1] + modulus) % modulus;
    if (step === 1 || counters[i] === 0 || (gaps && step > 0 && step < modulus / 2)) good++;
  }
  return counters.length < 2 ? 0 : good / (counters.length - 1);
}

/** The peer's end: what it has got, by section, since it was last asked. */
class Peer {
  #remote;
  #codecs;
  #collectors;

  constructor(remote, codecs) {
    this.#remote = remote;
    this.#codecs = codecs;
    this.#collectors = codecs.map((codec) => new FrameCollector(codec));
  }

  call(op, args) {
    return this.#remote.call(op, args);
  }

  async seen() {
    const { tracks } = await this.call("seen");
    assert.deepEqual(this.#remote.strays, []);
    return this.#codecs.map((codec, i) => {
      const { packets, ...rest } = tracks[i] ?? {};
      if (!packets) {
        const good = rest.counters?.filter((counter) => counter >= 0).length ?? 0;
        return { ...rest, good, frames: rest.decoded ?? rest.counters?.length ?? 0 };
      }
      const parsed = packets.map((text) => parseRtp(Buffer.from(text, "base64")));
      const units = isVideo(codec)
        ? parsed.flatMap((packet) => this.#collectors[i].push(packet)).map((frame) => frame.units)
        : parsed.map(({ payload }) => [payload]);
      return { units, good: units.length, frames: units.length };
    });
  }
}

const inRange = (what, count, wanted) =>
  assert.ok(count > wanted * LEAST && count < wanted * 1.6, `${count} ${what}, not ${wanted}`);

function checkTone(what, { frequency, loudness }) {
  if (frequency !== undefined) assert.ok(Math.abs(frequency - TONE) < 15, `${what}: heard ${frequency} Hz`);
  else assert.ok(loudness > 0.1 && loudness < 0.7, `${what}: loudness ${loudness}`);
}

for (const [name, peer] of wants("media") ? Object.entries(CODEC_PEERS).filter(([name]) => wantsPeer(name)) : []) {
  for (const role of ROLES) {
    const missing = () => peer.missing() ?? missingEncoders();
    peerTest(
      `${peer.title} as ${role}, ${peer.codecs.join(", ")} at once`,
      { limit: LIMIT, missing },
      async (t, start) => {
        const material = await codecMaterial();
        const codecs = peer.codecs.filter((codec) => material.codecs[codec]);
        const { rate, width, height } = material;
        const there = new Peer(await start(peer.start(name)), codecs);
        const parley = new ParleyEnd(material.path, codecs, { mixed: peer.mixed !== undefined });
        if (peer.mixed) t.diagnostic(`limit: ${peer.mixed}`);
        for (const [what, why] of Object.entries({ ...peer.without, ...material.missing }))
          t.diagnostic(`limit: no ${what}: ${why}`);
        try {
          await there.call("open", { tracks: codecs.map(trackOf), material: material.path });
          await parley.connect(there, role);
          const came = codecs.map(() => 0);
          let looks = 0;
          await until(
            "pictures and sound of every codec at both ends",
            async () => {
              (await there.seen()).forEach(({ good, frequency, loudness }, i) => {
                came[i] += good || (frequency || loudness ? 1 : 0);
              });
              // The first key frame may come before a peer takes any media.
              if (++looks % 20 === 0)
                for (const [i, count] of came.entries())
                  if (count === 0 && isVideo(codecs[i])) await there.call("keyframe", { track: i });
              return codecs.map((codec, i) => [codec, parley.frames[i]?.length, came[i]]);
            },
            (all) => all.every(([, here, far]) => here > 2 && far > 0),
            PATIENCE_TO_SETTLE,
          );
          const look = async () => {
            if (!peer.limits.settled) await sleep(500);
            await there.seen();
            const from = parley.frames.map((frames) => frames.length);
            const began = Date.now();
            await sleep(LOOK);
            const seconds = (Date.now() - began) / 1000;
            const seen = await there.seen();
            const sent = await Promise.all(codecs.map((_, i) => parley.sent(i)));
            return { seconds, seen, sent, fresh: parley.frames.map((frames, i) => frames.length - from[i]) };
          };
          /** What is wrong with one codec, by throwing. */
          const toPeer = ({ seconds, seen, sent }, codec, i) => {
            const { frames, units, counters, size, codec: said } = seen[i];
            if (said) assert.match(said, new RegExp(`/${codec}$`, "i"));
            if (units || isVideo(codec)) inRange("frames", frames, seconds * (isVideo(codec) ? rate : 50));
            const period = material.codecs[codec].changes.length;
            if (units) {
              const found = indices(codec, material, units);
              assert.ok(!found.includes(-1), `not what was sent: ${found}`);
              if (isVideo(codec)) assert.ok(steadiness(found, period) > 0.95, `${found}`);
            } else if (isVideo(codec)) {
              const good = steadiness(counters, period, { gaps: peer.limits.steady !== undefined });
              assert.ok(good > STEADY, `${good}: ${counters} ${JSON.stringify(sent[i])}`);
              assert.deepEqual(size, [width, height]);
            } else checkTone("to the peer", seen[i]);
          };
          /** How much has come of one codec. */
          const fromPeer = ({ seconds, seen, fresh }, codec, i) =>
            inRange("frames", fresh[i], isVideo(codec) ? (seen[i].sent ?? seconds * rate) : seconds * 50);
          const fault = (looked, codec, i) => {
            try {
              toPeer(looked, codec, i);
              fromPeer(looked, codec, i);
            } catch (error) {
              return `${codec}: ${error.message.split("\n")[0].slice(0, 300)}`;
            }
          };
          let looked = await look();
          for (const end = Date.now() + PATIENCE_TO_SETTLE; ; looked = await look()) {
            const faults = codecs.map((codec, i) => fault(looked, codec, i));
            if (faults.every((text) => text === undefined) || Date.now() > end) break;
            t.diagnostic(`looked again: ${faults.filter(Boolean).join("; ")}`);
            for (const [i, codec] of codecs.entries()) if (isVideo(codec)) await there.call("keyframe", { track: i });
            await sleep(RECOVERY);
          }
          // From the beginning on: a decoder needs the first key frame.
          const all = parley.frames.map((frames) => frames.map(({ data }) => Buffer.from(data)));
          const decoded = peer.exact ? {} : await decode(Object.fromEntries(codecs.map((codec, i) => [codec, all[i]])));
          for (const [i, codec] of codecs.entries()) {
            await t.test(`${codec} from the peer`, () => {
              fromPeer(looked, codec, i);
              assert.match(parley.frames[i][0].mimeType, new RegExp(`/${codec}$`, "i"));
              if (peer.exact) {
                const found = indices(
                  codec,
                  material,
                  all[i].map((data) => unitsOf(codec, data)),
                );
                assert.ok(!found.includes(-1), `not what was sent: ${found}`);
                if (isVideo(codec))
                  assert.equal(steadiness(found, material.codecs[codec].changes.length), 1, `${found}`);
                return;
              }
              const { counters, ...what } = decoded[codec];
              assert.ok(!what.error, what.error);
              if (isVideo(codec)) {
                assert.ok(what.decoded >= what.frames - 2, JSON.stringify(what));
                assert.deepEqual(what.size, [width, height]);
              } else checkTone("from the peer", what);
            });
            await t.test(`${codec} to the peer`, () => toPeer(looked, codec, i));
          }
          await there.call("close");
        } finally {
          parley.close();
        }
      },
    );
  }
}
