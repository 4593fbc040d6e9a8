// RTP payloads of video codecs, written and read independently of Parley: for peers that only carry packets, and to look at what
// came frame by frame. A frame is told by its units: NAL units of H.264 (RFC 6184) and H.265 (RFC 7798), OBUs of AV1, else the whole.
import { createHash } from "node:crypto";

const isNal = (codec) => codec === "H264" || codec === "H265";

/** NAL units of an Annex B stream. */
function splitNals(frame) {
  const starts = [];
  for (let i = 0; i + 3 <= frame.length; i++)
    if (frame[i] === 0 && frame[i + 1] === 0 && frame[i + 2] === 1) starts.push(i + 3);
  return starts.map((start, i) => {
    let end = i + 1 < starts.length ? starts[i + 1] - 3 : frame.length;
    while (end > start && frame[end - 1] === 0) end--;
    return frame.subarray(start, end);
  });
}

function readLeb128(data, at) {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    value += (data[at + i] & 0x7f) * 2 ** (7 * i);
    if (!(data[at + i] & 0x80)) return [value, at + i + 1];
  }
  throw new Error("no LEB128");
}

/** OBUs without their size fields; temporal delimiters are not sent. */
function splitObus(unit) {
  const obus = [];
  for (let at = 0; at < unit.length; ) {
    const header = unit[at];
    const extension = (header & 4) >> 2;
    let begin = at + 1 + extension;
    let size = unit.length - begin;
    if (header & 2) [size, begin] = readLeb128(unit, at + 1 + extension);
    const obu = Buffer.concat([unit.subarray(at, at + 1 + extension), unit.subarray(begin, begin + size)]);
    obu[0] &= ~2;
    if (((header >> 3) & 15) !== 2) obus.push(obu);
    at = begin + size;
  }
  return obus;
}

/** Access unit delimiters say nothing; some payloaders leave them out. */
const isDelimiter = (codec, nal) => (codec === "H264" ? (nal[0] & 31) === 9 : ((nal[0] >> 1) & 63) === 35);

export function unitsOf(codec, frame) {
  const bytes = Buffer.from(frame.buffer ?? frame, frame.byteOffset ?? 0, frame.byteLength ?? frame.length);
  if (isNal(codec)) return splitNals(bytes).filter((nal) => !isDelimiter(codec, nal));
  return codec === "AV1" ? splitObus(bytes) : [bytes];
}

export function identityOf(units) {
  const hash = createHash("sha1");
  for (const unit of units) hash.update(`${unit.length} `).update(unit);
  return hash.digest("base64");
}

function fragment(unit, size, make) {
  const payloads = [];
  for (let at = 0; at < unit.length; at += size)
    payloads.push(make(unit.subarray(at, at + size), at === 0, at + size >= unit.length));
  return payloads;
}

/**
 * Elements with their lengths (W = 0), one OBU behind the other, over as many packets as they take: Chromium takes what does not begin with a
 * fragment for the beginning of a frame. N at the first packet of a key frame.
 */
function packetizeAv1(obus, max, isKey) {
  const packets = [];
  let parts = [];
  let room = max;
  let continues = false;
  const close = (isCut) => {
    packets.push(Buffer.concat([Buffer.of((continues ? 0x80 : 0) | (isCut ? 0x40 : 0)), ...parts]));
    [parts, room, continues] = [[], max, isCut];
  };
  for (const obu of obus) {
    for (let at = 0; at < obu.length; ) {
      if (room < 8) close(at > 0);
      const part = obu.subarray(at, at + room - 3);
      const length = part.length < 128 ? [part.length] : [(part.length & 127) | 128, part.length >> 7];
      parts.push(Buffer.from(length), part);
      room -= part.length + length.length;
      at += part.length;
      if (at < obu.length) close(true);
    }
  }
  close(false);
  if (isKey) packets[0][0] |= 8;
  return packets;
}

/** The payloads of one frame. */
export function packetize(codec, frame, max, { isKey, pictureId }) {
  const id = (pictureId & 0x7fff) | 0x8000;
  switch (codec) {
    case "VP8": // RFC 7741 §4.2: nothing but the start of the first partition.
      return fragment(frame, max, (part, first) => Buffer.concat([Buffer.of(first ? 0x10 : 0), part]));
    case "VP9": // RFC 9628 §4.2: a picture identifier, prediction, begin and end; not the flexible mode, no layers.
      return fragment(frame, max, (part, first, last) =>
        Buffer.concat([
          Buffer.of(0x80 | (isKey ? 0 : 0x40) | (first ? 8 : 0) | (last ? 4 : 0), id >> 8, id & 255),
          part,
        ]),
      );
    case "H264":
      return unitsOf(codec, frame).flatMap((nal) =>
        nal.length <= max
          ? [nal]
          : fragment(nal.subarray(1), max, (part, first, last) =>
              Buffer.concat([
                Buffer.of((nal[0] & 0xe0) | 28, (first ? 0x80 : 0) | (last ? 0x40 : 0) | (nal[0] & 31)),
                part,
              ]),
            ),
      );
    case "H265":
      return unitsOf(codec, frame).flatMap((nal) =>
        nal.length <= max
          ? [nal]
          : fragment(nal.subarray(2), max, (part, first, last) =>
              Buffer.concat([
                Buffer.of(
                  (nal[0] & 0x81) | (49 << 1),
                  nal[1],
                  (first ? 0x80 : 0) | (last ? 0x40 : 0) | ((nal[0] >> 1) & 63),
                ),
                part,
              ]),
            ),
      );
    case "AV1":
      return packetizeAv1(unitsOf(codec, frame), max, isKey);
  }
  return [frame]; // sound
}

