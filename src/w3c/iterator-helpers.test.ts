import assert from "node:assert/strict";
import { test } from "node:test";
import { help, mapIterator } from "./iterator-helpers.js";
import { createStatsReport } from "./rtc-stats-report.js";

/** What ES2025 has, and the library that we compile with has not. */
interface Helped<T> extends Iterator<T> {
  drop(limit?: unknown): Helped<T>;
  every(predicate?: (value: T, index: number) => unknown): boolean;
  filter(predicate?: (value: T, index: number) => unknown): Helped<T>;
  find(predicate?: (value: T, index: number) => unknown): T | undefined;
  flatMap<U>(mapper?: (value: T, index: number) => unknown): Helped<U>;
  forEach(procedure?: (value: T, index: number) => void): void;
  map<U>(mapper?: (value: T, index: number) => U): Helped<U>;
  reduce<U>(reducer?: (sum: U, value: T, index: number) => U, ...initial: U[]): U;
  some(predicate?: (value: T, index: number) => unknown): boolean;
  take(limit?: unknown): Helped<T>;
  toArray(): T[];
  [Symbol.iterator](): Helped<T>;
}

const MAP_ITERATOR = Object.getPrototypeOf(new Map().values());
const NAMES = [
  "drop",
  "every",
  "filter",
  "find",
  "flatMap",
  "forEach",
  "map",
  "reduce",
  "some",
  "take",
  "toArray",
] as const;

/** Ours, also where the runtime has some. */
const ours = (...values: number[]): Helped<number> =>
  help(new Map(values.map((value) => [value, value])).values()) as unknown as Helped<number>;

/** An iterator that says what is done to it, with our helpers. */
function counting(end: number, log: string[]): Helped<number> {
  let value = 0;
  const iterator = {
    next: () => {
      log.push("next");
      value++;
      return value > end ? { value: undefined, done: true } : { value, done: false };
    },
    return: () => {
      log.push("return");
      return {};
    },
  };
  return Object.setPrototypeOf(iterator, Object.getPrototypeOf(ours()));
}

test("the lazy helpers", () => {
  assert.deepEqual([...ours(1, 2, 3).map((value, index) => value * 10 + index)], [10, 21, 32]);
  assert.deepEqual([...ours(1, 2, 3).filter((value) => value !== 2)], [1, 3]);
  assert.deepEqual([...ours(1, 2, 3).take(2)], [1, 2]);
  assert.deepEqual([...ours(1, 2, 3).take(0)], []);
  assert.deepEqual([...ours(1, 2, 3).take(Number.POSITIVE_INFINITY)], [1, 2, 3]);
  assert.deepEqual([...ours(1, 2, 3).drop(2.9)], [3]);
  assert.deepEqual([...ours(1, 2, 3).drop(-0.5)], [1, 2, 3]);
  assert.deepEqual([...ours(1, 2).flatMap((value) => [value, -value])], [1, -1, 2, -2]);
  assert.deepEqual([...ours(1, 2).flatMap((value) => ours(value))], [1, 2]);
});

test("what they give has the helpers as well, and is an iterator", () => {
  const helper = ours(1, 2, 3, 4).filter((value) => value > 1);
  assert.deepEqual(
    helper
      .map((value) => value * 2)
      .drop(1)
      .toArray(),
    [6, 8],
  );
  assert.equal(Object.prototype.toString.call(helper), "[object Iterator Helper]");
  assert.equal(helper[Symbol.iterator](), helper);
  assert.equal(Object.hasOwn(Object.getPrototypeOf(helper), "constructor"), false);
  assert.throws(() => helper.next.call({} as never), TypeError);
});

test("the others", () => {
  assert.equal(
    ours(1, 2, 3).find((value) => value > 1),
    2,
  );
  assert.equal(
    ours(1).find((value) => value > 1),
    undefined,
  );
  assert.equal(
    ours(1, 2).some((value) => value === 2),
    true,
  );
  assert.equal(
    ours().some(() => true),
    false,
  );
  assert.equal(
    ours(1, 2).every((value) => value < 2),
    false,
  );
  assert.equal(
    ours().every(() => false),
    true,
  );
  assert.deepEqual(ours(1, 2).toArray(), [1, 2]);
  const seen: unknown[] = [];
  assert.equal(
    ours(5, 6).forEach((...args) => {
      seen.push(args);
    }),
    undefined,
  );
  assert.deepEqual(seen, [
    [5, 0],
    [6, 1],
  ]);
  const add = (sum: number, value: number): number => sum + value;
  assert.equal(ours(1, 2, 3).reduce(add), 6);
  assert.equal(ours(1, 2, 3).reduce(add, 10), 16);
  assert.equal(
    ours(7, 8).reduce((sum: number, _value, index) => sum + index),
    8,
  );
  assert.equal(ours().reduce(add, 4), 4);
  assert.equal(
    ours().reduce(() => 1, undefined as never),
    undefined,
  );
  assert.throws(() => ours().reduce(add), TypeError);
});

