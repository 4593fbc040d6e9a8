// Reception of one SSRC as RFC 3550 counts it (§6.4.1, appendices A.1, A.3, A.8): extended sequence numbers, loss, jitter, and
// which packets have come already. Serves media and retransmission streams alike.
import { ReplayWindow } from "../util/replay-window.js";
import { compactNtp, toDelay } from "./clock.js";
import type { ReportBlock } from "./rtcp.js";

/** A jump forward of more than this is a restart of the numbering (RFC 3550 §A.1). */
export const MAX_DROPOUT = 3000;
/** Packets that come so much behind the newest are still told from repeats. */
const WINDOW = 2016;
/** Extended numbers begin here, so that packets from before the first one have some too. */
const FIRST_CYCLE = 0x1_0000;

export const DUPLICATE = -1;

export class ReceiveStatistics {
  readonly ssrc: number;
  /** All packets that came, repeats too. */
  packetsReceived = 0;
  packetsDuplicated = 0;
  /** @internal `packetsReceived` at the last report. */
  reportedPackets = 0;
  /** How often the numbering was begun anew. */
  restarts = 0;
  /** The newest extended sequence number; 0 before the first packet. */
  highest = 0;
  /** Monotonic milliseconds of the last packet. */
  lastArrival: number = Number.NEGATIVE_INFINITY;
  /** The last share that a report told, 0 to 255. */
  fractionLost = 0;

  private readonly window = new ReplayWindow(WINDOW);
  private base = 0;
  /** Lost and come before the last restart. */
  private lostBefore = 0;
  private receivedSince = 0;
  private expectedPrior = 0;
  private receivedPrior = 0;
  private jitterUnits = 0;
  private lastTimestamp = 0;
  private lastTimestampArrival = 0;
  private lastClockRate = 0;
  /** The number that would confirm a restart backwards. */
  private restartCandidate = -1;

  private reportSeconds = 0;
  private reportFraction = 0;
  private reportArrival: number = Number.NaN;

  constructor(ssrc: number) {
    this.ssrc = ssrc;
  }

  /** Interarrival jitter in units of the RTP timestamp. */
  get jitter(): number {
    return this.jitterUnits;
  }

  get jitterSeconds(): number {
    return this.lastClockRate > 0 ? this.jitterUnits / this.lastClockRate : 0;
  }

  /** Expected and not come, repeats counted against it (RFC 3550 §A.3): may be negative. */
  get packetsLost(): number {
    return this.highest === 0 ? 0 : this.lostBefore + this.highest - this.base + 1 - this.receivedSince;
  }

  /** The extended number of a packet's, nearest to the newest. */
  extend(sequenceNumber: number): number {
    if (this.highest === 0) return FIRST_CYCLE + sequenceNumber;
    return this.highest + (((sequenceNumber - this.highest) << 16) >> 16);
  }

  /** A packet has come. Gives its extended sequence number, or DUPLICATE: it came before, or is too old to tell. */
  receive(sequenceNumber: number, timestamp: number, clockRate: number, now: number): number {
    const extended = this.extend(sequenceNumber);
    const step = extended - this.highest;
    this.packetsReceived++;
    this.lastArrival = now;
    if (this.highest === 0) {
      this.restart(extended);
    } else if (step > MAX_DROPOUT) {
      this.begin(extended);
    } else if (step <= -WINDOW) {
      // Either very late, or counting from elsewhere: the next one tells.
      if (sequenceNumber !== this.restartCandidate) {
        this.restartCandidate = (sequenceNumber + 1) & 0xffff;
        this.receivedSince++;
        this.packetsDuplicated++;
        return DUPLICATE;
      }
      this.begin(this.highest + 0x1_0000 + (((sequenceNumber - this.highest) << 16) >> 16));
      return this.finish(this.highest, timestamp, clockRate, now);
    }
    return this.finish(extended, timestamp, clockRate, now);
  }

