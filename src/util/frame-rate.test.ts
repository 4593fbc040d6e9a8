import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameRate } from "./frame-rate.js";

test("the frames of the last whole second", () => {
  const rate = new FrameRate();
  assert.equal(rate.at(5), 0);
  for (let now = 10; now < 2510; now += 40) rate.add(now);
  assert.equal(rate.at(2510), 25);
  assert.equal(rate.at(2900), 25);
  // Nothing came any more.
  assert.equal(rate.at(10_000), 0);
});

test("the first second tells what has come of it", () => {
  const rate = new FrameRate();
  for (let now = 0; now < 500; now += 100) rate.add(now);
  assert.equal(rate.at(500), 5);
});
