import assert from "node:assert/strict";
import { test } from "node:test";
import { nodePlatform } from "./platform.js";
import { loop } from "./timers.js";

test("a timer may be longer than Node's", (t) => {
  const longest = 2 ** 31 - 1;
  const pending = new Map<object, { callback: () => void; delay: number }>();
  t.mock.method(loop, "setTimeout", (run: (...args: unknown[]) => void, delay: number, ...args: unknown[]) => {
    assert.ok(delay <= longest, `${delay} would be taken for 1`);
    const timer = {};
    pending.set(timer, { callback: () => run(...args), delay });
    return timer;
  });
  t.mock.method(loop, "clearTimeout", (timer: object) => pending.delete(timer));
  let fired = 0;
  const delay = 60 * 86_400_000;
  nodePlatform.setTimer(() => fired++, delay, true);
  let waited = 0;
  while (pending.size > 0) {
    assert.equal(fired, 0);
    const [[timer, next]] = [...pending] as [[object, { callback: () => void; delay: number }]];
    pending.delete(timer);
    waited += next.delay;
    next.callback();
  }
  assert.deepEqual([fired, waited], [1, delay]);

  const cancelled = nodePlatform.setTimer(() => fired++, delay, true);
  const [first] = [...pending.values()];
  pending.clear();
  first!.callback();
  assert.equal(pending.size, 1);
  cancelled.cancel();
  assert.equal(pending.size, 0);
});

/** Until the event loop has gone round often enough for what was queued here, however busy the machine is. */
async function settled(): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** As long as it takes for a timer of no delay to be due. */
function work(): void {
  const end = performance.now() + 2;
  while (performance.now() < end);
}

test("tasks that must be timely come before timers of no delay that are set later, however long the work", async () => {
  for (const tasks of [1, 2, 5]) {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        for (let i = 0; i < tasks; i++) nodePlatform.queueTask(() => order.push(`task ${i}`), true);
        setTimeout(() => order.push("timer"), 0);
        work();
        resolve();
      });
    });
    await settled();
    assert.deepEqual(order, [...Array.from({ length: tasks }, (_, i) => `task ${i}`), "timer"]);
  }
});

test("a timely task comes behind what was queued before it, also where others have come early", async () => {
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      nodePlatform.queueTask(() => order.push("timely 1"), true);
      work();
      // When it is due the first task is run by its timer, and then queues these.
      setTimeout(() => {
        nodePlatform.queueTask(() => order.push("other"));
        nodePlatform.queueTask(() => order.push("timely 2"), true);
      }, 0);
      resolve();
    });
  });
  await settled();
  assert.deepEqual(order, ["timely 1", "other", "timely 2"]);
});

test("each timely task has its microtasks before the next", async () => {
  for (const isLate of [false, true]) {
    const order: string[] = [];
    const task = async (i: number): Promise<void> => {
      order.push(`task ${i}`);
      for (let k = 0; k < 3; k++) await undefined;
      order.push(`microtask of ${i}`);
    };
    setImmediate(() => {
      for (let i = 0; i < 3; i++) nodePlatform.queueTask(() => void task(i), true);
      if (isLate) work();
    });
    await settled();
    assert.deepEqual(
      order,
      [0, 1, 2].flatMap((i) => [`task ${i}`, `microtask of ${i}`]),
    );
  }
});

test("a timely task that throws holds up none", async () => {
  // The test runner's own would take it for a failure of the test.
  const handlers = process.listeners("uncaughtException");
  const failures: string[] = [];
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => void failures.push(error.message));
  try {
    for (const isLate of [false, true]) {
      const order: number[] = [];
      setImmediate(() => {
        for (let i = 0; i < 3; i++) {
          nodePlatform.queueTask(() => {
            order.push(i);
            if (i === 0) throw new Error("of the first");
          }, true);
        }
        if (isLate) work();
      });
      await settled();
      assert.deepEqual(order, [0, 1, 2]);
    }
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const handler of handlers) process.on("uncaughtException", handler);
  }
  assert.deepEqual(failures, ["of the first", "of the first"]);
});

test("tasks and timers come also while a program's tests have others in place of Node's, and after those", async (t) => {
  const real = { setImmediate, setTimeout };
  const never = (): object => ({ unref() {} });
  const order: string[] = [];
  const add = (name: string): void => {
    nodePlatform.queueTask(() => order.push(`${name} 1`), true);
    nodePlatform.queueTask(() => order.push(`${name} 2`));
    nodePlatform.setTimer(() => order.push(`${name} timer`), 0, true);
  };
  const rounds = async (): Promise<void> => {
    for (let round = 0; round < 5; round++) {
      await new Promise((resolve) => real.setImmediate(resolve));
      await new Promise((resolve) => real.setTimeout(resolve, 1));
    }
  };
  for (const name of ["setTimeout", "setImmediate", "queueMicrotask"] as const) t.mock.method(globalThis, name, never);
  t.mock.method(process, "nextTick", never);
  t.mock.method(performance, "now", () => 0);
  assert.notEqual(nodePlatform.now(), 0);
  add("a");
  await rounds();
  t.mock.restoreAll();
  assert.deepEqual(order.splice(0).sort(), ["a 1", "a 2", "a timer"]);
  add("b");
  await rounds();
  assert.deepEqual(order.sort(), ["b 1", "b 2", "b timer"]);
});
