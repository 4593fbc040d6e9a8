// One encoding of a sender: an SSRC with the one that repeats its packets (RFC 4588). Headers written, frames split, history
// kept, counters. Not pacing.
import type { Packetizer, PayloadFormat } from "../payload/types.js";
import { Fifo } from "../util/fifo.js";
import { carve } from "../util/slab.js";
import type { SourceRates } from "./bandwidth/source-rates.js";
import type { BoundingSet } from "./bounding-set.js";
import { readU16, readU32, writeU32 } from "./bytes.js";
import { ExtensionBlock, markEndOfFrame, OWN_EXTENSIONS, stamp } from "./extension-block.js";
import { tokenBytes } from "./extensions.js";
import { RedEncoder } from "./fec/red.js";
import { FrameLimiter } from "./frame-limiter.js";
import { type OutgoingPacket, REPAIR_NUMBER, REPEAT_NUMBER } from "./outgoing-packet.js";
import { PRIORITY_AUDIO, PRIORITY_RETRANSMISSION, PRIORITY_VIDEO } from "./pacer.js";
import { RTP_HEADER_LENGTH, RtpPacket, setExtensionBit, writeRtpHeader } from "./packet.js";
import { RTX_NUMBER_LENGTH, RtxWriter } from "./rtx-writer.js";
import { SendHistory } from "./send-history.js";
import type { RtpSender } from "./sender.js";
import type { RtpSession } from "./session.js";
import { StreamNumbers } from "./stream-numbers.js";
import { REPAIR_OVERHEAD, StreamProtection } from "./stream-protection.js";
import { TelephoneEvents } from "./telephone-events.js";
import type { EncodedFrameInit, RtpCodec, RtpEncoding } from "./types.js";

/** A packet is not repeated again before the last repeat may have come, and not more often than this, milliseconds. */
const MIN_RESEND_INTERVAL = 10;
const DEFAULT_RTT = 100;
/** How often RED repeats a payload, as in browsers. */
const REDUNDANCY = 1;
/** Padding of at least so many bytes is a packet again, below it is padding alone. */
const MIN_REPEATED_PADDING = 400;

/** What UDP carries: nothing larger can be sent, or kept. */
const MAX_DATAGRAM = 65_507;

const block: ExtensionBlock = new ExtensionBlock();
const original: RtpPacket = new RtpPacket();

export class RtpSendStream {
  readonly sender: RtpSender;
  readonly index: number;
  encoding: RtpEncoding;

  // As webrtc-stats counts; the sum over the SSRC and its retransmissions, whose payload begins with the number (RFC 4588 §4).
  packetsSent = 0;
  bytesSent = 0;
  headerBytesSent = 0;
  retransmittedPacketsSent = 0;
  retransmittedBytesSent = 0;
  /** Of packets and bytes, what was sent for the sake of being sent; of its bytes, those of payloads that were sent before. */
  paddingPackets = 0;
  paddingBytes = 0;
  paddingPayloadBytes = 0;
  /** By `sendFrame`. */
  framesSent = 0;
  keyFramesSent = 0;
  /** Those whose last packets have passed through. */
  framesForwarded = 0;
  /** Milliseconds between `sendFrame` and the packets' leaving. */
  totalPacketSendDelay = 0;
  nackCount = 0;
  pliCount = 0;
  firCount = 0;
  /** Packets that repair others (FlexFEC, ULPFEC) and the bytes of their payloads; packetsSent and bytesSent have them, too. */
  fecPacketsSent = 0;
  fecBytesSent = 0;
  /** Bits per second: what the encoder may make, and what the stream may use of the path with all that is around it. */
  targetBitrate = 0;
  allocatedBitrate = 0;

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
  /** What the peer asked for by TMMBR; undefined before it asked. */
  limits: BoundingSet | undefined;

  /** What the source of a stream that is forwarded sends; undefined: encoded as it is told, or not known. */
  source: SourceRates | undefined;

