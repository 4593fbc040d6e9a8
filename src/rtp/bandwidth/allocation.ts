// Shares a bitrate between streams: first the minima, then by weight up to each maximum, and what a stream cannot take goes to
// the others.

/** What a stream asks for. */
export interface AllocationRequest {
  /** Relative weight: 1, 2, 4, 8 for very-low, low, medium, high (RFC 8831's priorities as the W3C's RTCPriorityType). */
  readonly priority: number;
  /** Bits per second; null or Infinity: none. */
  readonly max: number | null;
  /** False: gets nothing. */
  readonly active: boolean;
  /** Bits per second that it gets before weights count; 0 unless given. */
  readonly min?: number;
}

/** Bits per second for each stream, in the order given; together at most `total`. */
export function allocate(total: number, streams: readonly AllocationRequest[]): number[] {
  const given = new Array<number>(streams.length).fill(0);
  let left = Math.max(0, total);
  let weights = 0;
  let minima = 0;
  for (const stream of streams) if (stream.active) minima += minimum(stream);
  // Too little for all minima: each gets its share of what there is.
  const scale = minima > left ? left / minima : 1;
  for (let i = 0; i < streams.length; i++) {
    const stream = streams[i]!;
    if (!stream.active) continue;
    given[i] = minimum(stream) * scale;
    left -= given[i]!;
    if (given[i]! < maximum(stream)) weights += weight(stream);
  }
  // Each round fills at least one stream up, or ends.
  for (let round = 0; round < streams.length && left > 1 && weights > 0; round++) {
    const perWeight = left / weights;
    let filled = false;
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[i]!;
      const room = maximum(stream) - given[i]!;
      if (!stream.active || room <= 0 || room > weight(stream) * perWeight) continue;
      given[i] = maximum(stream);
      left -= room;
      weights -= weight(stream);
      filled = true;
    }
    if (filled) continue;
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[i]!;
      if (stream.active && given[i]! < maximum(stream)) given[i]! += weight(stream) * perWeight;
    }
    break;
  }
  return given;
}

function weight(stream: AllocationRequest): number {
  return stream.priority > 0 ? stream.priority : 1;
}

function maximum(stream: AllocationRequest): number {
  return stream.max === null ? Number.POSITIVE_INFINITY : Math.max(0, stream.max);
}

function minimum(stream: AllocationRequest): number {
  return Math.min(stream.min ?? 0, maximum(stream));
}
