// A browser page behind the commands of media-node-agent.mjs.
import { readFileSync } from "node:fs";
import { MediaBrowser } from "./media-browser.mjs";
import { within } from "./remote.mjs";

const LIMIT = 30_000;

export class BrowserAgent {
  strays = [];
  name;
  #browser = new MediaBrowser();
  #page;
  #tracks;
  #offered = false;
  #decoded = [];
  #sent = [];

  constructor(name) {
    this.name = name;
  }

  async start() {
    await within(this.#browser.start(this.name), LIMIT, `${this.name} to start`);
    this.#page = await within(this.#browser.page(), LIMIT, `a page of ${this.name}`);
    return this;
  }

  call(op, args = {}) {
    return within(this.#do(op, args), LIMIT, `${this.name} to do "${op}"`);
  }

  /** A command of media-page.mjs. */
  page(...args) {
    return within(this.#page(...args), LIMIT, `${this.name} to do "${args[0]}"`);
  }

  async #do(op, { tracks, material, sdp, configuration }) {
    const page = this.#page;
    switch (op) {
      case "open": {
        this.#tracks = tracks;
        const { width, height, rate } = JSON.parse(readFileSync(material, "utf8"));
        return page("open", { synthetic: true, width, height, rate, configuration });
      }
      case "offer": {
        // Again later: as the page has made it.
        const made = this.#offered ? [] : this.#tracks;
        this.#offered = true;
        return { sdp: await page("offerBoth", made) };
      }
      case "restart":
        await page("run", "pc.restartIce()");
        return { sdp: await page("offerBoth", []) };
      case "answer":
        this.#offered = true;
        return { sdp: await page("answerBoth", sdp) };
      case "seen": {
        const { state, tracks: seen } = await page("seen");
        const since = (counts, i, now) => {
          const before = counts[i] ?? 0;
          counts[i] = now;
          return now - before;
        };
        return {
          state,
          tracks: seen.map(({ framesDecoded = 0, framesSent = 0, ...rest }, i) => ({
            ...rest,
            decoded: since(this.#decoded, i, framesDecoded),
            sent: since(this.#sent, i, framesSent),
          })),
        };
      }
      case "accept":
        return page("accept", sdp);
      case "keyframe": // Browsers ask by themselves.
        return undefined;
      case "close":
        return page("close");
    }
    throw new Error(`unknown: ${op}`);
  }

  async stop() {
    await within(this.#browser.stop(), 5000, "the browser to close").catch(() => {});
  }
}
