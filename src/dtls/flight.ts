// Flights: the messages one side sends in one go, put into datagrams (RFC 6347 §4.2.3, §4.1.1) and sent again until the
// peer answers (§4.2.4).
import { carve } from "../util/slab.js";
import { HANDSHAKE_HEADER } from "./handshake.js";
import { ContentType, type RecordWriter12 } from "./record12.js";

/** Milliseconds. RFC 6347 §4.2.4.1 suggests 1 s; a path that ICE has just probed is quicker, and setup should be too. */
export const INITIAL_TIMEOUT = 150;
/** The timeout doubles up to here (RFC 6347 §4.2.4.1). */
export const MAX_TIMEOUT = 60_000;
/** From the first flight on, a handshake that is not done by then has failed. */
export const HANDSHAKE_TIMEOUT = 60_000;
/** A repeat of the peer's flight is answered only if ours is older than this: copies by the network cause no copies. */
export const REPEAT_INTERVAL = 20;
/** How many repeats of the peer that nothing authenticates are answered per flight, against amplification. */
export const MAX_REPEATS = 16;
/** After so many timeouts, smaller datagrams are tried (RFC 6347 §4.1.1.1). */
const SHRINK_AFTER = 3;
/** Fits the smallest IPv4 reassembly buffer (576 bytes) with room for IP options and a TURN header. */
const SMALL_MTU = 508;
/** A fragment smaller than this does not start in the rest of a datagram. */
const MIN_FRAGMENT = 48;
export const MIN_MTU = 128;

export interface FlightItem {
  readonly contentType: number;
  readonly epoch: 0 | 1;
  /** A handshake message with its header, or the body of another record. */
  readonly body: Uint8Array;
}

/** Writes the items into as few datagrams of at most `mtu` bytes as they fit in, and transmits them. */
export function packFlight(
  items: readonly FlightItem[],
  mtu: number,
  writer: RecordWriter12,
  transmit: (datagram: Uint8Array) => void,
): void {
  let datagram = carve(mtu);
  let used = 0;
  const next = (): void => {
    if (used > 0) transmit(datagram.subarray(0, used));
    datagram = carve(mtu);
    used = 0;
  };
  for (const { contentType, epoch, body } of items) {
    const overhead = writer.overhead(epoch);
    const prefix = writer.prefix(epoch);
    if (contentType !== ContentType.handshake) {
      if (used + overhead + body.length > mtu) next();
      datagram.set(body, used + prefix);
      used += writer.frame(datagram, used, contentType, epoch, body.length);
      continue;
    }
    const length = body.length - HANDSHAKE_HEADER;
    let offset = 0;
    do {
      const left = length - offset;
      if (mtu - used - overhead - HANDSHAKE_HEADER < Math.min(left, MIN_FRAGMENT)) next();
      const size = Math.min(left, mtu - used - overhead - HANDSHAKE_HEADER);
      const at = used + prefix;
      datagram.set(body.subarray(0, 6), at);
      datagram.set([offset >> 16, offset >> 8, offset, size >> 16, size >> 8, size], at + 6);
      datagram.set(body.subarray(HANDSHAKE_HEADER + offset, HANDSHAKE_HEADER + offset + size), at + HANDSHAKE_HEADER);
      used += writer.frame(datagram, used, contentType, epoch, HANDSHAKE_HEADER + size);
      offset += size;
    } while (offset < length);
  }
  if (used > 0) transmit(datagram.subarray(0, used));
}

/** The flight sent last, and its timer. */
export class Flight {
  deadline: number = Number.POSITIVE_INFINITY;
  /** message_seq of the last message of the peer's flight before: its repeat means that ours was lost. */
  repeatOf = -1;
  /** Times sent again. */
  retransmissions = 0;
  private items: readonly FlightItem[] = [];
  private readonly initialTimeout: number;
  private readonly mtu: number;
  private timeout = 0;
  private lastSent = 0;
  private timeouts = 0;
  private repeats = 0;

  constructor(mtu: number, initialTimeout: number) {
    this.mtu = mtu;
    this.initialTimeout = initialTimeout;
  }

  /** `awaitsReply`: whether a timer is to send it again. */
  start(items: readonly FlightItem[], repeatOf: number, awaitsReply: boolean): void {
    this.items = items;
    this.repeatOf = repeatOf;
    this.timeout = awaitsReply ? this.initialTimeout : Number.POSITIVE_INFINITY;
    this.timeouts = 0;
    this.repeats = 0;
  }

  send(now: number, writer: RecordWriter12, transmit: (datagram: Uint8Array) => void): void {
    this.lastSent = now;
    this.deadline = now + this.timeout;
    const mtu = this.timeouts >= SHRINK_AFTER ? Math.min(this.mtu, SMALL_MTU) : this.mtu;
    packFlight(this.items, mtu, writer, transmit);
  }

  /** To be called at the deadline: doubles the timeout. The flight is then to be sent again. */
  handleTimeout(): void {
    this.timeout = Math.min(2 * this.timeout, MAX_TIMEOUT);
    this.timeouts++;
    this.retransmissions++;
  }

  /** A message of the peer's that was handed out before has come again. True if this flight is to be sent again. */
  handleRepeat(messageSeq: number, authenticated: boolean, now: number): boolean {
    if (messageSeq !== this.repeatOf || this.items.length === 0) return false;
    if (now < this.lastSent + REPEAT_INTERVAL || (!authenticated && this.repeats >= MAX_REPEATS)) return false;
    this.repeats++;
    this.retransmissions++;
    return true;
  }

  /** No timer any more; a repeat of the peer's is still answered. */
  stopTimer(): void {
    this.timeout = Number.POSITIVE_INFINITY;
    this.deadline = Number.POSITIVE_INFINITY;
  }

  clear(): void {
    this.stopTimer();
    this.items = [];
    this.repeatOf = -1;
  }
}