  /** @internal Packets and payload bytes of the SSRC alone, for sender reports. */
  reportPackets = 0;
  reportOctets = 0;
  reportedPackets = 0;
  /** @internal */
  lastFirSequence = -1;
  lastFirSender = -1;
  /** @internal Monotonic milliseconds of the peer's last request that was passed on. */
  lastKeyFrameRequest: number = Number.NEGATIVE_INFINITY;

  private readonly session: RtpSession;
  private history: SendHistory | undefined;
  /** Packets of frames, and repeats, that wait in the pacer. */
  private readonly queue = new Fifo<OutgoingPacket>();
  private readonly repeats = new Fifo<OutgoingPacket>();
  /** RTP timestamp of the frame whose packet left last, -1 when its last one has. */
  private leavingTimestamp = -1;
  /** Frames have been sent: through the pacer, and repeats too then. */
  private pacing = false;
  private readonly packetizers: (Packetizer | undefined)[] = [];
  private red: RedEncoder | undefined;
  private redPayload = new Uint8Array(0);
  private telephone: TelephoneEvents | undefined;
  private telephoneCodec: RtpCodec | undefined;
  private scratch: Uint8Array<ArrayBuffer> = new Uint8Array(2048);
  private readonly numbers: StreamNumbers;
  private readonly rtx: RtxWriter;
  private baseHighest = 0;
  private acknowledged = false;
  private rid: Uint8Array | undefined;
  private readonly protection: StreamProtection | undefined;
  private readonly limiter: FrameLimiter | undefined;
  /** Of `queue`. */
  private queuedBytes = 0;

  /** @internal */
  constructor(session: RtpSession, sender: RtpSender, index: number, encoding: RtpEncoding) {
    this.session = session;
    this.sender = sender;
    this.index = index;
    this.encoding = encoding;
    // Below 2^15, so that losing the first packets does not confuse the peer's rollover counter (RFC 3711 §3.3.1).
    this.numbers = new StreamNumbers(session.random32() & 0x7fff);
    this.rtx = new RtxWriter(sender, block, session.random32() & 0x7fff);
    this.rid = encoding.rid === null ? undefined : tokenBytes(encoding.rid);
    if (sender.options.kind === "video") {
      this.limiter = new FrameLimiter(() => sender.host.onKeyFrameRequest?.(index));
      this.protection = new StreamProtection(this, sender, block, session.random32() & 0x7fff, {
        nextSequence: () => this.numbers.next(),
        sendRepair: (packet, now) => this.sendRepair(packet, now),
      });
    }
  }

  /** @internal */
  update(encoding: RtpEncoding): void {
    this.encoding = encoding;
    this.rid = encoding.rid === null ? undefined : tokenBytes(encoding.rid);
  }

  get ssrc(): number {
    return this.encoding.ssrc;
  }

  /** Repair packets for each media packet, 0 to MAX_PROTECTION, as the peer's reports make worth while. */
  get protectionRate(): number {
    return this.protection?.rate ?? 0;
  }

  /** The most that the peer wants of it by TMMBR, bits per second of payload; Infinity: no limit. */
  get requestedBitrate(): number {
    return this.limits?.payloadBitrate(this.bytesSent / this.packetsSent) ?? Number.POSITIVE_INFINITY;
  }

  /** @internal What comes next is of another source, or of one that has paused. */
  sourceChanged(another: boolean): void {
    this.numbers.sourceChanged(another);
  }

  /** @internal Writes the packet anew and sends it. */
  forward(packet: RtpPacket, codec: RtpCodec, now: number): void {
    if (packet.length > MAX_DATAGRAM) return;
    const { numbers } = this;
    numbers.follow(packet, codec.clockRate, now);
    const sequence = numbers.sequenceOf(packet);
    const timestamp = numbers.timestampOf(packet);
    const newest = numbers.use(sequence);

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
    const extension = block.forward(this.sender, data, end, source, !this.acknowledged, this.rid, false);
    if (extension > 0) setExtensionBit(data, at);
    end += extension;
    const headerLength = end - at;
    data.set(packet.peek(), end);
    end += payloadLength;
    if (codec.nack) this.history!.commit(sequence, end - at, now);
    if (packet.marker && payloadLength > 0) this.framesForwarded++;
    this.sent(codec, timestamp, headerLength, payloadLength, newest, now);
    this.transmit(data.subarray(at, end), block.transportAt - at, block.sendTimeAt - at, -1, now);
    if (this.protectionRate > 0) {
      this.protection!.onForwarded(data.subarray(at, end), codec, timestamp, packet.marker, now);
    }
  }

