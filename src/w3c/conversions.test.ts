import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import {
  boolean,
  bufferSource,
  dictionary,
  domString,
  double,
  enumeration,
  integer,
  isArrayBuffer,
  nullable,
  record,
  sequence,
  sequenceOr,
  unsignedShort,
  usvString,
} from "./conversions.js";

const throwsType = (run: () => unknown, message?: string | RegExp): void => {
  assert.throws(run, (error: Error) => {
    assert.ok(error instanceof TypeError);
    if (typeof message === "string") assert.equal(error.message, message);
    else if (message !== undefined) assert.match(error.message, message);
    return true;
  });
};

test("strings", () => {
  assert.equal(domString(null, ""), "null");
  assert.equal(domString({ toString: () => "x" }, ""), "x");
  assert.equal(domString("\ud800", ""), "\ud800");
  assert.equal(usvString("a\ud800b\ude00c\u{1f600}", ""), "a\ufffdb\ufffdc\u{1f600}");
  throwsType(() => domString(Symbol("s"), ""));
});

test("integers: modulo, [EnforceRange], [Clamp]", () => {
  const enforced = integer("unsigned short", "EnforceRange");
  const clamped = integer("octet", "Clamp");
  for (const [given, expected] of [
    [65536, 0],
    [-1, 65535],
    [1.9, 1],
    [-1.9, 65535],
    ["12", 12],
    [Number.NaN, 0],
    [Number.POSITIVE_INFINITY, 0],
    [null, 0],
    [-0, 0],
  ] as const) {
    assert.equal(unsignedShort(given, ""), expected, String(given));
  }
  assert.equal(integer("long")(2 ** 31, ""), -(2 ** 31));
  assert.equal(integer("unsigned long long")(2 ** 64, ""), 0);
  assert.equal(integer("long long")(-5, ""), -5);
  assert.equal(enforced(65535.9, ""), 65535);
  assert.ok(Object.is(enforced(-0.5, ""), 0));
  throwsType(() => enforced(65536, "W: "), "W: Value is outside the 'unsigned short' value range.");
  throwsType(() => enforced(Number.NaN, "W: "), "W: Value is not of type 'unsigned short'.");
  throwsType(() => enforced(Number.POSITIVE_INFINITY, "W: "), "W: Value is infinite and not of type 'unsigned short'.");
  throwsType(() => enforced("x", ""));
  throwsType(() => unsignedShort(1n, ""));
  for (const [given, expected] of [
    [300, 255],
    [-3, 0],
    [1.5, 2],
    [2.5, 2],
    [0.5, 0],
    [Number.NaN, 0],
    [Number.POSITIVE_INFINITY, 255],
  ] as const) {
    assert.equal(clamped(given, ""), expected, String(given));
  }
  throwsType(() => double(Number.NaN, ""), "The provided double value is non-finite.");
});

test("enumerations and null", () => {
  const colour = enumeration<"red" | "blue">("Colour", ["red", "blue"]);
  assert.equal(colour("red", ""), "red");
  throwsType(() => colour("Red", "W: "), "W: The provided value 'Red' is not a valid enum value of type Colour.");
  assert.equal(nullable(unsignedShort)(undefined, ""), null);
  assert.equal(nullable(unsignedShort)("3", ""), 3);
});

test("sequences take any iterable, and nothing else", () => {
  const numbers = sequence(unsignedShort);
  assert.deepEqual(numbers(new Set([1, 2]), ""), [1, 2]);
  throwsType(() => numbers("12", ""), "The provided value cannot be converted to a sequence.");
  throwsType(() => numbers({ length: 1, 0: 1 }, ""), "The object must have a callable @@iterator property.");
  throwsType(() => numbers(null, ""));
  let closed = false;
  const iterable = {
    *[Symbol.iterator]() {
      try {
        yield Symbol("no number");
      } finally {
        closed = true;
      }
    },
  };
  throwsType(() => numbers(iterable, ""));
  assert.ok(closed, "the iterator is closed when an item cannot be converted");
  const either = sequenceOr(domString, domString);
  assert.deepEqual(either(["a"], ""), ["a"]);
  assert.equal(either("a", ""), "a");
  assert.equal(either({}, ""), "[object Object]");
});

test("dictionaries read inherited members first, each level in lexicographical order", () => {
  const read: string[] = [];
  const parent = dictionary<{ z?: number; y: number }>("Parent", {
    z: { type: unsignedShort },
    y: { type: unsignedShort, default: () => 7 },
  });
  const child = dictionary<{ b?: boolean; a?: number[]; z?: number; y: number }>(
    "Child",
    { b: { type: boolean }, a: { type: sequence(unsignedShort), default: () => [] } },
    parent,
  );
  const given = new Proxy(
    { b: 1, z: 2 },
    {
      get(target, key) {
        read.push(String(key));
        return Reflect.get(target, key);
      },
    },
  );
  assert.deepEqual(child(given, ""), { b: true, a: [], z: 2, y: 7 });
  assert.deepEqual(read, ["y", "z", "a", "b"]);
  assert.notEqual(child(null, "").a, child(undefined, "").a, "defaults are made anew");
  throwsType(() => child(1, "W: "), "W: The provided value is not of type 'Child'.");
  throwsType(() => child({ z: Symbol("s") }, "W: "), /Cannot convert a Symbol value/);
  const required = dictionary<{ x: number }>("Needs", { x: { type: unsignedShort, required: true } });
  throwsType(
    () => required({}, "W: "),
    "W: Failed to read the 'x' property from 'Needs': Required member is undefined.",
  );
});

test("records take own enumerable properties", () => {
  const result = record(domString, unsignedShort)(
    Object.create({ no: 1 }, { a: { value: 2, enumerable: true }, b: { value: 3 } }),
    "",
  );
  assert.deepEqual({ ...result }, { a: 2 });
});

test("buffers: views, other realms, detached, shared, resizable", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);
  assert.deepEqual([...bufferSource(bytes.subarray(1, 3), "")], [2, 3]);
  assert.deepEqual([...bufferSource(new DataView(bytes.buffer, 3), "")], [4]);
  const foreign = runInNewContext("Uint8Array.of(9).buffer");
  assert.ok(isArrayBuffer(foreign));
  assert.deepEqual([...bufferSource(foreign, "")], [9]);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  assert.equal(bufferSource(bytes, "").length, 0);
  throwsType(() => bufferSource(new Uint8Array(new SharedArrayBuffer(1)), ""), /must not be shared/);
  const resizable = Reflect.construct(ArrayBuffer, [1, { maxByteLength: 2 }]);
  throwsType(() => bufferSource(resizable, ""), /must not be resizable/);
  throwsType(() => bufferSource("x", ""));
});
