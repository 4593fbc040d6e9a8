// One encoding of a sender: an SSRC with the one that repeats its packets (RFC 4588). Headers and extensions written, history kept,
// counters. Not pacing, not packetizing.
import { writeU16, writeU24, writeU32 } from "./bytes.js";
import { ExtensionKind, ExtensionWriter, type HeaderExtensions, toAbsSendTime, tokenBytes } from "./extensions.js";
import { RTP_HEADER_LENGTH, RtpPacket, setExtensionBit, writeRtpHeader } from "./packet.js";
import { SendHistory } from "./send-history.js";
import type { RtpSender } from "./sender.js";
import type { RtpSession } from "./session.js";
import type { RtpCodec, RtpEncoding } from "./types.js";

/** A packet is not repeated again before the last repeat may have come, and not more often than this, milliseconds. */
const MIN_RESEND_INTERVAL = 10;
const DEFAULT_RTT = 100;

/** What is passed on as it came, or as a frame brings it; the other kinds are ours to write. */
const PASSED_ON: readonly ExtensionKind[] = [
  ExtensionKind.audioLevel,
  ExtensionKind.csrcAudioLevel,
  ExtensionKind.absCaptureTime,
  ExtensionKind.videoOrientation,
  ExtensionKind.playoutDelay,
  ExtensionKind.dependencyDescriptor,
  ExtensionKind.colorSpace,
  ExtensionKind.videoLayersAllocation,
  ExtensionKind.videoContentType,
  ExtensionKind.videoTiming,
  ExtensionKind.videoFrameTrackingId,
];
const PASSED_ON_MASK: number = PASSED_ON.reduce((mask, kind) => mask | (1 << kind), 0);

/** Padding of at least so many bytes is a packet again, below it is padding alone, of at most so many (RFC 3550 §5.1: 255). */
const MIN_REPEATED_PADDING = 400;
const MAX_PADDING = 224;

/** Two-byte heads, ids and lengths of all that we write ourselves: twcc 2, send time 3, mid and rid up to 64 each. */
const OWN_EXTENSIONS = 160;
/** The largest element of the one-byte form. */
const ONE_BYTE_MAX = 16;

const writer: ExtensionWriter = new ExtensionWriter();
const original: RtpPacket = new RtpPacket();

export class RtpSendStream {
  readonly sender: RtpSender;
  readonly index: number;
  encoding: RtpEncoding;

  // As webrtc-stats counts; the sum over the SSRC and its retransmissions.
  packetsSent = 0;
  bytesSent = 0;
  headerBytesSent = 0;
  retransmittedPacketsSent = 0;
  retransmittedBytesSent = 0;
  framesSent = 0;
  keyFramesSent = 0;
  /** Milliseconds between `sendFrame` and the packets' leaving. */
  totalPacketSendDelay = 0;
  nackCount = 0;
  pliCount = 0;
  firCount = 0;
  /** Bits per second. */
  targetBitrate = 0;

  // What the peer's reports say (remote-inbound-rtp).
  remotePacketsLost = 0;
  remotePacketsReceived = 0;
  /** Seconds. */
  remoteJitter = 0;
  /** 0 to 1, of the last report. */
  remoteFractionLost = 0;
  /** Monotonic milliseconds; NaN before the first. */
  remoteReportTime: number = Number.NaN;
  /** Milliseconds; NaN while unknown. */
  roundTripTime: number = Number.NaN;
  totalRoundTripTime = 0;
  roundTripTimeMeasurements = 0;

  /** Of the last packet of the SSRC itself. */
  codec: RtpCodec | undefined;
  lastTimestamp = 0;
  /** Monotonic milliseconds at which that timestamp was first sent, or captured. */
  lastTimestampTime: number = Number.NaN;
  /** The limit that the peer asked for by TMMBR, bits per second; Infinity: none. */
  requestedBitrate: number = Number.POSITIVE_INFINITY;

  /** @internal Packets and payload bytes of the SSRC alone, for sender reports. */
  reportPackets = 0;
  reportOctets = 0;
  reportedPackets = 0;
  /** @internal */
  lastFirSequence = -1;
  lastFirSender = -1;

