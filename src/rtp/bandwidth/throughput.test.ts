import assert from "node:assert/strict";
import { test } from "node:test";
import { Throughput } from "./throughput.js";

/** `count` packets of 1000 bytes, sent each 8 ms (1 Mbit/s) and arriving by `arrival(i)`. */
function fed(count: number, arrival: (i: number) => number): Throughput {
  const it = new Throughput();
  for (let i = 0; i < count; i++) it.add(i * 8, arrival(i), 1000);
  return it;
}

test("needs ten packets, then gives the rate", () => {
  assert.ok(Number.isNaN(fed(9, (i) => 50 + i * 8).bitrate));
  assert.ok(Math.abs(fed(200, (i) => 50 + i * 8).bitrate - 1_000_000) < 1);
});

test("a slower link shows; arriving faster than sent does not", () => {
  assert.ok(Math.abs(fed(200, (i) => 50 + i * 16).bitrate - 500_000) < 1);
  assert.ok(Math.abs(fed(200, (i) => 50 + i * 4).bitrate - 1_000_000) < 1);
});

test("one stall does not lower it", () => {
  const stalled = fed(120, (i) => (i < 60 ? i * 8 : Math.max(i * 8, 860)));
  assert.ok(stalled.bitrate > 900_000, `${stalled.bitrate}`);
});

test("order of arrival is restored, and a clock that was set back starts over", () => {
  const it = new Throughput();
  for (let i = 0; i < 100; i += 2) {
    it.add((i + 1) * 8, (i + 1) * 8, 1000);
    it.add(i * 8, i * 8, 1000);
  }
  assert.ok(Math.abs(it.bitrate - 1_000_000) < 15_000, `${it.bitrate}`);
  it.add(900, -5000, 1000);
  assert.ok(Number.isNaN(it.bitrate));
});

test("recent arrivals alone, after a drop", () => {
  const it = fed(165, (i) => (i < 150 ? i * 8 : 1200 + (i - 150) * 32));
  assert.ok(Math.abs(it.recent(300) - 250_000) < 1000, `${it.recent(300)}`);
  assert.ok(it.bitrate > 300_000);
});

test("what feedback did not tell of does not count as what did not arrive", () => {
  for (const told of [true, false]) {
    const it = new Throughput();
    let hole = false;
    for (let i = 0; i < 200; i++) {
      if (i % 50 >= 20 && i % 50 < 30) hole = true;
      else {
        it.add(i * 8, 50 + i * 8, 1000, hole && told);
        hole = false;
      }
    }
    for (const rate of [it.bitrate, it.recent(300)]) {
      if (told) assert.ok(Math.abs(rate - 1_000_000) < 1, `${rate}`);
      else assert.ok(rate < 900_000, `${rate}`);
    }
  }
});

test("one burst of loss is left out of what arrived just now, where losing by chance is usual", () => {
  const it = new Throughput();
  for (let i = 0; i < 200; i++) if (i < 170 || i >= 185) it.add(i * 8, 50 + i * 8, 1000);
  assert.ok(it.recent(300) < 700_000, `${it.recent(300)}`);
  assert.ok(Math.abs(it.recent(300, true) - 1_000_000) < 60_000, `${it.recent(300, true)}`);
});

test("what comes all at once is no endless rate", () => {
  const it = new Throughput();
  for (let i = 0; i < 40; i++) it.add(i * 8, i < 20 ? 50 : 550, 1000);
  assert.ok(it.recent(300, true) < 2.5 * it.recent(300), `${it.recent(300, true)}`);
  assert.ok(Number.isFinite(it.bitrate), `${it.bitrate}`);
});
