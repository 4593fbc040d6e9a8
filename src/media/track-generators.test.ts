// Raw media within one process: from what a program writes, and from the synthetic microphone, to what a program reads.
import assert from "node:assert/strict";
import { test } from "node:test";
import { mediaDevices } from "../index.js";
import { MediaStreamTrack, trackImplOf } from "../w3c/media-stream-track.js";
import { MediaStreamTrackHandle } from "../w3c/media-stream-track-handle.js";
import { EncodedTrackGenerator } from "./encoded-track.js";
import { MediaStreamTrackProcessor } from "./media-stream-track-processor.js";
import { AudioData } from "./raw/audio-data.js";
import { readFrameCounter } from "./synthetic/camera.js";
import { MediaStreamTrackGenerator, VideoTrackGenerator } from "./track-generators.js";

const sound = (timestamp = 0): AudioData =>
  new AudioData({
    format: "f32",
    sampleRate: 48_000,
    numberOfFrames: 2,
    numberOfChannels: 1,
    timestamp,
    data: Float32Array.of(0.5, -0.5),
  });

/** As much of a VideoFrame as is looked at. */
class Picture {
  static open = 0;
  readonly codedWidth = 320;
  readonly displayWidth: number;
  readonly displayHeight = 240;
  readonly timestamp: number;
  isOpen = true;
  constructor(timestamp: number, width = 320) {
    this.timestamp = timestamp;
    this.displayWidth = width;
    Picture.open++;
  }
  clone(): Picture {
    return new Picture(this.timestamp, this.displayWidth);
  }
  close(): void {
    if (this.isOpen) Picture.open--;
    this.isOpen = false;
  }
}

/** A timer that is set now; the loop comes by it before the immediates of now, as with a busy processor. */
const settled = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, 1);
    for (const until = performance.now() + 3; performance.now() < until; );
  });

test("a generator is a track of its kind; anything else cannot be made", () => {
  for (const init of ["audio", { kind: "audio" }] as const) {
    const generator = new MediaStreamTrackGenerator(init);
    assert.ok(generator instanceof MediaStreamTrack);
    assert.deepEqual([generator.kind, generator.readyState, generator.muted], ["audio", "live", false]);
    assert.equal(trackImplOf(generator).wrapper, generator);
    assert.equal(Object.prototype.toString.call(generator), "[object MediaStreamTrackGenerator]");
    const clone = generator.clone();
    assert.equal(Object.getPrototypeOf(clone), MediaStreamTrack.prototype);
    generator.stop();
    assert.deepEqual([generator.readyState, clone.readyState], ["ended", "live"]);
  }
  const make = MediaStreamTrackGenerator as unknown as new (...args: unknown[]) => object;
  for (const args of [[], [{}], [{ kind: "text" }], ["text"], [undefined]]) {
    assert.throws(() => new make(...args), TypeError);
  }
  // The slot for the impl is empty again.
  assert.throws(() => new (MediaStreamTrack as unknown as new () => object)(), TypeError);
  class Mine extends MediaStreamTrackGenerator {}
  assert.equal(new Mine("video").kind, "video");
});

test("what is written is read on every track that is live and enabled, and closed", async () => {
  const generator = new MediaStreamTrackGenerator("video");
  const clone = generator.clone();
  const readers = [generator, new MediaStreamTrackHandle(clone)].map((track) =>
    new MediaStreamTrackProcessor({ track }).readable.getReader(),
  );
  const writer = generator.writable.getWriter();
  const picture = new Picture(40);
  await writer.write(picture);
  assert.ok(!picture.isOpen);
  for (const reader of readers) {
    const { value } = await reader.read();
    assert.equal(value.timestamp, 40);
    value.close();
  }
  assert.equal(Picture.open, 0);
  assert.deepEqual(generator.getSettings(), { width: 320, height: 240, aspectRatio: 4 / 3 });

  generator.enabled = false;
  await writer.write(new Picture(80));
  const { value } = await readers[1]!.read();
  assert.equal(value.timestamp, 80);
  value.close();
  clone.stop();
  assert.deepEqual(await readers[1]!.read(), { done: true, value: undefined });
  generator.stop();
  assert.deepEqual(await readers[0]!.read(), { done: true, value: undefined });
  await writer.write(new Picture(120));
  assert.equal(Picture.open, 0);
});

test("what is not read in time makes room for what is newer", async () => {
  const generator = new MediaStreamTrackGenerator("audio");
  const processor = new MediaStreamTrackProcessor({ track: generator, maxBufferSize: 2 });
  const writer = generator.writable.getWriter();
  for (let i = 0; i < 5; i++) await writer.write(sound(i));
  assert.deepEqual([processor.totalFrames, processor.discardedFrames], [5, 3]);
  const reader = processor.readable.getReader();
  assert.deepEqual([(await reader.read()).value.timestamp, (await reader.read()).value.timestamp], [3, 4]);
  const next = reader.read();
  await writer.write(sound(5));
  assert.equal((await next).value.timestamp, 5);
  assert.equal(processor.discardedFrames, 3);
  await reader.cancel();
  await writer.write(sound(6));
  assert.equal(generator.readyState, "live");
});

