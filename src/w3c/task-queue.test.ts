import assert from "node:assert/strict";
import { test } from "node:test";
import { TaskQueue } from "./task-queue.js";

test("tasks run in order, the rest of the current one first, and none after close", () => {
  const pending: (() => void)[] = [];
  const queue = new TaskQueue({ queueTask: (callback) => void pending.push(callback) });
  const ran: number[] = [];
  queue.queue(() => {
    ran.push(1);
    queue.queue(() => ran.push(4));
    queue.queueNext(() => ran.push(2));
  });
  queue.queue(() => ran.push(3));
  queue.queue(() => ran.push(3.5));
  while (ran.length < 4) pending.shift()!();
  queue.close();
  queue.queue(() => ran.push(6));
  queue.queueNext(() => ran.push(7));
  while (pending.length > 0) pending.shift()!();
  assert.deepEqual(ran, [1, 2, 3, 3.5]);
  assert.ok(queue.closed);
});

test("a task that throws does not take the others with it", () => {
  const pending: (() => void)[] = [];
  const queue = new TaskQueue({ queueTask: (callback) => void pending.push(callback) });
  let ran = false;
  queue.queue(() => {
    throw new Error("a bug of ours");
  });
  queue.queue(() => {
    ran = true;
  });
  assert.throws(pending.shift()!, /bug/);
  pending.shift()!();
  assert.ok(ran);
});
