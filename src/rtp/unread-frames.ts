// The frames of a received video stream that nobody takes frames of: which of them came whole, and when a jitter buffer would have
// let them go, as a player has one. For statistics only: a few numbers for each frame that would wait, no packet is held, no timer
// runs. What is due is looked at when the next frame ends, and when somebody asks. Not the jitter buffer itself: nothing is asked
// for or given out, and what cannot be decoded without a frame that was lost counts as well.
import { DelayEstimator } from "./delay-estimator.js";
import type { FrameCounters } from "./frame-counters.js";
import { patience } from "./jitter-buffer.js";
import type { RtpPacket } from "./packet.js";
import type { RtpReceiveStream } from "./receive-stream.js";

/** Frames that wait at a time: four seconds of 120 a second, and some. Above, the first goes at once. */
export const MAX_WAITING_FRAMES = 512;

/** Bytes that what is decoded has at least; delimiters of H.264 and H.265 have fewer. */
const MIN_SLICE = 8;

/** A frame, as far as its packets have come: extended sequence numbers, monotonic milliseconds. Filled again for others. */
class PendingFrame {
  timestamp = -1;
  first = -1;
  /** -1: its end has not come. */
  last = -1;
  /** Nothing of it can lie before `first`. */
  certain = false;
  firstArrival = 0;
  /** When it became whole; NaN: it is not. */
  arrival: number = Number.NaN;
  /** Pixels, by the header of a key frame; 0: it tells of none. */
  width = 0;
  height = 0;
  /** Since when what is missing up to its end has been waited for, if anything is. */
  since = 0;
}

const isWhole = ({ arrival }: PendingFrame): boolean => !Number.isNaN(arrival);

export class UnreadFrames {
  private readonly stream: RtpReceiveStream;
  private readonly counters: FrameCounters;
  private readonly delay = new DelayEstimator();
  /** The one that packets in order are of. */
  private current = new PendingFrame();
  /** The current one has an end. */
  private ended = true;
  /** Frames of this stream have ends. */
  private hasEnds = false;
  /** The first packet of the current frame was too short to tell what it is: a delimiter. */
  private undecided = false;
  /** Those before the current one, and that one when it has ended; in order. */
  private readonly waiting: PendingFrame[] = [];
  private readonly free: PendingFrame[] = [];
  /** Up to here nothing counts any more. */
  private gone = -1;
  /** Until then everything that was due has gone. */
  private settled: number = Number.NEGATIVE_INFINITY;
  /** When the last frame went. */
  private released: number = Number.NEGATIVE_INFINITY;
  private restarts = 0;

  constructor(stream: RtpReceiveStream, counters: FrameCounters) {
    this.stream = stream;
    this.counters = counters;
  }

  /** How many are waiting. */
  get waitingFrames(): number {
    return this.waiting.length;
  }

  /** Whether `receive` has anything to do with a packet. */
  concerns(packet: RtpPacket, number: number): boolean {
    const { current, stream } = this;
    if (packet.marker || this.undecided) return true;
    return packet.timestamp !== current.timestamp || number !== stream.statistics.highest;
  }

  /** A packet that begins or ends a frame, or comes out of order. */
  receive(packet: RtpPacket, number: number, now: number): void {
    const { statistics } = this.stream;
    if (this.restarts !== statistics.restarts) this.restart(now);
    const late = number !== statistics.highest;
    // Padding is part of no frame.
    if (packet.payloadLength > 0) {
      if (packet.timestamp === this.current.timestamp && !this.ended) this.add(packet, number, now);
      else if (!late) this.begin(packet, number, now);
      else if (number <= this.gone) this.counters.packetsDiscarded++;
      else if (number < statistics.highest) this.addLate(packet, number, now);
    }
    if (late) for (const frame of this.waiting) this.check(frame, now);
    if (late || packet.marker || this.waiting.length > MAX_WAITING_FRAMES) this.settle(now);
  }

  /** The numbering goes on from elsewhere: what is not whole will not become so. */
  private restart(now: number): void {
    this.settle(now);
    this.restarts = this.stream.statistics.restarts;
    this.waiting.length = 0;
    this.ended = true;
    this.gone = -1;
  }

  private begin(packet: RtpPacket, number: number, now: number): void {
    // Without ends it cannot be told which frames are whole.
    if (!this.ended && this.hasEnds) this.push();
    const { current } = this;
    // As long as there have been no ends it does not matter, but for the very first frame.
    const matters = this.hasEnds || current.timestamp < 0;
    current.timestamp = packet.timestamp;
    current.first = number;
    current.last = -1;
    current.certain = matters && this.isStart(packet, number);
    current.width = 0;
    current.height = 0;
    if (matters) this.look(packet);
    current.firstArrival = now;
    current.arrival = Number.NaN;
    this.ended = false;
    if (packet.marker) this.end(number, now);
  }

  /** Another packet of the current frame. */
  private add(packet: RtpPacket, number: number, now: number): void {
    this.extend(this.current, packet, number);
    if (this.undecided) this.look(packet);
    if (packet.marker) this.end(number, now);
  }

