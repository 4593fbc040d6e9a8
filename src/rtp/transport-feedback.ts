// Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1): when each packet that
// carried a transport-wide sequence number has come. Parsing and writing; what it means is the bandwidth estimator's.
import { readU16, readU24, readU32, writeU16, writeU24, writeU32 } from "./bytes.js";
import type { RtcpWriter } from "./rtcp-writer.js";

/** Packets that one message may speak of: far more than come in a report interval. */
export const MAX_FEEDBACK_PACKETS = 16_384;

const INITIAL_CAPACITY = 512;
/** Milliseconds. */
const TICK = 0.25;
const REFERENCE_UNIT = 64;
const REFERENCE_TICKS = REFERENCE_UNIT / TICK;

const NOT_RECEIVED = 0;
const SMALL_DELTA = 1;
const LARGE_DELTA = 2;

/** One message. One object is filled again and again. */
export class TransportFeedback {
  sender = 0;
  media = 0;
  baseSequence = 0;
  count = 0;
  /** Units of 64 ms, 24 bits with sign: it wraps around after 12 days. */
  referenceTime = 0;
  feedbackCount = 0;
  /** Milliseconds after the reference time at which packet `baseSequence + index` came; NaN: it has not. The first `count` count. */
  arrivals: Float64Array = new Float64Array(INITIAL_CAPACITY);

  /** The reference time in milliseconds. */
  get referenceMilliseconds(): number {
    return this.referenceTime * REFERENCE_UNIT;
  }
}

const feedback: TransportFeedback = new TransportFeedback();
let symbols: Uint8Array = new Uint8Array(INITIAL_CAPACITY);

/** `data[from]` to `end` is the whole packet. The result is filled again by the next call; undefined if it is malformed. */
export function parseTransportFeedback(data: Uint8Array, from: number, end: number): TransportFeedback | undefined {
  if (end - from < 20) return undefined;
  const count = readU16(data, from + 14);
  if (count > MAX_FEEDBACK_PACKETS) return undefined;
  if (feedback.arrivals.length < count) {
    feedback.arrivals = new Float64Array(MAX_FEEDBACK_PACKETS);
    symbols = new Uint8Array(MAX_FEEDBACK_PACKETS);
  }
  feedback.sender = readU32(data, from + 4);
  feedback.media = readU32(data, from + 8);
  feedback.baseSequence = readU16(data, from + 12);
  feedback.count = count;
  feedback.referenceTime = (readU24(data, from + 16) << 8) >> 8;
  feedback.feedbackCount = data[from + 19]!;
  let at = from + 20;
  let done = 0;
  while (done < count) {
    if (at + 2 > end) return undefined;
    const chunk = readU16(data, at);
    at += 2;
    if ((chunk & 0x8000) === 0) {
      const symbol = (chunk >> 13) & 3;
      for (let run = Math.min(chunk & 0x1fff, count - done); run > 0; run--) symbols[done++] = symbol;
    } else if ((chunk & 0x4000) === 0) {
      for (let bit = 13; bit >= 0 && done < count; bit--) symbols[done++] = (chunk >> bit) & 1;
    } else {
      for (let bit = 12; bit >= 0 && done < count; bit -= 2) symbols[done++] = (chunk >> bit) & 3;
    }
  }
  const { arrivals } = feedback;
  let ticks = 0;
  for (let i = 0; i < count; i++) {
    switch (symbols[i]) {
      case SMALL_DELTA:
        if (at >= end) return undefined;
        ticks += data[at++]!;
        arrivals[i] = ticks * TICK;
        break;
      case LARGE_DELTA:
        if (at + 2 > end) return undefined;
        ticks += (readU16(data, at) << 16) >> 16;
        at += 2;
        arrivals[i] = ticks * TICK;
        break;
      default:
        // 3 is reserved; Chromium does not take such a message at all, others mean a packet without a time.
        arrivals[i] = Number.NaN;
    }
  }
  return feedback;
}

/** Bytes that one message may take: an RTCP compound stays below 1,200. */
const MAX_MESSAGE = 1100;
const ONE_BIT_SYMBOLS = 14;
const TWO_BIT_SYMBOLS = 7;
const MAX_RUN = 0x1fff;

/** Collects the packets of one message in ascending order of their sequence numbers, then writes it. Used again and again. */
export class TransportFeedbackBuilder {
  /** Sequence numbers covered so far. */
  count = 0;
  private base = 0;
  private reference = 0;
  private lastTicks = 0;
  private deltaBytes = 0;
  private deltaCount = 0;
  /** An upper bound of what the chunks take, in halves of two-bit chunks. */
  private chunkBytes = 0;
  private readonly symbols = new Uint8Array(MAX_FEEDBACK_PACKETS);
  private readonly deltas = new Int16Array(MAX_MESSAGE);

