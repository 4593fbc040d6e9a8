import assert from "node:assert/strict";
import { test } from "node:test";
import type { EncodedFrameInit } from "../../peer/media.js";
import type { Platform } from "../../peer/platform.js";
import type { FedTrack, MediaOutlet } from "../../w3c/media-feed.js";
import { CameraFlow, MicrophoneFlow } from "./feeds.js";

/** A loop whose timers are as late as `lateness` says each time. */
class Loop {
  now = 5000;
  lateness: () => number = () => 0;
  private timers: { at: number; fire: () => void }[] = [];
  readonly platform: Platform = {
    now: () => this.now,
    crypto: { random: (length: number) => new Uint8Array(length).fill(0xff) },
    setTimer: (fire: () => void, delay: number) => {
      const timer = { at: this.now + delay + this.lateness(), fire };
      this.timers.push(timer);
      return {
        cancel: () => {
          this.timers = this.timers.filter((other) => other !== timer);
        },
      };
    },
  } as unknown as Platform;

  run(milliseconds: number): void {
    const until = this.now + milliseconds;
    for (;;) {
      const [first] = this.timers.sort((a, b) => a.at - b.at);
      if (first === undefined || first.at > until) break;
      this.timers.shift();
      this.now = Math.max(this.now, first.at);
      first.fire();
    }
    this.now = until;
  }

  get pending(): number {
    return this.timers.length;
  }
}

interface Sent {
  readonly encoding: number;
  readonly frame: EncodedFrameInit;
  readonly time: number;
}

function outletOf(loop: Loop, mimeType: string, more: object = {}): { outlet: MediaOutlet; sent: Sent[] } {
  const sent: Sent[] = [];
  const encoding = { active: true, maxFramerate: null, scaleResolutionDownBy: 1 };
  const outlet = {
    codecs: [{ mimeType, payloadType: 96 }],
    encodings: [{ ...encoding, ...more }],
    sendFrame: (index: number, frame: EncodedFrameInit) => sent.push({ encoding: index, frame, time: loop.now }),
  } as unknown as MediaOutlet;
  return { outlet, sent };
}

const track = (frameRate = 30): FedTrack => ({
  kind: "video",
  enabled: true,
  settings: { width: 64, height: 64, frameRate },
});

/** From each to the next, also where they wrap around. */
const steps = (sent: readonly Sent[]): number[] =>
  sent.slice(1).map(({ frame }, i) => (frame.timestamp - sent[i]!.frame.timestamp) >>> 0);

for (const [frameRate, step] of [
  [30, 3000],
  [15, 6000],
  [60, 1500],
] as const) {
  test(`pictures are even in their timestamps at ${frameRate} a second, however late the timers are`, () => {
    const loop = new Loop();
    let turn = 0;
    loop.lateness = () => [0, 7, 1, 12, 3, 0, 30][turn++ % 7]!;
    const { outlet, sent } = outletOf(loop, "video/VP8");
    const flow = new CameraFlow(loop.platform, track(frameRate), outlet);
    loop.run(10_000);
    assert.ok(Math.abs(sent.length - 10 * frameRate) <= 2, `${sent.length}`);
    for (const one of steps(sent)) assert.ok(Math.abs(one - step) <= 1, `${one}`);
    // What they say of when they were taken is as even, and never ahead of the time.
    sent.forEach(({ frame, time }, i) => {
      const since = frame.captureTime! - sent[0]!.frame.captureTime!;
      assert.ok(Math.abs(since - (i * 1000) / frameRate) < 1e-6);
      assert.ok(frame.captureTime! <= time);
      const ticks = (frame.timestamp - sent[0]!.frame.timestamp) >>> 0;
      assert.ok(Math.abs(ticks - since * 90) <= 1, `${ticks} ${since}`);
    });
    flow.stop();
    assert.equal(loop.pending, 0);
  });
}

