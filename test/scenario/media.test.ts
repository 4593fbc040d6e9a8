// Audio and video between two whole connections over links that lose packets: how many frames come whole, and how late. The
// camera is the synthetic one, whose frames are read at the other end after the jitter buffer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFrameCounter } from "#src/media/synthetic/camera.js";
import { CameraFlow, MicrophoneFlow } from "#src/media/synthetic/feeds.js";
import { TrackImpl, trackImplOf } from "#src/w3c/media-stream-track.js";
import { RTCRtpReceiver } from "#src/w3c/rtc-rtp-receiver.js";
import { DeviceSource, syntheticCamera, syntheticMicrophone } from "#src/w3c/synthetic-devices.js";
import { H264BlockDecoder } from "#test/media/h264-block-decoder.js";
import type { LinkOptions } from "#test/sim/link.js";
import { Simulation } from "#test/sim/simulation.js";
import { Pair } from "./pair.js";

const FRAME_RATE = 30;
/** Milliseconds from the camera to the reader that count as in time: the way, and five requests for what was lost. */
const IN_TIME = 600;
/** Of media that is looked at. */
const SECONDS = 30;

interface Outcome {
  /** Frames that the camera made. */
  readonly sent: number;
  /** Those delivered whole in time. */
  readonly inTime: number;
  /** Milliseconds from camera to reader, of all that were delivered, in order. */
  readonly delays: readonly number[];
  readonly keyFrames: number;
  /** Audio packets of SECONDS * 50 that were delivered. */
  readonly audio: number;
}

/** One way 50 ms with these losses, the way back the same. */
async function run(seed: number, loss: LinkOptions): Promise<Outcome> {
  const sim = new Simulation(seed);
  const pair = new Pair(
    sim,
    { host: sim.host("a", { link: { latency: 50, ...loss } }) },
    { host: sim.host("b", { link: {} }) },
  );
  const platform = sim.platform(sim.host("devices"));
  /** By RTP timestamp. */
  const sentAt = new Map<number, number>();
  let isOver = false;
  const camera = {
    ...syntheticCamera,
    connect: (...[own, track, outlet]: ConstructorParameters<typeof CameraFlow>) => {
      const watched: typeof outlet = Object.create(outlet, {
        sendFrame: {
          value: (...args: Parameters<typeof outlet.sendFrame>) => {
            if (!isOver) sentAt.set(args[1].timestamp, sim.now);
            outlet.sendFrame(...args);
          },
        },
      });
      return new CameraFlow(own, track, watched);
    },
  };
  const microphone = {
    ...syntheticMicrophone,
    connect: (...args: ConstructorParameters<typeof MicrophoneFlow>) => new MicrophoneFlow(...args),
  };
  const track = (device: typeof camera | typeof microphone): TrackImpl => {
    const { kind } = device;
    const settings = kind === "video" ? { width: 320, height: 240, frameRate: FRAME_RATE } : {};
    return new TrackImpl({ platform, kind, label: kind, settings, source: new DeviceSource(device, platform) });
  };
  const arrivals: { readonly sent: number; readonly delay: number }[] = [];
  let keyFrames = 0;
  let audio = 0;
  pair.b.addEventListener("track", (event) => {
    const remote = trackImplOf((event as Event & { track: Parameters<typeof trackImplOf>[0] }).track);
    remote.source.read!({
      onFrame: ({ timestamp, keyFrame }) => {
        if (remote.kind === "audio") {
          if (!isOver) audio++;
          return;
        }
        const sent = sentAt.get(timestamp);
        if (sent === undefined) return;
        arrivals.push({ sent, delay: sim.now - sent });
        if (keyFrame) keyFrames++;
      },
    });
  });
  pair.a.addTrack(track(camera).wrapper);
  pair.a.addTrack(track(microphone).wrapper);
  await pair.open();
  // What was sent before is lost where the last flight of DTLS was.
  const opening = sim.now;
  await sim.run(SECONDS * 1000);
  isOver = true;
  await sim.run(3000);
  await pair.close();
  const delays = arrivals.filter(({ sent }) => sent >= opening).map(({ delay }) => delay);
  return {
    sent: [...sentAt.values()].filter((time) => time >= opening).length,
    inTime: delays.filter((delay) => delay <= IN_TIME).length,
    delays,
    keyFrames,
    audio,
  };
}

