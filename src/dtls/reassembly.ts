// Puts handshake messages together from fragments that arrive in any order, twice, or overlapping (RFC 6347 §4.2.3), and
// hands them out by message_seq. Everything a peer can make it keep has a limit. It does not read the messages.
import { HANDSHAKE_HEADER } from "./handshake.js";

/** The longest message accepted; a certificate chain is the longest that is legitimate. */
export const MAX_MESSAGE_LENGTH = 32768;
/** How many messages are put together at a time, the one due next included. No flight has more. */
export const MAX_MESSAGES_AHEAD = 8;
/** Bytes of messages under way, together. */
export const MAX_REASSEMBLY_BYTES = 65536;
/** Separate pieces of one message; a piece that would make another is dropped. */
export const MAX_PIECES = 64;

/** A complete message. */
export interface HandshakeMessage {
  readonly type: number;
  readonly messageSeq: number;
  /** As in the transcript: the header of a message in one fragment, then the body. */
  readonly raw: Uint8Array;
  readonly body: Uint8Array;
}

/** repeat: of a message handed out before. dropped: malformed, contradicting, or over a limit. */
export type FragmentResult = "taken" | "repeat" | "dropped";

class Message {
  readonly type: number;
  readonly raw: Uint8Array;
  /** What has arrived: sorted, disjoint [start, end) pairs. */
  private readonly pieces: number[] = [];

  constructor(type: number, messageSeq: number, length: number) {
    this.type = type;
    this.raw = new Uint8Array(HANDSHAKE_HEADER + length);
    const header = [type, length >> 16, length >> 8, length, messageSeq >> 8, messageSeq, 0, 0, 0];
    this.raw.set([...header, length >> 16, length >> 8, length]);
    if (length === 0) this.pieces.push(0, 0);
  }

  get length(): number {
    return this.raw.length - HANDSHAKE_HEADER;
  }

  get complete(): boolean {
    return this.pieces.length === 2 && this.pieces[0] === 0 && this.pieces[1] === this.length;
  }

  add(offset: number, data: Uint8Array): boolean {
    if (this.complete) return true;
    if (data.length === 0) return false; // would be a piece of its own, and tells nothing
    let start = offset;
    let end = offset + data.length;
    const { pieces } = this;
    let first = 0;
    while (first < pieces.length && pieces[first + 1]! < start) first += 2;
    let last = first;
    while (last < pieces.length && pieces[last]! <= end) {
      start = Math.min(start, pieces[last]!);
      end = Math.max(end, pieces[last + 1]!);
      last += 2;
    }
    if (last === first && pieces.length >= 2 * MAX_PIECES) return false;
    pieces.splice(first, last - first, start, end);
    this.raw.set(data, HANDSHAKE_HEADER + offset);
    return true;
  }
}

export class Reassembly {
  /** message_seq of the message to hand out next. */
  next = 0;
  /** message_seq of the fragment that `add` was given last. */
  lastSeq = -1;
  private readonly messages = new Map<number, Message>();
  private bytes = 0;
  /** What became of the fragment that `add` was given last. */
  result: FragmentResult = "dropped";

  /**
   * Takes the first fragment of `data` at `offset`. Returns the offset behind it, or -1 if the rest of the record is
   * unusable; `result` says what became of it. `allow` refuses message types (by the epoch of the record).
   */
  add(data: Uint8Array, offset: number, allow: (type: number) => boolean): number {
    this.result = "dropped";
    if (data.length - offset < HANDSHAKE_HEADER) return -1;
    const type = data[offset]!;
    const length = u24(data, offset + 1);
    const messageSeq = (data[offset + 4]! << 8) | data[offset + 5]!;
    const fragmentOffset = u24(data, offset + 6);
    const fragmentLength = u24(data, offset + 9);
    const start = offset + HANDSHAKE_HEADER;
    const end = start + fragmentLength;
    if (end > data.length) return -1;
    this.lastSeq = messageSeq;
    if (length > MAX_MESSAGE_LENGTH || fragmentOffset + fragmentLength > length || !allow(type)) return end;
    if (messageSeq < this.next) {
      this.result = "repeat";
      return end;
    }
    if (messageSeq >= this.next + MAX_MESSAGES_AHEAD) return end;
    let message = this.messages.get(messageSeq);
    if (message === undefined) {
      if (this.bytes + length > MAX_REASSEMBLY_BYTES) return end;
      message = new Message(type, messageSeq, length);
      this.messages.set(messageSeq, message);
      this.bytes += length;
    } else if (message.type !== type || message.length !== length) return end;
    if (message.add(fragmentOffset, data.subarray(start, end))) this.result = "taken";
    return end;
  }

  /** The next message in order, if it is complete. */
  take(): HandshakeMessage | undefined {
    const message = this.messages.get(this.next);
    if (message === undefined || !message.complete) return undefined;
    const messageSeq = this.next;
    this.messages.delete(messageSeq);
    this.bytes -= message.length;
    this.next = messageSeq + 1;
    return { type: message.type, messageSeq, raw: message.raw, body: message.raw.subarray(HANDSHAKE_HEADER) };
  }

  /** Forgets everything under way. */
  clear(): void {
    this.messages.clear();
    this.bytes = 0;
  }
}

function u24(data: Uint8Array, at: number): number {
  return (data[at]! << 16) | (data[at + 1]! << 8) | data[at + 2]!;
}
