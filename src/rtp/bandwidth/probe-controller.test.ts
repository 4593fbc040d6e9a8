import assert from "node:assert/strict";
import { test } from "node:test";
import { type ProbeCluster, ProbeController } from "./probe-controller.js";

function controller(): { readonly it: ProbeController; readonly probes: ProbeCluster[] } {
  const probes: ProbeCluster[] = [];
  return { it: new ProbeController((cluster) => probes.push(cluster)), probes };
}

test("a probe of which too few packets came is repeated, and lower if the estimate has fallen meanwhile", () => {
  for (const [estimate, repeated] of [
    [500_000, 3_000_000],
    [100_000, 600_000],
  ] as const) {
    const { it, probes } = controller();
    it.start(500_000, 0);
    assert.deepEqual(
      probes.map((probe) => probe.bitrate),
      [1_500_000, 3_000_000],
    );
    it.onPacket();
    it.onEstimate(estimate, "delay", 900);
    it.onEstimate(estimate, "delay", 1001);
    assert.equal(probes.length, 3);
    assert.equal(probes[2]!.bitrate, repeated);
  }
});

test("what a probe found is confirmed by a longer one, once", () => {
  const { it, probes } = controller();
  it.start(500_000, 0);
  it.onResult();
  it.onEstimate(1_000_000, "delay", 2000);
  it.confirm(1_900_000, 2000);
  it.confirm(1_900_000, 2050);
  assert.equal(probes.length, 3);
  const { bitrate, minBytes } = probes[2]!;
  assert.deepEqual([bitrate, minBytes], [1_900_000, 19_000]);
  assert.equal(it.confirming, 1_900_000);
  // Any other probe may find something again; one that may not be sent confirms nothing.
  it.process(Number.NaN, 0, 7000);
  assert.equal(it.confirming, 0);
  it.onEstimate(1_000_000, "delay-increased", 9000);
  it.confirm(1_900_000, 9000);
  assert.equal(it.confirming, 0);
  assert.equal(probes.length, 4);
});