test("an iterator is closed where not all of it was wanted, and not where it has ended", () => {
  const logOf = (act: (iterator: Helped<number>) => unknown): string => {
    const log: string[] = [];
    try {
      act(counting(3, log));
    } catch (error) {
      log.push((error as Error).message);
    }
    return log.join(" ");
  };
  const fail = (): never => {
    throw new Error("mine");
  };
  assert.equal(
    logOf((iterator) => iterator.find(() => true)),
    "next return",
  );
  assert.equal(
    logOf((iterator) => iterator.find(() => false)),
    "next next next next",
  );
  for (const name of ["find", "some", "every", "forEach"] as const) {
    assert.equal(
      logOf((iterator) => iterator[name](fail)),
      "next return mine",
      name,
    );
  }
  assert.equal(
    logOf((iterator) => iterator.reduce(fail)),
    "next next return mine",
  );
  assert.equal(
    logOf((iterator) => iterator.map(fail).next()),
    "next return mine",
  );
  assert.equal(
    logOf((iterator) => iterator.flatMap(() => ({ next: fail })).next()),
    "next return mine",
  );
  assert.equal(
    logOf((iterator) => [...iterator.take(2)]),
    "next next return",
  );
  assert.equal(
    logOf((iterator) => [...iterator.take(0)]),
    "return",
  );
  assert.equal(
    logOf((iterator) => [...iterator.take(9)]),
    "next next next next",
  );
  // Before it begins, while it goes on, and twice.
  assert.equal(
    logOf((iterator) => iterator.map(Number).return?.()),
    "return",
  );
  assert.equal(
    logOf((iterator) => {
      const helper = iterator.map(Number);
      helper.next();
      helper.return?.();
      helper.return?.();
      assert.deepEqual(helper.next(), { value: undefined, done: true });
    }),
    "next return",
  );
});

test("arguments are judged before anything is taken, and the iterator is closed", () => {
  for (const name of NAMES) {
    if (name === "toArray") continue;
    const log: string[] = [];
    const isLimit = name === "take" || name === "drop";
    assert.throws(() => (counting(3, log)[name] as () => void)(), isLimit ? RangeError : TypeError, name);
    assert.deepEqual(log, ["return"], name);
  }
  for (const bad of [-1, Number.NaN, Number.NEGATIVE_INFINITY, "x"]) assert.throws(() => ours().take(bad), RangeError);
  assert.throws(() => ours().drop(Symbol("x")), TypeError);
  for (const bad of [1, "ab", null, undefined]) {
    assert.throws(
      () =>
        ours(1)
          .flatMap(() => bad)
          .next(),
      TypeError,
      String(bad),
    );
  }
  for (const name of NAMES) assert.throws(() => (ours()[name] as Call).call(1, Number), TypeError, name);
});

type Call = (...args: unknown[]) => unknown;

test("a maplike's iterators stay iterators of a Map, and nothing of the runtime is touched", () => {
  const before = Object.getOwnPropertyNames(Object.getPrototypeOf(MAP_ITERATOR));
  const report = createStatsReport(new Map([["a", { id: "a" }]]));
  for (const iterator of [report.values(), report.keys(), report.entries(), report[Symbol.iterator]()]) {
    assert.ok(Object.prototype.isPrototypeOf.call(MAP_ITERATOR, iterator));
    assert.equal(Object.prototype.toString.call(iterator), "[object Map Iterator]");
    assert.equal(iterator[Symbol.iterator](), iterator);
    assert.deepEqual(Object.getOwnPropertyNames(iterator), []);
    for (const name of NAMES) assert.equal(typeof (iterator as unknown as Helped<unknown>)[name], "function", name);
  }
  assert.deepEqual(
    (report.values() as unknown as Helped<object>).find(() => true),
    { id: "a" },
  );
  assert.deepEqual(Object.getOwnPropertyNames(Object.getPrototypeOf(MAP_ITERATOR)), before);
  assert.deepEqual(Object.getOwnPropertyNames(MAP_ITERATOR), ["next"]);
});

test("where the runtime has the helpers, those are there", () => {
  const iterator = new Map().values();
  const isNative = "flatMap" in iterator;
  assert.equal(Object.getPrototypeOf(mapIterator(iterator)) === MAP_ITERATOR, isNative);
});

test("the helpers look like the specification's", () => {
  const prototype = Object.getPrototypeOf(ours());
  for (const name of NAMES) {
    const { value, enumerable, writable, configurable } = Object.getOwnPropertyDescriptor(prototype, name)!;
    assert.deepEqual(
      [value.name, value.length, enumerable, writable, configurable, "prototype" in value],
      [name, name === "toArray" ? 0 : 1, false, true, true, false],
    );
  }
});
