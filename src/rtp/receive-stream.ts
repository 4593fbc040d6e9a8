// One media stream of the peer: an SSRC, with the one that repeats its packets (RFC 4588). Statistics, repeats told apart,
// retransmissions unwrapped. Whose packets they are is the receiver's business, what the frames are the jitter buffer's.
import { readU16, writeU16, writeU32 } from "./bytes.js";
import { ReportedClock, unixOfNtp } from "./clock.js";
import type { RtpPacket } from "./packet.js";
import { DUPLICATE, ReceiveStatistics } from "./receive-statistics.js";
import type { RtpReceiver } from "./receiver.js";
import type { RtpCodec } from "./types.js";

export class RtpReceiveStream {
  readonly receiver: RtpReceiver;
  readonly ssrc: number;
  /** The simulcast stream's name, null without. */
  rid: string | null;
  /** Undefined before the first packet of the stream's retransmissions, or their announcement. */
  rtxSsrc: number | undefined;
  /** Of the last packet. */
  codec: RtpCodec | undefined;

  // As webrtc-stats counts; the sum over the SSRC and its retransmissions.
  packetsReceived = 0;
  bytesReceived = 0;
  headerBytesReceived = 0;
  retransmittedPacketsReceived = 0;
  retransmittedBytesReceived = 0;
  packetsDiscarded = 0;
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
  /** CNAME, "" until told. */
  cname = "";

  readonly statistics: ReceiveStatistics;
  rtxStatistics: ReceiveStatistics | undefined;
  readonly clock: ReportedClock = new ReportedClock();

  constructor(receiver: RtpReceiver, ssrc: number, rid: string | null) {
    this.receiver = receiver;
    this.ssrc = ssrc;
    this.rid = rid;
    this.statistics = new ReceiveStatistics(ssrc);
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
    this.codec = codec;
    const extended = this.statistics.receive(packet.sequenceNumber, packet.timestamp, codec.clockRate, now);
    if (extended === DUPLICATE) {
      this.packetsDiscarded++;
      return false;
    }
    this.lastTimestamp = packet.timestamp;
    return true;
  }

  private count(packet: RtpPacket, now: number): void {
    this.packetsReceived++;
    this.bytesReceived += packet.payloadLength;
    this.headerBytesReceived += packet.payloadOffset + packet.paddingLength;
    this.lastPacketReceived = now;
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
    this.retransmittedBytesReceived += packet.payloadLength - 2;
    if (this.statistics.highest === 0 || !this.statistics.recover(original)) {
      this.packetsDiscarded++;
      return false;
    }
    const { data, payloadOffset, length } = packet;
    data.copyWithin(2, 0, payloadOffset);
    const restored = data.subarray(2, length);
    restored[1] = (restored[1]! & 0x80) | codec.payloadType;
    writeU16(restored, 2, original);
    writeU32(restored, 8, this.ssrc);
    return packet.parse(restored);
  }

  /** @internal */
  setRetransmissionSsrc(ssrc: number): void {
    if (ssrc === this.rtxSsrc) return;
    this.rtxSsrc = ssrc;
    this.rtxStatistics = undefined;
  }

  /** Whether a packet of that number has been asked for. */
  isMissing(_sequenceNumber: number): boolean {
    return false;
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