function skipVp8(payload) {
  let at = 1;
  if (payload[0] & 0x80) {
    const flags = payload[at++];
    if (flags & 0x80) at += payload[at] & 0x80 ? 2 : 1;
    if (flags & 0x40) at++;
    if (flags & 0x30) at++;
  }
  return at;
}

function skipVp9(payload) {
  const [flags] = payload;
  let at = 1;
  if (flags & 0x80) at += payload[at] & 0x80 ? 2 : 1;
  if (flags & 0x20) at += flags & 0x10 ? 1 : 2;
  if (flags & 0x10 && flags & 0x40) while (payload[at++] & 1);
  if (flags & 2) {
    const structure = payload[at++];
    if (structure & 0x10) at += 4 * ((structure >> 5) + 1);
    if (structure & 8) {
      const pictures = payload[at++];
      for (let i = 0; i < pictures; i++) at += 1 + ((payload[at] >> 2) & 3);
    }
  }
  return at;
}

function nalsOf(codec, payloads) {
  const [aggregation, fragmentation, header] = codec === "H264" ? [24, 28, 1] : [48, 49, 2];
  const typeOf = (payload) => (codec === "H264" ? payload[0] & 31 : (payload[0] >> 1) & 63);
  const nals = [];
  let parts;
  for (const payload of payloads) {
    const type = typeOf(payload);
    if (type === aggregation) {
      for (let at = header; at + 2 < payload.length; ) {
        const size = payload.readUInt16BE(at);
        nals.push(payload.subarray(at + 2, at + 2 + size));
        at += 2 + size;
      }
    } else if (type === fragmentation) {
      const flags = payload[header];
      const first =
        codec === "H264"
          ? Buffer.of((payload[0] & 0xe0) | (flags & 31))
          : Buffer.of((payload[0] & 0x81) | ((flags & 63) << 1), payload[1]);
      if (flags & 0x80) parts = [first];
      parts?.push(payload.subarray(header + 1));
      if (flags & 0x40 && parts) nals.push(Buffer.concat(parts));
    } else nals.push(payload);
  }
  return nals.filter((nal) => !isDelimiter(codec, nal));
}

function obusOf(payloads) {
  const obus = [];
  let open = [];
  for (const payload of payloads) {
    const [flags] = payload;
    const count = (flags >> 4) & 3;
    const elements = [];
    for (let at = 1; at < payload.length; ) {
      let size = payload.length - at;
      if (count === 0 || elements.length < count - 1) [size, at] = readLeb128(payload, at);
      elements.push(payload.subarray(at, at + size));
      at += size;
    }
    elements.forEach((element, i) => {
      if (i > 0 || !(flags & 0x80)) open = [];
      open.push(element);
      if (i < elements.length - 1 || !(flags & 0x40)) obus.push(...splitObus(Buffer.concat(open)));
    });
  }
  return obus;
}

/** The units of one frame out of its payloads, in order. */
export function unitsOfPayloads(codec, payloads) {
  if (isNal(codec)) return nalsOf(codec, payloads);
  if (codec === "AV1") return obusOf(payloads);
  const skip = codec === "VP8" ? skipVp8 : codec === "VP9" ? skipVp9 : () => 0;
  return [Buffer.concat(payloads.map((payload) => payload.subarray(skip(payload))))];
}

/** Puts packets (see parseRtp) in order and frames together; one with a packet missing after `patience` more is left out. */
export class FrameCollector {
  #codec;
  #patience;
  #packets = new Map();
  #next;
  #highest = 0;
  #parts = [];
  #whole = true;

  constructor(codec, patience = 60) {
    this.#codec = codec;
    this.#patience = patience;
  }

  /** The frames that are whole now: { units, timestamp }. */
  push({ sequenceNumber, marker, timestamp, payload }) {
    if (payload.length === 0) return [];
    this.#next ??= sequenceNumber;
    const distance = ((sequenceNumber - this.#next) << 16) >> 16;
    if (distance < 0) return [];
    this.#highest = Math.max(this.#highest, this.#next + distance);
    this.#packets.set(this.#next + distance, { marker, timestamp, payload });
    const frames = [];
    for (;;) {
      const packet = this.#packets.get(this.#next);
      if (!packet) {
        if (this.#highest - this.#next <= this.#patience) return frames;
        this.#whole = false;
        this.#next++;
        continue;
      }
      this.#packets.delete(this.#next++);
      this.#parts.push(packet.payload);
      if (!packet.marker) continue;
      if (this.#whole) frames.push({ units: unitsOfPayloads(this.#codec, this.#parts), timestamp: packet.timestamp });
      this.#parts = [];
      this.#whole = true;
    }
  }
}
