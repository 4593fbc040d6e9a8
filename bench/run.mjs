// `npm run bench`: what Parley costs on this machine.
//
//   npm run bench -- [--stack parley,werift,node-datachannel] [--runs 3] [parts throughput messages latency setup memory room]
//
// Each part runs in a process of its own. With several stacks each part is measured with one after the other, and `--runs` of them
// give medians. Other stacks are taken from interop/node_modules.
import { fork } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loopback, loopbackCases } from "./loopback.mjs";
import { median, table } from "./measure.mjs";
import { parts } from "./parts.mjs";
import { room } from "./room.mjs";
import { stackNames } from "./stacks.mjs";

/** Milliseconds that one part may take. */
const LIMIT = 120_000;
const TITLES = {
  parts: "Parts, processor time each",
  throughput: "One reliable, ordered channel, two processes over loopback",
  messages: "Small messages",
  latency: "Latency, one message at a time",
  setup: "Constructor to open channel, signalling over a pipe",
  memory: "Memory",
  room: "One speaker, many listeners, processor time and memory of the process that forwards",
};
/** What other stacks are not measured with. */
const OWN = { parts, room };

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    stack: { type: "string", default: "parley" },
    runs: { type: "string", default: "1" },
    one: { type: "string" },
  },
});

if (values.one !== undefined) {
  const rows = await (OWN[values.one] ?? (() => loopback(values.one)))();
  process.send(rows, () => process.exit());
} else await all();

/** The rows of one part, measured in a process of its own; undefined if that failed. */
function measured(part, stack) {
  return new Promise((done) => {
    let rows;
    const child = fork(fileURLToPath(import.meta.url), ["--one", part], {
      execArgv: ["--expose-gc"],
      env: { ...process.env, BENCH_STACK: stack },
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT);
    child.on("message", (message) => {
      rows = message;
    });
    child.on("exit", () => {
      clearTimeout(timer);
      done(rows);
    });
  });
}

async function all() {
  const known = ["parts", ...Object.keys(loopbackCases), "room"];
  const stacks = values.stack.split(",");
  const unknown = [...wanted.filter((one) => !known.includes(one)), ...stacks.filter((s) => !stackNames.includes(s))];
  if (unknown.length > 0) {
    console.error(`unknown: ${unknown.join(" ")}; known: ${[...known, ...stackNames].join(" ")}`);
    process.exit(1);
  }
  console.log(`Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`);
  for (const part of wanted.length > 0 ? wanted : known) {
    const results = new Map(stacks.map((stack) => [stack, []]));
    for (let run = 0; run < Number(values.runs); run++) {
      for (const stack of part in OWN ? ["parley"] : stacks) {
        const began = performance.now();
        const rows = await measured(part, stack);
        const seconds = ((performance.now() - began) / 1000).toFixed(0);
        console.error(`${stack}, ${part}: ${rows === undefined ? "no result" : "done"} after ${seconds} s`);
        if (rows === undefined) continue;
        results.get(stack)?.push(rows);
      }
    }
    for (const [stack, runs] of results) {
      if (runs.length === 0) continue;
      const rows = runs[0].map(([what, , unit], i) => [what, median(runs.map((one) => one[i][1])), unit]);
      table(stacks.length > 1 ? `${TITLES[part]}: ${stack}` : TITLES[part], rows);
    }
  }
}
