// A browser page behind the commands of media-node-agent.mjs.
import { MediaBrowser } from "./media-browser.mjs";
import { within } from "./remote.mjs";

const LIMIT = 20_000;

export class BrowserAgent {
  strays = [];
  #name;
  #browser = new MediaBrowser();
  #page;
  #decoded = 0;
  #sent = 0;
  #mimeTypes;

  constructor(name) {
    this.#name = name;
  }

  async start() {
    await within(this.#browser.start(this.#name), LIMIT, `${this.#name} to start`);
    this.#page = await within(this.#browser.page(), LIMIT, `a page of ${this.#name}`);
    return this;
  }

  call(op, args = {}) {
    return within(this.#do(op, args), LIMIT, `${this.#name} to do "${op}"`);
  }

  async #do(op, { audio, sdp }) {
    const page = this.#page;
    switch (op) {
      case "open":
        this.#mimeTypes = { video: "video/VP8", audio: `audio/${audio}` };
        return page("open", { synthetic: true });
      case "offer":
        return { sdp: await page("offerBoth", this.#mimeTypes) };
      case "answer":
        return { sdp: await page("answerBoth", sdp) };
      case "seen": {
        const { state, counters, video, framesSent = 0, ...rest } = await page("seen");
        const { framesDecoded = 0, frameWidth = 0, frameHeight = 0 } = video ?? {};
        const decoded = framesDecoded - this.#decoded;
        this.#decoded = framesDecoded;
        const sent = framesSent - this.#sent;
        this.#sent = framesSent;
        return { ...rest, state, counters, decoded, sent, size: [frameWidth, frameHeight] };
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
