import assert from "node:assert/strict";
import { test } from "node:test";
import { nodePlatform } from "./platform.js";

test("a timer may be longer than Node's", (t) => {
  const longest = 2 ** 31 - 1;
  const pending = new Map<object, { callback: () => void; delay: number }>();
  t.mock.method(globalThis, "setTimeout", (callback: () => void, delay: number) => {
    assert.ok(delay <= longest, `${delay} would be taken for 1`);
    const timer = {};
    pending.set(timer, { callback, delay });
    return timer;
  });
  t.mock.method(globalThis, "clearTimeout", (timer: object) => pending.delete(timer));
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