  private readonly session: RtpSession;
  private history: SendHistory | undefined;
  private scratch: Uint8Array<ArrayBuffer> = new Uint8Array(2048);
  private lastSequence: number;
  private rtxSequence: number;
  private baseHighest = 0;
  private acknowledged = false;
  private rtxAcknowledged = false;
  private rid: Uint8Array | undefined;
  // Where packets that are passed through come from, and what is added to their numbers.
  private source = -1;
  private sequenceOffset = 0;
  private timestampOffset = 0;

  /** @internal */
  constructor(session: RtpSession, sender: RtpSender, index: number, encoding: RtpEncoding) {
    this.session = session;
    this.sender = sender;
    this.index = index;
    this.encoding = encoding;
    // Below 2^15, so that losing the first packets does not confuse the peer's rollover counter (RFC 3711 §3.3.1).
    this.lastSequence = session.random32() & 0x7fff;
    this.rtxSequence = session.random32() & 0x7fff;
    this.rid = encoding.rid === null ? undefined : tokenBytes(encoding.rid);
  }

  /** @internal */
  update(encoding: RtpEncoding): void {
    this.encoding = encoding;
    this.rid = encoding.rid === null ? undefined : tokenBytes(encoding.rid);
  }

  get ssrc(): number {
    return this.encoding.ssrc;
  }

  /** @internal The next sequence number of our own packets. */
  nextSequence(): number {
    this.source = -1;
    this.lastSequence = (this.lastSequence + 1) & 0xffff;
    return this.lastSequence;
  }

  /** @internal Writes the packet anew and sends it. */
  forward(packet: RtpPacket, codec: RtpCodec, now: number): void {
    if (packet.ssrc !== this.source) this.rebase(packet, codec, now);
    const sequence = (packet.sequenceNumber + this.sequenceOffset) & 0xffff;
    const timestamp = (packet.timestamp + this.timestampOffset) >>> 0;
    const newest = ((sequence - this.lastSequence) << 16) >> 16 > 0;
    if (newest) this.lastSequence = sequence;

    const { csrcCount, payloadLength } = packet;
    const most = packet.payloadOffset + packet.extensionLength + OWN_EXTENSIONS + payloadLength;
    let data: Uint8Array<ArrayBuffer>;
    let at = 0;
    if (codec.nack) {
      this.history ??= new SendHistory();
      at = this.history.reserve(most, now);
      data = this.history.data;
    } else {
      if (this.scratch.length < most) this.scratch = new Uint8Array(most);
      data = this.scratch;
    }
    writeRtpHeader(data, packet.marker, codec.payloadType, sequence, timestamp, this.encoding.ssrc, csrcCount, at);
    let end = at + RTP_HEADER_LENGTH;
    for (let i = 0; i < csrcCount; i++, end += 4) writeU32(data, end, packet.csrc(i));
    const source = packet.extensions;
    if (source !== undefined && !source.isAt(packet)) source.find(packet);
    const extension = this.writeExtensions(data, end, source, false, now);
    if (extension > 0) setExtensionBit(data, at);
    end += extension;
    const headerLength = end - at;
    data.set(packet.data.subarray(packet.payloadOffset, packet.payloadOffset + payloadLength), end);
    end += payloadLength;
    if (codec.nack) this.history!.commit(sequence, end - at, now);
    this.sent(codec, timestamp, headerLength, payloadLength, newest, now);
    this.session.transmit(data.subarray(at, end), now);
  }

  /** Another source: its numbers go on behind the last ones. */
  private rebase(packet: RtpPacket, codec: RtpCodec, now: number): void {
    this.source = packet.ssrc;
    this.sequenceOffset = this.lastSequence + 1 - packet.sequenceNumber;
    if (Number.isNaN(this.lastTimestampTime)) {
      this.timestampOffset = 0;
      return;
    }
    const elapsed = Math.max(1, Math.round(((now - this.lastTimestampTime) * codec.clockRate) / 1000));
    this.timestampOffset = this.lastTimestamp + elapsed - packet.timestamp;
  }

