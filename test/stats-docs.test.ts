// The table of docs/statistics.md names every member of every dictionary.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DICTIONARIES, membersOf } from "#test/stats-conformance.js";

const text = readFileSync(new URL("../../docs/statistics.md", import.meta.url), "utf8");

test("docs/statistics.md has a row for every type, with every member", () => {
  const rows = new Map(
    [...text.matchAll(/^\| ([a-z-]+) \|(.*)$/gm)].map(([, type, rest]) => [type!, new Set(rest!.match(/\w+/g))]),
  );
  for (const [key, dictionary] of Object.entries(DICTIONARIES)) {
    const type = key.split(" ")[0]!;
    const row = rows.get(type === "remote-candidate" ? "local-candidate" : type);
    assert.ok(row, type);
    const named = membersOf(dictionary).map(({ name }) => name);
    const absent = named.filter((name) => !["id", "timestamp", "type"].includes(name) && !row.has(name));
    assert.deepEqual(absent, [], type);
  }
});
