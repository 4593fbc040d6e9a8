import assert from "node:assert/strict";
import { test } from "node:test";
import { writeNack } from "./feedback.js";
import { RtpPacket } from "./packet.js";
import { KEY_FRAME_REQUEST_INTERVAL } from "./receive-stream.js";
import { RtcpWriter } from "./rtcp.js";
import { MAX_HISTORY_BYTES, SendHistory } from "./send-history.js";
import { OPUS, Pipe, packet, receiving, sending, VP8 } from "./testing.test.js";

const KEY_FRAME = Uint8Array.of(0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00, 1, 2, 3);
const DELTA_FRAME = Uint8Array.of(0x10, 0x11, 0x02, 0x00, 1, 2, 3);

for (const rtx of [true, false]) {
  test(`lost packets are asked for and come again, ${rtx ? "on a stream of their own" : "as they were"}`, () => {
    const pipe = new Pipe({ seed: 11, delay: 50, loss: 0.2, rtcpLoss: 0.1 });
    const codecs = [{ ...VP8, rtxPayloadType: rtx ? 97 : null }];
    const sender = pipe.sessions[0].addSender(sending({ codecs }), {});
    const got = new Map<number, number[]>();
    const receiver = pipe.sessions[1].addReceiver(receiving({ codecs }), {
      onPacket: (p, stream) => {
        assert.equal(p.ssrc, 1000);
        assert.equal(p.payloadType, 96);
        assert.equal(stream.ssrc, 1000);
        assert.equal(got.has(p.timestamp), false, "twice");
        got.set(p.timestamp, [...p.payload()]);
      },
    });
    const count = 1000;
    for (let i = 0; i < count; i++) {
      sender.sendPacket(0, packet(i, i * 3000, { payload: Uint8Array.of(0x10, 1, i >> 8, i) }), 96, pipe.now);
      pipe.run(10);
    }
    pipe.run(3000);
    // The first ones may be lost before anything tells the receiver that they were there.
    let missing = 0;
    for (let i = 0; i < count; i++) {
      const payload = got.get(i * 3000);
      if (payload === undefined) missing++;
      else assert.deepEqual(payload, [0x10, 1, i >> 8, i & 255]);
    }
    assert.ok(missing <= 2, `${missing}`);
    const [out] = sender.streams;
    const [into] = receiver.streams;
    assert.ok(out!.retransmittedPacketsSent > 150 && out!.retransmittedPacketsSent < 500);
    assert.ok(out!.nackCount > 0 && into!.nackCount >= out!.nackCount);
    assert.equal(into!.retransmittedPacketsReceived > 0, rtx);
    assert.equal(into!.rtxSsrc, rtx ? 1001 : undefined);
    assert.ok(into!.packetsLost > (rtx ? 100 : -50));
  });
}

test("a packet is not repeated again before the last repeat can have come", () => {
  const pipe = new Pipe({ delay: 50 });
  const sender = pipe.sessions[0].addSender(sending(), {});
  for (let i = 0; i < 10; i++) sender.sendPacket(0, packet(i, i * 3000), 96, pipe.now);
  const number = new RtpPacket();
  number.parse(pipe.sentRtp[0][4]!);
  const ask = (): number => {
    const before = pipe.sentRtp[0].length;
    const writer = new RtcpWriter(100);
    writeNack(
      writer,
      1,
      1000,
      Uint16Array.from({ length: 6 }, (_, i) => number.sequenceNumber + i),
      6,
    );
    pipe.sessions[0].receiveRtcp(writer.data, writer.length, pipe.now);
    return pipe.sentRtp[0].length - before;
  };
  assert.equal(ask(), 6);
  for (let i = 0; i < 100; i++) assert.equal(ask(), 0);
  pipe.run(150);
  assert.equal(ask(), 6);
});

test("what has been sent on a retransmission stream says whose it is", () => {
  const pipe = new Pipe();
  const encodings = [{ rid: "q", ssrc: 5, rtxSsrc: 6, active: true, maxBitrate: null, priority: 1 }];
  const sender = pipe.sessions[0].addSender(sending({ encodings }), {});
  let count = 0;
  pipe.drop = () => ++count === 2;
  const seen: number[] = [];
  const receiver = pipe.sessions[1].addReceiver(receiving({ rids: ["q", "r"] }), {
    onPacket: (p) => seen.push(p.timestamp),
  });
  for (let i = 0; i < 4; i++) sender.sendPacket(0, packet(i, i), 96, pipe.now);
  pipe.run(100);
  assert.deepEqual(seen, [0, 2, 3, 1]);
  assert.equal(receiver.streams[0]!.rtxSsrc, 6);
});

