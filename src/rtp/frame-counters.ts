// What webrtc-stats counts of the frames of one stream: it stays when nobody wants frames for a while.

import { FrameRate } from "../util/frame-rate.js";

export class FrameCounters {
  /** Of whole frames, as they come. */
  readonly rate: FrameRate = new FrameRate();
  // In seconds, and of audio times the samples that a frame has: their sum over what came out of the jitter buffer.
  jitterBufferDelay = 0;
  jitterBufferTargetDelay = 0;
  jitterBufferMinimumDelay = 0;
  /** Frames of video, samples of audio. */
  jitterBufferEmittedCount = 0;
  framesReceived = 0;
  framesAssembledFromMultiplePackets = 0;
  /** Seconds. */
  totalAssemblyTime = 0;
  keyFramesReceived = 0;
  /** Packets that came too late. */
  packetsDiscarded = 0;
  /** Whole frames that could not be used. */
  framesDropped = 0;
}
