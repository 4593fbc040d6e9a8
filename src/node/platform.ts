// Node as the platform of peer connections: clock, timers, tasks, sockets, cryptography.
import { networkInterfaces } from "node:os";
import type { Platform } from "../peer/platform.js";
import type { Logger } from "../util/logger.js";
import type { Cancellable, InterfaceAddress, Network } from "../util/net.js";
import { nodeCrypto } from "./crypto.js";
import { publish, resolve } from "./resolver.js";
import { listenTcp, openTcp } from "./tcp.js";
import { openUdp } from "./udp.js";

const now = (): number => performance.now();

/** How long a list of interfaces is used again: reading it is a system call of some 50 microseconds. */
const INTERFACES_MAX_AGE = 1000;
let interfacesRead = Number.NEGATIVE_INFINITY;
let interfacesCache: readonly InterfaceAddress[] = [];

function interfaces(): readonly InterfaceAddress[] {
  if (now() - interfacesRead < INTERFACES_MAX_AGE) return interfacesCache;
  const found: InterfaceAddress[] = [];
  for (const [name, entries] of Object.entries(networkInterfaces())) {
    for (const { address, family, internal } of entries ?? []) {
      // A link-local IPv6 address needs a zone to be used, which candidates cannot carry.
      if (family === "IPv6" && /^fe[89ab]/i.test(address)) continue;
      found.push({ name, address, family: family === "IPv6" ? 6 : 4, internal });
    }
  }
  interfacesRead = now();
  interfacesCache = found;
  return found;
}

const network: Network = {
  interfaces,
  openUdp: (options, handler) => openUdp(options, handler, now),
  connectTcp: (options, handler) => openTcp(options, handler, now),
  listenTcp: (options, handler) => listenTcp(options, handler, now),
  resolve: (hostname, done) => resolve(hostname, (addresses) => done(addresses, now())),
  publish,
};

function setTimer(callback: (now: number) => void, delay: number, hold: boolean): Cancellable {
  // Rounded up: setTimeout drops the fraction, and a timer that fires early finds nothing to do and is set again.
  const timer = setTimeout(() => callback(now()), Math.max(0, Math.ceil(delay)));
  if (!hold) timer.unref();
  return { cancel: () => clearTimeout(timer) };
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
  queueTask: (callback) => void setImmediate(callback),
  logger,
};
