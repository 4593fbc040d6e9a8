// HEARTBEAT (RFC 9260 §8.3): keeps an idle path's error counter and round-trip time current. Liveness proper is the business
// of ICE consent; so the interval is long.
import { HEARTBEAT, HEARTBEAT_ACK } from "./chunks.js";
import { MAX_HEARTBEAT_INFO, type SctpCrypto } from "./options.js";
import { type PacketBuilder, read16, write16, write32 } from "./packet.js";
import { HEARTBEAT_INFO } from "./parameters.js";

/** Magic, kind, probe size, sequence, nonce. */
const INFO_LENGTH = 16;
const KIND_IDLE = 0;
const KIND_PROBE = 1;

/** What a HEARTBEAT ACK answered. */
export interface HeartbeatEcho {
  /** Packet size of a path MTU probe, 0 for a plain heartbeat. */
  readonly probeSize: number;
  readonly rtt: number;
}

export class Heartbeat {
  private readonly interval: number;
  private readonly nonce: Uint8Array;
  private sequence = 0;
  private sentAt = 0;
  /** Waiting for the answer to the last one. */
  private awaiting = false;
  deadline: number = Number.POSITIVE_INFINITY;
  /** A heartbeat goes with the next flush. */
  pending = false;

  constructor(crypto: SctpCrypto, interval: number) {
    this.interval = interval;
    this.nonce = crypto.random(8);
  }

  /** Something was sent and the path is in use: idle time starts again. */
  start(now: number): void {
    this.deadline = this.interval > 0 ? now + this.interval : Number.POSITIVE_INFINITY;
    this.awaiting = false;
  }

  stop(): void {
    this.deadline = Number.POSITIVE_INFINITY;
    this.pending = false;
    this.awaiting = false;
  }

  /** The deadline passed. True if the last heartbeat was not answered in time (an error for the counter). */
  handleTimeout(now: number, rto: number): boolean {
    if (this.awaiting) {
      this.awaiting = false;
      this.deadline = now + this.interval;
      this.pending = true;
      return true;
    }
    this.pending = true;
    this.deadline = now + rto;
    return false;
  }

  write(builder: PacketBuilder, now: number, rto: number): void {
    this.pending = false;
    this.awaiting = true;
    this.sentAt = now;
    this.deadline = now + rto;
    this.sequence = (this.sequence + 1) & 0xffff;
    this.chunk(builder, KIND_IDLE, 0, this.sequence);
  }

  /** A HEARTBEAT that marks a packet as a path MTU probe of `size` bytes. */
  writeProbe(builder: PacketBuilder, size: number): void {
    this.chunk(builder, KIND_PROBE, size, 0);
  }

  private chunk(builder: PacketBuilder, kind: number, size: number, sequence: number): void {
    const at = builder.chunk(HEARTBEAT, 0, 8 + INFO_LENGTH);
    const b = builder.buffer;
    write16(b, at + 4, HEARTBEAT_INFO);
    write16(b, at + 6, 4 + INFO_LENGTH);
    write32(b, at + 8, kind);
    write16(b, at + 12, size);
    write16(b, at + 14, sequence);
    b.set(this.nonce, at + 16);
  }

  /** Reads a HEARTBEAT ACK; undefined if it answers nothing we sent. */
  handleAck(b: Uint8Array, offset: number, length: number, now: number): HeartbeatEcho | undefined {
    if (length !== 8 + INFO_LENGTH || read16(b, offset + 4) !== HEARTBEAT_INFO) return undefined;
    for (let i = 0; i < 8; i++) if (b[offset + 16 + i] !== this.nonce[i]) return undefined;
    const kind = b[offset + 11]!;
    if (kind === KIND_PROBE) return { probeSize: read16(b, offset + 12), rtt: 0 };
    if (!this.awaiting || read16(b, offset + 14) !== this.sequence) return undefined;
    this.awaiting = false;
    this.deadline = now + this.interval;
    return { probeSize: 0, rtt: now - this.sentAt };
  }
}

/** The HEARTBEAT ACK for the HEARTBEAT chunk at [offset, offset + length), or undefined if it is malformed or too large. */
export function heartbeatAck(b: Uint8Array, offset: number, length: number): Uint8Array | undefined {
  if (length < 8 || length > MAX_HEARTBEAT_INFO) return undefined;
  if (read16(b, offset + 4) !== HEARTBEAT_INFO || read16(b, offset + 6) + 4 > length) return undefined;
  const out = new Uint8Array(b.subarray(offset, offset + length));
  out[0] = HEARTBEAT_ACK;
  out[1] = 0;
  return out;
}