test("what is no media of the kind ends the writing", async () => {
  for (const [kind, wrong] of [
    ["video", sound()],
    ["audio", new Picture(1)],
    ["audio", {}],
    ["audio", undefined],
  ] as const) {
    const writer = new MediaStreamTrackGenerator(kind).writable.getWriter();
    await assert.rejects(writer.write(wrong), TypeError);
    await assert.rejects(writer.closed, TypeError);
  }
  Picture.open = 0;
  const closed = sound();
  closed.close();
  const writer = new MediaStreamTrackGenerator("audio").writable.getWriter();
  await assert.rejects(writer.write(closed));
  await assert.rejects(writer.closed);
});

test("closing or aborting what is written to ends the tracks", async () => {
  for (const end of ["close", "abort"] as const) {
    const generator = new MediaStreamTrackGenerator("video");
    const events: string[] = [];
    generator.addEventListener("ended", () => events.push("ended"));
    // From an immediate, behind which the timers come.
    await new Promise((resolve) => setImmediate(resolve));
    await generator.writable.getWriter()[end]();
    await settled();
    assert.deepEqual([generator.readyState, ...events], ["ended", "ended"]);
  }
});

test("a video track generator has a track, which it mutes", async () => {
  const generator = new VideoTrackGenerator();
  const { track } = generator;
  assert.equal(generator.track, track);
  const events: string[] = [];
  for (const type of ["mute", "unmute"]) track.addEventListener(type, () => events.push(type));
  const processor = new MediaStreamTrackProcessor({ track });
  const writer = generator.writable.getWriter();
  generator.muted = true;
  await settled();
  assert.deepEqual([generator.muted, track.muted], [true, true]);
  await writer.write(new Picture(1));
  generator.muted = false;
  generator.muted = false;
  await settled();
  await writer.write(new Picture(2));
  assert.deepEqual(events, ["mute", "unmute"]);
  assert.equal(processor.totalFrames, 1);
  track.stop();
  assert.equal(Picture.open, 0);
});

test("the microphone is heard raw; a camera, and what is encoded, are not", async () => {
  const stream = await mediaDevices.getUserMedia({ audio: { sampleRate: 16_000, channelCount: 2 }, video: true });
  const [track] = stream.getAudioTracks();
  const reader = new MediaStreamTrackProcessor({ track: track! }).readable.getReader();
  const { value: first } = await reader.read();
  const { value: second } = await reader.read();
  assert.ok(first instanceof AudioData);
  assert.deepEqual([first.sampleRate, first.numberOfChannels, first.numberOfFrames], [16_000, 2, 160]);
  assert.ok(second.timestamp - first.timestamp >= 9_999);
  const plane = new Float32Array(160);
  first.copyTo(plane, { planeIndex: 1 });
  assert.ok(Math.abs(Math.max(...plane) - 0.4) < 0.01);
  track!.stop();
  assert.equal((await reader.read()).done, true);

  const [camera] = stream.getVideoTracks();
  const { track: encoded } = new EncodedTrackGenerator({ kind: "video", mimeType: "video/VP8" });
  for (const one of [camera!, encoded]) {
    assert.throws(() => new MediaStreamTrackProcessor({ track: one }), { name: "NotSupportedError" });
    one.stop();
    // What has ended has nothing to show.
    const ended = new MediaStreamTrackProcessor({ track: one }).readable.getReader();
    assert.equal((await ended.read()).done, true);
  }
});

test("a camera shows its pictures in the VideoFrame that the program has", async (t) => {
  class VideoFrame extends Picture {
    readonly data: Uint8Array;
    readonly init: object;
    constructor(data: Uint8Array, init: { timestamp: number }) {
      super(init.timestamp);
      this.data = data;
      this.init = init;
    }
  }
  const scope = globalThis as { VideoFrame?: unknown };
  scope.VideoFrame = VideoFrame;
  t.after(() => delete scope.VideoFrame);
  const stream = await mediaDevices.getUserMedia({ video: { width: 161, height: 99, frameRate: 60 } });
  const [track] = stream.getVideoTracks();
  const reader = new MediaStreamTrackProcessor({ track: track!, maxBufferSize: 9 }).readable.getReader();
  let last = -1;
  for (const number of [0, 1, 2]) {
    const { value } = await reader.read();
    const { timestamp } = value;
    assert.deepEqual(value.init, { format: "I420", codedWidth: 161, codedHeight: 99, timestamp });
    assert.equal(value.data.length, 161 * 99 + 2 * 81 * 50);
    assert.equal(readFrameCounter(value.data, 161, 99), number);
    assert.ok(timestamp > last);
    last = timestamp;
    value.close();
  }
  track!.stop();
  Picture.open = 0;
});
