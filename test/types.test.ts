// Programs in TypeScript: the declarations of the entry points, with and without the DOM's.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as entry from "#src/index.js";

const root = join(import.meta.dirname, "../..");

function compile(project: string, ...options: string[]): void {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", join(root, project), ...options], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout);
}

for (const lib of ["es2023", "es2023,dom"]) {
  test(`code for the browser compiles with parley-rtc/globals and lib ${lib}`, () => {
    compile("test/types", "--lib", lib);
  });
}

test("our classes can be given where the DOM library's are expected", () => compile("test/types/dom"));

test("every class of the entry point is declared as a global", () => {
  const declared = readFileSync(join(root, "src/globals-types.ts"), "utf8");
  const missing = Object.keys(entry)
    .filter((name) => /^[A-Z]/.test(name))
    .filter((name) => !declared.includes(`  interface ${name} extends`) || !declared.includes(`  var ${name}:`));
  assert.deepEqual(missing, []);
});