// One packet of which four repeats in a row are lost, which the receiver waits for, costs half a second of frames: what is lost of a
// thousand can be told by many runs only.
for (const [name, loss, least, leastAudio, runs] of [
  ["no loss", {}, 1, 0.99, 2],
  ["5 % loss", { loss: 0.05 }, 0.999, 0.94, 24],
  ["20 % loss", { loss: 0.2 }, 0.97, 0.78, 4],
  ["losses in bursts of three, 5 % in all", { burst: { enter: 0.0175, leave: 0.33 } }, 0.995, 0.93, 4],
] as const) {
  test(`video over 50 ms each way, ${name}: frames come whole and in time`, async (t) => {
    let allSent = 0;
    let allInTime = 0;
    let allAudio = 0;
    for (let seed = 1; seed <= runs; seed++) {
      const { sent, inTime, delays, keyFrames, audio } = await run(seed, loss);
      const figures = `seed ${seed}: ${inTime} of ${sent}, ${audio} of audio, longest ${Math.max(...delays).toFixed(0)} ms, ${keyFrames} key frames`;
      t.diagnostic(figures);
      assert.ok(sent >= SECONDS * FRAME_RATE, figures);
      assert.ok(inTime >= 0.97 * sent, figures);
      allSent += sent;
      allInTime += inTime;
      allAudio += audio;
    }
    assert.ok(allInTime >= least * allSent, `${allInTime} of ${allSent}`);
    assert.ok(allAudio >= leastAudio * SECONDS * 50 * runs, `${allAudio} of audio`);
  });
}

test("the statistics of a sender of the camera are its encoder's", async () => {
  const sim = new Simulation(3);
  const pair = new Pair(sim, { host: sim.host("a", { link: { latency: 10 } }) }, { host: sim.host("b", { link: {} }) });
  const platform = sim.platform(sim.host("devices"));
  const connect = (...args: ConstructorParameters<typeof CameraFlow>): CameraFlow => new CameraFlow(...args);
  const source = new DeviceSource({ ...syntheticCamera, connect }, platform);
  const settings = { width: 320, height: 240, frameRate: FRAME_RATE };
  const sender = pair.a.addTrack(new TrackImpl({ platform, kind: "video", label: "camera", settings, source }).wrapper);
  await pair.open();
  await sim.run(10_000);
  const report = [...(await sim.settle(sender.getStats())).values()];
  const stats = report.find(({ type }) => type === "outbound-rtp");
  assert.ok(stats.framesEncoded > 250, `${stats.framesEncoded} frames`);
  assert.deepEqual([stats.frameWidth, stats.frameHeight], [320, 240]);
  assert.ok(Math.abs(stats.framesPerSecond - FRAME_RATE) <= 1, `${stats.framesPerSecond} frames a second`);
  assert.equal(stats.qpSum, 35 * stats.framesEncoded);
  assert.equal(stats.scalabilityMode, "L1T1");
  assert.equal(stats.totalEncodeTime, 0, "no time passes in the simulation meanwhile");
  const { none, ...others } = stats.qualityLimitationDurations;
  assert.ok(none >= 10 && none < 15, `${none} s`);
  assert.deepEqual(others, { cpu: 0, bandwidth: 0, other: 0 });
  // The frames that were to be of the size that the bitrate allows are smaller.
  assert.ok(stats.totalEncodedBytesTarget > stats.bytesSent, `${stats.totalEncodedBytesTarget} bytes`);
  await pair.close();
});

