// What getStats says of one encoding of a sender beside what the RTP machine counts: the pictures that went to it, and what
// their encoder tells, where it is one of this process.
import type { EncodedFrameInit } from "../peer/media.js";
import type { OutboundRtpCounters } from "../peer/media-stats.js";
import { FrameRate } from "../util/frame-rate.js";
import type { EncoderReport } from "./media-feed.js";

/** Times the size aimed at, from which on a frame is huge (webrtc-stats, hugeFramesSent). */
const HUGE = 2.5;

export class EncodingCounters {
  private width: number | undefined;
  private height: number | undefined;
  private readonly rate = new FrameRate();
  /** Of the last frame, if it was encoded here. */
  private report: EncoderReport | undefined;
  private encodeTime = 0;
  private quantizers = 0;
  private targetBytes = 0;
  private hugeFrames = 0;

  /** A frame on its way to the peer. `now`: monotonic milliseconds. */
  add({ width, height, data }: EncodedFrameInit, report: EncoderReport | undefined, now: number): void {
    this.width = width ?? this.width;
    this.height = height ?? this.height;
    this.rate.add(now);
    // With a frame of which nobody knows, the sum would not be of all frames any more.
    this.quantizers += report?.qp ?? Number.NaN;
    if (report === undefined) return;
    this.report = report;
    this.encodeTime += report.duration / 1000;
    const { targetSize } = report;
    if (targetSize === undefined) return;
    this.targetBytes += targetSize;
    if (data.length >= HUGE * targetSize) this.hugeFrames++;
  }

  /** A frame has passed through as packets. */
  addForwarded(now: number): void {
    this.rate.add(now);
  }

  at(now: number): Partial<OutboundRtpCounters> {
    const { report } = this;
    const size = {
      ...(this.width === undefined ? {} : { frameWidth: this.width }),
      ...(this.height === undefined ? {} : { frameHeight: this.height }),
      framesPerSecond: this.rate.at(now),
    };
    if (report === undefined) return size;
    return {
      ...size,
      encoderImplementation: report.implementation,
      powerEfficientEncoder: report.powerEfficient,
      scalabilityMode: report.scalabilityMode,
      totalEncodeTime: this.encodeTime,
      totalEncodedBytesTarget: Math.round(this.targetBytes),
      hugeFramesSent: this.hugeFrames,
      qpSum: this.quantizers,
    };
  }
}