  private sent(
    codec: RtpCodec,
    timestamp: number,
    headerLength: number,
    payloadLength: number,
    newest: boolean,
    now: number,
  ): void {
    this.codec = codec;
    this.packetsSent++;
    this.bytesSent += payloadLength;
    this.headerBytesSent += headerLength;
    this.reportPackets++;
    this.reportOctets += payloadLength;
    if (this.reportPackets === 1 || (newest && timestamp !== this.lastTimestamp)) {
      this.lastTimestamp = timestamp;
      this.lastTimestampTime = now;
    }
    this.session.onMediaSent(this, now);
  }

  /** Writes the extension block behind the contributing sources; gives its length. */
  private writeExtensions(
    data: Uint8Array,
    at: number,
    source: HeaderExtensions | undefined,
    rtx: boolean,
    now: number,
  ): number {
    const { sender, session } = this;
    const table = sender.extensions;
    const copied = source === undefined ? 0 : source.presentMask & sender.extensionMask & PASSED_ON_MASK;
    let twoByte = sender.alwaysTwoByte;
    if (!twoByte && copied !== 0 && sender.mayMix) {
      for (let left = copied; left !== 0; left &= left - 1) {
        const kind = (31 - Math.clz32(left & -left)) as ExtensionKind;
        if (source!.length(kind) > ONE_BYTE_MAX) twoByte = true;
      }
    }
    writer.begin(data, at, twoByte);
    let id = table.id(ExtensionKind.transportSequence);
    if (id !== 0) writer.putU16(id, session.nextTransportSequence(sender.transportCc));
    id = table.id(ExtensionKind.absSendTime);
    if (id !== 0) writer.putU24(id, toAbsSendTime(now));
    // Names are told until the peer reports on the stream: it knows the SSRC then (RFC 8843 §9.2, RFC 8852).
    if (!(rtx ? this.rtxAcknowledged : this.acknowledged)) {
      id = table.id(ExtensionKind.mid);
      if (id !== 0 && sender.mid.length > 0) writer.putBytes(id, sender.mid);
      if (this.rid !== undefined) {
        id = table.id(rtx ? ExtensionKind.repairedRid : ExtensionKind.rid);
        if (id !== 0) writer.putBytes(id, this.rid);
      }
    }
    for (let left = copied; left !== 0; left &= left - 1) {
      const kind = (31 - Math.clz32(left & -left)) as ExtensionKind;
      const to = writer.put(table.id(kind), source!.length(kind));
      if (to >= 0) source!.copyTo(kind, data, to);
    }
    return writer.end();
  }

  /** @internal The peer misses a packet. True: it was sent again. */
  resend(sequenceNumber: number, now: number): boolean {
    const { history } = this;
    if (history === undefined) return false;
    const interval = Math.max(MIN_RESEND_INTERVAL, this.session.roundTripTime(DEFAULT_RTT));
    if (!history.repeat(sequenceNumber, interval, now) || !history.find(sequenceNumber)) return false;
    const { offset, length } = history;
    const bytes = history.data.subarray(offset, offset + length);
    if (!original.parse(bytes)) return false;
    const rtxPayloadType = this.sender.codec(original.payloadType)?.rtxPayloadType ?? null;
    this.retransmittedPacketsSent++;
    this.retransmittedBytesSent += original.payloadLength;
    this.packetsSent++;
    this.bytesSent += original.payloadLength;
    if (this.encoding.rtxSsrc === null || rtxPayloadType === null) {
      // The same bytes: a changed packet with the same number would use its key stream twice.
      this.headerBytesSent += original.payloadOffset;
      this.session.transmit(bytes, now);
      return true;
    }
    const source = this.sender.extensions;
    source.find(original);
    const most = length + OWN_EXTENSIONS + 2;
    if (this.scratch.length < most) this.scratch = new Uint8Array(most);
    const data = this.scratch;
    this.rtxSequence = (this.rtxSequence + 1) & 0xffff;
    const { csrcCount, timestamp, marker } = original;
    writeRtpHeader(data, marker, rtxPayloadType, this.rtxSequence, timestamp, this.encoding.rtxSsrc, csrcCount);
    let end = RTP_HEADER_LENGTH;
    for (let i = 0; i < csrcCount; i++, end += 4) writeU32(data, end, original.csrc(i));
    const extension = this.writeExtensions(data, end, source, true, now);
    if (extension > 0) setExtensionBit(data);
    end += extension;
    writeU16(data, end, sequenceNumber);
    end += 2;
    this.headerBytesSent += end;
    data.set(original.payload(), end);
    end += original.payloadLength;
    this.session.transmit(data.subarray(0, end), now);
    return true;
  }

