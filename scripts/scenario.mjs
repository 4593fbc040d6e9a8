// Runs seeded scenarios (test/scenario): `npm run scenario -- --seeds 1000 --from 1`. A failing seed is printed with its
// reason; `npm run scenario -- --seed 17` (or SIM_SEED=17) runs one with a trace, `--packets` shows its packets too.
import { parseArgs } from "node:util";
import { runSeed } from "../dist-test/test/scenario/seed.js";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    packets: { type: "boolean", default: false },
    slowest: { type: "string", default: "5" },
  },
});
const single = values.seed ?? process.env.SIM_SEED;

if (single !== undefined) {
  const result = await runSeed(single, { log: console.log, packets: values.packets });
  console.log(result);
} else {
  const from = Number(values.from);
  const results = [];
  const failed = [];
  const began = performance.now();
  for (let seed = from; seed < from + Number(values.seeds); seed++) {
    const start = performance.now();
    try {
      const result = await runSeed(seed);
      results.push({ ...result, real: performance.now() - start });
    } catch (error) {
      failed.push(seed);
      console.log(`seed ${seed} failed: ${error instanceof Error ? error.stack : error}\n`);
    }
  }
  const opened = results.map((r) => r.openedAfter).sort((a, b) => a - b);
  const at = (share) => (opened[Math.floor(share * (opened.length - 1))] ?? 0).toFixed(0);
  const seconds = (performance.now() - began) / 1000;
  console.log(`${results.length} of ${results.length + failed.length} seeds passed in ${seconds.toFixed(1)} s`);
  console.log(`open after ${at(0.5)} ms (median), ${at(0.95)} (95 %), ${at(1)} (worst), virtual`);
  console.log(`ICE restarts: ${results.reduce((sum, r) => sum + r.restarts, 0)}`);
  results.sort((a, b) => b.real - a.real);
  for (const r of results.slice(0, Number(values.slowest))) {
    console.log(
      `seed ${r.seed}: ${(r.real / 1000).toFixed(2)} s, ${r.topology}, ${r.disruption}, ${r.bytes} bytes, ${r.steps} steps, ` +
        `${(r.deliveredAfter / 1000).toFixed(1)} virtual s`,
    );
  }
  if (failed.length > 0) {
    console.log(`failed seeds: ${failed.join(" ")}`);
    process.exitCode = 1;
  }
}
