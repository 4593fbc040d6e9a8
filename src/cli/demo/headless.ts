// The demo without a visitor: opens the page in the bundled Chromium, lets it connect, has it send a file there and
// back exactly as a visitor would, prints the page's figures, and says whether every byte arrived. Then the camera's tab
// (headless-camera.ts).
import type { Page } from "puppeteer-core";
import { ProgressLine, type TextOutput } from "../terminal.js";
import { launchChromium } from "./chromium.js";
import type { EchoedFile } from "./file-echo.js";
import { checkCamera } from "./headless-camera.js";
import { formatBytes, formatDuration, formatRate } from "./page/format.js";
import type { Snapshot, TransferSnapshot } from "./page/snapshot.js";
import { DemoFailure, type Watch } from "./watch.js";

/** Milliseconds between looks at the page. */
const POLL = 100;
const CONNECT_LIMIT = 30_000;
/** Figures of the connection that are missing so long after it is open are not waited for. */
const DETAILS_LIMIT = 1500;
/** Without a byte moving for so long, the transfer is given up. */
const STALL_LIMIT = 20_000;

export interface HeadlessOptions {
  readonly url: string;
  /** MiB there and back. */
  readonly size: number;
  /** Milliseconds for everything. */
  readonly limit: number;
  readonly out: TextOutput;
  readonly signal: AbortSignal;
  /** What the Node peer itself counted and hashed, once it has echoed a file. */
  echoed(): EchoedFile | undefined;
}

/** Resolves if every byte arrived; rejects with a DemoFailure or NoBrowserError otherwise. The browser is gone by then. */
export async function runHeadless(options: HeadlessOptions): Promise<void> {
  const { out, url } = options;
  const limit = AbortSignal.timeout(options.limit);
  const signal = AbortSignal.any([options.signal, limit]);
  const stop = new Promise<never>((_, reject) => {
    const abort = (): void =>
      reject(new DemoFailure(limit.aborted ? `not done within ${formatDuration(options.limit)}` : "interrupted"));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
  stop.catch(() => {});
  const launching = launchChromium();
  try {
    const { browser, version } = await Promise.race([launching, stop]);
    out.write(`${version.replace(/^\w+\//, "Chromium ")}, headless\n\n`);
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error instanceof Error ? error.message : String(error)));
    page.on("error", () => faults.push("the page crashed"));
    await Promise.race([page.goto(url, { waitUntil: "domcontentloaded", timeout: CONNECT_LIMIT }), stop]);
    const watch = { look: () => Promise.race([lookAt(page, faults), stop]) };
    printConnection(out, await connected(watch));
    await page.locator("#generate-size").fill(String(options.size));
    await page.locator("#generate-send").click();
    const last = await transferred(watch, out);
    printResult(out, last, options);
    await page.locator("#tab-camera").click();
    await page.locator("#camera-start").click();
    await checkCamera(watch, out, {
      layer: (rid) => press(page, "camera-layer", rid),
      loss: (percent) => press(page, "camera-loss", String(percent)),
    });
  } finally {
    await launching.then(
      (launched) => launched.close(),
      () => {},
    );
  }
}

/** One button of a group. */
async function press(page: Page, group: string, value: string): Promise<void> {
  await page.locator(`#${group} [data-value="${value}"]`).click();
}

async function lookAt(page: Page, faults: readonly string[]): Promise<Snapshot | undefined> {
  await new Promise((resolve) => setTimeout(resolve, POLL));
  if (faults.length > 0) throw new DemoFailure(`the page failed: ${faults.join("; ")}`);
  return page.evaluate(() => globalThis.parleyDemo?.());
}

async function connected(watch: Watch): Promise<Snapshot> {
  const end = performance.now() + CONNECT_LIMIT;
  let openedAt: number | undefined;
  for (;;) {
    const snapshot = await watch.look();
    if (snapshot?.state === "failed" || snapshot?.state === "closed") {
      throw new DemoFailure(`no connection: ${snapshot.reason}`);
    }
    const { steps, transport } = snapshot ?? {};
    const now = performance.now();
    if (snapshot !== undefined && steps?.sctp !== undefined) {
      openedAt ??= now;
      const described =
        transport?.local !== undefined && transport.dtlsVersion !== "" && steps.candidates !== undefined;
      if (described || now > openedAt + DETAILS_LIMIT) return snapshot;
    } else if (now > end) {
      throw new DemoFailure(
        `no connection within ${formatDuration(CONNECT_LIMIT)}: reached ${Object.keys(steps ?? {}).join(", ") || "nothing"}, ` +
          `${snapshot?.candidates.page.length ?? 0} candidates of the page and ${snapshot?.candidates.node.length ?? 0} of Node`,
      );
    }
  }
}

