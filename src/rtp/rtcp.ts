// RTCP packets (RFC 3550 §6, RFC 3611 for XR, RFC 5506 for reduced size): taking a compound apart with a visitor, and a writer.
// Feedback messages (RFC 4585 and its extensions) are in feedback.ts. Not the scheduling of reports.
import { readU16, readU24, readU32, writeU16, writeU24, writeU32 } from "./bytes.js";
import { type FeedbackVisitor, parsePayloadFeedback, parseTransportLayerFeedback } from "./feedback.js";

export const RtcpType = {
  senderReport: 200,
  receiverReport: 201,
  sourceDescription: 202,
  bye: 203,
  application: 204,
  transportFeedback: 205,
  payloadFeedback: 206,
  extendedReport: 207,
} as const;

/** SDES items (RFC 3550 §6.5). */
export const SDES_CNAME = 1;
export const SDES_MID = 15;

const XR_RECEIVER_REFERENCE_TIME = 4;
const XR_DLRR = 5;

/** A report block (RFC 3550 §6.4.1). One object is filled again and again. */
export class ReportBlock {
  ssrc = 0;
  /** 0 to 255: the lost share of the last interval, in 1/256. */
  fractionLost = 0;
  /** Signed 24 bits. */
  cumulativeLost = 0;
  extendedHighestSequenceNumber = 0;
  /** Units of the RTP timestamp. */
  jitter = 0;
  /** The middle 32 bits of the NTP timestamp of the last sender report, 0: none yet. */
  lastSenderReport = 0;
  /** Since then, in units of 1/65536 s. */
  delaySinceLastSenderReport = 0;
}

/** Is told what a compound holds, in order. What is not asked for is skipped. */
export interface RtcpVisitor extends FeedbackVisitor {
  onSenderReport?(
    ssrc: number,
    ntpSeconds: number,
    ntpFraction: number,
    rtpTimestamp: number,
    packetCount: number,
    octetCount: number,
  ): void;
  onReceiverReport?(ssrc: number): void;
  /** A block of the sender or receiver report of `reporter`; `block` is valid only during the call. */
  onReportBlock?(reporter: number, block: ReportBlock): void;
  /** An item; the text begins at `offset` and has `length` bytes. */
  onSourceDescription?(ssrc: number, type: number, data: Uint8Array, offset: number, length: number): void;
  onBye?(ssrc: number): void;
  /** XR, RRTR (RFC 3611 §4.4): the receiver's clock. */
  onReceiverReferenceTime?(ssrc: number, ntpSeconds: number, ntpFraction: number): void;
  /** XR, DLRR (RFC 3611 §4.5): about `ssrc`'s reference time, in the units of a report block. */
  onDelaySinceLastReport?(reporter: number, ssrc: number, lastReceiverReport: number, delay: number): void;
}

const block: ReportBlock = new ReportBlock();

/**
 * Tells the visitor what a compound (or reduced-size) packet of `length` bytes holds. False, and nothing is told, if its structure
 * is broken; a packet in it whose content is broken is skipped as far as it is.
 */
export function parseRtcp(data: Uint8Array, length: number, visitor: RtcpVisitor): boolean {
  if (length < 4 || length > data.length) return false;
  for (let at = 0; at < length; ) {
    // RFC 3550 §A.2, but for the type of the first (RFC 5506), and for padding, which browsers put on feedback anywhere in a
    // compound.
    if (length - at < 4 || data[at]! >> 6 !== 2) return false;
    const size = (readU16(data, at + 2) + 1) * 4;
    if (at + size > length) return false;
    if ((data[at]! & 0x20) !== 0) {
      const padding = data[at + size - 1]!;
      if (padding === 0 || padding > size - 4) return false;
    }
    at += size;
  }
  for (let at = 0; at < length; ) {
    const size = (readU16(data, at + 2) + 1) * 4;
    const padding = (data[at]! & 0x20) !== 0 ? data[at + size - 1]! : 0;
    parsePacket(data, at, at + size - padding, visitor);
    at += size;
  }
  return true;
}

