// Parity for one sent stream: FlexFEC on an SSRC of its own (RFC 8627, or flexfec-03), or ULPFEC within the stream, in RED
// (RFC 5109 §14.2). Decides how much of it, makes the packets, and wraps media in RED where it is ULPFEC's. Not here: when
// packets leave.
//
// Where both are negotiated FlexFEC is used. ULPFEC takes numbers of the stream: what is lost of it is asked for like media, and
// only where a picture id tells that nothing is missing a receiver goes on without (Chromium sends it for VP8 and VP9 alone, or
// without NACK). It is for frames that are made here: the numbers of packets that pass through have no room for it.
import { carve } from "../util/slab.js";
import { writeU32 } from "./bytes.js";
import { type ExtensionBlock, OWN_EXTENSIONS } from "./extension-block.js";
import type { FecFormat } from "./fec/fec-packet.js";
import { FecSender, MAX_FEC_HEADER_LENGTH, MAX_GROUP_SIZE } from "./fec/fec-sender.js";
import { mutableExtensions } from "./fec/mutable-extensions.js";
import { ProtectionRate } from "./fec/protection-rate.js";
import { type OutgoingPacket, REPAIR_NUMBER } from "./outgoing-packet.js";
import { RTP_HEADER_LENGTH, setExtensionBit, writeRtpHeader } from "./packet.js";
import type { RtpSendStream } from "./send-stream.js";
import type { RtpSender } from "./sender.js";
import type { RtpCodec } from "./types.js";

/** Bytes that a repair packet is longer than the longest of its group: room that media leaves while it is protected. */
export const REPAIR_OVERHEAD = 48;
/** What the path may be behind its share before repair packets are left out, milliseconds. */
const BUDGET_WINDOW = 500;
/** Packets longer than this are not protected. */
const MAX_PROTECTED_LENGTH = 1500;
const PICTURE_IDS: ReadonlySet<string> = new Set(["video/vp8", "video/vp9"]);

/** What it asks of its stream. */
export interface ProtectionHost {
  /** The next number of the stream, for ULPFEC. */
  nextSequence(): number;
  /** Sends a repair packet now: of packets that pass through. */
  sendRepair(packet: OutgoingPacket, now: number): void;
}

export class StreamProtection {
  private readonly stream: RtpSendStream;
  private readonly sender: RtpSender;
  private readonly block: ExtensionBlock;
  private readonly host: ProtectionHost;
  private readonly wanted = new ProtectionRate();
  private encoder: FecSender | undefined;
  private format: FecFormat | undefined;
  /** What was negotiated when the encoder was made. */
  private table: object | undefined;
  private fecSequence: number;
  /** Repair packets that may be sent: `rate` more with each media packet. */
  private credit = 0;
  /** Media packets after which a group may end within a frame. */
  private groupSize = MAX_GROUP_SIZE;
  // Of what passes through: packets of a frame on average, and of the frame under way.
  private frameLength = 1;
  private framePackets = 0;
  /** Bytes sent beyond the stream's share of the path. */
  private excess = 0;
  private excessTime = 0;
  // While repair packets are made.
  private codec: RtpCodec | undefined;
  private made: OutgoingPacket[] | undefined;
  private timestamp = 0;
  private now = 0;

  /** `firstSequence`: of the FlexFEC stream. */
  constructor(
    stream: RtpSendStream,
    sender: RtpSender,
    block: ExtensionBlock,
    firstSequence: number,
    host: ProtectionHost,
  ) {
    this.stream = stream;
    this.sender = sender;
    this.block = block;
    this.fecSequence = firstSequence;
    this.host = host;
  }

  /** Repair packets for each media packet. */
  get rate(): number {
    return this.wanted.rate;
  }

  /** What the peer reports of the stream. True: the rate is another. */
  onReport(fractionLost: number, expected: number, rtt: number, now: number): boolean {
    const before = this.rate;
    const { codec, framesSent } = this.stream;
    const possible = codec !== undefined && this.formatFor(codec, framesSent > 0) !== undefined;
    this.wanted.onReport(possible ? fractionLost : 0, expected, rtt, codec?.nack === true, now);
    if (this.rate === 0) this.encoder?.endGroup(0);
    return this.rate !== before;
  }

