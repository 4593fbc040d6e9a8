// The memory that the jitter buffers of a session take together. Each has a limit of its own, which a high bitrate and a long
// delay may need; a peer that makes up streams shall not get that many times.

/** Bytes of payloads: four seconds of 128 Mbit/s. */
export const MAX_SESSION_BUFFERED_BYTES: number = 64 * 1024 * 1024;

export interface BudgetHolder {
  /** Bytes that it holds. */
  readonly bytes: number;
  /** Throws away what it holds. */
  reset(): void;
}

export class BufferBudget {
  private readonly holders = new Set<BudgetHolder>();
  private readonly limit: number;
  private taken = 0;

  constructor(limit: number = MAX_SESSION_BUFFERED_BYTES) {
    this.limit = limit;
  }

  get bytes(): number {
    return this.taken;
  }

  /** Takes bytes for a holder. Where there are too few, whoever holds most loses everything. False: that was this one. */
  take(holder: BudgetHolder, bytes: number): boolean {
    this.holders.add(holder);
    while (this.taken + bytes > this.limit) {
      let largest = holder;
      for (const other of this.holders) if (other.bytes > largest.bytes) largest = other;
      largest.reset();
      if (largest === holder) return false;
    }
    this.taken += bytes;
    return true;
  }

  give(bytes: number): void {
    this.taken -= bytes;
  }

  /** The holder has given everything back, and is gone. */
  remove(holder: BudgetHolder): void {
    this.holders.delete(holder);
  }
}
