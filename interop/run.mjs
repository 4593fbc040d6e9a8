// `npm run interop`: builds Parley where needed, installs this folder's packages where they are missing or stale, runs the suite.
//
//   npm run interop -- [--list] [--only chromium,relay] [--role offerer|answerer]
//
// --only takes peers and parts (see --list); --role is the peer's. Environment: INTEROP_SUBJECT puts another implementation in
// Parley's place, INTEROP_HANDSHAKES sets the length of the handshake loop, INTEROP_VERBOSE=1 shows what peers print.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "..");
const PARTS = {
  signaling: "early, late and complete candidates, with Chromium and Pion",
  mdns: "Chromium's .local names",
  handshakes: "many connections one after the other",
  loss: "data channels closed while records are lost, with every peer that tells of it",
  relay: "coturn over UDP, TCP and TLS",
  negotiation: "offer and answer with Chromium and Firefox, renegotiation, glare",
  libraries: "mediasoup-client and simple-peer over Parley's globals",
  statistics: "getStats at both ends, with Chromium and Firefox",
  media: "pictures and sound: both ways with every peer, and from browser through Parley to browser",
  protection: "parity, redundancy and encrypted headers with Chromium and webrtcbin",
  feedback: "feedback about what arrives: RFC 8888 with Chromium, REMB with aiortc",
  examples: "the programs of examples/, and the chat room with two pages of Chromium",
  soak: "five hundred connections that must leave nothing behind",
};
/** What starts later than this, in milliseconds, is not run any more. */
const TIME = 30 * 60_000;
/** Files side by side: most of them wait most of the time. */
const CONCURRENCY = Math.min(2, availableParallelism());

const { values: options } = parseArgs({
  options: { list: { type: "boolean" }, only: { type: "string" }, role: { type: "string" } },
});

function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: "inherit" });
  if (status !== 0) {
    console.error(`${command} ${args.join(" ")}: ${error?.message ?? `ended with ${status}`}`);
    process.exit(1);
  }
}

/** node_modules belongs to the lock file whose hash it carries. */
function install() {
  const hash = createHash("sha256")
    .update(readFileSync(join(here, "package-lock.json")))
    .digest("hex");
  const mark = join(here, "node_modules", ".lock-hash");
  if (existsSync(mark) && readFileSync(mark, "utf8") === hash) return;
  run("npm", ["ci", "--no-audit", "--no-fund"], here);
  writeFileSync(mark, hash);
}

async function list() {
  const { PEERS } = await import("./lib/peers.mjs");
  for (const [name, peer] of Object.entries(PEERS)) {
    const missing = peer.missing();
    console.log(`${name.padEnd(18)}${missing ? `cannot run: ${missing}` : peer.version()}`);
    for (const [step, reason] of Object.entries(peer.limits.skip ?? {}))
      console.log(`${"".padEnd(18)}  no ${step}: ${reason}`);
  }
  for (const [name, what] of Object.entries(PARTS)) console.log(`${name.padEnd(18)}${what}`);
}

install();
if (options.list) {
  await list();
  process.exit(0);
}
const { PEERS } = await import("./lib/peers.mjs");
const unknown = (options.only?.split(",") ?? []).filter((name) => !PEERS[name] && !PARTS[name]);
if (unknown.length > 0 || !["offerer", "answerer", undefined].includes(options.role)) {
  console.error(
    `unknown: ${[...unknown, options.role ?? ""].join(" ")}; known: ${[...Object.keys(PEERS), ...Object.keys(PARTS)].join(" ")}`,
  );
  process.exit(1);
}
if (!process.env.INTEROP_SUBJECT) {
  run("npm", ["run", "--silent", "build"], root);
  if (!existsSync(join(root, "dist", "index.js"))) {
    console.error("the build made no dist/index.js");
    process.exit(1);
  }
}
const wanted = (...names) => !options.only || options.only.split(",").some((name) => names.includes(name));
const files = [
  wanted("handshakes") && "handshakes",
  wanted("signaling", "mdns") && "signaling",
  wanted(...Object.keys(PEERS)) && "matrix",
  wanted("loss") && "loss",
  wanted("relay") && "relay",
  wanted("negotiation") && "negotiation",
  wanted("libraries") && "libraries",
  wanted("statistics") && "statistics",
  wanted("media") && "media-peers",
  wanted("media") && "media-codecs",
  wanted("media") && "media-layers",
  wanted("media") && "media-srtp",
  wanted("media") && "media-changes",
  wanted("media") && "media-chains",
  wanted("media") && "media-feedback",
  wanted("media") && "media-noise",
  wanted("media") && "media",
  wanted("media") && "raw-media",
  wanted("protection", "chromium", "webrtcbin") && "protection",
  wanted("feedback", "aiortc", "chromium") && "feedback",
  wanted("examples") && "examples",
  wanted("soak") && "soak",
].filter(Boolean);
const flags = ["--test", `--test-concurrency=${CONCURRENCY}`, `--test-reporter=${join(here, "lib", "reporter.mjs")}`];
const { status } = spawnSync(
  process.execPath,
  [...flags, "--test-reporter-destination=stdout", ...files.map((name) => `${name}.test.mjs`)],
  {
    cwd: here,
    stdio: "inherit",
    env: {
      ...process.env,
      INTEROP_DEADLINE: String(Date.now() + TIME),
      ...(options.only && { INTEROP_ONLY: options.only }),
      ...(options.role && { INTEROP_ROLE: options.role }),
    },
  },
);
process.exit(status ?? 1);
