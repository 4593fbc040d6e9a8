import assert from "node:assert/strict";
import { test } from "node:test";
import { nodePlatform } from "./platform.js";

test("a timer may be longer than Node's", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const longest = 2 ** 31 - 1;
  const mocked = globalThis.setTimeout;
  t.mock.method(globalThis, "setTimeout", (callback: () => void, delay: number) => {
    assert.ok(delay <= longest, `${delay} would be taken for 1`);
    return mocked(callback, delay);
  });
  const delay = 60 * 86_400_000;
  let fired = 0;
  const fire = (): void => void fired++;
  nodePlatform.setTimer(fire, delay, true);
  const cancelled = nodePlatform.setTimer(fire, delay, true);
  t.mock.timers.tick(longest);
  cancelled.cancel();
  t.mock.timers.tick(longest);
  t.mock.timers.tick(delay - 2 * longest - 1);
  assert.equal(fired, 0);
  t.mock.timers.tick(1);
  assert.equal(fired, 1);
  t.mock.timers.tick(longest);
  assert.equal(fired, 1);
});
