// Congestion control of one RTP session: the estimator and the pacer for what is sent, feedback about what comes, and the shares
// of the encodings. The algorithms are in bandwidth/; this connects them to packets, RTCP and streams.
import { CongestionFeedbackRecorder } from "./bandwidth/congestion-feedback-recorder.js";
import { BandwidthEstimator } from "./bandwidth/estimator.js";
import { FeedbackInput } from "./bandwidth/feedback-input.js";
import { RemoteBitrate } from "./bandwidth/remote-bitrate.js";
import { TransportFeedbackRecorder } from "./bandwidth/transport-feedback-recorder.js";
import { EncodingShares, TRANSPORT_OVERHEAD } from "./encoding-shares.js";
import type { HeaderExtensions } from "./extensions.js";
import { type CongestionFeedback, writeRemb } from "./feedback.js";
import { DEFAULT_MAX_QUEUE_TIME, Pacer, PRIORITY_RETRANSMISSION } from "./pacer.js";
import type { RtpPacket } from "./packet.js";
import { ReceiveLimits } from "./receive-limits.js";
import type { RtpReceiver } from "./receiver.js";
import type { RtcpWriter } from "./rtcp.js";
import type { RtpSendStream } from "./send-stream.js";
import type { RtpSender } from "./sender.js";
import type { TransportFeedback } from "./transport-feedback.js";
import type { RtpCodec } from "./types.js";

export const START_BITRATE = 300_000;
export const MIN_BITRATE = 30_000;
/** Milliseconds between two looks at what time alone changes. */
const LOOK_INTERVAL = 200;
/** Milliseconds' worth of the estimate that repeats may take at once. */
const REPEAT_WINDOW = 500;
/**
 * Milliseconds that packets may wait on average for a pace that is only a guess: at a peer that reports neither arrivals nor a rate, whose first
 * receiver report may take many seconds. In steady state the first of them waits for two thirds of it, which usual jitter buffers bear.
 */
const UNTOLD_QUEUE_TIME = 250;
/** Streams that one REMB names. */
const MAX_REMB_STREAMS = 31;

/** What the session does for its congestion control. */
export interface CongestionControlHost {
  readonly senders: readonly RtpSender[];
  readonly receivers: readonly RtpReceiver[];
  /** Milliseconds; 100 while unknown. */
  roundTripTime(): number;
  readonly localSsrc: number;
  /** The middle 32 bits of the NTP time (RFC 8888 §3.1). */
  compactTime(now: number): number;
  onBitrateChange(available: number): void;
}

export class CongestionControl {
  /** Undefined until there is a sender. */
  estimator: BandwidthEstimator | undefined;
  /** Messages of RFC 8888. */
  ccfbMessagesSent = 0;
  ccfbMessagesReceived = 0;
  /** Undefined until there is one. */
  limits: ReceiveLimits | undefined;

  private readonly host: CongestionControlHost;
  private readonly shares = new EncodingShares();
  private input: FeedbackInput | undefined;
  private pacer: Pacer<RtpSendStream> | undefined;
  private recorder: TransportFeedbackRecorder | undefined;
  private congestionRecorder: CongestionFeedbackRecorder | undefined;
  private remote: RemoteBitrate | undefined;
  private readonly rembSsrcs: number[] = [];
  private now = 0;
  private allocationDue = false;
  private nextLook = Number.NEGATIVE_INFINITY;
  private packetsSeen = 0;
  /** Bytes of repeats that have not drained yet at the estimate's rate, and when that was. */
  private repeated = 0;
  private repeatedAt = 0;
  /** The pacer is sending: its packets know their cluster. */
  private inPacer = false;
  // Of the compound being read.
  private expected = 0;
  private lost = 0;
  private rtt = Number.NaN;
  private congestionFeedback = false;

  constructor(host: CongestionControlHost) {
    this.host = host;
  }

  /** Bytes of the packets that wait, and milliseconds that the first of them has. */
  get queuedBytes(): number {
    return this.pacer?.queuedBytes ?? 0;
  }

  // What is sent

