// Frames of a source that does not follow the estimate: over a path that carries less they are left out, not late for ever, and not lost.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EncodedTrackGenerator, EncodedTrackProcessor } from "#src/media.js";
import type { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { RTCRtpSender } from "#src/w3c/rtc-rtp-sender.js";
import type { RTCTrackEvent } from "#src/w3c/rtc-track-event.js";
import type { Host } from "#test/sim/network.js";
import { Simulation } from "#test/sim/simulation.js";
import { Pair } from "./pair.js";

const INTERVAL = 1000 / 30;

/** A connection that carries one encoding of a rate that nothing changes. */
class Stream {
  readonly sim: Simulation;
  readonly pair: Pair;
  readonly to: Host;
  /** Milliseconds from the source to the other end's reader, by frame; NaN before it has come. */
  readonly delays: number[] = [];
  asked = 0;
  isOver = false;
  private readonly generator = new EncodedTrackGenerator({ kind: "video", mimeType: "video/VP8" });
  private keyFrame = true;
  private readonly sent: number[] = [];

  constructor(seed: number, link: object) {
    this.sim = new Simulation(seed);
    this.to = this.sim.host("b", { link: {} });
    this.pair = new Pair(this.sim, { host: this.sim.host("a", { link: {} }) }, { host: this.to });
    this.to.link.down.options = { ...this.to.link.down.options, latency: 30, ...link };
    this.generator.onkeyframerequest = () => {
      this.asked++;
      this.keyFrame = true;
    };
    this.pair.b.addEventListener("track", (event) => {
      const { track } = event as RTCTrackEvent;
      new EncodedTrackProcessor({ track }).onframe = ({ timestamp }) => {
        this.delays[timestamp / 3000] = this.sim.scheduler.now - this.sent[timestamp / 3000]!;
      };
    });
    const transceiver = this.pair.a.addTransceiver(this.generator.track, { direction: "sendonly" });
    const { codecs } = RTCRtpSender.getCapabilities("video")!;
    transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => /VP8|rtx/.test(mimeType)));
  }

  async run(rate: number, seconds: number): Promise<void> {
    await this.pair.open(30_000);
    const next = (): void => {
      if (this.isOver) return;
      const { keyFrame } = this;
      this.keyFrame = false;
      const data = new Uint8Array(Math.round((rate / 8 / 30) * (keyFrame ? 5 : 1)));
      data.set(keyFrame ? [0x10, 2, 0, 0x9d, 1, 0x2a, 64, 1, 240, 0] : [0x11, 2, 0]);
      const count = this.sent.push(this.sim.scheduler.now) - 1;
      this.delays.push(Number.NaN);
      this.generator.sendFrame({ data, timestamp: count * 3000, keyFrame });
      this.sim.scheduler.after(INTERVAL, next);
    };
    next();
    await this.sim.run(seconds * 1000);
  }

  /** The share of frames that came within so many milliseconds. */
  within(milliseconds: number): number {
    return this.delays.filter((delay) => delay <= milliseconds).length / this.delays.length;
  }

  async close(): Promise<void> {
    this.isOver = true;
    await this.pair.close();
    await this.sim.run(12_000);
    assert.deepEqual(this.sim.leftovers(), []);
  }
}

async function outbound(sim: Simulation, pc: RTCPeerConnection): Promise<Record<string, number>> {
  const promise = pc.getStats();
  await sim.run(1);
  for (const entry of (await promise).values()) {
    const one = entry as { type: string };
    if (one.type === "outbound-rtp") return entry as unknown as Record<string, number>;
  }
  throw new Error("no outbound-rtp");
}

test("a fifth too much: three quarters of the frames come, none much later than a second, and nothing is lost", async (t) => {
  const stream = new Stream(1, { rate: 1_000_000, queue: 30_000 });
  await stream.run(1_200_000, 30);
  const { framesEncoded, framesSent } = await outbound(stream.sim, stream.pair.a);
  stream.isOver = true;
  await stream.sim.run(3000);
  const share = stream.within(1300);
  t.diagnostic(`${share} of ${stream.delays.length} frames, ${stream.asked} key frames asked for`);
  assert.ok(share > 0.65, `${share}`);
  assert.ok(stream.asked < 20, `${stream.asked}`);
  assert.ok(stream.to.link.down.stats.overflowed < 20, `${stream.to.link.down.stats.overflowed}`);
  assert.equal(framesEncoded, stream.delays.length);
  assert.ok(framesSent! < 0.9 * framesEncoded! && framesSent! > 0.6 * framesEncoded!, `${framesSent}`);
  await stream.close();
});

test("a source that stops while its frames are left out is asked for a key frame: the picture that stays is the last one", async () => {
  const stream = new Stream(2, { rate: 1_000_000, queue: 30_000 });
  await stream.run(3_000_000, 8);
  const before = stream.asked;
  await stream.sim.runUntil(() => stream.asked > before, 3000);
  // The key frame and some more have filled the queue again.
  await stream.sim.run(600);
  stream.isOver = true;
  const { framesEncoded, framesSent } = await outbound(stream.sim, stream.pair.a);
  assert.ok(framesSent! < framesEncoded!);
  await stream.sim.run(3000);
  assert.equal(stream.asked, before + 2);
  await stream.close();
});

test("where packets are lost at random, and no queue grows, all frames go", async () => {
  const stream = new Stream(1, { rate: 5_000_000, queue: 150_000, loss: 0.2 });
  await stream.run(1_500_000, 20);
  const { framesEncoded, framesSent } = await outbound(stream.sim, stream.pair.a);
  assert.equal(framesSent, framesEncoded);
  stream.isOver = true;
  await stream.sim.run(4000);
  const came = stream.delays.filter((delay) => !Number.isNaN(delay)).length;
  assert.ok(came > 0.95 * stream.delays.length, `${came} of ${stream.delays.length}`);
  await stream.close();
});
