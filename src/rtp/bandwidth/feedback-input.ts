// The sender's way from feedback messages to the estimator: transport-wide feedback and RFC 8888 alike end as arrival times of
// packets by their transport-wide sequence number. Where no such number travels (RFC 8888), it is kept here per stream.
import type { CongestionFeedback } from "../feedback.js";
import type { TransportFeedback } from "../transport-feedback.js";
import type { BandwidthEstimator } from "./estimator.js";

/** The reference time of transport-wide feedback wraps around after so many milliseconds. */
const REFERENCE_PERIOD = 2 ** 24 * 64;
/** The report timestamp of RFC 8888: 16 bits of seconds. */
const TIMESTAMP_PERIOD = 65_536_000;
/** Packets of a stream that RFC 8888 can be asked about, at first and at most. */
const INITIAL_STREAM_CAPACITY = 256;
const STREAM_CAPACITY = 4096;

class StreamSequences {
  /** Transport-wide numbers by RTP sequence number; -1: none, or known to have arrived. */
  transport: Float64Array = new Float64Array(INITIAL_STREAM_CAPACITY).fill(-1);
  sequences: Uint16Array = new Uint16Array(INITIAL_STREAM_CAPACITY);

  add(sequence: number, transportSequence: number): void {
    // What nothing was heard of yet makes room.
    while (this.transport[this.slot(sequence)]! >= 0 && this.transport.length < STREAM_CAPACITY) this.grow();
    const at = this.slot(sequence);
    this.transport[at] = transportSequence;
    this.sequences[at] = sequence;
  }

  /** -1: none. */
  find(sequence: number): number {
    const at = this.slot(sequence);
    return this.transport[at]! >= 0 && this.sequences[at] === sequence ? at : -1;
  }

  private slot(sequence: number): number {
    return sequence & (this.transport.length - 1);
  }

  private grow(): void {
    const { transport, sequences } = this;
    this.transport = new Float64Array(transport.length * 2).fill(-1);
    this.sequences = new Uint16Array(transport.length * 2);
    for (let i = 0; i < transport.length; i++) {
      const at = this.slot(sequences[i]!);
      this.transport[at] = transport[i]!;
      this.sequences[at] = sequences[i]!;
    }
  }
}

export class FeedbackInput {
  private readonly estimator: BandwidthEstimator;
  private lastReference = Number.NaN;
  private lastTimestamp = Number.NaN;
  private readonly streams = new Map<number, StreamSequences>();

  constructor(estimator: BandwidthEstimator) {
    this.estimator = estimator;
  }

  onTransportFeedback(feedback: TransportFeedback, now: number): void {
    const { estimator } = this;
    const reference = unwrap(feedback.referenceMilliseconds, this.lastReference, REFERENCE_PERIOD);
    this.lastReference = reference;
    const base = estimator.unwrap(feedback.baseSequence);
    if (base < 0) return;
    for (let i = 0; i < feedback.count; i++) {
      // NaN stays NaN: lost.
      estimator.onPacketFeedback(base + i, reference + feedback.arrivals[i]!);
    }
    estimator.onFeedbackEnd(now);
  }

  /** RFC 8888 only: a packet left that `transportSequence` stands for. */
  onPacketSent(ssrc: number, sequence16: number, transportSequence: number): void {
    let stream = this.streams.get(ssrc);
    if (stream === undefined) {
      stream = new StreamSequences();
      this.streams.set(ssrc, stream);
    }
    stream.add(sequence16, transportSequence);
  }

  /** Streams that are none of ours any more are forgotten. */
  retainStreams(has: (ssrc: number) => boolean): void {
    for (const ssrc of this.streams.keys()) if (!has(ssrc)) this.streams.delete(ssrc);
  }

  /** One stream of an RFC 8888 message; `onCongestionFeedbackEnd` after the last of the compound. */
  onCongestionFeedback(feedback: CongestionFeedback): void {
    const stream = this.streams.get(feedback.ssrc);
    if (stream === undefined) return;
    const report = unwrap((feedback.reportTimestamp / 65_536) * 1000, this.lastTimestamp, TIMESTAMP_PERIOD);
    this.lastTimestamp = report;
    for (let i = 0; i < feedback.count; i++) {
      const at = stream.find((feedback.beginSequence + i) & 0xffff);
      if (at < 0) continue;
      const transportSequence = stream.transport[at]!;
      if (!feedback.received(i)) {
        this.estimator.onPacketFeedback(transportSequence, Number.NaN);
        continue;
      }
      stream.transport[at] = -1;
      // Arrived, but too long ago to say when: nothing can be learnt.
      const offset = feedback.arrivalOffset(i);
      if (!Number.isNaN(offset)) this.estimator.onPacketFeedback(transportSequence, report - offset);
    }
  }

  onCongestionFeedbackEnd(now: number): void {
    this.estimator.onFeedbackEnd(now);
  }
}

/** The value nearest to `last` that is `value` up to multiples of `period`. */
function unwrap(value: number, last: number, period: number): number {
  return Number.isNaN(last) ? value : value + Math.round((last - value) / period) * period;
}