  /** Senders or their encodings have changed. */
  onSendersChanged(now: number): void {
    this.now = now;
    if (this.estimator === undefined && this.host.senders.length > 0) {
      const options = { startBitrate: START_BITRATE, minBitrate: MIN_BITRATE, maxBitrate: Number.POSITIVE_INFINITY };
      this.estimator = new BandwidthEstimator(options, {
        onTargetBitrateChange: () => {
          this.allocationDue = true;
          this.updatePacer();
        },
        onProbe: (cluster) => this.pacing().addProbe(cluster, this.now),
      });
      this.input = new FeedbackInput(this.estimator);
    }
    const { senders } = this.host;
    this.input?.retainStreams((ssrc) =>
      senders.some(({ streams }) =>
        streams.some(({ encoding: e }) => e.ssrc === ssrc || e.rtxSsrc === ssrc || e.fecSsrc === ssrc),
      ),
    );
    this.pacer?.remove((stream) => !senders.includes(stream.sender) || !stream.sender.streams.includes(stream), now);
    this.pacer?.setMaxQueueTime(this.maxQueueTime, now);
    this.allocationDue = true;
  }

  /** Packets go another way from here on. */
  onRouteChange(now: number): void {
    this.now = now;
    this.remote?.onRouteChange();
    this.estimator?.onRouteChange(now);
    this.updatePacer();
  }

  /** A packet with that transport-wide number leaves; `bytes` as the session sees it. */
  onPacketSent(transportSequence: number, bytes: number, cluster: number, now: number): void {
    this.now = now;
    const size = bytes + TRANSPORT_OVERHEAD;
    const counted = this.inPacer || this.pacer === undefined ? cluster : this.pacer.onUnpaced(size, now);
    this.estimator?.onPacketSent(transportSequence, size, now, counted);
  }

  /** The stream has one more packet of `bytes` bytes to send: it is asked for it (`sendPaced`) when it may leave. False: refused. */
  pace(stream: RtpSendStream, bytes: number, priority: number, now: number): boolean {
    this.now = now;
    return this.pacing().enqueue(stream, bytes + TRANSPORT_OVERHEAD, priority, now);
  }

  /** What waits of a stream is not sent any more; `repeats`: nor what was asked for again. */
  discard(stream: RtpSendStream, repeats: boolean, now: number): void {
    this.pacer?.remove((one, priority) => one === stream && (repeats || priority !== PRIORITY_RETRANSMISSION), now);
  }

  /**
   * Whether a repeat of so many bytes may go: of them there is no more than the estimate (or START_BITRATE) allows, since after an outage a peer asks for
   * all that was lost, at a rate that may not hold any more. What is not repeated is asked for again, or not wanted any more.
   */
  mayRepeat(bytes: number, now: number): boolean {
    const { estimator } = this;
    if (estimator === undefined) return true;
    const rate = Math.max(estimator.targetBitrate, START_BITRATE) / 8000;
    this.repeated = Math.max(0, this.repeated - (now - this.repeatedAt) * rate);
    this.repeatedAt = now;
    if (this.repeated > 0 && this.repeated + bytes > rate * REPEAT_WINDOW) return false;
    this.repeated += bytes;
    return true;
  }

  /**
   * Milliseconds that the path takes for so many bytes of a stream at its share of it; 0 while no queue that grew has told what the path carries:
   * an estimate that is low because packets are lost at random does not.
   */
  pathTime(bytes: number, share: number): number {
    const { estimator } = this;
    if (estimator === undefined) return 0;
    const { linkCapacity, targetBitrate } = estimator;
    return (bytes * 8000) / (Math.max(share, MIN_BITRATE) * Math.max(1, linkCapacity / targetBitrate));
  }

  private pacing(): Pacer<RtpSendStream> {
    if (this.pacer === undefined) {
      this.pacer = new Pacer<RtpSendStream>(
        {
          send: (stream, cluster, priority, now) => stream.sendPaced(priority, cluster, now),
          pad: (bytes, cluster, now) => this.pad(bytes, cluster, now),
        },
        { pacingRate: START_BITRATE, maxQueueTime: this.maxQueueTime },
      );
      this.updatePacer();
    }
    return this.pacer;
  }

