import assert from "node:assert/strict";
import { test } from "node:test";
import { DataTracker } from "./data-tracker.js";
import { PacketBuilder, read16, read32 } from "./packet.js";
import { generator } from "./testing.test.js";

interface Sack {
  cumulative: number;
  gaps: [number, number][];
  duplicates: number[];
}

function sackOf(tracker: DataTracker, mtu = 1188): Sack {
  const builder = new PacketBuilder(mtu, 5000, 5000);
  builder.begin(1);
  tracker.writeSack(builder, 1000);
  const b = builder.buffer;
  const gaps: [number, number][] = [];
  const count = read16(b, 12 + 12);
  for (let i = 0; i < count; i++) gaps.push([read16(b, 28 + 4 * i), read16(b, 30 + 4 * i)]);
  const duplicates: number[] = [];
  for (let i = 0; i < read16(b, 12 + 14); i++) duplicates.push(read32(b, 28 + 4 * (count + i)));
  assert.equal(read16(b, 14), 16 + 4 * (count + duplicates.length));
  assert.equal(builder.length, 28 + 4 * (count + duplicates.length));
  return { cumulative: read32(b, 16), gaps, duplicates };
}

test("gap blocks and duplicates are those of a plain set, also across the wrap of TSNs", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = generator(seed);
    const first = seed % 2 === 0 ? 0xffff_ff00 : Math.floor(random() * 0x1_0000_0000);
    const tracker = new DataTracker();
    tracker.reset(first);
    const seen = new Set<number>();
    let cumulative = -1;
    let bytes = 0;
    const duplicates: number[] = [];
    for (let i = 0; i < 400; i++) {
      const n = Math.max(0, cumulative + Math.floor(random() ** 2 * (seed % 3 === 0 ? 3000 : 40)) - 3);
      const tsn = (first + n) >>> 0;
      const fresh = !seen.has(n) && n > cumulative;
      assert.equal(tracker.receive(tsn, n % 100), fresh, `seed ${seed}, step ${i}`);
      if (fresh) seen.add(n);
      else if (duplicates.length < 32) duplicates.push(tsn);
      while (seen.has(cumulative + 1)) cumulative++;
      if (random() < 0.02) {
        const skip = cumulative + Math.floor(random() * 20);
        tracker.forward((first + skip) >>> 0);
        cumulative = Math.max(cumulative, skip);
        while (seen.has(cumulative + 1)) cumulative++;
      }
      if (random() < 0.1) {
        const ahead = [...seen].filter((x) => x > cumulative).sort((a, b) => a - b);
        const gaps: [number, number][] = [];
        for (const x of ahead) {
          const last = gaps.at(-1);
          if (last && last[1] === x - cumulative - 1) last[1]++;
          else gaps.push([x - cumulative, x - cumulative]);
        }
        bytes = ahead.reduce((sum, x) => sum + (x % 100), 0);
        assert.equal(tracker.bytesAhead, bytes, `seed ${seed}`);
        assert.deepEqual(sackOf(tracker), {
          cumulative: (first + cumulative) >>> 0,
          gaps: gaps.slice(0, 290),
          duplicates: duplicates.splice(0).slice(0, Math.max(0, 290 - gaps.length)),
        });
      }
    }
  }
});

test("a SACK never exceeds its packet", () => {
  const tracker = new DataTracker();
  tracker.reset(0);
  for (let i = 1; i < 5000; i += 2) tracker.receive(i, 1);
  assert.equal(sackOf(tracker, 512).gaps.length, (512 - 28) / 4);
});

test("acknowledgement: the second packet at once, a single one after a delay, gaps and duplicates at once", () => {
  const tracker = new DataTracker();
  tracker.reset(1);
  tracker.receive(1, 1);
  tracker.endOfPacket(100);
  assert.equal(tracker.sackNow, false);
  assert.equal(tracker.sackDeadline, 140);
  tracker.receive(2, 1);
  tracker.endOfPacket(110);
  assert.equal(tracker.sackNow, true);
  sackOf(tracker);
  assert.equal(tracker.sackDeadline, Number.POSITIVE_INFINITY);
  tracker.receive(4, 1);
  tracker.endOfPacket(120);
  assert.equal(tracker.sackNow, true);
  sackOf(tracker);
  tracker.receive(2, 1);
  tracker.endOfPacket(130);
  assert.equal(tracker.sackNow, true);
});

test("TSNs too far ahead are refused", () => {
  const tracker = new DataTracker();
  tracker.reset(1);
  assert.equal(tracker.receive(65_535, 1), true);
  assert.equal(tracker.receive(65_536, 1), false);
  assert.equal(tracker.forward(70_000), false);
  assert.equal(tracker.hasGap, true);
});
