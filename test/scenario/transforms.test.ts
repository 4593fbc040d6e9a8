// Encoded frames through transforms, between whole connections.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  RTCEncodedAudioFrame,
  RTCEncodedVideoFrame,
  RTCRtpSFrameDecryptor,
  RTCRtpSFrameEncryptor,
} from "#src/index.js";
import { type EncodedFrame, EncodedTrackGenerator, EncodedTrackProcessor, RtpTrackProcessor } from "#src/media.js";
import { EncodedStreams, MAX_UNREAD_FRAMES } from "#src/w3c/encoded-streams.js";
import type { MediaStreamTrack } from "#src/w3c/media-stream-track.js";
import { deserializeFrame, serializeFrame } from "#src/w3c/rtc-encoded-frame.js";
import { Simulation } from "#test/sim/simulation.js";
import { Pair } from "./pair.js";

function bed(): { sim: Simulation; pair: Pair } {
  const sim = new Simulation(1);
  const a = { host: sim.host("alice", { link: { latency: 10 } }) };
  const b = { host: sim.host("bob", { link: { latency: 10 } }) };
  return { sim, pair: new Pair(sim, a, b) };
}

/** Connects, and gives the track that the other side has. */
async function connect(sim: Simulation, pair: Pair): Promise<MediaStreamTrack> {
  const tracks: MediaStreamTrack[] = [];
  pair.b.addEventListener("track", ({ track }) => void tracks.push(track));
  await pair.open();
  await sim.run(1000);
  return tracks[0]!;
}

async function talk(sim: Simulation, generator: EncodedTrackGenerator, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    generator.sendFrame({
      data: Uint8Array.of(0xf8, 1, 2, i),
      timestamp: Math.round(sim.now * 48),
      keyFrame: true,
      audioLevel: 20,
    });
    await sim.run(20);
  }
  await sim.run(500);
}

/** Flips the bits behind the first byte. */
function scramble({ readable, writable }: { readable: object; writable: object }): void {
  const flip = new TransformStream<RTCEncodedAudioFrame>({
    transform(frame, controller) {
      const bytes = new Uint8Array(frame.data);
      for (let i = 1; i < bytes.length; i++) bytes[i]! ^= 0xff;
      controller.enqueue(frame);
    },
  });
  void (readable as ReadableStream).pipeThrough(flip).pipeTo(writable as WritableStream);
}

test("what one side's transform does, the other's undoes; in between it is on the wire", async () => {
  const { sim, pair } = bed();
  const generator = new EncodedTrackGenerator({ kind: "audio", mimeType: "audio/opus" });
  const sender = pair.a.addTrack(generator.track);
  scramble(sender.createEncodedStreams());
  const track = await connect(sim, pair);
  const wire: number[][] = [];
  const packets = new RtpTrackProcessor({ track });
  packets.onrtp = (packet) => wire.push([...packet.payload()]);
  const frames: EncodedFrame[] = [];
  const processor = new EncodedTrackProcessor({ track });
  processor.onframe = (frame) => frames.push(frame);
  await talk(sim, generator, 3);
  assert.deepEqual(wire[0], [0xf8, 0xfe, 0xfd, 0xff]);
  assert.deepEqual([...frames[0]!.data], [0xf8, 0xfe, 0xfd, 0xff]);
  assert.equal(frames[0]!.audioLevel, 20);

  wire.length = 0;
  frames.length = 0;
  const { receiver } = pair.b.getTransceivers().find((transceiver) => transceiver.receiver.track === track)!;
  scramble(receiver.createEncodedStreams());
  assert.throws(() => receiver.createEncodedStreams(), { name: "InvalidStateError" });
  await talk(sim, generator, 3);
  assert.deepEqual(
    frames.map(({ data }) => [...data]),
    [0, 1, 2].map((i) => [0xf8, 1, 2, i]),
  );
  assert.equal(wire.length, 0, "packets of frames that are transformed are not shown");
  assert.equal(frames[1]!.timestamp - frames[0]!.timestamp, 960);
  await pair.close();
});

