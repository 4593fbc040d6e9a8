// Shares a bitrate between streams: first the minima, then by weight up to what each can use, and what is left to whoever may have it.
// What a stream can use need not be any rate: one that is forwarded has the layers that its source sends, and nothing between them.

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
  /** Its minimum comes before those of others. */
  readonly isUrgent?: boolean;
  /** The rates that it can use, rising, bits per second; the lowest goes out whatever it gets. Without: any. */
  readonly steps?: readonly number[];
  /** Which of them is in use; -1: none yet. */
  readonly step?: number;
  /** What the weight is multiplied by: bits per second that it could use at most. Without: as the largest of the others. */
  readonly size?: number;
}

/** A step that is not in use yet is taken with so much room; the highest one gets that, too. */
const CLIMBING_ROOM = 1.26;
/** What a step that is in use has to have at most, so that nobody tries the next one. */
const HOLDING_ROOM = 1.2;
/** What is forwarded as it is may vary by so much. */
const PASSING_ROOM = 1.1;

/**
 * Bits per second for each stream, in the order given; together at most `total`. `isBound`: it is known that there is not more. Who has more
 * than its step needs tries the next one all the same (w3c/layer-choice.ts): at the cost of others there is nothing to try then, and
 * otherwise one tries at a time.
 */
export function allocate(total: number, streams: readonly AllocationRequest[], isBound = false): number[] {
  const given = new Array<number>(streams.length).fill(0);
  const weights = weigh(streams);
  let left = Math.max(0, total);
  left = giveMinima(streams, given, left, true);
  left = giveMinima(streams, given, left, false);
  left = fill(streams, given, weights, left, useful);
  const limits = streams.map(maximum);
  left = settle(streams, given, weights, left, streams.length > 1 ? limits : undefined, isBound);
  fill(streams, given, weights, left, (_, i) => limits[i]!);
  return given;
}

function weigh(streams: readonly AllocationRequest[]): number[] {
  let largest = 0;
  for (const { active, size } of streams) if (active && size !== undefined) largest = Math.max(largest, size);
  return streams.map(({ priority, size }) => (priority > 0 ? priority : 1) * (size ?? (largest || 1)));
}

function giveMinima(
  streams: readonly AllocationRequest[],
  given: number[],
  available: number,
  isUrgent: boolean,
): number {
  let minima = 0;
  for (const stream of streams) {
    if (stream.active && (stream.isUrgent ?? false) === isUrgent) minima += minimum(stream);
  }
  // Too little for all: each gets its share of what there is.
  const scale = minima > available ? available / minima : 1;
  let left = available;
  for (let i = 0; i < streams.length; i++) {
    const stream = streams[i]!;
    if (!stream.active || (stream.isUrgent ?? false) !== isUrgent) continue;
    given[i] = minimum(stream) * scale;
    left -= given[i]!;
  }
  // Rounding.
  return Math.max(0, left);
}

/** Gives what there is by weight, to each at most up to its limit, on top of what it has. The result is what is left. */
function fill(
  streams: readonly AllocationRequest[],
  given: number[],
  weights: readonly number[],
  available: number,
  limit: (stream: AllocationRequest, index: number) => number,
): number {
  let left = available;
  let weight = 0;
  for (let i = 0; i < streams.length; i++) {
    if (streams[i]!.active && given[i]! < limit(streams[i]!, i)) weight += weights[i]!;
  }
  // Each round fills at least one stream up, or ends.
  for (let round = 0; round < streams.length && left > 1 && weight > 0; round++) {
    const perWeight = left / weight;
    let filled = false;
    for (let i = 0; i < streams.length; i++) {
      const room = limit(streams[i]!, i) - given[i]!;
      if (!streams[i]!.active || room <= 0 || room > weights[i]! * perWeight) continue;
      given[i] = limit(streams[i]!, i);
      left -= room;
      weight -= weights[i]!;
      filled = true;
    }
    if (filled) continue;
    for (let i = 0; i < streams.length; i++) {
      if (streams[i]!.active && given[i]! < limit(streams[i]!, i)) given[i]! += weights[i]! * perWeight;
    }
    return 0;
  }
  return left;
}

/**
 * Takes from streams with steps what lies between two of them, and gives it to those that it brings to their next: first those that would
 * have to leave the one in use, so that who has come up by what others cannot use stays there; then by what share of its size
 * each has. Gives what is left; `limits` get what each may have of that at most.
 */
function settle(
  streams: readonly AllocationRequest[],
  given: number[],
  weights: readonly number[],
  available: number,
  limits: number[] | undefined,
  isBound: boolean,
): number {
  let left = available;
  const levels = streams.map((stream, i) => {
    const { active, steps } = stream;
    if (!active || steps === undefined || steps.length < 2) return -1;
    let level = 0;
    while (level + 1 < steps.length && need(stream, level + 1) <= given[i]!) level++;
    const surplus = given[i]! - need(stream, level);
    if (surplus > 0) {
      given[i]! -= surplus;
      left += surplus;
    }
    return level;
  });
  for (;;) {
    let next = -1;
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[i]!;
      const level = levels[i]! + 1;
      if (level === 0 || level >= stream.steps!.length) continue;
      const needed = need(stream, level);
      if (needed - given[i]! > left || needed > maximum(stream)) continue;
      const isInUse = level <= (stream.step ?? -1);
      const rank = isInUse ? -weights[i]! : needed / weights[i]!;
      if (rank >= best) continue;
      best = rank;
      next = i;
    }
    if (next < 0) break;
    levels[next]!++;
    const needed = need(streams[next]!, levels[next]!);
    left -= needed - given[next]!;
    given[next] = needed;
  }
  if (limits === undefined) return left;
  let mayTry = !isBound;
  for (let i = 0; i < streams.length; i++) {
    const { steps } = streams[i]!;
    const level = levels[i]!;
    if (level < 0 || level + 1 >= steps!.length) continue;
    if (!mayTry) limits[i] = Math.min(limits[i]!, steps![level]! * HOLDING_ROOM);
    mayTry = false;
  }
  return left;
}

/** What a stream has to have for one of its steps. */
function need({ steps, step = -1 }: AllocationRequest, level: number): number {
  return steps![level]! * (level === 0 || level <= step ? 1 : CLIMBING_ROOM);
}

/** What it can use. */
function useful(stream: AllocationRequest): number {
  const { steps } = stream;
  if (steps === undefined) return maximum(stream);
  if (steps.length === 0) return minimum(stream);
  return Math.min(maximum(stream), steps.at(-1)! * (steps.length === 1 ? PASSING_ROOM : CLIMBING_ROOM));
}

function maximum({ max }: AllocationRequest): number {
  return max === null ? Number.POSITIVE_INFINITY : Math.max(0, max);
}

function minimum(stream: AllocationRequest): number {
  return Math.min(stream.min ?? 0, maximum(stream));
}
