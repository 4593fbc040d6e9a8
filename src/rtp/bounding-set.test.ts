import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundingSet, MAX_LIMIT_OWNERS } from "./bounding-set.js";
import { generator } from "./testing.test.js";

function owners(set: BoundingSet): number[] {
  return set.tuples.map(({ owner }) => owner);
}

test("one receiver: its last request", () => {
  const set = new BoundingSet();
  assert.deepEqual(set.tuples, []);
  assert.equal(set.payloadBitrate(1000), Number.POSITIVE_INFINITY);
  set.set(7, 500_000, 40);
  set.set(7, 300_000, 60);
  assert.deepEqual(set.tuples, [{ owner: 7, bitrate: 300_000, overhead: 60 }]);
  assert.ok(Math.abs(set.payloadBitrate(1000) - 300_000 / 1.06) < 1);
  assert.equal(set.remove(7), true);
  assert.equal(set.remove(7), false);
  assert.deepEqual(set.tuples, []);
});

test("which binds depends on the packet rate (RFC 5104 §3.5.4.1)", () => {
  const set = new BoundingSet();
  // At 4 and more packets a second the second has less left: 35 kbit/s less 40 bytes each, 40 kbit/s less 200 bytes.
  set.set(1, 35_000, 40);
  set.set(2, 40_000, 200);
  assert.deepEqual(owners(set), [1, 2]);
  // Above both at every packet rate.
  set.set(3, 50_000, 100);
  assert.deepEqual(owners(set), [1, 2]);
  // Below both at every one.
  set.set(4, 10_000, 250);
  assert.deepEqual(owners(set), [4]);
  set.remove(4);
  // Equal bitrates: the larger overhead; equal in both: one of them.
  set.set(5, 35_000, 60);
  assert.deepEqual(owners(set), [5, 2]);
  set.set(6, 35_000, 60);
  assert.equal(owners(set).length, 2);
  // Meets the first only where headers have used up what there is.
  set.set(8, 35_000 * 6, 300);
  assert.equal(owners(set).includes(8), false);
});

test("the set is the envelope: at any packet rate one of it is the least, and none is there for nothing", () => {
  const random = generator(3);
  for (let round = 0; round < 300; round++) {
    const set = new BoundingSet();
    const all: [number, number][] = [];
    for (let i = 0; i < 1 + random(8); i++) {
      const limit: [number, number] = [10_000 + random(1_000_000), random(512)];
      all.push(limit);
      set.set(i, ...limit);
    }
    const { tuples } = set;
    const seen = new Set<number>();
    for (let rate = 0; rate < 20_000; rate += 7) {
      const net = (bitrate: number, overhead: number): number => bitrate - 8 * overhead * rate;
      const least = Math.min(...all.map(([bitrate, overhead]) => net(bitrate, overhead)));
      if (least <= 0) break;
      const found = tuples.filter(({ bitrate, overhead }) => net(bitrate, overhead) <= least + 1e-6);
      assert.ok(found.length > 0, `round ${round}, ${rate} packets`);
      for (const { owner } of found) seen.add(owner);
    }
    // Some bind between two of the rates that were tried.
    assert.ok(seen.size >= tuples.length - 1 - Math.floor(tuples.length / 3), `${seen.size} of ${tuples.length}`);
  }
});

test("who asks under many names is kept in bounds", () => {
  const set = new BoundingSet();
  for (let i = 0; i < 100; i++) set.set(i, 1_000_000 - i * 1000, 300 - i);
  assert.ok(set.tuples.length <= MAX_LIMIT_OWNERS);
  assert.ok(set.tuples.every(({ owner }) => owner >= 100 - MAX_LIMIT_OWNERS));
});
