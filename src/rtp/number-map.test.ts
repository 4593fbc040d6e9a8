import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_NUMBER, NumberMap, USED_NUMBER } from "./number-map.js";

function started(bits = 16, first = 100, input = 1000): NumberMap {
  const map = new NumberMap(bits, first);
  map.restart(input);
  return map;
}

test("numbers run on from the first, over the wrap-around of either side", () => {
  const map = started(16, 65534, 65530);
  const out = [65530, 65531, 65532, 65533, 65534, 65535, 0, 1].map((n) => map.use(n));
  assert.deepEqual(out, [65534, 65535, 0, 1, 2, 3, 4, 5]);
});

test("what is missing keeps its place, what is dropped closes up", () => {
  const map = started();
  assert.equal(map.use(1000), 100);
  assert.equal(map.use(1003), 103);
  assert.equal(map.drop(1004), NO_NUMBER);
  assert.equal(map.use(1005), 104);
  // Late, in the place that was kept.
  assert.equal(map.use(1001), 101);
  assert.equal(map.use(1001), USED_NUMBER);
  // Dropped before, and late again.
  assert.equal(map.use(1004), NO_NUMBER);
  // Late and to be dropped: the place is there, and is filled once.
  assert.equal(map.drop(1002), 102);
  assert.equal(map.drop(1002), NO_NUMBER);
  assert.equal(map.use(1002), USED_NUMBER);
  assert.equal(map.use(1006), 105);
});

test("another sequence goes on with the next number, and what is before its start has no place", () => {
  const map = started();
  for (let n = 1000; n < 1010; n++) map.use(n);
  map.restart(40_000);
  assert.equal(map.use(40_000), 110);
  assert.equal(map.use(39_999), NO_NUMBER);
  assert.equal(map.use(39_000), NO_NUMBER);
  assert.equal(map.use(40_002), 112);
  assert.equal(map.use(40_001), 111);
  // Dropped at the end, before the switch: no gap.
  map.drop(40_003);
  map.restart(7);
  assert.equal(map.use(7), 113);
});

test("what is too old has no place", () => {
  const map = started();
  map.use(1000);
  map.use(1001 + 1023);
  assert.equal(map.use(1001), 101);
  assert.equal(map.use(1000), NO_NUMBER);
  // A jump of more than is remembered.
  assert.equal(map.use(4_000), 3_100);
  assert.equal(map.use(3_999), 3_099);
  assert.equal(map.use(2_000), NO_NUMBER);
});

test("a gap that is too large to be loss is made a small one", () => {
  const map = started();
  assert.equal(map.use(1000), 100);
  assert.equal(map.use(30_000), 102);
  assert.equal(map.use(29_999), NO_NUMBER);
  assert.equal(map.use(30_001), 103);
  // Also in steps, of which nothing is used.
  for (let n = 31_000; n < 60_000; n += 1000) map.drop(n);
  const late = map.drop(58_999);
  assert.ok(late > 103 && late <= 3103, `${late} is near what was used`);
  assert.equal(map.use(60_500), late + (60_500 - 58_999) - 1, "59,000 alone was left out in between");
});

test("whatever the source does, no number is given twice, and none is far from those that were used", () => {
  let state = 11;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
  for (let round = 0; round < 500; round++) {
    const map = started(16, 65_000, 0);
    const given = new Set<number>();
    // As SRTP counts on (RFC 3711 §3.3.1).
    let highest = 64_999;
    let input = 0;
    for (let step = 0; step < 60; step++) {
      const kind = random(10);
      if (kind < 2) input = (input + random(65_536)) & 0xffff;
      else if (kind < 5) input = (input - random(20)) & 0xffff;
      else input = (input + 1 + random(3)) & 0xffff;
      if (random(20) === 0) map.restart(input);
      const output = random(2) === 0 ? map.drop(input) : map.use(input);
      if (output < 0) continue;
      const ahead = ((output - highest) << 16) >> 16;
      const index = highest + ahead;
      assert.ok(!given.has(index), `round ${round}, step ${step}: ${index} twice`);
      assert.ok(Math.abs(ahead) < 4096, `round ${round}, step ${step}: ${ahead} from the highest`);
      given.add(index);
      highest = Math.max(highest, index);
    }
  }
});

test("seven bits", () => {
  const map = started(7, 126, 5);
  assert.deepEqual(
    [5, 6, 7, 8].map((n) => map.use(n)),
    [126, 127, 0, 1],
  );
  assert.equal(map.find(6), 127);
  assert.equal(map.find(9), NO_NUMBER);
  map.drop(9);
  assert.ok(map.isDropped(9));
  assert.equal(map.use(10), 2);
});

test("against a model: numbers never repeat, and gaps are those of the input", () => {
  let state = 7;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
  for (let round = 0; round < 20; round++) {
    const map = started(16, random(65536), 0);
    // Each number: lost, dropped or used; some of the lost come late.
    const given = new Map<number, number>();
    const fate: ("use" | "drop" | "late")[] = [];
    const late: number[] = [];
    for (let n = 0; n < 3000; n++) {
      const pick = n === 0 ? 99 : random(100);
      fate.push(pick < 10 ? "late" : pick < 30 ? "drop" : "use");
      if (fate[n] === "late") late.push(n);
      else if (fate[n] === "drop") assert.equal(map.drop(n), NO_NUMBER);
      else given.set(n, map.use(n));
      if (late.length > 0 && random(10) === 0) {
        const input = late.shift()!;
        if (n - input < 1000) given.set(input, map.use(input));
      }
    }
    let expected = given.get(0)!;
    for (let n = 0; n < 3000; n++) {
      if (fate[n] === "drop") continue;
      if (given.has(n)) assert.equal(given.get(n), expected, `number ${n} of round ${round}`);
      expected = (expected + 1) & 0xffff;
    }
  }
});