test("what passes through without being decoded has statistics: as a source, as it is sent, and where it arrives", async () => {
  const sim = new Simulation(5);
  const platform = sim.platform(sim.host("devices"));
  const link = { latency: 10 };
  const first = new Pair(sim, { host: sim.host("a", { link }) }, { host: sim.host("b", { link }) });
  const second = new Pair(sim, { host: sim.host("c", { link }) }, { host: sim.host("d", { link }) });
  const settings = { width: 320, height: 240, frameRate: FRAME_RATE };
  const camera = {
    ...syntheticCamera,
    connect: (...args: ConstructorParameters<typeof CameraFlow>) => new CameraFlow(...args),
  };
  const microphone = {
    ...syntheticMicrophone,
    connect: (...args: ConstructorParameters<typeof MicrophoneFlow>) => new MicrophoneFlow(...args),
  };
  for (const device of [camera, microphone]) {
    const { kind } = device;
    const source = new DeviceSource(device, platform);
    first.a.addTrack(new TrackImpl({ platform, kind, label: kind, settings, source }).wrapper);
  }
  await first.open();
  for (const { track } of first.b.getReceivers()) second.a.addTrack(track);
  await second.open();
  await sim.run(10_000);
  const stats = async (connection: Pair["a"], type: string, kind: string): Promise<Record<string, number>> => {
    const report = [...(await sim.settle(connection.getStats())).values()];
    return report.find((one) => one.type === type && one.kind === kind);
  };
  const source = await stats(second.a, "media-source", "video");
  const received = await stats(first.b, "inbound-rtp", "video");
  assert.deepEqual([source["width"], source["height"], source["frames"]], [320, 240, received["framesReceived"]]);
  assert.ok(Math.abs(source["framesPerSecond"]! - FRAME_RATE) <= 1, `${source["framesPerSecond"]} frames a second`);
  assert.deepEqual([received["frameWidth"], received["frameHeight"]], [320, 240]);
  assert.ok(received["framesReceived"]! - received["jitterBufferEmittedCount"]! < 5);

  const sent = await stats(second.a, "outbound-rtp", "video");
  const arrived = await stats(second.b, "inbound-rtp", "video");
  assert.deepEqual([sent["frameWidth"], sent["frameHeight"]], [320, 240]);
  assert.ok(Math.abs(sent["framesPerSecond"]! - FRAME_RATE) <= 1, `${sent["framesPerSecond"]} frames a second`);
  assert.ok(sent["framesSent"]! > 250, `${sent["framesSent"]} frames`);
  assert.equal(sent["framesEncoded"], 0, "nothing was encoded for it");
  assert.ok(Math.abs(sent["framesSent"]! - arrived["framesReceived"]!) <= 1, `${arrived["framesReceived"]} arrived`);
  assert.deepEqual([arrived["frameWidth"], arrived["frameHeight"]], [320, 240]);

  const sound = await stats(second.a, "media-source", "audio");
  const heard = await stats(first.b, "inbound-rtp", "audio");
  for (const name of ["audioLevel", "totalAudioEnergy", "totalSamplesDuration"]) {
    assert.ok(heard[name]! > 0);
    assert.equal(sound[name], heard[name], name);
  }
  second.a.close();
  second.b.close();
  await first.close();
});

test("the camera speaks H.264 where that is preferred, also to a peer that takes only single NAL units", async () => {
  for (const mode of ["packetization-mode=1", "packetization-mode=0"]) {
    const sim = new Simulation(4);
    const pair = new Pair(
      sim,
      { host: sim.host("a", { link: { latency: 10 } }) },
      { host: sim.host("b", { link: {} }) },
    );
    const platform = sim.platform(sim.host("devices"));
    const connect = (...args: ConstructorParameters<typeof CameraFlow>): CameraFlow => new CameraFlow(...args);
    const source = new DeviceSource({ ...syntheticCamera, connect }, platform);
    const settings = { width: 640, height: 480, frameRate: FRAME_RATE };
    const { wrapper } = new TrackImpl({ platform, kind: "video", label: "camera", settings, source });
    const transceiver = pair.a.addTransceiver(wrapper);
    const { codecs } = RTCRtpReceiver.getCapabilities("video")!;
    transceiver.setCodecPreferences(
      codecs.filter(({ mimeType, sdpFmtpLine }) => mimeType === "video/H264" && sdpFmtpLine!.includes(mode)),
    );
    const decoder = new H264BlockDecoder();
    const counters: (number | undefined)[] = [];
    pair.b.addEventListener("track", (event) => {
      const { track } = event as Event & { track: Parameters<typeof trackImplOf>[0] };
      trackImplOf(track).source.read!({
        onFrame: ({ data }) => counters.push(readFrameCounter(decoder.decode(data), decoder.width, decoder.height)),
      });
    });
    await pair.open();
    await sim.run(5000);
    assert.ok(counters.length > 120, `${counters.length} frames`);
    counters.forEach((counter, i) => {
      assert.equal(counter, counters[0]! + i);
    });
    const report = [...(await sim.settle(transceiver.sender.getStats())).values()];
    const stats = report.find(({ type }) => type === "outbound-rtp");
    const codec = report.find(({ id }) => id === stats.codecId);
    assert.ok(codec.mimeType === "video/H264" && codec.sdpFmtpLine.includes(mode));
    assert.equal(stats.qpSum, 28 * stats.framesEncoded);
    await pair.close();
  }
});
