// One media stream of the peer: an SSRC, with the one that repeats its packets (RFC 4588). Statistics, repeats told apart,
// retransmissions unwrapped. Whose packets they are is the receiver's business, what the frames are the jitter buffer's.
import { readU16, writeU16, writeU32 } from "./bytes.js";
import { ReportedClock, unixOfNtp } from "./clock.js";
import { FrameCounters } from "./frame-counters.js";
import { FrameSource } from "./frame-source.js";
import { NackList } from "./nack-list.js";
import type { RtpPacket } from "./packet.js";
import { DUPLICATE, ReceiveStatistics } from "./receive-statistics.js";
import type { RtpReceiver } from "./receiver.js";
import type { StreamRepair } from "./repair.js";
import type { RtpSession } from "./session.js";
import type { SoundMeter } from "./sound-meter.js";
import type { RtpCodec } from "./types.js";
import { UnreadFrames } from "./unread-frames.js";

/** Milliseconds between two requests for a key frame: it takes as long to make and send one (as in Chromium). */
export const KEY_FRAME_REQUEST_INTERVAL = 200;
const DEFAULT_RTT = 100;
/** Entries of one NACK message: a peer takes it whole. */
const MAX_NACKS_PER_MESSAGE = 250;

const nacks: Uint16Array = new Uint16Array(MAX_NACKS_PER_MESSAGE);

export class RtpReceiveStream {
  readonly receiver: RtpReceiver;
  readonly ssrc: number;
  /** The simulcast stream's name, null without. */
  rid: string | null;
  /** Undefined before the first packet of the stream's retransmissions, or their announcement. */
  rtxSsrc: number | undefined;
  /** Of the last packet. */
  codec: RtpCodec | undefined;

  // As webrtc-stats counts; the sum over the SSRC, its retransmissions and repair packets.
  packetsReceived = 0;
  bytesReceived = 0;
  headerBytesReceived = 0;
  retransmittedPacketsReceived = 0;
  retransmittedBytesReceived = 0;
  nackCount = 0;
  pliCount = 0;
  firCount = 0;
  /** Monotonic milliseconds; -Infinity before the first. */
  lastPacketReceived: number = Number.NEGATIVE_INFINITY;

  // The sender's own counts (remote-outbound-rtp), from its last report.
  remotePacketsSent = 0;
  remoteBytesSent = 0;
  /** Unix milliseconds of the sender's clock; NaN before the first report. */
  remoteTimestamp: number = Number.NaN;
  reportsSent = 0;
  /** Milliseconds; NaN while unknown (it takes XR). */
  roundTripTime: number = Number.NaN;
  totalRoundTripTime = 0;
  roundTripTimeMeasurements = 0;

  // What getSynchronizationSources says.
  lastTimestamp = 0;
  /** The byte of RFC 6464; -1 without. */
  audioLevel: number = -1;
  /** As abs-capture-time said last: NTP milliseconds since 1900 by the capturer's clock, and what that lacks of the sender's; NaN. */
  captureTimestamp: number = Number.NaN;
  captureClockOffset: number = Number.NaN;
  /** Of audio; undefined before the first packet. */
  sound: SoundMeter | undefined;
  /** CNAME, "" until told. */
  cname = "";

  /** Pixels, as the last key frame that was given out, or would have been, says in its header; 0 before the first. */
  frameWidth = 0;
  frameHeight = 0;

  readonly statistics: ReceiveStatistics;
  rtxStatistics: ReceiveStatistics | undefined;
  /** Undefined until a repair packet has come. */
  repair: StreamRepair | undefined;
  /** The SSRC that repair packets come on, if it is another. */
  fecSsrc: number | undefined;
  readonly clock: ReportedClock = new ReportedClock();
  /** Undefined unless frames are wanted. */
  frames: FrameSource | undefined;
  /** Of video, while no frames are wanted. */
  unread: UnreadFrames | undefined;
  /** Of video, and of what frames were wanted of. */
  frameCounters: FrameCounters | undefined;
  /** Milliseconds, as the sender asks for (playout-delay). */
  playoutDelay = 0;
  /** @internal Of the packet being received: its extended number. */
  extended = 0;
  /** Undefined until something is missing. */
  nackList: NackList | undefined;

  private readonly session: RtpSession;
  /** The newest number that was looked at for gaps. */
  private newest = 0;
  private restarts = 0;
  private lastKeyFrameRequest: number = Number.NEGATIVE_INFINITY;
  /** @internal A key frame is to be asked for at the next opportunity. */
  keyFramePending = false;
  /** In the session's list of streams that wait for something. */
  private waiting = false;

