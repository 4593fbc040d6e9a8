// Receiver of RFC 8888: records when the packets of each stream came and with which ECN mark, and writes congestion control
// feedback for all of them. The format is in ../feedback.ts.
import { CongestionFeedbackWriter } from "../feedback.js";
import type { RtcpWriter } from "../rtcp.js";

const INITIAL_CAPACITY = 128;
/** Sequence numbers of one stream between two messages; more are forgotten, oldest first. */
const MAX_CAPACITY = 2048;
/** Streams reported on; above, the longest silent one goes. */
export const MAX_CONGESTION_FEEDBACK_STREAMS = 256;
/** A stream of which nothing came for so long is forgotten when there is a new one, milliseconds. */
const STREAM_TIMEOUT = 30_000;
/** A message is due so long after the first packet that it will report, milliseconds (RFC 8888 §5: 50 to 200). */
const DEFAULT_INTERVAL = 100;
const MIN_INTERVAL = 50;
const MAX_INTERVAL = 250;
const FEEDBACK_SHARE = 0.05;
const FEEDBACK_BITS = 100 * 8;
/** Bytes of a message about one packet. */
const MIN_MESSAGE = 24;

class Stream {
  times: Float64Array = new Float64Array(INITIAL_CAPACITY).fill(Number.NaN);
  marks: Uint8Array = new Uint8Array(INITIAL_CAPACITY);
  /** Unwrapped: reported up to `next`, seen up to `end`. */
  next: number;
  end: number;
  lastArrival = 0;
  /** Reported so far, at least once. */
  reported: number;
  lost = 0;
  recovered = 0;

  constructor(sequence: number) {
    this.next = sequence;
    this.end = sequence;
    this.reported = sequence;
  }

  get capacity(): number {
    return this.times.length;
  }

  /** Room for a number ahead: what is unreported stays, as far as that may be, and what is of an earlier lap goes. */
  advance(sequence: number): void {
    while (sequence - this.next >= this.capacity && this.capacity < MAX_CAPACITY) this.grow();
    const { times, end, capacity } = this;
    if (sequence - end >= capacity) times.fill(Number.NaN);
    else for (let i = end; i < sequence; i++) times[i & (capacity - 1)] = Number.NaN;
    this.end = sequence + 1;
    this.next = Math.max(this.next, this.end - capacity);
  }

  private grow(): void {
    const { times, marks, end, capacity } = this;
    this.times = new Float64Array(capacity * 2).fill(Number.NaN);
    this.marks = new Uint8Array(capacity * 2);
    for (let i = end - capacity; i < end; i++) {
      this.times[i & (2 * capacity - 1)] = times[i & (capacity - 1)]!;
      this.marks[i & (2 * capacity - 1)] = marks[i & (capacity - 1)]!;
    }
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

  /** `ecn`: the two bits of the IP header, 0 (not ECN-capable) where they are not known. */
  onPacket(ssrc: number, sequence16: number, ecn: number, now: number): void {
    let stream = this.streams.get(ssrc);
    if (stream === undefined) {
      this.makeRoom(now);
      stream = new Stream(0x1_0000 + sequence16);
      this.streams.set(ssrc, stream);
    }
    stream.lastArrival = now;
    const sequence = stream.end - 1 + (((sequence16 - (stream.end - 1)) << 16) >> 16);
    if (sequence < stream.end - stream.capacity) return;
    const isNew = sequence >= stream.end;
    if (isNew) stream.advance(sequence);
    // Reported as missing: reported again.
    else if (sequence < stream.next) stream.next = sequence;
    const at = sequence & (stream.capacity - 1);
    if (isNew || Number.isNaN(stream.times[at]!)) {
      stream.times[at] = now;
      stream.marks[at] = ecn;
      if (sequence < stream.reported) stream.recovered++;
    } else if (ecn === 3) {
      // A duplicate with congestion experienced: that is what counts (RFC 8888 §3.1).
      stream.marks[at] = ecn;
    }
    if (this.deadline === Number.POSITIVE_INFINITY) this.deadline = Math.max(now, this.lastSent + this.interval);
  }

  /** Packets of a stream that were reported as missing, and those of them that came after all; undefined: nothing came of it. */
  losses(ssrc: number): { readonly lost: number; readonly recovered: number } | undefined {
    return this.streams.get(ssrc);
  }

  private makeRoom(now: number): void {
    const { streams } = this;
    let oldest = -1;
    let since = Number.POSITIVE_INFINITY;
    for (const [ssrc, { lastArrival }] of streams) {
      if (now - lastArrival > STREAM_TIMEOUT) streams.delete(ssrc);
      else if (lastArrival < since) {
        oldest = ssrc;
        since = lastArrival;
      }
    }
    if (streams.size >= MAX_CONGESTION_FEEDBACK_STREAMS) streams.delete(oldest);
  }

  /**
   * Appends one message; `reportTimestamp`: the middle 32 bits of the NTP time that is `now`. False: nothing more to write, or no
   * room. A message that is full is followed by another, into a writer with room.
   */
  write(writer: RtcpWriter, sender: number, reportTimestamp: number, now: number): boolean {
    let begun = false;
    let wrote = false;
    let more = false;
    for (const [ssrc, stream] of this.streams) {
      if (stream.next >= stream.end) continue;
      if (!begun) {
        if (!writer.room(MIN_MESSAGE) || !this.message.begin(writer, sender)) return false;
        begun = true;
      }
      if (!this.message.stream(ssrc, stream.next & 0xffff)) {
        more = true;
        break;
      }
      const mask = stream.capacity - 1;
      for (; stream.next < stream.end; stream.next++) {
        const at = stream.next & mask;
        // NaN stays NaN: it has not come.
        if (!this.message.packet(now - stream.times[at]!, stream.marks[at]!)) {
          more = true;
          break;
        }
        wrote = true;
        if (stream.next < stream.reported) continue;
        stream.reported = stream.next + 1;
        if (Number.isNaN(stream.times[at]!)) stream.lost++;
      }
      if (more) break;
    }
    if (begun) this.message.end(reportTimestamp);
    this.lastSent = now;
    this.deadline = more && wrote ? now : Number.POSITIVE_INFINITY;
    return wrote;
  }
}
