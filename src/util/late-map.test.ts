import assert from "node:assert/strict";
import { test } from "node:test";
import { LateMap, LateSet } from "./late-map.js";

test("a late map does as a map, and shares nothing with others", () => {
  const map = new LateMap<string, number>();
  const other = new LateMap<string, number>();
  assert.equal(map.delete("a"), false);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  assert.deepEqual(
    [...map],
    [
      ["a", 3],
      ["b", 2],
    ],
  );
  assert.deepEqual([other.size, other.has("a"), other.get("a"), [...other.values()]], [0, false, undefined, []]);
  // Entries may go while they are gone over.
  for (const key of map.keys()) map.delete(key);
  assert.deepEqual([map.size, map.has("a"), [...map]], [0, false, []]);
  map.set("c", 4);
  map.clear();
  assert.deepEqual([map.size, map.get("c")], [0, undefined]);
});

test("a late set does as a set, and shares nothing with others", () => {
  const set = new LateSet<string>();
  const other = new LateSet<string>();
  assert.equal(set.delete("a"), false);
  set.add("a");
  set.add("b");
  set.add("a");
  assert.deepEqual([...set], ["a", "b"]);
  assert.deepEqual([other.size, other.has("a"), [...other]], [0, false, []]);
  for (const value of set) set.delete(value);
  assert.deepEqual([set.size, [...set]], [0, []]);
  set.add("c");
  set.clear();
  assert.equal(set.has("c"), false);
});
