// The delay-based controller: delay gradient, detector and rate control together (draft-ietf-rmcat-gcc-02 §5), with results of
// probes taken over at once while the path is not overused.
import { InterArrival } from "./inter-arrival.js";
import { RateControl } from "./rate-control.js";
import type { StandingQueue } from "./standing-queue.js";
import { type BandwidthUsage, Trendline } from "./trendline.js";

/** Without feedback for so long, what was known of delays is stale. */
const STREAM_TIMEOUT = 2000;
/** Less than the usual 15 % down: StandingQueue sees to it that the queue drains. */
const BACKOFF = 0.9;

export class DelayBased {
  readonly rateControl: RateControl;
  /** Of the last `update`: the bitrate may be used; it came from a probe; the queue has drained after overuse. */
  updated = false;
  probed = false;
  recovered = false;
  /** Nobody else is on the link, as far as is known. */
  alone = false;
  /** When the detector last said overuse, milliseconds. */
  lastOveruse: number = Number.NEGATIVE_INFINITY;

  private readonly interArrival = new InterArrival();
  private readonly trendline = new Trendline();
  private lastSeen = Number.NEGATIVE_INFINITY;
  private drained = false;
  /** A standing queue asked for a lower rate, which has not been lowered since. */
  private owed = false;

  constructor(startBitrate: number, minBitrate: number) {
    this.rateControl = new RateControl(startBitrate, minBitrate, BACKOFF);
    this.rateControl.setStart(startBitrate);
  }

  get bitrate(): number {
    return this.rateControl.bitrate;
  }

  get usage(): BandwidthUsage {
    return this.trendline.usage;
  }

  /** One packet that arrived, in the order of arrival. Milliseconds; `arrival` by the receiver's clock. */
  onPacket(sendTime: number, arrival: number, now: number): void {
    if (now - this.lastSeen > STREAM_TIMEOUT) {
      this.interArrival.reset();
      this.trendline.reset();
    }
    this.lastSeen = now;
    if (!this.interArrival.add(sendTime, arrival, now)) return;
    const before = this.trendline.usage;
    this.trendline.update(this.interArrival.arrivalDelta, this.interArrival.sendDelta, arrival);
    if (before === "underusing" && this.trendline.usage === "normal") this.drained = true;
  }

  /**
   * After the packets of a message. `acknowledged` and `probe` in bits per second, NaN if there is none; `queue` has
   * seen the message already.
   */
  update(acknowledged: number, probe: number, queue: StandingQueue, now: number): void {
    const { rateControl } = this;
    this.updated = false;
    this.probed = false;
    this.recovered = false;
    // A queue that grows and is still short is left to grow: flows that share it see it at the same length, but not the
    // same gradient; acting on that alone, the most sensitive one would yield for ever.
    if (queue.overused) this.owed = true;
    else if (!queue.draining) this.owed = false;
    this.alone = rateControl.linkCapacity.alone(acknowledged);
    const long = this.alone ? queue.longForOne : queue.long;
    if (this.owed || (this.trendline.usage === "overusing" && long && !queue.emptying)) {
      this.lastOveruse = now;
      if (!Number.isNaN(acknowledged)) {
        if (rateControl.mayReduce(acknowledged, now)) {
          rateControl.update("overusing", acknowledged, now);
          this.updated = rateControl.valid;
          this.owed = false;
        }
      } else if (rateControl.valid && rateControl.mayReduce(rateControl.bitrate / 2 - 1, now)) {
        // Too fast before anything was measured.
        rateControl.set(rateControl.bitrate / 2, now);
        this.updated = true;
      }
    } else if (!Number.isNaN(probe)) {
      rateControl.set(probe, now);
      this.updated = true;
      this.probed = true;
    } else {
      const hold = queue.draining || this.trendline.usage === "overusing";
      rateControl.update(hold ? "underusing" : this.trendline.usage, acknowledged, now);
      this.updated = rateControl.valid;
      this.recovered = this.drained;
    }
    this.drained = false;
  }
}
