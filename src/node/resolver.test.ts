import assert from "node:assert/strict";
import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";
import { type TestContext, test } from "node:test";
import { resolve } from "./resolver.js";

type Answer = (error: Error | null, found: readonly { address: string }[]) => void;

function mockLookup(t: TestContext): [string, Answer][] {
  const asked: [string, Answer][] = [];
  const real = dns.lookup;
  const replace = (lookup: unknown): void => {
    dns.lookup = lookup as typeof real;
    syncBuiltinESMExports();
  };
  replace((name: string, _options: object, answer: Answer) => asked.push([name, answer]));
  t.after(() => replace(real));
  return asked;
}

test("a name is looked up once for all who wait for it, and again for those who come later", (t) => {
  const asked = mockLookup(t);
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

test("names that peers have sent are looked up one at a time, and hold no others up", (t) => {
  const asked = mockLookup(t);
  const names = (): string[] => asked.map(([name]) => name);
  const heard: string[] = [];
  const ask = (name: string, isPeers: boolean) => resolve(name, () => heard.push(name), isPeers);
  ask("slow.example", true);
  const given = ask("given-up.example", true);
  ask("next.example", true);
  ask("shared.example", true);
  assert.deepEqual(names(), ["slow.example"]);
  ask("server.example", false);
  ask("shared.example", false);
  assert.deepEqual(names(), ["slow.example", "server.example", "shared.example"]);
  given.cancel();
  const answer = (at: number): void => asked[at]![1](null, [{ address: "192.0.2.1" }]);
  answer(2);
  assert.deepEqual(heard, ["shared.example", "shared.example"]);
  assert.equal(asked.length, 3);
  answer(0);
  assert.deepEqual(names().slice(3), ["next.example"]);
  answer(3);
  answer(1);
  assert.deepEqual(heard.slice(2), ["slow.example", "next.example", "server.example"]);
  ask("given-up.example", true);
  assert.deepEqual(names().slice(4), ["given-up.example"]);
  answer(4);
});
