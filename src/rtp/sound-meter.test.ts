import assert from "node:assert/strict";
import { test } from "node:test";
import { payloadFormat } from "../payload/format.js";
import { encodePcma, encodePcmu } from "../payload/g711.js";
import { SoundMeter } from "./sound-meter.js";
import { OPUS, Pipe, packet, receiving, sending } from "./testing.test.js";

const NO_LEVEL = -1;
const near = (actual: number, expected: number, tolerance = 1e-9): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual}, not ${expected}`);

test("a packet plays as long as its headers say, and is as loud as RFC 6464 says", () => {
  const meter = new SoundMeter();
  const opus = payloadFormat("audio/opus");
  // 20 ms of CELT, somewhere in a packet; the high bit of the level is voice activity.
  meter.add(opus, 48_000, Uint8Array.of(9, 9, 0xf8, 1, 2, 9), 2, 3, 20 | 0x80);
  assert.equal(meter.samples, 960);
  near(meter.seconds, 0.02);
  near(meter.level, 0.1);
  near(meter.energy, 0.02 * 0.01);
  meter.add(opus, 48_000, Uint8Array.of(0xf8), 0, 1, 127);
  assert.equal(meter.level, 0, "silence");
  near(meter.energy, 0.02 * 0.01);
  meter.add(opus, 48_000, Uint8Array.of(0xf8), 0, 1, 0);
  near(meter.level, 1);
  near(meter.energy, 0.02 * 1.01);
});

test("where the sender does not say how loud it is, nobody knows of Opus, and the samples tell of G.711", () => {
  const opus = new SoundMeter();
  opus.add(payloadFormat("audio/opus"), 48_000, Uint8Array.of(0xf8), 0, 1, NO_LEVEL);
  assert.deepEqual([opus.samples, opus.level, opus.energy], [960, Number.NaN, Number.NaN]);

  const sine = Int16Array.from({ length: 160 }, (_, i) => Math.round(0.4 * 32767 * Math.sin((2 * Math.PI * i) / 16)));
  for (const [name, encode] of [
    ["audio/PCMU", encodePcmu],
    ["audio/PCMA", encodePcma],
  ] as const) {
    const meter = new SoundMeter();
    const payload = new Uint8Array(170).fill(0x80);
    payload.set(encode(sine), 7);
    meter.add(payloadFormat(name), 8000, payload, 7, 160, NO_LEVEL);
    near(meter.level, 0.4 * Math.SQRT1_2, 0.005);
    near(meter.energy, 0.08 * 0.02, 0.0001);
    assert.equal(meter.samples, 160);
  }
});

test("a sample of G.722 is half a tick; of an unknown format nobody knows how long it plays", () => {
  const meter = new SoundMeter();
  meter.add(payloadFormat("audio/G722"), 8000, new Uint8Array(160), 0, 160, 127);
  assert.equal(meter.samples, 320);
  near(meter.seconds, 0.02);
  meter.add(payloadFormat("audio/x"), 8000, new Uint8Array(160), 0, 160, 127);
  assert.deepEqual([meter.samples, meter.seconds, meter.energy], [Number.NaN, Number.NaN, Number.NaN]);
});

test("every packet of sound counts once: in RED its newest block, and no events, noise or padding", () => {
  const none = { rtxPayloadType: null, nack: false, pli: false, fir: false, transportCc: false, remb: false };
  const codecs = [
    { ...OPUS, payloadType: 111 },
    { ...none, payloadType: 63, mimeType: "audio/red", clockRate: 48_000, channels: 2, parameters: "111/111" },
    { ...none, payloadType: 110, mimeType: "audio/telephone-event", clockRate: 48_000, parameters: "0-15" },
    { ...none, payloadType: 13, mimeType: "audio/CN", clockRate: 8000, parameters: "" },
  ];
  const pipe = new Pipe();
  const encodings = [{ rid: null, ssrc: 1000, rtxSsrc: null, active: true, maxBitrate: null, priority: 1 }];
  const sender = pipe.sessions[0].addSender(sending({ kind: "audio", codecs, encodings }), {});
  const receiver = pipe.sessions[1].addReceiver(receiving({ kind: "audio", codecs }), {});
  let number = 0;
  const send = (type: number, ...payload: number[]): void => {
    sender.sendPacket(0, packet(++number, 1, { payload: Uint8Array.from(payload) }), type, pipe.now);
    pipe.run(20);
  };
  send(111, 0xf8, 1);
  const [stream] = receiver.streams;
  assert.equal(stream!.sound!.samples, 960);
  // 20 ms that came already, and 10 ms.
  send(63, 0xef, 0x0f, 0x00, 0x02, 0x6f, 0xf8, 1, 0xf0, 1);
  assert.equal(stream!.sound!.samples, 960 + 480);
  send(110, 1, 10, 0, 160);
  send(13, 40);
  send(111);
  assert.equal(stream!.sound!.samples, 960 + 480);
  // The header of a block is cut off.
  send(63, 0xef, 0x0f, 0x00);
  assert.equal(stream!.sound!.samples, 960 + 480);
  assert.equal(stream!.packetsReceived, pipe.sentRtp[0].length);
});
