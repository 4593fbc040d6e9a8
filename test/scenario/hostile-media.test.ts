// Programs and peers that do with media what nobody should: connections closed from within callbacks, tracks sent back to where they
// came from, senders that change while packets flow.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type EncodedFrame,
  EncodedTrackGenerator,
  EncodedTrackProcessor,
  RtpTrackGenerator,
  RtpTrackProcessor,
} from "#src/media.js";
import { RtpSendStream } from "#src/rtp/send-stream.js";
import type { MediaStreamTrack } from "#src/w3c/media-stream-track.js";
import type { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { Simulation } from "#test/sim/simulation.js";
import { Pair } from "./pair.js";

function bed(): { sim: Simulation; pair: Pair } {
  const sim = new Simulation(1);
  const a = { host: sim.host("alice", { link: { latency: 10 } }) };
  const b = { host: sim.host("bob", { link: { latency: 10 } }) };
  return { sim, pair: new Pair(sim, a, b) };
}

function tracksOf(pc: RTCPeerConnection): MediaStreamTrack[] {
  const tracks: MediaStreamTrack[] = [];
  pc.addEventListener("track", ({ track }) => void tracks.push(track));
  return tracks;
}

const KEY_FRAME = Uint8Array.of(0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00, 1, 2, 3);
function rtp(sequence: number, size = 200): Uint8Array {
  const packet = new Uint8Array(12 + size);
  const timestamp = sequence * 3000;
  packet.set([
    0x80,
    0x80 | 96,
    sequence >> 8,
    sequence,
    timestamp >>> 24,
    timestamp >>> 16,
    timestamp >>> 8,
    timestamp,
  ]);
  packet.set([0, 0, 0, 9], 8);
  packet.set(KEY_FRAME, 12);
  return packet;
}

async function talk(sim: Simulation, generator: RtpTrackGenerator, count: number, from = 0): Promise<void> {
  for (let i = from; i < from + count; i++) {
    generator.sendRtp(rtp(i));
    await sim.run(5);
  }
}

test("a connection may be closed in the handler of a packet, of a request for a key frame, and of a track", async () => {
  for (const where of ["rtp", "keyframe", "bitrate", "track", "mute"] as const) {
    const { sim, pair } = bed();
    const generator = new RtpTrackGenerator({ kind: "video", mimeType: "video/VP8" });
    pair.a.addTrack(generator.track);
    let closed = 0;
    const close = (): void => {
      closed++;
      pair.a.close();
      pair.b.close();
    };
    pair.b.addEventListener("track", ({ track }) => {
      if (where === "track") close();
      if (where === "mute") track.addEventListener("unmute", close);
      const processor = new RtpTrackProcessor({ track });
      processor.onrtp = () => {
        if (where === "rtp") close();
        if (where === "keyframe") processor.requestKeyFrame();
      };
    });
    if (where === "keyframe") generator.onkeyframerequest = close;
    if (where === "bitrate") generator.onbitratechange = close;
    for (let i = 0; i < 400 && closed === 0; i++) {
      generator.sendRtp(rtp(i));
      await sim.run(10);
    }
    assert.ok(closed >= 1, where);
    const before = closed;
    await talk(sim, generator, 20, 500);
    await sim.run(6000);
    if (where === "rtp") assert.equal(closed, before, "nothing after close");
    await pair.close();
  }
});

test("a track sent back to where it came from", async () => {
  const { sim, pair } = bed();
  const generator = new RtpTrackGenerator({ kind: "video", mimeType: "video/VP8" });
  pair.a.addTrack(generator.track);
  const back = tracksOf(pair.a);
  pair.b.addEventListener("track", ({ track }) => void pair.b.addTrack(track));
  await pair.open();
  await sim.run(1000);
  let heard = 0;
  assert.equal(back.length, 1);
  const processor = new RtpTrackProcessor({ track: back[0]! });
  processor.onrtp = () => heard++;
  await talk(sim, generator, 50);
  await sim.run(500);
  assert.ok(heard >= 50, `${heard}`);
  await pair.close();
});

test("replaceTrack, directions, stop and rollback while packets flow", async () => {
  const { sim, pair } = bed();
  const generator = new RtpTrackGenerator({ kind: "video", mimeType: "video/VP8" });
  const sender = pair.a.addTrack(generator.track);
  const tracks = tracksOf(pair.b);
  await pair.open();
  await sim.run(500);
  let heard = 0;
  const processor = new RtpTrackProcessor({ track: tracks[0]! });
  processor.onrtp = () => heard++;
  const count = async (from: number): Promise<number> => {
    heard = 0;
    await talk(sim, generator, 20, from);
    await sim.run(500);
    return heard;
  };
  assert.equal(await count(0), 20);
  void sender.replaceTrack(null);
  await sim.run(10);
  assert.equal(await count(20), 0);
  void sender.replaceTrack(generator.track);
  await sim.run(10);
  assert.equal(await count(40), 20);
  const [transceiver] = pair.a.getTransceivers();
  transceiver!.direction = "inactive";
  await sim.run(1000);
  assert.equal(transceiver!.currentDirection, "inactive");
  assert.equal(await count(60), 0);
  transceiver!.direction = "sendonly";
  await sim.run(1000);
  assert.equal(await count(80), 20);
  pair.a.restartIce();
  const during = count(100);
  assert.equal(await during, 20);
  await sim.run(2000);
  assert.equal(await count(120), 20);
  transceiver!.stop();
  await sim.run(1000);
  assert.equal(await count(140), 0);
  await pair.close();
});

test("sixty kilobytes in one packet are forwarded or dropped, nothing else", async () => {
  const { sim, pair } = bed();
  const second = new Pair(sim, { host: sim.hosts[1]! }, { host: sim.host("carol", { link: { latency: 10 } }) });
  const generator = new RtpTrackGenerator({ kind: "video", mimeType: "video/VP8" });
  pair.a.addTrack(generator.track);
  const tracks = tracksOf(pair.b);
  await pair.open();
  await sim.run(500);
  second.a.addTrack(tracks[0]!);
  const forwarded = tracksOf(second.b);
  await second.open();
  await sim.run(500);
  const sizes: number[] = [];
  const processor = new RtpTrackProcessor({ track: forwarded[0]! });
  processor.onrtp = (packet) => sizes.push(packet.payloadLength);
  await talk(sim, generator, 5);
  generator.sendRtp(rtp(5, 60_000));
  await sim.run(50);
  await talk(sim, generator, 5, 6);
  await sim.run(2000);
  assert.ok(sizes.filter((size) => size === 200).length === 10, `${sizes}`);
  second.a.close();
  second.b.close();
  await pair.close();
});

test("a bug met when a packet is sent on ends the connection that it was for, and nothing else", async (t) => {
  const { sim, pair } = bed();
  const generator = new RtpTrackGenerator({ kind: "video", mimeType: "video/VP8" });
  pair.a.addTrack(generator.track);
  await pair.open();
  await sim.run(500);
  t.mock.method(RtpSendStream.prototype, "forward", () => {
    throw new Error("a bug in forward");
  });
  generator.sendRtp(rtp(0));
  await sim.run(100);
  assert.equal(pair.a.connectionState, "failed");
  await pair.close();
});

test("a bug met when a frame is sent on, or comes out of a transform, ends the connection that it was for", async (t) => {
  for (const transformed of [false, true]) {
    const { sim, pair } = bed();
    const second = new Pair(sim, { host: sim.hosts[1]! }, { host: sim.host("carol", { link: { latency: 10 } }) });
    const generator = new EncodedTrackGenerator({ kind: "audio", mimeType: "audio/opus" });
    const other = new RtpTrackGenerator({ kind: "video", mimeType: "video/VP8" });
    pair.a.addTrack(generator.track);
    pair.a.addTrack(other.track);
    const tracks = tracksOf(pair.b);
    await pair.open();
    await sim.run(500);
    const forwarded = tracksOf(second.b);
    const sender = second.a.addTrack(tracks.find(({ kind }) => kind === "audio")!);
    if (transformed) {
      const { readable, writable } = sender.createEncodedStreams();
      void (readable as ReadableStream).pipeTo(writable as WritableStream);
    } else {
      const { receiver } = pair.b.getTransceivers().find(({ receiver }) => receiver.track.kind === "audio")!;
      const { readable, writable } = receiver.createEncodedStreams();
      void (readable as ReadableStream).pipeTo(writable as WritableStream);
    }
    await second.open();
    await sim.run(500);
    let heard = 0;
    new EncodedTrackProcessor({ track: forwarded[0]! }).onframe = () => heard++;
    let seen = 0;
    const video = tracks.find(({ kind }) => kind === "video")!;
    new RtpTrackProcessor({ track: video }).onrtp = () => seen++;
    const say = async (from: number): Promise<void> => {
      for (let i = from; i < from + 10; i++) {
        generator.sendFrame({ data: Uint8Array.of(0xf8, 1, 2, i), timestamp: i * 960, keyFrame: true });
        other.sendRtp(rtp(i));
        await sim.run(20);
      }
      await sim.run(500);
    };
    const { sendFrame } = RtpSendStream.prototype;
    // That of the first sender, then that which sends on.
    const streams: RtpSendStream[] = [];
    let broken = false;
    type Arguments = Parameters<RtpSendStream["sendFrame"]>;
    const bug = t.mock.method(
      RtpSendStream.prototype,
      "sendFrame",
      function (this: RtpSendStream, ...args: Arguments): boolean {
        if (!streams.includes(this)) streams.push(this);
        if (broken && this === streams[1]) throw new Error("a bug in frames");
        return sendFrame.apply(this, args);
      },
    );
    await say(0);
    assert.equal(heard, 10);
    broken = true;
    await say(10);
    bug.mock.restore();
    assert.equal(second.a.connectionState, "failed");
    assert.equal(pair.b.connectionState, "connected");
    assert.equal(seen, 20, "the others go on");
    second.a.close();
    second.b.close();
    await pair.close();
  }
});

test("a program's frame that is none is refused by name, and ends nothing", async () => {
  const { sim, pair } = bed();
  const generator = new EncodedTrackGenerator({ kind: "video", mimeType: "video/VP8" });
  pair.a.addTrack(generator.track);
  const tracks = tracksOf(pair.b);
  await pair.open();
  await sim.run(500);
  const frames: EncodedFrame[] = [];
  new EncodedTrackProcessor({ track: tracks[0]! }).onframe = (frame) => frames.push(frame);
  const frame = { data: KEY_FRAME.subarray(1), timestamp: 1, keyFrame: true };
  for (const [more, name] of [
    [{ data: "text" }, "data"],
    [{ data: undefined }, "data"],
    [{ data: null }, "data"],
    [{ timestamp: undefined }, "timestamp"],
    [{ timestamp: 1n }, "BigInt"],
    [{ csrcs: 5 }, "csrcs"],
    [{ csrcs: [Symbol("x")] }, "Symbol"],
    [{ width: {} }, ""],
    [{ captureTime: Number.NaN }, "captureTime"],
    [{ dependencyDescriptor: [1, 2, 3] }, "dependencyDescriptor"],
    [{ referenceDiffs: "x" }, "referenceDiffs"],
  ] as const) {
    const bad = { ...frame, ...more } as unknown as typeof frame;
    if (name === "") generator.sendFrame(bad);
    else
      assert.throws(
        () => generator.sendFrame(bad),
        (error) => error instanceof TypeError && error.message.includes(name),
      );
  }
  for (const bad of [null, undefined, 5, "x"]) assert.throws(() => generator.sendFrame(bad as never), TypeError);
  for (const more of [
    { dependencyDescriptor: new Uint8Array(70_000) },
    { csrcs: new Array(1000).fill(1) },
    { data: new Uint8Array(0) },
  ]) {
    generator.sendFrame({ ...frame, ...more });
  }
  const packets = new RtpTrackGenerator({ kind: "video", mimeType: "video/VP8" });
  for (const bad of [null, undefined, "text", 5, {}]) assert.throws(() => packets.sendRtp(bad as never), TypeError);
  await sim.run(500);
  generator.sendFrame({ ...frame, timestamp: 9000 });
  await sim.run(500);
  assert.equal(frames.at(-1)?.timestamp, 9000);
  assert.equal(pair.a.connectionState, "connected");
  await pair.close();
});
