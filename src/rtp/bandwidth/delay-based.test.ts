import assert from "node:assert/strict";
import { test } from "node:test";
import { DelayBased } from "./delay-based.js";
import { StandingQueue } from "./standing-queue.js";

/** Messages each 50 ms; `wait` in milliseconds in the queue, `arrives` in bits per second. */
class Path {
  readonly delay: DelayBased = new DelayBased(1_000_000, 30_000);
  readonly queue: StandingQueue = new StandingQueue();
  now = 0;

  constructor(rtt: number) {
    this.delay.rateControl.rtt = rtt;
  }

  message(wait: number, arrives: number): void {
    this.now += 50;
    this.queue.update(20 + wait, this.delay.bitrate, arrives, this.now);
    this.delay.update(arrives, Number.NaN, this.queue, this.now);
  }
}

test("a queue that stands lowers the rate, also where the response takes longer than the next message", () => {
  for (const rtt of [20, 200]) {
    const path = new Path(rtt);
    for (let i = 0; i < 20; i++) path.message(0, 900_000);
    const before = path.delay.bitrate;
    for (let i = 0; i < 12; i++) path.message(100, 900_000);
    assert.ok(path.delay.bitrate < 0.85 * before, `rtt ${rtt}: ${path.delay.bitrate} after ${before}`);
    assert.ok(path.queue.draining);
    // Once: while the queue shrinks, that is all.
    const lowered = path.delay.bitrate;
    for (let wait = 95; wait >= 20; wait -= 5) {
      path.message(wait, 700_000);
      assert.ok(path.queue.emptying);
    }
    assert.equal(path.delay.bitrate, lowered);
    path.message(30, 700_000);
    assert.equal(path.queue.emptying, false);
  }
});

test("who is alone on the link goes down as soon as a queue grows, who is not lets it grow for a while", () => {
  for (const probed of [1_000_000, 1_500_000]) {
    const path = new Path(50);
    path.delay.rateControl.linkCapacity.onProbe(probed);
    for (let i = 0; i < 20; i++) path.message(0, 1_000_000);
    const before = path.delay.bitrate;
    // Forty packets of a queue that grows to forty milliseconds.
    for (let i = 0; i < 40; i++) path.delay.onPacket(1000 + i * 10, 1020 + i * 11, 1000 + i * 11);
    path.message(40, 1_000_000);
    assert.equal(path.delay.usage, "overusing");
    assert.equal(path.delay.alone, probed === 1_000_000);
    if (path.delay.alone) assert.equal(path.delay.bitrate, 950_000);
    else assert.equal(path.delay.bitrate, before);
  }
});
