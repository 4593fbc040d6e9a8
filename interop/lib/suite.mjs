// What every test of the suite does around its body.
import assert from "node:assert/strict";
import { test } from "node:test";

/** When the whole suite has to be over (epoch milliseconds, set by run.mjs): what starts later fails at once. */
const deadline = Number(process.env.INTEROP_DEADLINE ?? Number.POSITIVE_INFINITY);

/**
 * A test that is skipped where `missing()` gives a reason. `body(t, start)` starts its peers through `start(promise)`, so that they
 * are stopped whatever happens. `limit` is in milliseconds.
 */
export function peerTest(name, { limit, missing }, body) {
  test(name, { timeout: limit }, async (t) => {
    const reason = missing();
    if (reason) return t.skip(reason);
    assert.ok(Date.now() < deadline, "not reached: the time of the whole suite is over");
    const remotes = [];
    const start = async (starting) => {
      const remote = await starting;
      remotes.push(remote);
      return remote;
    };
    try {
      await body(t, start);
    } finally {
      await Promise.all(remotes.map((remote) => remote.stop()));
    }
  });
}
