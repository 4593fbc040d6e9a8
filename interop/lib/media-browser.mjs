// A browser page that sends or shows media; see media-page.mjs.
import { createServer } from "node:http";
import { COUNTER_BITS, install } from "./media-page.mjs";
import { findProgram } from "./peers.mjs";

const BROWSERS = {
  chromium: {
    browser: "chrome",
    executablePath: findProgram("chromium"),
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--autoplay-policy=no-user-gesture-required",
      "--disable-background-timer-throttling",
      "--disable-renderer-backgrounding",
      "--disable-features=WebRtcHideLocalIpsWithMdns",
    ],
  },
  firefox: {
    browser: "firefox",
    executablePath: findProgram("firefox", "firefox-esr"),
    extraPrefsFirefox: {
      "media.peerconnection.ice.obfuscate_host_addresses": false,
      "media.autoplay.default": 0,
      "media.autoplay.blocking_policy": 0,
      "media.navigator.permission.disabled": true,
      "media.navigator.audio.fake_frequency": 440,
      "app.update.enabled": false,
    },
  },
};

export const missingBrowser = (name) => (BROWSERS[name].executablePath ? undefined : `no ${name} on this machine`);

export class MediaBrowser {
  #browser;
  #server;

  /** `args`: more of them for the browser. */
  async start(name, args = []) {
    const { default: puppeteer } = await import("puppeteer-core");
    this.#server = createServer((_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>media</title><body></body>"),
    );
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const options = BROWSERS[name];
    this.#browser = await puppeteer.launch({ headless: true, ...options, args: [...(options.args ?? []), ...args] });
    return this;
  }

  async page() {
    const page = await this.#browser.newPage();
    await page.goto(`http://127.0.0.1:${this.#server.address().port}/`);
    await page.evaluate(`(${install})(${COUNTER_BITS})`);
    return (name, ...args) => page.evaluate((...all) => globalThis.command(...all), name, ...args);
  }

  async stop() {
    await this.#browser?.close();
    this.#server?.close();
    this.#server?.closeAllConnections();
  }
}
