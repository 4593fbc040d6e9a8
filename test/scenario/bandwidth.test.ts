// Congestion control over a bottleneck in virtual time: whether the target finds the capacity, whether queues stay short,
// whether flows share. `npm run draw-bandwidth` draws the same runs.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type BandwidthResult,
  CROSS,
  closeness,
  delaysBetween,
  LIMITED,
  mean,
  percentile,
  runBandwidth,
  SHARED,
  STEPS,
  samplesBetween,
  shares,
} from "./bandwidth.js";

function assertShortQueues(result: BandwidthResult): void {
  const byPacket = percentile(delaysBetween(result, 0, Number.POSITIVE_INFINITY), 0.95);
  const byTime = percentile(
    result.samples.map((sample) => sample.queueDelay),
    0.95,
  );
  assert.ok(byPacket < 150 && byTime < 150, `95 % wait less than ${byPacket} ms by packet, ${byTime} by time`);
}

test("a capacity of 5, 1, then 3 Mbit/s is found within five seconds, at round-trip times of 50 to 200 ms", () => {
  for (const rtt of [50, 100, 200]) {
    const result = runBandwidth({ ...STEPS, rtt });
    for (const from of [0, 20_000, 40_000]) {
      const { mean: ratio, within } = closeness(result, from + 5000, from + 20_000);
      assert.ok(Math.abs(ratio - 1) < 0.1, `rtt ${rtt}, from ${from}: ${ratio} of the capacity`);
      assert.ok(within > 0.75, `rtt ${rtt}, from ${from}: within a tenth ${within} of the time`);
    }
    assertShortQueues(result);
  }
});

test("feedback of RFC 8888 does as well: steps, loss, two flows", () => {
  for (const [extra, least] of [
    [{ rtt: 50 }, 0.9],
    [{ rtt: 200 }, 0.9],
    [{ link: { loss: 0.02 } }, 0.85],
  ] as const) {
    const result = runBandwidth({ ...STEPS, ...extra, feedback: "rfc8888" });
    for (const from of [5000, 25_000, 45_000]) {
      const { mean: ratio } = closeness(result, from, from + 15_000);
      assert.ok(ratio > least && ratio < 1.1, `${JSON.stringify(extra)}, from ${from}: ${ratio}`);
    }
    assertShortQueues(result);
  }
  const both = runBandwidth({ ...SHARED, feedback: "rfc8888" });
  const [first, second] = shares(both, 30_000, 90_000) as [number, number];
  assert.ok(first + second > 3_400_000 && Math.abs(first - second) / (first + second) < 0.2, `${first} ${second}`);
  assertShortQueues(both);
});

test("shallow and deep queues", () => {
  for (const queue of [15_000, 500_000]) {
    const result = runBandwidth({ ...STEPS, link: { queue } });
    for (const from of [5000, 25_000, 45_000]) {
      const { mean: ratio } = closeness(result, from, from + 15_000);
      assert.ok(Math.abs(ratio - 1) < 0.1, `queue ${queue}, from ${from}: ${ratio}`);
    }
    assertShortQueues(result);
  }
});

test("random loss of up to five percent does not throttle; of ten, the rate is bounded", () => {
  for (const [loss, least] of [
    [0.01, 0.9],
    [0.02, 0.85],
    [0.05, 0.65],
  ] as const) {
    const result = runBandwidth({ ...STEPS, link: { loss } });
    for (const from of [5000, 25_000, 45_000]) {
      const { mean: ratio } = closeness(result, from, from + 15_000);
      assert.ok(ratio > least && ratio < 1.1, `loss ${loss}, from ${from}: ${ratio}`);
    }
    assertShortQueues(result);
  }
  // 100 kbit/s divided by what is lost beyond five percent: about two Mbit/s, and less where that fluctuates.
  const heavy = runBandwidth({ ...STEPS, link: { loss: 0.1 } });
  for (const from of [5000, 25_000, 45_000]) {
    const got = mean(samplesBetween(heavy, from, from + 15_000).map((sample) => sample.target[0]!));
    assert.ok(got > 600_000 && got < 3_000_000, `from ${from}: ${got}`);
  }
});

test("losses in bursts, and jitter", () => {
  const bursts = runBandwidth({ ...STEPS, link: { burst: { enter: 0.002, leave: 0.2 } } });
  const jitter = runBandwidth({ ...STEPS, link: { jitter: 10 } });
  for (const from of [5000, 25_000, 45_000]) {
    for (const result of [bursts, jitter]) {
      const { mean: ratio } = closeness(result, from, from + 15_000);
      assert.ok(ratio > 0.85 && ratio < 1.1, `from ${from}: ${ratio}`);
    }
  }
});

test("two flows share a link", () => {
  const deviations: number[] = [];
  for (const rtt of [50, 100]) {
    for (const start of [3000, 5000, 7777]) {
      const result = runBandwidth({ ...SHARED, rtt, flows: [{}, { start }] });
      const [first, second] = shares(result, 30_000, 90_000) as [number, number];
      const half = (first + second) / 2;
      deviations.push(Math.abs(first - half) / half);
      assert.ok(half * 2 > 3_400_000, `rtt ${rtt}, start ${start}: ${half * 2}`);
      assertShortQueues(result);
    }
  }
  // Two that probe and yield by turns: a run of a minute does not come out even each time, but most do.
  const text = deviations.map((deviation) => deviation.toFixed(2)).join(", ");
  assert.ok(mean(deviations) < 0.2, text);
  assert.ok(deviations.filter((deviation) => deviation < 0.2).length >= deviations.length - 1, text);
});

test("bursts of other traffic: yields, and comes back", () => {
  const result = runBandwidth(CROSS);
  assertShortQueues(result);
  // What is left for it, over all: 2.55 of 3 Mbit/s.
  const [got] = shares(result, 10_000, 60_000) as [number];
  assert.ok(got > 0.7 * 2_550_000, `${got}`);
});

test("an application that sends little keeps its estimate true, and finds the rate again at once", () => {
  const result = runBandwidth(LIMITED);
  assertShortQueues(result);
  // The capacity halves while it sends 300 kbit/s: probes notice.
  const { mean: limited } = closeness(result, 32_000, 40_000);
  assert.ok(limited > 0.8 && limited < 1.2, `${limited}`);
  const { mean: after } = closeness(result, 43_000, 60_000);
  assert.ok(Math.abs(after - 1) < 0.1, `${after}`);
});

test("an application that sends little over a lossy path is not drowned in padding", () => {
  const result = runBandwidth({
    ...STEPS,
    capacity: [[0, 50_000_000]],
    rtt: 100,
    link: { burst: { enter: 0.0175, leave: 0.33 } },
    flows: [{ application: [[0, 100_000]], maxBitrate: Number.POSITIVE_INFINITY }],
  });
  const sent = mean(samplesBetween(result, 5000, 60_000).map((sample) => sample.sent[0]!));
  assert.ok(sent < 150_000, `${sent}`);
});

test("the same scenario gives the same run", () => {
  const short = { ...STEPS, duration: 25_000, link: { loss: 0.02, jitter: 5 } };
  assert.deepEqual(runBandwidth(short).samples, runBandwidth(short).samples);
  assert.notDeepEqual(runBandwidth(short).samples, runBandwidth({ ...short, seed: "another" }).samples);
});
