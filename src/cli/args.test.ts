import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArguments, UsageError } from "./args.js";

test("demo without options takes the next free port from 8080, on this machine alone", () => {
  assert.deepEqual(parseArguments(["demo"]), {
    command: "demo",
    headless: false,
    host: "127.0.0.1",
    port: 8080,
    anyPort: true,
    size: 100,
    timeout: undefined,
  });
});

test("options are taken with a space or an equals sign", () => {
  const expected = {
    command: "demo",
    headless: true,
    host: "::1",
    port: 9000,
    anyPort: false,
    size: 0.5,
    timeout: 30,
  };
  const spaced = ["demo", "--headless", "--host", "::1", "--port", "9000", "--size", "0.5", "--timeout", "30"];
  const joined = ["demo", "--headless", "--host=::1", "--port=9000", "--size=0.5", "--timeout=30"];
  assert.deepEqual(parseArguments(spaced), expected);
  assert.deepEqual(parseArguments(joined), expected);
});

test("help is found wherever it is asked for", () => {
  for (const argv of [[], ["help"], ["--help"], ["-h"], ["demo", "--help"], ["demo", "--headless", "-h"]]) {
    assert.deepEqual(parseArguments(argv), { command: "help" });
  }
  assert.deepEqual(parseArguments(["--version"]), { command: "version" });
});

test("mistakes are named", () => {
  const cases: [string[], RegExp][] = [
    [["dance"], /unknown command: dance/],
    [["demo", "--heedless"], /unknown option: --heedless/],
    [["demo", "extra"], /unknown option: extra/],
    [["demo", "--port"], /--port needs a value/],
    [["demo", "--port="], /--port needs a value/],
    [["demo", "--port", "80.5"], /--port is a whole number/],
    [["demo", "--port", "70000"], /--port/],
    [["demo", "--headless", "--size", "-1"], /--size/],
    [["demo", "--headless", "--size", "ten"], /--size/],
    [["demo", "--size", "10"], /goes with --headless/],
  ];
  for (const [argv, message] of cases) {
    assert.throws(
      () => parseArguments(argv),
      (error: unknown) => error instanceof UsageError && message.test(error.message),
      argv.join(" "),
    );
  }
});
