// Holds the code against docs/architecture.md: which layer may import which, no circles, nothing of the platform in the
// core. A row that has to be loosened is a decision: make it there first.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const source = join(root, "src");

/** Which folders a folder may import, besides itself. Entry points (files of src/ itself) may import everything. */
const ALLOWED: Record<string, readonly string[]> = {
  util: [],
  crypto: ["util"],
  stun: ["util", "crypto"],
  turn: ["stun", "util", "crypto"],
  ice: ["stun", "turn", "util", "crypto"],
  dtls: ["util", "crypto"],
  payload: ["util"],
  rtp: ["payload", "util"],
  srtp: ["rtp", "util", "crypto"],
  sctp: ["util", "crypto"],
  sframe: ["util", "crypto"],
  datachannel: ["sctp", "util"],
  sdp: ["util"],
  jsep: ["sdp", "util"],
  peer: ["ice", "dtls", "srtp", "rtp", "sctp", "datachannel", "util", "crypto"],
  w3c: ["peer", "jsep", "sdp", "sframe", "util", "crypto"],
  media: ["w3c", "peer", "payload", "util"],
  node: ["peer", "crypto", "util"],
  cli: ["", "node", "w3c", "media", "util"], // a program: it uses what users use
};
const CORE = Object.keys(ALLOWED).filter((layer) => !["media", "node", "cli"].includes(layer));

const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".ts") && !file.endsWith(".d.ts") && !file.endsWith(".test.ts"),
);
const code = new Map(files.map((file) => [file, readFileSync(join(source, file), "utf8")]));
const layerOf = (file: string): string => (file.includes(sep) ? file.split(sep)[0]! : "");

function importsOf(file: string): { specifier: string; typeOnly: boolean }[] {
  const found: { specifier: string; typeOnly: boolean }[] = [];
  const pattern =
    /^\s*(import|export)(\s+type)?\b[^;"']*?from\s+["']([^"']+)["']|^\s*import\s+["']([^"']+)["']|import\(\s*["']([^"']+)["']/gm;
  for (const match of code.get(file)!.matchAll(pattern)) {
    found.push({ specifier: (match[3] ?? match[4] ?? match[5])!, typeOnly: match[2] !== undefined });
  }
  return found;
}

function targetOf(file: string, specifier: string): string {
  return relative(source, join(source, dirname(file), specifier)).replace(/\.js$/, ".ts");
}

test("every folder of src is a known layer", () => {
  for (const file of files) if (layerOf(file) !== "") assert.ok(layerOf(file) in ALLOWED, file);
});

test("imports point only downward", () => {
  const wrong: string[] = [];
  for (const file of files) {
    const layer = layerOf(file);
    if (layer === "") continue;
    for (const { specifier, typeOnly } of importsOf(file)) {
      if (!specifier.startsWith(".")) {
        if (CORE.includes(layer)) wrong.push(`${file} imports ${specifier}: the core imports no packages`);
        else if (!specifier.startsWith("node:") && layer !== "cli") wrong.push(`${file} imports ${specifier}`);
        continue;
      }
      const target = layerOf(targetOf(file, specifier));
      if (target === layer || ALLOWED[layer]!.includes(target)) {
        if (layer === "node" && target === "peer" && !typeOnly)
          wrong.push(`${file} imports ${specifier} not as a type`);
        if (target === "crypto" && layer !== "crypto" && layer !== "node" && !typeOnly) {
          wrong.push(`${file} imports ${specifier} not as a type`);
        }
        continue;
      }
      wrong.push(`${file} imports ${specifier}: ${layer} may not see ${target || "an entry point"}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** What a file imports of ours; types, too, unless they are not to count. */
function edgesOf(types: (file: string) => boolean): Map<string, string[]> {
  return new Map(
    files.map((file) => [
      file,
      importsOf(file)
        .filter(({ specifier, typeOnly }) => specifier.startsWith(".") && (!typeOnly || types(file)))
        .map(({ specifier }) => targetOf(file, specifier)),
    ]),
  );
}

function circlesIn(edges: Map<string, string[]>): string[] {
  const state = new Map<string, "open" | "done">();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      circles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      return;
    }
    state.set(file, "open");
    // The entry point exports itself as a whole, which is none.
    for (const next of edges.get(file) ?? []) if (next !== file) visit(next, [...path, file]);
    state.set(file, "done");
  };
  for (const file of edges.keys()) visit(file, []);
  return circles;
}

test("there are no import circles, of types neither", () => {
  // The machine of RTP is one in several files: a session, its senders and receivers, and their streams, which know each other.
  assert.deepEqual(circlesIn(edgesOf((file) => layerOf(file) !== "rtp")), []);
  // What is below the machine knows nothing of it.
  const leaves = [
    "packet",
    "extensions",
    "rtcp",
    "rtcp-writer",
    "feedback",
    "transport-feedback",
    "frame-assembler",
    "nack-list",
  ];
  const edges = edgesOf(() => true);
  const seen = new Set<string>();
  const follow = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const next of edges.get(file) ?? []) follow(next);
  };
  for (const leaf of leaves) follow(`rtp${sep}${leaf}.ts`);
  assert.deepEqual(circlesIn(new Map([...edges].filter(([file]) => seen.has(file)))), []);
  assert.ok(!seen.has(`rtp${sep}session.ts`));
});

test("nothing that is made per connection waits for a full collection: no getters in literals, no functions into properties", () => {
  const literal = /^(?: {4,}|\t+)(?:get|set) \w+\([^)]*\)(?:: [^{]+)? \{/;
  const assigned =
    /^[ \t]+[\w.#[\]!?]+[.\]][\w#\]]* (?:\?\?)?=\s+(?:async\s+)?(?:\((?:[^()]|\([^()]*\))*\)(?::\s*[^=;{]+)?\s*=>|\w+ =>|function\b)/gm;
  // Once per program.
  const exempt = new Set(["util/accessors.ts", "w3c/webidl.ts", "w3c/event-handlers.ts", "globals.ts", "worker.ts"]);
  const wrong: string[] = [];
  for (const file of files) {
    if (layerOf(file) === "cli" || exempt.has(file.split(sep).join("/"))) continue;
    const text = code.get(file)!;
    text.split("\n").forEach((line, index) => {
      if (literal.test(line)) wrong.push(`${file}:${index + 1} ${line.trim()}`);
    });
    for (const { index, 0: found } of text.matchAll(assigned)) {
      wrong.push(`${file}:${text.slice(0, index).split("\n").length} ${found.trim()}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("the core reads no clock, draws no randomness and prints nothing", () => {
  const banned =
    /\b(Date\.now|new Date\(\)|Math\.random|performance\.|(?:setTimeout|setInterval|setImmediate)\((?!\))|process\.|console\.|Buffer\b)/;
  const wrong: string[] = [];
  for (const file of files) {
    if (!CORE.includes(layerOf(file))) continue;
    code
      .get(file)!
      .split("\n")
      .forEach((line, index) => {
        const bare = line.replace(/\/\/.*$/, "").replace(/^\s*\*.*$/, "");
        const match = banned.exec(bare);
        if (match && !/^\s*\/?\*/.test(line)) wrong.push(`${file}:${index + 1} uses ${match[1]}`);
      });
  }
  assert.deepEqual(wrong, []);
});
