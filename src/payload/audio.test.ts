import assert from "node:assert/strict";
import { test } from "node:test";
import { parseComfortNoise, writeComfortNoise } from "./comfort-noise.js";
import { payloadFormat } from "./format.js";
import { decodePcma, decodePcmu, encodePcma, encodePcmu } from "./g711.js";
import { dtmfEvent, parseTelephoneEvent, TelephoneEventSequence, writeTelephoneEvent } from "./telephone-event.js";
import { hex } from "./testing.test.js";

const codes = Uint8Array.from({ length: 256 }, (_, i) => i);

test("G.711: known codes (ITU-T G.711 tables 1 and 2, on the scale of 16 bits)", () => {
  const samples = Int16Array.of(0, 8, -8, 1000, -1000, 32767, -32768);
  assert.deepEqual(encodePcmu(samples), hex("ff fe 7e ce 4e 80 00"));
  assert.deepEqual([...decodePcmu(hex("ff 7f fe 7e 80 00"))], [0, 0, 8, -8, 32124, -32124]);
  assert.deepEqual(encodePcma(samples), hex("d5 d5 55 fa 7a aa 2a"));
  assert.deepEqual([...decodePcma(hex("d5 55 aa 2a"))], [8, -8, 32256, -32256]);
});

test("G.711: every code is the code of its own sample", () => {
  assert.deepEqual(encodePcma(decodePcma(codes)), codes);
  // μ-law has two codes for zero.
  const mu = encodePcmu(decodePcmu(codes));
  assert.equal(mu[0x7f], 0xff);
  mu[0x7f] = 0x7f;
  assert.deepEqual(mu, codes);
});

test("G.711: the error is a small part of the sample", () => {
  for (let sample = -32768; sample <= 32767; sample += 7) {
    const input = Int16Array.of(sample);
    for (const output of [decodePcmu(encodePcmu(input))[0]!, decodePcma(encodePcma(input))[0]!]) {
      const clipped = Math.max(Math.min(sample, 32635), -32635);
      assert.ok(Math.abs(output - clipped) <= Math.max(16, Math.abs(sample) / 30), `${sample} became ${output}`);
    }
  }
});

test("a byte of G.711 and of G.722 is a tick of 8 kHz", () => {
  for (const name of ["audio/PCMU", "audio/PCMA", "audio/G722"]) {
    const format = payloadFormat(name, "");
    assert.equal(format.mimeType, name);
    assert.equal(format.frameDuration(new Uint8Array(160)), 160);
    assert.equal(format.createDepacketizer().inspect(new Uint8Array(160))!.duration, 160);
    assert.ok(format.packetIsFrame);
  }
});

test("comfort noise (RFC 3389 §3)", () => {
  assert.deepEqual(parseComfortNoise(hex("28")), { level: 40, coefficients: [] });
  const noise = parseComfortNoise(hex("28 7f 00 fe"))!;
  assert.deepEqual(noise.coefficients, [0, -127 / 128, 127 / 128]);
  assert.deepEqual(writeComfortNoise(noise), hex("28 7f 00 fe"));
  assert.equal(parseComfortNoise(hex("80")), undefined);
  assert.equal(parseComfortNoise(new Uint8Array(0)), undefined);
  const info = payloadFormat("audio/CN", "").createDepacketizer().inspect(hex("28"))!;
  assert.ok(info.silence);
  assert.equal(payloadFormat("audio/CN", "").createDepacketizer().inspect(hex("80")), undefined);
});

test("telephone events are read and written (RFC 4733 §2.3)", () => {
  const event = { event: 11, end: true, volume: 10, duration: 0x640 };
  assert.deepEqual(writeTelephoneEvent(event), hex("0b 8a 06 40"));
  assert.deepEqual(parseTelephoneEvent(hex("0b 8a 06 40")), event);
  assert.equal(parseTelephoneEvent(hex("0b 8a 06")), undefined);
  assert.equal(payloadFormat("audio/telephone-event", "0-15").createDepacketizer().inspect(hex("0b 8a 06")), undefined);
  assert.deepEqual([..."0189*#AdE"].map(dtmfEvent), [0, 1, 8, 9, 10, 11, 12, 15, undefined]);
  assert.equal(dtmfEvent(""), undefined);
  assert.equal(dtmfEvent("12"), undefined);
});

function payloads(sequence: TelephoneEventSequence): string[] {
  const out: string[] = [];
  while (sequence.next()) {
    const { duration, end } = parseTelephoneEvent(sequence.payload)!;
    out.push(`${sequence.timestampOffset}+${duration}${end ? " end" : ""}${sequence.marker ? " marker" : ""}`);
  }
  return out;
}

test("one event: growing duration, three end payloads (RFC 4733 §2.5.1.4)", () => {
  assert.deepEqual(payloads(new TelephoneEventSequence(5, 1000, 400)), [
    "0+400 marker",
    "0+800",
    "0+1000 end",
    "0+1000 end",
    "0+1000 end",
  ]);
  assert.deepEqual(payloads(new TelephoneEventSequence(5, 100, 400)), ["0+100 end marker", "0+100 end", "0+100 end"]);
});

test("a long event is sent in segments (RFC 4733 §2.5.1.3)", () => {
  // Three seconds at 48 kHz.
  const sent = payloads(new TelephoneEventSequence(5, 144_000, 30_000));
  assert.deepEqual(sent, [
    "0+30000 marker",
    "0+60000",
    "0+65535",
    "65535+30000",
    "65535+60000",
    "65535+65535",
    "131070+12930 end",
    "131070+12930 end",
    "131070+12930 end",
  ]);
});
