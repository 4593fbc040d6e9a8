import assert from "node:assert/strict";
import { test } from "node:test";
import { DelayEstimator } from "./delay-estimator.js";
import { generator } from "./testing.test.js";

const CLOCK = 90_000;
const INTERVAL = 100 / 3;

test("the delay is the 95th percentile of how late frames come, the past slowly forgotten", () => {
  const random = generator(7);
  const estimator = new DelayEstimator();
  const columns = new Array<number>(400).fill(0);
  for (let i = 0; i < 30_000; i++) {
    // The path gets worse, and better again. Now and then a frame is not late at all, so that the earliest time is known.
    const spread = i > 5000 && i < 8000 ? 800 : 60;
    const late = i % 50 === 0 ? 0 : (random(spread) * random(spread)) / spread;
    estimator.add((i * 3000) >>> 0, CLOCK, 1000 + i * INTERVAL + late);
    // The same by its definition.
    const keep = Math.min(0.99, i / (i + 1));
    for (let column = 0; column < columns.length; column++) columns[column]! *= keep;
    columns[Math.floor((late + 1e-6) / 5)]! += 1 - keep;
    let sum = 0;
    let at = 0;
    while (sum + columns[at]! < 0.95 - 1e-9) sum += columns[at++]!;
    const expected = at === 0 ? 0 : (at + 1) * 5;
    // Where the sum of a column is the share itself, rounding decides.
    assert.ok(Math.abs(estimator.target - expected) <= 5, `${i}: ${estimator.target}, not ${expected}`);
  }
  assert.ok(estimator.target > 0 && estimator.target < 60, `${estimator.target}`);
});

test("a frame is due at the earliest time at which it might come, whatever clock and path do", () => {
  const estimator = new DelayEstimator();
  assert.equal(estimator.known, false);
  // Timestamps wrap around.
  const first = 2 ** 32 - 30_000;
  for (let i = 0; i < 60; i++) estimator.add((first + i * 3000) >>> 0, CLOCK, i * INTERVAL + (i % 2) * 4);
  assert.equal(estimator.target, 0, "less than a column");
  assert.ok(Math.abs(estimator.earliest((first + 60 * 3000) >>> 0) - 60 * INTERVAL) < 0.01);
});
