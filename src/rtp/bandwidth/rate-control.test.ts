import assert from "node:assert/strict";
import { test } from "node:test";
import { RateControl } from "./rate-control.js";

function control(start: number): RateControl {
  const it = new RateControl(start, 30_000);
  it.setStart(start);
  return it;
}

test("goes up by 8 % a second while the capacity is unknown", () => {
  const it = control(1_000_000);
  for (let now = 0; now <= 1000; now += 100) it.update("normal", 1_000_000, now);
  assert.ok(Math.abs(it.bitrate - 1_080_000) < 2000, `${it.bitrate}`);
});

test("does not go up further than half above what arrives", () => {
  const it = control(1_000_000);
  for (let now = 0; now <= 60_000; now += 100) it.update("normal", 800_000, now);
  assert.equal(it.bitrate, 1_210_000);
});

test("overuse: to 85 % of what arrives, then up slowly near that capacity", () => {
  const it = control(2_000_000);
  it.rtt = 100;
  it.update("overusing", 1_000_000, 1000);
  assert.equal(it.bitrate, 845_000);
  assert.equal(it.mayReduce(800_000, 1050), false);
  assert.equal(it.mayReduce(400_000, 1050), true);
  assert.equal(it.mayReduce(800_000, 1100), true);
  for (let now = 2000; now <= 3000; now += 100) it.update("normal", 845_000, now);
  // A packet of a third of a frame (9,389 bits) in twice 200 ms.
  assert.ok(Math.abs(it.bitrate - 845_000 - 23_470) < 1000, `${it.bitrate}`);
});

test("holds while the queue drains", () => {
  const it = control(1_000_000);
  it.update("underusing", 1_000_000, 100);
  it.update("underusing", 1_000_000, 5000);
  assert.equal(it.bitrate, 1_000_000);
});

test("throughput beyond the known capacity forgets it: fast again", () => {
  const it = control(1_000_000);
  it.update("overusing", 1_000_000, 0);
  assert.ok(it.linkCapacity.known);
  it.set(1_500_000, 100);
  it.update("normal", 1_400_000, 200);
  assert.equal(it.linkCapacity.known, false);
});

test("never below the minimum", () => {
  const it = control(100_000);
  for (let now = 0; now < 5000; now += 250) it.update("overusing", 1000, now);
  assert.equal(it.bitrate, 30_000);
});

test("who has the link alone, as probes measured it, yields a twentieth; others more", () => {
  for (const [probed, throughput, expected] of [
    [1_000_000, 980_000, 931_000],
    // A share of it; and a probe that says nothing of the link as it is now.
    [1_000_000, 900_000, 760_000],
    [800_000, 980_000, 828_000],
  ] as const) {
    const it = control(1_000_000);
    it.linkCapacity.onProbe(probed);
    it.update("overusing", throughput, 0);
    assert.equal(it.bitrate, expected);
  }
});
