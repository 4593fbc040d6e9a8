// The thread of a worker: makes its global object a DedicatedWorkerGlobalScope, and runs the script.
import vm from "node:vm";
import { workerData } from "node:worker_threads";

const { source, address, globals } = workerData;
await import(globals);
// Its scope of a worker: events, messages, rtctransform.
await import(new URL("worker.js", globals));
Object.defineProperty(globalThis, "location", { value: new URL(address), configurable: true });

// A thread of Node's ends with the first rejection that nobody handles; a worker of a browser goes on.
process.on("unhandledRejection", () => {});

if (source === undefined) throw new Error(`no script at ${address}`);
vm.runInThisContext(source, { filename: address });
