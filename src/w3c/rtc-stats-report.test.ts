import assert from "node:assert/strict";
import { test } from "node:test";
import { createStatsReport, RTCStatsReport } from "./rtc-stats-report.js";

const A = { id: "a" };
const B = { id: "b" };
const report = (): RTCStatsReport =>
  createStatsReport(
    new Map([
      ["a", A],
      ["b", B],
    ]),
  );

test("a report is a read-only maplike", () => {
  const r = report();
  assert.equal(r.size, 2);
  assert.deepEqual(
    [...r],
    [
      ["a", A],
      ["b", B],
    ],
  );
  assert.deepEqual([...r.entries()], [...r]);
  assert.deepEqual([...r.keys()], ["a", "b"]);
  assert.deepEqual([...r.values()], [A, B]);
  assert.equal(r.get("a"), A);
  assert.equal(r.get("c"), undefined);
  assert.deepEqual([r.has("b"), r.has("c")], [true, false]);
  assert.equal(RTCStatsReport.prototype[Symbol.iterator], RTCStatsReport.prototype.entries);
  for (const name of ["set", "delete", "clear"]) assert.equal(name in r, false, name);
  assert.equal(Object.prototype.toString.call(r), "[object RTCStatsReport]");
  assert.equal(Object.prototype.toString.call(r.keys()), "[object Map Iterator]");
});

test("keys are converted to strings, and have to be given", () => {
  const r = createStatsReport(new Map([["1", A]]));
  assert.equal(r.get(1 as never), A);
  assert.equal(r.has({ toString: () => "1" } as never), true);
  assert.throws(() => r.get(Symbol("1") as never), TypeError);
  for (const name of ["get", "has", "forEach"] as const) {
    assert.throws(() => (r[name] as () => void)(), TypeError, name);
  }
});

test("forEach calls with value, key and report, and with this", () => {
  const r = report();
  const calls: unknown[] = [];
  const self = {};
  r.forEach(function (this: unknown, ...args) {
    calls.push([this, ...args]);
  }, self);
  assert.deepEqual(calls, [
    [self, A, "a", r],
    [self, B, "b", r],
  ]);
  for (const bad of [undefined, {}, "f"]) assert.throws(() => r.forEach(bad as never), TypeError);
});

test("nobody can make one, nor call its members on something else", () => {
  assert.throws(() => new RTCStatsReport(), /Illegal constructor/);
  const map = new Map([["a", A]]);
  for (const name of ["get", "has", "entries", "keys", "values", "forEach"] as const) {
    assert.throws(() => (RTCStatsReport.prototype[name] as (...args: unknown[]) => unknown).call(map, "a"), TypeError);
  }
  assert.throws(() => Map.prototype.get.call(report() as never, "a"), TypeError);
});
