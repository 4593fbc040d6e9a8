// Whole connections over bad links, fifty seeds of them; `npm run scenario -- --seeds 1000` runs more.
import { test } from "node:test";
import { runSeed } from "./seed.js";

const SEEDS = 50;
const only = process.env.SIM_SEED;

if (only !== undefined) {
  test(`seed ${only}`, async () => {
    const result = await runSeed(only, { log: console.log });
    console.log(result);
  });
} else {
  for (let seed = 1; seed <= SEEDS; seed++) {
    test(`seed ${seed}: opens, delivers every reliable message once and in order, leaves nothing`, async () => {
      await runSeed(seed);
    });
  }
}
