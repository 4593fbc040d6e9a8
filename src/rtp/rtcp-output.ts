// What RTCP a session sends: compounds that gather the feedback of a round, reports about what flows (RFC 3550 §6.4, RFC 3611), and
// goodbyes. When reports are due is report-schedule.ts; what feedback there is, others know.
import { utf8Encode } from "../util/text.js";
import { ntpFraction, ntpSeconds, toDelay } from "./clock.js";
import type { RtpReceiver } from "./receiver.js";
import { ReportBlock, RtcpWriter } from "./rtcp.js";
import type { RtpSender } from "./sender.js";

/** Bytes of a compound: with SRTCP's, UDP's and IP's overhead it fits everywhere. */
export const MAX_RTCP_SIZE = 1140;
/** Peers whose clocks (RRTR) the next report answers. */
export const MAX_REFERENCE_TIMES = 16;
/** A name that is longer is cut: SDES has one byte for its length. */
const MAX_CNAME_LENGTH = 255;

interface ReferenceTime {
  readonly ssrc: number;
  readonly compact: number;
  readonly arrival: number;
}

export interface RtcpOutputOptions {
  readonly localSsrc: number;
  readonly cname: string;
  readonly reducedSize: boolean;
  /** Unix milliseconds at `now` = 0. */
  readonly timeOrigin: number;
}

export class RtcpOutput {
  /** The compound in the making. */
  readonly rtcp: RtcpWriter = new RtcpWriter(MAX_RTCP_SIZE);
  private readonly options: RtcpOutputOptions;
  private readonly transmit: (compound: Uint8Array) => void;
  private readonly localSsrc: number;
  private readonly cname: Uint8Array;
  private readonly block = new ReportBlock();
  private readonly referenceTimes: ReferenceTime[] = [];

  /** The bytes of a compound are valid only during the call of `transmit`. */
  constructor(options: RtcpOutputOptions, transmit: (compound: Uint8Array) => void) {
    this.options = options;
    this.transmit = transmit;
    this.localSsrc = options.localSsrc;
    this.cname = utf8Encode(options.cname).subarray(0, MAX_CNAME_LENGTH);
  }

  /** Makes room for a feedback message of `bytes` bytes in the compound that `flush` sends. */
  prepare(bytes: number): RtcpWriter {
    const { rtcp } = this;
    if (rtcp.length > 0 && !rtcp.room(bytes)) this.flush();
    if (rtcp.length === 0 && !this.options.reducedSize) this.begin(bytes);
    return rtcp;
  }

  /** An empty report and our name: what a full compound begins with (RFC 3550 §6.1). */
  private begin(bytes: number): void {
    const { rtcp } = this;
    if (rtcp.length > 0 && !rtcp.room(bytes)) this.flush();
    if (rtcp.length > 0) return;
    rtcp.receiverReport(this.localSsrc);
    rtcp.cname(this.localSsrc, this.cname);
  }

  /** Sends the compound, if there is anything in it. */
  flush(): void {
    const { rtcp } = this;
    if (rtcp.length > 0) this.transmit(rtcp.data.subarray(0, rtcp.length));
    rtcp.begin();
  }

  /** Reports about everything that has flowed since the last time; false: nothing has. */
  sendReports(senders: readonly RtpSender[], receivers: readonly RtpReceiver[], now: number): boolean {
    const { rtcp } = this;
    this.flush();
    const unix = this.options.timeOrigin + now;
    const seconds = ntpSeconds(unix);
    const fraction = ntpFraction(unix);
    let anySent = false;
    for (const { streams } of senders) {
      for (const stream of streams) {
        // Silent since the last report: not a sender any more (RFC 3550 §6.4).
        if (stream.reportPackets === stream.reportedPackets) continue;
        stream.reportedPackets = stream.reportPackets;
        anySent = true;
        if (!rtcp.room(28 + 16 + this.cname.length)) this.flush();
        const { ssrc, reportPackets, reportOctets } = stream;
        rtcp.senderReport(ssrc, seconds, fraction, stream.timestampAt(now), reportPackets >>> 0, reportOctets >>> 0);
        rtcp.cname(ssrc, this.cname);
      }
    }
    const anyReceived = this.writeReportBlocks(receivers, now);
    // Who sends nothing has no round-trip time from report blocks (RFC 3611 §4.4); and statistics of what is received take no other.
    if (anyReceived) {
      if (!rtcp.room(20)) this.begin(20);
      rtcp.receiverReferenceTime(this.localSsrc, seconds, fraction);
    }
    this.writeDelays(senders, now);
    this.flush();
    return anySent || anyReceived;
  }

  /** Blocks about what has come; true if there was any. */
  private writeReportBlocks(receivers: readonly RtpReceiver[], now: number): boolean {
    const { rtcp, block } = this;
    const named = 16 + this.cname.length;
    let any = false;
    // Whether the compound begins with the report that blocks are added to: our name is to follow it.
    let unnamed = false;
    for (const receiver of receivers) {
      for (const stream of receiver.streams) {
        for (let i = 0; i < 2; i++) {
          const statistics = i === 0 ? stream.statistics : stream.rtxStatistics;
          // Nothing came since the last report (RFC 3550 §6.4): no block.
          if (statistics === undefined || statistics.packetsReceived === statistics.reportedPackets) continue;
          statistics.reportedPackets = statistics.packetsReceived;
          if (!any || !rtcp.room(32 + named)) {
            if (unnamed) rtcp.cname(this.localSsrc, this.cname);
            if (!rtcp.room(32 + named)) this.flush();
            unnamed = rtcp.length === 0;
            rtcp.receiverReport(this.localSsrc);
            any = true;
          }
          statistics.report(block, now);
          rtcp.reportBlock(block);
        }
      }
    }
    if (unnamed) rtcp.cname(this.localSsrc, this.cname);
    return any;
  }

  private writeDelays(senders: readonly RtpSender[], now: number): void {
    const reporter = senders.flatMap(({ streams }) => streams).find(({ reportPackets }) => reportPackets > 0);
    if (reporter !== undefined) {
      for (const { ssrc, compact, arrival } of this.referenceTimes) {
        if (!this.rtcp.room(24) || this.rtcp.length === 0) this.begin(24);
        this.rtcp.delaySinceLastReport(reporter.ssrc, ssrc, compact, toDelay(now - arrival));
      }
    }
    this.referenceTimes.length = 0;
  }

  /** A peer has told its clock (RRTR): the next report answers. */
  onReceiverReferenceTime(ssrc: number, compact: number, arrival: number): void {
    const list = this.referenceTimes;
    const index = list.findIndex((one) => one.ssrc === ssrc);
    if (index >= 0) list.splice(index, 1);
    if (list.length >= MAX_REFERENCE_TIMES) list.shift();
    list.push({ ssrc, compact, arrival });
  }

  /** Ends the streams of these senders. */
  sendByes(senders: readonly RtpSender[]): void {
    this.flush();
    let begun = false;
    for (const { streams } of senders) {
      for (const { ssrc, packetsSent, fecPacketsSent, encoding } of streams) {
        if (packetsSent === 0) continue;
        if (!begun || !this.rtcp.room(8)) this.begin(16);
        begun = true;
        this.rtcp.bye(ssrc);
        if (encoding.rtxSsrc !== null && this.rtcp.room(8)) this.rtcp.bye(encoding.rtxSsrc);
        const { fecSsrc = null } = encoding;
        if (fecSsrc !== null && fecPacketsSent > 0 && this.rtcp.room(8)) this.rtcp.bye(fecSsrc);
      }
    }
    this.flush();
  }
}
