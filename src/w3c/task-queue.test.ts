import assert from "node:assert/strict";
import { test } from "node:test";
import { nodePlatform } from "#src/node/platform.js";
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

test("on a platform that can, the rest of a task goes on before any other task of anyone", async () => {
  const ran: string[] = [];
  const tick = (): Promise<void> => Promise.resolve().then(() => void ran.push("microtask"));
  const queue = new TaskQueue(nodePlatform);
  const step = (name: string): void => {
    ran.push(name);
    void tick();
  };
  setImmediate(() => ran.push("immediate"));
  queue.queue(() => {
    setImmediate(() => ran.push("later"));
    queue.queueNext(() => step("3"));
    queue.queueNext(() => {
      queue.queueNext(() => step("2.5"));
      step("2");
    });
    ran.push("1");
    void tick().then(tick);
  });
  queue.queue(() => ran.push("4"));
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(ran, [
    "immediate",
    ...["1", "microtask", "microtask", "2", "microtask", "2.5", "microtask", "3", "microtask"],
    ...["4", "later"],
  ]);
});

test("a timely task runs before a timer that is set after it", async () => {
  const ran: string[] = [];
  const queue = new TaskQueue(nodePlatform);
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      queue.queue(() => ran.push("task"), true);
      setTimeout(() => {
        ran.push("timer");
        resolve();
      }, 0);
      for (const until = performance.now() + 5; performance.now() < until; );
    });
  });
  assert.deepEqual(ran, ["task", "timer"]);
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
