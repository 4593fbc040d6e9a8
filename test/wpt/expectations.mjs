// expectations.json: every subtest that is known not to pass, with the reason. What is not listed there has to pass, and the
// list may only shrink. An entry is the reason alone where no subtest of the file passes.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PATH = fileURLToPath(new URL("expectations.json", import.meta.url));
/** Of a subtest that the browser we measure ourselves against does not pass either. */
export const NOT_IN_CHROMIUM = "fails in Chromium";

export function readExpectations() {
  return existsSync(PATH) ? JSON.parse(readFileSync(PATH, "utf8")) : undefined;
}

export function writeExpectations(expectations) {
  const sorted = Object.fromEntries(Object.entries(expectations).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(PATH, `${JSON.stringify(sorted, null, 2)}\n`);
}

/** The reason why this subtest is known not to pass, or undefined. */
export function reasonOf(expectations, id, name) {
  const entry = expectations[id];
  if (typeof entry !== "object") return entry;
  return Object.keys(entry).find((reason) => entry[reason].includes(name));
}

/** An entry for these subtests, a map from name to reason; undefined if there are none. */
export function entryOf(reasons, passing) {
  if (reasons.size === 0) return undefined;
  const distinct = [...new Set(reasons.values())].sort();
  if (passing === 0 && distinct.length === 1) return distinct[0];
  return Object.fromEntries(
    distinct.map((reason) => [reason, [...reasons].filter(([, r]) => r === reason).map(([name]) => name)]),
  );
}

/** Of a first list, until somebody has looked. */
export const UNKNOWN = "not looked at yet";
