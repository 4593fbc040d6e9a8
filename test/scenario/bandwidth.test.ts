// Congestion control over a bottleneck in virtual time: whether the target finds the capacity, whether queues stay short,
// whether flows share. `npm run draw-bandwidth` draws the same runs.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  arrivedWithin,
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

test("a capacity of 5, 1, then 3 Mbit/s is found within five seconds, and kept to within a tenth", () => {
  for (const extra of [
    { rtt: 50 },
    { rtt: 100 },
    { rtt: 200 },
    { link: { queue: 15_000 } },
    { link: { queue: 500_000 } },
    { feedback: "rfc8888" },
    { feedback: "rfc8888", rtt: 200 },
  ] as const) {
    const result = runBandwidth({ ...STEPS, ...extra });
    for (const from of [5000, 25_000, 45_000]) {
      const { within } = closeness(result, from, from + 15_000);
      const arrived = arrivedWithin(result, from, from + 15_000);
      const text = `${JSON.stringify(extra)}, from ${from}: ${within} of the time, what arrives ${arrived}`;
      assert.ok(within === 1 && arrived === 1, text);
    }
    assertShortQueues(result);
  }
});

test("other steps at other times are found, too", () => {
  let within = 0;
  let stretches = 0;
  for (const rates of [
    [5_000_000, 1_000_000, 3_000_000],
    [4_000_000, 800_000, 2_000_000],
    [10_000_000, 2_000_000, 6_000_000],
  ]) {
    for (const rtt of [20, 50, 100, 200]) {
      for (const phase of [0, 777, 1444]) {
        const times = [0, 20_000 + phase, 40_000 + 2 * phase];
        const capacity = times.map((time, i) => [time, rates[i]!] as const);
        const result = runBandwidth({ ...STEPS, rtt, duration: 63_000, capacity });
        for (const time of times) {
          const target = closeness(result, time + 5000, time + 19_500).within;
          const arrived = arrivedWithin(result, time + 5000, time + 19_500);
          const text = `${rates}, rtt ${rtt}, phase ${phase}, from ${time}: ${target}, ${arrived}`;
          assert.ok(target > 0.95 && arrived > 0.95, text);
          stretches++;
          if (target === 1 && arrived === 1) within++;
        }
        assertShortQueues(result);
      }
    }
  }
  assert.ok(within >= stretches - 4, `all of the time in ${within} of ${stretches}`);
});

