// `parley demo`: serves the page until interrupted, or drives it headless once.
import { once } from "node:events";
import type { DemoArguments } from "../args.js";
import type { TextOutput } from "../terminal.js";
import type { EchoedFile } from "./file-echo.js";
import { runHeadless } from "./headless.js";
import { type DemoServer, startDemoServer } from "./server.js";
import type { PeerConnectionClass } from "./w3c.js";

/** Slowest speed that a headless run allows for by itself: the time limit grows with the size. */
const SLOWEST = 1; // MiB/s
const LEAST_LIMIT = 60; // seconds

export interface DemoContext {
  readonly RTCPeerConnection: PeerConnectionClass;
  /** Name and version of the implementation behind the Node peer. */
  readonly implementation: string;
  readonly out: TextOutput;
  readonly err: TextOutput;
  /** Aborted when the user wants out. */
  readonly signal: AbortSignal;
}

/** Resolves with the exit code. */
export async function runDemo(args: DemoArguments, context: DemoContext): Promise<number> {
  const { out, err, signal } = context;
  let echoed: EchoedFile | undefined;
  let server: DemoServer;
  try {
    server = await startDemoServer({
      RTCPeerConnection: context.RTCPeerConnection,
      implementation: context.implementation,
      host: args.host,
      port: args.port,
      anyPort: args.anyPort,
      onVisitor: (change, visitors) => {
        if (!args.headless) out.write(`a visitor ${change}, ${visitors} here\n`);
      },
      onEchoed: (file) => {
        echoed = file;
      },
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    err.write(`${code === "EADDRINUSE" ? `port ${args.port} is taken` : message}\n`);
    return 1;
  }
  try {
    out.write(`${context.implementation} demo on ${server.url}\n`);
    if (!args.headless) {
      out.write("Open it in a browser; Ctrl-C ends it.\n");
      if (!signal.aborted) await once(signal, "abort");
      return 0;
    }
    const limit = (args.timeout ?? LEAST_LIMIT + (2 * args.size) / SLOWEST) * 1000;
    await runHeadless({ url: server.url, size: args.size, limit, out, signal, echoed: () => echoed });
    return 0;
  } catch (error) {
    // Whatever went wrong, the browser's own errors included, is why the run failed.
    err.write(`Failed: ${error instanceof Error ? error.message : String(error)}\n`);
    return signal.aborted ? 130 : 1;
  } finally {
    await server.close();
  }
}
