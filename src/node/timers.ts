// Node's timers and clock as they were when this was loaded. A program's tests may put others in their place and run those by hand, or
// throw away what waits (node:test, sinon, Jest): peers are real all the same, and sockets go on. Nothing else in this folder takes them
// from the globals. util/microtask.ts is the same for microtasks.
import { performance } from "node:perf_hooks";
import timers from "node:timers";

/** The event loop; an object, so that our own tests can turn it by hand. */
export const loop: Pick<typeof timers, "setTimeout" | "clearTimeout" | "setImmediate"> &
  Pick<typeof process, "nextTick"> = {
  setTimeout: timers.setTimeout,
  clearTimeout: timers.clearTimeout,
  setImmediate: timers.setImmediate,
  nextTick: process.nextTick,
};

/** Monotonic milliseconds. */
export const now: () => number = performance.now.bind(performance);
