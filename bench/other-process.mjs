// The other process of a measurement: connections of this one signal with its own over IPC, and it answers what it is asked.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Milliseconds after which a connection or an answer is not waited for any longer. */
const PATIENCE = 30_000;

/** `promise`, or an error that says what did not come. */
export function within(promise, what) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`${what} in ${PATIENCE / 1000} s`)), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class OtherProcess {
  /** Ours, by the name that both know them by: what takes the signals of the other end. */
  connections = new Map();
  #child;
  #ready;
  #asked = new Map();
  #serial = 0;

  /** `script`: beside this file. It says `{ ready: true }`, `{ id, signal }` and `{ ask, result }`. */
  constructor(script) {
    this.#child = fork(fileURLToPath(new URL(script, import.meta.url)), { execArgv: ["--expose-gc"] });
    this.#ready = new Promise((done) => {
      this.#child.on("message", ({ ready, id, signal, ask, result }) => {
        if (ready) done();
        else if (signal !== undefined) this.connections.get(id)?.take(signal);
        else {
          this.#asked.get(ask)?.(result);
          this.#asked.delete(ask);
        }
      });
    });
  }

  get ready() {
    return within(this.#ready, "the other process did not start");
  }

  tell(message) {
    this.#child.send(message);
  }

  signal(id, signal) {
    this.tell({ op: "signal", id, signal });
  }

  ask(op) {
    const ask = this.#serial++;
    const answered = new Promise((done) => this.#asked.set(ask, done));
    this.tell({ op, ask });
    return within(answered, `the other process does not answer "${op}"`);
  }

  stop() {
    this.#child.disconnect();
  }
}