  /** @internal */
  constructor(session: RtpSession, receiver: RtpReceiver, ssrc: number, rid: string | null) {
    this.session = session;
    this.receiver = receiver;
    this.ssrc = ssrc;
    this.rid = rid;
    this.statistics = new ReceiveStatistics(ssrc);
  }

  /** Brings `frameCounters` up to date. */
  settle(now: number): void {
    this.unread?.settle(now);
  }

  /** @internal Nobody wants frames any more. */
  endFrames(): void {
    if (this.frames === undefined) return;
    this.frameCounters!.packetsDiscarded += this.frames.buffer.assembler.packetsDiscarded;
    this.frames.close();
    this.frames = undefined;
  }

  /** Packets that came too late for the jitter buffer, or found it full. */
  get packetsDiscarded(): number {
    return (this.frameCounters?.packetsDiscarded ?? 0) + (this.frames?.buffer.assembler.packetsDiscarded ?? 0);
  }

  /** @internal What the packet being received says of how long its frame shall wait. */
  notePlayoutDelay(): void {
    const delay = this.session.extensions.playoutDelay();
    if (delay >= 0) this.playoutDelay = (delay >> 12) * 10;
  }

  /** @internal */
  noteSize(width: number, height: number): void {
    if (width === 0 || height === 0) return;
    this.frameWidth = width;
    this.frameHeight = height;
  }

  /** @internal Nobody wants frames: the packet being received is only counted. */
  countFrames(packet: RtpPacket, now: number): void {
    if (this.frames !== undefined) this.endFrames();
    if (this.unread === undefined) {
      this.frameCounters ??= new FrameCounters();
      this.unread = new UnreadFrames(this, this.frameCounters);
    }
    const { unread } = this;
    if (!unread.concerns(packet, this.extended)) return;
    if (packet.marker) this.notePlayoutDelay();
    unread.receive(packet, this.extended, now);
  }

  get packetsLost(): number {
    return this.statistics.packetsLost;
  }

  /** Seconds. */
  get jitter(): number {
    return this.statistics.jitterSeconds;
  }

  /** A packet of the SSRC itself. False: it is not to be passed on. */
  receive(packet: RtpPacket, codec: RtpCodec, now: number): boolean {
    this.count(packet, now);
    if (this.codec !== codec && this.receiver.payload(codec.payloadType)?.role === "media") this.codec = codec;
    const extended = this.statistics.receive(packet.sequenceNumber, packet.timestamp, codec.clockRate, now);
    if (extended === DUPLICATE) return false;
    this.lastTimestamp = packet.timestamp;
    this.extended = extended;
    if (this.receiver.nack) this.look(extended, now);
    return true;
  }

  /** Looks for gaps in front of a packet. */
  private look(extended: number, now: number): void {
    const { newest, statistics } = this;
    if (newest === 0 || this.restarts !== statistics.restarts) {
      this.restarts = statistics.restarts;
      this.nackList?.clear();
      this.newest = extended;
    } else if (extended < newest) {
      this.nackList?.remove(extended, now);
    } else {
      this.newest = extended;
      if (extended === newest + 1) return;
      this.nackList ??= new NackList();
      if (this.nackList.add(newest + 1, extended, now)) this.wait();
      else this.requestKeyFrame(now);
    }
  }

  /** @internal Gives the packet being received to the jitter buffer. */
  toFrames(packet: RtpPacket, now: number): void {
    if (this.frames === undefined) {
      this.frameCounters ??= new FrameCounters();
      this.frames = new FrameSource(this, this.frameCounters, this.session.bufferBudget);
      this.frames.buffer.assembler.next = -1;
      this.settle(now);
      this.unread = undefined;
    }
    const codec = this.receiver.payload(packet.payloadType)?.codec;
    if (codec === undefined) return;
    this.frames.insert(this.extended, packet, codec, this.session.extensions, now);
    if (this.frames.buffer.deadline < Number.POSITIVE_INFINITY) this.wait();
  }

  /** Milliseconds: what is known best. */
  get roundTripEstimate(): number {
    const response = this.nackList?.responseTime ?? Number.NaN;
    return this.session.roundTripTime(Number.isNaN(response) ? DEFAULT_RTT : response);
  }

  private wait(): void {
    if (this.waiting) return;
    this.waiting = true;
    this.session.addWaiting(this);
  }

  /** When `handleTimeout` has something to do, monotonic milliseconds. */
  get deadline(): number {
    const nack = this.nackList?.deadline ?? Number.POSITIVE_INFINITY;
    const frames = this.frames?.buffer.deadline ?? Number.POSITIVE_INFINITY;
    const keyFrame = this.keyFramePending ? this.keyFrameRequestDue : Number.POSITIVE_INFINITY;
    return Math.min(nack, frames, keyFrame);
  }