test("a received track is sent on in frames where a transform is on either side", async () => {
  const { sim, pair } = bed();
  const second = new Pair(sim, { host: sim.hosts[1]! }, { host: sim.host("carol", { link: { latency: 10 } }) });
  const generator = new EncodedTrackGenerator({ kind: "audio", mimeType: "audio/opus" });
  pair.a.addTrack(generator.track);
  const track = await connect(sim, pair);
  const forwarding = second.a.addTrack(track);
  const processor = new EncodedTrackProcessor({ track: await connect(sim, second) });
  let frames: number[][] = [];
  processor.onframe = ({ data }) => frames.push([...data]);
  await talk(sim, generator, 2);
  assert.deepEqual(frames.at(-1), [0xf8, 1, 2, 1]);

  scramble(forwarding.createEncodedStreams());
  frames = [];
  await talk(sim, generator, 2);
  assert.deepEqual(frames.at(-1), [0xf8, 0xfe, 0xfd, 0xfe]);

  const { receiver } = pair.b.getTransceivers().find((transceiver) => transceiver.receiver.track === track)!;
  scramble(receiver.createEncodedStreams());
  frames = [];
  await talk(sim, generator, 2);
  assert.deepEqual(frames.at(-1), [0xf8, 1, 2, 1], "scrambled twice");
  second.a.close();
  second.b.close();
  await pair.close();
});

test("a frame that was written already is refused; frames of elsewhere are sent", async () => {
  const { sim, pair } = bed();
  const generator = new EncodedTrackGenerator({ kind: "audio", mimeType: "audio/opus" });
  const streams = pair.a.addTrack(generator.track).createEncodedStreams();
  await connect(sim, pair);
  const reader = (streams.readable as ReadableStream<RTCEncodedAudioFrame>).getReader();
  const writer = (streams.writable as WritableStream).getWriter();
  const read = reader.read();
  generator.sendFrame({ data: Uint8Array.of(1, 2), timestamp: 5, keyFrame: true });
  const { value: frame } = await read;
  const metadata = frame!.getMetadata();
  assert.deepEqual([metadata.rtpTimestamp, metadata.mimeType, metadata.payloadType], [5, "audio/opus", 111]);
  await writer.write(frame);
  await assert.rejects(writer.write(frame), { name: "OperationError" });
  await pair.close();
});

test("nobody reading, frames are dropped, not piled up", () => {
  const streams = new EncodedStreams(true, () => {});
  const unit = { type: undefined, data: new ArrayBuffer(1), metadata: {}, carried: 1 };
  for (let i = 0; i < MAX_UNREAD_FRAMES + 5; i++) streams.push(unit);
  assert.equal(streams.dropped, 5);
});

test("a strict pair of streams takes the frames that it gave, in their order, once", async () => {
  const written: unknown[] = [];
  const streams = new EncodedStreams(true, ({ carried }) => written.push(carried));
  const other = new EncodedStreams(true, () => {});
  const data = (): ArrayBuffer => new ArrayBuffer(1);
  for (let i = 0; i < 3; i++) streams.push({ type: "delta", data: data(), metadata: {}, carried: i });
  other.push({ type: "delta", data: data(), metadata: {}, carried: "foreign" });
  const read = async (from: EncodedStreams): Promise<unknown> => (await readers.get(from)!.read()).value;
  const readers = new Map([streams, other].map((each) => [each, (each.readable as ReadableStream).getReader()]));
  const [first, second, third] = [await read(streams), await read(streams), await read(streams)];
  const writer = (streams.writable as WritableStream).getWriter();
  for (const frame of [await read(other), first, first, third, second]) await writer.write(frame);
  assert.deepEqual(written, [0, 2]);
  await assert.rejects(writer.write({}), TypeError);
});

test("a frame that comes back as a clone is one of its streams, but for strict ones", async () => {
  const outcome = async (strict: boolean, ...threads: number[]): Promise<unknown[]> => {
    const written: unknown[] = [];
    const streams = new EncodedStreams(strict, ({ carried }) => written.push(carried));
    const other = new EncodedStreams(strict, ({ carried }) => written.push(carried));
    streams.push({ type: "delta", data: new ArrayBuffer(1), metadata: {}, carried: "mine" });
    let { value: frame } = await (streams.readable as ReadableStream<RTCEncodedVideoFrame>).getReader().read();
    // From each thread to the next.
    for (const [i, to] of threads.slice(1).entries()) {
      frame = deserializeFrame(structuredClone(serializeFrame(frame!, threads[i]!)), to) as RTCEncodedVideoFrame;
    }
    for (const { writable } of [streams, other]) {
      const writer = (writable as WritableStream).getWriter();
      await writer.write(new RTCEncodedVideoFrame(frame!));
    }
    return written;
  };
  assert.deepEqual(await outcome(false, 0), ["mine", undefined]);
  assert.deepEqual(await outcome(false, 0, 0), ["mine", undefined]);
  assert.deepEqual(await outcome(false, 0, 5, 0), ["mine", undefined]);
  assert.deepEqual(await outcome(false, 0, 5, 6, 0), ["mine", undefined]);
  // A thread of another number has streams of the same number.
  assert.deepEqual(await outcome(false, 0, 5), [undefined, undefined]);
  assert.deepEqual(await outcome(true, 0), ["mine"]);
  assert.deepEqual(await outcome(true, 0, 5, 0), []);
});

