import assert from "node:assert/strict";
import { test } from "node:test";
import { InterArrival } from "./inter-arrival.js";

test("packets of one burst are one group, and two whole groups give deltas", () => {
  const groups = new InterArrival();
  assert.equal(groups.add(0, 100, 200), false);
  assert.equal(groups.add(1, 102, 200), false);
  assert.equal(groups.add(20, 130, 200), false);
  assert.equal(groups.add(22, 131, 200), false);
  // The third group completes the second: from (1, 102) to (22, 131).
  assert.equal(groups.add(40, 150, 250), true);
  assert.equal(groups.sendDelta, 21);
  assert.equal(groups.arrivalDelta, 29);
});

test("packets that leave a queue at once are one group although they were sent apart", () => {
  const groups = new InterArrival();
  groups.add(0, 100, 200);
  groups.add(20, 160, 200);
  // Sent 20 ms later, came 1 ms later: the same burst.
  assert.equal(groups.add(40, 161, 200), false);
  assert.equal(groups.add(60, 200, 200), true);
  assert.equal(groups.sendDelta, 40);
  assert.equal(groups.arrivalDelta, 61);
});

test("a packet from before the group is left out, a clock that jumps starts over", () => {
  const groups = new InterArrival();
  groups.add(0, 100, 200);
  groups.add(20, 120, 200);
  assert.equal(groups.add(10, 121, 200), false);
  assert.equal(groups.add(40, 5140, 240), true);
  assert.equal(groups.add(60, 5160, 260), false);
  assert.equal(groups.add(80, 5180, 280), false);
  assert.equal(groups.add(100, 5200, 300), false);
  assert.equal(groups.add(120, 5220, 320), true);
  assert.equal(groups.arrivalDelta, 20);
});
