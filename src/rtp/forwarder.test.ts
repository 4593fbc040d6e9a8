import assert from "node:assert/strict";
import { test } from "node:test";
import { Vp8BlockDecoder } from "#test/media/vp8-block-decoder.js";
import { readFrameCounter, SyntheticCamera } from "../media/synthetic/camera.js";
import { payloadFormat } from "../payload/format.js";
import { HeaderExtensions } from "./extensions.js";
import { ForwardSource } from "./forward-source.js";
import { Forwarder } from "./forwarder.js";
import { assertContinuous, CLOCK, FIRST, filler, Stream, setup, vp8, vp8Info } from "./forwarder-testing.test.js";
import { RtpPacket, writeRtpHeader } from "./packet.js";
import { EXTENSIONS } from "./testing.test.js";

test("begins with a key frame, at the numbers given", () => {
  const stream = new Stream(1);
  const { host, forwarder } = setup(stream);
  stream.send(vp8(true), 0);
  assert.equal(host.sent.length, 0, "no target yet");
  forwarder.setTarget(stream.source, 10);
  assert.deepEqual(host.requests, [[null, 10]]);
  stream.send(vp8(false), 33);
  assert.equal(host.sent.length, 0);
  stream.send(vp8(true), 66);
  stream.send(vp8(false), 99);
  assert.deepEqual(
    host.sent.map(({ sequenceNumber, timestamp }) => [sequenceNumber, timestamp]),
    [
      [65_530, 0xfffff000],
      [65_531, 0xfffff000 + 3000],
    ],
  );
  assert.deepEqual(
    host.sent.map((sent) => vp8Info(sent).pictureId),
    [0x7ffc, 0x7ffd],
  );
  assert.equal(forwarder.deadline, Number.POSITIVE_INFINITY);
});

test("asks for the key frame again until it comes", () => {
  const stream = new Stream(1);
  const { host, forwarder } = setup(stream);
  forwarder.setTarget(stream.source, 0);
  for (let now = 0; now < 1800; now += 10) if (now >= forwarder.deadline) forwarder.handleTimeout(now);
  assert.deepEqual(
    host.requests.map(([, now]) => now),
    [0, 500, 1000, 1500],
  );
  stream.send(vp8(true), 1900);
  assert.equal(forwarder.deadline, Number.POSITIVE_INFINITY);
  // A receiver's own request goes to what is forwarded.
  forwarder.requestKeyFrame(1950);
  assert.equal(host.requests.length, 5);
});

test("simulcast: switches at key frames only, and a decoder sees one stream", () => {
  const camera = new SyntheticCamera({ width: 640, height: 360, frameRate: 30 });
  const scales = [1, 2, 4];
  const streams = scales.map((scale, i) => new Stream(i + 1, { rid: `r${scale}`, maxSize: 500 }));
  const { host, forwarder } = setup(...streams);
  forwarder.setTarget(streams[2]!.source, 0);
  const keyFrames = new Set([0]);
  const widths: number[] = [];
  for (let n = 0; n < 120; n++) {
    const now = n * 33;
    if (n === 20) forwarder.setTarget(streams[0]!.source, now);
    if (n === 50) forwarder.setTarget(streams[1]!.source, now);
    if (n === 51) forwarder.setTarget(streams[2]!.source, now);
    if (n === 80) forwarder.setTarget(streams[0]!.source, now);
    // Senders answer a request three frames later.
    if ([23, 54, 90].includes(n)) keyFrames.add(n);
    scales.forEach((scale, i) => {
      streams[i]!.send({ data: camera.nextFrame(keyFrames.has(n), scale), keyFrame: keyFrames.has(n) }, now);
    });
  }
  assertContinuous(host.sent);
  const depacketizer = payloadFormat("video/VP8").createDepacketizer();
  const decoder = new Vp8BlockDecoder();
  const counters: (number | undefined)[] = [];
  const pictureIds: number[] = [];
  let payloads: Uint8Array[] = [];
  for (const { payload, marker, ssrc } of host.sent) {
    assert.equal(ssrc, 3, "one SSRC, that of the first");
    payloads.push(payload);
    if (!marker) continue;
    pictureIds.push(depacketizer.inspect(payload)!.pictureId);
    const luma = decoder.decode(depacketizer.assemble(payloads, payloads.length)!);
    counters.push(readFrameCounter(luma, decoder.width, decoder.height));
    widths.push(decoder.width);
    payloads = [];
  }
  // At a switch the layers' frames of one instant may both come, the old layer's first.
  assert.deepEqual(
    [...new Set(counters)],
    Array.from({ length: 120 }, (_, i) => i),
  );
  assert.deepEqual(
    widths.filter((width, i) => width !== widths[i - 1]),
    [160, 640, 160, 640],
  );
  for (const [i, id] of pictureIds.entries()) assert.equal(id, (FIRST.pictureId + i) & 0x7fff);
  const times = [...new Set(host.sent.map(({ timestamp }) => timestamp))];
  assert.equal(times.length, counters.length, "no two frames have one timestamp");
});

