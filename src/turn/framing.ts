// Bytes between a TURN client and its server (RFC 8656): ChannelData (§12.4, §12.5), Send indications (§11.1) built in
// place, and the cutting of a TCP or TLS stream into messages. Not the STUN codec, which reads everything else.
import { STUN_MAGIC_COOKIE, StunAttribute } from "../stun/message.js";

/** RFC 8656 §12: 0x4000–0x4FFF. */
export const CHANNEL_FIRST = 0x4000;
export const CHANNEL_LAST = 0x4fff;

const CHANNEL_HEADER = 4;
const STUN_HEADER = 20;
/** Send indication: method 0x006, class indication. */
const SEND_INDICATION = 0x0016;

/**
 * Memory for packets: pieces of larger blocks, none handed out twice, all zero. A typed array of its own per packet costs
 * about a microsecond, a piece a tenth of it; a block lives as long as any piece of it.
 */
export class PacketMemory {
  private block: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  private used = 0;

  take(length: number): Uint8Array<ArrayBuffer> {
    if (length > PACKET_LIMIT) return new Uint8Array(length);
    if (this.used + length > this.block.length) {
      this.block = new Uint8Array(PACKET_BLOCK);
      this.used = 0;
    }
    const at = this.used;
    this.used = at + length;
    return this.block.subarray(at, this.used);
  }
}

/** True if this is ChannelData rather than STUN (RFC 8656 §12): the first byte is 64 to 79. */
export function isChannelData(data: Uint8Array): boolean {
  return data.length >= CHANNEL_HEADER && data[0]! >> 4 === 4;
}

/** Bytes per block of packet memory, and above which a packet gets memory of its own. */
const PACKET_BLOCK = 32_768;
const PACKET_LIMIT = 4096;

function padded(length: number): number {
  return (length + 3) & ~3;
}

function put16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 8;
  out[at + 1] = value;
}

/** ChannelData, padded to four bytes where a stream carries it (RFC 8656 §12.5). Data of at most 65 535 bytes. */
export function writeChannelData(
  channel: number,
  data: Uint8Array,
  stream: boolean,
  memory: PacketMemory,
): Uint8Array<ArrayBuffer> {
  const length = CHANNEL_HEADER + data.length;
  const out = memory.take(stream ? padded(length) : length);
  put16(out, 0, channel);
  put16(out, 2, data.length);
  out.set(data, CHANNEL_HEADER);
  return out;
}

/**
 * A Send indication. `ip` is 4 or 16 bytes, `id` a 12-byte transaction id (copied). Data longer than
 * what a STUN message can hold gives undefined.
 */
export function writeSendIndication(
  ip: Uint8Array,
  port: number,
  data: Uint8Array,
  id: Uint8Array,
  memory: PacketMemory,
): Uint8Array<ArrayBuffer> | undefined {
  const addressSize = 4 + ip.length;
  const body = 4 + addressSize + 4 + padded(data.length);
  if (body > 0xffff) return undefined;
  const out = memory.take(STUN_HEADER + body);
  put16(out, 0, SEND_INDICATION);
  put16(out, 2, body);
  put16(out, 4, STUN_MAGIC_COOKIE >>> 16);
  put16(out, 6, STUN_MAGIC_COOKIE & 0xffff);
  out.set(id, 8);
  let at = STUN_HEADER;
  put16(out, at, StunAttribute.xorPeerAddress);
  put16(out, at + 2, addressSize);
  out[at + 5] = ip.length === 4 ? 1 : 2;
  put16(out, at + 6, port ^ (STUN_MAGIC_COOKIE >>> 16));
  // RFC 8489 §14.2: XORed with the cookie and the transaction id, which follow each other in the header.
  for (let i = 0; i < ip.length; i++) out[at + 8 + i] = ip[i]! ^ out[4 + i]!;
  at += 4 + addressSize;
  put16(out, at, StunAttribute.data);
  put16(out, at + 2, data.length);
  out.set(data, at + 4);
  return out;
}

export interface StreamSink {
  /** One STUN message, or one ChannelData message with its padding; the bytes belong to the receiver. */
  onMessage(message: Uint8Array, now: number): void;
}

/**
 * Cuts a stream into messages. It holds at most one incomplete message, whose length field bounds it to 64 KiB; its cost is
 * linear in the bytes, however they are chopped.
 */
export class StreamDeframer {
  private readonly sink: StreamSink;
  private readonly header = new Uint8Array(CHANNEL_HEADER);
  private message: Uint8Array | undefined;
  private have = 0;
  private failed = false;

  constructor(sink: StreamSink) {
    this.sink = sink;
  }

  /** Takes some bytes. False if the stream is no TURN stream: it is of no use any more. */
  push(data: Uint8Array, now: number): boolean {
    let at = 0;
    while (at < data.length && !this.failed) {
      if (this.have === 0 && data.length - at >= CHANNEL_HEADER) {
        const size = messageSize(data, at);
        if (size === 0) return this.fail();
        if (data.length - at >= size) {
          // Whole in this chunk: handed on as it is.
          const message = data.subarray(at, at + size);
          at += size;
          this.sink.onMessage(message, now);
          continue;
        }
      }
      at += this.collect(data, at, now);
    }
    return !this.failed;
  }

  /** Adds to the incomplete message, and returns how many bytes it took. */
  private collect(data: Uint8Array, at: number, now: number): number {
    if (this.message === undefined) {
      const count = Math.min(CHANNEL_HEADER - this.have, data.length - at);
      this.header.set(data.subarray(at, at + count), this.have);
      this.have += count;
      if (this.have < CHANNEL_HEADER) return count;
      const size = messageSize(this.header, 0);
      if (size === 0) {
        this.fail();
        return count;
      }
      const message = new Uint8Array(size);
      message.set(this.header);
      this.message = message;
      if (size === CHANNEL_HEADER) this.finish(message, now);
      return count;
    }
    const message = this.message;
    const count = Math.min(message.length - this.have, data.length - at);
    message.set(data.subarray(at, at + count), this.have);
    this.have += count;
    if (this.have === message.length) this.finish(message, now);
    return count;
  }

  private finish(message: Uint8Array, now: number): void {
    this.message = undefined;
    this.have = 0;
    this.sink.onMessage(message, now);
  }

  private fail(): false {
    this.failed = true;
    this.message = undefined;
    return false;
  }
}

/** The size on a stream of the message that begins here, or 0 if none can begin so. */
function messageSize(data: Uint8Array, at: number): number {
  const first = data[at]!;
  const length = (data[at + 2]! << 8) | data[at + 3]!;
  if (first >> 4 === 4) return padded(CHANNEL_HEADER + length);
  // STUN: two zero bits first, and attributes in multiples of four (RFC 8489 §5).
  return first < 0x40 && (length & 3) === 0 ? STUN_HEADER + length : 0;
}
