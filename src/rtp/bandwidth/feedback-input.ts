// The sender's way from feedback messages to the estimator: transport-wide feedback and RFC 8888 alike end as arrival times of
// packets by their transport-wide sequence number. Where no such number travels (RFC 8888), it is kept here per stream.
import type { CongestionFeedback } from "../feedback.js";
import type { TransportFeedback } from "../transport-feedback.js";
import type { BandwidthEstimator } from "./estimator.js";

/** The reference time of transport-wide feedback wraps around after so many milliseconds. */
const REFERENCE_PERIOD = 2 ** 24 * 64;
/** The report timestamp of RFC 8888: 16 bits of seconds. */
const TIMESTAMP_PERIOD = 65_536_000;
/** Packets of a stream that RFC 8888 can be asked about. */
const STREAM_CAPACITY = 4096;

class StreamSequences {
  /** Transport-wide numbers by RTP sequence number, -1: none. */
  readonly transport: Float64Array = new Float64Array(STREAM_CAPACITY).fill(-1);
  readonly sequences: Uint16Array = new Uint16Array(STREAM_CAPACITY);
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
    const at = sequence16 % STREAM_CAPACITY;
    stream.transport[at] = transportSequence;
    stream.sequences[at] = sequence16;
  }

  removeStream(ssrc: number): void {
    this.streams.delete(ssrc);
  }

  /** One stream of an RFC 8888 message; `onCongestionFeedbackEnd` after the last of the compound. */
  onCongestionFeedback(feedback: CongestionFeedback): void {
    const stream = this.streams.get(feedback.ssrc);
    if (stream === undefined) return;
    const report = unwrap((feedback.reportTimestamp / 65_536) * 1000, this.lastTimestamp, TIMESTAMP_PERIOD);
    this.lastTimestamp = report;
    for (let i = 0; i < feedback.count; i++) {
      const sequence = (feedback.beginSequence + i) & 0xffff;
      const at = sequence % STREAM_CAPACITY;
      if (stream.transport[at]! < 0 || stream.sequences[at] !== sequence) continue;
      if (!feedback.received(i)) {
        this.estimator.onPacketFeedback(stream.transport[at]!, Number.NaN);
        continue;
      }
      // Arrived, but too long ago to say when: nothing can be learnt.
      const offset = feedback.arrivalOffset(i);
      if (!Number.isNaN(offset)) this.estimator.onPacketFeedback(stream.transport[at]!, report - offset);
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
