// Raw media between two whole connections: a program writes AudioData, G.711 carries it, and a program reads AudioData.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AudioData, MediaStreamTrackGenerator, MediaStreamTrackProcessor } from "#src/media.js";
import type { RTCRtpReceiver } from "#src/w3c/rtc-rtp-receiver.js";
import { Simulation } from "#test/sim/simulation.js";
import { Pair } from "./pair.js";

const RATE = 48_000;
const FREQUENCY = 440;

interface Heard {
  readonly samples: Float32Array;
  readonly timestamps: readonly number[];
}

class Call {
  readonly sim = new Simulation(5);
  readonly pair = new Pair(
    this.sim,
    { host: this.sim.host("a", { link: { latency: 30, jitter: 10 } }) },
    { host: this.sim.host("b", { link: {} }) },
  );
  readonly generator = new MediaStreamTrackGenerator({ kind: "audio" });
  readonly writer = this.generator.writable.getWriter();
  receiver: RTCRtpReceiver | undefined;
  processor: MediaStreamTrackProcessor | undefined;
  private frame = 0;
  private readonly samples: number[] = [];
  private readonly timestamps: number[] = [];

  async begin(preferred?: string): Promise<void> {
    const transceiver = this.pair.a.addTransceiver(this.generator);
    if (preferred !== undefined) {
      const { codecs } = (this.pair.a.getReceivers()[0]!.constructor as typeof RTCRtpReceiver).getCapabilities(
        "audio",
      )!;
      transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === preferred));
    }
    this.pair.b.addEventListener("track", (event) => {
      this.receiver = (event as Event & { receiver: RTCRtpReceiver }).receiver;
      this.processor = new MediaStreamTrackProcessor({ track: this.receiver.track, maxBufferSize: 100 });
      void this.read(this.processor);
    });
    await this.pair.open();
    await this.sim.run(500);
  }

  private async read({ readable }: MediaStreamTrackProcessor): Promise<void> {
    for await (const data of readable as AsyncIterable<AudioData>) {
      const plane = new Float32Array(data.numberOfFrames);
      data.copyTo(plane, { planeIndex: 0 });
      this.samples.push(...plane);
      this.timestamps.push(data.timestamp);
      assert.deepEqual([data.sampleRate, data.numberOfChannels], [8000, 1]);
      data.close();
    }
  }

  /** 10 ms of a tone, in two channels. */
  next(): AudioData {
    const count = RATE / 100;
    const data = new Float32Array(count * 2);
    for (let i = 0; i < count; i++) {
      const at = this.frame * count + i;
      data[i] = 0.5 * Math.sin((2 * Math.PI * FREQUENCY * at) / RATE);
      data[count + i] = data[i]!;
    }
    const timestamp = this.frame++ * 10_000;
    const shape = { sampleRate: RATE, numberOfFrames: count, numberOfChannels: 2 };
    return new AudioData({ format: "f32-planar", ...shape, timestamp, data });
  }

  async talk(milliseconds: number): Promise<void> {
    for (let at = 0; at < milliseconds; at += 10) {
      void this.writer.write(this.next());
      await this.sim.run(10);
    }
  }

  get heard(): Heard {
    return { samples: Float32Array.from(this.samples), timestamps: this.timestamps };
  }
}

/** The frequency by zero crossings that go up. */
function frequencyOf(samples: Float32Array, rate: number): number {
  let first = -1;
  let last = 0;
  let count = 0;
  for (let i = 1; i < samples.length; i++) {
    if (!(samples[i - 1]! < 0 && samples[i]! >= 0)) continue;
    const at = i - samples[i]! / (samples[i]! - samples[i - 1]!);
    if (first < 0) first = at;
    else count++;
    last = at;
  }
  return (count * rate) / (last - first);
}

for (const codec of [undefined, "audio/PCMA"]) {
  test(`a tone that a program writes is heard at the other end, ${codec ?? "as negotiated first"}`, async () => {
    const call = new Call();
    await call.begin(codec);
    await call.talk(3000);
    await call.sim.run(1000);
    const { samples, timestamps } = call.heard;
    assert.ok(samples.length > 22_000, `${samples.length} samples`);
    const middle = samples.subarray(4000, 20_000);
    assert.ok(Math.abs(frequencyOf(middle, 8000) - FREQUENCY) < 1, `${frequencyOf(middle, 8000)} Hz`);
    const power = middle.reduce((sum, x) => sum + x * x, 0) / middle.length;
    assert.ok(Math.abs(power - 0.125) < 0.003, `power ${power}`);
    timestamps.forEach((timestamp, i) => {
      assert.equal(timestamp, i * 20_000);
    });

    const all = [...(await call.sim.settle(call.pair.a.getStats())).values()];
    const outbound = all.find(({ type }) => type === "outbound-rtp");
    const { mimeType } = all.find(({ id }) => id === outbound.codecId);
    assert.equal(mimeType, codec ?? "audio/PCMU", "the first that there is an encoder for");
    const source = all.find(({ type }) => type === "media-source");
    assert.ok(Math.abs(source.totalSamplesDuration - 3) < 1e-6);
    assert.ok(Math.abs(source.totalAudioEnergy - 3 * 0.125) < 1e-3);
    assert.ok(Math.abs(source.audioLevel - Math.sqrt(0.125)) < 0.01);
    const inbound = [...(await call.sim.settle(call.receiver!.getStats())).values()].find(
      ({ type }) => type === "inbound-rtp",
    );
    assert.ok(Math.abs(inbound.totalAudioEnergy - inbound.totalSamplesDuration * 0.125) < 0.02);
    // Decoding takes no time here: what it takes in all is the jitter buffer's delay.
    assert.ok(Math.abs(inbound.totalProcessingDelay - inbound.jitterBufferDelay) < 1e-6 * inbound.totalSamplesReceived);
    assert.ok(inbound.totalProcessingDelay > 0);
    assert.equal(inbound.framesDecoded, undefined, "of video only");
    await call.pair.close();
  });
}

test("a pause stays a pause; a disabled track is silent; the end of the connection ends the reading", async () => {
  const call = new Call();
  await call.begin();
  await call.talk(200);
  await call.sim.run(1000);
  const before = call.heard.timestamps.length;
  // As a program that has slept: its next timestamp is a second later.
  for (let i = 0; i < 100; i++) call.next().close();
  await call.talk(200);
  await call.sim.run(500);
  const { timestamps } = call.heard;
  const gap = timestamps[before]! - timestamps[before - 1]!;
  assert.ok(gap > 1_000_000 && gap < 1_040_000, `${gap} µs`);

  const from = call.heard.samples.length + 400;
  call.generator.enabled = false;
  await call.talk(300);
  await call.sim.run(500);
  const silence = call.heard.samples.subarray(from);
  assert.ok(silence.length > 1000 && silence.every((sample) => Math.abs(sample) < 0.001));

  const reader = new MediaStreamTrackProcessor({ track: call.receiver!.track }).readable.getReader();
  await call.pair.close();
  assert.deepEqual(await call.sim.settle(reader.read()), { done: true, value: undefined });
});
