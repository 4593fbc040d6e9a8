// A process that holds one peer in Node: JSON lines on stdin and stdout around agent.mjs. Argument: the module to import.
import { createInterface } from "node:readline";
import { createAgent } from "./agent.mjs";

const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
// What the implementation prints itself must not mix with the protocol.
console.log = console.info = console.debug = console.error;

const module = await import(process.argv[2]);
const api = module.RTCPeerConnection ? module : module.default;
const handle = createAgent(api, write);

for (const stray of ["unhandledRejection", "uncaughtException"]) {
  process.on(stray, (error) => write({ event: "stray", message: `${stray}: ${error?.stack ?? error}` }));
}
createInterface({ input: process.stdin })
  .on("line", (line) => void handle(JSON.parse(line)))
  .on("close", () => process.exit(0));
write({ event: "ready" });
