// The thread of a worker: makes its global object a DedicatedWorkerGlobalScope, and runs the script.
import vm from "node:vm";
import { parentPort, workerData } from "node:worker_threads";

const { source, address, globals } = workerData;
await import(globals);

const define = (name, value) =>
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
const events = new EventTarget();
for (const name of ["addEventListener", "removeEventListener", "dispatchEvent"])
  define(name, events[name].bind(events));
define("self", globalThis);
define("location", new URL(address));
define("onmessage", null);
define("postMessage", (message, transfer) => parentPort.postMessage(message, transfer));
define("close", () => process.exit());

if (source === undefined) throw new Error(`no script at ${address}`);
vm.runInThisContext(source, { filename: address });
parentPort.on("message", (data) => {
  const event = new MessageEvent("message", { data });
  globalThis.onmessage?.(event);
  events.dispatchEvent(event);
});
