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
