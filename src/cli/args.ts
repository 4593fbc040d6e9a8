// Reads the command line of `parley`.

export interface DemoArguments {
  readonly command: "demo";
  readonly headless: boolean;
  readonly host: string;
  readonly port: number;
  /** Whether the next free port will do: only where the user named none. */
  readonly anyPort: boolean;
  /** MiB to move there and back, headless. */
  readonly size: number;
  /** Seconds that a headless run may take, or undefined for a limit after the size. */
  readonly timeout: number | undefined;
}

export interface HelpArguments {
  readonly command: "help" | "version";
}

export type Arguments = DemoArguments | HelpArguments;

/** What the user got wrong. */
export class UsageError extends Error {}

export const HELP = `parley: WebRTC for Node.js

Usage
  parley demo [options]     serve the demo page, with a Node peer that answers it
  parley --help             this text
  parley --version          the version

Options of demo
  --headless                open the page in the bundled Chromium, move a file there and back, then a (made up) camera's
                            picture and sound, and exit; the exit code is 0 only if everything arrived
  --size MiB                size of that file (100)
  --timeout SECONDS         time that a headless run may take (60, and more for large files)
  --port N                  port to serve on (8080, or the next free one; 0 takes any)
  --host ADDRESS            address to serve on (127.0.0.1: this machine only)
`;

const MAX_SIZE = 1024 * 1024;

export function parseArguments(argv: readonly string[]): Arguments {
  const [command, ...rest] = argv;
  if (command === undefined || command === "help" || command === "--help" || command === "-h") {
    return { command: "help" };
  }
  if (command === "version" || command === "--version" || command === "-v") return { command: "version" };
  if (command !== "demo") throw new UsageError(`unknown command: ${command}`);
  return parseDemo(rest);
}

function parseDemo(argv: readonly string[]): Arguments {
  let headless = false;
  let host = "127.0.0.1";
  let port: number | undefined;
  let size: number | undefined;
  let timeout: number | undefined;
  const queue = [...argv];
  for (let argument = queue.shift(); argument !== undefined; argument = queue.shift()) {
    const equals = argument.startsWith("--") ? argument.indexOf("=") : -1;
    const name = equals < 0 ? argument : argument.slice(0, equals);
    const value = (): string => {
      const given = equals < 0 ? queue.shift() : argument!.slice(equals + 1);
      if (given === undefined || given === "") throw new UsageError(`${name} needs a value`);
      return given;
    };
    if (name === "--help" || name === "-h") return { command: "help" };
    if (name === "--headless" && equals < 0) headless = true;
    else if (name === "--host") host = value();
    else if (name === "--port") port = number(name, value(), 0, 65535, true);
    else if (name === "--size") size = number(name, value(), 0, MAX_SIZE, false);
    else if (name === "--timeout") timeout = number(name, value(), 1, 86_400, false);
    else throw new UsageError(`unknown option: ${argument}`);
  }
  if (!headless && size !== undefined) throw new UsageError("--size goes with --headless");
  if (!headless && timeout !== undefined) throw new UsageError("--timeout goes with --headless");
  return {
    command: "demo",
    headless,
    host,
    port: port ?? 8080,
    anyPort: port === undefined,
    size: size ?? 100,
    timeout,
  };
}

function number(name: string, text: string, min: number, max: number, whole: boolean): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
    throw new UsageError(`${name} is a ${whole ? "whole " : ""}number from ${min} to ${max}, not ${text}`);
  }
  return value;
}
