import assert from "node:assert/strict";
import { test } from "node:test";
import { decodePcma, decodePcmu } from "../../payload/g711.js";
import { isOpusPacket, opusDuration } from "../../payload/opus.js";
import { SyntheticMicrophone, TONE_FREQUENCY } from "./microphone.js";

/** How much of the power is at the tone's frequency, 0 to 1. */
function toneShare(samples: readonly number[], rate: number): number {
  let re = 0;
  let im = 0;
  let power = 0;
  samples.forEach((sample, i) => {
    const phase = (2 * Math.PI * TONE_FREQUENCY * i) / rate;
    re += sample * Math.cos(phase);
    im += sample * Math.sin(phase);
    power += sample * sample;
  });
  return (2 * (re * re + im * im)) / samples.length / power;
}

for (const [codec, decode] of [
  ["pcmu", decodePcmu],
  ["pcma", decodePcma],
] as const) {
  test(`${codec} is one tone, over the end of a second too`, () => {
    const microphone = new SyntheticMicrophone();
    const samples: number[] = [];
    for (let i = 0; i < 120; i++) {
      const packet = microphone.next(codec);
      assert.equal(packet.length, 160);
      samples.push(...decode(packet));
    }
    assert.ok(toneShare(samples, 8000) > 0.999, `${toneShare(samples, 8000)}`);
  });
}

test("opus: 20 ms packets in a loop of a second", () => {
  const microphone = new SyntheticMicrophone();
  const packets = Array.from({ length: 100 }, () => microphone.next("opus"));
  for (const packet of packets) {
    assert.ok(isOpusPacket(packet));
    assert.equal(opusDuration(packet), 960);
  }
  assert.deepEqual(packets.slice(50), packets.slice(0, 50));
  assert.notDeepEqual(packets[0], packets[1]);
  // Each is the caller's own.
  packets[0]!.fill(0);
  for (let i = 0; i < 50; i++) microphone.next("opus");
  assert.ok(isOpusPacket(microphone.next("opus")));
});