function printConnection(out: TextOutput, { steps, candidates, transport }: Snapshot): void {
  const line = (name: string, time: number | undefined, text: string): void => {
    const at = time === undefined ? "" : formatDuration(time);
    out.write(`  ${name.padEnd(12)}${at.padStart(9)}   ${text}\n`);
  };
  const show = (side: "local" | "remote"): string => {
    const candidate = transport?.[side];
    return candidate === undefined ? "?" : `${candidate.type} ${candidate.address}`;
  };
  line("signalling", steps.signalling, "offer and answer over HTTP");
  line("candidates", steps.candidates, `page ${candidates.page.length}, Node ${candidates.node.length}`);
  const protocol = transport?.local?.protocol ?? "?";
  line("pair", steps.pair, `${protocol}: page ${show("local")} <-> Node ${show("remote")}`);
  line("DTLS", steps.dtls, [transport?.dtlsVersion, transport?.cipher].filter(Boolean).join(", "));
  line("SCTP", steps.sctp, "first data channel open");
  out.write("\n");
}

async function transferred(watch: Watch, out: TextOutput): Promise<Snapshot> {
  const progress = new ProgressLine(out);
  let moved = -1;
  let movedAt = performance.now();
  try {
    for (;;) {
      const snapshot = await watch.look();
      const transfer = snapshot?.transfers[0];
      if (snapshot === undefined || transfer === undefined) {
        if (performance.now() - movedAt > STALL_LIMIT) throw new DemoFailure("the page did not start the transfer");
        continue;
      }
      progress.update(transfer.size === 0 ? 1 : transfer.back / transfer.size, summarize(transfer));
      if (transfer.state === "done") return snapshot;
      if (transfer.state !== "running") {
        throw new DemoFailure(`the transfer ${transfer.state}: ${transfer.reason} (${describe(transfer)})`);
      }
      if (transfer.there + transfer.back > moved) {
        moved = transfer.there + transfer.back;
        movedAt = performance.now();
      } else if (performance.now() - movedAt > STALL_LIMIT) {
        throw new DemoFailure(`no byte has moved for ${formatDuration(STALL_LIMIT)} (${describe(transfer)})`);
      }
    }
  } finally {
    progress.clear();
  }
}

/** Short enough for a bar beside it in 80 columns. */
function summarize({ size, back, thereRate, backRate }: TransferSnapshot): string {
  return `${formatBytes(back)} of ${formatBytes(size)}, there ${formatRate(thereRate)}, back ${formatRate(backRate)}`;
}

function describe({ size, there, back, thereRate, backRate }: TransferSnapshot): string {
  const speeds = `there ${formatRate(thereRate)}, back ${formatRate(backRate)}`;
  return `${formatBytes(back)} of ${formatBytes(size)} back, ${formatBytes(there)} sent; ${speeds}`;
}

function printResult(out: TextOutput, { transfers, roundTrip }: Snapshot, options: HeadlessOptions): void {
  const { size, result } = transfers[0]!;
  const echoed = options.echoed();
  if (result === undefined) throw new DemoFailure("the page gave no result");
  const line = (name: string, text: string): void => void out.write(`  ${name.padEnd(12)}${text}\n`);
  const speed = (milliseconds: number): string =>
    `${formatBytes(size)} in ${formatDuration(milliseconds)}, ${formatRate(milliseconds > 0 ? (size * 1000) / milliseconds : 0)}`;
  line("there", speed(result.thereMilliseconds));
  line("back", speed(result.backMilliseconds));
  const { p50, p95, count } = roundTrip;
  if (count > 0)
    line("round trip", `p50 ${formatDuration(p50)}, p95 ${formatDuration(p95)} (${count} pings under load)`);
  line("SHA-256", `${result.sentSha256}  sent`);
  line("", `${result.nodeSha256}  at Node`);
  line("", `${result.backSha256}  back`);
  const expected = Math.round(options.size * 1024 * 1024);
  const everyByte =
    size === expected &&
    result.equal &&
    result.nodeBytes === expected &&
    echoed?.bytes === expected &&
    // Node's own record, which did not pass through the page.
    echoed.sha256 === result.sentSha256 &&
    echoed.sha256 === result.backSha256;
  if (!everyByte) throw new DemoFailure("what came back is not what was sent");
  out.write(`\nEvery byte arrived: ${formatBytes(expected)} there and back, SHA-256 equal.\n`);
}
