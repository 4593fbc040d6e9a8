// The same seed does the same things at the same times.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runSeed } from "./seed.js";

// Without a rate limit: signatures differ in length by a byte or two, and only there sizes change times.
for (const seed of [1, 4, 11, 22]) {
  test(`seed ${seed} twice: the same events at the same times`, async () => {
    const traces: string[][] = [[], []];
    for (const trace of traces) await runSeed(seed, { log: (line) => trace.push(line), unlimited: true });
    assert.ok(traces[0]!.length > 20);
    assert.deepEqual(traces[1], traces[0]);
  });
}
