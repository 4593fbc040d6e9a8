// Receiver of RFC 8888: records when the packets of each stream came and with which ECN mark, and writes congestion control
// feedback for all of them. The format is in ../feedback.ts.
import { CongestionFeedbackWriter } from "../feedback.js";
import type { RtcpWriter } from "../rtcp.js";

/** Sequence numbers of one stream between two messages; more are forgotten, oldest first. */
const CAPACITY = 2048;
const MASK = CAPACITY - 1;
/** Streams reported on; more are ignored. */
export const MAX_CONGESTION_FEEDBACK_STREAMS = 256;
/** A message is due so long after the first packet that it will report, milliseconds (RFC 8888 §5: 50 to 200). */
const DEFAULT_INTERVAL = 100;
const MIN_INTERVAL = 50;
const MAX_INTERVAL = 250;
const FEEDBACK_SHARE = 0.05;
const FEEDBACK_BITS = 100 * 8;

class Stream {
  readonly times: Float64Array = new Float64Array(CAPACITY).fill(Number.NaN);
  readonly marks: Uint8Array = new Uint8Array(CAPACITY);
  /** Unwrapped: reported up to `next`, seen up to `end`. */
  next: number;
  end: number;

  constructor(sequence: number) {
    this.next = sequence;
    this.end = sequence;
  }
}

export class CongestionFeedbackRecorder {
  /** Monotonic milliseconds at which `write` shall be called; Infinity if nothing has come. */
  deadline: number = Number.POSITIVE_INFINITY;
  private readonly streams = new Map<number, Stream>();
  private readonly message = new CongestionFeedbackWriter();
  private interval = DEFAULT_INTERVAL;
  private lastSent = Number.NEGATIVE_INFINITY;

  /** What we may send, bits per second: how often feedback goes depends on it. */
  setSendBitrate(bitrate: number): void {
    const interval = (FEEDBACK_BITS * 1000) / (FEEDBACK_SHARE * Math.max(bitrate, 1));
    this.interval = Math.max(MIN_INTERVAL, Math.min(interval, MAX_INTERVAL));
  }

  /** `ecn`: the two bits of the IP header, 0 where they are not known. */
  onPacket(ssrc: number, sequence16: number, ecn: number, now: number): void {
    let stream = this.streams.get(ssrc);
    if (stream === undefined) {
      if (this.streams.size >= MAX_CONGESTION_FEEDBACK_STREAMS) return;
      stream = new Stream(0x1_0000 + sequence16);
      this.streams.set(ssrc, stream);
    }
    const sequence = stream.end - 1 + (((sequence16 - (stream.end - 1)) << 16) >> 16);
    if (sequence < stream.end - CAPACITY) return;
    if (sequence >= stream.end) {
      // What is not of this lap any more.
      if (sequence - stream.end >= CAPACITY) stream.times.fill(Number.NaN);
      else for (let i = stream.end; i < sequence; i++) stream.times[i & MASK] = Number.NaN;
      stream.times[sequence & MASK] = now;
      stream.marks[sequence & MASK] = ecn;
      stream.end = sequence + 1;
      stream.next = Math.max(stream.next, stream.end - CAPACITY);
    } else {
      const at = sequence & MASK;
      if (Number.isNaN(stream.times[at]!)) {
        stream.times[at] = now;
        stream.marks[at] = ecn;
      } else if (ecn === 3) {
        // A duplicate with congestion experienced: that is what counts (RFC 8888 §3.1).
        stream.marks[at] = ecn;
      }
      // Reported as missing: reported again.
      if (sequence < stream.next) stream.next = sequence;
    }
    if (this.deadline === Number.POSITIVE_INFINITY) this.deadline = Math.max(now, this.lastSent + this.interval);
  }

  /** The stream has ended. */
  remove(ssrc: number): void {
    this.streams.delete(ssrc);
  }

  /**
   * Appends one message; `reportTimestamp`: the middle 32 bits of the NTP time that is `now`. False: nothing more to write. A
   * message that is full is followed by another, into a writer with room.
   */
  write(writer: RtcpWriter, sender: number, reportTimestamp: number, now: number): boolean {
    let begun = false;
    let wrote = false;
    let more = false;
    for (const [ssrc, stream] of this.streams) {
      if (stream.next >= stream.end) continue;
      if (!begun) {
        if (!this.message.begin(writer, sender)) return false;
        begun = true;
      }
      if (!this.message.stream(ssrc, stream.next & 0xffff)) {
        more = true;
        break;
      }
      for (; stream.next < stream.end; stream.next++) {
        const at = stream.next & MASK;
        // NaN stays NaN: it has not come.
        if (!this.message.packet(now - stream.times[at]!, stream.marks[at]!)) {
          more = true;
          break;
        }
        wrote = true;
      }
      if (more) break;
    }
    if (begun) this.message.end(reportTimestamp);
    this.lastSent = now;
    this.deadline = more && wrote ? now : Number.POSITIVE_INFINITY;
    return wrote;
  }
}