test("key frames are asked for at intervals, and not once one has come", () => {
  const pipe = new Pipe();
  let asked = 0;
  const sender = pipe.sessions[0].addSender(sending(), { onKeyFrameRequest: () => asked++ });
  const receiver = pipe.sessions[1].addReceiver(receiving(), {});
  const send = (sequence: number, payload: Uint8Array): void =>
    sender.sendPacket(0, packet(sequence, sequence * 3000, { payload }), 96, pipe.now);
  send(1, DELTA_FRAME);
  pipe.run(20);
  const stream = receiver.streams[0]!;
  const ask = (): void => receiver.requestKeyFrame(stream, pipe.now);
  for (let i = 0; i < 50; i++) ask();
  pipe.run(20);
  assert.equal(asked, 1);
  pipe.run(KEY_FRAME_REQUEST_INTERVAL);
  assert.equal(asked, 2, "it was asked for again meanwhile");
  ask();
  send(2, KEY_FRAME);
  pipe.run(2 * KEY_FRAME_REQUEST_INTERVAL);
  assert.equal(asked, 2, "one has come");
  assert.equal(stream.pliCount, 2);
  assert.equal(sender.streams[0]!.pliCount, 2);
});

test("without PLI a full intra request asks, once for each number", () => {
  const pipe = new Pipe();
  let asked = 0;
  const codecs = [{ ...VP8, pli: false }];
  const sender = pipe.sessions[0].addSender(sending({ codecs }), { onKeyFrameRequest: () => asked++ });
  const receiver = pipe.sessions[1].addReceiver(receiving({ codecs }), {});
  sender.sendPacket(0, packet(1, 1), 96, pipe.now);
  pipe.run(20);
  receiver.requestKeyFrame(receiver.streams[0]!, pipe.now);
  pipe.run(20);
  const request = pipe.sentRtcp[1].at(-1)!;
  pipe.sessions[0].receiveRtcp(request, request.length, pipe.now);
  assert.equal(asked, 1);
  pipe.run(500);
  receiver.requestKeyFrame(receiver.streams[0]!, pipe.now);
  pipe.run(20);
  assert.equal(asked, 2);
});

test("a gap too large to repeat asks for a key frame", () => {
  const pipe = new Pipe();
  let asked = 0;
  const sender = pipe.sessions[0].addSender(sending(), { onKeyFrameRequest: () => asked++ });
  const receiver = pipe.sessions[1].addReceiver(receiving(), {});
  sender.sendPacket(0, packet(1, 1), 96, pipe.now);
  sender.sendPacket(0, packet(2000, 1), 96, pipe.now);
  pipe.run(100);
  assert.equal(asked, 1);
  assert.equal(receiver.streams[0]!.nackCount, 0);
  assert.equal(receiver.streams[0]!.nackList!.givenUp, 1998);
});

test("nothing is asked for that the peer would not repeat", () => {
  const pipe = new Pipe();
  const sender = pipe.sessions[0].addSender(sending({ kind: "audio", codecs: [OPUS] }), {});
  const receiver = pipe.sessions[1].addReceiver(receiving({ kind: "audio", codecs: [OPUS] }), {});
  for (const n of [1, 5, 9]) sender.sendPacket(0, packet(n, n * 960), 111, pipe.now);
  pipe.run(100);
  assert.equal(receiver.streams[0]!.nackCount, 0);
  assert.equal(pipe.sessions[1].receivers[0]!.streams[0]!.packetsLost, 6);
});

test("the history keeps what is young, and no more than its limit", () => {
  const history = new SendHistory();
  const write = (sequence: number, length: number, now: number): void => {
    const at = history.reserve(length + 50, now);
    history.data.fill(sequence, at, at + length);
    history.commit(sequence & 0xffff, length, now);
  };
  // 2 Mbit/s: 200 packets of 1,250 bytes a second.
  let now = 0;
  for (let i = 60_000; i < 66_000; i++, now += 5) write(i, 1250, now);
  for (let i = 65_999; i > 65_999 - 190; i--) {
    assert.equal(history.find(i & 0xffff), true, `${i}`);
    assert.equal(history.length, 1250);
    for (const at of [0, 1249]) assert.equal(history.data[history.offset + at], i & 255);
  }
  assert.equal(history.find(60_500), false);
  // A flood ends at the limit.
  for (let i = 0; i < 20_000; i++, now += 0.01) write(i, 1250, now);
  assert.equal(history.data.length, MAX_HISTORY_BYTES);
  assert.equal(history.find(19_999), true);
  assert.equal(history.find(10), false);
  assert.equal(history.repeat(10, 10, now), false);
});
