import assert from "node:assert/strict";
import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";
import { test } from "node:test";
import { resolve } from "./resolver.js";

type Answer = (error: Error | null, found: readonly { address: string }[]) => void;

test("a name is looked up once for all who wait for it, and again for those who come later", (t) => {
  const asked: [string, Answer][] = [];
  const real = dns.lookup;
  const replace = (lookup: unknown): void => {
    dns.lookup = lookup as typeof real;
    syncBuiltinESMExports();
  };
  replace((name: string, _options: object, answer: Answer) => asked.push([name, answer]));
  t.after(() => replace(real));

  const heard: string[] = [];
  const hear = (name: string) => (addresses: readonly string[]) => heard.push(`${name}: ${addresses}`);
  const shared = hear("shared");
  resolve("a.example", shared);
  resolve("a.example", shared);
  resolve("a.example", hear("cancelled")).cancel();
  // One that is given up while the others are told.
  const late = resolve("b.example", hear("late"));
  const early = resolve("a.example", () => late.cancel());
  assert.deepEqual(
    asked.map(([name]) => name),
    ["a.example", "b.example"],
  );
  asked[0]![1](null, [{ address: "192.0.2.1" }, { address: "0.0.0.7" }]);
  early.cancel();
  asked[1]![1](new Error("ENOTFOUND"), []);
  assert.deepEqual(heard, ["shared: 192.0.2.1", "shared: 192.0.2.1"]);

  resolve("a.example", hear("again"));
  assert.equal(asked.length, 3);
  asked[2]![1](new Error("EAI_AGAIN"), []);
  assert.equal(heard[2], "again: ");
});
