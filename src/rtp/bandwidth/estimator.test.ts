import assert from "node:assert/strict";
import { test } from "node:test";
import { BandwidthEstimator, LOWEST_BITRATE } from "./estimator.js";
import type { ProbeCluster } from "./probe-controller.js";

const OPTIONS = { startBitrate: 300_000, minBitrate: 50_000, maxBitrate: 5_000_000 };

/** An estimator and a path that delays by `delay(time)` and reports each packet 50 ms later in messages of 50 ms. */
class Bench {
  readonly probes: ProbeCluster[] = [];
  readonly targets: number[] = [];
  readonly estimator: BandwidthEstimator;
  now = 0;
  sequence = 0;
  private pending: [number, number][] = [];
  private nextFeedback = 50;

  constructor(options = OPTIONS) {
    this.estimator = new BandwidthEstimator(options, {
      onProbe: (probe) => this.probes.push(probe),
      onTargetBitrateChange: (bitrate) => this.targets.push(bitrate),
    });
  }

  /** Sends at `rate` for so long. `delay` NaN: lost. */
  send(
    rate: number,
    seconds: number,
    delay: (now: number) => number = () => 20,
    feedback = true,
    cluster?: number,
  ): void {
    const gap = (1200 * 8000) / rate;
    const end = this.now + seconds * 1000;
    for (; this.now < end; this.now += gap) {
      while (this.now >= this.nextFeedback) {
        if (feedback) this.feedback(this.nextFeedback);
        this.nextFeedback += 50;
      }
      this.estimator.onPacketSent(this.sequence, 1200, this.now, cluster);
      this.pending.push([this.sequence++, this.now + delay(this.now)]);
    }
  }

  private feedback(now: number): void {
    const due = this.pending.filter(([, arrival]) => !(arrival > now - 20));
    this.pending = this.pending.filter(([, arrival]) => arrival > now - 20);
    for (const [sequence, arrival] of due) this.estimator.onPacketFeedback(sequence, arrival);
    this.estimator.onFeedbackEnd(now);
  }
}

test("starts with probes at three and six times the start rate, and holds no timer", () => {
  const bench = new Bench();
  assert.equal(bench.estimator.targetBitrate, 300_000);
  assert.equal(bench.probes.length, 0);
  bench.estimator.onPacketSent(0, 1200, 5);
  assert.deepEqual(
    bench.probes.map((probe) => probe.bitrate),
    [900_000, 1_800_000],
  );
  assert.equal(bench.estimator.deadline, Number.POSITIVE_INFINITY);
});

test("the result of a probe becomes the target at once, and more is tried", () => {
  const bench = new Bench();
  const { estimator } = bench;
  estimator.onPacketSent(0, 1200, 0);
  // The second cluster: 1.8 Mbit/s both ways.
  for (let i = 1; i <= 6; i++) estimator.onPacketSent(i, 1200, i * 5.333, 1);
  for (let i = 0; i <= 6; i++) estimator.onPacketFeedback(i, 100 + i * 5.333);
  estimator.onFeedbackEnd(160);
  assert.ok(Math.abs(estimator.targetBitrate - 1_800_000) < 5000, `${estimator.targetBitrate}`);
  assert.ok(Math.abs(bench.probes[2]!.bitrate - 3_600_000) < 10_000, `${bench.probes[2]?.bitrate}`);
  assert.equal(bench.targets.at(-1), estimator.targetBitrate);
});

test("goes up while the path is calm, never beyond the maximum, and says so", () => {
  const bench = new Bench();
  for (let i = 0; i < 400; i++) bench.send(bench.estimator.targetBitrate, 0.2);
  assert.equal(bench.estimator.targetBitrate, OPTIONS.maxBitrate);
  assert.equal(bench.estimator.pacingRate, OPTIONS.maxBitrate * 1.1);
  assert.equal(bench.estimator.applicationLimited, false);
});

test("a queue that grows brings it below what arrives", () => {
  const bench = new Bench();
  bench.send(300_000, 5);
  // Sent at 300, carried at 200.
  const from = bench.now;
  bench.send(300_000, 4, (now) => 20 + (now - from) / 2);
  assert.ok(bench.estimator.targetBitrate < 230_000, `${bench.estimator.targetBitrate}`);
});

test("a probe of which too little arrives is repeated, three times at most; one that was not sent is not", () => {
  for (const [sent, expected] of [
    [true, 2 + 3],
    [false, 2],
  ] as const) {
    const bench = new Bench();
    let clusters = 0;
    for (let i = 0; i < 100; i++) {
      bench.send(300_000, 0.04);
      if (bench.probes.length === clusters || !sent) continue;
      clusters = bench.probes.length;
      // Five packets, of which two come.
      for (let n = 0; n < 5; n++) {
        bench.send(3_000_000, 0.002, () => (n < 2 ? 20 : Number.NaN), true, bench.probes.at(-1)!.id);
      }
    }
    const early = bench.probes.filter((probe) => probe.at < 4000 && probe.bitrate >= 900_000);
    assert.equal(early.length, expected);
  }
});

