import assert from "node:assert/strict";
import { syncBuiltinESMExports } from "node:module";
import os from "node:os";
import { test } from "node:test";
import type { Cancellable } from "../util/net.js";
import { interfaces } from "./interfaces.js";
import { publishMdns, resolveMdns } from "./mdns.js";

const real = os.networkInterfaces;

function replace(networkInterfaces: typeof real): void {
  os.networkInterfaces = networkInterfaces;
  syncBuiltinESMExports();
}

test("a system that does not tell its interfaces, as without file descriptors, has those it had", async (t) => {
  t.mock.method(performance, "now", () => clock);
  let clock = 10_000_000;
  const before = interfaces();
  assert.ok(before.length > 0);
  replace(() => {
    throw Object.assign(new Error("uv_interface_addresses returned EMFILE"), { code: "ERR_SYSTEM_ERROR" });
  });
  t.after(() => replace(real));
  clock += 10_000;
  assert.deepEqual(interfaces(), before);

  // Multicast DNS asks from callbacks of its socket as well, where an exception would end the process.
  const pending: Cancellable[] = [publishMdns("a.local", "192.0.2.1")];
  await new Promise<void>((resolve) => {
    pending.push(resolveMdns("b.local", () => assert.fail("nobody answers")));
    setTimeout(resolve, 50);
  });
  for (const one of pending) one.cancel();

  replace(real);
  clock += 10_000;
  assert.deepEqual(interfaces(), before);
});
