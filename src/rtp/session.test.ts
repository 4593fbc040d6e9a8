import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_EARLY_PACKETS } from "./early-packets.js";
import { ExtensionKind, ExtensionWriter, HeaderExtensions, tokenBytes } from "./extensions.js";
import { RtpPacket, setExtensionBit, writeRtpHeader } from "./packet.js";
import { MAX_STREAMS_PER_RECEIVER } from "./receiver.js";
import { EXTENSIONS, generator, OPUS, Pipe, packet, receiving, sending, TIME_ORIGIN, VP8 } from "./testing.test.js";

interface Seen {
  ssrc: number;
  sequenceNumber: number;
  timestamp: number;
  payload: number[];
}

const see = (p: RtpPacket): Seen => ({
  ssrc: p.ssrc,
  sequenceNumber: p.sequenceNumber,
  timestamp: p.timestamp,
  payload: [...p.payload()],
});

/** A packet with mid and rid, as a browser would send it. */
function named(
  ssrc: number,
  sequenceNumber: number,
  names: { mid?: string; rid?: string; repaired?: string },
  more: { payloadType?: number; payload?: Uint8Array } = {},
): Uint8Array {
  const table = new HeaderExtensions(EXTENSIONS);
  const data = new Uint8Array(300);
  writeRtpHeader(data, true, more.payloadType ?? 96, sequenceNumber, 0, ssrc, 0);
  const writer = new ExtensionWriter();
  writer.begin(data, 12, false);
  if (names.mid !== undefined) writer.putBytes(table.id(ExtensionKind.mid), tokenBytes(names.mid));
  if (names.rid !== undefined) writer.putBytes(table.id(ExtensionKind.rid), tokenBytes(names.rid));
  if (names.repaired !== undefined) writer.putBytes(table.id(ExtensionKind.repairedRid), tokenBytes(names.repaired));
  const length = writer.end();
  if (length > 0) setExtensionBit(data);
  const payload = more.payload ?? Uint8Array.of(1, 2, 3);
  data.set(payload, 12 + length);
  return data.slice(0, 12 + length + payload.length);
}

test("packets pass through with the encoding's SSRC, their distances, and the payload type asked for", () => {
  const pipe = new Pipe();
  const sender = pipe.sessions[0].addSender(sending(), {});
  const seen: Seen[] = [];
  pipe.sessions[1].addReceiver(receiving(), { onPacket: (p) => seen.push(see(p)) });
  for (const sequence of [65534, 65535, 1, 3, 2]) {
    sender.sendPacket(0, packet(sequence, 5000 + sequence * 10, { payloadType: 100 }), 96, pipe.now);
  }
  pipe.run(50);
  const first = seen[0]!;
  assert.deepEqual(
    seen.map(({ sequenceNumber }) => (sequenceNumber - first.sequenceNumber) & 0xffff),
    [0, 1, 3, 5, 4],
  );
  assert.ok(first.sequenceNumber <= 0x8000, "begins in the lower half");
  assert.deepEqual([first.ssrc, first.timestamp, first.payload], [1000, 5000 + 655340, [255, 254, 7]]);
  // Nothing is sent for payload types or encodings that are not there, nor while inactive.
  const before = pipe.sentRtp[0].length;
  sender.sendPacket(0, packet(9, 0), 55, pipe.now);
  sender.sendPacket(1, packet(9, 0), 96, pipe.now);
  sender.update(sending({ active: false }));
  sender.sendPacket(0, packet(9, 0), 96, pipe.now);
  assert.equal(pipe.sentRtp[0].length, before);
});

test("another source goes on behind the last one", () => {
  const pipe = new Pipe();
  const sender = pipe.sessions[0].addSender(sending(), {});
  const seen: Seen[] = [];
  pipe.sessions[1].addReceiver(receiving(), { onPacket: (p) => seen.push(see(p)) });
  sender.sendPacket(0, packet(100, 3000, { ssrc: 5 }), 96, pipe.now);
  pipe.run(100);
  sender.sendPacket(0, packet(40_000, 1_000_000_000, { ssrc: 6 }), 96, pipe.now);
  sender.sendPacket(0, packet(40_001, 1_000_003_000, { ssrc: 6 }), 96, pipe.now);
  pipe.run(50);
  assert.deepEqual(
    seen.map((p) => [(p.sequenceNumber - seen[0]!.sequenceNumber) & 0xffff, p.timestamp]),
    [
      [0, 3000],
      [1, 3000 + 9000],
      [2, 3000 + 12_000],
    ],
  );
});

