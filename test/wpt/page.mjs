// One test file in a process of its own: makes a window, puts Parley's classes on it, and runs the scripts of the page in
// their order. What testharness.js says of each subtest goes to the parent process.
import { readFileSync, statSync } from "node:fs";
import { join, normalize } from "node:path";
import vm from "node:vm";
import { audioClasses } from "./audio-context.mjs";
import { pageOf } from "./tests.mjs";
import { installWindow } from "./window.mjs";
import { workerClass } from "./worker.mjs";

const [root, file, query, module] = process.argv.slice(2);
const url = new URL(`https://web-platform.test:8443/${file.replace(/\.js$/, ".html")}${query}`);
/** The server of the tests has these elsewhere. */
const ELSEWHERE = new Map([["/resources/WebIDLParser.js", "/resources/webidl2/lib/webidl2.js"]]);

function readFile(pathname) {
  const path = normalize(join(root, ELSEWHERE.get(pathname) ?? decodeURIComponent(pathname)));
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path, "utf8") : undefined;
}

const report = (message) => process.send(message);
const parley = await import(module);
const globals = new URL("globals.js", module).href;
await import(globals);
const media = await import(new URL("media.js", module).href);
for (const name of ["log", "info", "debug", "warn", "error"]) console[name] = () => {};

const document = installWindow({ html: pageOf(root, file, query), url, readFile, media });
const Worker = workerClass({ url, readFile, globals });
for (const [name, value] of Object.entries({ ...parley, ...audioClasses(parley), Worker })) {
  if (!/^[A-Z]/.test(name)) continue;
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}

/** What the server of the tests answers by itself. */
const OWN_SCRIPTS = new Map([
  [
    "/resources/testharnessreport.js",
    () => {
      const subtest = ({ name, status, message }) => ({ name, status, message: message ?? "" });
      setup({ output: false });
      add_result_callback((test) => report({ subtest: subtest(test) }));
      add_completion_callback((tests, { status, message }) =>
        report({ subtests: tests.map(subtest), status, message: message ?? "" }),
      );
    },
  ],
  [
    "/resources/testdriver-vendor.js",
    () => {
      const driver = globalThis.test_driver_internal;
      // Nobody sits here who could click.
      driver.in_automation = true;
      // The devices are synthetic, and nobody is asked: what is granted already can be granted, and nothing be denied.
      driver.set_permission = async ({ state }) => {
        if (state !== "granted") throw new Error(`a permission cannot be ${state} here`);
      };
    },
  ],
]);

for (const script of document.getElementsByTagName("script")) {
  document.currentScript = script;
  try {
    if (!script.hasAttribute("src")) vm.runInThisContext(script.textContent, { filename: url.pathname });
    else {
      const { pathname } = new URL(script.src, url);
      const own = OWN_SCRIPTS.get(pathname);
      const source = own === undefined ? readFile(pathname) : undefined;
      if (own !== undefined) own();
      else if (source !== undefined) vm.runInThisContext(source, { filename: pathname });
    }
  } catch (error) {
    dispatchEvent(new ErrorEvent("error", { error, message: `Uncaught ${error}`, filename: url.href }));
  }
}
document.currentScript = null;
setImmediate(() => {
  document.readyState = "complete";
  document.dispatchEvent(new Event("DOMContentLoaded"));
  setImmediate(() => dispatchEvent(new Event("load")));
});
// The parent ends this process, with the verdict or without.
setInterval(() => {}, 2 ** 30);
