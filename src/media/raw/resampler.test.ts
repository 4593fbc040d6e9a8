import assert from "node:assert/strict";
import { test } from "node:test";
import { Resampler } from "./resampler.js";

const tone = (frequency: number, rate: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin((2 * Math.PI * frequency * i) / rate));

/** In pieces of an odd size. */
function resampled(samples: Float32Array, from: number, to: number): Float32Array {
  const resampler = new Resampler(from, to);
  const parts: number[] = [];
  for (let at = 0; at < samples.length; at += 317) parts.push(...resampler.process(samples.subarray(at, at + 317)));
  return Float32Array.from(parts);
}

const power = (samples: Float32Array): number => samples.reduce((sum, x) => sum + x * x, 0) / samples.length;

/** How much of the power is not the tone, in decibels. */
function distortion(samples: Float32Array, frequency: number, rate: number): number {
  let [re, im] = [0, 0];
  samples.forEach((x, i) => {
    re += x * Math.cos((2 * Math.PI * frequency * i) / rate);
    im += x * Math.sin((2 * Math.PI * frequency * i) / rate);
  });
  const n = samples.length;
  let rest = 0;
  samples.forEach((x, i) => {
    const phase = (2 * Math.PI * frequency * i) / rate;
    rest += (x - (2 / n) * (re * Math.cos(phase) + im * Math.sin(phase))) ** 2;
  });
  return 10 * Math.log10(rest / n / power(samples));
}

for (const from of [48_000, 44_100, 32_000, 16_000, 8000, 22_050, 30_000, 11_025.5]) {
  test(`a tone stays what it is from ${from} Hz to 8 kHz`, () => {
    const out = resampled(tone(440, from, from * 2), from, 8000);
    assert.ok(Math.abs(out.length - 16_000) <= 200, `${out.length} samples`);
    // Whole periods, behind the filter's beginning.
    const middle = out.subarray(2000, 10_000);
    assert.ok(Math.abs(power(middle) - 0.5) < 0.002, `power ${power(middle)}`);
    const noise = distortion(middle, 440, 8000);
    assert.ok(noise < -50, `${noise.toFixed(1)} dB`);
  });
}

test("what the lower rate cannot hold is gone, and what is just below stays", () => {
  for (const frequency of [4600, 6000, 12_000]) {
    const out = resampled(tone(frequency, 48_000, 96_000), 48_000, 8000);
    const left = 10 * Math.log10(power(out.subarray(1000)) / 0.5);
    assert.ok(left < -60, `${frequency} Hz is left with ${left.toFixed(1)} dB`);
  }
  const out = resampled(tone(3000, 48_000, 96_000), 48_000, 8000);
  assert.ok(Math.abs(power(out.subarray(1000, 9000)) - 0.5) < 0.005);
});

test("from a low rate to a high one", () => {
  const out = resampled(tone(440, 8000, 16_000), 8000, 48_000);
  const noise = distortion(out.subarray(12_000, 60_000), 440, 48_000);
  assert.ok(noise < -50, `${noise.toFixed(1)} dB`);
});

test("a level that does not change stays", () => {
  const out = resampled(new Float32Array(48_000).fill(0.5), 48_000, 8000);
  for (const sample of out.subarray(100)) assert.ok(Math.abs(sample - 0.5) < 1e-4);
});
