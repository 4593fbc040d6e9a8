// What getStats says of why one encoding of a sender is less than it could be (webrtc-stats, qualityLimitationReason). Nothing is encoded
// here, so there is one reason: of the layers that its source has, the network to the peer does not carry the best.
import type { OutboundRtpCounters } from "../peer/media-stats.js";
import type { PictureSize } from "./media-feed.js";

/** Milliseconds between a change of the size and the news that it is because of the network. */
const DELAY = 1000;

export class QualityLimitation {
  private limited = false;
  private since: number;
  private none = 0;
  private bandwidth = 0;
  private resolutionChanges = 0;
  private width = 0;
  private height = 0;
  /** Whether it was limited when the last size came; when that came. */
  private wasLimited = false;
  private changedAt: number = Number.NEGATIVE_INFINITY;

  /** `now`: monotonic milliseconds. */
  constructor(now: number) {
    this.since = now;
  }

  set(limited: boolean, now: number): void {
    this.pass(now);
    // That what is sent is not the best is told a little after it has become less.
    if (limited && !this.wasLimited && now - this.changedAt < DELAY) {
      this.resolutionChanges++;
      this.wasLimited = true;
    }
    this.limited = limited;
  }

  private pass(now: number): void {
    const seconds = (now - this.since) / 1000;
    if (this.limited) this.bandwidth += seconds;
    else this.none += seconds;
    this.since = now;
  }

  /** A frame has been sent. */
  see(size: PictureSize | undefined, now: number): void {
    if (size === undefined || (size.width === this.width && size.height === this.height)) return;
    if (this.width > 0) {
      if (this.limited || this.wasLimited) this.resolutionChanges++;
      else this.changedAt = now;
    }
    this.width = size.width;
    this.height = size.height;
    this.wasLimited = this.limited;
  }

  at(now: number): Partial<OutboundRtpCounters> {
    this.pass(now);
    return {
      qualityLimitationReason: this.limited ? "bandwidth" : "none",
      qualityLimitationDurations: { none: this.none, cpu: 0, bandwidth: this.bandwidth, other: 0 },
      qualityLimitationResolutionChanges: this.resolutionChanges,
    };
  }
}
