// VP8 in RTP (RFC 7741): payload descriptor, key frames and their size, temporal layers. Not the codec (RFC 6386).
import {
  type Depacketizer,
  type EmitPayload,
  type Packetizer,
  type PacketizerOptions,
  type PayloadFormat,
  type PayloadFrame,
  PayloadInfo,
} from "./types.js";

// First byte of the descriptor (RFC 7741 §4.2).
const EXTENDED = 0x80; // X
const NON_REFERENCE = 0x20; // N
const START = 0x10; // S
const PARTITION = 0x07; // PID
// Its extension byte.
const HAS_PICTURE_ID = 0x80; // I
const HAS_TL0PICIDX = 0x40; // L
const HAS_TID = 0x20; // T
const HAS_KEYIDX = 0x10; // K

/** The longest descriptor: two flag bytes, two of PictureID, TL0PICIDX, TID/KEYIDX. */
const MAX_DESCRIPTOR = 6;
/** VP8 frame header of a key frame: tag, start code, sizes (RFC 6386 §9.1). */
const KEY_FRAME_HEADER = 10;

/** Length of the descriptor of the payload `data[at, at + size)`, or 0 if it is cut off or nothing follows it. */
export function vp8DescriptorLength(data: Uint8Array, at = 0, size: number = data.length): number {
  if (size < 2) return 0;
  let length = 1;
  if ((data[at]! & EXTENDED) !== 0) {
    const flags = data[at + 1]!;
    length = 2;
    if ((flags & HAS_PICTURE_ID) !== 0) length += length < size && data[at + length]! >= 0x80 ? 2 : 1;
    if ((flags & HAS_TL0PICIDX) !== 0) length++;
    if ((flags & (HAS_TID | HAS_KEYIDX)) !== 0) length++;
  }
  return length < size ? length : 0;
}

function beginsFrame(data: Uint8Array, at = 0): boolean {
  return (data[at]! & (START | PARTITION)) === START;
}

/** Whether a key frame begins with the payload `data[at, at + size)`. */
function beginsKeyFrame(data: Uint8Array, at: number, size: number): boolean {
  const length = vp8DescriptorLength(data, at, size);
  return length > 0 && beginsFrame(data, at) && (data[at + length]! & 1) === 0;
}

/** Fills `info`; false if the payload is malformed. */
export function inspectVp8(payload: Uint8Array, info: PayloadInfo): boolean {
  const length = vp8DescriptorLength(payload);
  if (length === 0) return false;
  info.reset();
  info.headerLength = length;
  const first = payload[0]!;
  info.discardable = (first & NON_REFERENCE) !== 0;
  if ((first & EXTENDED) !== 0) {
    const flags = payload[1]!;
    let at = 2;
    if ((flags & HAS_PICTURE_ID) !== 0) {
      info.pictureIdOffset = at;
      const high = payload[at++]!;
      info.pictureIdBits = high >= 0x80 ? 15 : 7;
      info.pictureId = high >= 0x80 ? ((high & 0x7f) << 8) | payload[at++]! : high;
    }
    if ((flags & HAS_TL0PICIDX) !== 0) info.tl0PictureIndex = payload[at++]!;
    if ((flags & HAS_TID) !== 0) {
      info.temporalIndex = payload[at]! >> 6;
      info.layerSync = (payload[at]! & 0x20) !== 0;
    }
    if ((flags & HAS_KEYIDX) !== 0) info.keyIndex = payload[at]! & 0x1f;
  }
  if (beginsFrame(payload)) {
    info.startOfFrame = true;
    info.certainStart = true;
    // P of the frame tag: 0 is a key frame (RFC 6386 §9.1).
    info.keyFrame = (payload[length]! & 1) === 0;
    info.intraPicture = info.keyFrame;
    if (info.keyFrame && payload.length >= length + KEY_FRAME_HEADER && hasStartCode(payload, length + 3)) {
      info.width = payload[length + 6]! | ((payload[length + 7]! & 0x3f) << 8);
      info.height = payload[length + 8]! | ((payload[length + 9]! & 0x3f) << 8);
    }
  }
  return true;
}

/** Overwrites a PictureID, of 7 or 15 bits as it was; returns where it ends. */
export function writePictureId(data: Uint8Array, at: number, pictureId: number): number {
  if (data[at]! < 0x80) {
    data[at] = pictureId & 0x7f;
    return at + 1;
  }
  data[at] = 0x80 | (pictureId >> 8);
  data[at + 1] = pictureId;
  return at + 2;
}

function hasStartCode(data: Uint8Array, at: number): boolean {
  return data[at] === 0x9d && data[at + 1] === 0x01 && data[at + 2] === 0x2a;
}

