// A peer in a real browser: a page served from 127.0.0.1 (a secure context) that runs agent.mjs, driven by puppeteer-core.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { Remote, within } from "./remote.mjs";

const PAGE = `<!doctype html><meta charset="utf-8"><title>Parley interop</title><script type="module">
import { createAgent } from "/agent.mjs";
// Events go out in batches: each crossing costs about a millisecond.
let batch = [];
const flush = () => { const lines = batch; batch = []; void window.report(JSON.stringify(lines)); };
const emit = (line) => { if (batch.push(line) === 1) setTimeout(flush, 2); };
addEventListener("error", (e) => emit({ event: "stray", message: String(e.message) }));
addEventListener("unhandledrejection", (e) => emit({ event: "stray", message: String(e.reason) }));
const handle = createAgent(globalThis, emit);
window.handle = (text) => { for (const line of JSON.parse(text)) void handle(line); };
</script>`;

const CHROMIUM_ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
];
/** Without this a page sees no address of this machine, only names ending in `.local`. */
const PLAIN_ADDRESSES = "--disable-features=WebRtcHideLocalIpsWithMdns";

const FIREFOX_PREFS = {
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "app.update.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "toolkit.telemetry.reportingpolicy.firstRun": false,
};

async function serve() {
  const server = createServer(async ({ url }, response) => {
    if (url === "/") return response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
    if (url === "/agent.mjs" || url === "/content.mjs") {
      const source = await readFile(new URL(`.${url}`, import.meta.url));
      return response.writeHead(200, { "content-type": "text/javascript" }).end(source);
    }
    response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

export class BrowserRemote extends Remote {
  #options;
  #browser;
  #server;
  #page;
  #outgoing = [];

  /** `browser` is `chrome` or `firefox`; `mdns` keeps Chromium's `.local` names, `args` are more arguments for it. */
  constructor(name, { browser, executablePath, mdns = false, args = [] }) {
    super(name);
    this.#options =
      browser === "firefox"
        ? { browser, executablePath, extraPrefsFirefox: FIREFOX_PREFS }
        : { browser, executablePath, args: [...CHROMIUM_ARGS, ...(mdns ? [] : [PLAIN_ADDRESSES]), ...args] };
  }

  async start(limit = 60_000) {
    const { default: puppeteer } = await import("puppeteer-core");
    this.#server = await serve();
    const launch = async () => {
      this.#browser = await puppeteer.launch({ headless: true, timeout: limit, ...this.#options });
      this.#browser.on("disconnected", () => this.lost("browser ended"));
      this.#page = await this.#browser.newPage();
      await this.#page.exposeFunction("report", (text) => {
        for (const line of JSON.parse(text)) this.take(line);
      });
      await this.#page.goto(`http://127.0.0.1:${this.#server.address().port}/`);
      await this.#page.waitForFunction("window.handle");
    };
    await within(launch(), limit, `${this.name} to start`);
    return this;
  }

  deliver(line) {
    if (this.#outgoing.push(line) > 1) return;
    setImmediate(() => {
      const text = JSON.stringify(this.#outgoing.splice(0));
      this.#page.evaluate((lines) => window.handle(lines), text).catch((error) => this.lost(`page: ${error.message}`));
    });
  }

  async stop() {
    const child = this.#browser?.process();
    await within(this.#browser?.close() ?? Promise.resolve(), 5000, "browser to close").catch(() =>
      child?.kill("SIGKILL"),
    );
    this.#server?.close();
    this.#server?.closeAllConnections();
  }
}
