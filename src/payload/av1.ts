// AV1 in RTP (AOM "RTP Payload Format for AV1", v1.0.0): aggregation header, OBU elements and their fragments; a frame is a
// temporal unit. Which layers a packet belongs to is told by the dependency descriptor, a header extension, not by the payload.
import { parseAv1SequenceHeader } from "./av1-sequence.js";
import {
  type Depacketizer,
  type EmitPayload,
  type Packetizer,
  type PayloadFormat,
  type PayloadFrame,
  PayloadInfo,
} from "./types.js";

// Aggregation header (§4.4).
const CONTINUES = 0x80; // Z: the first element continues an OBU
const CONTINUED = 0x40; // Y: the last element goes on in the next packet
const NEW_SEQUENCE = 0x08; // N: a coded video sequence begins
/** W has two bits: with more elements than this, W is 0 and every element has its length. */
const MAX_COUNTED = 3;

// obu_type (AV1 bitstream specification §6.2.2) and the bits of the OBU header.
const SEQUENCE_HEADER = 1;
const TEMPORAL_DELIMITER = 2;
const TILE_LIST = 8;
const HAS_EXTENSION = 0x04;
const HAS_SIZE = 0x02;
const FORBIDDEN = 0x80;

/** OBUs in one temporal unit. */
const MAX_OBUS = 4096;

const typeOf = (header: number): number => (header >> 3) & 15;
/** Temporal delimiters are not sent (§5), tile lists neither. */
const isLeftOut = (header: number): boolean => typeOf(header) === TEMPORAL_DELIMITER || typeOf(header) === TILE_LIST;

/** A leb128 number and how many bytes it took. Filled again for each. */
const leb = { value: 0, length: 0 };

function readLeb128(data: Uint8Array, at: number, end: number): boolean {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 8 && at + i < end; i++) {
    const byte = data[at + i]!;
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) {
      leb.value = value;
      leb.length = i + 1;
      return value <= 0xffffffff;
    }
  }
  return false;
}

function leb128Length(value: number): number {
  let length = 1;
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) length++;
  return length;
}