  /** Stamps and sends. Offsets below 0: the packet has no such field. */
  private transmit(packet: Uint8Array, transportAt: number, sendTimeAt: number, cluster: number, now: number): void {
    const { session, sender } = this;
    stamp(packet, transportAt, session.nextTransportSequence(sender, transportAt >= 0), sendTimeAt, now);
    session.transmit(packet, now, cluster);
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
    this.numbers.handleSent(timestamp, codec.clockRate, newest, now);
    this.session.onMediaSent(this, now);
  }

  /** @internal The peer misses a packet. True: it was sent again. */
  resend(sequenceNumber: number, now: number): boolean {
    const { history } = this;
    if (history === undefined || !this.sender.options.active) return false;
    const interval = Math.max(MIN_RESEND_INTERVAL, this.session.roundTripTime(DEFAULT_RTT));
    if (!history.repeatable(sequenceNumber, interval, now) || !history.find(sequenceNumber)) return false;
    const { offset, length } = history;
    if (!this.session.mayRepeat(length, now)) return false;
    history.repeat(sequenceNumber, interval, now);
    const bytes = history.data.subarray(offset, offset + length);
    const codec = original.parse(bytes) ? this.sender.codec(original.payloadType) : undefined;
    if (codec === undefined) return false;
    const { payloadLength, payloadOffset, timestamp } = original;
    const { rtxSsrc } = this.encoding;
    if (rtxSsrc === null || codec.rtxPayloadType === null) {
      // The same bytes: a changed packet with the same number would use its key stream twice.
      this.countRepeat(payloadLength, payloadOffset);
      this.session.transmit(bytes, now);
      return true;
    }
    const packet = this.rtx.repeat(original, sequenceNumber, rtxSsrc, codec.rtxPayloadType, this.rid);
    const headerLength = packet.length - payloadLength;
    this.countRepeat(payloadLength + RTX_NUMBER_LENGTH, headerLength - RTX_NUMBER_LENGTH);
    if (!this.pacing) {
      this.transmit(packet, block.transportAt, block.sendTimeAt, -1, now);
      return true;
    }
    // A stream whose frames are paced: its repeats are, too.
    const repeat = this.outgoing(packet, codec, REPEAT_NUMBER, timestamp, headerLength, payloadLength, now);
    if (this.session.pace(this, packet.length, PRIORITY_RETRANSMISSION, now)) this.repeats.push(repeat);
    return true;
  }