  /** @internal The pacer lets the next packet go that `session.pace` announced with this priority. */
  sendPaced(_priority: number, _cluster: number, _now: number): void {}

  /**
   * @internal Sends about so many bytes that say nothing, for the pacer: the last packet again on the retransmission SSRC, or
   * padding alone there. Gives the bytes, 0 if the peer would not take it.
   */
  sendPadding(bytes: number, cluster: number, now: number): number {
    const { codec, history } = this;
    const { rtxSsrc } = this.encoding;
    if (codec === undefined || codec.rtxPayloadType === null || rtxSsrc === null) return 0;
    const repeat =
      bytes >= MIN_REPEATED_PADDING &&
      history?.find(this.lastSequence) === true &&
      original.parse(history.data.subarray(history.offset, history.offset + history.length));
    if (this.scratch.length < 2048) this.scratch = new Uint8Array(2048);
    const data = this.scratch;
    this.rtxSequence = (this.rtxSequence + 1) & 0xffff;
    writeRtpHeader(data, false, codec.rtxPayloadType, this.rtxSequence, this.lastTimestamp, rtxSsrc, 0);
    let end = RTP_HEADER_LENGTH + this.writeExtensions(data, RTP_HEADER_LENGTH, undefined, true, now);
    if (end > RTP_HEADER_LENGTH) setExtensionBit(data);
    if (repeat) {
      writeU16(data, end, this.lastSequence);
      data.set(original.payload(), end + 2);
      end += 2 + original.payloadLength;
    } else {
      const padding = Math.max(1, Math.min(bytes, MAX_PADDING));
      data.fill(0, end, end + padding);
      end += padding;
      data[end - 1] = padding;
      data[0]! |= 0x20;
    }
    this.packetsSent++;
    this.headerBytesSent += end;
    this.session.transmit(data.subarray(0, end), now, cluster);
    return end;
  }

  /** @internal A report block of the peer is about this stream, or its retransmissions. */
  onReport(
    rtx: boolean,
    fractionLost: number,
    cumulativeLost: number,
    highest: number,
    jitter: number,
    rtt: number,
    now: number,
  ): void {
    if (rtx) {
      this.rtxAcknowledged = true;
      return;
    }
    this.acknowledged = true;
    this.remoteFractionLost = fractionLost / 256;
    this.remotePacketsLost = cumulativeLost;
    this.remotePacketsReceived = Math.max(0, this.reportPackets - Math.max(0, cumulativeLost));
    this.baseHighest = highest;
    if (this.codec !== undefined) this.remoteJitter = jitter / this.codec.clockRate;
    this.remoteReportTime = now;
    if (!Number.isNaN(rtt)) {
      this.roundTripTime = rtt;
      this.totalRoundTripTime += rtt;
      this.roundTripTimeMeasurements++;
    }
  }

  /** The highest extended sequence number that the peer has reported. */
  get remoteHighestSequenceNumber(): number {
    return this.baseHighest;
  }

  /** @internal The RTP timestamp of now. */
  timestampAt(now: number): number {
    const clockRate = this.codec?.clockRate ?? 0;
    return (this.lastTimestamp + Math.round(((now - this.lastTimestampTime) * clockRate) / 1000)) >>> 0;
  }
}

/** @internal For packets that were written before they leave: their sequence number and send time are set then. */
export function patchExtensions(data: Uint8Array, at: number, transportSequence: number, sendTime: number): void {
  if (transportSequence >= 0) writeU16(data, at, transportSequence);
  if (sendTime >= 0) writeU24(data, at, sendTime);
}
