// One RTP session (RFC 3550) over one transport, with all media sections of a bundle: takes packets apart by receiver, gathers RTCP
// and schedules reports. A machine: `now` is monotonic milliseconds, effects go to the host. Not SRTP, not ICE, not SDP.

import type { Logger } from "../util/logger.js";
import type { BandwidthEstimator } from "./bandwidth/estimator.js";
import { BufferBudget } from "./buffer-budget.js";
import { readU16, readU32 } from "./bytes.js";
import { compactNtpOf } from "./clock.js";
import { CongestionControl } from "./congestion-control.js";
import { EarlyPackets } from "./early-packets.js";
import { HeaderExtensions } from "./extensions.js";
import { writeFullIntraRequest, writeNack, writePictureLoss } from "./feedback.js";
import { RtpPacket } from "./packet.js";
import type { RtpReceiveStream } from "./receive-stream.js";
import { RtpReceiver } from "./receiver.js";
import { ReportSchedule } from "./report-schedule.js";
import { RtpRouter } from "./router.js";
import { RtcpInput, type SendRoute } from "./rtcp-input.js";
import { RtcpOutput } from "./rtcp-output.js";
import type { RtpSendStream } from "./send-stream.js";
import { RtpSender } from "./sender.js";
import type {
  RtpReceiverHost,
  RtpReceiverOptions,
  RtpSenderHost,
  RtpSenderOptions,
  RtpSessionHost,
  RtpSessionOptions,
} from "./types.js";

/** Bytes that a usual feedback message takes. */
const FEEDBACK_ROOM = 400;
const DEFAULT_RTT = 100;
export class RtpSession {
  readonly receivers: readonly RtpReceiver[];
  readonly senders: readonly RtpSender[];
  /** What was dropped, and why. */
  readonly counters: Record<string, number> = {
    malformedRtp: 0,
    malformedRtcp: 0,
    noReceiver: 0,
    inactive: 0,
    payloadType: 0,
    tooManyStreams: 0,
    excessFeedback: 0,
  };
  /** @internal Of the packet being received. */
  readonly extensions: HeaderExtensions = new HeaderExtensions();
  /** Our SSRC where no stream's fits. */
  readonly localSsrc: number;
  /** @internal What the jitter buffers hold. */
  readonly bufferBudget: BufferBudget = new BufferBudget();
  packetsSent = 0;
  bytesSent = 0;
  packetsReceived = 0;
  bytesReceived = 0;

  private readonly options: RtpSessionOptions;
  private readonly host: RtpSessionHost;
  private readonly logger: Logger | undefined;
  private readonly receiverList: RtpReceiver[] = [];
  private readonly senderList: RtpSender[] = [];
  private readonly router: RtpRouter;
  private readonly early = new EarlyPackets();
  private readonly sendRoutes = new Map<number, SendRoute>();
  private readonly packet = new RtpPacket();
  private readonly output: RtcpOutput;
  private readonly schedule: ReportSchedule;
  private readonly waiting: RtpReceiveStream[] = [];
  private readonly congestion: CongestionControl;
  private readonly input: RtcpInput;
  /** Some section's packets are to be reported on by transport-wide feedback. */
  private transportCc = false;
  /** By congestion control feedback, instead (RFC 8888 §6: that is of a transport, and so each section has to have it). */
  private reportsNumbers = false;
  private transportSequence: number;
  /** The number written into the packet that `transmit` is about to get, -1: none. */
  private pendingSequence = -1;
  private now = 0;
  private closed = false;

  constructor(options: RtpSessionOptions, host: RtpSessionHost) {
    this.options = options;
    this.host = host;
    this.logger = options.logger;
    this.receivers = this.receiverList;
    this.senders = this.senderList;
    this.localSsrc = this.random32();
    this.transportSequence = this.random32() & 0x7fff;
    const { cname, reducedSize, timeOrigin } = options;
    this.output = new RtcpOutput({ localSsrc: this.localSsrc, cname, reducedSize, timeOrigin }, (compound) =>
      host.transmitRtcp(compound),
    );
    this.schedule = new ReportSchedule(() => this.random32() / 0x1_0000_0000);
    this.congestion = new CongestionControl({
      senders: this.senderList,
      receivers: this.receiverList,
      roundTripTime: () => this.roundTripTime(DEFAULT_RTT),
      localSsrc: this.localSsrc,
      compactTime: (time) => compactNtpOf(timeOrigin + time),
      onBitrateChange: (available) => host.onBitrateChange?.(available),
    });
    this.router = new RtpRouter(this.extensions, (stream) => stream.receiver.host.onStream?.(stream));
    this.packet.extensions = this.extensions;
    const { router, congestion, output, sendRoutes, receivers, localSsrc, counters } = this;
    this.input = new RtcpInput({ localSsrc, timeOrigin, router, receivers, sendRoutes, congestion, output, counters });
  }

