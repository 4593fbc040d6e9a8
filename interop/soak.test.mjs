// Five hundred connections opened and closed in one process, over real sockets: no socket, no timer and no memory stays, and the
// process ends by itself. The same in virtual time is in test/scenario/leak.test.ts.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const CONNECTIONS = Number(process.env.INTEROP_SOAK ?? 500);
/** A connection that stayed would hold some 60 kB; compiled code and feedback still grow a little, longer with media. In bytes. */
const GROWTH_PER_CONNECTION = { data: 4096, media: 12_288 };
/** How long the process may live after its last line, in milliseconds. */
const EXIT_LIMIT = 2000;

for (const [kind, connections] of [
  ["data", CONNECTIONS],
  ["media", CONNECTIONS * 0.8],
]) {
  test(`${connections} connections with ${kind} leave nothing behind`, { timeout: 180_000 }, (t) =>
    soak(t, kind, connections),
  );
}

async function soak(t, kind, count) {
  const [script, entry] = ["lib/soak-process.mjs", "../dist/index.js"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const child = spawn(process.execPath, ["--expose-gc", script, entry, String(count), kind], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill());
  let out = "";
  child.stdout.on("data", (text) => {
    out += text;
  });
  const code = await new Promise((done) => child.once("exit", done));
  assert.equal(code, 0);
  const { connections, before, after, ended } = JSON.parse(out);
  const growth = (after.heap - before.heap) / connections;
  const lived = Date.now() - ended;
  t.diagnostic(
    `heap ${(before.heap / 1e6).toFixed(1)} MB, after ${connections} more connections ${(after.heap / 1e6).toFixed(1)} MB ` +
      `(${growth.toFixed(0)} bytes each); ended after ${lived} ms`,
  );
  assert.deepEqual([before.resources, after.resources], [[], []]);
  assert.ok(growth < GROWTH_PER_CONNECTION[kind], `each connection left ${growth.toFixed(0)} bytes`);
  assert.ok(lived < EXIT_LIMIT, `the process lived on for ${lived} ms`);
}
