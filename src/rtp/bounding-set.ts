// The limits that a peer's receivers ask of one stream by TMMBR, and those of them that bind (RFC 5104 §3.5.4, §4.2). A limit is a
// bitrate with what a packet has besides its payload, so that which one binds depends on how many packets a second there are. Not
// the messages, which are in feedback.ts.

/** Who may have asked; more, and the one who asked longest ago is forgotten. */
export const MAX_LIMIT_OWNERS = 16;
/** Bytes of payload of a packet, before there are any to measure. */
const DEFAULT_PAYLOAD = 1000;

/** RFC 5104 calls it a tuple. */
export interface BitrateLimit {
  readonly owner: number;
  /** Bits per second, with all headers that the owner counts. */
  readonly bitrate: number;
  /** Bytes of these headers, per packet. */
  readonly overhead: number;
}

export class BoundingSet {
  private readonly limits = new Map<number, BitrateLimit>();

  /** What `owner` asks for replaces what it asked for before. */
  set(owner: number, bitrate: number, overhead: number): void {
    this.limits.delete(owner);
    if (this.limits.size >= MAX_LIMIT_OWNERS) this.limits.delete(this.limits.keys().next().value!);
    this.limits.set(owner, { owner, bitrate, overhead });
  }

  /** The owner is gone. False: it had not asked. */
  remove(owner: number): boolean {
    return this.limits.delete(owner);
  }

  /**
   * Those that bind at some packet rate, by rising packet rate: the lower envelope of the lines that the limits are (RFC 5104 §3.5.4.2).
   * Empty if nobody has asked.
   */
  get tuples(): readonly BitrateLimit[] {
    const out: BitrateLimit[] = [];
    let current: BitrateLimit | undefined;
    // At no packets at all the lowest bitrate binds; of equals that with the larger overhead, or the later.
    for (const limit of this.limits.values()) {
      const isLower = current === undefined || limit.bitrate < current.bitrate;
      if (isLower || (limit.bitrate === current!.bitrate && limit.overhead >= current!.overhead)) current = limit;
    }
    while (current !== undefined) {
      out.push(current);
      const { bitrate, overhead }: BitrateLimit = current;
      let next: BitrateLimit | undefined;
      // Up to the packet rate at which headers alone use it up.
      let least = overhead === 0 ? Number.POSITIVE_INFINITY : bitrate / overhead;
      for (const limit of this.limits.values()) {
        if (limit.overhead <= overhead) continue;
        const crossing = (limit.bitrate - bitrate) / (limit.overhead - overhead);
        const isFirst =
          crossing < least || (crossing === least && next !== undefined && limit.overhead > next.overhead);
        if (!isFirst) continue;
        least = crossing;
        next = limit;
      }
      current = next;
    }
    return out;
  }

  /** Bits per second of payload that all of them allow in packets of so many bytes of it, NaN: not known. Infinity without a limit. */
  payloadBitrate(payloadBytes: number): number {
    const size = payloadBytes > 0 ? payloadBytes : DEFAULT_PAYLOAD;
    let least = Number.POSITIVE_INFINITY;
    for (const { bitrate, overhead } of this.limits.values()) {
      least = Math.min(least, (bitrate * size) / (size + overhead));
    }
    return least;
  }
}