class Vp8Packetizer implements Packetizer {
  private nextPictureId: number;
  private tl0PictureIndex = 0;
  private scratch = new Uint8Array(1500);

  constructor(options: PacketizerOptions) {
    this.nextPictureId = (options.pictureId ?? 0) & 0x7fff;
  }

  packetize(frame: PayloadFrame, maxSize: number, emit: EmitPayload): boolean {
    const { data, temporalIndex } = frame;
    if (data.length === 0 || maxSize <= MAX_DESCRIPTOR) return false;
    if (this.scratch.length < maxSize) this.scratch = new Uint8Array(maxSize);
    const out = this.scratch;
    const pictureId = (frame.pictureId ?? this.nextPictureId) & 0x7fff;
    this.nextPictureId = (pictureId + 1) & 0x7fff;

    out[0] = EXTENDED | START | (frame.discardable ? NON_REFERENCE : 0);
    out[1] = HAS_PICTURE_ID;
    // Always the long form: a receiver takes the length of the number from the first packet (RFC 7741 §4.2).
    out[2] = 0x80 | (pictureId >> 8);
    out[3] = pictureId;
    let header = 4;
    if (temporalIndex !== undefined) {
      if (frame.tl0PictureIndex !== undefined) this.tl0PictureIndex = frame.tl0PictureIndex & 0xff;
      else if (temporalIndex === 0) this.tl0PictureIndex = (this.tl0PictureIndex + 1) & 0xff;
      out[1] = HAS_PICTURE_ID | HAS_TL0PICIDX | HAS_TID;
      out[4] = this.tl0PictureIndex;
      out[5] = ((temporalIndex & 3) << 6) | (frame.layerSync ? 0x20 : 0);
      header = 6;
    }
    // Pieces of nearly the same size: a small last packet would be lost as easily as a large one.
    const pieces = Math.ceil(data.length / (maxSize - header));
    for (let i = 0, from = 0; i < pieces; i++) {
      const to = Math.floor((data.length * (i + 1)) / pieces);
      if (i > 0) out[0]! &= ~START;
      out.set(data.subarray(from, to), header);
      emit(out.subarray(0, header + to - from), i === pieces - 1);
      from = to;
    }
    return true;
  }
}

class Vp8Depacketizer implements Depacketizer {
  private readonly info = new PayloadInfo();
  private hasSeenStartCode = false;

  /**
   * Frames may be encrypted from end to end: then anything may look like a key frame. In a stream whose key frames show the
   * start code, what lacks it is none; in one where none shows it, the frame tag alone has to do.
   */
  inspect(payload: Uint8Array): PayloadInfo | undefined {
    const { info } = this;
    if (!inspectVp8(payload, info)) return undefined;
    if (info.keyFrame) {
      if (info.width > 0) this.hasSeenStartCode = true;
      else if (this.hasSeenStartCode) info.keyFrame = info.intraPicture = false;
    }
    return info;
  }

  assemble(payloads: readonly Uint8Array[], count: number): Uint8Array | undefined {
    let length = 0;
    for (let i = 0; i < count; i++) {
      const payload = payloads[i]!;
      const header = vp8DescriptorLength(payload);
      // A second beginning would be another frame.
      if (header === 0 || beginsFrame(payload) !== (i === 0)) return undefined;
      length += payload.length - header;
    }
    if (length === 0) return undefined;
    const out = new Uint8Array(length);
    let at = 0;
    for (let i = 0; i < count; i++) {
      const media = payloads[i]!.subarray(vp8DescriptorLength(payloads[i]!));
      out.set(media, at);
      at += media.length;
    }
    return out;
  }
}

export const vp8Format: PayloadFormat = {
  mimeType: "video/VP8",
  kind: "video",
  packetIsFrame: false,
  hasKeyFrames: true,
  createPacketizer: (options = {}) => new Vp8Packetizer(options),
  createDepacketizer: () => new Vp8Depacketizer(),
  isKeyFrame: (payload) => beginsKeyFrame(payload, 0, payload.length),
  mayBeKeyFrame: beginsKeyFrame,
  renumber(data, at, pictureId, tl0PictureIndex) {
    if ((data[at]! & EXTENDED) === 0) return;
    const flags = data[at + 1]!;
    let next = at + 2;
    if ((flags & HAS_PICTURE_ID) !== 0) next = writePictureId(data, next, pictureId);
    if ((flags & HAS_TL0PICIDX) !== 0) data[next] = tl0PictureIndex;
  },
  frameDuration: () => 0,
  samplesPerTick: 1,
};
