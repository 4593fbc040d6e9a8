// Writes RTCP packets (RFC 3550 §6, RFC 3611 for XR): compounds of reports, descriptions and goodbyes. Feedback messages are written
// by feedback.ts and transport-feedback.ts, with room from here.
import { writeU16, writeU24, writeU32 } from "./bytes.js";

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

export const XR_RECEIVER_REFERENCE_TIME = 4;
export const XR_DLRR = 5;

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
