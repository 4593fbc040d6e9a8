import assert from "node:assert/strict";
import { test } from "node:test";
import { Fifo } from "./fifo.js";

test("a queue gives back what it was given, in order, also past its compaction", () => {
  const queue = new Fifo<number>();
  const model: number[] = [];
  let next = 0;
  let seed = 7;
  for (let step = 0; step < 20_000; step++) {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    // Grows for a while, shrinks for a while.
    const growing = step % 8000 < 5000;
    const choice = seed % 10;
    if (choice === 0) {
      queue.unshift(next);
      model.unshift(next++);
    } else if (growing ? choice < 8 : choice < 3) {
      queue.push(next);
      model.push(next++);
    } else assert.equal(queue.shift(), model.shift());
    assert.equal(queue.length, model.length);
    assert.equal(queue.peek(), model[0]);
  }
  queue.clear();
  assert.equal(queue.length, 0);
  assert.equal(queue.shift(), undefined);
});
