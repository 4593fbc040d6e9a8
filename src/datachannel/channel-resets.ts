// What is remembered of streams whose channels are gone (RFC 8831 §6.7): which of the two resets is missing yet, and which
// streams the peer uses again already. Resets nothing itself.
import { LateMap, LateSet } from "../util/late-map.js";

/**
 * A reset of a stream that was reset in both directions so many milliseconds ago or less, and was not used since, is one that was
 * repeated. It is not answered by one of ours: libwebrtc would answer that, and so on for ever.
 */
const REPEATED_RESET = 10_000;
/** Streams of which that is remembered. */
const MAX_RESET_STREAMS = 1024;

/** What is over. */
interface Resets {
  outgoing: boolean;
  incoming: boolean;
}

export class ChannelResets {
  /** Streams without a channel whose resets are not over in both directions. */
  private readonly lingering: LateMap<number, Resets> = new LateMap();
  /** When streams were last reset in both directions. */
  private readonly resetAt: LateMap<number, number> = new LateMap();
  /** Streams on which the peer opened a channel anew while the answer to our reset, for the channel before, is missing. */
  private readonly reused: LateSet<number> = new LateSet();

  /** The streams are another association's. */
  clear(): void {
    this.lingering.clear();
    this.reused.clear();
    this.resetAt.clear();
  }

  /** The channel is gone before the resets that are false. */
  linger(id: number, outgoing: boolean, incoming: boolean): void {
    this.lingering.set(id, { outgoing, incoming });
  }

  isLingering(id: number): boolean {
    return this.lingering.has(id);
  }

  /** The channel is gone, and the peer has not reset its side of the stream: what it sends there is for nobody. */
  lacksIncoming(id: number): boolean {
    return this.lingering.get(id)?.incoming === false;
  }

  /** The peer opens a channel where our reset is not answered yet. */
  reuse(id: number): void {
    this.lingering.delete(id);
    this.reused.add(id);
  }

  isReused(id: number): boolean {
    return this.reused.has(id);
  }

  /** The peer has answered our reset of the stream. True: it was for the channel before. */
  endReuse(id: number): boolean {
    return this.reused.delete(id);
  }

  /** The stream is used. */
  handleData(id: number): void {
    this.resetAt.delete(id);
  }

  /** The peer has reset its side of a stream that has no channel. True: it waits for ours. */
  handleIncoming(id: number, now: number): boolean {
    const resets = this.lingering.get(id);
    if (resets === undefined) {
      if (this.isRepeated(id, now)) return false;
      this.linger(id, false, true);
      return true;
    }
    resets.incoming = true;
    if (resets.outgoing) this.handleOver(id, now);
    return false;
  }

  /** The peer has answered our reset; `ok`: and has not refused it. */
  handleOutgoing(id: number, ok: boolean, now: number): void {
    const resets = this.lingering.get(id);
    if (resets === undefined) return;
    resets.outgoing = true;
    // Where the peer refuses there is nothing more to wait for.
    if (!ok) this.lingering.delete(id);
    else if (resets.incoming) this.handleOver(id, now);
  }

  /** Both resets are over. */
  handleOver(id: number, now: number): void {
    this.lingering.delete(id);
    this.resetAt.delete(id);
    this.resetAt.set(id, now);
    if (this.resetAt.size <= MAX_RESET_STREAMS) return;
    for (const oldest of this.resetAt.keys()) {
      this.resetAt.delete(oldest);
      return;
    }
  }

  private isRepeated(id: number, now: number): boolean {
    const at = this.resetAt.get(id);
    return at !== undefined && now - at <= REPEATED_RESET;
  }
}
