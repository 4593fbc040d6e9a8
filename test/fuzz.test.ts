// Every fuzz target, briefly: its seeds, its corpus of past failures, and a few hundred mutations from a fixed seed.
// Long runs: `npm run fuzz -- --count 1000000 [target …]`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz, loadTargets } from "../fuzz/runner.js";

const COUNT = 300;

for (const target of await loadTargets()) {
  test(`fuzz ${target.name}`, async () => {
    assert.ok(target.seeds.length > 0, "a target needs seeds");
    await fuzz(target, COUNT, 1);
  });
}