test("switches that are not needed are not made", () => {
  const streams = [new Stream(1), new Stream(2)];
  const { host, forwarder } = setup(...streams);
  forwarder.setTarget(streams[0]!.source, 0);
  for (const stream of streams) stream.send(vp8(true), 0);
  forwarder.setTarget(streams[1]!.source, 10);
  forwarder.setTarget(streams[0]!.source, 20);
  for (const stream of streams) stream.send(vp8(true), 33);
  assert.equal(forwarder.switches, 1);
  assert.equal(forwarder.current, streams[0]!.source);
  assert.equal(host.requests.length, 2);
  forwarder.setTarget(null, 40);
  for (const stream of streams) stream.send(vp8(true), 66);
  assert.equal(host.sent.length, 2);
});

test("loss is passed on as gaps; what comes late takes its place", () => {
  const stream = new Stream(1, { maxSize: 200 });
  const { host, forwarder } = setup(stream);
  forwarder.setTarget(stream.source, 0);
  stream.send(vp8(true, 700), 0);
  const [first, second, third, fourth] = stream.packets(vp8(false, 700)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  stream.receive([first, third], 33);
  stream.send(vp8(false, 100), 66);
  stream.receive([second, fourth, fourth], 99);
  const numbers = host.sent.map(({ sequenceNumber }) => (sequenceNumber - FIRST.sequenceNumber) & 0xffff);
  assert.deepEqual(numbers, [0, 1, 2, 3, 4, 6, 8, 5, 7]);
  assert.equal(forwarder.packetsLate, 1, "the second copy");
  const ids = host.sent.map((sent) => vp8Info(sent).pictureId - FIRST.pictureId);
  assert.deepEqual(ids, [0, 0, 0, 0, 1, 1, 2, 1, 1]);
});

test("temporal layers of VP8 are left out without gaps, and taken up again at a sync frame", () => {
  const stream = new Stream(1);
  const { host, forwarder } = setup(stream);
  forwarder.setTarget(stream.source, 0);
  const layers = [0, 2, 1, 2];
  let n = 0;
  const run = (count: number): void => {
    for (const end = n + count; n < end; n++) {
      const temporalIndex = layers[n % 4]!;
      // The frames of the higher layers that refer to the lowest only, in each second period.
      const layerSync = temporalIndex === 1 ? n % 8 === 2 : temporalIndex === 2 && n % 8 === 1;
      stream.send(vp8(n === 0, 100 + n, { temporalIndex, layerSync }), n * 33);
    }
  };
  run(8);
  forwarder.setMaxTemporalIndex(0, 0);
  run(8);
  forwarder.setMaxTemporalIndex(2, 0);
  assert.equal(forwarder.deadline, 2000);
  run(16);
  const seen = host.sent.map((sent) => vp8Info(sent).temporalIndex);
  assert.deepEqual(seen, [
    ...[0, 2, 1, 2, 0, 2, 1, 2],
    ...[0, 0],
    // Layer 1 from its sync frame on, layer 2 from its next one.
    ...[0, 1, 0, 1, 0, 2, 1, 2, 0, 2, 1, 2],
  ]);
  assertContinuous(host.sent);
  for (const [i, sent] of host.sent.entries()) assert.equal(vp8Info(sent).pictureId, (FIRST.pictureId + i) & 0x7fff);
  const tl0 = host.sent
    .filter((sent) => vp8Info(sent).temporalIndex === 0)
    .map((sent) => vp8Info(sent).tl0PictureIndex);
  for (const [i, index] of tl0.entries()) assert.equal(index, (FIRST.tl0PictureIndex + i) & 0xff);
  // Nothing is left to wait for.
  assert.equal(host.requests.length, 1);
  forwarder.handleTimeout(2000);
  assert.equal(host.requests.length, 1);
  assert.equal(forwarder.deadline, Number.POSITIVE_INFINITY);
});

test("a layer that has no sync frames is joined at a key frame, which is asked for", () => {
  const stream = new Stream(1);
  const { host, forwarder } = setup(stream);
  forwarder.setTarget(stream.source, 0);
  forwarder.setMaxTemporalIndex(0, 0);
  for (let n = 0; n < 4; n++) stream.send(vp8(n === 0, 100, { temporalIndex: n % 2 }), n * 33);
  forwarder.setMaxTemporalIndex(1, 200);
  assert.equal(forwarder.deadline, 2200);
  forwarder.handleTimeout(2200);
  assert.equal(host.requests.length, 2);
  assert.equal(forwarder.deadline, 4200);
  stream.send(vp8(true, 100, { temporalIndex: 0 }), 2300);
  stream.send(vp8(false, 100, { temporalIndex: 1 }), 2333);
  assert.deepEqual(
    host.sent.map((sent) => vp8Info(sent).temporalIndex),
    [0, 0, 0, 1],
  );
  forwarder.handleTimeout(4200);
  assert.equal(forwarder.deadline, Number.POSITIVE_INFINITY);
});

test("a late packet of a layer that is left out is filled in, so that nobody waits for it", () => {
  const stream = new Stream(1);
  const { host, forwarder } = setup(stream);
  forwarder.setTarget(stream.source, 0);
  forwarder.setMaxTemporalIndex(0, 0);
  stream.send(vp8(true, 100, { temporalIndex: 0 }), 0);
  const late = stream.packets(vp8(false, 100, { temporalIndex: 1 }));
  stream.send(vp8(false, 100, { temporalIndex: 0 }), 66);
  stream.receive(late, 70);
  stream.receive(late, 71);
  stream.send(vp8(false, 100, { temporalIndex: 1 }), 99);
  stream.send(vp8(false, 100, { temporalIndex: 0 }), 132);
  const numbers = host.sent.map(({ sequenceNumber, payload }) => [
    (sequenceNumber - FIRST.sequenceNumber) & 0xffff,
    payload.length > 0,
  ]);
  assert.deepEqual(numbers, [
    [0, true],
    [2, true],
    [1, false],
    [3, true],
  ]);
});

test("padding without payload is not forwarded, and leaves no gap", () => {
  const stream = new Stream(1);
  const { host, forwarder } = setup(stream);
  forwarder.setTarget(stream.source, 0);
  stream.send(vp8(true), 0);
  stream.receive([stream.packet(new Uint8Array(0), false)], 5);
  stream.receive([stream.packet(Uint8Array.of(0x90), false)], 6);
  stream.send(vp8(false), 33);
  assert.equal(host.sent.length, 2);
  assertContinuous(host.sent);
  assert.equal(stream.source.malformed, 1);
});

test("timestamps at a switch: by sender reports where both streams have them", () => {
  const streams = [new Stream(1, { timestamp: 0xffff0000 }), new Stream(2, { timestamp: 5000 })] as const;
  const { host, forwarder } = setup(...streams);
  // The second camera clock is 40 ms ahead of the arrival of its packets.
  streams[0].source.clock.update(1_000_000, 0xffff0000 - 90_000);
  streams[1].source.clock.update(1_001_040, 5000 - 9000);
  forwarder.setTarget(streams[0].source, 0);
  streams[0].send(vp8(true), 0);
  forwarder.setTarget(streams[1].source, 10);
  streams[1].send(vp8(true), 77);
  // First frame at 1001.0 s; second at 1001.14 s.
  assert.equal((host.sent[1]!.timestamp - host.sent[0]!.timestamp) | 0, 140 * 90);
  streams[1].send(vp8(false), 110);
  assert.equal((host.sent[2]!.timestamp - host.sent[1]!.timestamp) | 0, 3000);
});

test("timestamps at a switch: by arrival where there are no reports, or such that cannot be", () => {
  for (const report of [undefined, 5_000_000]) {
    const streams = [new Stream(1), new Stream(2, { timestamp: 99 })] as const;
    const { host, forwarder } = setup(...streams);
    if (report !== undefined) {
      streams[0].source.clock.update(1_000_000, 0);
      streams[1].source.clock.update(report, 0);
    }
    forwarder.setTarget(streams[0].source, 0);
    streams[0].send(vp8(true), 1000);
    forwarder.setTarget(streams[1].source, 1001);
    streams[1].send(vp8(true), 1050);
    assert.equal((host.sent[1]!.timestamp - host.sent[0]!.timestamp) | 0, 50 * 90);
  }
});

test("after a pause the same stream's time goes on as it is", () => {
  const stream = new Stream(1);
  const { host, forwarder } = setup(stream);
  forwarder.setTarget(stream.source, 0);
  stream.send(vp8(true), 0);
  forwarder.setTarget(null, 1);
  for (let n = 1; n < 30; n++) stream.send(vp8(false), n * 33);
  forwarder.setTarget(stream.source, 990);
  stream.send(vp8(true), 1200);
  assert.equal((host.sent[1]!.timestamp - host.sent[0]!.timestamp) | 0, 30 * 3000);
  assertContinuous(host.sent);
});

test("a key frame whose beginning is lost is no place to switch to", () => {
  const start = Uint8Array.of(0, 0, 0, 1);
  const h264 = new Stream(2, { mimeType: "video/H264", parameters: "packetization-mode=1", maxSize: 100 });
  const { host, forwarder } = setup(h264);
  const key = { data: new Uint8Array(Buffer.concat([start, filler(60, 0x67), start, filler(400, 2)])), keyFrame: true };
  key.data[4] = 0x67;
  key.data[68] = 0x65;
  key.data[69] = 0x88;
  forwarder.setTarget(h264.source, 0);
  // Without the parameter set the slice looks like a beginning.
  h264.receive(h264.packets(key).slice(1), 0);
  assert.equal(host.sent.length, 0);
  const count = h264.packets(key);
  h264.receive(count, 33);
  assert.equal(host.sent.length, count.length);
});

test("a key frame whose beginning comes after the rest of it is switched to all the same", () => {
  const streams = [new Stream(1, { maxSize: 200 }), new Stream(2, { maxSize: 200 })] as const;
  const { host, forwarder } = setup(...streams);
  forwarder.setTarget(streams[0].source, 0);
  streams[0].send(vp8(true, 700), 0);
  streams[1].send(vp8(false, 700), 0);
  forwarder.setTarget(streams[1].source, 10);
  host.sent = [];
  const key = streams[1].packets(vp8(true, 700, { temporalIndex: 0 }));
  const next = streams[1].packets(vp8(false, 500, { temporalIndex: 0 }));
  assert.deepEqual([key.length, next.length], [4, 3]);
  // The beginning was lost, and something else: that comes in its place.
  streams[1].receive([key[1]!, key[3]!, next[0]!, next[1]!], 40);
  assert.equal(host.sent.length, 0);
  streams[1].receive([key[0]!], 50);
  streams[1].receive([next[2]!, key[2]!], 60);
  const first = host.sent[0]!.sequenceNumber;
  assert.deepEqual(
    host.sent.map(({ sequenceNumber }) => (sequenceNumber - first) & 0xffff),
    [0, 1, 3, 4, 5, 6, 2],
  );
  assert.deepEqual(
    host.sent.map((sent) => vp8Info(sent).pictureId - vp8Info(host.sent[0]!).pictureId),
    [0, 0, 0, 1, 1, 1, 0],
  );
  assert.deepEqual(
    host.sent.map((sent) => (vp8Info(sent).tl0PictureIndex - vp8Info(host.sent[0]!).tl0PictureIndex) & 0xff),
    [0, 0, 0, 1, 1, 1, 0],
  );
  assert.equal(forwarder.packetsLate, 0);
});

test("what came before somebody began to wait is not held", () => {
  const streams = [new Stream(1, { maxSize: 200 }), new Stream(2, { maxSize: 200 })] as const;
  const { host, forwarder } = setup(...streams);
  forwarder.setTarget(streams[0].source, 0);
  streams[0].send(vp8(true, 700), 0);
  streams[1].send(vp8(false, 700), 0);
  const key = streams[1].packets(vp8(true, 700));
  streams[1].receive(key.slice(1), 30);
  forwarder.setTarget(streams[1].source, 40);
  const before = host.sent.length;
  streams[1].receive([key[0]!], 50);
  assert.equal(host.sent.length, before);
  assert.equal(forwarder.current, streams[0].source);
});

test("VP9: spatial layers are left out, the highest that stays has the marker", () => {
  const stream = new Stream(1, { mimeType: "video/VP9" });
  const { host, forwarder } = setup(stream);
  const format = payloadFormat("video/VP9");
  forwarder.setTarget(stream.source, 0);
  forwarder.setMaxSpatialIndex(1, 0);
  const picture = (n: number, keyFrame: boolean): void => {
    for (let spatialIndex = 0; spatialIndex < 3; spatialIndex++) {
      const data = filler(200 * (spatialIndex + 1), n);
      const endOfPicture = spatialIndex === 2;
      const temporalIndex = n % 2;
      stream.send(
        { data, keyFrame: keyFrame && spatialIndex === 0, spatialIndex, spatialLayers: 3, temporalIndex, endOfPicture },
        n * 33,
      );
    }
  };
  const summary = (): (number | boolean)[][] =>
    host.sent.map((sent) => {
      const info = format.createDepacketizer().inspect(sent.payload)!;
      return [(info.pictureId - FIRST.pictureId) & 0x7fff, info.spatialIndex, sent.marker];
    });
  picture(0, true);
  picture(1, false);
  assert.deepEqual(summary(), [
    [0, 0, false],
    [0, 1, true],
    [1, 0, false],
    [1, 1, true],
  ]);
  assertContinuous(host.sent);
  host.sent = [];
  // Up only at a key frame, which is asked for; down at once.
  forwarder.setMaxSpatialIndex(2, 70);
  assert.equal(host.requests.length, 2);
  picture(2, false);
  picture(3, true);
  forwarder.setMaxSpatialIndex(0, 130);
  picture(4, false);
  assert.deepEqual(summary(), [
    [2, 0, false],
    [2, 1, true],
    [3, 0, false],
    [3, 1, false],
    [3, 2, true],
    [4, 0, true],
  ]);
  assertContinuous(host.sent);
});

test("VP9: numbers of pictures that are left out are not closed up, as references count them", () => {
  const stream = new Stream(1, { mimeType: "video/VP9" });
  const { host, forwarder } = setup(stream);
  forwarder.setTarget(stream.source, 0);
  forwarder.setMaxTemporalIndex(0, 0);
  for (let n = 0; n < 6; n++) {
    stream.send({ data: filler(100, n), keyFrame: n === 0, temporalIndex: n % 2, spatialIndex: 0 }, n * 33);
  }
  const format = payloadFormat("video/VP9");
  const ids = host.sent.map((sent) => format.createDepacketizer().inspect(sent.payload)!.pictureId);
  assert.deepEqual(ids, [0x7ffc, 0x7ffe, 0]);
  assertContinuous(host.sent);
});

test("audio switches at any packet", () => {
  const streams = [1, 2].map((ssrc) => new Stream(ssrc, { mimeType: "audio/opus" })) as [Stream, Stream];
  const { host, forwarder } = setup(...streams);
  const send = (now: number): void => {
    for (const stream of streams) stream.send({ data: Uint8Array.of(0xf8, 1, 2), keyFrame: true }, now);
  };
  forwarder.setTarget(streams[0].source, 0);
  send(0);
  send(20);
  forwarder.setTarget(streams[1].source, 30);
  send(40);
  send(60);
  assert.equal(host.sent.length, 5, "at 40 ms both: the old one came first");
  assertContinuous(host.sent);
});

test("a source that begins its numbers anew is taken up again", () => {
  const stream = new Stream(1, { sequence: 40_000 });
  const { host, forwarder } = setup(stream);
  forwarder.setTarget(stream.source, 0);
  stream.send(vp8(true), 0);
  stream.sequence = 20_000;
  for (let n = 1; n < 25; n++) stream.send(vp8(false), n * 33);
  assert.equal(host.requests.length, 2);
  assert.equal(host.sent.length, 1);
});

test("by the dependency descriptor: frame numbers go on, layers are left out and taken up again", () => {
  // Templates of two temporal layers; the frames of the lower one are where one can go up.
  const structure = (frame: number): Uint8Array =>
    Uint8Array.of(0xc0, frame >> 8, frame, 0x80, 0x01, 0b0111_1010, 0b0001_0000);
  const plain = (template: number, frame: number): Uint8Array => Uint8Array.of(0xc0 | template, frame >> 8, frame);
  const seen: number[] = [];
  const sources = [0, 1].map(() => new ForwardSource({ mimeType: "video/AV1", clockRate: CLOCK }));
  const forwarder = new Forwarder(FIRST, {
    sendPacket: (packet) => seen.push(((packet.data[18]! << 8) | packet.data[19]!) - FIRST.pictureId),
    requestKeyFrame: () => {},
  });
  for (const source of sources) forwarder.attach(source);
  const packet = new RtpPacket();
  const table = new HeaderExtensions(EXTENSIONS);
  const deliver = (index: number, sequence: number, descriptor: Uint8Array, key: boolean): void => {
    const data = new Uint8Array(12 + 12 + 3);
    writeRtpHeader(data, true, 96, sequence, sequence * 3000, index, 0);
    data[0]! |= 0x10;
    data.set([0xbe, 0xde, 0, 2, (8 << 4) | (descriptor.length - 1)], 12);
    data.set(descriptor, 17);
    data.set(key ? [0x18, 0x30, 1] : [0x10, 0x30, 1], 24);
    assert.ok(packet.parse(data));
    packet.extensions = table;
    const before = data.slice();
    sources[index]!.receive(packet, sequence * 33);
    assert.deepEqual(data, before, "the packet is as it was");
  };
  forwarder.setTarget(sources[0]!, 0);
  deliver(0, 10, structure(7000), true);
  deliver(0, 11, plain(1, 7001), false);
  forwarder.setMaxTemporalIndex(0, 0);
  deliver(0, 12, plain(0, 7002), false);
  deliver(0, 13, plain(1, 7003), false);
  forwarder.setMaxTemporalIndex(1, 0);
  deliver(0, 14, plain(1, 7004), false);
  deliver(0, 15, plain(0, 7005), false);
  deliver(0, 16, plain(1, 7006), false);
  forwarder.setTarget(sources[1]!, 500);
  deliver(1, 90, structure(100), true);
  deliver(1, 91, plain(0, 101), false);
  assert.deepEqual(seen, [0, 1, 2, 5, 6, 7, 8]);
});