  /** A queue of the pacer keeps one off the path only where somebody tells what that carries. */
  private get maxQueueTime(): number {
    const isTold = this.host.senders.some((sender) => sender.ratesReported);
    return isTold ? DEFAULT_MAX_QUEUE_TIME : UNTOLD_QUEUE_TIME;
  }

  private updatePacer(): void {
    const { estimator } = this;
    if (estimator !== undefined) this.pacer?.setRates(estimator.pacingRate, estimator.paddingRate, this.now);
  }

  private pad(bytes: number, cluster: number, now: number): number {
    for (const { options, streams } of this.host.senders) {
      if (!options.active || options.kind !== "video") continue;
      for (const stream of streams) {
        if (!stream.encoding.active) continue;
        const sent = stream.sendPadding(bytes, cluster, now);
        if (sent > 0) return sent + TRANSPORT_OVERHEAD;
      }
    }
    return 0;
  }

  /** Of a report block: packets that were to come since the last one, those of them that did not, and the round-trip time or NaN. */
  onReportBlock(expected: number, lost: number, rtt: number): void {
    this.expected += Math.max(0, expected);
    this.lost += Math.max(0, lost);
    if (!Number.isNaN(rtt)) this.rtt = rtt;
  }

  onTransportFeedback(feedback: TransportFeedback, now: number): void {
    this.now = now;
    this.input?.onTransportFeedback(feedback, now);
  }

  /** A packet that is reported on by its own number (RFC 8888): which transport-wide one that stands for. */
  onNumber(ssrc: number, sequence16: number, transportSequence: number): void {
    this.input?.onPacketSent(ssrc, sequence16, transportSequence);
  }

  /** One stream of a message of RFC 8888. */
  onCongestionFeedback(feedback: CongestionFeedback): void {
    this.congestionFeedback = true;
    this.input?.onCongestionFeedback(feedback);
  }

  onRemb(bitrate: number, now: number): void {
    this.now = now;
    this.estimator?.onRemb(bitrate, now);
  }

  /** The compound has been read. */
  onCompoundEnd(now: number): void {
    if (this.congestionFeedback) {
      this.congestionFeedback = false;
      this.ccfbMessagesReceived++;
      this.now = now;
      this.input?.onCongestionFeedbackEnd(now);
    }
    if (this.expected === 0 && Number.isNaN(this.rtt)) return;
    this.now = now;
    const fraction = this.expected > 0 ? Math.min(1, this.lost / this.expected) : 0;
    if (this.expected > 0) this.estimator?.onReceiverReport(fraction, Number.isNaN(this.rtt) ? 0 : this.rtt, now);
    if (!Number.isNaN(this.rtt)) this.remote?.setRtt(this.rtt);
    this.expected = 0;
    this.lost = 0;
    this.rtt = Number.NaN;
  }

  /** While something is sent, time alone moves a rate that only reports bound. `packetsSent`: by the session. */
  onSending(packetsSent: number, now: number): void {
    if (now < this.nextLook || packetsSent === this.packetsSeen) return;
    this.nextLook = now + LOOK_INTERVAL;
    this.packetsSeen = packetsSent;
    this.now = now;
    if (this.shares.look(this.host.senders, now)) this.allocationDue = true;
    this.estimator?.handleTimeout(now);
  }

  /** Gives each encoding its share, if anything has changed since the last time. */
  allocate(): void {
    const { estimator } = this;
    if (!this.allocationDue || estimator === undefined) return;
    this.allocationDue = false;
    const { targetBitrate } = estimator;
    const wanted = this.shares.allocate(this.host.senders, targetBitrate, estimator.hasFeedback);
    estimator.setAllocatedBitrate(wanted, this.now);
    this.shares.tell();
    this.host.onBitrateChange(targetBitrate);
  }

  /** What limits a stream has changed. */
  invalidate(now: number): void {
    this.now = now;
    this.allocationDue = true;
  }

  // What comes

  /** Any packet of a session that reports arrivals; `transportSequence` -1: it has none. */
  onArrival(ssrc: number, transportSequence: number, now: number): void {
    if (transportSequence < 0) return;
    this.recorder ??= new TransportFeedbackRecorder();
    this.recorder.onPacket(transportSequence, ssrc, now);
  }