test("header extensions are read by one negotiation and written by another", () => {
  const pipe = new Pipe();
  const sender = pipe.sessions[0].addSender(
    sending({ kind: "audio", codecs: [OPUS], extensions: EXTENSIONS.map(({ id, uri }) => ({ id: 15 - id, uri })) }),
    {},
  );
  const levels: number[] = [];
  const numbers: number[] = [];
  pipe.sessions[1].addReceiver(
    receiving({ kind: "audio", codecs: [OPUS], extensions: EXTENSIONS.map(({ id, uri }) => ({ id: 15 - id, uri })) }),
    {
      onPacket: (p, stream) => {
        levels.push(stream.audioLevel);
        numbers.push(p.extensions!.transportSequence());
      },
    },
  );
  const table = new HeaderExtensions(EXTENSIONS);
  for (let i = 0; i < 3; i++) {
    const data = new Uint8Array(40);
    writeRtpHeader(data, false, 111, i, i * 960, 9, 0);
    const writer = new ExtensionWriter();
    writer.begin(data, 12, false);
    writer.putU8(1, 0x80 | (20 + i));
    writer.putU16(3, 4000 + i);
    const length = writer.end();
    setExtensionBit(data);
    const view = new RtpPacket();
    assert.ok(view.parse(data, 12 + length + 5));
    view.extensions = table;
    sender.sendPacket(0, view, 111, pipe.now);
  }
  pipe.run(50);
  assert.deepEqual(levels, [0x94, 0x95, 0x96]);
  assert.deepEqual(
    numbers.map((n) => n - numbers[0]!),
    [0, 1, 2],
    "transport-wide numbers are the session's own",
  );
  assert.notEqual(numbers[0], 4000);
});

test("mid and rid are told until the peer has reported on the stream", () => {
  const pipe = new Pipe();
  const encodings = ["hi", "lo"].map((rid, i) => ({
    rid,
    ssrc: 10 + i,
    rtxSsrc: 20 + i,
    active: true,
    maxBitrate: null,
    priority: 1,
  }));
  const sender = pipe.sessions[0].addSender(sending({ encodings }), {});
  const streams: (string | null)[] = [];
  pipe.sessions[1].addReceiver(receiving({ rids: ["hi", "lo"] }), { onStream: (s) => streams.push(s.rid) });
  const step = (i: number): void => {
    sender.sendPacket(0, packet(i, i * 3000), 96, pipe.now);
    sender.sendPacket(1, packet(i, i * 3000, { ssrc: 78 }), 96, pipe.now);
    pipe.run(33);
  };
  for (let i = 0; i < 60; i++) step(i);
  assert.deepEqual(streams, ["hi", "lo"]);
  const lengths = pipe.sentRtp[0].map((p) => p.length);
  assert.ok(lengths.at(-1)! < lengths[0]!);
  assert.equal(pipe.sessions[1].receivers[0]!.streams.length, 2);
});

test("packets find their section by mid, SSRC, rid and payload type", () => {
  const { sessions } = new Pipe();
  const [, session] = sessions;
  const seen: string[] = [];
  const add = (mid: string, more: Parameters<typeof receiving>[0] = {}): void => {
    session.addReceiver(receiving({ mid, ...more }), {
      onPacket: (p, stream) => seen.push(`${mid}:${p.ssrc}:${stream.rid ?? "-"}`),
      onBye: (stream) => seen.push(`bye ${mid}:${stream.ssrc}`),
    });
  };
  add("a", { ssrcs: [{ ssrc: 50, rtxSsrc: 51 }] });
  add("b", { rids: ["x", "y"] });
  add("c", { kind: "audio", codecs: [OPUS] });
  let sequence = 0;
  const give = (data: Uint8Array): string[] => {
    session.receiveRtp(data, data.length, 5);
    return seen.splice(0);
  };
  assert.deepEqual(give(named(1, ++sequence, { mid: "a" })), ["a:1:-"]);
  assert.deepEqual(give(named(1, ++sequence, {})), ["a:1:-"], "learned");
  assert.deepEqual(give(named(50, ++sequence, {})), ["a:50:-"], "announced");
  assert.deepEqual(give(named(2, ++sequence, { mid: "b", rid: "x" })), ["b:2:x"]);
  assert.deepEqual(give(named(3, ++sequence, { rid: "y" })), ["b:3:y"], "only one section has the rid");
  assert.deepEqual(give(named(4, ++sequence, {}, { payloadType: 111 })), ["c:4:-"], "only one section has the type");
  assert.deepEqual(give(named(6, ++sequence, {})), [], "two have the type");
  assert.deepEqual(give(named(7, ++sequence, { mid: "z" })), [], "nobody has the mid");
  assert.deepEqual(give(named(8, ++sequence, { mid: "c" })), [], "the section does not have the type");
  assert.deepEqual(give(named(1, ++sequence, { mid: "b", rid: "x" })), ["bye a:1", "bye b:2", "b:1:x"], "it has moved");
  // Retransmissions by their rid, and by announcement.
  const original = Uint8Array.of(0, 200, 9, 9);
  assert.deepEqual(give(named(9, 1, { mid: "b", repaired: "y" }, { payloadType: 97, payload: original })), ["b:3:y"]);
  assert.deepEqual(give(named(9, 2, { mid: "b", repaired: "y" }, { payloadType: 97, payload: original })), []);
  assert.deepEqual(give(named(51, 1, {}, { payloadType: 97, payload: original })), ["a:50:-"]);
  assert.equal(session.counters.noReceiver, 2);
  assert.equal(session.counters.payloadType, 1);
});

