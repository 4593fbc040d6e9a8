import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameLimiter, MAX_FRAME_WAIT } from "./frame-limiter.js";

function setup(): { limiter: FrameLimiter; requests: () => number } {
  let requests = 0;
  const limiter = new FrameLimiter(() => requests++);
  return { limiter, requests: () => requests };
}

test("behind a queue that is too long nothing goes before a key frame, which is asked for once it has drained", () => {
  const { limiter, requests } = setup();
  assert.equal(limiter.takes(0, true, 0, 0, 0), true);
  assert.equal(limiter.takes(1, false, MAX_FRAME_WAIT, 500, 33), true);
  assert.equal(limiter.takes(2, false, MAX_FRAME_WAIT + 1, 500, 66), false);
  // Not even where there is room again; a key frame only where there is.
  assert.equal(limiter.takes(3, false, 400, 500, 100), false);
  assert.equal(limiter.takes(4, true, MAX_FRAME_WAIT + 1, 500, 133), false);
  assert.equal(requests(), 0);
  limiter.onDrained(90, 500);
  assert.equal(requests(), 1);
  // Asked again if none comes.
  assert.equal(limiter.takes(5, false, 0, 0, 600), false);
  assert.equal(requests(), 1);
  assert.equal(limiter.takes(6, false, 0, 0, 1000), false);
  assert.equal(requests(), 2);
  assert.equal(limiter.takes(7, true, 0, 0, 1033), true);
  assert.equal(limiter.takes(8, false, 300, 40, 1066), true);
  limiter.onDrained(0, 3000);
  assert.equal(requests(), 2);
  assert.deepEqual([limiter.framesDropped, limiter.keyFramesDropped], [5, 1]);
});

test("what comes at once is not late, and the layers of a picture go together", () => {
  const { limiter } = setup();
  for (let i = 0; i < 20; i++) assert.equal(limiter.takes(i, i === 0, i * 200, 0, 0), true);
  assert.equal(limiter.takes(20, true, 0, 0, 50), true);
  assert.equal(limiter.takes(20, false, 5000, 300, 50), true);
  assert.equal(limiter.takes(21, false, 5000, 300, 80), false);
  // Of a picture without its base there is nothing to decode.
  assert.equal(limiter.takes(21, true, 0, 0, 80), false);
  assert.equal(limiter.takes(22, true, 0, 0, 110), true);
  assert.equal(limiter.takes(22, false, 0, 0, 110), true);
});
