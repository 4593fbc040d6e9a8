// What a peer's RTCP means to a session (RFC 3550 §6.4, RFC 4585, RFC 5104, RFC 3611): which stream a report or request is of, what
// it does to that, and what is answered at once. Taking compounds apart is rtcp.ts.
import { BoundingSet } from "./bounding-set.js";
import { compactNtp, compactNtpOf, roundTripTime } from "./clock.js";
import type { CongestionControl } from "./congestion-control.js";
import { type CongestionFeedback, writeTmmbn } from "./feedback.js";
import type { RtpReceiver } from "./receiver.js";
import type { RtpRouter } from "./router.js";
import { parseRtcp, type ReportBlock, type RtcpVisitor, SDES_CNAME } from "./rtcp.js";
import type { RtcpOutput } from "./rtcp-output.js";
import type { RtpSendStream } from "./send-stream.js";
import { synchronise } from "./synchronisation.js";
import type { TransportFeedback } from "./transport-feedback.js";

/**
 * Packets that transport-wide feedback may speak of: so many at once, and so many more for each that was sent with a number. An
 * honest peer reports each once; 24 bytes can claim that sixteen thousand were lost.
 */
export const FEEDBACK_ALLOWANCE = 32_768;
export const FEEDBACK_PER_PACKET = 4;
/** Requests for key frames of one encoding are so many milliseconds apart at least: less than that of peers who repeat them (200). */
const MIN_KEY_FRAME_INTERVAL = 150;

/** What an SSRC of ours carries of a stream. */
export interface SendRoute {
  readonly stream: RtpSendStream;
  readonly role: "media" | "rtx" | "fec";
}

export interface RtcpInputOptions {
  readonly localSsrc: number;
  /** Unix milliseconds at `now` = 0. */
  readonly timeOrigin: number;
  readonly router: RtpRouter;
  readonly receivers: readonly RtpReceiver[];
  readonly sendRoutes: ReadonlyMap<number, SendRoute>;
  readonly congestion: CongestionControl;
  readonly output: RtcpOutput;
  readonly counters: Record<string, number>;
}

export class RtcpInput implements RtcpVisitor {
  /** What is sent is reported on by congestion control feedback (RFC 8888), and not by transport-wide feedback. */
  numbersReported = false;
  /** Milliseconds, as told last; NaN while unknown. */
  rtt: number = Number.NaN;
  private readonly localSsrc: number;
  private readonly timeOrigin: number;
  private readonly router: RtpRouter;
  private readonly receivers: readonly RtpReceiver[];
  private readonly sendRoutes: ReadonlyMap<number, SendRoute>;
  private readonly congestion: CongestionControl;
  private readonly output: RtcpOutput;
  private readonly counters: Record<string, number>;
  /** Streams about whose limits (TMMBR) the peer is to be told. */
  private readonly limited: RtpSendStream[] = [];
  /** Packets that feedback may still speak of. */
  private feedbackLeft: number = FEEDBACK_ALLOWANCE;
  /** The last reference time of ours that the peer has answered, as it names it. */
  private answeredReferenceTime = -1;
  private now = 0;

  constructor(options: RtcpInputOptions) {
    this.localSsrc = options.localSsrc;
    this.timeOrigin = options.timeOrigin;
    this.router = options.router;
    this.receivers = options.receivers;
    this.sendRoutes = options.sendRoutes;
    this.congestion = options.congestion;
    this.output = options.output;
    this.counters = options.counters;
  }

  /** A compound. False: it is malformed, from somewhere on. */
  receive(data: Uint8Array, length: number, now: number): boolean {
    this.now = now;
    const whole = parseRtcp(data, length, this);
    this.congestion.onCompoundEnd(now);
    if (this.limited.length > 0) this.writeLimits();
    return whole;
  }

  /** A packet was sent that feedback may speak of. */
  onNumberSent(): void {
    this.feedbackLeft = Math.min(FEEDBACK_ALLOWANCE, this.feedbackLeft + FEEDBACK_PER_PACKET);
  }

  private compactNow(): number {
    return compactNtpOf(this.timeOrigin + this.now);
  }

  onSenderReport(
    ssrc: number,
    seconds: number,
    fraction: number,
    rtpTimestamp: number,
    packets: number,
    octets: number,
  ): void {
    const route = this.router.get(ssrc);
    if (route === undefined) return;
    const { stream } = route;
    if (route.role === "rtx") stream.rtxStatistics?.onSenderReport(seconds, fraction, this.now);
    if (route.role !== "media") return;
    stream.onSenderReport(seconds, fraction, rtpTimestamp, packets, octets, this.now);
    if (stream.frames !== undefined && stream.cname !== "") this.synchronise(stream.cname);
  }

  private synchronise(cname: string): void {
    const streams = this.receivers.flatMap((receiver) => receiver.streams.filter((one) => one.cname === cname));
    if (streams.length > 1) synchronise(streams);
  }

  onReportBlock(_reporter: number, block: ReportBlock): void {
    const route = this.sendRoutes.get(block.ssrc);
    if (route === undefined) return;
    const rtt = roundTripTime(this.compactNow(), block.lastSenderReport, block.delaySinceLastSenderReport);
    if (!Number.isNaN(rtt)) this.rtt = rtt;
    const { fractionLost, cumulativeLost, extendedHighestSequenceNumber, jitter } = block;
    const { stream, role } = route;
    if (role === "fec") return;
    if (role === "media") {
      const first = Number.isNaN(stream.remoteReportTime);
      const expected = first ? 0 : extendedHighestSequenceNumber - stream.remoteHighestSequenceNumber;
      this.congestion.onReportBlock(expected, cumulativeLost - stream.remotePacketsLost, rtt);
    }
    stream.onReport(role === "rtx", fractionLost, cumulativeLost, extendedHighestSequenceNumber, jitter, rtt, this.now);
  }

