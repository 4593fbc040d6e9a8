// The stacks that the loopback benchmarks know: Parley's build, and others as they are installed in interop/ (`npm run interop -- --list`
// installs them). Each gives its RTCPeerConnection, and how it tells that a channel's buffer is low.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const resolve = createRequire(new URL("../interop/package.json", import.meta.url)).resolve;
const imported = (name) => import(pathToFileURL(resolve(name)));

const onEvent = (channel, refill) => {
  channel.onbufferedamountlow = refill;
};

const MiB = 1 << 20;

const STACKS = {
  parley: async () => ({ ...(await import("../dist/index.js")), onLow: onEvent }),
  werift: async () => ({
    ...(await imported("werift")),
    onLow: (channel, refill) => channel.bufferedAmountLow.subscribe(refill),
    // Its cost of a message grows with those queued: with a MiB of small ones it sends seven a second.
    smallMessageBuffer: 64 * 1024,
  }),
  "node-datachannel": async () => ({ ...(await imported("node-datachannel/polyfill")), onLow: onEvent }),
};

export const stackNames = Object.keys(STACKS);
export const stackName = process.env.BENCH_STACK ?? "parley";
export const { RTCPeerConnection, onLow, smallMessageBuffer = MiB } = await STACKS[stackName]();
/** The same for all: no servers. */
export const configuration = { iceServers: [] };
