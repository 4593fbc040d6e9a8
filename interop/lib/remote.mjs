// The runner's end of a peer: commands with a time limit each, events kept and waited for.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** How long a command may take unless said otherwise, in milliseconds. */
const COMMAND_LIMIT = 30_000;

export class StepTimeout extends Error {
  constructor(awaited, limit, state = "") {
    super(`waited ${limit} ms for ${awaited}${state && `; ${state}`}`);
    this.name = "StepTimeout";
  }
}

/** Rejects with a StepTimeout when `promise` takes longer than `limit` milliseconds. */
export async function within(promise, limit, awaited, state) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new StepTimeout(awaited, limit, state?.())), limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One peer, wherever it runs. Subclasses say how a command gets there; `take` is what comes back. */
export class Remote {
  name;
  /** Errors that no command caused: exceptions nobody caught, a process that ended. */
  strays = [];
  #next = 1;
  #pending = new Map();
  #listeners = new Set();
  #dead = null;

  constructor(name) {
    this.name = name;
  }

  /** Calls `listener` with every event; returns the function that ends that. */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async call(op, args = {}, limit = COMMAND_LIMIT) {
    if (this.#dead) throw new Error(`${this.name}: ${this.#dead}`);
    const req = this.#next++;
    const answer = new Promise((resolve, reject) => this.#pending.set(req, { resolve, reject }));
    this.deliver({ req, op, ...args });
    try {
      return await within(answer, limit, `${this.name} to do "${op}"`);
    } finally {
      this.#pending.delete(req);
    }
  }

  take(line) {
    if (line.req !== undefined) {
      const call = this.#pending.get(line.req);
      if (!call) return;
      if (!line.error) return call.resolve(line.result);
      const error = new Error(`${this.name}: ${line.error.message}`);
      error.name = line.error.name;
      return call.reject(error);
    }
    if (line.event === "stray") this.strays.push(line.message);
    for (const listener of [...this.#listeners]) listener(line);
  }

  /** The peer is gone: nothing that is under way will be answered. */
  lost(reason) {
    if (this.#dead) return;
    this.#dead = reason;
    for (const { reject } of this.#pending.values()) reject(new Error(`${this.name}: ${reason}`));
    for (const listener of [...this.#listeners]) listener({ event: "lost", reason });
  }
}

/** A peer in a process of its own: JSON lines on stdin and stdout. It ends when its stdin does, so none outlives the suite. */
export class ProcessRemote extends Remote {
  #child;
  #errors = "";
  #closing = false;
  #ready;
  #exited;

  constructor(name, command, { env, cwd } = {}) {
    super(name);
    const [program, ...args] = command;
    this.#child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    let ready;
    this.#ready = new Promise((resolve) => {
      ready = resolve;
    });
    createInterface({ input: this.#child.stdout }).on("line", (text) => {
      let line;
      try {
        line = JSON.parse(text);
      } catch {
        this.#note(`stdout: ${text}\n`);
        return;
      }
      if (line.event === "ready") ready();
      else this.take(line);
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text) => this.#note(text));
    this.#child.stdin.on("error", () => {});
    this.#exited = new Promise((resolve) => {
      const ended = (reason) => {
        if (!this.#closing) this.strays.push(reason);
        this.lost(reason);
        ready();
        resolve();
      };
      this.#child.on("error", (error) => ended(`could not be started: ${error.message}`));
      this.#child.on("exit", (code, signal) => ended(`process ended with ${signal ?? code}\n${this.output()}`));
    });
  }

  #note(text) {
    if (process.env.INTEROP_VERBOSE) process.stderr.write(`[${this.name}] ${text}`);
    this.#errors = (this.#errors + text).slice(-4000);
  }

  /** The end of what the process printed on stderr. */
  output() {
    return this.#errors;
  }

  async start(limit = 20_000) {
    await within(this.#ready, limit, `${this.name} to start`, () => this.#errors);
    return this;
  }

  deliver(line) {
    this.#child.stdin.write(`${JSON.stringify(line)}\n`);
  }

  async stop() {
    this.#closing = true;
    this.#child.stdin.end();
    await within(this.#exited, 2000, "exit").catch(() => this.#child.kill("SIGKILL"));
    await this.#exited;
  }
}
