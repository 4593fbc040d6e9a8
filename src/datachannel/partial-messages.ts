// Messages that the peer sends in parts of their own (PPID 52 and 54, deprecated by RFC 8831 §6.6, as old Firefox did): put
// together, within the limits of one channel and of all together.
import type { Channel } from "./channel.js";

/** What partial messages may hold on all channels together, besides one message of the largest size. */
export const MAX_PARTIAL_BYTES: number = 1024 * 1024;
/** Counted for each part besides its bytes. */
const PART_OVERHEAD = 160;

export class PartialMessages {
  private readonly maxMessageSize: number;
  /** What is held, with the overhead. */
  bytes = 0;

  constructor(maxMessageSize: number) {
    this.maxMessageSize = maxMessageSize;
  }

  /** Keeps a part; false where that is too much. */
  keep(channel: Channel, data: Uint8Array): boolean {
    // A copy: a small part must not hold the large packet that it came in. (Of a Buffer, slice() would be none.)
    channel.partial.push(new Uint8Array(data));
    channel.partialBytes += data.length;
    this.bytes += data.length + PART_OVERHEAD;
    return channel.partialBytes <= this.maxMessageSize && this.bytes <= this.maxMessageSize + MAX_PARTIAL_BYTES;
  }

  /** The whole message, or undefined where it is too large. */
  join(channel: Channel, last: Uint8Array): Uint8Array | undefined {
    const size = channel.partialBytes + last.length;
    if (size > this.maxMessageSize) return undefined;
    const out = new Uint8Array(size);
    let at = 0;
    for (const part of channel.partial) {
      out.set(part, at);
      at += part.length;
    }
    out.set(last, at);
    this.drop(channel);
    return out;
  }

  drop(channel: Channel): void {
    this.bytes -= channel.partialBytes + PART_OVERHEAD * channel.partial.length;
    channel.partial = [];
    channel.partialBytes = 0;
  }
}