test("SFrame from sender to receiver: frames wait for keys, and without the right one nothing gets through", async () => {
  const { sim, pair } = bed();
  const generator = new EncodedTrackGenerator({ kind: "audio", mimeType: "audio/opus" });
  const sender = pair.a.addTrack(generator.track);
  const options = { cipherSuite: "AES_128_GCM_SHA256_128" } as const;
  const encryptor = new RTCRtpSFrameEncryptor(options);
  const decryptor = new RTCRtpSFrameDecryptor(options);
  sender.transform = encryptor;
  assert.equal(sender.transform, encryptor);
  const track = await connect(sim, pair);
  const { receiver } = pair.b.getTransceivers().find((transceiver) => transceiver.receiver.track === track)!;
  const frames: number[][] = [];
  const processor = new EncodedTrackProcessor({ track });
  processor.onframe = ({ data }) => frames.push([...data]);
  await talk(sim, generator, 2);
  assert.equal(frames.length, 0, "not without a key");

  const raw = Uint8Array.from({ length: 16 }, (_, i) => i);
  const key = await crypto.subtle.importKey("raw", raw, "HKDF", false, ["deriveBits"]);
  await encryptor.setEncryptionKey(key, 7);
  await talk(sim, generator, 1);
  assert.equal(frames[0]!.length, 1 + 4 + 16, "header, frame, tag");
  assert.throws(
    () => {
      receiver.transform = encryptor as never;
    },
    { name: "TypeError" },
  );
  frames.length = 0;
  receiver.transform = decryptor;
  const errors: string[] = [];
  decryptor.onerror = ({ errorType, keyID, frame }) => {
    errors.push(`${errorType} ${keyID} ${frame instanceof RTCEncodedAudioFrame}`);
  };
  await talk(sim, generator, 1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(frames.length, 0);
  assert.deepEqual(errors, ["keyID 7 true"]);

  await decryptor.addDecryptionKey(key, 7);
  errors.length = 0;
  await talk(sim, generator, 2);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(errors, []);
  assert.deepEqual(frames, [
    [0xf8, 1, 2, 0],
    [0xf8, 1, 2, 1],
  ]);
  await pair.close();
});

test("a track in two senders that transform goes out right from both, and the program keeps its bytes", async () => {
  const { sim, pair } = bed();
  const second = new Pair(sim, { host: sim.hosts[1]! }, { host: sim.host("carol", { link: { latency: 10 } }) });
  const generator = new EncodedTrackGenerator({ kind: "audio", mimeType: "audio/opus" });
  scramble(pair.a.addTrack(generator.track).createEncodedStreams());
  scramble(second.a.addTrack(generator.track).createEncodedStreams());
  const heard: number[][][] = [[], []];
  for (const [i, { b }] of [pair, second].entries()) {
    b.addEventListener("track", ({ track }) => {
      new EncodedTrackProcessor({ track }).onframe = ({ data }) => heard[i]!.push([...data]);
    });
  }
  await pair.open();
  await second.open();
  await sim.run(500);
  const data = Uint8Array.of(0xf8, 1, 2, 3);
  generator.sendFrame({ data, timestamp: 960, keyFrame: true });
  await sim.run(500);
  assert.deepEqual(heard, [[[0xf8, 0xfe, 0xfd, 0xfc]], [[0xf8, 0xfe, 0xfd, 0xfc]]]);
  assert.deepEqual([...data], [0xf8, 1, 2, 3]);
  second.a.close();
  second.b.close();
  await pair.close();
});
