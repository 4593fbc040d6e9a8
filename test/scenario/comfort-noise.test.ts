// Comfort noise (RFC 3389) between whole connections: a program sends it among G.711, it is forwarded, and read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type EncodedFrame, EncodedTrackGenerator, EncodedTrackProcessor } from "#src/media.js";
import type { MediaStreamTrack } from "#src/w3c/media-stream-track.js";
import { RTCRtpReceiver } from "#src/w3c/rtc-rtp-receiver.js";
import { Simulation } from "#test/sim/simulation.js";
import { Pair } from "./pair.js";

/** 20 ms of sound as G.711 has it, and a level of -40 dBov with a coefficient. */
const SOUND = new Uint8Array(160).fill(0x55);
const NOISE = Uint8Array.of(40, 200);

/** What comes out at the far end of two connections in a row, of sound that stops for a while. */
async function call(mimeType: string, negotiated: readonly string[]): Promise<EncodedFrame[]> {
  const sim = new Simulation(1);
  const [alice, bob, carol] = ["alice", "bob", "carol"].map((name) => sim.host(name, { link: { latency: 10 } }));
  const first = new Pair(sim, { host: alice! }, { host: bob! });
  const second = new Pair(sim, { host: bob! }, { host: carol! });
  const generator = new EncodedTrackGenerator({ kind: "audio", mimeType });
  const { codecs } = RTCRtpReceiver.getCapabilities("audio")!;
  const wanted = codecs.filter((codec) => negotiated.includes(codec.mimeType));
  first.a.addTransceiver(generator.track, { direction: "sendonly" }).setCodecPreferences(wanted);
  first.b.addEventListener("track", ({ track }) => void second.a.addTrack(track));
  const frames: EncodedFrame[] = [];
  let heard: MediaStreamTrack | undefined;
  second.b.addEventListener("track", ({ track }) => {
    heard = track;
    new EncodedTrackProcessor({ track }).onframe = (frame) => frames.push(frame);
  });
  await first.open();
  await second.open();
  await sim.run(500);
  assert.ok(heard);
  for (let i = 0; i < 100; i++) {
    const timestamp = i * 160;
    if (i < 30 || i >= 70) generator.sendFrame({ data: SOUND, timestamp, keyFrame: true, startOfTalkspurt: i === 70 });
    else if (i % 5 === 0) generator.sendFrame({ data: NOISE, timestamp, keyFrame: true, mimeType: "audio/CN" });
    await sim.run(20);
    if (i % 10 === 0) {
      const report = await sim.settle(first.a.getStats());
      const outbound = [...report.values()].find(({ type }) => type === "outbound-rtp")!;
      assert.equal(report.get(outbound.codecId)!.mimeType, mimeType);
    }
  }
  await sim.run(500);
  return frames;
}

test("comfort noise goes among the sound, is forwarded, and read as what it is", async () => {
  const frames = await call("audio/PCMU", ["audio/PCMU", "audio/CN"]);
  const noise = frames.filter(({ mimeType }) => mimeType === "audio/CN");
  assert.deepEqual(
    noise.map(({ data, payloadType }) => [[...data], payloadType]),
    Array.from({ length: 8 }, () => [[...NOISE], 13]),
  );
  assert.equal(frames.length, 68);
  // In its place, and with the clock of the sound.
  const [begin] = frames;
  const times = frames.map(({ timestamp }) => ((timestamp - begin!.timestamp) >>> 0) / 160);
  const sent = Array.from({ length: 100 }, (_, i) => i).filter((i) => i < 30 || i >= 70 || i % 5 === 0);
  assert.deepEqual(times, sent);
});

test("what was not negotiated, or has another clock, is not sent", async () => {
  const without = await call("audio/PCMU", ["audio/PCMU"]);
  assert.deepEqual([...new Set(without.map(({ mimeType }) => mimeType))], ["audio/PCMU"]);
  assert.equal(without.length, 60);
  const opus = await call("audio/opus", ["audio/opus", "audio/CN"]);
  assert.deepEqual([...new Set(opus.map(({ mimeType }) => mimeType))], ["audio/opus"]);
});