  onSourceDescription(ssrc: number, type: number, data: Uint8Array, offset: number, length: number): void {
    if (type !== SDES_CNAME) return;
    const route = this.router.get(ssrc);
    if (route === undefined || route.role !== "media" || route.stream.cname !== "") return;
    let text = "";
    for (let i = 0; i < length; i++) text += String.fromCharCode(data[offset + i]!);
    route.stream.cname = text;
  }

  onBye(ssrc: number): void {
    for (const { stream, role } of this.sendRoutes.values()) {
      if (role === "media" && stream.limits?.remove(ssrc)) this.onLimitChange(stream);
    }
    const route = this.router.get(ssrc);
    if (route === undefined || route.role !== "media") return;
    this.router.removeStream(route.stream);
    route.stream.receiver.removeStream(route.stream);
  }

  onReceiverReferenceTime(ssrc: number, seconds: number, fraction: number): void {
    this.output.onReceiverReferenceTime(ssrc, compactNtp(seconds, fraction), this.now);
  }

  onDelaySinceLastReport(_reporter: number, ssrc: number, lastReceiverReport: number, delay: number): void {
    // Every stream of the peer may answer: that is one measurement.
    if (ssrc !== this.localSsrc || lastReceiverReport === this.answeredReferenceTime) return;
    const rtt = roundTripTime(this.compactNow(), lastReceiverReport, delay);
    if (Number.isNaN(rtt)) return;
    this.answeredReferenceTime = lastReceiverReport;
    this.rtt = rtt;
    // There is one peer, and one path to it.
    for (const { streams } of this.receivers) for (const stream of streams) stream.onRoundTripTime(rtt);
  }

  onNack(_sender: number, media: number, packetId: number, bitmask: number): void {
    const route = this.sendRoutes.get(media);
    if (route === undefined || route.role !== "media") return;
    const { stream } = route;
    stream.resend(packetId, this.now);
    for (let bits = bitmask, next = packetId + 1; bits !== 0; bits >>>= 1, next++) {
      if ((bits & 1) !== 0) stream.resend(next & 0xffff, this.now);
    }
    stream.nackCount++;
  }

  onPictureLoss(_sender: number, media: number): void {
    const route = this.sendRoutes.get(media);
    if (route === undefined) return;
    route.stream.pliCount++;
    this.requestKeyFrame(route.stream);
  }

  onFullIntraRequest(sender: number, media: number, sequence: number): void {
    const route = this.sendRoutes.get(media);
    if (route === undefined) return;
    const { stream } = route;
    // The same number is the same request, repeated (RFC 5104 §4.3.1.1).
    if (stream.lastFirSender === sender && stream.lastFirSequence === sequence) return;
    if (!this.requestKeyFrame(stream)) return;
    stream.lastFirSender = sender;
    stream.lastFirSequence = sequence;
    stream.firCount++;
  }

  /** A key frame costs the encoder and the path much, asking for one nothing. False: one was asked for just now. */
  private requestKeyFrame(stream: RtpSendStream): boolean {
    if (this.now - stream.lastKeyFrameRequest < MIN_KEY_FRAME_INTERVAL) return false;
    stream.lastKeyFrameRequest = this.now;
    stream.sender.host.onKeyFrameRequest?.(stream.index);
    return true;
  }

  onTmmbr(sender: number, media: number, bitrate: number, overhead: number): void {
    const route = this.sendRoutes.get(media);
    if (route?.role !== "media") return;
    const { stream } = route;
    stream.limits ??= new BoundingSet();
    stream.limits.set(sender, bitrate, overhead);
    this.onLimitChange(stream);
  }

  /** The owner of a limit and the others learn which ones hold, whether that has changed or not (RFC 5104 §4.2.2). */
  private onLimitChange(stream: RtpSendStream): void {
    if (!this.limited.includes(stream)) this.limited.push(stream);
    // Down at once; up as well: there is one peer, whose other receivers need not be waited for (§3.5.4.3).
    this.congestion.invalidate(this.now);
  }

  onTmmbnEnd(sender: number): void {
    this.congestion.limits?.onNotification(sender);
  }

  private writeLimits(): void {
    for (const { ssrc, limits } of this.limited) {
      const tuples = limits?.tuples ?? [];
      this.output.prepare(12 + 8 * tuples.length);
      writeTmmbn(this.output.rtcp, ssrc, tuples);
    }
    this.limited.length = 0;
  }

  onRemb(_sender: number, bitrate: number): void {
    this.congestion.onRemb(bitrate, this.now);
  }

  takesTransportFeedback(count: number): boolean {
    // The times of the two kinds of feedback are of different clocks.
    if (this.numbersReported || count > this.feedbackLeft) {
      if (!this.numbersReported) this.counters.excessFeedback!++;
      return false;
    }
    this.feedbackLeft -= count;
    return true;
  }

  onTransportFeedback(feedback: TransportFeedback): void {
    this.congestion.onTransportFeedback(feedback, this.now);
  }

  onCongestionFeedback(feedback: CongestionFeedback): void {
    if (this.numbersReported) this.congestion.onCongestionFeedback(feedback);
  }
}