function parsePacket(data: Uint8Array, at: number, end: number, visitor: RtcpVisitor): void {
  const count = data[at]! & 31;
  switch (data[at + 1]!) {
    case RtcpType.senderReport:
      if (end - at < 28) return;
      visitor.onSenderReport?.(
        readU32(data, at + 4),
        readU32(data, at + 8),
        readU32(data, at + 12),
        readU32(data, at + 16),
        readU32(data, at + 20),
        readU32(data, at + 24),
      );
      parseReportBlocks(data, at + 28, end, count, readU32(data, at + 4), visitor);
      return;
    case RtcpType.receiverReport:
      if (end - at < 8) return;
      visitor.onReceiverReport?.(readU32(data, at + 4));
      parseReportBlocks(data, at + 8, end, count, readU32(data, at + 4), visitor);
      return;
    case RtcpType.sourceDescription:
      if (visitor.onSourceDescription !== undefined) parseSourceDescription(data, at + 4, end, count, visitor);
      return;
    case RtcpType.bye:
      for (let i = 0, from = at + 4; i < count && from + 4 <= end; i++, from += 4) visitor.onBye?.(readU32(data, from));
      return;
    case RtcpType.transportFeedback:
      if (end - at >= 12) parseTransportLayerFeedback(data, at, end, visitor);
      return;
    case RtcpType.payloadFeedback:
      if (end - at >= 12) parsePayloadFeedback(data, at, end, visitor);
      return;
    case RtcpType.extendedReport:
      if (end - at >= 8) parseExtendedReport(data, at, end, visitor);
  }
}

function parseReportBlocks(
  data: Uint8Array,
  from: number,
  end: number,
  count: number,
  reporter: number,
  visitor: RtcpVisitor,
): void {
  if (visitor.onReportBlock === undefined) return;
  for (let i = 0, at = from; i < count && at + 24 <= end; i++, at += 24) {
    block.ssrc = readU32(data, at);
    block.fractionLost = data[at + 4]!;
    block.cumulativeLost = (readU24(data, at + 5) << 8) >> 8;
    block.extendedHighestSequenceNumber = readU32(data, at + 8);
    block.jitter = readU32(data, at + 12);
    block.lastSenderReport = readU32(data, at + 16);
    block.delaySinceLastSenderReport = readU32(data, at + 20);
    visitor.onReportBlock(reporter, block);
  }
}

function parseSourceDescription(
  data: Uint8Array,
  from: number,
  end: number,
  count: number,
  visitor: RtcpVisitor,
): void {
  let at = from;
  for (let chunk = 0; chunk < count && at + 4 <= end; chunk++) {
    const start = at;
    const ssrc = readU32(data, at);
    at += 4;
    while (at < end && data[at] !== 0) {
      if (at + 2 > end) return;
      const length = data[at + 1]!;
      if (at + 2 + length > end) return;
      visitor.onSourceDescription!(ssrc, data[at]!, data, at + 2, length);
      at += 2 + length;
    }
    // At least one zero ends the list; the next chunk begins at a word.
    at = start + ((at - start + 4) & ~3);
  }
}

function parseExtendedReport(data: Uint8Array, from: number, end: number, visitor: RtcpVisitor): void {
  const reporter = readU32(data, from + 4);
  for (let at = from + 8; at + 4 <= end; ) {
    const size = (readU16(data, at + 2) + 1) * 4;
    if (at + size > end) return;
    if (data[at] === XR_RECEIVER_REFERENCE_TIME && size === 12) {
      visitor.onReceiverReferenceTime?.(reporter, readU32(data, at + 4), readU32(data, at + 8));
    } else if (data[at] === XR_DLRR) {
      for (let sub = at + 4; sub + 12 <= at + size; sub += 12) {
        visitor.onDelaySinceLastReport?.(reporter, readU32(data, sub), readU32(data, sub + 4), readU32(data, sub + 8));
      }
    }
    at += size;
  }
}

/** More report blocks than 31 do not fit one report (RFC 3550 §6.4.1): the writer begins another receiver report. */
const MAX_COUNT = 31;

/**
 * Builds a compound packet in memory of its own, which the next `begin` uses again. Each method starts a packet or adds to the one
 * that was started last. `room` tells whether so many bytes still fit; a caller that does not ask loses what does not.
 */
export class RtcpWriter {
  readonly data: Uint8Array<ArrayBuffer>;
  length = 0;
  /** Where the packet begins that items are added to. */
  private packet = 0;
  private reporter = 0;

  constructor(capacity: number) {
    this.data = new Uint8Array(capacity);
  }

  begin(): void {
    this.length = 0;
  }

  room(bytes: number): boolean {
    return this.length + bytes <= this.data.length;
  }

  /** Starts a packet with `bytes` bytes in all, zeroed; gives its offset, -1 if there is no room. `bytes` is a multiple of 4. */
  packetOf(type: number, count: number, bytes: number): number {
    if (!this.room(bytes)) return -1;
    const at = this.length;
    this.data.fill(0, at, at + bytes);
    this.data[at] = 0x80 | count;
    this.data[at + 1] = type;
    writeU16(this.data, at + 2, bytes / 4 - 1);
    this.packet = at;
    this.length = at + bytes;
    return at;
  }

