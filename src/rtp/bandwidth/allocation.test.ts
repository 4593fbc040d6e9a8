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

test("sums hold for many draws", () => {
  let seed = 1;
  const draw = (): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return seed / 0x80000000;
  };
  for (let round = 0; round < 500; round++) {
    const total = draw() * 5e6;
    const streams = Array.from({ length: 1 + Math.floor(draw() * 6) }, () => ({
      priority: 2 ** Math.floor(draw() * 4),
      max: draw() < 0.3 ? null : draw() * 3e6,
      active: draw() < 0.8,
      min: draw() * 1e5,
    }));
    const given = allocate(total, streams);
    const sum = given.reduce((a, b) => a + b, 0);
    assert.ok(sum <= total + 1, `${sum} ${total}`);
    const room = streams.reduce((a, s) => a + (s.active ? (s.max ?? Number.POSITIVE_INFINITY) : 0), 0);
    assert.ok(sum >= Math.min(total, room) - 1, `${sum} of ${total} and ${room}`);
    given.forEach((bitrate, i) => {
      assert.ok(bitrate >= 0 && bitrate <= (streams[i]!.max ?? Number.POSITIVE_INFINITY) + 1e-6);
      if (!streams[i]!.active) assert.equal(bitrate, 0);
    });
  }
});
