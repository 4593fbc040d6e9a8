// Holds what docs/ says of limits against the code: each row names a constant, its value and the file that it is in. And links
// lead somewhere.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pages = [
  ...readdirSync(join(root, "docs")).map((name) => join("docs", name)),
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "interop/README.md", "test/scenario/README.md"],
].filter((name) => name.endsWith(".md"));
const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) =>
  /(?<!\.test)\.ts$/.test(name),
);

/** The constants of a file of that name: their texts; of several files, all. */
function constantsOf(file: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const source of sources) {
    if (basename(source) !== file) continue;
    const code = readFileSync(join(root, "src", source), "utf8");
    for (const [, name, text] of code.matchAll(/\bconst ([A-Z][A-Z0-9_]+)(?:: \w+)? = ([^;]+);/g)) {
      found.set(name!, [...(found.get(name!) ?? []), text!]);
    }
  }
  return found;
}

/** A product or power of numbers, as code and tables have them; undefined: something else. */
function numberOf(text: string): number | undefined {
  const plain = text.replaceAll(/(?<=\d)[_,](?=\d)/g, "").trim();
  if (/^[\d.]+$/.test(plain)) return Number(plain);
  const operation = /^(.+?) (\*\*?|<<|-) (.+)$/.exec(plain.replace(/^(.+) (- \d+)$/, "$1 $2"));
  if (operation === null) return undefined;
  const [, left, operator, right] = operation;
  const [a, b] = [numberOf(left!), numberOf(right!)];
  if (a === undefined || b === undefined) return undefined;
  if (operator === "*") return a * b;
  if (operator === "**") return a ** b;
  if (operator === "<<") return a * 2 ** b;
  return a - b;
}

test("the limits in docs/ are those of the code", () => {
  const wrong: string[] = [];
  let rows = 0;
  for (const page of pages) {
    for (const line of readFileSync(join(root, page), "utf8").split("\n")) {
      const cells = line.split("|").map((cell) => cell.trim());
      const names = [...(cells[1] ?? "").matchAll(/`([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)`/g)].map(([, name]) => name!);
      const files = [...(cells[3] ?? "").matchAll(/([\w-]+\.ts)/g)].map(([, file]) => file!);
      if (names.length === 0 || files.length === 0) continue;
      rows++;
      for (const name of names) {
        const texts = files.flatMap((file) => constantsOf(file).get(name) ?? []);
        if (texts.length === 0) wrong.push(`${page}: ${name} is not in ${files.join(", ")}`);
        const told = names.length === 1 ? numberOf(cells[2]!) : undefined;
        const values = texts.map(numberOf);
        if (told !== undefined && values.every((value) => value !== undefined && value !== told)) {
          wrong.push(`${page}: ${name} is ${values.join(", ")}, not ${told}`);
        }
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(rows > 100, `${rows} rows`);
});

test("links between pages lead somewhere", () => {
  const wrong: string[] = [];
  for (const page of pages) {
    for (const [, link] of readFileSync(join(root, page), "utf8").matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (!/^[a-z]+:/.test(link!) && !existsSync(join(root, dirname(page), link!))) wrong.push(`${page}: ${link}`);
    }
  }
  assert.deepEqual(wrong, []);
});