function writeLeb128(out: Uint8Array, from: number, value: number): number {
  let at = from;
  let rest = value;
  while (rest >= 128) {
    out[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  out[at++] = rest;
  return at;
}

/** Walks over the elements of one payload. */
class ElementReader {
  private data: Uint8Array = new Uint8Array(0);
  private at = 0;
  private left = 0;
  private counted = false;
  start = 0;
  end = 0;

  /** False if the payload cannot be one. */
  open(payload: Uint8Array): boolean {
    if (payload.length < 2) return false;
    const count = (payload[0]! >> 4) & 3;
    this.data = payload;
    this.at = 1;
    this.counted = count > 0;
    this.left = count;
    // A sequence does not begin in the middle of an OBU (§4.4).
    return (payload[0]! & (CONTINUES | NEW_SEQUENCE)) !== (CONTINUES | NEW_SEQUENCE);
  }

  /** 1: `start` and `end` are those of the next element; 0: there is none; -1: malformed. */
  next(): -1 | 0 | 1 {
    const { data } = this;
    if (this.counted ? this.left === 0 : this.at === data.length) return 0;
    if (this.counted && this.left === 1) this.start = this.at;
    else {
      if (!readLeb128(data, this.at, data.length)) return -1;
      this.start = this.at + leb.length;
    }
    this.end = this.counted && this.left === 1 ? data.length : this.start + leb.value;
    if (this.end > data.length || this.end === this.start) return -1;
    this.at = this.end;
    this.left--;
    return 1;
  }

  get isLast(): boolean {
    return this.at === this.data.length;
  }
}

const reader = new ElementReader();

/** Where the content of the OBU at `start` begins, behind header, extension and size; -1 if the size is not that of the element. */
function contentOf(data: Uint8Array, start: number, end: number): number {
  const header = data[start]!;
  const at = start + ((header & HAS_EXTENSION) !== 0 ? 2 : 1);
  if (at > end || (header & FORBIDDEN) !== 0) return -1;
  if ((header & HAS_SIZE) === 0) return at;
  if (!readLeb128(data, at, end)) return -1;
  return at + leb.length + leb.value === end ? at + leb.length : -1;
}

class Av1Packetizer implements Packetizer {
  /** Of each OBU to send: where it begins, where its content begins and ends. */
  private starts = new Int32Array(64);
  private contents = new Int32Array(64);
  private ends = new Int32Array(64);
  private count = 0;
  private hasSequence = false;
  private scratch = new Uint8Array(1500);
  /** The element being added to a packet: which OBU, how many of its bytes are sent. */
  private index = 0;
  private sent = 0;

  packetize(frame: PayloadFrame, maxSize: number, emit: EmitPayload): boolean {
    const { data } = frame;
    if (maxSize < 16 || !this.parse(data) || this.count === 0) return false;
    if (this.scratch.length < maxSize) this.scratch = new Uint8Array(maxSize);
    const end = frame.endOfPicture ?? true;
    this.index = 0;
    this.sent = 0;
    let first = true;
    while (this.index < this.count) {
      const length = this.writePacket(data, maxSize, first && this.hasSequence && frame.keyFrame);
      first = false;
      emit(this.scratch.subarray(0, length), end && this.index === this.count);
    }
    return true;
  }

  /** Finds the OBUs of a low-overhead stream (AV1 bitstream specification §5.2): only the last may be without a size. */
  private parse(data: Uint8Array): boolean {
    this.count = 0;
    this.hasSequence = false;
    for (let at = 0; at < data.length; ) {
      const header = data[at]!;
      if ((header & FORBIDDEN) !== 0 || this.count === MAX_OBUS) return false;
      let content = at + ((header & HAS_EXTENSION) !== 0 ? 2 : 1);
      let end = data.length;
      if ((header & HAS_SIZE) !== 0) {
        if (!readLeb128(data, content, data.length)) return false;
        content += leb.length;
        end = content + leb.value;
      }
      if (content > end || end > data.length) return false;
      if (!isLeftOut(header)) this.push(at, content, end);
      if (typeOf(header) === SEQUENCE_HEADER) this.hasSequence = true;
      at = end;
    }
    return true;
  }

  private push(start: number, content: number, end: number): void {
    if (this.count === this.starts.length) {
      const grow = (old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
        const grown = new Int32Array(old.length * 2);
        grown.set(old);
        return grown;
      };
      this.starts = grow(this.starts);
      this.contents = grow(this.contents);
      this.ends = grow(this.ends);
    }
    this.starts[this.count] = start;
    this.contents[this.count] = content;
    this.ends[this.count++] = end;
  }

  private headerLength(data: Uint8Array, index: number): number {
    return (data[this.starts[index]!]! & HAS_EXTENSION) !== 0 ? 2 : 1;
  }

  /** Bytes of an OBU as an element, without a size field (§4.5). */
  private elementLength(data: Uint8Array, index: number): number {
    return this.headerLength(data, index) + this.ends[index]! - this.contents[index]!;
  }

  /** Fills `scratch` from `index` and `sent` on, which move along. */
  private writePacket(data: Uint8Array, maxSize: number, newSequence: boolean): number {
    const out = this.scratch;
    let header = (this.sent > 0 ? CONTINUES : 0) | (newSequence ? NEW_SEQUENCE : 0);
    // First how many elements fit, as if each had its length: the last of up to three is written without.
    let room = maxSize - 1;
    let whole = 0;
    let next = this.index;
    for (let sent = this.sent; next < this.count; next++, sent = 0) {
      const length = this.elementLength(data, next) - sent;
      const cost = leb128Length(length) + length;
      if (cost > room) break;
      room -= cost;
      whole++;
    }
    // Of the next OBU what has room; a scrap is not worth a fragment.
    const part = next < this.count && (whole === 0 || room >= 16) ? room - leb128Length(room) : 0;
    const elements = whole + (part > 0 ? 1 : 0);
    if (elements <= MAX_COUNTED) header |= elements << 4;
    if (part > 0) header |= CONTINUED;
    out[0] = header;
    let at = 1;
    for (let i = 0; i < elements; i++) {
      const isPart = i === whole;
      const length = isPart ? part : this.elementLength(data, this.index) - this.sent;
      if (elements > MAX_COUNTED || i < elements - 1) at = writeLeb128(out, at, length);
      at = this.writeElement(data, at, length);
      if (isPart) this.sent += length;
      else {
        this.index++;
        this.sent = 0;
      }
    }
    return at;
  }

  /** Copies `length` bytes of the OBU `index` as an element, from byte `sent` of it on. */
  private writeElement(data: Uint8Array, from: number, length: number): number {
    const { scratch: out, index } = this;
    const headerLength = this.headerLength(data, index);
    const start = this.starts[index]!;
    let at = from;
    let position = this.sent;
    const end = position + length;
    for (; position < headerLength && position < end; position++) {
      out[at++] = position === 0 ? data[start]! & ~HAS_SIZE : data[start + position]!;
    }
    const content = this.contents[index]! - headerLength;
    out.set(data.subarray(content + position, content + end), at);
    return at + end - position;
  }
}

class Av1Depacketizer implements Depacketizer {
  private readonly info = new PayloadInfo();
  private out = new Uint8Array(16384);
  private length = 0;
  /** An OBU of which not all fragments are there yet. */
  private pending = new Uint8Array(4096);
  private pendingLength = 0;

  inspect(payload: Uint8Array): PayloadInfo | undefined {
    const { info } = this;
    if (!reader.open(payload)) return undefined;
    info.reset();
    info.headerLength = 1;
    const flags = payload[0]!;
    info.startOfFrame = (flags & CONTINUES) === 0;
    info.keyFrame = info.certainStart = (flags & NEW_SEQUENCE) !== 0;
    for (let i = 0, more = reader.next(); more !== 0; i++, more = reader.next()) {
      if (more < 0) return undefined;
      if (i === 0 && !info.startOfFrame) continue;
      this.describe(payload, reader.start, reader.end, i === 0);
    }
    info.intraPicture = info.keyFrame;
    return info;
  }

  private describe(payload: Uint8Array, start: number, end: number, first: boolean): void {
    const { info } = this;
    const header = payload[start]!;
    const type = typeOf(header);
    if (first && (type === SEQUENCE_HEADER || type === TEMPORAL_DELIMITER)) info.certainStart = true;
    if ((header & HAS_EXTENSION) !== 0 && start + 1 < end && info.temporalIndex < 0) {
      info.temporalIndex = payload[start + 1]! >> 5;
      info.spatialIndex = (payload[start + 1]! >> 3) & 3;
    }
    if (type !== SEQUENCE_HEADER) return;
    info.keyFrame = true;
    const content = contentOf(payload, start, end);
    if (content >= 0) parseAv1SequenceHeader(payload, content, end, info);
  }

  assemble(payloads: readonly Uint8Array[], count: number): Uint8Array | undefined {
    this.length = 0;
    this.pendingLength = 0;
    let open = false;
    for (let i = 0; i < count; i++) {
      const payload = payloads[i]!;
      if (!reader.open(payload) || ((payload[0]! & CONTINUES) !== 0) !== open) return undefined;
      const goesOn = (payload[0]! & CONTINUED) !== 0;
      let more = reader.next();
      if (more === 0) return undefined;
      for (; more !== 0; more = reader.next()) {
        if (more < 0) return undefined;
        const { start, end } = reader;
        const isOpen = goesOn && reader.isLast;
        if (open || isOpen) this.append(payload, start, end);
        if (isOpen) open = true;
        else {
          const done = open ? this.writeObu(this.pending, 0, this.pendingLength) : this.writeObu(payload, start, end);
          if (!done) return undefined;
          this.pendingLength = 0;
          open = false;
        }
      }
    }
    return open || this.length === 0 ? undefined : this.out.slice(0, this.length);
  }

  private append(data: Uint8Array, start: number, end: number): void {
    const need = this.pendingLength + end - start;
    if (need > this.pending.length) {
      const grown = new Uint8Array(Math.max(need, this.pending.length * 2));
      grown.set(this.pending.subarray(0, this.pendingLength));
      this.pending = grown;
    }
    this.pending.set(data.subarray(start, end), this.pendingLength);
    this.pendingLength = need;
  }

  /** Adds an element to the stream, with a size. */
  private writeObu(data: Uint8Array, start: number, end: number): boolean {
    const content = contentOf(data, start, end);
    if (content < 0) return false;
    const header = data[start]!;
    if (isLeftOut(header)) return true;
    const size = end - content;
    const need = this.length + size + 10;
    if (need > this.out.length) {
      const grown = new Uint8Array(Math.max(need, this.out.length * 2));
      grown.set(this.out.subarray(0, this.length));
      this.out = grown;
    }
    let at = this.length;
    this.out[at++] = header | HAS_SIZE;
    if ((header & HAS_EXTENSION) !== 0) this.out[at++] = data[start + 1]!;
    at = writeLeb128(this.out, at, size);
    this.out.set(data.subarray(content, end), at);
    this.length = at + size;
    return true;
  }
}

/** A coded video sequence begins, or a sequence header is in the payload. */
function isKeyFrame(payload: Uint8Array): boolean {
  if (!reader.open(payload)) return false;
  const flags = payload[0]!;
  if ((flags & NEW_SEQUENCE) !== 0) return true;
  for (let i = 0, more = reader.next(); more > 0; i++, more = reader.next()) {
    const continues = i === 0 && (flags & CONTINUES) !== 0;
    if (!continues && typeOf(payload[reader.start]!) === SEQUENCE_HEADER) return true;
  }
  return false;
}

export const av1Format: PayloadFormat = {
  mimeType: "video/AV1",
  kind: "video",
  packetIsFrame: false,
  hasKeyFrames: true,
  createPacketizer: () => new Av1Packetizer(),
  createDepacketizer: () => new Av1Depacketizer(),
  isKeyFrame,
  renumber: null,
  frameDuration: () => 0,
  samplesPerTick: 1,
};