  /** @internal */
  random32(): number {
    const bytes = this.options.random(4);
    return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
  }

  /** The estimate for what is sent; undefined until there is a sender. */
  get bandwidth(): BandwidthEstimator | undefined {
    return this.congestion.estimator;
  }

  /** Messages of RFC 8888 that went and came. */
  get ccfbMessages(): { readonly sent: number; readonly received: number } {
    return { sent: this.congestion.ccfbMessagesSent, received: this.congestion.ccfbMessagesReceived };
  }

  /** Packets of a stream that we reported as missing by RFC 8888, and those of them that came after all. */
  reportedLosses(ssrc: number): { readonly lost: number; readonly recovered: number } | undefined {
    return this.congestion.reportedLosses(ssrc);
  }

  // Sections

  addReceiver(options: RtpReceiverOptions, host: RtpReceiverHost): RtpReceiver {
    const receiver = new RtpReceiver(this, options, host);
    this.receiverList.push(receiver);
    this.router.add(receiver);
    this.onReceiverChanged(receiver);
    return receiver;
  }

  addSender(options: RtpSenderOptions, host: RtpSenderHost): RtpSender {
    const sender = new RtpSender(this, options, host);
    this.senderList.push(sender);
    this.onSenderChanged();
    return sender;
  }

  /** @internal */
  onReceiverChanged(receiver: RtpReceiver): void {
    this.extensions.add(receiver.options.extensions);
    this.transportCc = this.receiverList.some(({ options }) => options.codecs.some(({ transportCc }) => transportCc));
    this.reportsNumbers = this.receiverList.every(({ options }) => options.codecs.some(({ ccfb }) => ccfb));
    if (receiver.options.active) this.early.replay((data, now) => this.receivePacket(data, data.length, now));
  }

  /** @internal */
  onSenderChanged(): void {
    this.sendRoutes.clear();
    for (const { streams } of this.senderList) {
      for (const stream of streams) {
        this.sendRoutes.set(stream.ssrc, { stream, role: "media" });
        const { rtxSsrc, fecSsrc = null } = stream.encoding;
        if (rtxSsrc !== null) this.sendRoutes.set(rtxSsrc, { stream, role: "rtx" });
        if (fecSsrc !== null) this.sendRoutes.set(fecSsrc, { stream, role: "fec" });
      }
    }
    this.input.numbersReported = this.senderList.length > 0 && this.senderList.every(({ ccfb }) => ccfb);
    this.congestion.onSendersChanged(this.now);
  }

  /** @internal */
  removeReceiver(receiver: RtpReceiver): void {
    this.receiverList.splice(this.receiverList.indexOf(receiver), 1);
    this.router.remove(receiver);
    this.congestion.limits?.remove(receiver);
  }

  /** @internal See RtpReceiver.limitBitrate. */
  limitReceiver(receiver: RtpReceiver, bitrate: number | null, now: number): void {
    if (!this.closed) this.congestion.limit(receiver, bitrate, now);
  }

  /** @internal */
  removeStream(stream: RtpReceiveStream): void {
    this.router.removeStream(stream);
  }

  /** @internal The stream has ended: it waits for nothing any more. */
  onStreamRemoved(stream: RtpReceiveStream): void {
    const index = this.waiting.indexOf(stream);
    if (index >= 0) this.waiting.splice(index, 1);
    stream.frames?.close();
  }

  /** @internal Tells the peer that the sender's streams have ended. */
  removeSender(sender: RtpSender, now: number): void {
    this.senderList.splice(this.senderList.indexOf(sender), 1);
    this.onSenderChanged();
    if (this.closed) return;
    this.flush(now);
    this.output.sendByes([sender]);
  }

  /** Ends all streams with a BYE. Nothing is sent or received any more. */
  close(now: number): void {
    if (this.closed) return;
    this.flush(now);
    this.output.sendByes(this.senderList);
    this.closed = true;
    this.schedule.stop();
    this.early.clear();
  }

