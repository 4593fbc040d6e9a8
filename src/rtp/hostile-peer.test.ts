// What a peer that has authenticated may try: everything here is allowed by the wire format, and none of it may throw, send more
// than it should, or keep more than it should.
import assert from "node:assert/strict";
import { test } from "node:test";

import { BandwidthEstimator } from "./bandwidth/estimator.js";
import { MAX_SESSION_BUFFERED_BYTES } from "./buffer-budget.js";
import { writeNack, writePictureLoss, writeRemb } from "./feedback.js";
import { MAX_SILENCE } from "./jitter-buffer.js";
import { MAX_STREAMS_PER_RECEIVER } from "./receiver.js";
import { RtcpWriter } from "./rtcp.js";
import { FEEDBACK_ALLOWANCE, FEEDBACK_PER_PACKET } from "./rtcp-input.js";
import { SendHistory } from "./send-history.js";
import { Pipe, packet, receiving, sending, VP8 } from "./testing.test.js";

const KEY_FRAME = Uint8Array.of(0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00, 1, 2, 3);

test("a forwarded packet may be larger than the history", () => {
  for (const size of [1500, 33_000, 60_000]) {
    const pipe = new Pipe();
    const sender = pipe.sessions[0].addSender(sending(), {});
    for (let i = 0; i < 40; i++) {
      sender.sendPacket(0, packet(i, 3000 * i, { payload: new Uint8Array(i === 20 ? size : 1000) }), 96, pipe.now);
      pipe.run(1);
    }
    assert.equal(pipe.sentRtp[0].length, 40);
    const tooLarge = packet(40, 120_000, { payload: new Uint8Array(5_000_000) });
    sender.sendPacket(0, tooLarge, 96, pipe.now);
    assert.equal(pipe.sentRtp[0].length, 40);
  }
});

test("a history that grows forgets nothing young", () => {
  const history = new SendHistory();
  const sizes = [1000, 30_000, 1000, 40_000, 500, 60_000, 60_000, 1200, 65_000];
  for (let i = 0; i < 40; i++) {
    const size = sizes[i % sizes.length]!;
    const at = history.reserve(size, i);
    history.data.fill(i, at, at + size);
    history.commit(i, size, i);
    for (let n = Math.max(0, i - 3); n <= i; n++) {
      assert.ok(history.find(n), `${n} after ${i}`);
      const { data, offset, length } = history;
      assert.equal(length, sizes[n % sizes.length]);
      assert.ok(
        data.subarray(offset, offset + length).every((byte) => byte === n),
        `${n} after ${i}`,
      );
    }
  }
});

test("a flood of NACKs makes ten repeats of a packet, no more", () => {
  const pipe = new Pipe({ delay: 5 });
  const sender = pipe.sessions[0].addSender(sending(), {});
  for (let i = 0; i < 100; i++)
    sender.sendPacket(0, packet(i, 3000 * i, { payload: new Uint8Array(1000) }), 96, pipe.now);
  const sent = pipe.sentRtp[0];
  const number = (sent[99]![2]! << 8) | sent[99]![3]!;
  const sequences = Uint16Array.from({ length: 100 }, (_, i) => (number - 99 + i) & 0xffff);
  let asked = 0;
  const before = sent.length;
  for (let i = 0; i < 200; i++) {
    const writer = new RtcpWriter(1000);
    writeNack(writer, 1, 1000, sequences, 100);
    asked += writer.length;
    pipe.sessions[0].receiveRtcp(writer.data.slice(0, writer.length), writer.length, pipe.now);
    pipe.run(120);
  }
  const repeats = sent.length - before;
  assert.ok(repeats > 100 && repeats <= 10 * 100, `${repeats} for ${asked} bytes`);
});

