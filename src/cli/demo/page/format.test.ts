import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes, formatDuration, formatMilliseconds, formatRate, percentile, RateMeter } from "./format.js";

test("figures read well at every magnitude", () => {
  assert.equal(formatBytes(0), "0 B");
  assert.equal(formatBytes(1536), "1.5 KiB");
  assert.equal(formatBytes(100 * 1024 * 1024), "100.0 MiB");
  assert.equal(formatBytes(5 * 1024 ** 3), "5.00 GiB");
  assert.equal(formatRate(52_123_456), "52.1 MB/s");
  assert.equal(formatRate(1_234_567), "1.23 MB/s");
  assert.equal(formatDuration(0.854), "0.85 ms");
  assert.equal(formatDuration(12.34), "12.3 ms");
  assert.equal(formatDuration(839.6), "840 ms");
  assert.equal(formatDuration(2051), "2.05 s");
  assert.equal(formatDuration(200_400), "3 min 20 s");
  assert.equal(formatMilliseconds(354.4), "354");
});

test("percentiles are by nearest rank", () => {
  assert.ok(Number.isNaN(percentile([], 0.5)));
  assert.equal(percentile([3], 0.95), 3);
  assert.equal(percentile([4, 1, 3, 2], 0.5), 2);
  assert.equal(
    percentile(
      Array.from({ length: 100 }, (_, i) => 100 - i),
      0.95,
    ),
    95,
  );
});

test("a rate is that of the last second", () => {
  const meter = new RateMeter(1000);
  assert.equal(meter.add(0, 0), 0);
  assert.equal(meter.add(500, 50), 100);
  assert.equal(meter.add(1000, 100), 100);
  for (let now = 1500; now <= 3000; now += 500) meter.add(now, 100);
  assert.equal(meter.add(3500, 100), 0);
});
