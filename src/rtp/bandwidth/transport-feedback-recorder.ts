// Receiver of transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01): records when packets
// came, in a ring, and writes feedback each 50 to 250 ms while packets come. The format is in ../transport-feedback.ts.
import type { RtcpWriter } from "../rtcp.js";
import { TransportFeedbackBuilder } from "../transport-feedback.js";

const INITIAL_CAPACITY = 256;
/** Sequence numbers that one moment's state spans at most: a peer that jumps further loses what was before. */
export const MAX_ARRIVALS = 4096;
const MIN_INTERVAL = 50;
const MAX_INTERVAL = 250;
const DEFAULT_INTERVAL = 100;
/** Share of our own sending that feedback may take, and a message's bits with all headers. */
const FEEDBACK_SHARE = 0.05;
const FEEDBACK_BITS = 68 * 8;
/** Reported packets are kept so long, to be reported again with one that comes late, milliseconds. */
const BACK_WINDOW = 500;
/** Unreported packets that make a message due at once. */
const EARLY = 1024;

export class TransportFeedbackRecorder {
  /** Monotonic milliseconds at which `write` shall be called; Infinity if nothing has come. */
  deadline: number = Number.POSITIVE_INFINITY;
  /** Of the packet that came last: what feedback names as its media source. */
  private ssrc = 0;
  private times: Float64Array = new Float64Array(INITIAL_CAPACITY).fill(Number.NaN);
  /** Unwrapped sequence numbers: what is remembered is [first, end), what is to be reported [next, end). */
  private first = 0;
  private next = 0;
  private end = -1;
  private unreported = 0;
  private interval = DEFAULT_INTERVAL;
  private lastSent = Number.NEGATIVE_INFINITY;
  private feedbackCount = 0;
  private readonly builder = new TransportFeedbackBuilder();

  /** What we may send, bits per second: how often feedback goes depends on it. */
  setSendBitrate(bitrate: number): void {
    const interval = (FEEDBACK_BITS * 1000) / (FEEDBACK_SHARE * Math.max(bitrate, 1));
    this.interval = Math.max(MIN_INTERVAL, Math.min(interval, MAX_INTERVAL));
  }

  onPacket(sequence16: number, ssrc: number, now: number): void {
    if (this.end < 0) {
      // Room below for packets that were sent before the first to come.
      this.end = 0x1_0000 + sequence16;
      this.first = this.end;
      this.next = this.end;
    }
    const sequence = this.end - 1 + (((sequence16 - (this.end - 1)) << 16) >> 16);
    if (sequence < this.end - MAX_ARRIVALS) return;
    this.ssrc = ssrc;
    if (this.next >= this.end) this.cull(now);
    this.span(sequence);
    const at = sequence & (this.times.length - 1);
    // The first time counts.
    if (!Number.isNaN(this.times[at]!)) return;
    this.times[at] = now;
    if (sequence < this.next) this.next = sequence;
    this.unreported++;
    if (this.unreported >= EARLY) this.deadline = now;
    else if (this.deadline === Number.POSITIVE_INFINITY) this.deadline = Math.max(now, this.lastSent + this.interval);
  }

  /** Appends one message if there is something to report and room for it. False: nothing more to write. */
  write(writer: RtcpWriter, sender: number, now: number): boolean {
    const { times, builder } = this;
    const mask = times.length - 1;
    let from = this.next;
    while (from < this.end && Number.isNaN(times[from & mask]!)) from++;
    if (from >= this.end) {
      this.settle();
      return false;
    }
    builder.begin(this.next & 0xffff, times[from & mask]!);
    let sequence = from;
    let next = this.next;
    for (; sequence < this.end; sequence++) {
      const arrival = times[sequence & mask]!;
      if (Number.isNaN(arrival)) continue;
      if (!builder.add(sequence & 0xffff, arrival)) break;
      next = sequence + 1;
    }
    if (next === this.next || !builder.write(writer, sender, this.ssrc, this.feedbackCount)) return false;
    this.feedbackCount = (this.feedbackCount + 1) & 0xff;
    this.next = next;
    this.lastSent = now;
    if (this.next >= this.end) this.settle();
    return true;
  }

  private settle(): void {
    this.next = Math.max(this.next, this.end);
    this.unreported = 0;
    this.deadline = Number.POSITIVE_INFINITY;
  }

  /** Makes room for a sequence number, forgetting the oldest ones where that is needed. */
  private span(sequence: number): void {
    const first = Math.min(this.first, sequence);
    const end = Math.max(this.end, sequence + 1);
    while (end - first > this.times.length && this.times.length < MAX_ARRIVALS) this.grow();
    const mask = this.times.length - 1;
    if (sequence < this.first) {
      // Slots below `first` are empty.
      this.first = Math.max(sequence, this.end - this.times.length);
    } else if (sequence >= this.end) {
      const keepFrom = sequence + 1 - this.times.length;
      if (keepFrom >= this.end) this.times.fill(Number.NaN);
      else for (let i = this.first; i < keepFrom; i++) this.times[i & mask] = Number.NaN;
      this.first = Math.max(this.first, keepFrom);
      this.next = Math.max(this.next, keepFrom);
      this.end = sequence + 1;
    }
  }

  private cull(now: number): void {
    const mask = this.times.length - 1;
    while (this.first < this.next) {
      const at = this.first & mask;
      if (now - this.times[at]! < BACK_WINDOW) return;
      this.times[at] = Number.NaN;
      this.first++;
    }
  }

  private grow(): void {
    const { times } = this;
    this.times = new Float64Array(times.length * 2).fill(Number.NaN);
    for (let i = this.first; i < this.end; i++) {
      this.times[i & (this.times.length - 1)] = times[i & (times.length - 1)]!;
    }
  }
}