  /** Whether all packets of these extended numbers have come, by retransmission or not. */
  received(from: number, to: number): boolean {
    return this.window.seen(from, to);
  }

  /** A packet that was lost has come by retransmission. False: it had come, or is too old or too new to be one. */
  recover(sequenceNumber: number): boolean {
    const extended = this.extend(sequenceNumber);
    return extended <= this.highest + MAX_DROPOUT && this.window.update(extended);
  }

  private finish(extended: number, timestamp: number, clockRate: number, now: number): number {
    this.receivedSince++;
    if (!this.window.update(extended)) {
      this.packetsDuplicated++;
      return DUPLICATE;
    }
    if (extended >= this.highest) {
      this.highest = extended;
      if (timestamp !== this.lastTimestamp || clockRate !== this.lastClockRate) this.measure(timestamp, clockRate, now);
    }
    return extended;
  }

  /** The numbering goes on from elsewhere: what lies between is not lost. */
  private begin(extended: number): void {
    this.restarts++;
    this.lostBefore = this.packetsLost;
    this.restart(extended);
  }

  private restart(extended: number): void {
    this.base = extended;
    this.highest = extended;
    this.receivedSince = 0;
    this.expectedPrior = 0;
    this.receivedPrior = 0;
    this.restartCandidate = -1;
  }

  /**
   * RFC 3550 §A.8, between packets of different timestamps only: those of one video frame share theirs, and what a pacer puts
   * between them is no jitter of the network (RFC 5450 §1). Chromium counts so too.
   */
  private measure(timestamp: number, clockRate: number, now: number): void {
    if (clockRate === this.lastClockRate) {
      const arrival = ((now - this.lastTimestampArrival) * clockRate) / 1000;
      const difference = Math.abs(arrival - ((timestamp - this.lastTimestamp) | 0));
      // A jump of the source's clock is no jitter: 5 s as in Chromium.
      if (difference < clockRate * 5) this.jitterUnits += (difference - this.jitterUnits) / 16;
    } else if (this.lastClockRate > 0) {
      this.jitterUnits *= clockRate / this.lastClockRate;
    }
    this.lastTimestamp = timestamp;
    this.lastTimestampArrival = now;
    this.lastClockRate = clockRate;
  }

  /** When the last sender report came, monotonic milliseconds; NaN before the first. */
  get senderReportTime(): number {
    return this.reportArrival;
  }

  /** A sender report for this source has come. */
  onSenderReport(seconds: number, fraction: number, now: number): void {
    this.reportSeconds = seconds;
    this.reportFraction = fraction;
    this.reportArrival = now;
  }

  /** Fills a report block about the time since the last one. */
  report(block: ReportBlock, now: number): void {
    const expected = this.highest - this.base + 1;
    const expectedInterval = expected - this.expectedPrior;
    const lostInterval = expectedInterval - (this.receivedSince - this.receivedPrior);
    this.expectedPrior = expected;
    this.receivedPrior = this.receivedSince;
    this.fractionLost =
      expectedInterval <= 0 || lostInterval <= 0
        ? 0
        : Math.min(255, Math.floor((lostInterval * 256) / expectedInterval));
    block.ssrc = this.ssrc;
    block.fractionLost = this.fractionLost;
    block.cumulativeLost = Math.max(-0x80_0000, Math.min(0x7f_ffff, this.packetsLost));
    block.extendedHighestSequenceNumber = (this.highest - FIRST_CYCLE) >>> 0;
    block.jitter = Math.floor(this.jitterUnits) >>> 0;
    if (Number.isNaN(this.reportArrival)) {
      block.lastSenderReport = 0;
      block.delaySinceLastSenderReport = 0;
    } else {
      block.lastSenderReport = compactNtp(this.reportSeconds, this.reportFraction);
      block.delaySinceLastSenderReport = toDelay(now - this.reportArrival);
    }
  }
}