  /**
   * Packets reach the peer from here on. What went before did not, so that streams that had begun have to begin again, with a key
   * frame; one that had not has nobody to be asked, and begins with one.
   */
  start(): void {
    for (const { host, streams } of this.senderList) {
      for (const { index, framesSent, packetsSent } of streams) {
        if (framesSent > 0 || packetsSent > 0) host.onKeyFrameRequest?.(index);
      }
    }
  }

  /** Packets go another way from here on: what is known of the path does not hold any more. */
  onRouteChange(now: number): void {
    this.now = now;
    this.input.rtt = Number.NaN;
    this.congestion.onRouteChange(now);
  }

  // RTP

  /** A packet that is authentic. The session owns the memory now. */
  receiveRtp(data: Uint8Array, length: number, now: number): void {
    if (this.closed) return;
    this.now = now;
    this.packetsReceived++;
    this.bytesReceived += length;
    this.receivePacket(data, length, now);
  }

  private receivePacket(data: Uint8Array, length: number, now: number): void {
    const { packet, extensions } = this;
    if (!packet.parse(data, length)) {
      this.counters.malformedRtp!++;
      return;
    }
    extensions.find(packet);
    // Whosever it is: what came is what the peer's estimate is about, also padding on an SSRC that nobody knows yet.
    if (this.reportsNumbers) this.congestion.onNumberedArrival(packet.ssrc, packet.sequenceNumber, now);
    else if (this.transportCc) this.congestion.onArrival(packet.ssrc, extensions.transportSequence(), now);
    const route = this.router.route(packet, now);
    if (route === undefined) {
      this.drop(data, length, now);
      return;
    }
    const entry = this.router.entry(packet, route);
    if (entry === undefined) {
      this.counters.payloadType!++;
      return;
    }
    const { stream } = route;
    this.congestion.onPacketReceived(packet, extensions, entry.codec, now);
    this.schedule.wake(stream.receiver.kind === "video", now);
    if (route.role === "fec") {
      stream.receiver.onRepair(packet, stream, entry.codec, now);
      return;
    }
    const repeated = route.role === "rtx";
    if (repeated) {
      if (!stream.receiveRetransmission(packet, entry.codec, now)) return;
      extensions.find(packet);
    } else if (!stream.receive(packet, entry.codec, now)) {
      return;
    }
    this.congestion.limits?.onPacket(stream, now);
    stream.receiver.pass(packet, stream, repeated, now);
  }

  private drop(data: Uint8Array, length: number, now: number): void {
    const { counters } = this;
    switch (this.router.failure) {
      case "no-receiver":
        counters.noReceiver!++;
        // Media may overtake the answer that says whose it is.
        this.early.keep(data, length, now);
        break;
      case "inactive":
        counters.inactive!++;
        break;
      case "payload-type":
        counters.payloadType!++;
        break;
      case "no-stream":
        counters.tooManyStreams!++;
    }
  }

  /** @internal Unix milliseconds of monotonic ones. */
  unixTime(now: number): number {
    return this.options.timeOrigin + now;
  }

  /** @internal */
  transmit(packet: Uint8Array, now: number, cluster = -1): void {
    if (this.closed) return;
    this.packetsSent++;
    this.bytesSent += packet.length;
    if (this.pendingSequence >= 0) {
      this.congestion.onPacketSent(this.pendingSequence, packet.length, cluster, now);
      if (this.input.numbersReported) {
        this.congestion.onNumber(readU32(packet, 8), readU16(packet, 2), this.pendingSequence);
      }
      this.pendingSequence = -1;
    }
    this.host.transmitRtp(packet);
  }

  /** @internal */
  onMediaSent(stream: RtpSendStream, now: number): void {
    this.schedule.wake(stream.sender.options.kind === "video", now);
  }

  /** @internal The number of the next packet, 16 bits; `carried`: in an extension. */
  nextTransportSequence(sender: RtpSender, carried: boolean): number {
    const reported = this.input.numbersReported || (carried && sender.transportCc);
    if (!reported && !carried) return 0;
    this.transportSequence++;
    if (reported) {
      this.pendingSequence = this.transportSequence;
      this.input.onNumberSent();
    }
    return this.transportSequence & 0xffff;
  }

  /** @internal Another part of what a stream sends is repair packets now: its encoder has another share. */
  onProtectionChanged(): void {
    this.congestion.invalidate(this.now);
  }

  /** @internal A source sends more or less than before. */
  onSharesChanged(now: number): void {
    this.congestion.invalidate(now);
  }

