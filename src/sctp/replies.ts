// Chunks that answer the peer and go with the next flush: HEARTBEAT ACKs and ERRORs. Of each a few; a peer that asks for more
// gets no more.
import { ERROR, writeChunk } from "./chunks.js";
import { heartbeatAck } from "./heartbeat.js";
import { MAX_PENDING_ERRORS, MAX_PENDING_HEARTBEAT_ACKS } from "./options.js";
import type { PacketSender } from "./packet-sender.js";

export class Replies {
  private heartbeatAcks: Uint8Array[] = [];
  private errors: Uint8Array[] = [];

  get pending(): boolean {
    return this.heartbeatAcks.length > 0 || this.errors.length > 0;
  }

  clear(): void {
    this.heartbeatAcks = [];
    this.errors = [];
  }

  /** Answers the HEARTBEAT chunk at [at, at + length). */
  toHeartbeat(b: Uint8Array, at: number, length: number): void {
    if (this.heartbeatAcks.length >= MAX_PENDING_HEARTBEAT_ACKS) return;
    const ack = heartbeatAck(b, at, length);
    if (ack !== undefined) this.heartbeatAcks.push(ack);
  }

  error(cause: Uint8Array): void {
    if (this.errors.length < MAX_PENDING_ERRORS) this.errors.push(writeChunk(ERROR, 0, cause));
  }

  flush(out: PacketSender): void {
    for (const ack of this.heartbeatAcks) out.add(ack);
    for (const error of this.errors) out.add(error);
    this.clear();
  }
}
