// RTCP feedback messages: generic NACK, PLI (RFC 4585 §6), FIR, TMMBR, TMMBN (RFC 5104 §4), REMB (draft-alvestrand-rmcat-remb),
// congestion control feedback (RFC 8888); transport-wide feedback is in transport-feedback.ts. Parsing and writing, not deciding.
import type { BitrateLimit } from "./bounding-set.js";
import { readU16, readU24, readU32, writeU16, writeU32 } from "./bytes.js";
import type { RtcpWriter } from "./rtcp-writer.js";
import { parseTransportFeedback, type TransportFeedback } from "./transport-feedback.js";

const TRANSPORT_LAYER = 205;
const PAYLOAD_SPECIFIC = 206;

const FMT_NACK = 1;
const FMT_TMMBR = 3;
const FMT_TMMBN = 4;
const FMT_CONGESTION_CONTROL = 11;
const FMT_TRANSPORT_WIDE = 15;
const FMT_PLI = 1;
const FMT_FIR = 4;
const FMT_APPLICATION = 15;

const REMB = 0x52454d42;
/** Metric blocks of one stream in a message (RFC 8888 §3.1). */
const MAX_METRIC_BLOCKS = 16_384;

/** What RFC 8888 says of one stream. One object is filled again and again. */
export class CongestionFeedback {
  sender = 0;
  ssrc = 0;
  beginSequence = 0;
  count = 0;
  /** When the report was made: the middle 32 bits of the receiver's NTP time. */
  reportTimestamp = 0;
  private data: Uint8Array = new Uint8Array(0);
  private offset = 0;

  /** @internal */
  set(
    data: Uint8Array,
    offset: number,
    sender: number,
    ssrc: number,
    begin: number,
    count: number,
    time: number,
  ): void {
    this.data = data;
    this.offset = offset;
    this.sender = sender;
    this.ssrc = ssrc;
    this.beginSequence = begin;
    this.count = count;
    this.reportTimestamp = time;
  }

  /** Whether packet `beginSequence + index` has come. */
  received(index: number): boolean {
    return this.data[this.offset + index * 2]! > 127;
  }

  /** Its ECN mark (two bits). */
  ecn(index: number): number {
    return (this.data[this.offset + index * 2]! >> 5) & 3;
  }

  /** Milliseconds that it had come before the report; NaN if the receiver cannot tell. */
  arrivalOffset(index: number): number {
    const value = readU16(this.data, this.offset + index * 2) & 0x1fff;
    return value >= 0x1ffe ? Number.NaN : (value * 1000) / 1024;
  }
}

export interface FeedbackVisitor {
  /** `packetId` is missing, and `packetId + 1 + n` for each bit n of the mask. */
  onNack?(sender: number, media: number, packetId: number, bitmask: number): void;
  onPictureLoss?(sender: number, media: number): void;
  /** `media` is from the entry, not the header. */
  onFullIntraRequest?(sender: number, media: number, sequence: number): void;
  /** A request to the owner of `media`: bits per second, and bytes of overhead per packet counted in. */
  onTmmbr?(sender: number, media: number, bitrate: number, overhead: number): void;
  /** The bounding set of `sender`, an entry per call; entries are of those who asked. */
  onTmmbn?(sender: number, owner: number, bitrate: number, overhead: number): void;
  /** The bounding set of `sender` has been told, possibly an empty one. */
  onTmmbnEnd?(sender: number): void;
  /** Bits per second for all of the streams together; `ssrcs` is valid only during the call. */
  onRemb?(sender: number, bitrate: number, ssrcs: Uint32Array, count: number): void;
  /** A transport-wide message speaks of so many packets: false if it is not to be read. */
  takesTransportFeedback?(count: number): boolean;
  /** Valid only during the call. */
  onTransportFeedback?(feedback: TransportFeedback): void;
  /** One call per stream, each valid only during the call. */
  onCongestionFeedback?(feedback: CongestionFeedback): void;
}

const congestion: CongestionFeedback = new CongestionFeedback();
const rembSsrcs: Uint32Array = new Uint32Array(255);

