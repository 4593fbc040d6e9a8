// What H.264 and H.265 share in RTP: finding NAL units in an Annex B stream, and sending them alone, several in one payload,
// or in fragments. The two differ in the length of their NAL unit header and in the numbers of the payload structures.
import type { EmitPayload, Packetizer, PayloadFrame } from "./types.js";

/** NAL units in one frame, to keep a broken encoder's output from growing lists without end. */
const MAX_NAL_UNITS = 4096;

/** Where the NAL units of a frame are. Filled again for each frame. */
export class NalList {
  count = 0;
  starts: Int32Array<ArrayBuffer> = new Int32Array(64);
  ends: Int32Array<ArrayBuffer> = new Int32Array(64);

  private push(start: number, end: number): void {
    if (this.count === this.starts.length) {
      const grow = (old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
        const grown = new Int32Array(old.length * 2);
        grown.set(old);
        return grown;
      };
      this.starts = grow(this.starts);
      this.ends = grow(this.ends);
    }
    this.starts[this.count] = start;
    this.ends[this.count++] = end;
  }

  /** Finds the NAL units of an Annex B stream (start codes of three or four bytes). False if it is none. */
  parse(data: Uint8Array): boolean {
    this.count = 0;
    let start = -1;
    const { length } = data;
    for (let i = 0; i + 2 < length; ) {
      // Two bytes at a step: a start code needs a zero at every other place.
      if (data[i + 2]! > 1) i += 3;
      else if (data[i] === 0 && data[i + 1] === 0 && data[i + 2] === 1) {
        if (!this.close(data, start, i)) return false;
        start = i + 3;
        i = start;
      } else i++;
    }
    return start >= 0 && this.close(data, start, length) && this.count > 0;
  }

  private close(data: Uint8Array, start: number, end: number): boolean {
    // Nothing but zeros may precede the first start code, or follow a NAL unit.
    while (end > Math.max(start, 0) && data[end - 1] === 0) end--;
    if (start < 0) return end === 0;
    if (end > start) this.push(start, end);
    return this.count <= MAX_NAL_UNITS;
  }
}

export interface NalScheme {
  /** Bytes of a NAL unit header. */
  readonly headerLength: 1 | 2;
  /** Writes the header of an aggregation of NAL units `from` to `to` of the list. */
  writeAggregationHeader(out: Uint8Array, data: Uint8Array, nals: NalList, from: number, to: number): void;
  /** Writes payload header and FU header of a fragment of the NAL unit at `start`. */
  writeFragmentHeader(out: Uint8Array, data: Uint8Array, start: number, first: boolean, last: boolean): void;
}

export class NalPacketizer implements Packetizer {
  private readonly scheme: NalScheme;
  /** False: only whole NAL units, each alone (RFC 6184 §6.2, single NAL unit mode). */
  private readonly structures: boolean;
  private readonly nals = new NalList();
  private scratch = new Uint8Array(1500);

  constructor(scheme: NalScheme, structures: boolean) {
    this.scheme = scheme;
    this.structures = structures;
  }

  packetize(frame: PayloadFrame, maxSize: number, emit: EmitPayload): boolean {
    const { data } = frame;
    const { nals } = this;
    const { headerLength } = this.scheme;
    if (maxSize < headerLength + 2 || !nals.parse(data)) return false;
    for (let i = 0; i < nals.count; i++) {
      const size = nals.ends[i]! - nals.starts[i]!;
      if (size < headerLength || (!this.structures && size > maxSize)) return false;
    }
    if (this.scratch.length < maxSize) this.scratch = new Uint8Array(maxSize);
    const end = frame.endOfPicture ?? true;
    for (let i = 0; i < nals.count; ) {
      const next = this.structures ? this.aggregationEnd(i, maxSize) : i + 1;
      const marker = end && next === nals.count;
      const start = nals.starts[i]!;
      const size = nals.ends[i]! - start;
      if (next > i + 1) this.emitAggregation(data, i, next, marker, emit);
      else if (size <= maxSize) emit(data.subarray(start, start + size), marker);
      else this.emitFragments(data, i, maxSize, marker, emit);
      i = next;
    }
    return true;
  }

  /** Behind the last NAL unit that fits into one payload with unit `from`. */
  private aggregationEnd(from: number, maxSize: number): number {
    const { nals } = this;
    let size = this.scheme.headerLength;
    let to = from;
    while (to < nals.count) {
      size += 2 + nals.ends[to]! - nals.starts[to]!;
      if (size > maxSize) break;
      to++;
    }
    return Math.max(to, from + 1);
  }

  private emitAggregation(data: Uint8Array, from: number, to: number, marker: boolean, emit: EmitPayload): void {
    const { scratch: out, nals, scheme } = this;
    scheme.writeAggregationHeader(out, data, nals, from, to);
    let at: number = scheme.headerLength;
    for (let i = from; i < to; i++) {
      const start = nals.starts[i]!;
      const size = nals.ends[i]! - start;
      out[at++] = size >> 8;
      out[at++] = size;
      out.set(data.subarray(start, start + size), at);
      at += size;
    }
    emit(out.subarray(0, at), marker);
  }

  private emitFragments(data: Uint8Array, index: number, maxSize: number, marker: boolean, emit: EmitPayload): void {
    const { scratch: out, nals, scheme } = this;
    const { headerLength } = scheme;
    const start = nals.starts[index]!;
    // The header of the NAL unit is not sent: payload header and FU header say what it said.
    const size = nals.ends[index]! - start - headerLength;
    const room = maxSize - headerLength - 1;
    const pieces = Math.ceil(size / room);
    for (let i = 0, from = 0; i < pieces; i++) {
      const to = Math.floor((size * (i + 1)) / pieces);
      const last = i === pieces - 1;
      scheme.writeFragmentHeader(out, data, start, i === 0, last);
      out.set(data.subarray(start + headerLength + from, start + headerLength + to), headerLength + 1);
      emit(out.subarray(0, headerLength + 1 + to - from), marker && last);
      from = to;
    }
  }
}

/** Collects NAL units into an Annex B stream. */
export class AnnexBWriter {
  private buffer = new Uint8Array(16384);
  length = 0;

  reset(): void {
    this.length = 0;
  }

  startCode(): void {
    this.reserve(4);
    const at = this.length;
    this.buffer[at] = 0;
    this.buffer[at + 1] = 0;
    this.buffer[at + 2] = 0;
    this.buffer[at + 3] = 1;
    this.length = at + 4;
  }

  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.length++] = value;
  }

  bytes(data: Uint8Array, from: number, to: number): void {
    this.reserve(to - from);
    this.buffer.set(data.subarray(from, to), this.length);
    this.length += to - from;
  }

  private reserve(count: number): void {
    const need = this.length + count;
    if (need <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(need, this.buffer.length * 2));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }

  finish(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }
}
