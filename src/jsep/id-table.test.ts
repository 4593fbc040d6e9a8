import assert from "node:assert/strict";
import { test } from "node:test";
import { EMPTY_ID_TABLE, IdAssigner } from "./id-table.js";
import { payloadTypeAssigner } from "./payload-types.js";

test("a name keeps its number, a taken one is gone around", () => {
  const first = new IdAssigner(EMPTY_ID_TABLE, [[1, 3]]);
  assert.equal(first.assign("a", 2), 2);
  assert.equal(first.assign("b", 2), 1);
  const table = first.table();
  const second = new IdAssigner(table, [[1, 3]]);
  assert.equal(second.assign("a", 3), 2);
  assert.equal(second.table(), table);
  // The table of before is as it was.
  second.assign("c", null);
  assert.equal(table.byId.size, 2);
  assert.equal(second.assign("d", null), undefined);
});

test("what the peer says wins; who loses its number gets another", () => {
  const ids = new IdAssigner(EMPTY_ID_TABLE, [[1, 9]]);
  ids.assign("a", 5);
  ids.learn(5, "b");
  assert.equal(ids.assign("b", null), 5);
  assert.equal(ids.assign("a", 5), 1);
});

test("a range may be looked through downwards", () => {
  const ids = new IdAssigner(EMPTY_ID_TABLE, [
    [3, 1],
    [5, 6],
  ]);
  assert.deepEqual(
    ["a", "b", "c", "d", "e", "f"].map((name) => ids.assign(name, 2)),
    [2, 3, 1, 5, 6, undefined],
  );
});

test("payload types: 96 to 127, then 35 to 63, then none; never what RTCP needs (RFC 5761 §4)", () => {
  const assigner = payloadTypeAssigner(EMPTY_ID_TABLE);
  const given = Array.from({ length: 70 }, (_, i) => assigner.assign(`codec${i}`, null));
  assert.deepEqual(given.slice(0, 2), [96, 97]);
  assert.deepEqual(given.slice(31, 34), [127, 35, 36]);
  assert.deepEqual(given.slice(60, 62), [63, undefined]);
});