test("what an outage has lost is not repeated all at once, at a rate that may hold no more", () => {
  const pipe = new Pipe({ delay: 5 });
  const sender = pipe.sessions[0].addSender(sending(), {});
  for (let i = 0; i < 200; i++)
    sender.sendPacket(0, packet(i, 3000 * i, { payload: new Uint8Array(1000) }), 96, pipe.now);
  const sent = pipe.sentRtp[0];
  const number = (sent[199]![2]! << 8) | sent[199]![3]!;
  const sequences = Uint16Array.from({ length: 200 }, (_, i) => (number - 199 + i) & 0xffff);
  const ask = (): number => {
    const before = sent.length;
    const writer = new RtcpWriter(1000);
    writeNack(writer, 1, 1000, sequences, 200);
    pipe.sessions[0].receiveRtcp(writer.data.slice(0, writer.length), writer.length, pipe.now);
    return sent.length - before;
  };
  // Half a second's worth of 300 kbit/s, and then as it drains.
  const first = ask();
  assert.ok(first >= 15 && first <= 20, `${first}`);
  assert.ok(ask() <= 1);
  pipe.run(400);
  const second = ask();
  assert.ok(second >= 10 && second <= 16, `${second}`);
});

test("a flood of requests for key frames is passed on now and then", () => {
  const pipe = new Pipe();
  let requests = 0;
  pipe.sessions[0].addSender(sending(), { onKeyFrameRequest: () => requests++ });
  for (let i = 0; i < 100; i++) {
    const writer = new RtcpWriter(1200);
    for (let n = 0; n < 50; n++) writePictureLoss(writer, 1, 1000);
    pipe.sessions[0].receiveRtcp(writer.data.slice(0, writer.length), writer.length, pipe.now);
    pipe.run(10);
  }
  assert.ok(requests >= 3 && requests <= 10, `${requests}`);
});

