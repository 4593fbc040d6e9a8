// Sequence numbers and timestamps of one sent stream, which go on whatever it is made of: packets that pass through from one
// source after another, or frames (RFC 3550 §5.1). Not of its retransmissions and repair packets, which are streams of their own.
import type { RtpPacket } from "./packet.js";

/** What comes later than this, milliseconds, begins a new time line. */
const MAX_JITTER = 1000;

/** Of the source of frames: none of the others, it begins again after a pause, it is another one. */
const GOES_ON = 0;
const RESUMES = 1;
const BEGINS = 2;

export class StreamNumbers {
  /** Of the newest packet. */
  lastSequence: number;
  lastTimestamp = 0;
  /** Monotonic milliseconds at which that timestamp was first sent, or captured. */
  private lastTime: number = Number.NaN;
  // Where packets that are passed through come from, and what is added to their numbers.
  private source = -1;
  private sequenceOffset = 0;
  private timestampOffset = 0;
  /** What is added to the timestamps of frames. */
  private frameOffset = 0;
  private resumption: typeof GOES_ON | typeof RESUMES | typeof BEGINS = GOES_ON;

  /** `lastSequence`: the number before the first. */
  constructor(lastSequence: number) {
    this.lastSequence = lastSequence;
  }

  /** There is a time line. */
  get hasTime(): boolean {
    return !Number.isNaN(this.lastTime);
  }

  /** The RTP timestamp of a time. */
  timestampAt(now: number, clockRate: number): number {
    return (this.lastTimestamp + Math.round(((now - this.lastTime) * clockRate) / 1000)) >>> 0;
  }

  /** The media of this timestamp is of this time. */
  setTime(timestamp: number, time: number): void {
    this.lastTimestamp = timestamp;
    this.lastTime = time;
  }

  /** The next sequence number of our own packets. */
  next(): number {
    this.source = -1;
    this.lastSequence = (this.lastSequence + 1) & 0xffff;
    return this.lastSequence;
  }

  /**
   * Our own numbers, so many from the first on, were not sent: they are used again if none behind them was. `keepFirst`: but the
   * first stays missing.
   */
  giveBack(first: number, count: number, keepFirst: boolean): void {
    const unused = (this.lastSequence - first + 1) & 0xffff;
    if (unused === count) this.lastSequence = (first - (keepFirst ? 0 : 1)) & 0xffff;
  }

  /** What comes next is of another source, or of one that has paused. */
  sourceChanged(another: boolean): void {
    if (another) this.source = -1;
    this.resumption = another ? BEGINS : RESUMES;
  }

  // Packets that pass through

  /** The packet passes through next. Of another source: its numbers go on behind the last ones. */
  follow(packet: RtpPacket, clockRate: number, now: number): void {
    if (packet.ssrc === this.source) return;
    this.source = packet.ssrc;
    this.sequenceOffset = this.lastSequence + 1 - packet.sequenceNumber;
    this.timestampOffset = this.hasTime ? this.lastTimestamp + this.elapsed(clockRate, now) - packet.timestamp : 0;
  }

  sequenceOf(packet: RtpPacket): number {
    return (packet.sequenceNumber + this.sequenceOffset) & 0xffff;
  }

  timestampOf(packet: RtpPacket): number {
    return (packet.timestamp + this.timestampOffset) >>> 0;
  }

  /** A number of `sequenceOf` is used. True: it is the newest. */
  use(sequence: number): boolean {
    const newest = ((sequence - this.lastSequence) << 16) >> 16 > 0;
    if (newest) this.lastSequence = sequence;
    return newest;
  }

  /** A packet has been sent. `newest`: it is no frame's, whose time is set already, and none that came late. */
  handleSent(timestamp: number, clockRate: number, newest: boolean, now: number): void {
    if (this.hasTime && !(newest && timestamp !== this.lastTimestamp)) return;
    this.lastTime = this.timeOf(timestamp, clockRate, now);
    this.lastTimestamp = timestamp;
  }

  /**
   * When a timestamp that leaves now would have left without jitter: packets that pass through come unevenly, and the clock of the
   * stream, by which the peer synchronises it, should not follow each of them.
   */
  private timeOf(timestamp: number, clockRate: number, now: number): number {
    const expected = this.lastTime + (((timestamp - this.lastTimestamp) | 0) * 1000) / clockRate;
    const late = now - expected;
    // The earliest count; clocks drift, and a jump is none of jitter's. NaN: the first.
    return late >= 0 && late < MAX_JITTER ? expected + late / 64 : now;
  }

  // Frames

  /** The timestamp to send for one of the source: a stream's time never goes back (RFC 3550 §5.1), whoever makes its frames. */
  frameTimestamp(timestamp: number, clockRate: number, time: number): number {
    const next = (timestamp + this.frameOffset) >>> 0;
    const { resumption } = this;
    this.resumption = GOES_ON;
    if (resumption === GOES_ON || !this.hasTime) return next;
    if (resumption === RESUMES && ((next - this.lastTimestamp) | 0) > 0) return next;
    this.frameOffset = (this.lastTimestamp + this.elapsed(clockRate, time) - timestamp) | 0;
    return (timestamp + this.frameOffset) >>> 0;
  }

  /** Ticks since the last timestamp, at least one. */
  private elapsed(clockRate: number, now: number): number {
    return Math.max(1, Math.round(((now - this.lastTime) * clockRate) / 1000));
  }
}