  /** @internal Milliseconds that the path takes for so many bytes of a stream at its share, bits per second. */
  pathTime(bytes: number, share: number): number {
    return this.congestion.pathTime(bytes, share);
  }

  /** @internal The stream has a packet that may wait for its turn: `sendPaced` asks for it. False: refused. */
  pace(stream: RtpSendStream, bytes: number, priority: number, now: number): boolean {
    return !this.closed && this.congestion.pace(stream, bytes, priority, now);
  }

  /** @internal See CongestionControl.mayRepeat. */
  mayRepeat(bytes: number, now: number): boolean {
    return this.congestion.mayRepeat(bytes, now);
  }

  /** @internal See CongestionControl.discard. */
  unpace(stream: RtpSendStream, repeats: boolean): void {
    this.congestion.discard(stream, repeats, this.now);
  }

  // RTCP

  /** A compound that is authentic. */
  receiveRtcp(data: Uint8Array, length: number, now: number): void {
    if (this.closed) return;
    this.now = now;
    if (!this.input.receive(data, length, now)) {
      this.counters.malformedRtcp!++;
      this.logger?.("debug", "rtp", `malformed RTCP of ${length} bytes`);
    }
  }

  /** @internal Milliseconds; `fallback` while unknown. */
  roundTripTime(fallback: number): number {
    const { rtt } = this.input;
    return Number.isNaN(rtt) ? fallback : rtt;
  }

  // Feedback out

  /** @internal The stream waits for a time of its own. */
  addWaiting(stream: RtpReceiveStream): void {
    this.waiting.push(stream);
  }

  /** @internal */
  sendNack(stream: RtpReceiveStream, sequences: Uint16Array, count: number): boolean {
    // In the worst case each number takes an entry of its own.
    this.output.prepare(12 + 4 * count);
    return writeNack(this.output.rtcp, this.localSsrc, stream.ssrc, sequences, count) === count;
  }

  /** @internal */
  sendKeyFrameRequest(stream: RtpReceiveStream): void {
    const { codec } = stream;
    if (codec === undefined || this.closed) return;
    if (codec.pli) {
      this.output.prepare(12);
      if (writePictureLoss(this.output.rtcp, this.localSsrc, stream.ssrc)) stream.pliCount++;
    } else if (codec.fir) {
      this.output.prepare(20);
      if (writeFullIntraRequest(this.output.rtcp, this.localSsrc, stream.ssrc, stream.firCount & 255))
        stream.firCount++;
    }
  }

  // Time

  get deadline(): number {
    if (this.closed) return Number.POSITIVE_INFINITY;
    let deadline = Math.min(this.schedule.deadline, this.congestion.deadline);
    for (let i = 0; i < this.waiting.length; i++) deadline = Math.min(deadline, this.waiting[i]!.deadline);
    for (let i = 0; i < this.senderList.length; i++) {
      const stream = this.senderList[i]!.streams[0];
      if (stream !== undefined) deadline = Math.min(deadline, stream.telephoneDeadline);
    }
    return deadline;
  }

  handleTimeout(now: number): void {
    if (this.closed) return;
    this.now = now;
    for (const { streams } of this.senderList) streams[0]?.handleTelephone(now);
    if (now >= this.schedule.deadline) {
      if (!this.output.sendReports(this.senderList, this.receiverList, now)) this.schedule.sleep();
      this.schedule.next(now);
    }
    if (now >= this.congestion.feedbackDue) this.writeFeedback(now);
    this.flush(now);
  }

  private writeFeedback(now: number): void {
    const { congestion, output } = this;
    while (now >= congestion.feedbackDue) {
      output.prepare(FEEDBACK_ROOM);
      if (congestion.writeFeedback(output.rtcp, now)) continue;
      // A name so long that a full message has no room behind it: alone then.
      this.output.flush();
      if (!congestion.writeFeedback(output.rtcp, now)) break;
    }
  }

  /** Sends what the inputs of a round have made necessary, and tells encodings their bitrates. */
  flush(now: number): void {
    if (this.closed) return;
    const { waiting } = this;
    if (waiting.length > 0) {
      let kept = 0;
      for (let i = 0; i < waiting.length; i++) {
        const stream = waiting[i]!;
        if (stream.handleTimeout(now)) waiting[kept++] = stream;
      }
      waiting.length = kept;
    }
    // Shares first: they may ask for a probe, which the pacer begins at once.
    this.congestion.onSending(this.packetsSent, now);
    this.congestion.allocate();
    this.congestion.handleTimeout(now);
    this.output.flush();
  }
}