  private countRepeat(payloadLength: number, headerLength: number): void {
    this.retransmittedPacketsSent++;
    this.retransmittedBytesSent += payloadLength;
    this.packetsSent++;
    this.bytesSent += payloadLength;
    this.headerBytesSent += headerLength;
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
      this.rtx.acknowledged = true;
      return;
    }
    // The first report says nothing of how many it is about.
    const expected = this.acknowledged ? Math.max(0, highest - this.baseHighest) : 0;
    this.acknowledged = true;
    this.remoteFractionLost = fractionLost / 256;
    this.remotePacketsLost = cumulativeLost;
    this.remotePacketsReceived = Math.max(0, this.reportPackets - Math.max(0, cumulativeLost));
    this.baseHighest = highest;
    if (this.codec !== undefined) this.remoteJitter = jitter / this.codec.clockRate;
    this.remoteReportTime = now;
    const known = Number.isNaN(rtt) ? this.roundTripTime : rtt;
    if (this.protection?.onReport(this.remoteFractionLost, expected, known, now) === true)
      this.session.onProtectionChanged();
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
    return this.numbers.timestampAt(now, this.codec?.clockRate ?? 0);
  }

  // Frames

  /** The packet that was just written, in memory of its own. */
  private outgoing(
    data: Uint8Array,
    codec: RtpCodec,
    sequenceNumber: number,
    timestamp: number,
    headerLength: number,
    payloadLength: number,
    now: number,
  ): OutgoingPacket {
    const own = carve(data.length);
    own.set(data);
    const { transportAt, sendTimeAt } = block;
    return {
      stream: this,
      data: own,
      codec,
      sequenceNumber,
      timestamp,
      headerLength,
      payloadLength,
      transportAt,
      sendTimeAt,
      queued: now,
    };
  }

  /** @internal Splits a frame into packets and hands them on. False: it is none of the codec. */
  sendFrame(frame: EncodedFrameInit, codec: RtpCodec, maxPacketSize: number, now: number): boolean {
    const format = this.sender.format(codec);
    if (!this.takes(frame, format, now)) return false;
    let packetizer = this.packetizers[codec.payloadType];
    if (packetizer === undefined) {
      packetizer = format.createPacketizer({ pictureId: this.session.random32() & 0x7fff });
      this.packetizers[codec.payloadType] = packetizer;
    }
    const csrcs = frame.csrcs ?? [];
    const csrcCount = Math.min(15, csrcs.length);
    const most = maxPacketSize + OWN_EXTENSIONS + (frame.dependencyDescriptor?.length ?? 0);
    if (this.scratch.length < most) this.scratch = new Uint8Array(most);
    const data = this.scratch;
    const captureTime = frame.captureTime === undefined ? Number.NaN : this.session.unixTime(frame.captureTime);
    const extensionAt = RTP_HEADER_LENGTH + csrcCount * 4;
    const writeExtensions = (first: boolean): number =>
      block.frame(this.sender, data, extensionAt, frame, first, captureTime, !this.acknowledged, this.rid);
    // The original number of a repeat takes two bytes more.
    const isProtected = this.protection?.protects(codec) === true;
    const room = maxPacketSize - extensionAt - writeExtensions(true) - (isProtected ? REPAIR_OVERHEAD : 2);
    const packets: OutgoingPacket[] = [];
    let descriptorAt = -1;
    const timestamp = this.numbers.frameTimestamp(frame.timestamp, codec.clockRate, frame.captureTime ?? now);
    const red = this.sender.redundancyFor(codec);
    const payloadType = red?.payloadType ?? codec.payloadType;
    const done = packetizer.packetize(frame, red === undefined ? room : room - 1, (media, marker) => {
      const payload = red === undefined ? media : this.redundant(codec, timestamp, media, room);
      const sequence = this.numbers.next();
      writeRtpHeader(data, marker, payloadType, sequence, timestamp, this.encoding.ssrc, csrcCount);
      for (let i = 0; i < csrcCount; i++) writeU32(data, RTP_HEADER_LENGTH + i * 4, csrcs[i]!);
      const extension = writeExtensions(packets.length === 0);
      if (extension > 0) setExtensionBit(data);
      descriptorAt = block.descriptorAt;
      const headerLength = extensionAt + extension;
      data.set(payload, headerLength);
      const packet = data.subarray(0, headerLength + payload.length);
      packets.push(this.outgoing(packet, codec, sequence, timestamp, headerLength, payload.length, now));
    });
    if (!done || packets.length === 0) return false;
    markEndOfFrame(packets.at(-1)!.data, descriptorAt);
    if (isProtected) this.protection!.protectFrame(packets, codec, now);
    this.codec = codec;
    this.numbers.setTime(timestamp, frame.captureTime ?? now);
    this.framesSent++;
    if (frame.keyFrame) this.keyFramesSent++;
    this.pacing = true;
    const priority = this.sender.options.kind === "audio" ? PRIORITY_AUDIO : PRIORITY_VIDEO;
    for (const packet of packets) {
      if (this.session.pace(this, packet.data.length, priority, now)) this.enqueue(packet);
    }
    return true;
  }

  private takes({ timestamp, keyFrame }: EncodedFrameInit, format: PayloadFormat, now: number): boolean {
    const { limiter } = this;
    if (limiter === undefined) return true;
    const age = now - (this.queue.peek()?.queued ?? now);
    return limiter.takes(timestamp, keyFrame || !format.hasKeyFrames, this.queueTime, age, now);
  }

  /** Frames that were not sent, since they would have come too late. */
  get framesDropped(): number {
    return this.limiter?.framesDropped ?? 0;
  }

  get keyFramesDropped(): number {
    return this.limiter?.keyFramesDropped ?? 0;
  }

  private enqueue(packet: OutgoingPacket): void {
    this.queue.push(packet);
    this.queuedBytes += packet.data.length;
  }

  /** Milliseconds that the path takes for what waits. */
  private get queueTime(): number {
    return this.queuedBytes === 0 ? 0 : this.session.pathTime(this.queuedBytes, this.allocatedBitrate);
  }

  /** The payload with those before it in front (RFC 2198); valid until the next call. */
  private redundant(codec: RtpCodec, timestamp: number, media: Uint8Array, maxSize: number): Uint8Array {
    this.red ??= new RedEncoder(REDUNDANCY);
    if (this.redPayload.length < maxSize) this.redPayload = new Uint8Array(maxSize);
    const room = this.redPayload.subarray(0, maxSize);
    return room.subarray(0, this.red.encode(codec.payloadType, timestamp, media, room));
  }

  /** @internal The pacer lets the next packet go that `session.pace` announced with this priority. */
  sendPaced(priority: number, cluster: number, now: number): void {
    const isRepeat = priority === PRIORITY_RETRANSMISSION;
    const packet = (isRepeat ? this.repeats : this.queue).shift();
    if (packet === undefined) return;
    if (!isRepeat) this.queuedBytes -= packet.data.length;
    this.depart(packet, cluster, now);
    if (this.limiter?.isSkipping) this.limiter.onDrained(this.queueTime, now);
  }

  /** @internal What waits is not sent any more; `repeats`: nor what was asked for again. */
  discard(repeats: boolean): void {
    if (repeats && this.repeats.length > 0) this.repeats.clear();
    else if (this.queue.length === 0) return;
    this.session.unpace(this, repeats);
    // Numbers that nobody has seen are used again, if none behind them was: but of a frame that was cut one stays missing, so that
    // what came of it is not taken for the whole. Repair packets may have numbers of the stream too.
    this.queuedBytes = 0;
    let first = -1;
    let count = 0;
    let isCut = false;
    for (let packet = this.queue.shift(); packet !== undefined; packet = this.queue.shift()) {
      if (readU32(packet.data, 8) !== this.encoding.ssrc) continue;
      if (count++ > 0) continue;
      first = readU16(packet.data, 2);
      isCut = packet.timestamp === this.leavingTimestamp;
    }
    if (count > 0) this.numbers.giveBack(first, count, isCut);
    this.protection?.reset();
    this.leavingTimestamp = -1;
  }

  private depart(packet: OutgoingPacket, cluster: number, now: number): void {
    const { data, codec, sequenceNumber, transportAt, sendTimeAt } = packet;
    const { session, sender } = this;
    stamp(data, transportAt, session.nextTransportSequence(sender, transportAt >= 0), sendTimeAt, now);
    if (sequenceNumber === REPAIR_NUMBER) this.countRepair(packet, now);
    if (sequenceNumber < 0) {
      session.transmit(data, now, cluster);
      return;
    }
    if (codec.nack) {
      this.history ??= new SendHistory();
      const at = this.history.reserve(data.length, now);
      this.history.data.set(data, at);
      this.history.commit(sequenceNumber, data.length, now);
    }
    this.totalPacketSendDelay += now - packet.queued;
    // The marker ends a frame.
    this.leavingTimestamp = (data[1]! & 0x80) === 0 ? packet.timestamp : -1;
    this.sent(codec, packet.timestamp, packet.headerLength, packet.payloadLength, false, now);
    session.transmit(data, now, cluster);
  }

  // Repair packets

  /** @internal The extensions of a repair packet; `separate`: it goes on an SSRC of its own, which the peer does not report on. */
  writeRepairExtensions(data: Uint8Array, at: number, separate: boolean): number {
    const names = separate || !this.acknowledged;
    return block.forward(this.sender, data, at, undefined, names, this.rid, separate);
  }

  private sendRepair(packet: OutgoingPacket, now: number): void {
    if (!this.pacing) this.depart(packet, -1, now);
    else if (this.session.pace(this, packet.data.length, PRIORITY_VIDEO, now)) this.enqueue(packet);
  }

  private countRepair({ data, headerLength, payloadLength, queued }: OutgoingPacket, now: number): void {
    this.fecPacketsSent++;
    this.fecBytesSent += payloadLength;
    this.packetsSent++;
    this.bytesSent += payloadLength;
    this.headerBytesSent += headerLength;
    this.totalPacketSendDelay += now - queued;
    if (readU32(data, 8) !== this.encoding.ssrc) return;
    this.reportPackets++;
    this.reportOctets += payloadLength;
  }

  /**
   * @internal Sends about so many bytes that say nothing, for the pacer: the last packet again on the retransmission SSRC, or
   * padding alone there. Gives the bytes, 0 if the peer would not take it.
   */
  sendPadding(bytes: number, cluster: number, now: number): number {
    const { codec, history } = this;
    const { rtxSsrc } = this.encoding;
    const { lastSequence, lastTimestamp } = this.numbers;
    if (codec === undefined || codec.rtxPayloadType === null || rtxSsrc === null) return 0;
    const repeat =
      bytes >= MIN_REPEATED_PADDING &&
      history?.find(lastSequence) === true &&
      original.parse(history.data.subarray(history.offset, history.offset + history.length));
    // The last packet may be in RED, and so another codec's.
    const repeatType = repeat ? (this.sender.codec(original.payloadType)?.rtxPayloadType ?? null) : null;
    const packet =
      repeatType !== null
        ? this.rtx.repeat(original, lastSequence, rtxSsrc, repeatType, this.rid)
        : this.rtx.padding(bytes, lastTimestamp, rtxSsrc, codec.rtxPayloadType, this.rid);
    const { length } = packet;
    const payload = repeatType !== null ? original.payloadLength + RTX_NUMBER_LENGTH : 0;
    this.packetsSent++;
    this.bytesSent += payload;
    this.headerBytesSent += length - payload;
    this.paddingPackets++;
    this.paddingBytes += length;
    this.paddingPayloadBytes += payload;
    this.transmit(packet, block.transportAt, block.sendTimeAt, cluster, now);
    return length;
  }

  /** @internal */
  get telephoneDeadline(): number {
    return this.telephone?.deadline ?? Number.POSITIVE_INFINITY;
  }

  /** @internal */
  handleTelephone(now: number): void {
    this.telephone?.handleTimeout(now);
  }

  /** @internal */
  sendTelephoneEvent(event: number, duration: number, codec: RtpCodec, now: number): void {
    this.telephone ??= new TelephoneEvents({
      sendEvent: (payload, marker, timestamp, time) => this.sendEventPacket(payload, marker, timestamp, time),
    });
    this.telephoneCodec = codec;
    if (!this.numbers.hasTime) this.numbers.setTime(this.session.random32(), now);
    this.codec ??= codec;
    this.telephone.begin(event, duration, this.timestampAt(now), codec.clockRate, now);
  }

  private sendEventPacket(payload: Uint8Array, marker: boolean, timestamp: number, now: number): void {
    const codec = this.telephoneCodec!;
    if (!this.sender.options.active) return;
    const { scratch: data } = this;
    const sequence = this.numbers.next();
    writeRtpHeader(data, marker, codec.payloadType, sequence, timestamp, this.encoding.ssrc, 0);
    const names = !this.acknowledged;
    const extension = block.forward(this.sender, data, RTP_HEADER_LENGTH, undefined, names, this.rid, false);
    if (extension > 0) setExtensionBit(data);
    const headerLength = RTP_HEADER_LENGTH + extension;
    data.set(payload, headerLength);
    const main = this.codec;
    this.sent(codec, this.numbers.lastTimestamp, headerLength, payload.length, false, now);
    this.codec = main;
    const packet = data.subarray(0, headerLength + payload.length);
    this.transmit(packet, block.transportAt, block.sendTimeAt, -1, now);
  }
}
