// Runs the web-platform-tests of WebRTC against the build: npm run wpt -- [--wpt DIR] [option…] [file or directory…]
//
//   --wpt DIR      the work tree of the tests; otherwise WPT_DIR. Without any, nothing is run.
//   --module PATH  the module under test (dist/index.js)
//   --parallel N   files at a time (2)
//   --update       takes subtests that pass now off expectations.json; never adds any
//   --init FILE    makes the first expectations.json, from results of Chromium: {files: {id: {subtests: {name: {status}}}}}
//   --table        writes the passes of each directory into README.md, if all of them were run, and prints them otherwise
//
// A failure that is not expected is printed and makes the exit code 1.
import { fork } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { entryOf, NOT_IN_CHROMIUM, readExpectations, reasonOf, UNKNOWN, writeExpectations } from "./expectations.mjs";
import { DIRECTORIES, findTests } from "./tests.mjs";

const STATUS = ["PASS", "FAIL", "TIMEOUT", "NOTRUN", "PRECONDITION_FAILED"];
const HARNESS_OK = 0;
/** Seconds over a test's own limit, which testharness.js keeps, before a process counts as stuck. */
const GRACE = 15;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    wpt: { type: "string" },
    module: { type: "string" },
    parallel: { type: "string", default: "2" },
    update: { type: "boolean", default: false },
    init: { type: "string" },
    table: { type: "boolean", default: false },
  },
});