  /** Which size the current frame has, if the packet begins a key frame. */
  private look(packet: RtpPacket): void {
    this.undecided = packet.payloadLength < MIN_SLICE;
    const { receiver } = this.stream;
    const format = receiver.format(packet.payloadType);
    if (format?.hasKeyFrames !== true || !receiver.isKeyFrame(packet)) return;
    const info = format.createDepacketizer().inspect(packet.peek());
    this.current.width = info?.width ?? 0;
    this.current.height = info?.height ?? 0;
  }

  private extend(frame: PendingFrame, packet: RtpPacket, number: number): void {
    if (number >= frame.first) return;
    frame.first = number;
    frame.certain = this.isStart(packet, number);
  }

  private end(number: number, now: number): void {
    this.ended = true;
    this.hasEnds = true;
    const frame = this.current;
    frame.last = number;
    this.push();
    // Its timestamp tells which packets are of no other frame.
    this.current.timestamp = frame.timestamp;
    this.check(frame, now);
  }

  /** The current frame waits; another object takes its place. */
  private push(): void {
    this.current.since = this.current.firstArrival;
    this.waiting.push(this.current);
    this.current = this.free.pop() ?? new PendingFrame();
  }

  /** A packet of an earlier frame. */
  private addLate(packet: RtpPacket, number: number, now: number): void {
    const { waiting } = this;
    let at = waiting.length;
    for (; at > 0; at--) {
      const frame = waiting[at - 1]!;
      if (frame.timestamp === packet.timestamp) {
        this.extend(frame, packet, number);
        if (packet.marker) frame.last = Math.max(frame.last, number);
        return;
      }
      if (frame.first < number) break;
    }
    // All of the frame was missing so far.
    const frame = this.free.pop() ?? new PendingFrame();
    frame.timestamp = packet.timestamp;
    frame.first = number;
    frame.last = packet.marker ? number : -1;
    frame.certain = this.isStart(packet, number);
    frame.firstArrival = now;
    frame.arrival = Number.NaN;
    frame.width = 0;
    frame.height = 0;
    frame.since = waiting[at]?.since ?? this.current.firstArrival;
    waiting.splice(at, 0, frame);
  }

  /** Whether nothing of the packet's frame lies before it, as far as can be told yet. */
  private isStart(packet: RtpPacket, number: number): boolean {
    const { statistics, receiver } = this.stream;
    if (statistics.received(number - 1, number - 1)) return true;
    return receiver.format(packet.payloadType)?.createDepacketizer().inspect(packet.peek())?.certainStart ?? false;
  }

  private check(frame: PendingFrame, now: number): void {
    const { statistics, codec } = this.stream;
    const { first, last } = frame;
    if (last < 0 || isWhole(frame) || codec === undefined) return;
    // The packet before is of another frame, or `first` would be that one.
    if (!statistics.received(frame.certain ? first : first - 1, last)) return;
    const { counters } = this;
    frame.arrival = now;
    counters.framesReceived++;
    counters.rate.add(now);
    if (last > first) {
      counters.framesAssembledFromMultiplePackets++;
      counters.totalAssemblyTime += (now - frame.firstArrival) / 1000;
    }
    this.delay.add(frame.timestamp, codec.clockRate, now);
  }

  /** Lets go what was due until `now`. */
  settle(now: number): void {
    const { waiting, delay, stream } = this;
    const minimum = Math.max(stream.receiver.jitterBufferTarget ?? 0, stream.playoutDelay);
    let at = this.settled;
    while (waiting.length > 0) {
      const index = waiting.findIndex(isWhole);
      const frame = waiting[index];
      const target = Math.max(delay.target, minimum);
      if (frame !== undefined) at = Math.max(at, this.due(frame, target));
      if (frame === undefined || at > now) {
        if (waiting.length <= MAX_WAITING_FRAMES) break;
        at = now;
      }
      if (frame !== undefined) {
        this.count((at - frame.firstArrival) / 1000, target / 1000, delay.target / 1000);
        stream.noteSize(frame.width, frame.height);
        this.released = at;
      }
      // What is missing before it would not be used any more.
      for (let i = Math.max(0, index); i >= 0; i--) this.remove();
    }
    this.settled = Math.max(this.settled, now);
  }

  private remove(): void {
    const frame = this.waiting.shift()!;
    this.free.push(frame);
    this.gone = Math.max(this.gone, frame.last >= 0 ? frame.last : (this.waiting[0] ?? this.current).first - 1);
  }

  /** When a frame that is whole goes. */
  private due(frame: PendingFrame, target: number): number {
    const { first, arrival } = frame;
    // As in the jitter buffer: a frame is never earlier than the earliest.
    const due = Math.max(arrival, Math.min(this.delay.earliest(frame.timestamp), arrival) + target);
    const { statistics, receiver } = this.stream;
    if (this.gone < 0 || first <= this.gone + 1 || statistics.received(this.gone + 1, first - 1)) return due;
    const blockedSince = Math.max(this.waiting[0]!.since, this.released);
    return Math.max(due, blockedSince + patience(receiver.nack, this.stream.roundTripEstimate));
  }

  private count(waited: number, target: number, minimum: number): void {
    const { counters } = this;
    counters.jitterBufferEmittedCount++;
    counters.jitterBufferDelay += waited;
    counters.jitterBufferTargetDelay += target;
    counters.jitterBufferMinimumDelay += minimum;
  }
}
