import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "./random.js";
import { Scheduler } from "./scheduler.js";

test("entries run by time, then in the order of insertion", () => {
  const s = new Scheduler();
  const random = new Random("heap");
  const expected: [number, number][] = [];
  const seen: [number, number][] = [];
  for (let i = 0; i < 2000; i++) {
    const time = random.int(50);
    expected.push([time, i]);
    s.at(time, (now) => seen.push([now, i]));
  }
  expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  s.runSync(100);
  assert.deepEqual(seen, expected);
  assert.equal(s.now, 100);
  assert.equal(s.pending, 0);
});

test("cancelled entries do not run and leave the heap in order", () => {
  const s = new Scheduler();
  const random = new Random("cancel");
  const seen: number[] = [];
  const entries = Array.from({ length: 1000 }, (_, i) => s.at(random.int(100), () => seen.push(i)));
  const kept = new Set<number>();
  entries.forEach((entry, i) => {
    if (i % 3 === 0) entry.cancel();
    else kept.add(i);
  });
  entries[0]!.cancel();
  let last = 0;
  while (s.pending > 0) {
    assert.ok(s.next >= last);
    last = s.next;
    s.runSync(s.next - s.now);
  }
  assert.deepEqual(new Set(seen), kept);
});

test("microtasks, however deep, are drained between entries", async () => {
  const s = new Scheduler();
  const log: string[] = [];
  s.at(1, () => {
    log.push("a");
    void (async () => {
      for (let i = 0; i < 100; i++) await null;
      log.push("a, a hundred turns later");
      s.queueTask(() => log.push("task of a"));
    })();
  });
  s.at(1, () => log.push("b"));
  s.at(2, () => log.push("c"));
  await s.runUntilIdle(10);
  assert.deepEqual(log, ["a", "a, a hundred turns later", "b", "task of a", "c"]);
});

test("runUntil stops as soon as it holds and rejects when it cannot", async () => {
  const s = new Scheduler();
  let count = 0;
  const tick = (): void => {
    count++;
    s.after(10, tick);
  };
  tick();
  await s.runUntil(() => count === 5, 1000);
  assert.equal(s.now, 40);
  await assert.rejects(
    s.runUntil(() => count < 0, 100),
    /not met within 100/,
  );
  await assert.rejects(
    new Scheduler().runUntil(() => false, 100),
    /nothing is left/,
  );
});

test("an exception in an entry rejects the run, and the next run works", async () => {
  const s = new Scheduler();
  s.at(1, () => {
    throw new Error("boom");
  });
  s.at(2, () => {});
  await assert.rejects(s.run(10), /boom/);
  await s.run(10);
  assert.equal(s.pending, 0);
});

test("settle gives a promise's value or its rejection", async () => {
  const s = new Scheduler();
  const later = new Promise<number>((resolve) => s.at(50, () => resolve(7)));
  assert.equal(await s.settle(later, 100), 7);
  assert.equal(s.now, 50);
  const never = new Promise<number>((_, reject) => s.after(5, () => reject(new Error("no"))));
  await assert.rejects(s.settle(never, 100), /^Error: no$/);
});

test("streams of randomness are named, repeatable and independent", () => {
  const a = new Random(1).stream("a");
  const parent = new Random(1);
  parent.u32();
  const again = parent.stream("a");
  const b = parent.stream("b");
  const draw = (r: Random): number[] => Array.from({ length: 8 }, () => r.u32());
  const first = draw(a);
  assert.deepEqual(draw(again), first);
  assert.notDeepEqual(draw(b), first);
  const mean = Array.from({ length: 20_000 }, () => b.float()).reduce((x, y) => x + y) / 20_000;
  assert.ok(Math.abs(mean - 0.5) < 0.01, `mean ${mean}`);
});
