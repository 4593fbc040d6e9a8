// Resets of our streams that were asked for: each waits until what its stream has queued was sent, then goes to
// stream-reset.ts, or is refused where the peer knows no stream reset (RFC 6525).
import { COMMON_HEADER } from "./packet.js";
import type { PacketSender } from "./packet-sender.js";
import type { SendQueue } from "./send-queue.js";
import type { StreamReset } from "./stream-reset.js";

export class ResetQueue {
  private readonly queue: SendQueue;
  private readonly resets: StreamReset;
  private readonly out: PacketSender;
  /** Streams whose queue must drain first. */
  private draining: number[] = [];
  private refused: number[] = [];

  constructor(queue: SendQueue, resets: StreamReset, out: PacketSender) {
    this.queue = queue;
    this.resets = resets;
    this.out = out;
  }

  clear(): void {
    this.draining = [];
  }

  add(streamId: number): void {
    const stream = this.queue.stream(streamId);
    if (stream.resetting) return;
    stream.resetting = true;
    this.draining.push(streamId);
  }

  /** True while a stream has messages to send before its reset. */
  get isDraining(): boolean {
    return this.draining.length > 0;
  }

  /** Something is to be sent or waited for. */
  get isBusy(): boolean {
    return this.draining.length > 0 || this.resets.pending.length > 0 || this.resets.busy;
  }

  /** Adds RE-CONFIG chunks to the open packet. `possible`: the peer knows them. */
  flush(possible: boolean, lastTsn: number, rto: number, now: number): void {
    const { resets, out } = this;
    if (this.draining.length > 0) {
      this.draining = this.draining.filter((id) => {
        if (!this.queue.stream(id).empty) return true;
        if (possible) resets.want(id);
        else this.refused.push(id);
        return false;
      });
    }
    resets.prepare(lastTsn, out.builder.limit - COMMON_HEADER);
    if (resets.pending.length === 0) return;
    for (const chunk of resets.pending) out.add(chunk);
    resets.pending.length = 0;
    resets.onSent(now, rto);
  }

  /** Streams whose reset the peer cannot be asked for; each is told once. */
  takeRefused(): readonly number[] | undefined {
    if (this.refused.length === 0) return undefined;
    const refused = this.refused;
    this.refused = [];
    return refused;
  }
}