/** `data[from]` to `end` (at least 12 bytes, without padding) is a packet of type 205. */
export function parseTransportLayerFeedback(
  data: Uint8Array,
  from: number,
  end: number,
  visitor: FeedbackVisitor,
): void {
  const sender = readU32(data, from + 4);
  const media = readU32(data, from + 8);
  switch (data[from]! & 31) {
    case FMT_NACK:
      if (visitor.onNack === undefined) return;
      for (let at = from + 12; at + 4 <= end; at += 4) {
        visitor.onNack(sender, media, readU16(data, at), readU16(data, at + 2));
      }
      return;
    case FMT_TMMBR:
    case FMT_TMMBN:
      for (let at = from + 12; at + 8 <= end; at += 8) {
        const word = readU32(data, at + 4);
        const bitrate = ((word >>> 9) & 0x1_ffff) * 2 ** (word >>> 26);
        if ((data[from]! & 31) === FMT_TMMBR) visitor.onTmmbr?.(sender, readU32(data, at), bitrate, word & 0x1ff);
        else visitor.onTmmbn?.(sender, readU32(data, at), bitrate, word & 0x1ff);
      }
      if ((data[from]! & 31) === FMT_TMMBN) visitor.onTmmbnEnd?.(sender);
      return;
    case FMT_TRANSPORT_WIDE: {
      if (visitor.onTransportFeedback === undefined) return;
      const count = end - from < 16 ? 0 : readU16(data, from + 14);
      if (visitor.takesTransportFeedback?.(count) === false) return;
      const feedback = parseTransportFeedback(data, from, end);
      if (feedback !== undefined) visitor.onTransportFeedback(feedback);
      return;
    }
    case FMT_CONGESTION_CONTROL:
      if (visitor.onCongestionFeedback !== undefined) parseCongestionFeedback(data, from, end, visitor);
  }
}

function parseCongestionFeedback(data: Uint8Array, from: number, end: number, visitor: FeedbackVisitor): void {
  const last = end - 4;
  const time = readU32(data, last);
  for (let at = from + 8; at + 8 <= last; ) {
    const count = readU16(data, at + 6);
    const size = 8 + ((count * 2 + 3) & ~3);
    if (count > MAX_METRIC_BLOCKS || at + size > last) return;
    congestion.set(data, at + 8, readU32(data, from + 4), readU32(data, at), readU16(data, at + 4), count, time);
    visitor.onCongestionFeedback!(congestion);
    at += size;
  }
}

/** `data[from]` to `end` (at least 12 bytes, without padding) is a packet of type 206. */
export function parsePayloadFeedback(data: Uint8Array, from: number, end: number, visitor: FeedbackVisitor): void {
  const sender = readU32(data, from + 4);
  switch (data[from]! & 31) {
    case FMT_PLI:
      visitor.onPictureLoss?.(sender, readU32(data, from + 8));
      return;
    case FMT_FIR:
      for (let at = from + 12; at + 8 <= end; at += 8) {
        visitor.onFullIntraRequest?.(sender, readU32(data, at), data[at + 4]!);
      }
      return;
    case FMT_APPLICATION: {
      if (end - from < 20 || readU32(data, from + 12) !== REMB || visitor.onRemb === undefined) return;
      const count = data[from + 16]!;
      if (from + 20 + count * 4 > end) return;
      for (let i = 0; i < count; i++) rembSsrcs[i] = readU32(data, from + 20 + i * 4);
      const word = readU24(data, from + 17);
      visitor.onRemb(sender, (word & 0x3_ffff) * 2 ** (word >>> 18), rembSsrcs, count);
    }
  }
}

function header(writer: RtcpWriter, type: number, format: number, sender: number, media: number, size: number): number {
  const at = writer.packetOf(type, format, 12 + size);
  if (at < 0) return -1;
  writeU32(writer.data, at + 4, sender);
  writeU32(writer.data, at + 8, media);
  return at + 12;
}

/** `sequences`: 16 bits each, ascending in serial order, the first `count`. Gives how many were written: all, unless room ran out. */
export function writeNack(
  writer: RtcpWriter,
  sender: number,
  media: number,
  sequences: ArrayLike<number>,
  count: number,
): number {
  if (count === 0 || !writer.room(16)) return 0;
  let at = header(writer, TRANSPORT_LAYER, FMT_NACK, sender, media, 4);
  const { data } = writer;
  let done = 0;
  for (;;) {
    const packetId = sequences[done++]!;
    let bitmask = 0;
    while (done < count) {
      const distance = (sequences[done]! - packetId) & 0xffff;
      if (distance === 0 || distance > 16) break;
      bitmask |= 1 << (distance - 1);
      done++;
    }
    writeU16(data, at, packetId);
    writeU16(data, at + 2, bitmask);
    at += 4;
    if (done === count || at + 4 > data.length) break;
    writer.cut(at + 4);
  }
  return done;
}

export function writePictureLoss(writer: RtcpWriter, sender: number, media: number): boolean {
  return header(writer, PAYLOAD_SPECIFIC, FMT_PLI, sender, media, 0) >= 0;
}

/** `sequence`: 8 bits, a new one for each new request (RFC 5104 §4.3.1.1). */
export function writeFullIntraRequest(writer: RtcpWriter, sender: number, media: number, sequence: number): boolean {
  const at = header(writer, PAYLOAD_SPECIFIC, FMT_FIR, sender, 0, 8);
  if (at < 0) return false;
  writeU32(writer.data, at, media);
  writer.data[at + 4] = sequence;
  return true;
}