/** Runs one test: the outcome of each subtest by its name, and what went wrong outside of them. */
function runTest(root, module, { file, query, seconds }) {
  return new Promise((done) => {
    const page = fileURLToPath(new URL("page.mjs", import.meta.url));
    const child = fork(page, [root, file, query, module], {
      execArgv: ["--expose-gc", "--no-warnings"],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const subtests = new Map();
    const finish = (trouble) => {
      clearTimeout(timer);
      child.removeAllListeners();
      child.kill("SIGKILL");
      done({ subtests, trouble });
    };
    const add = ({ name, status, message }) => subtests.set(name, { status: STATUS[status] ?? "FAIL", message });
    const timer = setTimeout(() => finish("stuck"), (seconds + GRACE) * 1000);
    child.on("message", (message) => {
      if (message.subtest !== undefined) return add(message.subtest);
      message.subtests.forEach(add);
      finish(message.status === HARNESS_OK ? "" : message.message || `harness status ${message.status}`);
    });
    child.on("exit", (code, signal) => finish(`exit ${signal ?? code}`));
  });
}

async function runAll(root, module, tests, parallel) {
  const results = new Map();
  const queue = [...tests];
  const worker = async () => {
    for (let test = queue.shift(); test !== undefined; test = queue.shift()) {
      const result = await runTest(root, module, test);
      results.set(test.id, result);
      const all = [...result.subtests.values()];
      const passing = all.filter(({ status }) => status === "PASS").length;
      console.log(`${passing}/${all.length} ${test.id}${result.trouble === "" ? "" : `  (${result.trouble})`}`);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return new Map([...results].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function initialExpectations(results, chromium) {
  const expectations = {};
  for (const [id, { subtests }] of results) {
    const known = chromium.files[id]?.subtests ?? {};
    const reasons = new Map();
    let passing = 0;
    for (const name of new Set([...subtests.keys(), ...Object.keys(known)])) {
      const outcome = subtests.get(name);
      if (outcome?.status === "PASS") passing++;
      else if (known[name]?.status !== "PASS") reasons.set(name, NOT_IN_CHROMIUM);
      else reasons.set(name, UNKNOWN);
    }
    const entry = entryOf(reasons, passing);
    if (entry !== undefined) expectations[id] = entry;
  }
  return expectations;
}

/** What is listed and did not pass stays listed; nothing else is. */
function shrunk(expectations, results) {
  const next = { ...expectations };
  for (const [id, { subtests }] of results) {
    const old = expectations[id];
    if (old === undefined) continue;
    const listed = typeof old === "string" ? [...subtests.keys()] : Object.values(old).flat();
    const failing = listed.filter((name) => subtests.get(name)?.status !== "PASS");
    const passing = [...subtests.values()].filter(({ status }) => status === "PASS").length;
    if (passing === 0) continue;
    const entry = entryOf(new Map(failing.map((name) => [name, reasonOf(expectations, id, name)])), passing);
    if (entry === undefined) delete next[id];
    else next[id] = entry;
  }
  return next;
}

/** What README.md has between these lines is ours. */
const README = fileURLToPath(new URL("../../README.md", import.meta.url));
const [BEGIN, END] = ["<!-- web-platform-tests: npm run wpt -- --table -->\n", "<!-- end of web-platform-tests -->\n"];

function passTable(expectations, results) {
  const rows = new Map();
  for (const [id, { subtests }] of results) {
    const [directory] = id.split("/");
    const row = rows.get(directory) ?? { files: 0, passes: 0, notInChromium: 0, others: 0, silent: 0 };
    rows.set(directory, row);
    row.files++;
    if (subtests.size === 0) row.silent++;
    // What is listed and was not heard of, because the file came to an end before, did not pass either.
    const entry = expectations[id] ?? {};
    const listed = typeof entry === "string" ? [] : Object.values(entry).flat();
    for (const name of new Set([...subtests.keys(), ...listed])) {
      if (subtests.get(name)?.status === "PASS") row.passes++;
      else if (reasonOf(expectations, id, name) === NOT_IN_CHROMIUM) row.notInChromium++;
      else row.others++;
    }
  }
  const lines = [
    "| directory | files | subtests passed | not passed | not passed by Chromium either | files without a subtest |",
    "|---|---|---|---|---|---|",
  ];
  const sum = { files: 0, passes: 0, others: 0, notInChromium: 0, silent: 0 };
  for (const [directory, row] of [...rows, ["all", sum]]) {
    const { files, passes, others, notInChromium, silent } = row;
    lines.push(`| ${directory} | ${files} | ${passes} | ${others} | ${notInChromium} | ${silent} |`);
    if (row !== sum) for (const key of Object.keys(sum)) sum[key] += row[key];
  }
  return `${lines.join("\n")}\n`;
}

function writeTable(table) {
  const text = readFileSync(README, "utf8");
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error("README.md has no place for the table");
  writeFileSync(README, `${text.slice(0, begin + BEGIN.length)}${table}${text.slice(end)}`);
}

const tree = options.wpt ?? process.env.WPT_DIR;
if (tree === undefined || statSync(tree, { throwIfNoEntry: false }) === undefined) {
  console.log("skipped: no test tree (--wpt DIR or WPT_DIR)");
  process.exit(0);
}
const root = resolve(tree);
const build = options.module ?? fileURLToPath(new URL("../../dist/index.js", import.meta.url));
const tests = findTests(root, positionals.length > 0 ? positionals : DIRECTORIES);
const module = pathToFileURL(resolve(build)).href;
const results = await runAll(root, module, tests, Number(options.parallel));

let expectations = readExpectations();
if (expectations !== undefined) {
  // Many tests have ten seconds in all: what failed on a busy machine is run once more, alone.
  const isUnexpected = ({ id }) =>
    [...results.get(id).subtests].some(
      ([name, { status }]) => status !== "PASS" && reasonOf(expectations, id, name) === undefined,
    );
  for (const [id, result] of await runAll(root, module, tests.filter(isUnexpected), 1)) results.set(id, result);
}
if (options.init !== undefined) {
  if (expectations !== undefined) throw new Error("there is an expectations.json already; it may only shrink");
  expectations = initialExpectations(results, JSON.parse(readFileSync(options.init, "utf8")));
  writeExpectations(expectations);
}
expectations ??= {};
let unexpected = 0;
let passing = 0;
for (const [id, { subtests, trouble }] of results) {
  const fail = (text) => {
    unexpected++;
    console.log(`unexpected: ${id}: ${text}`);
  };
  // A process that ends by itself may have taken subtests with it.
  if (/^(exit|stuck)/.test(trouble) && typeof expectations[id] !== "string") fail(trouble);
  for (const [name, { status, message }] of subtests) {
    const reason = reasonOf(expectations, id, name);
    if (status === "PASS") {
      if (reason !== undefined) passing++;
    } else if (reason === undefined) fail(`${status} ${name}${message === "" ? "" : `: ${message.slice(0, 300)}`}`);
  }
}
if (options.update) writeExpectations(shrunk(expectations, results));
else if (passing > 0) console.log(`${passing} subtests pass that are listed as failing: --update takes them off`);
if (options.table) {
  const table = passTable(expectations, results);
  console.log(`\n${table}`);
  if (positionals.length === 0) writeTable(table);
}
process.exit(unexpected > 0 ? 1 : 0);
