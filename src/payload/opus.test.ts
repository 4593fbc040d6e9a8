import assert from "node:assert/strict";
import { test } from "node:test";
import { payloadFormat } from "./format.js";
import { isOpusPacket, opusDuration, opusHasInBandFec } from "./opus.js";
import { hex } from "./testing.test.js";

const format = payloadFormat("audio/opus", "minptime=10;useinbandfec=1");

test("durations of all configurations (RFC 6716 §3.1, table 2)", () => {
  const silk = [480, 960, 1920, 2880];
  const celt = [120, 240, 480, 960];
  const expected = [...silk, ...silk, ...silk, 480, 960, 480, 960, ...celt, ...celt, ...celt, ...celt];
  for (let config = 0; config < 32; config++) {
    assert.equal(opusDuration(Uint8Array.of(config << 3, 1, 2)), expected[config], `config ${config}`);
    assert.equal(opusDuration(Uint8Array.of((config << 3) | 1, 1, 2)), expected[config]! * 2);
  }
});

test("code 3 says how many frames there are, 120 ms at most", () => {
  assert.equal(opusDuration(hex("fb 03 00 00 00")), 2880);
  assert.equal(opusDuration(hex("fb 06 00")), 5760);
  assert.equal(opusDuration(hex("fb 07 00")), 0);
  assert.equal(opusDuration(hex("fb 00 00")), 0);
  assert.equal(opusDuration(hex("fb")), 0);
  assert.equal(opusDuration(hex("e3 30")), 5760); // 48 frames of 2.5 ms
  assert.equal(opusDuration(new Uint8Array(0)), 0);
});

test("the rules for well-formed packets (RFC 6716 §3.4)", () => {
  assert.ok(isOpusPacket(hex("f8 01")));
  assert.ok(isOpusPacket(hex("f9 01 02")));
  assert.ok(!isOpusPacket(hex("f9 01 02 03")), "two frames of one size in an odd number of bytes");
  assert.ok(isOpusPacket(hex("fa 01 aa bb")));
  assert.ok(!isOpusPacket(hex("fa 04 aa bb")), "first frame longer than the packet");
  assert.ok(!isOpusPacket(hex("fa")));
  assert.ok(!isOpusPacket(hex("fa fc")));
  assert.ok(isOpusPacket(hex("fb 02 aa bb")));
  assert.ok(!isOpusPacket(hex("fb 02 aa bb cc")));
  assert.ok(isOpusPacket(hex("fb 82 01 aa bb")));
  assert.ok(!isOpusPacket(hex("fb 82 03 aa bb")));
  assert.ok(isOpusPacket(hex("fb 42 01 aa bb 00")), "one byte of padding");
  assert.ok(!isOpusPacket(hex("fb 42 05 aa bb 00")), "more padding than packet");
  assert.ok(!isOpusPacket(hex("fb 42 ff")), "padding cut off");
  assert.ok(!isOpusPacket(new Uint8Array(1277).fill(0xf8)), "a frame of more than 1275 bytes");
});

test("in-band FEC: the LBRR flag behind the voice flags (RFC 6716 §4.2.4)", () => {
  // Config 5: SILK, medium band, 20 ms, mono: one voice flag, then LBRR.
  assert.ok(opusHasInBandFec(hex("28 40 00")));
  assert.ok(!opusHasInBandFec(hex("28 80 00")));
  // 60 ms: three voice flags.
  assert.ok(opusHasInBandFec(hex("38 10 00")));
  assert.ok(!opusHasInBandFec(hex("38 e0 00")));
  // Stereo: the side channel's flags follow.
  assert.ok(opusHasInBandFec(hex("2c 10 00")));
  assert.ok(!opusHasInBandFec(hex("2c 20 00")));
  // CELT has none.
  assert.ok(!opusHasInBandFec(hex("f8 ff ff")));
  // Code 2: the first frame begins behind its length.
  assert.ok(opusHasInBandFec(hex("2a 02 40 00 00")));
});

test("tells what a payload is", () => {
  const depacketizer = format.createDepacketizer();
  const speech = depacketizer.inspect(hex("28 c0 11 22 33"))!;
  assert.ok(speech.startOfFrame && speech.endOfFrame && speech.inBandFec && !speech.silence);
  assert.equal(speech.duration, 960);
  assert.ok(depacketizer.inspect(hex("28"))!.silence);
  assert.ok(depacketizer.inspect(hex("28 00"))!.silence);
  assert.equal(depacketizer.inspect(new Uint8Array(0)), undefined);
  assert.deepEqual(depacketizer.assemble([hex("f8 01 02")], 1), hex("f8 01 02"));
  assert.equal(depacketizer.assemble([hex("f8"), hex("f8")], 2), undefined);
});

test("a packet is a payload", () => {
  const data = hex("f8 01 02 03");
  const seen: unknown[] = [];
  const packetizer = format.createPacketizer();
  const emit = (payload: Uint8Array, marker: boolean): unknown => seen.push([payload.slice(), marker]);
  assert.ok(packetizer.packetize({ data, keyFrame: true }, 1200, emit));
  assert.ok(packetizer.packetize({ data, keyFrame: true, startOfTalkspurt: true }, 1200, emit));
  assert.ok(!packetizer.packetize({ data, keyFrame: true }, 3, emit));
  assert.deepEqual(seen, [
    [data, false],
    [data, true],
  ]);
  assert.equal(format.frameDuration(data), 960);
});
