import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProbeCluster } from "./bandwidth/probe-controller.js";
import {
  MAX_QUEUED_RETRANSMISSIONS,
  Pacer,
  PRIORITY_AUDIO,
  PRIORITY_PADDING,
  PRIORITY_RETRANSMISSION,
  PRIORITY_VIDEO,
} from "./pacer.js";

interface Sent {
  readonly packet: string;
  readonly cluster: number;
  readonly now: number;
}

class Bench {
  readonly sent: Sent[] = [];
  readonly padded: { bytes: number; cluster: number; now: number }[] = [];
  now = 0;
  wakeUps = 0;
  padding = true;
  readonly pacer: Pacer<string>;

  constructor(pacingRate: number, maxQueueTime?: number) {
    this.pacer = new Pacer<string>(
      {
        send: (packet, cluster, _priority, now) => this.sent.push({ packet, cluster, now }),
        pad: (bytes, cluster, now) => {
          if (!this.padding) return 0;
          this.padded.push({ bytes, cluster, now });
          return bytes;
        },
      },
      maxQueueTime === undefined ? { pacingRate } : { pacingRate, maxQueueTime },
    );
  }

  run(until: number): void {
    for (let i = 0; i < 100_000; i++) {
      const { deadline } = this.pacer;
      if (deadline > until) {
        this.now = until;
        return;
      }
      this.now = Math.max(this.now, deadline);
      this.pacer.handleTimeout(this.now);
      this.wakeUps++;
    }
    throw new Error("does not come to rest");
  }
}

function cluster(bitrate: number, at: number, id = 0): ProbeCluster {
  return { id, bitrate, minBytes: Math.ceil((bitrate * 15) / 8000), minPackets: 5, minDelta: 2, at };
}

test("idle: no deadline, before and after", () => {
  const bench = new Bench(1_000_000);
  assert.equal(bench.pacer.deadline, Number.POSITIVE_INFINITY);
  bench.pacer.enqueue("a", 1000, PRIORITY_VIDEO, 10);
  assert.equal(bench.pacer.deadline, 10);
  bench.run(10_000);
  assert.equal(bench.sent.length, 1);
  assert.equal(bench.pacer.deadline, Number.POSITIVE_INFINITY);
  assert.equal(bench.wakeUps, 1);
});

test("a frame leaves at the pacing rate, in bursts of about five milliseconds", () => {
  const bench = new Bench(8_000_000);
  for (let i = 0; i < 100; i++) bench.pacer.enqueue(`v${i}`, 1000, PRIORITY_VIDEO, 0);
  bench.run(1000);
  assert.deepEqual(
    bench.sent.map((s) => s.packet),
    Array.from({ length: 100 }, (_, i) => `v${i}`),
  );
  const last = bench.sent.at(-1)!.now;
  assert.ok(last > 88 && last < 100, `${last}`);
  assert.ok(bench.wakeUps <= 22, `${bench.wakeUps}`);
});

test("audio goes at once, then retransmissions, video, padding", () => {
  const bench = new Bench(1_000_000);
  bench.pacer.enqueue("padding", 1000, PRIORITY_PADDING, 0);
  bench.pacer.enqueue("video", 1000, PRIORITY_VIDEO, 0);
  bench.pacer.enqueue("again", 1000, PRIORITY_RETRANSMISSION, 0);
  bench.pacer.enqueue("audio", 100, PRIORITY_AUDIO, 0);
  bench.run(1000);
  assert.deepEqual(
    bench.sent.map((s) => s.packet),
    ["audio", "again", "video", "padding"],
  );
  // However much waits.
  for (let i = 0; i < 50; i++) bench.pacer.enqueue("video", 1000, PRIORITY_VIDEO, 1000);
  bench.run(1100);
  bench.pacer.enqueue("audio", 100, PRIORITY_AUDIO, 1100);
  assert.equal(bench.pacer.deadline, 1100);
  bench.run(1100);
  assert.deepEqual(bench.sent.findLast((s) => s.packet === "audio")!.now, 1100);
  assert.ok(bench.pacer.queuedPackets > 20);
});