  /** `sequence`: 16 bits; it need not have come. `arrival`: the first one's, in milliseconds of a clock that starts at 0 or above. */
  begin(sequence: number, arrival: number): void {
    this.base = sequence;
    this.count = 0;
    this.deltaBytes = 0;
    this.deltaCount = 0;
    this.chunkBytes = 0;
    this.reference = Math.floor(arrival / REFERENCE_UNIT);
    this.lastTicks = this.reference * REFERENCE_TICKS;
  }

  /** A packet that has come. False: it does not fit this message, which must be written first; or it is not behind the last one. */
  add(sequence: number, arrival: number): boolean {
    const index = (sequence - this.base) & 0xffff;
    if (index < this.count || index >= MAX_FEEDBACK_PACKETS) return false;
    const ticks = Math.round(arrival / TICK);
    const delta = ticks - this.lastTicks;
    if (delta < -0x8000 || delta > 0x7fff) return false;
    const small = delta >= 0 && delta <= 0xff;
    const gap = index - this.count;
    // A long gap is a run, with chunks that are not full on both sides of it.
    const chunks = gap < 2 * ONE_BIT_SYMBOLS ? ((gap + 1) * 2) / TWO_BIT_SYMBOLS : 8 + 2 / TWO_BIT_SYMBOLS;
    const bytes = this.deltaBytes + (small ? 1 : 2);
    if (24 + this.chunkBytes + chunks + bytes > MAX_MESSAGE) return false;
    this.symbols.fill(NOT_RECEIVED, this.count, index);
    this.symbols[index] = small ? SMALL_DELTA : LARGE_DELTA;
    this.deltas[this.deltaCount++] = delta;
    this.count = index + 1;
    this.deltaBytes = bytes;
    this.chunkBytes += chunks;
    this.lastTicks = ticks;
    return true;
  }

  /** Appends the message to a compound. False: no room. */
  write(writer: RtcpWriter, sender: number, media: number, feedbackCount: number): boolean {
    const from = writer.length;
    if (this.count === 0 || !writer.room(Math.ceil(24 + this.chunkBytes + this.deltaBytes) + 4)) return false;
    writer.packetOf(205, 15, 20);
    const { data } = writer;
    writeU32(data, from + 4, sender);
    writeU32(data, from + 8, media);
    writeU16(data, from + 12, this.base);
    writeU16(data, from + 14, this.count);
    writeU24(data, from + 16, this.reference);
    data[from + 19] = feedbackCount;
    let at = from + 20;
    for (let done = 0; done < this.count; at += 2) done += this.writeChunk(data, at, done);
    for (let i = 0, n = 0; i < this.count; i++) {
      const symbol = this.symbols[i]!;
      if (symbol === NOT_RECEIVED) continue;
      const delta = this.deltas[n++]!;
      if (symbol === SMALL_DELTA) {
        data[at++] = delta;
      } else {
        writeU16(data, at, delta);
        at += 2;
      }
    }
    const padding = (from - at) & 3;
    if (padding > 0) {
      data.fill(0, at, at + padding);
      at += padding;
      data[at - 1] = padding;
      data[from]! |= 0x20;
    }
    writer.cut(at);
    return true;
  }

  /** Gives how many symbols the chunk says. */
  private writeChunk(data: Uint8Array, at: number, from: number): number {
    const { symbols, count } = this;
    const first = symbols[from]!;
    let run = 1;
    while (from + run < count && run < MAX_RUN && symbols[from + run] === first) run++;
    // A run at the end is a run chunk however short it is.
    if (run >= ONE_BIT_SYMBOLS || from + run === count || (first === LARGE_DELTA && run >= TWO_BIT_SYMBOLS)) {
      writeU16(data, at, (first << 13) | run);
      return run;
    }
    const left = count - from;
    let bits = 0;
    let oneBit = 0;
    while (oneBit < ONE_BIT_SYMBOLS && oneBit < left && symbols[from + oneBit]! !== LARGE_DELTA) {
      bits |= symbols[from + oneBit]! << (ONE_BIT_SYMBOLS - 1 - oneBit);
      oneBit++;
    }
    if (oneBit === ONE_BIT_SYMBOLS || oneBit === left) {
      writeU16(data, at, 0x8000 | bits);
      return oneBit;
    }
    bits = 0;
    const twoBit = Math.min(TWO_BIT_SYMBOLS, left);
    for (let i = 0; i < twoBit; i++) bits |= symbols[from + i]! << ((TWO_BIT_SYMBOLS - 1 - i) * 2);
    writeU16(data, at, 0xc000 | bits);
    return twoBit;
  }
}