test("an announced stream has its rid, also where its retransmissions came first", () => {
  const { sessions } = new Pipe();
  const [, session] = sessions;
  const seen: string[] = [];
  const ssrcs = [10, 20, 30].map((ssrc) => ({ ssrc, rtxSsrc: ssrc + 1 }));
  session.addReceiver(receiving({ rids: ["x", "y", "z"], ssrcs }), {
    onPacket: (p, stream) => seen.push(`${p.ssrc}:${stream.rid ?? "-"}`),
    onBye: (stream) => seen.push(`bye ${stream.ssrc}`),
  });
  const give = (data: Uint8Array): string[] => {
    session.receiveRtp(data, data.length, 5);
    return seen.splice(0);
  };
  // Firefox probes with padding on the SSRCs of retransmissions.
  const probe = { payloadType: 97, payload: new Uint8Array(0) };
  assert.deepEqual(give(named(11, 1, { mid: "0", repaired: "x" }, probe)), []);
  assert.deepEqual(give(named(10, 1, { mid: "0", rid: "x" })), ["10:x"]);
  assert.deepEqual(give(named(10, 2, {})), ["10:x"]);
  // Which does not say whose it is.
  assert.deepEqual(give(named(21, 1, {}, probe)), []);
  assert.deepEqual(give(named(20, 1, { rid: "nobody's" })), ["20:-"]);
  assert.deepEqual(give(named(20, 2, { rid: "y" })), ["bye 20", "20:y"]);
  assert.deepEqual(give(named(20, 3, { rid: "y" })), ["20:y"]);
  const original = Uint8Array.of(0, 2, 9, 9);
  assert.deepEqual(give(named(21, 2, { repaired: "y" }, { payloadType: 97, payload: original })), []);
  // A rid that another stream has is not taken by a packet of a third.
  assert.deepEqual(give(named(31, 1, { repaired: "x" }, probe)), []);
  assert.deepEqual(give(named(10, 3, {})), ["10:x"]);
});

test("what comes before its section is kept for it, within limits", () => {
  const { sessions } = new Pipe();
  const [, session] = sessions;
  for (let i = 0; i < MAX_EARLY_PACKETS + 100; i++) {
    const data = named(1, i, { mid: "v" });
    session.receiveRtp(data, data.length, 5);
  }
  const seen: number[] = [];
  session.addReceiver(receiving({ mid: "v" }), { onPacket: (p) => seen.push(p.sequenceNumber) });
  assert.deepEqual(
    seen,
    Array.from({ length: MAX_EARLY_PACKETS }, (_, i) => i),
  );
});

test("a peer that makes up SSRCs gets no more than its share of streams", () => {
  const { sessions } = new Pipe();
  const [, session] = sessions;
  let byes = 0;
  const receiver = session.addReceiver(receiving(), { onBye: () => byes++ });
  for (let i = 0; i < 1000; i++) {
    const data = named(i, 1, { mid: "0" });
    session.receiveRtp(data, data.length, 5);
  }
  assert.equal(receiver.streams.length, MAX_STREAMS_PER_RECEIVER);
  assert.equal(session.counters.tooManyStreams, 1000 - MAX_STREAMS_PER_RECEIVER);
  // One that has been silent makes room.
  const data = named(5000, 1, { mid: "0" });
  session.receiveRtp(data, data.length, 5000);
  assert.equal(receiver.streams.length, MAX_STREAMS_PER_RECEIVER);
  assert.equal(byes, 1);
});

