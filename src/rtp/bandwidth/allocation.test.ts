import assert from "node:assert/strict";
import { test } from "node:test";
import { allocate } from "./allocation.js";

const stream = (priority: number, max: number | null = null, active = true) => ({ priority, max, active });

test("by weight", () => {
  assert.deepEqual(allocate(1500, [stream(1), stream(2), stream(4), stream(8)]), [100, 200, 400, 800]);
});

test("what one cannot take goes to the others", () => {
  assert.deepEqual(allocate(1000, [stream(1, 100), stream(1), stream(1)]), [100, 450, 450]);
  assert.deepEqual(allocate(1000, [stream(8, 100), stream(1, 200), stream(1)]), [100, 200, 700]);
});

test("inactive streams get nothing, and all together never more than there is", () => {
  assert.deepEqual(allocate(1000, [stream(8, null, false), stream(1, 300)]), [0, 300]);
  assert.deepEqual(allocate(0, [stream(1), stream(2)]), [0, 0]);
  assert.deepEqual(allocate(-5, [stream(1)]), [0]);
  assert.deepEqual(allocate(100, []), []);
});

test("minima come first, and shrink together where they do not fit", () => {
  const wanted = [
    { ...stream(1), min: 600 },
    { ...stream(1), min: 0 },
  ];
  assert.deepEqual(allocate(1000, wanted), [800, 200]);
  assert.deepEqual(
    allocate(600, [
      { ...stream(1), min: 600 },
      { ...stream(1), min: 300 },
    ]),
    [400, 200],
  );
});

test("urgent minima come before others", () => {
  const streams = [
    { ...stream(1), min: 900 },
    { ...stream(1), min: 300, isUrgent: true },
  ];
  assert.deepEqual(allocate(600, streams), [300, 300]);
});

/** Forwarded: its layers. */
const layered = (steps: readonly number[], step = -1, priority = 2) => ({
  ...stream(priority),
  min: steps[0]!,
  steps,
  step,
  size: steps.at(-1)!,
});

test("what passes as it is has that, and the one with layers the rest", () => {
  const small = Array.from({ length: 8 }, () => layered([150], 0));
  const given = allocate(4000, [layered([150, 500, 2000], 0), ...small]);
  for (const bitrate of given.slice(1)) assert.ok(bitrate >= 150 && bitrate < 200, `${given}`);
  assert.ok(given[0]! >= 2000 * 1.2, `${given}`);
  // Not all of them fit: each goes down to its part, the lowest layer of the large one too.
  const tight = allocate(675, [layered([150, 500, 2000], 0), ...small]);
  for (const bitrate of tight) assert.ok(Math.abs(bitrate - 75) < 1e-6, `${tight}`);
});

test("what lies between two layers brings others up, the one that is up already first", () => {
  const steps = [100, 500, 1500];
  const cameras = (...inUse: number[]) => inUse.map((step) => layered(steps, step));
  // Half each is more than 500, and less than 1500.
  assert.ok(allocate(2400, cameras(1, 1))[0]! >= 1500 * 1.2);
  const given = allocate(2100, cameras(1, 2));
  assert.ok(given[1]! >= 1500 && given[0]! >= 500, `${given}`);
  // Nobody can have the highest. Where that is known to be all: no more than what does not tempt.
  for (const bitrate of allocate(1900, cameras(1, 1), true)) assert.ok(bitrate <= 600, `${bitrate}`);
  // Otherwise one may try.
  const trying = allocate(2300, [layered([100, 800, 9000], 1), layered([100, 800, 9000], 1)]);
  assert.equal(trying.filter((bitrate) => bitrate > 960).length, 1, `${trying}`);
});

test("beside what can be made at any rate a forwarded track counts by its size", () => {
  const given = allocate(2000, [stream(2), layered([100, 1500], 0)]);
  assert.ok(given[0]! >= 900, `${given}`);
  assert.ok(Math.abs(given[0]! + given[1]! - 2000) < 1, `${given}`);
});

test("sums hold for many draws", () => {
  let seed = 1;
  const draw = (): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return seed / 0x80000000;
  };
  const drawSteps = () => {
    const steps = Array.from({ length: Math.floor(draw() * 5) }, () => draw() * 2e6).sort((a, b) => a - b);
    return { steps, step: Math.floor(draw() * 6) - 1, size: Math.max(5e4, steps.at(-1) ?? 0) };
  };
  for (let round = 0; round < 2000; round++) {
    const total = draw() * 5e6;
    const streams = Array.from({ length: 1 + Math.floor(draw() * 6) }, () => ({
      priority: 2 ** Math.floor(draw() * 4),
      max: draw() < 0.3 ? null : draw() * 3e6,
      active: draw() < 0.8,
      min: draw() * 1e5,
      ...(draw() < 0.5 ? drawSteps() : {}),
    }));
    const given = allocate(total, streams);
    const sum = given.reduce((a, b) => a + b, 0);
    assert.ok(sum <= total + 1, `${sum} ${total}`);
    const room = streams.reduce((a, s) => a + (s.active ? (s.max ?? Number.POSITIVE_INFINITY) : 0), 0);
    const isHeld = streams.length > 1 && streams.some(({ steps }) => (steps?.length ?? 0) > 1);
    if (!isHeld) assert.ok(sum >= Math.min(total, room) - 1, `${sum} of ${total} and ${room}`);
    // Nothing is held back from those that can use any rate.
    const isHungry = streams.some(
      ({ active, max, ...stream }, i) =>
        active && !("steps" in stream) && given[i]! < (max ?? Number.POSITIVE_INFINITY) - 1,
    );
    if (isHungry) assert.ok(sum >= total - 1, `${sum} of ${total}`);
    given.forEach((bitrate, i) => {
      assert.ok(bitrate >= 0 && bitrate <= (streams[i]!.max ?? Number.POSITIVE_INFINITY) + 1e-6);
      if (!streams[i]!.active) assert.equal(bitrate, 0);
    });
  }
});