  /** The same, where RFC 8888 is negotiated. What the IP header says of ECN is not known: sockets of Node do not tell. */
  onNumberedArrival(ssrc: number, sequence16: number, now: number): void {
    this.congestionRecorder ??= new CongestionFeedbackRecorder();
    this.congestionRecorder.onPacket(ssrc, sequence16, 0, now);
  }

  /** What is to come of a receiver at most, bits per second of payload; null: no limit. */
  limit(receiver: RtpReceiver, bitrate: number | null, now: number): void {
    const { host } = this;
    this.limits ??= new ReceiveLimits({
      receivers: host.receivers,
      localSsrc: host.localSsrc,
      transportOverhead: TRANSPORT_OVERHEAD,
      roundTripTime: () => host.roundTripTime(),
      estimate: () => this.remote?.bitrate ?? Number.NaN,
    });
    this.limits.set(receiver, bitrate, now);
  }

  /** What was reported of a stream by RFC 8888. */
  reportedLosses(ssrc: number): { readonly lost: number; readonly recovered: number } | undefined {
    return this.congestionRecorder?.losses(ssrc);
  }

  /** A packet that a section has taken; its extensions have been found. */
  onPacketReceived(packet: RtpPacket, extensions: HeaderExtensions, codec: RtpCodec, now: number): void {
    if (!codec.remb || codec.ccfb || extensions.transportSequence() >= 0) return;
    const sendTime = extensions.absSendTime();
    if (sendTime < 0) return;
    this.remote ??= new RemoteBitrate();
    this.remote.onPacket(sendTime, packet.length + TRANSPORT_OVERHEAD, now);
    if (this.rembSsrcs.length < MAX_REMB_STREAMS && !this.rembSsrcs.includes(packet.ssrc)) {
      this.rembSsrcs.push(packet.ssrc);
    }
  }

  /** Monotonic milliseconds. */
  get deadline(): number {
    return Math.min(this.pacer?.deadline ?? Number.POSITIVE_INFINITY, this.feedbackDue);
  }

  /** Sends what the pacer lets go. */
  handleTimeout(now: number): void {
    this.now = now;
    if (this.pacer === undefined || this.pacer.deadline > now) return;
    this.inPacer = true;
    this.pacer.handleTimeout(now);
    this.inPacer = false;
  }

  get feedbackDue(): number {
    return Math.min(
      this.recorder?.deadline ?? Number.POSITIVE_INFINITY,
      this.congestionRecorder?.deadline ?? Number.POSITIVE_INFINITY,
      this.remote?.deadline ?? Number.POSITIVE_INFINITY,
      this.limits?.deadline ?? Number.POSITIVE_INFINITY,
    );
  }

  /** Appends one feedback message that is due. False: nothing more to write, or no room. */
  writeFeedback(writer: RtcpWriter, now: number): boolean {
    const { recorder, congestionRecorder, remote, estimator } = this;
    // What goes the other way is only known where something goes.
    const known = estimator !== undefined && !Number.isNaN(estimator.acknowledgedBitrate);
    if (recorder !== undefined && recorder.deadline <= now) {
      if (known) recorder.setSendBitrate(estimator.targetBitrate);
      if (recorder.write(writer, this.host.localSsrc, now)) return true;
    }
    if (congestionRecorder !== undefined && congestionRecorder.deadline <= now) {
      if (known) congestionRecorder.setSendBitrate(estimator.targetBitrate);
      if (congestionRecorder.write(writer, this.host.localSsrc, this.host.compactTime(now), now)) {
        this.ccfbMessagesSent++;
        return true;
      }
    }
    const { limits } = this;
    if (limits !== undefined && limits.deadline <= now && limits.write(writer, now)) return true;
    if (remote === undefined || remote.deadline > now || !writer.room(20 + 4 * this.rembSsrcs.length)) return false;
    const bitrate = Math.min(remote.take(now), limits?.total ?? Number.POSITIVE_INFINITY);
    if (Number.isNaN(bitrate)) return false;
    writeRemb(writer, this.host.localSsrc, bitrate, this.rembSsrcs);
    this.rembSsrcs.length = 0;
    return true;
  }
}
