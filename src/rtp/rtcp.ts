// RTCP packets (RFC 3550 §6, RFC 3611 for XR, RFC 5506 for reduced size): taking a compound apart with a visitor. Writing is in
// rtcp-writer.ts, feedback messages (RFC 4585 and its extensions) are in feedback.ts. Not the scheduling of reports.
import { readU16, readU24, readU32 } from "./bytes.js";
import { type FeedbackVisitor, parsePayloadFeedback, parseTransportLayerFeedback } from "./feedback.js";
import { ReportBlock, RtcpType, XR_DLRR, XR_RECEIVER_REFERENCE_TIME } from "./rtcp-writer.js";

export { ReportBlock, RtcpType, RtcpWriter, SDES_CNAME, SDES_MID } from "./rtcp-writer.js";

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
