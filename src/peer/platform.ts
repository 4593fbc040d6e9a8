// The port to the platform: everything outside the core that a peer connection needs. The entry points bind it to Node
// (src/node/platform.ts); test/sim has a virtual one.
import type { CryptoProvider } from "../crypto/provider.js";
import type { Logger } from "../util/logger.js";
import type { Cancellable, Network } from "../util/net.js";

export interface Platform {
  readonly crypto: CryptoProvider;
  readonly network: Network;
  /** Monotonic milliseconds, fractional. */
  now(): number;
  /** Milliseconds since the Unix epoch at which `now()` was zero. */
  readonly timeOrigin: number;
  /** Calls back once after `delay` milliseconds (never earlier). A pending timer keeps the process alive only if `hold`. */
  setTimer(callback: (now: number) => void, delay: number, hold: boolean): Cancellable;
  /**
   * Queues a task: microtasks run before and after it, as in the HTML event loop. `timely`: it should also run before the
   * timers that are set after this call, however short, as it would in a browser. Such tasks may overtake others.
   */
  queueTask(callback: () => void, timely?: boolean): void;
  /** Calls back when the microtasks of the task that runs now are done, before any other task; microtasks run after it. */
  continueTask?(callback: () => void): void;
  /**
   * Packets that came from the network, of which nobody looks at these bytes any more: their memory can be given back, as far
   * as it is theirs alone. Without it that is left to the garbage collector.
   */
  release?(packets: readonly Uint8Array[]): void;
  readonly logger?: Logger | undefined;
}
