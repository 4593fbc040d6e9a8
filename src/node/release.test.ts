import assert from "node:assert/strict";
import { test } from "node:test";
import { release } from "./release.js";

test("what is released is empty, also to views of it", () => {
  for (let i = 0; i < 3; i++) {
    const bytes = new Uint8Array(5000).fill(1);
    const view = bytes.subarray(10, 20);
    release(bytes.buffer);
    assert.equal(bytes.length, 0);
    assert.equal(view.length, 0);
  }
});

test("memory that is released does not count any more, without a garbage collection", async () => {
  // The first one may make what the others need.
  release(new ArrayBuffer(8));
  await new Promise((done) => setTimeout(done, 20));
  const size = 1 << 20;
  const { arrayBuffers } = process.memoryUsage();
  for (let i = 0; i < 100; i++) release(new ArrayBuffer(size));
  assert.ok(process.memoryUsage().arrayBuffers - arrayBuffers < 20 * size);
});
