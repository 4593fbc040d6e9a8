// A dedicated worker of the DOM over a thread of Node's: enough of it to run the workers of the tests.
import { Worker as Thread } from "node:worker_threads";

const SCOPE = new URL("worker-scope.mjs", import.meta.url);

/** The Worker class of a page at `url`. `readFile` reads a path of the test tree, or gives undefined. */
export function workerClass({ url, readFile, globals }) {
  return class Worker extends EventTarget {
    onmessage = null;
    onerror = null;
    #thread;

    constructor(script, { type = "classic" } = {}) {
      super();
      const address = new URL(String(script), url);
      const data = /^data:[^,]*,(.*)$/s.exec(address.href);
      const source = data === null ? readFile(address.pathname) : decodeURIComponent(data[1]);
      const workerData = { source: source && String(source), address: address.href, type, globals };
      this.#thread = new Thread(SCOPE, { workerData, execArgv: [] });
      this.#thread.unref();
      this.#thread.on("message", (message) => this.#fire("message", new MessageEvent("message", { data: message })));
      this.#thread.on("error", (error) =>
        this.#fire("error", Object.assign(new Event("error"), { error, message: error.message })),
      );
    }

    #fire(type, event) {
      this[`on${type}`]?.(event);
      this.dispatchEvent(event);
    }

    postMessage(message, transfer) {
      this.#thread.postMessage(message, transfer);
    }

    terminate() {
      this.#thread.terminate();
    }
  };
}
