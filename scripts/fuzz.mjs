// npm run fuzz -- [--count N] [--seed S] [target …]: long runs of the fuzz targets. A failing input is kept in
// fuzz/corpus/<target>/, where every test run replays it from then on.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { FuzzFailure, fuzz, loadTargets } from "../dist-test/fuzz/runner.js";

const { values, positionals } = parseArgs({
  options: { count: { type: "string", default: "100000" }, seed: { type: "string", default: "1" } },
  allowPositionals: true,
});
const count = Number(values.count);
/** MiB that a run may leave behind: code that was compiled, a target's own world. More is a leak. */
const MAX_GROWTH = 16;
let failed = 0;
for (const target of await loadTargets(positionals)) {
  globalThis.gc?.();
  const started = performance.now();
  const before = process.memoryUsage().heapUsed;
  try {
    await fuzz(target, count, Number(values.seed));
    const seconds = (performance.now() - started) / 1000;
    globalThis.gc?.();
    const grown = (process.memoryUsage().heapUsed - before) / 1024 / 1024;
    console.log(`${target.name}: ${count} inputs in ${seconds.toFixed(1)} s, heap ${grown.toFixed(1)} MiB`);
    if (grown > MAX_GROWTH && globalThis.gc !== undefined) {
      failed++;
      console.error(`${target.name} leaks: at most ${MAX_GROWTH} MiB may remain after a collection`);
    }
  } catch (error) {
    if (!(error instanceof FuzzFailure)) throw error;
    failed++;
    const folder = new URL(`../fuzz/corpus/${target.name}/`, import.meta.url);
    mkdirSync(folder, { recursive: true });
    const name = createHash("sha256").update(error.input).digest("hex").slice(0, 16);
    writeFileSync(new URL(`${name}.bin`, folder), error.input);
    console.error(`${error.message}\n  input kept as fuzz/corpus/${target.name}/${name}.bin`);
  }
}
process.exit(failed > 0 ? 1 : 0);
