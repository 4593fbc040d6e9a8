import assert from "node:assert/strict";
import { test } from "node:test";
import { Trendline } from "./trendline.js";

/** Groups of 10 ms, each of which takes `growth` ms longer; gives how many it took until the detector said `usage`. */
function until(line: Trendline, usage: string, growth: number, from: number, limit = 200): number {
  for (let i = 1; i <= limit; i++) {
    line.update(10 + growth, 10, from + i * (10 + growth));
    if (line.usage === usage) return i;
  }
  return Number.POSITIVE_INFINITY;
}

test("a queue that grows is overuse, the sooner the faster", () => {
  const slow = until(new Trendline(), "overusing", 1, 0);
  const fast = until(new Trendline(), "overusing", 10, 0);
  assert.ok(fast <= 25 && slow > fast && slow < 80, `${fast} ${slow}`);
});

test("equal delays stay normal, and noise without a trend does too", () => {
  assert.equal(until(new Trendline(), "overusing", 0, 0), Number.POSITIVE_INFINITY);
  const line = new Trendline();
  for (let i = 0; i < 500; i++) {
    line.update(10 + (i % 2 === 0 ? 4 : -4), 10, i * 10);
    assert.equal(line.usage, "normal");
  }
});

test("a queue that drains is underuse", () => {
  const line = new Trendline();
  until(line, "overusing", 5, 0);
  assert.ok(until(line, "underusing", -8, 1000) < 60);
});

test("the threshold follows what is usual, within its bounds, but not a jump", () => {
  const line = new Trendline();
  for (let i = 0; i < 300; i++) line.update(10, 10, i * 10);
  assert.equal(line.threshold, 6);
  until(line, "overusing", 50, 3000);
  assert.ok(line.threshold < 30, `${line.threshold}`);
});