  /** What media of that codec is protected by; `own`: frames that are made here. */
  private formatFor(codec: RtpCodec, own: boolean): FecFormat | undefined {
    const { flexfec, red, ulpfec } = this.sender;
    if (flexfec !== undefined && (this.stream.encoding.fecSsrc ?? null) !== null) {
      return flexfec.mimeType.toLowerCase() === "video/flexfec" ? "flexfec" : "flexfec-03";
    }
    const skips = !codec.nack || PICTURE_IDS.has(codec.mimeType.toLowerCase());
    return own && red !== undefined && ulpfec !== undefined && skips ? "ulpfec" : undefined;
  }

  /** Whether frames of that codec are protected now: then packets have to leave REPAIR_OVERHEAD bytes. */
  protects(codec: RtpCodec): boolean {
    return this.rate > 0 && this.formatFor(codec, true) !== undefined;
  }

  /** The packets of a frame, not stamped yet: adds repair packets to them, and wraps media in RED if those are ULPFEC. */
  protectFrame(packets: OutgoingPacket[], codec: RtpCodec, now: number): void {
    const encoder = this.encoderFor(codec, true);
    if (encoder === undefined) return;
    const count = packets.length;
    const made: OutgoingPacket[] = [];
    this.made = made;
    for (let i = 0; i < count; i++) {
      const { data, timestamp } = packets[i]!;
      this.add(encoder, data, timestamp, count - i, now);
    }
    this.made = undefined;
    if (this.format === "ulpfec") for (const packet of packets) this.wrap(packet);
    for (const packet of made) packets.push(packet);
  }

  /** Packets that were to be sent are not: what was made of them protects nothing. */
  reset(): void {
    this.encoder = undefined;
    this.credit = 0;
  }

  /** A packet that passes through has been sent. */
  onForwarded(packet: Uint8Array, codec: RtpCodec, timestamp: number, marker: boolean, now: number): void {
    const encoder = this.encoderFor(codec, false);
    if (encoder === undefined) return;
    this.framePackets++;
    if (marker) {
      this.frameLength += (this.framePackets - this.frameLength) / 8;
      this.framePackets = 0;
    }
    this.add(
      encoder,
      packet,
      timestamp,
      marker ? 1 : Math.max(2, Math.round(this.frameLength) - this.framePackets),
      now,
    );
  }

  /** `left`: packets of the frame that are still to come, with this one. */
  private add(encoder: FecSender, packet: Uint8Array, timestamp: number, left: number, now: number): void {
    this.timestamp = timestamp;
    this.now = now;
    this.spend(packet.length, now);
    if (encoder.groupLength === 0) {
      this.groupSize = Math.ceil(left / Math.ceil(left / MAX_GROUP_SIZE));
      const repairs = Math.floor(this.credit + this.rate * this.groupSize);
      encoder.plan(MAX_GROUP_SIZE, Math.max(1, repairs));
    }
    this.credit += this.rate;
    encoder.addMediaPacket(packet, packet.length);
    const mayEnd = left === 1 || encoder.groupLength >= this.groupSize;
    if (mayEnd && this.credit >= 1) encoder.endGroup(Math.floor(this.credit));
  }

  /** Whether the stream's share of the path has room for that much more. */
  private spend(bytes: number, now: number): void {
    const { allocatedBitrate } = this.stream;
    const drained = ((now - this.excessTime) * allocatedBitrate) / 8000;
    this.excessTime = now;
    const most = (2 * BUDGET_WINDOW * allocatedBitrate) / 8000;
    this.excess = Math.min(most, Math.max(0, this.excess - drained) + bytes);
  }

  private get hasRoom(): boolean {
    return this.excess <= (BUDGET_WINDOW * this.stream.allocatedBitrate) / 8000;
  }

