import assert from "node:assert/strict";
import { test } from "node:test";
import { LayerChoice, type LayerOption } from "./layer-choice.js";

const option = (rate: number): LayerOption => ({ stream: { rate }, spatial: 0, temporal: 0, rate });
const LAYERS = [option(100), option(400), option(1500)];

class Bench {
  readonly choice = new LayerChoice();
  now = 0;
  readonly changes: [time: number, rate: number][] = [];

  /** So long with an estimate, looking each 100 ms. */
  run(
    milliseconds: number,
    budget: number | ((rate: number) => number),
    options: readonly LayerOption[] = LAYERS,
  ): number {
    for (const end = this.now + milliseconds; this.now < end; this.now += 100) {
      const { choice, now } = this;
      const amount = typeof budget === "number" ? budget : budget(choice.current?.rate ?? 0);
      const wanted = choice.propose(options, amount, now);
      assert.ok(wanted);
      if (wanted !== choice.current) this.changes.push([now, wanted.rate]);
      choice.use(wanted, options, amount, now);
    }
    return this.choice.current!.rate;
  }
}

test("the best that fits; the lowest where none does", () => {
  assert.equal(new Bench().run(100, 5000), 1500);
  assert.equal(new Bench().run(100, 450), 400);
  assert.equal(new Bench().run(5000, 20), 100);
});

test("down soon, at once where it is far too much; not for a moment", () => {
  const bench = new Bench();
  bench.run(6000, 2000);
  assert.equal(bench.run(200, 1300), 1500);
  bench.run(1000, 1500);
  assert.equal(bench.run(500, 1300), 400);
  bench.run(20_000, 2000);
  assert.equal(bench.choice.current!.rate, 1500);
  assert.equal(bench.run(100, 900), 400);
});

test("up with room to spare and after a while, soon at the beginning", () => {
  const bench = new Bench();
  bench.run(500, 200);
  bench.run(100, 2000);
  assert.equal(bench.run(300, 2000), 1500);
  const later = new Bench();
  later.run(7000, 450);
  assert.equal(later.run(800, 2000), 400);
  assert.equal(later.run(500, 2000), 1500);
  const little = new Bench();
  little.run(7000, 450);
  // 1.2 of it is not there.
  assert.equal(little.run(900, 1700), 400);
});

test("an estimate that swings around a layer's rate does not make it flap", () => {
  const bench = new Bench();
  bench.run(10_000, 2000);
  bench.changes.length = 0;
  for (let i = 0; i < 120; i++) {
    bench.run(1500, 2000);
    bench.run(1000, 1000);
  }
  // Five minutes.
  assert.ok(bench.changes.length <= 20, `${bench.changes.length}`);
});

test("an estimate that only follows what is sent: the next layer is tried, and given up if it is too much", () => {
  // It says one and a half times of what is sent, as far as the path carries that.
  const path = (capacity: number) => (rate: number) => Math.min(1.5 * rate, capacity);
  const wide = new Bench();
  wide.run(100, 120);
  assert.equal(wide.run(40_000, path(5000)), 1500);
  const narrow = new Bench();
  narrow.run(100, 120);
  narrow.run(60_000, path(800));
  assert.ok(narrow.changes.filter(([, rate]) => rate === 1500).length >= 1);
  narrow.changes.length = 0;
  narrow.run(300_000, path(800));
  const tried = narrow.changes.filter(([, rate]) => rate === 1500).length;
  assert.ok(tried <= 6, `${tried} times in five minutes`);
  assert.equal(narrow.choice.current!.rate, 400);
});

test("an estimate that goes up slowly while more is sent: the trial lasts as long as it does", () => {
  const bench = new Bench();
  // As a receiver's does that sends REMB: 8 % a second, up to one and a half times of what comes.
  let estimate = 150;
  let before = 0;
  const slow = (rate: number): number => {
    if (estimate < 1.5 * rate) estimate = Math.min(1.5 * rate, estimate * 1.08 ** ((bench.now - before) / 1000));
    before = bench.now;
    return estimate;
  };
  assert.equal(bench.run(60_000, slow), 1500);
});

test("what was in use is gone, and what was not done is proposed again", () => {
  const bench = new Bench();
  bench.run(3000, 5000);
  assert.equal(bench.run(100, 5000, LAYERS.slice(0, 2)), 400);
  bench.run(12_000, 5000, LAYERS.slice(0, 2));
  const wanted = (): number => bench.choice.propose(LAYERS, 5000, bench.now)!.rate;
  wanted();
  bench.now += 2000;
  assert.equal(wanted(), 1500);
  assert.equal(wanted(), 1500);
  assert.equal(bench.choice.current!.rate, 400);
  assert.equal(bench.choice.propose([], 5000, bench.now), undefined);
});