test("reports: loss, jitter, round-trip times on both sides, and the sender's clock", () => {
  const pipe = new Pipe({ delay: 40 });
  const sender = pipe.sessions[0].addSender(sending({ codecs: [{ ...VP8, nack: false }] }), {});
  const receiver = pipe.sessions[1].addReceiver(receiving({ codecs: [{ ...VP8, nack: false }] }), {});
  let count = 0;
  pipe.drop = () => count++ % 10 === 9;
  for (let i = 0; i < 300; i++) {
    sender.sendPacket(0, packet(i, i * 3000), 96, pipe.now);
    pipe.run(100 / 3);
  }
  const [out] = sender.streams;
  const [into] = receiver.streams;
  assert.equal(out!.packetsSent, 300);
  assert.equal(into!.packetsReceived, 270);
  assert.ok(Math.abs(into!.packetsLost - 30) <= 1);
  assert.ok(out!.remotePacketsLost >= 25 && out!.remotePacketsLost <= 30, `${out!.remotePacketsLost}`);
  assert.ok(Math.abs(out!.remoteFractionLost - 0.1) < 0.06, `${out!.remoteFractionLost}`);
  assert.ok(into!.jitter < 0.0001);
  assert.ok(Math.abs(out!.roundTripTime - 80) < 0.1, `${out!.roundTripTime}`);
  assert.ok(Math.abs(into!.roundTripTime - 80) < 0.1, `${into!.roundTripTime}`);
  assert.equal(into!.cname, "left");
  assert.ok(into!.reportsSent > 5 && into!.remotePacketsSent > 250);
  // Timestamp 0 was sent at 1000 by the left clock.
  assert.ok(
    Math.abs(into!.clock.at(0, 90_000) - (TIME_ORIGIN + 1000)) < 1,
    `${into!.clock.at(0, 90_000) - TIME_ORIGIN}`,
  );
});

test("the clock of a stream that passes through does not follow the jitter of its packets", () => {
  const pipe = new Pipe();
  const sender = pipe.sessions[0].addSender(sending(), {});
  const random = generator(6);
  const start = pipe.now;
  let worst = 0;
  for (let i = 0; i < 400; i++) {
    const late = random(60);
    pipe.run(start + i * 20 + late - pipe.now > 0 ? start + i * 20 + late - pipe.now : 0);
    sender.sendPacket(0, packet(i, i * 1800), 96, pipe.now);
    if (i < 100) continue;
    const error = ((sender.streams[0]!.timestampAt(pipe.now) - (pipe.now - start) * 90) | 0) / 90;
    worst = Math.max(worst, Math.abs(error));
  }
  assert.ok(worst < 20, `${worst}`);
});

test("jitter is that of RFC 3550 §A.8", () => {
  const { sessions } = new Pipe();
  const [, session] = sessions;
  const receiver = session.addReceiver(receiving(), {});
  let expected = 0;
  let now = 0;
  let before = 0;
  for (let i = 0; i < 50; i++) {
    now = i * 20 + (i % 3) * 4;
    const { data } = packet(i, i * 1800);
    session.receiveRtp(data, data.length, now);
    if (i > 0) expected += (Math.abs((now - before - 20) * 90) - expected) / 16;
    before = now;
  }
  assert.ok(Math.abs(receiver.streams[0]!.jitter * 90_000 - expected) < 1e-6);
});

test("reports are at most one compound long each, and stop when nothing flows", () => {
  const pipe = new Pipe();
  const encodings = Array.from({ length: 60 }, (_, i) => ({
    rid: null,
    ssrc: 100 + i,
    rtxSsrc: null,
    active: true,
    maxBitrate: null,
    priority: 1,
  }));
  const senders = [0, 1].map((n) =>
    pipe.sessions[0].addSender(
      sending({ mid: `${n}`, encodings: encodings.slice(n * 30, n * 30 + 30), codecs: [VP8] }),
      {},
    ),
  );
  for (const mid of ["0", "1"]) pipe.sessions[1].addReceiver(receiving({ mid }), {});
  for (let i = 0; i < 30; i++) {
    for (const sender of senders) for (let n = 0; n < 30; n++) sender.sendPacket(n, packet(i, i * 3000), 96, pipe.now);
    pipe.run(100);
  }
  for (const { streams } of senders) for (const stream of streams) assert.equal(stream.roundTripTime > 0, true);
  for (const { streams } of pipe.sessions[1].receivers) {
    assert.equal(streams.length, 30);
    for (const stream of streams) assert.ok(stream.reportsSent > 0);
  }
  pipe.run(20_000);
  for (const session of pipe.sessions) assert.equal(session.deadline, Number.POSITIVE_INFINITY);
  for (const side of [0, 1] as const) for (const compound of pipe.sentRtcp[side]) assert.ok(compound.length <= 1140);
});