test("a queue too long for its time limit drains faster", () => {
  const bench = new Bench(100_000, 500);
  for (let i = 0; i < 100; i++) bench.pacer.enqueue("v", 1000, PRIORITY_VIDEO, 0);
  bench.run(700);
  // 100,000 bytes would take eight seconds.
  assert.ok(bench.sent.length > 90, `${bench.sent.length}`);
});

test("a probe cluster goes at its own rate, filled with padding", () => {
  const bench = new Bench(300_000);
  bench.pacer.enqueue("v", 1000, PRIORITY_VIDEO, 0);
  bench.pacer.addProbe(cluster(2_000_000, 0, 7), 0);
  bench.run(1000);
  assert.equal(bench.sent[0]!.cluster, 7);
  const bytes = 1000 + bench.padded.reduce((sum, p) => sum + p.bytes, 0);
  const last = bench.padded.at(-1)!;
  assert.ok(bytes >= 3750 && bytes < 4500, `${bytes}`);
  // All but the last burst in this time.
  const rate = ((bytes - last.bytes) * 8) / last.now;
  assert.ok(Math.abs(rate - 2000) < 150, `${rate}`);
  assert.ok(bench.padded.every((p) => p.cluster === 7));
  assert.equal(bench.pacer.probing, false);
  assert.equal(bench.pacer.deadline, Number.POSITIVE_INFINITY);
});

test("a probe without anything to send waits without a timer, and is given up after its time", () => {
  const bench = new Bench(300_000);
  bench.padding = false;
  bench.pacer.addProbe(cluster(2_000_000, 0), 0);
  bench.run(100);
  assert.equal(bench.pacer.deadline, Number.POSITIVE_INFINITY);
  bench.pacer.enqueue("v", 1000, PRIORITY_VIDEO, 6000);
  bench.run(6100);
  assert.equal(bench.sent[0]!.cluster, -1);
  assert.equal(bench.pacer.probing, false);
});

test("a padding rate is filled while there is media, and not for ever", () => {
  const bench = new Bench(1_000_000);
  bench.pacer.setRates(1_000_000, 500_000, 0);
  bench.pacer.enqueue("v", 1000, PRIORITY_VIDEO, 0);
  bench.run(900);
  const bytes = bench.padded.reduce((sum, p) => sum + p.bytes, 0);
  assert.ok(Math.abs(bytes * 8 - 450_000) < 30_000, `${bytes * 8}`);
  bench.run(60_000);
  assert.ok(bench.padded.at(-1)!.now < 1100);
  assert.equal(bench.pacer.deadline, Number.POSITIVE_INFINITY);
});

test("retransmissions that a peer asks for are limited", () => {
  const bench = new Bench(1_000_000);
  for (let i = 0; i < MAX_QUEUED_RETRANSMISSIONS; i++) {
    assert.ok(bench.pacer.enqueue("r", 100, PRIORITY_RETRANSMISSION, 0));
  }
  assert.equal(bench.pacer.enqueue("r", 100, PRIORITY_RETRANSMISSION, 0), false);
});

test("packets of a sender that is gone are taken out, the others keep their order", () => {
  const bench = new Bench(1_000_000);
  for (let i = 0; i < 10; i++) bench.pacer.enqueue(`${i % 2 === 0 ? "a" : "b"}${i}`, 100, PRIORITY_VIDEO, i);
  bench.pacer.remove((packet) => packet.startsWith("a"), 10);
  assert.equal(bench.pacer.queuedPackets, 5);
  assert.equal(bench.pacer.queuedBytes, 500);
  assert.equal(bench.pacer.queueTime(11), 10);
  bench.run(1000);
  assert.deepEqual(
    bench.sent.map((s) => s.packet),
    ["b1", "b3", "b5", "b7", "b9"],
  );
});

test("a timer that comes late: the cluster catches up at once, and the deadline moves on", () => {
  const bench = new Bench(300_000);
  bench.pacer.addProbe(cluster(2_000_000, 0), 0);
  bench.pacer.handleTimeout(0);
  bench.pacer.handleTimeout(10);
  assert.ok(bench.pacer.deadline > 10, `${bench.pacer.deadline}`);
  const bytes = bench.padded.reduce((sum, p) => sum + p.bytes, 0);
  assert.ok(bytes >= 2500, `${bytes}`);
  // Too late to measure anything: given up.
  bench.pacer.handleTimeout(100);
  assert.equal(bench.pacer.probing, false);
});
