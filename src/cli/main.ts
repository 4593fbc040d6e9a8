#!/usr/bin/env node
// The `parley` command.
import { readFileSync } from "node:fs";
import * as parley from "../index.js";
import { type Arguments, HELP, parseArguments, UsageError } from "./args.js";
import { runDemo } from "./demo/run.js";
import type { PeerConnectionClass } from "./demo/w3c.js";

const { name, version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

async function main(argv: readonly string[]): Promise<number> {
  let args: Arguments;
  try {
    args = parseArguments(argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`parley: ${error.message}\nTry: parley --help\n`);
    return 2;
  }
  if (args.command !== "demo") process.stdout.write(args.command === "help" ? HELP : `${version}\n`);
  else {
    const interrupted = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (interrupted.signal.aborted) process.exit(130); // the second time at once
        interrupted.abort();
      });
    }
    // Whoever read the output is gone (`parley demo | head`): the end, like Ctrl-C.
    process.stdout.on("error", () => interrupted.abort());
    const { RTCPeerConnection } = parley as { RTCPeerConnection?: PeerConnectionClass };
    if (RTCPeerConnection === undefined) throw new Error("this build has no RTCPeerConnection yet");
    return runDemo(args, {
      RTCPeerConnection,
      implementation: `${name} ${version}`,
      out: process.stdout,
      err: process.stderr,
      signal: interrupted.signal,
    });
  }
  return 0;
}

main(process.argv.slice(2)).then(
  // Nothing is left to do by now; what a connection may still hold open must not keep the command running.
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`parley: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