test("without reduced size every compound begins with a report and a name", () => {
  const pipe = new Pipe({ session: { reducedSize: false } });
  const sender = pipe.sessions[0].addSender(sending(), {});
  const receiver = pipe.sessions[1].addReceiver(receiving(), {});
  let asked = 0;
  sender.host.onKeyFrameRequest = () => asked++;
  sender.sendPacket(0, packet(1, 3000), 96, pipe.now);
  pipe.run(20);
  receiver.requestKeyFrame(receiver.streams[0]!, pipe.now);
  pipe.run(20);
  assert.equal(asked, 1);
  for (const compound of pipe.sentRtcp[1]) assert.equal(compound[1], 201);
});

test("a BYE ends the stream, by closing the sender or the session", () => {
  const pipe = new Pipe();
  const first = pipe.sessions[0].addSender(sending(), {});
  const second = pipe.sessions[0].addSender(
    sending({
      mid: "1",
      encodings: [{ rid: null, ssrc: 7, rtxSsrc: null, active: true, maxBitrate: null, priority: 1 }],
    }),
    {},
  );
  const byes: number[] = [];
  for (const mid of ["0", "1"]) {
    pipe.sessions[1].addReceiver(receiving({ mid }), { onBye: (stream) => byes.push(stream.ssrc) });
  }
  first.sendPacket(0, packet(1, 0), 96, pipe.now);
  second.sendPacket(0, packet(1, 0), 96, pipe.now);
  pipe.run(50);
  first.close(pipe.now);
  pipe.run(50);
  assert.deepEqual(byes, [1000]);
  pipe.sessions[0].close(pipe.now);
  pipe.run(50);
  assert.deepEqual(byes, [1000, 7]);
  second.sendPacket(0, packet(2, 0), 96, pipe.now);
  assert.equal(pipe.sentRtp[0].length, 2);
});

test("a stream may begin its numbers anew, one that is late may not", () => {
  const { sessions } = new Pipe();
  const [, session] = sessions;
  const seen: number[] = [];
  const receiver = session.addReceiver(receiving(), { onPacket: (p) => seen.push(p.sequenceNumber) });
  const give = (sequence: number): void => {
    const { data } = packet(sequence, sequence);
    session.receiveRtp(data, data.length, 5);
  };
  for (const n of [30_000, 30_001, 20_000, 30_002, 20_000, 20_001, 20_002, 50_000, 50_001]) give(n);
  assert.deepEqual(seen, [30_000, 30_001, 30_002, 20_001, 20_002, 50_000, 50_001]);
  assert.equal(receiver.streams[0]!.statistics.restarts, 2);
  assert.ok(Math.abs(receiver.streams[0]!.packetsLost) < 4);
});

test("nothing of a sender that was removed leaves behind its BYE", () => {
  const pipe = new Pipe();
  const sender = pipe.sessions[0].addSender(sending(), {});
  const data = new Uint8Array(100_000);
  data.set([0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
  sender.sendFrame(0, { data, timestamp: 0, keyFrame: true, mimeType: "video/VP8" }, pipe.now);
  pipe.run(20);
  sender.close(pipe.now);
  const sent = pipe.sentRtp[0].length;
  assert.ok(sent > 0 && sent < 80, `${sent}`);
  pipe.run(3000);
  assert.equal(pipe.sentRtp[0].length, sent);
});

test("with the first keys a stream that has begun is to begin again, one that has not is left alone", () => {
  const pipe = new Pipe();
  const asked: number[] = [];
  const encodings = [0, 1].map((i) => ({ ...sending().encodings[0]!, ssrc: 10 + 2 * i, rtxSsrc: 11 + 2 * i }));
  const sender = pipe.sessions[0].addSender(sending({ encodings }), { onKeyFrameRequest: (i) => asked.push(i) });
  pipe.sessions[0].start();
  assert.deepEqual(asked, []);
  sender.sendPacket(1, packet(1, 0), 96, pipe.now);
  pipe.sessions[0].start();
  assert.deepEqual(asked, [1]);
});
