// Stream resets (RFC 6525) as they concern queues and reassembly: a reset of ours waits until what its stream has queued was sent,
// then goes to stream-reset.ts, or is refused where the peer knows none; the peer's let its streams begin anew.
import type { DataSender } from "./data-sender.js";
import type { SctpHost } from "./options.js";
import { COMMON_HEADER } from "./packet.js";
import type { PacketSender } from "./packet-sender.js";
import type { Reassembly } from "./reassembly.js";
import { StreamReset } from "./stream-reset.js";

export class ResetQueue {
  /** Requests and answers. */
  readonly resets: StreamReset;
  /** The peer knows them. */
  isPossible = false;
  private readonly sender: DataSender;
  private readonly reassembly: Reassembly;
  private readonly out: PacketSender;
  private readonly host: SctpHost;
  /** Streams whose queue must drain first. */
  private draining: number[] = [];
  private refused: number[] = [];

  constructor(sender: DataSender, reassembly: Reassembly, out: PacketSender, host: SctpHost) {
    this.sender = sender;
    this.reassembly = reassembly;
    this.out = out;
    this.host = host;
    this.resets = new StreamReset({
      resetIncoming: (ids) => this.resetIncoming(ids),
      onOutgoingReset: (ids, ok) => this.finish(ids, ok),
      onResetRequested: (ids) => {
        for (const id of ids.length > 0 ? ids : this.reassembly.streamIds()) this.add(id);
      },
    });
  }

  private resetIncoming(ids: readonly number[]): void {
    const streamIds = ids.length > 0 ? ids : this.reassembly.streamIds();
    for (const id of streamIds) this.reassembly.resetStream(id);
    this.host.onStreamsReset(streamIds);
  }

  private finish(ids: readonly number[], ok: boolean): void {
    for (const id of ids) {
      const stream = this.sender.queue.find(id);
      if (stream !== undefined) this.sender.queue.endReset(stream, ok);
    }
    this.host.onOutgoingReset(ids, ok);
  }

  clear(): void {
    this.draining = [];
  }

  add(streamId: number): void {
    const stream = this.sender.queue.stream(streamId);
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

  /** Adds RE-CONFIG chunks to the open packet. */
  flush(now: number): void {
    const { resets, out } = this;
    const { queue, outstanding, rto } = this.sender;
    if (this.draining.length > 0) {
      this.draining = this.draining.filter((id) => {
        if (!queue.stream(id).empty) return true;
        if (this.isPossible) resets.want(id);
        else this.refused.push(id);
        return false;
      });
    }
    resets.prepare((outstanding.nextTsn - 1) >>> 0, out.builder.limit - COMMON_HEADER);
    if (resets.pending.length === 0) return;
    for (const chunk of resets.pending) out.add(chunk);
    resets.pending.length = 0;
    resets.onSent(now, rto.rto);
  }

  /** The end of a flush: tells of those that the peer cannot be asked for. */
  reportRefused(): void {
    if (this.refused.length === 0) return;
    const refused = this.refused;
    this.refused = [];
    this.finish(refused, false);
  }
}