  /** Cuts the packet that was started last to `end`, which becomes the compound's, a multiple of 4 from its start. */
  cut(end: number): void {
    this.length = end;
    writeU16(this.data, this.packet + 2, (end - this.packet) / 4 - 1);
  }

  senderReport(
    ssrc: number,
    ntpSeconds: number,
    ntpFraction: number,
    rtpTimestamp: number,
    packetCount: number,
    octetCount: number,
  ): boolean {
    const at = this.packetOf(RtcpType.senderReport, 0, 28);
    if (at < 0) return false;
    const { data } = this;
    this.reporter = ssrc;
    writeU32(data, at + 4, ssrc);
    writeU32(data, at + 8, ntpSeconds);
    writeU32(data, at + 12, ntpFraction);
    writeU32(data, at + 16, rtpTimestamp);
    writeU32(data, at + 20, packetCount);
    writeU32(data, at + 24, octetCount);
    return true;
  }

  receiverReport(ssrc: number): boolean {
    const at = this.packetOf(RtcpType.receiverReport, 0, 8);
    if (at < 0) return false;
    this.reporter = ssrc;
    writeU32(this.data, at + 4, ssrc);
    return true;
  }

  /** Adds a block to the sender or receiver report that was started last. */
  reportBlock(report: ReportBlock): boolean {
    const { data } = this;
    if ((data[this.packet]! & 31) === MAX_COUNT && !this.receiverReport(this.reporter)) return false;
    if (!this.room(24)) return false;
    const at = this.length;
    writeU32(data, at, report.ssrc);
    data[at + 4] = report.fractionLost;
    writeU24(data, at + 5, report.cumulativeLost);
    writeU32(data, at + 8, report.extendedHighestSequenceNumber);
    writeU32(data, at + 12, report.jitter);
    writeU32(data, at + 16, report.lastSenderReport);
    writeU32(data, at + 20, report.delaySinceLastSenderReport);
    data[this.packet]!++;
    this.cut(at + 24);
    return true;
  }

  /** One chunk with a CNAME of at most 255 bytes. */
  cname(ssrc: number, cname: Uint8Array): boolean {
    const size = (4 + 2 + cname.length + 4) & ~3;
    const at = this.packetOf(RtcpType.sourceDescription, 1, 4 + size);
    if (at < 0) return false;
    writeU32(this.data, at + 4, ssrc);
    this.data[at + 8] = SDES_CNAME;
    this.data[at + 9] = cname.length;
    this.data.set(cname, at + 10);
    return true;
  }

  /** Starts a BYE, or adds to the one that was just started. */
  bye(ssrc: number): boolean {
    const { data } = this;
    if (data[this.packet + 1] === RtcpType.bye && this.length > 0 && (data[this.packet]! & 31) < MAX_COUNT) {
      if (!this.room(4)) return false;
      writeU32(data, this.length, ssrc);
      data[this.packet]!++;
      this.cut(this.length + 4);
      return true;
    }
    const at = this.packetOf(RtcpType.bye, 1, 8);
    if (at < 0) return false;
    writeU32(data, at + 4, ssrc);
    return true;
  }

  /** XR with our clock (RFC 3611 §4.4). */
  receiverReferenceTime(ssrc: number, ntpSeconds: number, ntpFraction: number): boolean {
    const at = this.packetOf(RtcpType.extendedReport, 0, 20);
    if (at < 0) return false;
    writeU32(this.data, at + 4, ssrc);
    this.data[at + 8] = XR_RECEIVER_REFERENCE_TIME;
    this.data[at + 11] = 2;
    writeU32(this.data, at + 12, ntpSeconds);
    writeU32(this.data, at + 16, ntpFraction);
    return true;
  }

  /** XR that answers a receiver's clock (RFC 3611 §4.5). */
  delaySinceLastReport(reporter: number, ssrc: number, lastReceiverReport: number, delay: number): boolean {
    const at = this.packetOf(RtcpType.extendedReport, 0, 24);
    if (at < 0) return false;
    writeU32(this.data, at + 4, reporter);
    this.data[at + 8] = XR_DLRR;
    this.data[at + 11] = 3;
    writeU32(this.data, at + 12, ssrc);
    writeU32(this.data, at + 16, lastReceiverReport);
    writeU32(this.data, at + 20, delay);
    return true;
  }
}
