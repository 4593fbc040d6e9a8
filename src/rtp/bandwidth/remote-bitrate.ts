// Receive-side estimation for peers that know REMB and no transport-wide feedback: the delay-based controller on the receiver,
// with send times from the abs-send-time extension (draft-alvestrand-rmcat-remb-03, draft-ietf-rmcat-gcc-02). It says what
// bitrate to ask for, and when.
import { InterArrival } from "./inter-arrival.js";
import { RateControl } from "./rate-control.js";
import { Throughput } from "./throughput.js";
import { Trendline } from "./trendline.js";

/** abs-send-time: 24 bits of seconds with 18 of fraction. */
const TICKS_PER_MS = 262_144 / 1000;
const STREAM_TIMEOUT = 2000;
const MIN_BITRATE = 30_000;
/** What is asked for before anything was measured: nothing. */
const INITIAL_BITRATE = 30_000_000;
/** The estimate is looked at each so many milliseconds while packets come. */
const UPDATE_INTERVAL = 100;
/** A fall below this share of what was sent last is sent at once. */
const IMMEDIATE_FALL = 0.97;

export class RemoteBitrate {
  /** Monotonic milliseconds at which a REMB is due; Infinity if none is. */
  deadline: number = Number.POSITIVE_INFINITY;
  private readonly interArrival = new InterArrival();
  private readonly trendline = new Trendline();
  private readonly throughput = new Throughput();
  private readonly control = new RateControl(INITIAL_BITRATE, MIN_BITRATE);
  private lastTicks = 0;
  private sendTicks = Number.NaN;
  private lastPacket = Number.NEGATIVE_INFINITY;
  private nextUpdate = Number.NEGATIVE_INFINITY;
  private lastSent = Number.NEGATIVE_INFINITY;
  private sentBitrate = Number.POSITIVE_INFINITY;

  /** Bits per second; NaN while there is no estimate. */
  get bitrate(): number {
    return this.control.valid ? this.control.bitrate : Number.NaN;
  }

  setRtt(rtt: number): void {
    if (rtt > 0) this.control.rtt = rtt;
  }

  /** Packets come another way: their delays have nothing to do with those before. */
  onRouteChange(): void {
    this.interArrival.reset();
    this.trendline.reset();
  }

  /** `absSendTime`: 24 bits of the extension. `bytes` with all headers. */
  onPacket(absSendTime: number, bytes: number, now: number): void {
    if (Number.isNaN(this.sendTicks)) this.sendTicks = absSendTime;
    else this.sendTicks += ((absSendTime - this.lastTicks) << 8) >> 8;
    this.lastTicks = absSendTime;
    const sendTime = this.sendTicks / TICKS_PER_MS;
    if (now - this.lastPacket > STREAM_TIMEOUT) {
      this.interArrival.reset();
      this.trendline.reset();
    }
    this.lastPacket = now;
    this.throughput.add(sendTime, now, bytes);
    const before = this.trendline.usage;
    if (this.interArrival.add(sendTime, now, now)) {
      this.trendline.update(this.interArrival.arrivalDelta, this.interArrival.sendDelta, now);
    }
    const { usage } = this.trendline;
    if (now < this.nextUpdate && (usage !== "overusing" || before === "overusing")) return;
    this.nextUpdate = now + UPDATE_INTERVAL;
    const incoming = this.throughput.bitrate;
    if (
      usage !== "overusing" ||
      this.control.mayReduce(Number.isNaN(incoming) ? this.control.bitrate : incoming, now)
    ) {
      this.control.update(usage, incoming, now);
    }
    if (!this.control.valid) return;
    const fell = this.control.bitrate < IMMEDIATE_FALL * this.sentBitrate;
    const due = fell ? now : Math.max(now, this.lastSent + this.control.feedbackInterval);
    if (due < this.deadline) this.deadline = due;
  }

  /** The REMB that is due has been sent. Gives its bitrate; the next one is due when packets have come. */
  take(now: number): number {
    this.lastSent = now;
    this.sentBitrate = this.bitrate;
    this.deadline = Number.POSITIVE_INFINITY;
    return this.bitrate;
  }
}