test("feedback of RFC 8888 does as well: steps, loss, two flows", () => {
  for (const [extra, least] of [
    [{ rtt: 50 }, 0.9],
    [{ rtt: 200 }, 0.9],
    [{ link: { loss: 0.02 } }, 0.9],
    [{ link: { loss: 0.05 } }, 0.88],
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

test("random loss of up to five percent does not throttle; of ten, the rate is bounded", () => {
  for (const [loss, least] of [
    [0.01, 0.92],
    [0.02, 0.9],
    [0.05, 0.88],
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

test("random loss of one to five percent costs a twentieth on average, whatever is drawn", () => {
  // The mean of all, the least of 48 stretches of 15 s, and how much of the time is within a tenth.
  for (const [loss, least, worst, near] of [
    [0.01, 0.96, 0.94, 0.99],
    [0.02, 0.96, 0.93, 0.97],
    [0.05, 0.95, 0.88, 0.88],
  ] as const) {
    const ratios: number[] = [];
    const withins: number[] = [];
    for (let seed = 0; seed < 16; seed++) {
      const result = runBandwidth({ ...STEPS, seed: `loss ${seed}`, link: { loss } });
      for (const from of [5000, 25_000, 45_000]) {
        const { mean: ratio, within } = closeness(result, from, from + 15_000);
        ratios.push(ratio);
        withins.push(within);
      }
      assertShortQueues(result);
    }
    assert.ok(mean(ratios) > least && Math.max(...ratios) < 1.1, `${loss}: ${mean(ratios)}, ${Math.max(...ratios)}`);
    assert.ok(Math.min(...ratios) > worst, `${loss}: ${Math.min(...ratios)}`);
    assert.ok(mean(withins) > near, `${loss}: within a tenth ${mean(withins)} of the time`);
  }
});

test("of two flows over a path that loses five percent none is left behind", () => {
  const deviations: number[] = [];
  for (const capacity of [2_000_000, 4_000_000]) {
    for (const rtt of [50, 100]) {
      for (const start of [3000, 7000]) {
        const scenario = { ...SHARED, rtt, capacity: [[0, capacity]] as const, flows: [{}, { start }] };
        const result = runBandwidth({ ...scenario, link: { loss: 0.05 } });
        const [first, second] = shares(result, 30_000, 90_000) as [number, number];
        deviations.push(Math.abs(first - second) / (first + second));
        assert.ok(first + second > 0.8 * capacity, `${capacity} ${rtt} ${start}: ${first + second}`);
        assertShortQueues(result);
      }
    }
  }
  assert.ok(mean(deviations) < 0.15 && Math.max(...deviations) < 0.4, deviations.map((d) => d.toFixed(2)).join(" "));
});

test("where the queue is so short that congestion is loss and nothing else, what is too much is not sent", () => {
  for (const [rate, queue, most] of [
    [500_000, 3000, 0.05],
    [1_000_000, 3000, 0.09],
    [1_000_000, 6000, 0.07],
    [3_000_000, 3000, 0.1],
    [3_000_000, 6000, 0.06],
    [8_000_000, 6000, 0.07],
  ] as const) {
    const lost: number[] = [];
    for (const rtt of [40, 60, 80, 100]) {
      const link = { queue, jitter: 1 };
      const result = runBandwidth({ ...STEPS, rtt, duration: 40_000, capacity: [[0, rate]], link });
      const samples = samplesBetween(result, 10_000, 40_000);
      const sent = mean(samples.map((sample) => sample.sent[0]!));
      const received = mean(samples.map((sample) => sample.received[0]!));
      lost.push(1 - received / sent);
      assert.ok(received > 0.85 * rate, `${rate} ${queue} ${rtt}: ${received}`);
    }
    const text = `${rate} ${queue}: ${lost.map((share) => share.toFixed(3)).join(" ")} lost`;
    assert.ok(mean(lost) < most && Math.max(...lost) < 0.15, text);
  }
});

test("beside a download it keeps something, leaves most, and has it all again afterwards", () => {
  for (const [rate, queue] of [
    [2_000_000, 50_000],
    [5_000_000, 100_000],
  ] as const) {
    const result = runBandwidth({
      ...STEPS,
      capacity: [[0, rate]],
      link: { queue },
      download: { from: 10_000, until: 40_000 },
    });
    const [beside] = shares(result, 15_000, 40_000) as [number];
    const downloaded = mean(result.downloaded.slice(150, 400));
    assert.ok(beside > 0.1 * rate && beside < 0.5 * rate, `${rate}: ${beside}`);
    assert.ok(downloaded > 0.5 * rate && downloaded + beside > 0.9 * rate, `${rate}: ${downloaded}`);
    const [after] = shares(result, 45_000, 60_000) as [number];
    assert.ok(after > 0.9 * rate, `${rate}: ${after} afterwards`);
  }
});

test("losses in bursts, and jitter", () => {
  const bursts = runBandwidth({ ...STEPS, link: { burst: { enter: 0.002, leave: 0.2 } } });
  const jitter = runBandwidth({ ...STEPS, link: { jitter: 10 } });
  for (const from of [5000, 25_000, 45_000]) {
    for (const result of [bursts, jitter]) {
      const { mean: ratio } = closeness(result, from, from + 15_000);
      assert.ok(ratio > 0.88 && ratio < 1.1, `from ${from}: ${ratio}`);
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

test("another way: from Wi-Fi to a slow and long one, and back; each is found anew within two seconds", () => {
  const capacity = [
    [0, 8_000_000],
    [20_000, 1_000_000],
    [40_000, 8_000_000],
  ] as const;
  const routes = [
    [20_000, 160],
    [40_000, 30],
  ] as const;
  const result = runBandwidth({ ...STEPS, rtt: 30, capacity, routes });
  for (const from of [0, 20_000, 40_000]) {
    const { mean: ratio, within } = closeness(result, from + 2000, from + 20_000);
    assert.ok(Math.abs(ratio - 1) < 0.1 && within > 0.8, `from ${from}: ${ratio}, ${within}`);
    // Nothing of the old rate goes into the new way.
    const first = percentile(delaysBetween(result, from + 300, from + 3000), 0.95);
    assert.ok(first < 200, `from ${from}: 95 % wait less than ${first} ms`);
  }
  assertShortQueues(result);
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

test("two flows over a long way wait no longer either", () => {
  for (const capacity of [1_000_000, 4_000_000]) {
    for (const start of [3000, 9000]) {
      const result = runBandwidth({ ...SHARED, rtt: 200, capacity: [[0, capacity]], flows: [{}, { start }] });
      assertShortQueues(result);
      const [first, second] = shares(result, 30_000, 90_000) as [number, number];
      assert.ok(Math.abs(first - second) / (first + second) < 0.2, `${first} ${second}`);
      assert.ok(first + second > 0.9 * capacity, `${first + second} of ${capacity}`);
    }
  }
});

test("a flow that joins late gets its half within fifteen seconds", () => {
  for (const start of [10_000, 25_000]) {
    const result = runBandwidth({ ...SHARED, duration: start + 45_000, flows: [{}, { start }] });
    const alone = closeness(result, 5000, start);
    assert.ok(Math.abs(alone.mean - 1) < 0.1, `${alone.mean}`);
    const [first, second] = shares(result, start + 15_000, start + 45_000) as [number, number];
    assert.ok(Math.abs(first - second) / (first + second) < 0.25, `${first} ${second}`);
    assert.ok(first + second > 3_400_000, `${first + second}`);
    assertShortQueues(result);
    // And who is left alone has it all again.
    const left = runBandwidth({ ...SHARED, duration: start + 40_000, flows: [{}, { start, stop: start + 20_000 }] });
    const [again] = shares(left, start + 27_000, start + 40_000) as [number];
    assert.ok(again > 3_500_000, `${again}`);
  }
});

test("two percent of random loss without congestion: near the capacity, whatever that is", () => {
  for (const rate of [1_000_000, 3_000_000, 8_000_000]) {
    for (const seed of ["a", "b", "c"]) {
      const result = runBandwidth({ ...STEPS, seed, duration: 40_000, capacity: [[0, rate]], link: { loss: 0.02 } });
      const { mean: ratio } = closeness(result, 8000, 40_000);
      assert.ok(ratio > 0.93 && ratio < 1.1, `${rate} ${seed}: ${ratio}`);
    }
  }
});

test("a burst after little: a key frame, and an application that wants it all again", () => {
  const result = runBandwidth({
    ...STEPS,
    capacity: [[0, 3_000_000]],
    flows: [
      {
        application: [
          [0, 200_000],
          // Ten times as much for a fifth of a second: what a key frame is.
          [20_000, 2_000_000],
          [20_200, 200_000],
          [40_000, Number.POSITIVE_INFINITY],
        ],
      },
    ],
  });
  // What is known of the path is kept true by probes, and the burst goes through at that rate.
  const before = closeness(result, 12_000, 20_000);
  assert.ok(before.mean > 0.75 && before.mean < 1.2, `${before.mean}`);
  const burst = Math.max(...delaysBetween(result, 20_000, 20_600));
  assert.ok(burst < 100, `${burst} ms`);
  const { mean: after } = closeness(result, 41_000, 60_000);
  assert.ok(Math.abs(after - 1) < 0.1, `${after}`);
  assertShortQueues(result);
});

test("the same scenario gives the same run", () => {
  const short = { ...STEPS, duration: 25_000, link: { loss: 0.02, jitter: 5 } };
  assert.deepEqual(runBandwidth(short).samples, runBandwidth(short).samples);
  assert.notDeepEqual(runBandwidth(short).samples, runBandwidth({ ...short, seed: "another" }).samples);
});
