import assert from "node:assert/strict";
import { test } from "node:test";
import { ACKED, ChunkRing, FREE, giveRing, INITIAL_CAPACITY, LOST, NO_RING, NONE, takeRing } from "./chunk-ring.js";
import { RetransmissionQueue } from "./retransmission.js";
import { RtoEstimator } from "./rto.js";
import { OutgoingMessage, SendQueue } from "./send-queue.js";

test("a ring that grows keeps its chunks, their order and their marks, wherever the TSNs wrap", () => {
  const ring = new ChunkRing(64);
  const first = 0xffff_ffe0;
  const tsn = (i: number): number => (first + i) >>> 0;
  for (let i = 0; i < 64; i++) {
    const slot = tsn(i) & ring.mask;
    ring.offsets[slot] = 1000 + i;
    ring.sentAt[slot] = i / 2;
    ring.nextSent[slot] = i === 63 ? NONE : tsn(i + 1) & ring.mask;
    ring.previousSent[slot] = i === 0 ? NONE : tsn(i - 1) & ring.mask;
    ring.states[slot] = i % 3 === 0 ? LOST : ACKED;
  }
  const to = ring.grown(first, 64);
  assert.equal(to.capacity, 128);
  let slot = ring.translate(first & ring.mask, first, to);
  for (let i = 0; i < 64; i++) {
    assert.equal(slot, tsn(i) & to.mask);
    assert.equal(to.offsets[slot], 1000 + i);
    assert.equal(to.sentAt[slot], i / 2);
    assert.equal(to.previousSent[slot], i === 0 ? NONE : tsn(i - 1) & to.mask);
    const bit = 1 << (slot & 31);
    assert.equal((to.lostBits[slot >>> 5]! & bit) !== 0, i % 3 === 0);
    assert.equal((to.ackedBits[slot >>> 5]! & bit) !== 0, i % 3 !== 0);
    slot = to.nextSent[slot]!;
  }
  assert.equal(slot, NONE);
  assert.equal(to.states.filter((state) => state !== FREE).length, 64);
});

test("rings are used again, grown ones are not", () => {
  const ring = takeRing();
  assert.equal(ring.capacity, INITIAL_CAPACITY);
  giveRing(ring);
  giveRing(ring.grown(1, 0));
  giveRing(NO_RING);
  assert.equal(takeRing(), ring);
});

test("a queue with nothing outstanding has no ring, and leaves the one it had clean", () => {
  const queue = new RetransmissionQueue(7, new RtoEstimator(1000, 200, 60_000), () => false);
  const stream = new SendQueue().stream(0);
  const message = new OutgoingMessage(stream, 51, new Uint8Array(10), false, 0, Number.POSITIVE_INFINITY, true);
  const other = takeRing();
  giveRing(other);
  queue.append(message, 0, 10, 3);
  assert.notEqual(takeRing(), other);
  queue.acknowledgeUpTo(7, 0);
  assert.equal(queue.outstanding, 0);
  assert.equal(takeRing(), other);
  assert.ok(other.messages.every((m) => m === undefined));
  assert.ok(other.states.every((state) => state === FREE));
});