  private encoderFor(codec: RtpCodec, own: boolean): FecSender | undefined {
    if (this.rate === 0) return undefined;
    const format = this.formatFor(codec, own);
    if (format === undefined) return undefined;
    const { extensions } = this.sender;
    if (this.encoder === undefined || this.format !== format || this.table !== extensions) {
      const { ssrc } = this.stream;
      const options = {
        format,
        ssrc,
        groupSize: 0,
        repairPackets: 0,
        mutableExtensions: mutableExtensions(extensions),
      };
      this.encoder = new FecSender(options, (payload) => this.emit(payload), MAX_PROTECTED_LENGTH);
      this.format = format;
      this.table = extensions;
      this.credit = 0;
    }
    this.codec = codec;
    return this.encoder;
  }

  private emit(payload: Uint8Array): void {
    this.credit -= 1;
    if (!this.hasRoom) return;
    const packet = this.format === "ulpfec" ? this.ulpfec(payload) : this.flexfec(payload);
    this.spend(packet.data.length, this.now);
    if (this.made !== undefined) this.made.push(packet);
    else this.host.sendRepair(packet, this.now);
  }

  /** RFC 8627 §4.2.1: a stream of its own; in the RFC's form the contributing source says whose. */
  private flexfec(payload: Uint8Array): OutgoingPacket {
    const { payloadType } = this.sender.flexfec!;
    const csrcs = this.format === "flexfec" ? 1 : 0;
    this.fecSequence = (this.fecSequence + 1) & 0xffff;
    return this.packet(payloadType, this.fecSequence, this.stream.encoding.fecSsrc!, csrcs, undefined, payload);
  }

  private ulpfec(payload: Uint8Array): OutgoingPacket {
    const { red, ulpfec } = this.sender;
    const sequence = this.host.nextSequence();
    return this.packet(red!.payloadType, sequence, this.stream.ssrc, 0, ulpfec!.payloadType, payload);
  }

  /** `blockType`: within RED. */
  private packet(
    payloadType: number,
    sequence: number,
    ssrc: number,
    csrcs: number,
    blockType: number | undefined,
    payload: Uint8Array,
  ): OutgoingPacket {
    const { block, timestamp } = this;
    scratch.fill(0, 0, RTP_HEADER_LENGTH);
    writeRtpHeader(scratch, false, payloadType, sequence, timestamp, ssrc, csrcs);
    let end = RTP_HEADER_LENGTH;
    if (csrcs > 0) writeU32(scratch, end, this.stream.ssrc);
    end += 4 * csrcs;
    const extension = this.stream.writeRepairExtensions(scratch, end, ssrc !== this.stream.ssrc);
    if (extension > 0) setExtensionBit(scratch);
    end += extension;
    const headerLength = end;
    if (blockType !== undefined) scratch[end++] = blockType;
    const data = carve(end + payload.length);
    data.set(scratch.subarray(0, end));
    data.set(payload, end);
    return {
      stream: this.stream,
      data,
      codec: this.codec!,
      sequenceNumber: REPAIR_NUMBER,
      timestamp,
      headerLength,
      payloadLength: data.length - headerLength,
      transportAt: block.transportAt,
      sendTimeAt: block.sendTimeAt,
      queued: this.now,
    };
  }

  /** RFC 2198 §3: a header of one byte in front of the only block. */
  private wrap(packet: OutgoingPacket): void {
    const { data, headerLength } = packet;
    const wrapped = carve(data.length + 1);
    wrapped.set(data.subarray(0, headerLength));
    wrapped[1] = (data[1]! & 0x80) | this.sender.red!.payloadType;
    wrapped[headerLength] = data[1]! & 0x7f;
    wrapped.set(data.subarray(headerLength), headerLength + 1);
    packet.data = wrapped;
    packet.payloadLength++;
  }
}

const scratch: Uint8Array<ArrayBuffer> = new Uint8Array(
  RTP_HEADER_LENGTH + 4 + OWN_EXTENSIONS + 1 + MAX_FEC_HEADER_LENGTH,
);
