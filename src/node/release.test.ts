import assert from "node:assert/strict";
import { test } from "node:test";
import { release, releasePackets } from "./release.js";

test("what is released is empty, also to views of it", () => {
  for (let i = 0; i < 3; i++) {
    const bytes = new Uint8Array(20_000).fill(1);
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

test("packets are released that are alone in their memory", async () => {
  const alone = Array.from({ length: 40 }, () => new Uint8Array(1200));
  const shared = new Uint8Array(2400);
  const halves = [shared.subarray(0, 1200), shared.subarray(1200)];
  const fixed = new Uint8Array(new SharedArrayBuffer(100));
  const empty = new Uint8Array(0);
  releasePackets([...halves, empty, ...alone, alone[0]!, fixed]);
  assert.equal(halves[0]!.length + halves[1]!.length, 2400);
  assert.equal(fixed.length, 100);
  // Some may wait for others.
  const gone = alone.filter(({ length }) => length === 0);
  assert.ok(gone.length >= 32, `${gone.length}`);
  // A packet that is there twice does no harm.
  const twice = new Uint8Array(10);
  releasePackets(Array.from({ length: 100 }, () => twice));
  assert.ok(twice.length <= 10);
});