test("a loop that was held up is made up for by a few pictures only, and timestamps show the gap", () => {
  const loop = new Loop();
  let held = 0;
  loop.lateness = () => held;
  const { outlet, sent } = outletOf(loop, "video/VP8");
  new CameraFlow(loop.platform, track(), outlet);
  loop.run(100);
  const before = sent.length;
  held = 3000;
  loop.run(40);
  held = 0;
  loop.run(4000);
  const after = sent.slice(before);
  const [gap] = steps(sent).filter((one) => one > 90_000);
  assert.ok(gap !== undefined && Math.abs(gap - 3000 * 90) < 2 * 3000, `${gap}`);
  const atOnce = after.filter(({ time }) => time === after[1]!.time);
  assert.ok(atOnce.length <= 6, `${atOnce.length}`);
  for (const { frame, time } of sent) assert.ok(frame.captureTime! <= time);
});

test("maxFramerate takes every second or third picture, evenly", () => {
  for (const [maxFramerate, step] of [
    [15, 6000],
    [10, 9000],
  ] as const) {
    const loop = new Loop();
    const { outlet, sent } = outletOf(loop, "video/VP8", { maxFramerate });
    new CameraFlow(loop.platform, track(), outlet);
    loop.run(3000);
    assert.ok(sent.length > 20);
    for (const one of steps(sent)) assert.ok(Math.abs(one - step) <= 1, `${one}`);
  }
});

test("pictures and their rate stay within the level of H.264 that the peer takes", () => {
  for (const [id, size] of [
    ["42e034", [1920, 1080]],
    ["42e01f", [1280, 720]],
    ["42e015", [480, 270]],
    ["42e00c", [240, 136]],
  ] as const) {
    const loop = new Loop();
    const { outlet, sent } = outletOf(loop, "video/H264");
    Object.assign(outlet.codecs[0]!, { sdpFmtpLine: `packetization-mode=1;profile-level-id=${id}` });
    const settings = { width: 1920, height: 1080, frameRate: 30 };
    const flow = new CameraFlow(loop.platform, { kind: "video", enabled: true, settings }, outlet);
    loop.run(1000);
    flow.stop();
    const [{ frame }] = sent as [Sent];
    assert.deepEqual([frame.width, frame.height], size, id);
    assert.ok(Math.abs(sent.length - 30) <= 1, `${id}: ${sent.length}`);
    // level_idc of the sequence parameters, which begin the key frame.
    assert.ok(frame.data[7]! <= Number.parseInt(id.slice(4), 16), `${id}: ${frame.data[7]}`);
  }
});

test("VP8 keeps to max-fs and max-fr", () => {
  const loop = new Loop();
  const { outlet, sent } = outletOf(loop, "video/VP8");
  Object.assign(outlet.codecs[0]!, { sdpFmtpLine: "max-fs=4;max-fr=10" });
  new CameraFlow(loop.platform, track(), outlet);
  loop.run(1000);
  assert.deepEqual([sent[0]!.frame.width, sent[0]!.frame.height], [32, 32]);
  assert.ok(Math.abs(sent.length - 10) <= 1, `${sent.length}`);
});

test("sound goes on without a gap in its timestamps, 20 ms each", () => {
  for (const [mimeType, step] of [
    ["audio/opus", 960],
    ["audio/PCMU", 160],
  ] as const) {
    const loop = new Loop();
    let turn = 0;
    loop.lateness = () => (turn++ % 5) * 4;
    const { outlet, sent } = outletOf(loop, mimeType);
    new MicrophoneFlow(loop.platform, { ...track(), kind: "audio" }, outlet);
    loop.run(2000);
    assert.ok(Math.abs(sent.length - 100) <= 2, `${sent.length}`);
    for (const one of steps(sent)) assert.equal(one, step);
    // While nothing was recorded the time went on all the same.
    loop.lateness = () => 1000;
    loop.run(30);
    loop.lateness = () => 0;
    loop.run(2000);
    const { frame, time } = sent.at(-1)!;
    const expected = ((frame.captureTime! - sent[0]!.frame.captureTime!) * step) / 20;
    assert.ok(steps(sent).some((one) => one > 10 * step));
    assert.ok(frame.captureTime! <= time);
    assert.ok(Math.abs(((frame.timestamp - sent[0]!.frame.timestamp) >>> 0) - expected) <= step);
  }
});