/** The largest mantissa of `bits` bits and its exponent that do not exceed `value`, as `exponent * 2^bits + mantissa`. */
function floating(value: number, bits: number): number {
  const limit = 2 ** bits;
  let exponent = 0;
  let mantissa = Math.max(0, Math.floor(value));
  while (mantissa >= limit && exponent < 63) {
    mantissa = Math.floor(mantissa / 2);
    exponent++;
  }
  return exponent * limit + Math.min(mantissa, limit - 1);
}

function writeTmmb(
  writer: RtcpWriter,
  format: number,
  sender: number,
  entries: readonly { readonly owner: number; readonly bitrate: number; readonly overhead: number }[],
): boolean {
  let at = header(writer, TRANSPORT_LAYER, format, sender, 0, 8 * entries.length);
  if (at < 0) return false;
  for (const { owner, bitrate, overhead } of entries) {
    writeU32(writer.data, at, owner);
    writeU32(writer.data, at + 4, floating(bitrate, 17) * 512 + Math.min(overhead, 0x1ff));
    at += 8;
  }
  return true;
}

/** Asks the owner of `media` for at most `bitrate` bits per second, with `overhead` bytes of headers per packet. */
export function writeTmmbr(
  writer: RtcpWriter,
  sender: number,
  media: number,
  bitrate: number,
  overhead: number,
): boolean {
  return writeTmmb(writer, FMT_TMMBR, sender, [{ owner: media, bitrate, overhead }]);
}

/** Answers: the limits that bind, each with the one who asked for it. */
export function writeTmmbn(writer: RtcpWriter, sender: number, tuples: readonly BitrateLimit[]): boolean {
  return writeTmmb(writer, FMT_TMMBN, sender, tuples);
}

/** At most 255 streams. */
export function writeRemb(writer: RtcpWriter, sender: number, bitrate: number, ssrcs: ArrayLike<number>): boolean {
  const count = Math.min(ssrcs.length, 255);
  const at = header(writer, PAYLOAD_SPECIFIC, FMT_APPLICATION, sender, 0, 8 + count * 4);
  if (at < 0) return false;
  writeU32(writer.data, at, REMB);
  const word = floating(bitrate, 18);
  writeU32(writer.data, at + 4, word);
  writer.data[at + 4] = count;
  for (let i = 0; i < count; i++) writeU32(writer.data, at + 8 + i * 4, ssrcs[i]!);
  return true;
}

/** Builds one message of RFC 8888: `begin`, then streams with their packets, then `end`. */
export class CongestionFeedbackWriter {
  private writer: RtcpWriter | undefined;
  private at = 0;
  private countAt = 0;
  private count = 0;

  /** False: no room. */
  begin(writer: RtcpWriter, sender: number): boolean {
    const at = writer.packetOf(TRANSPORT_LAYER, FMT_CONGESTION_CONTROL, 12);
    if (at < 0) return false;
    writeU32(writer.data, at + 4, sender);
    this.writer = writer;
    this.at = at + 8;
    return true;
  }

  /** False: no room for it with one packet. */
  stream(ssrc: number, beginSequence: number): boolean {
    const writer = this.writer!;
    this.pad();
    if (this.at + 16 > writer.data.length) return false;
    writeU32(writer.data, this.at, ssrc);
    writeU16(writer.data, this.at + 4, beginSequence);
    this.countAt = this.at + 6;
    this.count = 0;
    this.at += 8;
    return true;
  }

  /** The stream's next packet. `arrivalOffset`: milliseconds before the report, NaN if it has not come. False: no room. */
  packet(arrivalOffset: number, ecn: number): boolean {
    const { data } = this.writer!;
    if (this.at + 8 > data.length || this.count === MAX_METRIC_BLOCKS) return false;
    let word = 0;
    if (!Number.isNaN(arrivalOffset)) {
      // Beyond the range: 0x1ffe; after the report: 0x1fff (RFC 8888 §3.1).
      const ticks = arrivalOffset < 0 ? 0x1fff : Math.min(0x1ffe, Math.round((arrivalOffset * 1024) / 1000));
      word = 0x8000 | (ecn << 13) | ticks;
    }
    writeU16(data, this.at, word);
    this.at += 2;
    writeU16(data, this.countAt, ++this.count);
    return true;
  }

  private pad(): void {
    if (this.at % 4 === 0) return;
    writeU16(this.writer!.data, this.at, 0);
    this.at += 2;
  }

  end(reportTimestamp: number): void {
    const writer = this.writer!;
    this.pad();
    writeU32(writer.data, this.at, reportTimestamp);
    writer.cut(this.at + 4);
    this.writer = undefined;
  }
}
