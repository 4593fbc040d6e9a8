// The platform of one virtual host (src/peer/platform.ts): virtual clock, timers and tasks, its network, and node's
// cryptography with randomness from a seeded stream. Ephemeral keys and ECDSA signatures still come from OpenSSL's own
// generator, so contents differ between runs of the same seed; what happens to packets does not.
import type { CryptoProvider } from "#src/crypto/provider.js";
import { nodeCrypto } from "#src/node/crypto.js";
import type { Platform } from "#src/peer/platform.js";
import type { Logger } from "#src/util/logger.js";
import type { Cancellable } from "#src/util/net.js";
import type { Host } from "./network.js";
import type { Random } from "./random.js";
import type { Scheduler } from "./scheduler.js";

/** Node's provider with `random` from a stream, and key generation that takes no real time. */
export function seededCrypto(random: Random): CryptoProvider {
  return {
    ...nodeCrypto,
    random: (length) => random.bytes(length),
    generateKeyPairAsync: async (algorithm) => nodeCrypto.generateKeyPair(algorithm),
  };
}

export class VirtualPlatform implements Platform {
  readonly crypto: CryptoProvider;
  readonly network: Host;
  /** 2026-01-01T00:00:00Z. */
  readonly timeOrigin: number = 1_767_225_600_000;
  logger: Logger | undefined;
  private readonly scheduler: Scheduler;
  private readonly timers = new Set<object>();
  private readonly holding = new Set<object>();

  constructor(scheduler: Scheduler, host: Host, random: Random) {
    this.scheduler = scheduler;
    this.network = host;
    this.crypto = seededCrypto(random);
  }

  /** Timers set, not yet run and not cancelled. */
  get pendingTimers(): number {
    return this.timers.size;
  }

  /** Those of them that would keep a process alive. */
  get pendingHoldingTimers(): number {
    return this.holding.size;
  }

  now(): number {
    return this.scheduler.now;
  }

  setTimer(callback: (now: number) => void, delay: number, hold: boolean): Cancellable {
    const release = (): void => {
      this.timers.delete(entry);
      this.holding.delete(entry);
    };
    const entry = this.scheduler.after(delay, (now) => {
      release();
      callback(now);
    });
    this.timers.add(entry);
    if (hold) this.holding.add(entry);
    return {
      cancel() {
        release();
        entry.cancel();
      },
    };
  }

  queueTask(callback: () => void): void {
    this.scheduler.queueTask(callback);
  }

  /** Whoever still looks sees it. */
  release(packets: readonly Uint8Array[]): void {
    for (const packet of packets) {
      if (packet.length === packet.buffer.byteLength) packet.fill(0xdb);
    }
  }
}
