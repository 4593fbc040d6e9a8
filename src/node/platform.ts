// Node as the platform of peer connections: clock, timers, tasks, sockets, cryptography.
import type { Platform } from "../peer/platform.js";
import { Fifo } from "../util/fifo.js";
import type { Logger } from "../util/logger.js";
import { microtask } from "../util/microtask.js";
import type { Cancellable, Network } from "../util/net.js";
import { nodeCrypto } from "./crypto.js";
import { firstHopPayload, interfaces } from "./interfaces.js";
import { releasePackets } from "./release.js";
import { publish, resolve } from "./resolver.js";
import { listenTcp, openTcp } from "./tcp.js";
import { loop, now } from "./timers.js";
import { openUdp } from "./udp.js";

const network: Network = {
  interfaces,
  openUdp: (options, handler) => openUdp(options, handler, now),
  connectTcp: (options, handler) => openTcp(options, handler, now),
  listenTcp: (options, handler) => listenTcp(options, handler, now),
  resolve: (hostname, done, isPeers) => resolve(hostname, (addresses) => done(addresses, now()), isPeers),
  publish,
  firstHopPayload,
};

/** The longest delay that Node takes; what is longer it makes a millisecond. */
const MAX_DELAY = 2 ** 31 - 1;

class NodeTimer implements Cancellable {
  private readonly callback: (now: number) => void;
  private readonly timer: ReturnType<typeof setTimeout>;

  constructor(callback: (now: number) => void, delay: number, hold: boolean) {
    this.callback = callback;
    this.timer = loop.setTimeout(NodeTimer.fire, delay, this);
    if (!hold) this.timer.unref();
  }

  private static fire(this: void, timer: NodeTimer): void {
    timer.callback(now());
  }

  cancel(): void {
    loop.clearTimeout(this.timer);
  }
}

function setTimer(callback: (now: number) => void, delay: number, hold: boolean): Cancellable {
  // Rounded up: setTimeout drops the fraction, and a timer that fires early finds nothing to do and is set again.
  const rounded = Math.max(0, Math.ceil(delay));
  if (rounded > MAX_DELAY) return setLongTimer(callback, rounded, hold);
  return new NodeTimer(callback, rounded, hold);
}

function setLongTimer(callback: (now: number) => void, delay: number, hold: boolean): Cancellable {
  const rest = (): void => {
    timer = setTimer(callback, delay - MAX_DELAY, hold);
  };
  let timer = setTimer(rest, MAX_DELAY, hold);
  return { cancel: () => timer.cancel() };
}

/** A tick that was queued by a microtask comes when no microtask is left. */
function continueTask(callback: () => void): void {
  microtask(() => loop.nextTick(callback));
}

/**
 * Node's loop comes by the timers before the immediates: after a millisecond's work a `setTimeout(f, 0)` of now is called
 * before what was queued here. Timers of equal length are called in order, so with one of our own, from before, this goes
 * first. It is for all that is queued until it fires: a timer for each task would cost more than most tasks do.
 */
const timely: Fifo<() => void> = new Fifo();
let isGuarded = false;
/** Tasks that the timer was faster with: their immediates are still to come, and have nothing to do. */
let early = 0;

function queueTimely(callback: () => void): void {
  timely.push(callback);
  loop.setImmediate(runTimely);
  if (isGuarded) return;
  isGuarded = true;
  loop.setTimeout(guard, 0).unref();
}

function runTimely(): void {
  if (early > 0) early--;
  else timely.shift()?.();
}

/** What waits is run now, each with its microtasks before the next. */
function guard(): void {
  isGuarded = false;
  let left = timely.length;
  const next = (): void => {
    if (--left > 0) continueTask(next);
    early++;
    timely.shift()?.();
  };
  if (left > 0) next();
}

let logger: Logger | undefined;
const parleyDebug = process.env.PARLEY_DEBUG;
if (parleyDebug) {
  const scopes = parleyDebug === "*" || parleyDebug === "1" ? undefined : new Set(parleyDebug.split(","));
  logger = (level, scope, message) => {
    if (scopes === undefined || scopes.has(scope)) {
      process.stderr.write(`${now().toFixed(1)} ${level} ${scope}: ${message}\n`);
    }
  };
}

export const nodePlatform: Platform = {
  crypto: nodeCrypto,
  network,
  now,
  timeOrigin: performance.timeOrigin,
  setTimer,
  queueTask(callback, timely) {
    if (timely === true) queueTimely(callback);
    else loop.setImmediate(callback);
  },
  release: releasePackets,
  continueTask,
  logger,
};
