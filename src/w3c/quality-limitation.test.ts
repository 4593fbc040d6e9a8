import assert from "node:assert/strict";
import { test } from "node:test";
import { QualityLimitation } from "./quality-limitation.js";

test("the time in each state adds up, and the size changes that come of it are counted", () => {
  const limitation = new QualityLimitation(1000);
  limitation.see(undefined, 1000);
  limitation.see({ width: 640, height: 480 }, 1000);
  // The source itself.
  limitation.see({ width: 1280, height: 720 }, 2000);
  assert.deepEqual(limitation.at(3000), {
    qualityLimitationReason: "none",
    qualityLimitationDurations: { none: 2, cpu: 0, bandwidth: 0, other: 0 },
    qualityLimitationResolutionChanges: 0,
  });
  limitation.set(true, 4000);
  limitation.see({ width: 1280, height: 720 }, 4000);
  limitation.see({ width: 640, height: 360 }, 4500);
  limitation.set(true, 5000);
  assert.deepEqual(limitation.at(6000), {
    qualityLimitationReason: "bandwidth",
    qualityLimitationDurations: { none: 3, cpu: 0, bandwidth: 2, other: 0 },
    qualityLimitationResolutionChanges: 1,
  });
  limitation.set(false, 7000);
  limitation.see({ width: 1280, height: 720 }, 7000);
  limitation.see({ width: 1920, height: 1080 }, 8000);
  assert.deepEqual(limitation.at(9000), {
    qualityLimitationReason: "none",
    qualityLimitationDurations: { none: 5, cpu: 0, bandwidth: 3, other: 0 },
    qualityLimitationResolutionChanges: 2,
  });
});

test("that it is limited may be told a little after the size has changed", () => {
  const changes = (delay: number): unknown => {
    const limitation = new QualityLimitation(0);
    limitation.see({ width: 640, height: 480 }, 0);
    limitation.see({ width: 320, height: 240 }, 5000);
    limitation.set(true, 5000 + delay);
    limitation.set(true, 5100 + delay);
    return limitation.at(9000).qualityLimitationResolutionChanges;
  };
  assert.deepEqual([changes(100), changes(2000)], [1, 0]);
});
