import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_NACK_LIST, MAX_NACK_RETRIES, NackList } from "./nack-list.js";

const out: Uint16Array = new Uint16Array(300);
const collect = (list: NackList, rtt: number, now: number): number[] => [
  ...out.subarray(0, list.collect(out, rtt, now)),
];

test("a missing packet is asked for at once, then each round trip, then given up", () => {
  const list = new NackList();
  assert.equal(list.deadline, Number.POSITIVE_INFINITY);
  assert.equal(list.add(70_000, 70_003, 5), true);
  assert.equal(list.deadline, 5);
  assert.deepEqual(collect(list, 100, 5), [4464, 4465, 4466]);
  assert.equal(list.deadline, 115);
  assert.deepEqual(collect(list, 100, 100), []);
  assert.equal(list.remove(70_001, 90), true);
  assert.equal(list.remove(70_001, 90), false);
  assert.equal(list.responseTime, 85);
  assert.deepEqual(collect(list, 100, 115), [4464, 4466]);
  let times = 2;
  for (let now = 225; list.count > 0; now = list.deadline) {
    if (collect(list, 100, now).length > 0) times++;
  }
  assert.equal(times, MAX_NACK_RETRIES);
  assert.equal(list.givenUp, 2);
  assert.equal(list.deadline, Number.POSITIVE_INFINITY);
});

test("entries of different age are asked for at their own times", () => {
  const list = new NackList();
  list.add(10, 11, 0);
  collect(list, 50, 0);
  list.add(12, 14, 30);
  assert.deepEqual(collect(list, 50, 30), [12, 13]);
  assert.equal(list.deadline, 60);
  assert.deepEqual(collect(list, 50, 60), [10]);
  list.dropBefore(13);
  assert.equal(list.count, 1);
  assert.equal(list.has(13), true);
  assert.equal(list.has(12), false);
});

test("the list has a limit: what goes beyond it gives up everything", () => {
  const list = new NackList();
  assert.equal(list.add(0, MAX_NACK_LIST, 0), true);
  assert.equal(list.add(2000, 2001, 0), false);
  assert.equal(list.count, 0);
  assert.equal(list.givenUp, MAX_NACK_LIST + 1);
  assert.equal(list.add(3000, 3000 + MAX_NACK_LIST + 1, 0), false);
});

test("more than one message holds are asked for in the next", () => {
  const list = new NackList();
  list.add(0, 1000, 0);
  assert.equal(collect(list, 50, 0).length, 300);
  assert.equal(list.deadline, 0);
  assert.equal(collect(list, 50, 0)[0], 300);
});
