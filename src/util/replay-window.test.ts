import assert from "node:assert/strict";
import { test } from "node:test";
import { ReplayWindow } from "./replay-window.js";

test("accepts each number once, in any order inside the window", () => {
  const window = new ReplayWindow(64);
  assert.ok(window.size >= 64);
  for (const n of [0, 3, 1, 2, 40, 39]) {
    assert.equal(window.check(n), true);
    assert.equal(window.update(n), true);
    assert.equal(window.check(n), false);
    assert.equal(window.update(n), false);
  }
  assert.equal(window.check(4), true);
});

test("refuses what is behind the window, and a jump clears it", () => {
  const window = new ReplayWindow(64);
  window.update(10);
  window.update(10 + 5000);
  assert.equal(window.check(10), false);
  assert.equal(window.check(5010 - window.size), false);
  assert.equal(window.check(5010 - window.size + 1), true);
  for (let n = 5010 - window.size + 1; n < 5010; n++) assert.equal(window.update(n), true, String(n));
});

test("agrees with a set of the numbers seen, also beyond 32 bits", () => {
  for (const base of [0, 2 ** 31 - 100, 2 ** 32 - 100, 2 ** 48 - 4000]) {
    const window = new ReplayWindow(128);
    const seen = new Set<number>();
    let newest = -1;
    let state = 12345;
    for (let i = 0; i < 3000; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      const n = base + Math.max(0, i + ((state >>> 16) % 300) - 200);
      const expected = !seen.has(n) && (n > newest || n > newest - window.size);
      assert.equal(window.check(n), expected);
      assert.equal(window.update(n), expected);
      seen.add(n);
      newest = Math.max(newest, n);
    }
  }
});

test("a window that begins behind a number takes what is newer, once, and nothing else", () => {
  for (const newest of [0, 30, 31, 32, 63, 64, 1000, 2 ** 40 + 31]) {
    const window = new ReplayWindow(64, newest);
    for (let behind = 0; behind < 200 && behind <= newest; behind++) assert.ok(!window.check(newest - behind));
    // The farthest first: those before it are then out of order.
    for (const ahead of [60, 1, 2, 31, 32, 33, 59]) {
      assert.ok(window.update(newest + ahead), `${newest} + ${ahead}`);
      assert.ok(!window.update(newest + ahead));
    }
    assert.ok(!window.check(newest));
  }
});

test("tells whether all of some numbers were seen", () => {
  for (const base of [0, 2 ** 32 - 70]) {
    const window = new ReplayWindow(256);
    const seen = new Set<number>();
    for (let i = 0; i < 200; i++) {
      if ((i * i) % 41 === 3) continue;
      window.update(base + i);
      seen.add(base + i);
    }
    for (let from = 0; from < 205; from++) {
      for (let to = from; to < 205; to++) {
        let all = true;
        for (let n = from; n <= to; n++) all &&= seen.has(base + n);
        assert.equal(window.seen(base + from, base + to), all, `${from} to ${to}`);
      }
    }
    window.update(base + 5000);
    assert.equal(window.seen(base + 10, base + 12), false, "too old to tell");
  }
});
