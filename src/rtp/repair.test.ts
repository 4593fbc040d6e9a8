import assert from "node:assert/strict";
import { test } from "node:test";
import { FecSender } from "./fec/fec-sender.js";
import { RtpPacket, writeRtpHeader } from "./packet.js";
import { OPUS, Pipe, packet, receiving, sending, VP8 } from "./testing.test.js";
import type { RtpCodec } from "./types.js";

const RED: RtpCodec = { ...VP8, payloadType: 118, mimeType: "video/red", rtxPayloadType: 119 };
const ULPFEC: RtpCodec = { ...VP8, payloadType: 120, mimeType: "video/ulpfec", rtxPayloadType: null };
const FLEXFEC: RtpCodec = { ...VP8, payloadType: 49, mimeType: "video/flexfec-03", rtxPayloadType: null };
const AUDIO_RED: RtpCodec = { ...OPUS, payloadType: 63, mimeType: "audio/red", parameters: "111/111" };

const KEY_FRAME = [0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00, 1, 2, 3];

/** RFC 5109 §7, level 0 without a long mask, over packets that follow each other. */
function ulpfec(media: readonly RtpPacket[]): Uint8Array {
  const longest = Math.max(...media.map(({ length }) => length)) - 12;
  const out = new Uint8Array(14 + longest);
  media.forEach(({ data, length }, index) => {
    out[0]! ^= data[0]! & 0x3f;
    out[1]! ^= data[1]!;
    for (let i = 0; i < 4; i++) out[4 + i]! ^= data[4 + i]!;
    out[8]! ^= (length - 12) >> 8;
    out[9]! ^= (length - 12) & 255;
    out[12 + (index >> 3)]! |= 0x80 >> (index & 7);
    for (let i = 12; i < length; i++) out[14 + i - 12]! ^= data[i]!;
  });
  out[2] = media[0]!.sequenceNumber >> 8;
  out[3] = media[0]!.sequenceNumber;
  out[10] = longest >> 8;
  out[11] = longest;
  return out;
}

function inRed(payloadType: number, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(payload.length + 1);
  out[0] = payloadType;
  out.set(payload, 1);
  return out;
}

test("video in RED is taken out of it, and ULPFEC in it repairs what was lost", () => {
  const { sessions } = new Pipe();
  const [, session] = sessions;
  const seen: [number, number, number, number[]][] = [];
  const receiver = session.addReceiver(receiving({ codecs: [VP8, RED, ULPFEC] }), {
    onPacket: (p) => seen.push([p.sequenceNumber, p.payloadType, p.timestamp, [...p.payload()]]),
  });
  const payloads = [0, 1, 2, 3].map((i) => Uint8Array.from([...KEY_FRAME, i, ...new Array<number>(i * 3).fill(i)]));
  const media = payloads.map((payload, i) => packet(100 + i, 3000 + i, { payload, marker: i === 3 }));
  const send = (
    sequence: number,
    timestamp: number,
    payloadType: number,
    payload: Uint8Array,
    marker: boolean,
  ): void => {
    const { data } = packet(sequence, timestamp, { payloadType: 118, payload: inRed(payloadType, payload), marker });
    session.receiveRtp(data, data.length, 5);
  };
  const fec = ulpfec(media);
  // The first repair packet shows that there are such: nothing is kept before.
  send(98, 2000, 120, ulpfec([packet(96, 1), packet(97, 1)]), false);
  for (const i of [0, 1, 3]) send(100 + i, 3000 + i, 96, payloads[i]!, i === 3);
  send(104, 3003, 120, fec, false);
  assert.deepEqual(seen, [
    [98, 118, 2000, []],
    [100, 96, 3000, [...payloads[0]!]],
    [101, 96, 3001, [...payloads[1]!]],
    [103, 96, 3003, [...payloads[3]!]],
    [104, 96, 3003, []],
    [102, 96, 3002, [...payloads[2]!]],
  ]);
  const [stream] = receiver.streams;
  assert.equal(stream!.codec!.mimeType, "video/VP8");
  assert.equal(stream!.repair!.packetsReceived, 2);
  assert.deepEqual(
    [stream!.isMissing(102), stream!.isMissing(99)],
    [false, true],
    "what was repaired need not be asked for",
  );
  // Repeats of packets in RED come in RED.
  const rtx = packet(1, 3004, { ssrc: 500, payloadType: 119, payload: Uint8Array.from([0, 99, 96, 7, 7, 7]) });
  session.receiveRtp(rtx.data, rtx.length, 5);
  assert.deepEqual(seen.at(-1), [99, 96, 3004, [7, 7, 7]]);
});

test("FlexFEC repairs a burst", () => {
  const { sessions } = new Pipe();
  const [, session] = sessions;
  const seen: number[] = [];
  const receiver = session.addReceiver(receiving({ codecs: [VP8, FLEXFEC] }), {
    onPacket: (p, stream) => {
      assert.equal(stream.ssrc, 77);
      seen.push(p.sequenceNumber);
    },
  });
  let repairs = 0;
  const sender = new FecSender({ format: "flexfec-03", ssrc: 77, groupSize: 10, repairPackets: 3 }, (payload) => {
    const data = new Uint8Array(12 + payload.length);
    writeRtpHeader(data, false, 49, ++repairs, 1, 900, 0);
    data.set(payload, 12);
    session.receiveRtp(data, data.length, 5);
  });
  for (let i = 0; i < 30; i++) {
    const one = packet(i, i);
    sender.addMediaPacket(one.data, one.length);
    if (i < 14 || i > 16) session.receiveRtp(one.data.slice(), one.length, 5);
  }
  assert.deepEqual(
    [...seen].sort((a, b) => a - b),
    Array.from({ length: 30 }, (_, i) => i),
  );
  assert.equal(receiver.streams.length, 1);
  assert.equal(receiver.streams[0]!.fecSsrc, 900);
  assert.equal(receiver.streams[0]!.repair!.packetsReceived, 9);
});

test("audio in RED: each lost packet is had from the next one", () => {
  const pipe = new Pipe({ delay: 20 });
  const codecs = [AUDIO_RED, OPUS];
  const sender = pipe.sessions[0].addSender(sending({ kind: "audio", codecs }), {});
  const got: number[] = [];
  const receiver = pipe.sessions[1].addReceiver(receiving({ kind: "audio", codecs }), {
    onFrame: (frame) => {
      assert.equal(frame.mimeType, "audio/opus");
      got.push(frame.timestamp / 960, frame.data[1]!);
    },
  });
  receiver.wantFrames = true;
  pipe.drop = () => pipe.sentRtp[0].length % 5 === 3;
  const expected: number[] = [];
  for (let i = 0; i < 100; i++) {
    expected.push(i, i);
    sender.sendFrame(
      0,
      { data: Uint8Array.of(0x78, i, 1, 2), timestamp: i * 960, keyFrame: true, mimeType: "audio/opus" },
      pipe.now,
    );
    pipe.run(20);
  }
  pipe.run(500);
  assert.deepEqual(got, expected);
  const first = new RtpPacket();
  first.parse(pipe.sentRtp[0][0]!);
  assert.equal(first.payloadType, 63);
});
