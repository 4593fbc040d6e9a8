// What SRTP remembers of each SSRC (the transform-independent part of RFC 3711 §3.2.3's cryptographic context): packet
// indices and replay windows. The keys are the session's.
import { ReplayWindow } from "../util/replay-window.js";

/** Packets that one key may protect (RFC 3711 §9.2); an index that reaches this ends the stream. */
export const MAX_RTP_INDEX: number = 2 ** 48;
export const MAX_RTCP_INDEX: number = 2 ** 31;

/** RTP packets behind the newest that are still taken: what a retransmission may be late. */
const RTP_WINDOW = 2048 - 32;
const RTCP_WINDOW = 128 - 32;
/** Sent packets that are recognized if they are sent again. A power of two. */
const REPEAT_WINDOW = 512;

/**
 * The packet index ROC * 2^16 + SEQ that is nearest to `highest` (RFC 3711 §3.3.1, Appendix A). Negative: from before
 * the stream's first round of sequence numbers. May reach MAX_RTP_INDEX.
 */
export function guessIndex(highest: number, sequence: number): number {
  const last = highest & 0xffff;
  const index = highest - last + sequence;
  if (last < 0x8000) return sequence - last > 0x8000 ? index - 0x10000 : index;
  return last - 0x8000 > sequence ? index + 0x10000 : index;
}

/** The roll-over counter of a packet index. */
export function rocOf(index: number): number {
  return Math.floor(index / 0x10000);
}

/** An SSRC of the peer. Made only when a packet of it was authentic. */
export class ReceiveStream {
  /** The highest packet indices that were authentic; -1 before the first RTP or RTCP packet. */
  highest = -1;
  highestRtcp = -1;
  /** @internal Of `ReplayWindows`. */
  generation = -1;
  private rtpWindow: ReplayWindow | undefined;
  private rtcpWindow: ReplayWindow | undefined;

  /** False: not to be looked at, seen already or too old. Changes nothing. */
  checkRtp(index: number): boolean {
    return this.rtpWindow === undefined ? index > this.highest : this.rtpWindow.check(index);
  }

  /** After authentication; false if the same packet was in the batch twice. */
  acceptRtp(index: number): boolean {
    this.rtpWindow ??= new ReplayWindow(RTP_WINDOW, this.highest);
    if (!this.rtpWindow.update(index)) return false;
    if (index > this.highest) this.highest = index;
    return true;
  }

  checkRtcp(index: number): boolean {
    return this.rtcpWindow === undefined ? index > this.highestRtcp : this.rtcpWindow.check(index);
  }

  acceptRtcp(index: number): void {
    this.rtcpWindow ??= new ReplayWindow(RTCP_WINDOW, this.highestRtcp);
    this.rtcpWindow.update(index);
    if (index > this.highestRtcp) this.highestRtcp = index;
  }

  /** What is left refuses every packet up to the highest, so that none can be repeated. */
  dropWindows(): void {
    this.rtpWindow = undefined;
    this.rtcpWindow = undefined;
  }
}

/**
 * Keeps few windows of many streams: those of the streams that were used last. In two generations: when the newer one is
 * full, the streams of the older one lose their windows, but for those that were used since.
 */
export class ReplayWindows {
  private readonly size: number;
  private generation = 0;
  private newer: ReceiveStream[] = [];
  private older: ReceiveStream[] = [];

  /** At most `limit` streams have windows. */
  constructor(limit: number) {
    this.size = limit / 2;
  }

  /** After an authentic packet, before it is accepted. */
  use(stream: ReceiveStream): void {
    if (stream.generation === this.generation) return;
    if (this.newer.length >= this.size) {
      for (const idle of this.older) if (idle.generation !== this.generation) idle.dropWindows();
      this.older = this.newer;
      this.newer = [];
      this.generation++;
    }
    stream.generation = this.generation;
    this.newer.push(stream);
  }
}

/** An SSRC of ours. */
export class SendStream {
  highest: number;
  /** Of the next SRTCP packet: the first has index 0 (RFC 3711 §3.2.1). */
  rtcpIndex: number;
  private window: ReplayWindow | undefined;
  /** Parts of the tags of the last packets. */
  private tags: Int32Array | undefined;

  /** The arguments are for tests: where a long-lived stream would be. */
  constructor(highest = -1, rtcpIndex = 0) {
    this.highest = highest;
    this.rtcpIndex = rtcpIndex;
  }

  /** The index of the packet to be sent; MAX_RTP_INDEX or more if the key must not be used any more. */
  nextRtp(sequence: number): number {
    const index = this.highest < 0 ? sequence : guessIndex(this.highest, sequence);
    if (index > this.highest && index < MAX_RTP_INDEX) this.highest = index;
    return index;
  }

  /** Whether no packet went out with this index, as far as the window reaches. Remembers it. */
  isFresh(index: number): boolean {
    this.window ??= new ReplayWindow(RTP_WINDOW);
    return this.window.update(index);
  }

  /** After sealing: what the packet with this index, which was fresh, can be recognized by. */
  rememberTag(index: number, tag: number): void {
    this.tags ??= new Int32Array(REPEAT_WINDOW);
    this.tags[index % REPEAT_WINDOW] = tag;
  }

  /** Whether the packet that went out with this index, which is not fresh, had this tag. */
  hadTag(index: number, tag: number): boolean {
    return this.tags !== undefined && index > this.highest - REPEAT_WINDOW && this.tags[index % REPEAT_WINDOW] === tag;
  }
}
