// The examples, each a process of its own: what they print, and that they end by themselves. The chat room is visited by two pages of
// Chromium.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import puppeteer from "puppeteer-core";
import { CHROMIUM, findProgram, PEERS } from "./lib/peers.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const run = promisify(execFile);
const LIMIT = 60_000;

async function example(name, ...args) {
  const { stdout } = await run(process.execPath, [join("examples", `${name}.mjs`), ...args], {
    cwd: root,
    timeout: LIMIT,
  });
  return stdout;
}

test("data-channel-loopback", async () => {
  assert.equal(await example("data-channel-loopback"), "Hello, Alice\n");
});

test("backpressure", async () => {
  assert.match(await example("backpressure", "16"), /^16 MiB in [\d.]+ s.*\nbufferedAmount never above 1\d\d\d KiB\n$/);
});

test("file-transfer", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "parley-"));
  t.after(() => rm(folder, { recursive: true }));
  const [source, target] = [join(folder, "source"), join(folder, "target")];
  const bytes = Uint8Array.from({ length: 3_000_001 }, (_, i) => i >> 3);
  await writeFile(source, bytes);
  await example("file-transfer", source, target);
  assert.ok((await readFile(target)).equals(bytes));
});

/** What an example counts in two seconds, which may be few where the machine is busy: not each time. */
async function countsMany(pattern, name, ...args) {
  const all = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    const [, ...counts] = pattern.exec(await example(name, ...args));
    if (counts.every((count) => count > 20)) return;
    all.push(counts);
  }
  assert.fail(JSON.stringify(all));
}

test("forward", () => countsMany(/viewers: (\d+), (\d+), (\d+)/, "forward"));

test("whip-server", () => countsMany(/came: (\d+)\n$/, "whip-server", "0", "--try"));

test("voice-agent", async () => {
  assert.match(await example("voice-agent"), /heard [\d.]+ s, says it again\ncaller: 40 frames of the answer came\n$/);
});

test("chat-server", { skip: PEERS.chromium.missing(), timeout: 2 * LIMIT }, async (t) => {
  const server = spawn(process.execPath, ["examples/chat-server.mjs", "0"], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => server.kill());
  const [address] = await once(server.stdout.setEncoding("utf8"), "data");
  const browser = await puppeteer.launch({
    executablePath: findProgram(...CHROMIUM),
    args: ["--no-sandbox"],
    timeout: LIMIT,
  });
  t.after(() => browser.close());
  const pages = [await browser.newPage(), await browser.newPage()];
  for (const page of pages) await page.goto(address.trim());
  const heard = () => [...document.querySelectorAll("li")].some(({ textContent }) => textContent === "hello");
  // Said again until both are in the room.
  for (const end = Date.now() + LIMIT; !(await pages[1].evaluate(heard)); await setTimeout(200)) {
    assert.ok(Date.now() < end, "nothing was heard");
    await pages[0].evaluate(() => {
      document.querySelector("#text").value = "hello";
      document.querySelector("button").click();
    });
  }
});