test("a peer that reports whatever is sent as come at once is not probed ever faster", () => {
  const codecs = [{ ...VP8, transportCc: true }];
  const pipe = new Pipe({ delay: 5 });
  const sender = pipe.sessions[0].addSender(sending({ codecs }), {});
  pipe.sessions[1].addReceiver(receiving({ codecs }), {});
  const bytes = (): number => pipe.sentRtp[0].splice(0).reduce((sum, { length }) => sum + length, 0);
  let media = 0;
  for (let i = 0; i < 30 * 40; i++) {
    const data = new Uint8Array(3000);
    data.set([0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
    sender.sendFrame(0, { data, timestamp: i * 3000, keyFrame: true, mimeType: "video/VP8" }, pipe.now);
    media += data.length;
    pipe.run(33);
  }
  const sent = bytes();
  assert.ok(sent > media && sent < 1.5 * media, `${sent} for ${media}`);
  assert.ok(pipe.sessions[0].bandwidth!.targetBitrate < 100_000_000);
});

test("a REMB of 2^80 bits per second", () => {
  const codecs = [{ ...VP8, transportCc: true, remb: true }];
  const pipe = new Pipe({ delay: 5 });
  const sender = pipe.sessions[0].addSender(sending({ codecs }), {});
  for (const remb of [2 ** 80, 0, 1]) {
    const writer = new RtcpWriter(100);
    writeRemb(writer, 1, remb, [1000]);
    pipe.sessions[0].receiveRtcp(writer.data.slice(0, writer.length), writer.length, pipe.now);
    for (let i = 0; i < 30; i++) {
      const data = new Uint8Array(3000);
      data.set([0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
      const frame = { data, timestamp: i * 3000, keyFrame: true, mimeType: "video/VP8" };
      sender.sendFrame(0, frame, pipe.now);
      pipe.run(33);
    }
    assert.ok(pipe.sessions[0].bandwidth!.targetBitrate <= 1_000_000_000);
  }
  const sent = pipe.sentRtp[0].reduce((sum, { length }) => sum + length, 0);
  assert.ok(sent < 60_000_000, `${sent}`);
});

/** One RTCP packet. */
function rtcp(format: number, type: number, ...body: number[]): number[] {
  const words = body.length / 4;
  return [0x80 | format, type, words >> 8, words & 255, ...body];
}

const u32 = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];

test("reports of packets by the thousand are read as far as packets were sent", (t) => {
  const codecs = [{ ...VP8, transportCc: true }];
  const pipe = new Pipe({ delay: 5 });
  const sender = pipe.sessions[0].addSender(sending({ codecs }), {});
  const { onPacketFeedback } = BandwidthEstimator.prototype;
  let looked = 0;
  t.mock.method(
    BandwidthEstimator.prototype,
    "onPacketFeedback",
    function (this: BandwidthEstimator, sequence: number, arrival: number): void {
      looked++;
      onPacketFeedback.call(this, sequence, arrival);
    },
  );
  // 16,382 packets that have not come, in 24 bytes.
  const message = rtcp(15, 205, ...u32(1), ...u32(1000), 0, 0, 0x3f, 0xfe, 0, 0, 0, 0, 0x1f, 0xff, 0x1f, 0xff);
  const compound = Uint8Array.from({ length: 50 * message.length }, (_, i) => message[i % message.length]!);
  let sent = 0;
  for (let i = 0; i < 100; i++) {
    for (let n = 0; n < 10; n++) sender.sendPacket(0, packet(sent, 3000 * sent++), 96, pipe.now);
    pipe.sessions[0].receiveRtcp(compound.slice(), compound.length, pipe.now);
    pipe.run(10);
  }
  assert.ok(looked > 0 && looked <= FEEDBACK_ALLOWANCE + sent * FEEDBACK_PER_PACKET, `${looked} for ${sent} packets`);
  assert.ok(pipe.sessions[0].counters.excessFeedback! > 4000);
});

test("honest reports are all read, whatever was made up before", () => {
  const codecs = [{ ...VP8, transportCc: true }];
  const pipe = new Pipe({ delay: 5 });
  const sender = pipe.sessions[0].addSender(sending({ codecs }), {});
  pipe.sessions[1].addReceiver(receiving({ codecs }), {});
  for (let i = 0; i < 40_000; i++) {
    sender.sendPacket(0, packet(i, 3000 * i), 96, pipe.now);
    if (i % 4 === 0) pipe.run(1);
  }
  pipe.run(500);
  assert.equal(pipe.sessions[0].counters.excessFeedback, 0);
});

test("frames without an end, on as many streams as there may be, fill one budget; and it is given back", () => {
  const pipe = new Pipe();
  const [session] = pipe.sessions;
  const receivers = ["0", "1", "2", "3"].map((mid, i) => {
    const codecs = [{ ...VP8, payloadType: 96 + 2 * i, rtxPayloadType: null }];
    const receiver = session.addReceiver(receiving({ mid, codecs }), { onFrame: () => {} });
    receiver.wantFrames = true;
    return receiver;
  });
  const payload = new Uint8Array(30_000);
  payload.set(KEY_FRAME);
  const send = (stream: number, number: number, marker = false): void => {
    const ssrc = 100 + stream;
    const { data } = packet(number, 3000, { ssrc, payloadType: 96 + 2 * (stream % 4), marker, payload });
    session.receiveRtp(data, data.length, pipe.now);
  };
  let most = 0;
  for (let number = 0; number < 40; number++) {
    for (let stream = 0; stream < 128; stream++) send(stream, number);
    pipe.run(10);
    most = Math.max(most, session.bufferBudget.bytes);
  }
  assert.ok(most > 0.9 * MAX_SESSION_BUFFERED_BYTES && most <= MAX_SESSION_BUFFERED_BYTES, `${most}`);
  const held = receivers
    .flatMap(({ streams }) => [...streams])
    .reduce((sum, { frames }) => sum + frames!.buffer.assembler.bytes, 0);
  assert.equal(held, session.bufferBudget.bytes);
  receivers[0]!.close(pipe.now);
  receivers[1]!.wantFrames = false;
  for (let stream = 0; stream < 128; stream++) if (stream % 4 === 1) send(stream, 40);
  assert.ok(session.bufferBudget.bytes < held);
  pipe.run(2 * MAX_SILENCE);
  assert.equal(session.bufferBudget.bytes, 0);
});

test("a stream that stops amid a frame is let go of: no timer, no request for a key frame", () => {
  for (const whole of [false, true]) {
    const pipe = new Pipe();
    const [session] = pipe.sessions;
    const receiver = session.addReceiver(receiving(), { onFrame: () => {} });
    receiver.wantFrames = true;
    for (const number of whole ? [1, 2] : [2]) {
      const { data } = packet(number, 3000 * number, { payload: KEY_FRAME, marker: number === 1 });
      session.receiveRtp(data, data.length, pipe.now);
    }
    pipe.run(2 * MAX_SILENCE);
    const asked = receiver.streams[0]!.pliCount;
    assert.equal(receiver.streams[0]!.deadline, Number.POSITIVE_INFINITY);
    pipe.run(60_000);
    assert.equal(receiver.streams[0]!.pliCount, asked);
  }
});

/** Bytes that IP, UDP and SRTP add. */
const OVERHEAD = 44;

interface Made {
  readonly ssrc?: number;
  readonly sequence?: number;
  readonly timestamp?: number;
  readonly type?: number;
  readonly payload?: readonly number[];
  readonly csrcs?: readonly number[];
  readonly extensions?: readonly number[];
  readonly profile?: number;
  readonly padding?: number;
}

function made({ ssrc = 1, sequence = 1, timestamp = 0, type = 96, profile = 0xbede, ...more }: Made): Uint8Array {
  const { payload = [0x10, 0x11, 2, 0, 1], csrcs = [], extensions = [], padding = 0 } = more;
  const words = Math.ceil(extensions.length / 4);
  const first = 0x80 | (words > 0 ? 0x10 : 0) | (padding > 0 ? 0x20 : 0) | csrcs.length;
  const block = words === 0 ? [] : [profile >> 8, profile & 255, words >> 8, words & 255, ...extensions];
  while (block.length % 4 !== 0) block.push(0);
  const head = [first, 0x80 | type, (sequence >> 8) & 255, sequence & 255, ...u32(timestamp), ...u32(ssrc)];
  const end = new Array<number>(padding).fill(padding & 255);
  return Uint8Array.from([...head, ...csrcs.flatMap(u32), ...block, ...payload, ...end]);
}

const FLOODS: Record<string, (i: number) => Made> = {
  "another SSRC each": (i) => ({ ssrc: 1000 + i }),
  "another SSRC of the same rid each": (i) => ({ ssrc: 1000 + i, extensions: [0x50, 113] }),
  "another rid each": (i) => ({ ssrc: 1000 + i, extensions: [0x53, ...u32(i)] }),
  "another mid each": (i) => ({ ssrc: 1000 + i, extensions: [0x43, ...u32(i)] }),
  "an SSRC that moves between sections": (i) => ({ sequence: i, extensions: [0x40, 48 + (i % 2)] }),
  "gaps of 900": (i) => ({ sequence: 900 * i }),
  "gaps of 17": (i) => ({ sequence: 17 * i }),
  "every second packet": (i) => ({ sequence: 2 * i }),
  "two senders of one SSRC": (i) => ({ sequence: (i >> 1) + (i & 1) * 20_000, timestamp: (i & 1) * 1e9 + i }),
  "numbers and timestamps at random": (i) => ({ sequence: (i * 40_503) & 0xffff, timestamp: (i * 77_777_777) >>> 0 }),
  "another payload type each": (i) => ({ sequence: i, type: 96 + (i % 4) }),
  "transport-wide numbers at random": (i) => ({ sequence: i, extensions: [0x31, (i * 7) & 255, (i * 13) & 255] }),
  "transport-wide gaps of 60": (i) => ({ sequence: i, extensions: [0x31, ((60 * i) >> 8) & 255, (60 * i) & 255] }),
  "fifteen sources each": (i) => ({ sequence: i, csrcs: Array.from({ length: 15 }, (_, n) => 15 * i + n) }),
  "hundreds of extensions": (i) => ({ sequence: i, extensions: new Array<number>(600).fill(0x90) }),
  "hundreds of empty extensions": (i) => ({
    sequence: i,
    profile: 0x1000,
    extensions: new Array<number>(600).fill(4 * (i % 2)),
  }),
  "nothing but padding": (i) => ({ sequence: i, payload: [], padding: 255 }),
  "more padding than packet": (i) => ({ sequence: i, payload: [255] }),
  "retransmissions of what never was": (i) =>
    i === 0 ? {} : { ssrc: 2, type: 97, sequence: i, payload: [(i * 211) & 255, i & 255, 1, 2, 3] },
};

for (const [name, flood] of Object.entries(FLOODS)) {
  test(`a flood of packets: ${name}: little is kept, and less sent than four times as much`, () => {
    const pipe = new Pipe({ delay: 5 });
    const [session] = pipe.sessions;
    const codecs = [
      { ...VP8, transportCc: true },
      { ...VP8, payloadType: 98, rtxPayloadType: null },
    ];
    for (const mid of ["0", "1"]) {
      const receiver = session.addReceiver(receiving({ mid, codecs, rids: ["q", "h"] }), { onFrame: () => {} });
      receiver.wantFrames = true;
    }
    let came = 0;
    for (let i = 0; i < 1000; i++) {
      const data = made(flood(i));
      came += data.length + OVERHEAD;
      session.receiveRtp(data, data.length, pipe.now);
      pipe.run(i % 4 === 0 ? 3 : 0);
    }
    pipe.run(2000);
    const left = [...pipe.sentRtp[0], ...pipe.sentRtcp[0]].reduce((sum, { length }) => sum + length + OVERHEAD, 0);
    assert.ok(left <= 4 * came, `${left} for ${came}`);
    for (const { streams } of session.receivers) assert.ok(streams.length <= MAX_STREAMS_PER_RECEIVER);
    const { routes } = (session as unknown as { router: { routes: Map<number, unknown> } }).router;
    assert.ok(routes.size <= 3 * 2 * MAX_STREAMS_PER_RECEIVER, `${routes.size} routes`);
  });
}

const REPORTS: Record<string, (i: number) => number[]> = {
  "sender reports of the far future": () => rtcp(0, 200, ...u32(1), ...new Array<number>(20).fill(255)),
  "sender reports that jump": (i) =>
    rtcp(0, 200, ...u32(1), ...u32((i * 2_654_435_761) >>> 0), ...new Array<number>(16).fill(i & 255)),
  "report blocks of all kinds": (i) =>
    rtcp(1, 201, ...u32(7), ...u32(1000), ...new Array<number>(20).fill((i * 37) & 255)),
  "goodbyes of others": (i) => rtcp(2, 203, ...u32(i), ...u32(1000)),
  "clocks to be answered": (i) => rtcp(0, 207, ...u32(i), 4, 0, 0, 2, ...u32(i), ...u32(i)),
  "answers to no question": (i) => rtcp(0, 207, ...u32(i), 5, 0, 0, 3, ...u32(1), ...u32(i), ...u32(i)),
  "limits of bitrate by many": (i) => rtcp(3, 205, ...u32(i), ...u32(0), ...u32(1000), (i * 8) & 255, 0, i & 255, 0),
  "requests for key frames with new numbers": (i) => rtcp(4, 206, ...u32(1), ...u32(0), ...u32(1000), i & 255, 0, 0, 0),
  "REMB of anything": (i) =>
    rtcp(15, 206, ...u32(1), ...u32(0), 0x52, 0x45, 0x4d, 0x42, 1, (i * 13) & 255, 255, 255, ...u32(1000)),
  "everything is lost, every millisecond": () =>
    rtcp(15, 205, ...u32(1), ...u32(1000), 0, 0, 0, 100, 0, 0, 0, 0, 0x00, 100, 0, 0),
  "names of all streams": (i) => rtcp(1, 202, ...u32(i % 5), 1, 2, 65, 65, 0, 0, 0, 0),
};

for (const [name, report] of Object.entries(REPORTS)) {
  test(`a flood of RTCP: ${name}: the stream goes on, and little is answered`, () => {
    const codecs = [{ ...VP8, transportCc: true, remb: true }];
    const pipe = new Pipe({ delay: 5 });
    const [session] = pipe.sessions;
    let asked = 0;
    const sender = session.addSender(sending({ codecs }), { onKeyFrameRequest: () => asked++ });
    let came = 0;
    for (let i = 0; i < 2000; i++) {
      const data = Uint8Array.from(report(i));
      came += data.length + OVERHEAD;
      session.receiveRtcp(data, data.length, pipe.now);
      if (i % 10 === 0) sender.sendPacket(0, packet(i / 10, 300 * i), 96, pipe.now);
      pipe.run(1);
    }
    const isMedia = (data: Uint8Array): boolean => (data[1]! & 127) === 96;
    assert.equal(pipe.sentRtp[0].filter(isMedia).length, 200);
    const left = pipe.sentRtcp[0].reduce((sum, { length }) => sum + length + OVERHEAD, 0);
    assert.ok(left <= 4 * came, `${left} for ${came}`);
    assert.ok(asked <= 15, `${asked} key frames`);
    assert.ok(session.bandwidth!.targetBitrate >= 0 && session.bandwidth!.targetBitrate <= 1_000_000_000);
  });
}