test("a probe is repeated if the message that told of it was lost, too", () => {
  for (const [lost, expected] of [
    [true, 3],
    [false, 2],
  ]) {
    const bench = new Bench();
    const { estimator } = bench;
    for (let i = 0; i < 60; i++) {
      const now = i * 20;
      estimator.onPacketSent(i, 1200, now);
      if (i < 5 && lost) continue;
      estimator.onPacketFeedback(i, now + 20);
      estimator.onFeedbackEnd(now + 20);
    }
    assert.equal(bench.probes.length, expected);
  }
});

test("an application that sends little is limited, and probed for every five seconds", () => {
  const bench = new Bench({ ...OPTIONS, startBitrate: 1_000_000 });
  bench.send(100_000, 30);
  assert.equal(bench.estimator.applicationLimited, true);
  const later = bench.probes.filter((probe) => probe.at > 5000);
  assert.ok(later.length >= 4 && later.length <= 6, `${later.length}`);
  bench.send(bench.estimator.targetBitrate, 5);
  assert.equal(bench.estimator.applicationLimited, false);
});

test("probes stay near what the streams may use", () => {
  const bench = new Bench();
  bench.estimator.setAllocatedBitrate(200_000, 0);
  bench.send(300_000, 20);
  for (const probe of bench.probes) assert.ok(probe.bitrate <= 400_000, `${probe.bitrate}`);
});

test("feedback that fails to come backs off each second", () => {
  const bench = new Bench({ ...OPTIONS, startBitrate: 1_000_000 });
  bench.send(1_000_000, 3);
  const before = bench.estimator.targetBitrate;
  bench.send(200_000, 10, () => 20, false);
  assert.ok(bench.estimator.targetBitrate < 0.4 * before, `${bench.estimator.targetBitrate} ${before}`);
  assert.ok(bench.estimator.targetBitrate >= OPTIONS.minBitrate);
});

test("without transport-wide feedback: REMB caps, reports of loss lower, calm raises", () => {
  const { estimator } = new Bench();
  estimator.onRemb(800_000, 0);
  assert.equal(estimator.targetBitrate, 800_000);
  estimator.onRemb(250_000, 1000);
  assert.equal(estimator.targetBitrate, 250_000);
  estimator.onRemb(2_000_000, 4000);
  for (let now = 5000; now <= 14_000; now += 1000) estimator.onReceiverReport(0, 50, now);
  const raised = estimator.targetBitrate;
  assert.ok(raised > 1_000_000 && raised <= 2_000_000, `${raised}`);
  estimator.onReceiverReport(0.05, 50, 15_000);
  assert.equal(estimator.targetBitrate, raised);
  estimator.onReceiverReport(0.5, 50, 16_000);
  assert.ok(Math.abs(estimator.targetBitrate - raised * 0.75) < 1, `${estimator.targetBitrate}`);
  assert.equal(estimator.pacingRate, estimator.targetBitrate * 2.5);
});

test("bounds can change, and nonsense is not taken", () => {
  const { estimator } = new Bench({ startBitrate: 300_000, minBitrate: 0, maxBitrate: Number.POSITIVE_INFINITY });
  estimator.setBounds(0, 100_000, 0);
  assert.equal(estimator.targetBitrate, 100_000);
  estimator.setBounds(0, 0, 0);
  assert.equal(estimator.targetBitrate, LOWEST_BITRATE);
  estimator.setBounds(400_000, 500_000, 0);
  assert.equal(estimator.targetBitrate, 400_000);
  estimator.onReceiverReport(Number.NaN, 50, 0);
  estimator.onRemb(-1, 0);
  estimator.onRemb(Number.NaN, 0);
  estimator.onPacketFeedback(5, 10);
  estimator.onPacketFeedback(-1, 10);
  estimator.onFeedbackEnd(10);
  assert.equal(estimator.targetBitrate, 400_000);
});

test("sequence numbers of messages are those nearest to the last one sent", () => {
  const { estimator } = new Bench();
  assert.equal(estimator.unwrap(5), -1);
  estimator.onPacketSent(65_530, 100, 0);
  estimator.onPacketSent(65_540, 100, 1);
  assert.equal(estimator.unwrap(65_530), 65_530);
  assert.equal(estimator.unwrap(4), 65_540);
  assert.equal(estimator.unwrap(5), 65_541);
});