  private get keyFrameRequestDue(): number {
    return this.lastKeyFrameRequest + Math.max(KEY_FRAME_REQUEST_INTERVAL, this.session.roundTripTime(0));
  }

  /** @internal Writes the feedback that is due. False: nothing to wait for any more. */
  handleTimeout(now: number): boolean {
    const { nackList, session } = this;
    this.frames?.buffer.handleTimeout(now);
    if (nackList !== undefined && nackList.deadline <= now) {
      for (let left = 4; left > 0 && nackList.deadline <= now; left--) {
        const count = nackList.collect(nacks, this.roundTripEstimate, now);
        if (count === 0) break;
        if (session.sendNack(this, nacks, count)) this.nackCount++;
      }
    }
    if (this.keyFramePending && this.keyFrameRequestDue <= now) {
      this.keyFramePending = false;
      this.lastKeyFrameRequest = now;
      session.sendKeyFrameRequest(this);
    }
    this.waiting = this.deadline < Number.POSITIVE_INFINITY;
    return this.waiting;
  }

  /** Asks for a key frame, unless one was asked for just now: then again after a while, if none has come by then. */
  requestKeyFrame(now: number): void {
    if (this.keyFramePending) return;
    this.keyFramePending = true;
    if (this.keyFrameRequestDue <= now) {
      this.keyFramePending = false;
      this.lastKeyFrameRequest = now;
      this.session.sendKeyFrameRequest(this);
    } else {
      this.wait();
    }
  }

  private count(packet: RtpPacket, now: number): void {
    this.countRepair(packet);
    this.lastPacketReceived = now;
  }

  /** @internal A repair packet on an SSRC of its own. */
  countRepair(packet: RtpPacket): void {
    this.packetsReceived++;
    this.bytesReceived += packet.payloadLength;
    this.headerBytesReceived += packet.payloadOffset + packet.paddingLength;
  }

  /**
   * A packet of the retransmission stream: `packet` becomes what was sent first, in the same memory (RFC 4588 §4). False: it is
   * padding, or has come already.
   */
  receiveRetransmission(packet: RtpPacket, codec: RtpCodec, now: number): boolean {
    this.rtxStatistics ??= new ReceiveStatistics(packet.ssrc);
    this.rtxStatistics.receive(packet.sequenceNumber, packet.timestamp, codec.clockRate, now);
    this.count(packet, now);
    // Padding sent to probe has no original.
    if (packet.payloadLength < 2) return false;
    const original = readU16(packet.data, packet.payloadOffset);
    this.retransmittedPacketsReceived++;
    this.retransmittedBytesReceived += packet.payloadLength;
    if (this.statistics.highest === 0 || !this.statistics.recover(original)) return false;
    this.extended = this.statistics.extend(original);
    // It may be ahead of the stream: padding is such a repeat.
    if (this.receiver.nack) this.look(this.extended, now);
    const { data, payloadOffset, length } = packet;
    data.copyWithin(2, 0, payloadOffset);
    const restored = data.subarray(2, length);
    restored[1] = (restored[1]! & 0x80) | codec.payloadType;
    writeU16(restored, 2, original);
    writeU32(restored, 8, this.ssrc);
    return packet.parse(restored);
  }

  /** @internal A packet that forward error correction has made. False: it has come meanwhile. */
  receiveRecovered(packet: RtpPacket, now: number): boolean {
    if (packet.ssrc !== this.ssrc || !this.statistics.recover(packet.sequenceNumber)) return false;
    this.extended = this.statistics.extend(packet.sequenceNumber);
    if (this.receiver.nack) this.look(this.extended, now);
    return true;
  }

  /** @internal */
  setRetransmissionSsrc(ssrc: number): void {
    if (ssrc === this.rtxSsrc) return;
    this.rtxSsrc = ssrc;
    this.rtxStatistics = undefined;
  }

  /** Whether a packet of that number has been asked for. */
  isMissing(sequenceNumber: number): boolean {
    return this.nackList?.has(this.statistics.extend(sequenceNumber)) ?? false;
  }

  /** @internal */
  onSenderReport(
    seconds: number,
    fraction: number,
    rtpTimestamp: number,
    packets: number,
    octets: number,
    now: number,
  ): void {
    this.statistics.onSenderReport(seconds, fraction, now);
    this.remoteTimestamp = unixOfNtp(seconds, fraction);
    this.clock.update(this.remoteTimestamp, rtpTimestamp);
    this.remotePacketsSent = packets;
    this.remoteBytesSent = octets;
    this.reportsSent++;
  }

  /** @internal */
  onRoundTripTime(rtt: number): void {
    this.roundTripTime = rtt;
    this.totalRoundTripTime += rtt;
    this.roundTripTimeMeasurements++;
  }
}
