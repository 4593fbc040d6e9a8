// What getStats says of a received stream that is decoded in this process, beside what the RTP machine counts.
import type { EncodedFrame } from "../peer/media.js";
import type { InboundRtpCounters } from "../peer/media-stats.js";
import { FrameRate } from "../util/frame-rate.js";
import type { DecoderReport } from "./media-feed.js";

export class DecodingCounters {
  private readonly rate = new FrameRate();
  private report: DecoderReport | undefined;
  private frames = 0;
  private keyFrames = 0;
  private decodeTime = 0;
  private processingDelay = 0;
  private quantizers = 0;
  private width: number | undefined;
  private height: number | undefined;

  /** A frame has been decoded. `now`: monotonic milliseconds. */
  add({ keyFrame, receiveTime }: EncodedFrame, report: DecoderReport, now: number): void {
    const { samples = 1, duration, qp, width, height } = report;
    this.report = report;
    this.frames++;
    if (keyFrame) this.keyFrames++;
    this.rate.add(now);
    this.decodeTime += duration / 1000;
    this.processingDelay += (samples * (now - receiveTime)) / 1000;
    this.quantizers += qp ?? Number.NaN;
    this.width = width ?? this.width;
    this.height = height ?? this.height;
  }

  at(now: number): Partial<InboundRtpCounters> {
    const { report, width, height } = this;
    return {
      totalProcessingDelay: this.processingDelay,
      framesDecoded: this.frames,
      keyFramesDecoded: this.keyFrames,
      totalDecodeTime: this.decodeTime,
      framesPerSecond: this.rate.at(now),
      qpSum: this.quantizers,
      ...(width === undefined ? {} : { frameWidth: width }),
      ...(height === undefined ? {} : { frameHeight: height }),
      decoderImplementation: report?.implementation,
      powerEfficientDecoder: report?.powerEfficient,
    };
  }
}
