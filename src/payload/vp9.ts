// VP9 in RTP (RFC 9628): flexible and non-flexible mode, temporal and spatial layers, scalability structure. Not the codec.
import {
  type Depacketizer,
  type EmitPayload,
  type Packetizer,
  type PacketizerOptions,
  type PayloadFormat,
  type PayloadFrame,
  PayloadInfo,
} from "./types.js";
import { writePictureId } from "./vp8.js";
import { parseVp9KeyFrame } from "./vp9-header.js";

// First byte of the descriptor (RFC 9628 §4.2).
const HAS_PICTURE_ID = 0x80; // I
const INTER_PREDICTED = 0x40; // P
const HAS_LAYERS = 0x20; // L
const FLEXIBLE = 0x10; // F
const BEGIN = 0x08; // B
const END = 0x04; // E
const HAS_STRUCTURE = 0x02; // V
const NOT_FOR_UPPER = 0x01; // Z

const MAX_REFERENCES = 3;
const MAX_SPATIAL_LAYERS = 8;
/** In smaller packets the descriptor (15 bytes at most) would leave little room. */
const MIN_SIZE = 32;

const skipped = new PayloadInfo();

/** Fills `info` from the descriptor; false if it is malformed or nothing follows it. */
export function parseVp9Descriptor(payload: Uint8Array, info: PayloadInfo): boolean {
  const end = payload.length;
  if (end < 2) return false;
  info.reset();
  const first = payload[0]!;
  let at = 1;
  info.flexibleMode = (first & FLEXIBLE) !== 0;
  info.startOfLayerFrame = (first & BEGIN) !== 0;
  info.endOfLayerFrame = (first & END) !== 0;
  info.intraPicture = (first & INTER_PREDICTED) === 0;
  if ((first & HAS_PICTURE_ID) !== 0) {
    info.pictureIdOffset = at;
    const high = payload[at++]!;
    if (high >= 0x80) {
      if (at >= end) return false;
      info.pictureId = ((high & 0x7f) << 8) | payload[at++]!;
      info.pictureIdBits = 15;
    } else {
      info.pictureId = high;
      info.pictureIdBits = 7;
    }
  } else if (info.flexibleMode) return false; // References are differences of picture numbers.
  if ((first & HAS_LAYERS) !== 0) {
    if (at >= end) return false;
    const layers = payload[at++]!;
    info.temporalIndex = layers >> 5;
    info.layerSync = (layers & 0x10) !== 0;
    info.spatialIndex = (layers >> 1) & 7;
    info.interLayerPredicted = (layers & 1) !== 0;
    if (!info.flexibleMode) {
      if (at >= end) return false;
      info.tl0PictureIndex = payload[at++]!;
    }
  }
  if (info.flexibleMode && !info.intraPicture) {
    for (let i = 0; ; i++) {
      if (i === MAX_REFERENCES || at >= end) return false;
      if ((payload[at++]! & 1) === 0) break; // N: no more follow
    }
  }
  if ((first & HAS_STRUCTURE) !== 0) {
    at = parseStructure(payload, at, info);
    if (at < 0) return false;
  }
  info.headerLength = at;
  const base = info.spatialIndex <= 0;
  if (info.startOfLayerFrame) {
    info.certainStart = base;
    info.startOfFrame = base || !info.interLayerPredicted;
    info.keyFrame = base && info.intraPicture;
  }
  return at < end;
}

/** Scalability structure (RFC 9628 §4.2.1). Returns where it ends, or -1. */
function parseStructure(payload: Uint8Array, from: number, info: PayloadInfo): number {
  const end = payload.length;
  let at = from;
  if (at >= end) return -1;
  const flags = payload[at++]!;
  const layers = (flags >> 5) + 1;
  info.spatialLayers = layers;
  if ((flags & 0x10) !== 0) {
    if (at + 4 * layers > end) return -1;
    for (let i = 0; i < layers; i++, at += 4) {
      info.width = Math.max(info.width, (payload[at]! << 8) | payload[at + 1]!);
      info.height = Math.max(info.height, (payload[at + 2]! << 8) | payload[at + 3]!);
    }
  }
  if ((flags & 0x08) !== 0) {
    if (at >= end) return -1;
    for (let pictures = payload[at++]!; pictures > 0; pictures--) {
      if (at >= end) return -1;
      at += 1 + ((payload[at]! >> 2) & 3);
    }
    if (at > end) return -1;
  }
  return at;
}

class Vp9Packetizer implements Packetizer {
  private pictureId: number;
  /** Whether the stream is written in flexible mode: may change at key frames only. */
  private flexible = false;
  private begun = false;
  /** Within a picture whose lowest layer was a key frame. */
  private keyPicture = false;
  /** Distance from the last picture of each [spatial, temporal] layer, 0 if there was none. */
  private readonly ages = new Int32Array(MAX_SPATIAL_LAYERS * 8);
  private readonly size = { width: 0, height: 0 };
  private readonly diffs = new Int32Array(MAX_REFERENCES);
  private scratch = new Uint8Array(1500);

  constructor(options: PacketizerOptions) {
    this.pictureId = (options.pictureId ?? 0) & 0x7fff;
  }

  packetize(frame: PayloadFrame, maxSize: number, emit: EmitPayload): boolean {
    const { data } = frame;
    const spatial = frame.spatialIndex ?? 0;
    const temporal = frame.temporalIndex ?? 0;
    if (data.length === 0 || maxSize < MIN_SIZE || spatial > 7 || temporal > 7) return false;
    if (spatial < 0 || temporal < 0) return false;
    const layered = frame.spatialIndex !== undefined || frame.temporalIndex !== undefined;
    if (spatial === 0) {
      this.keyPicture = frame.keyFrame;
      if (frame.keyFrame || !this.begun) {
        // With layers every reference is told: nothing is known here of a fixed pattern.
        this.flexible = layered || frame.referenceDiffs !== undefined;
        this.ages.fill(0);
      }
      this.begun = true;
    }
    if (frame.pictureId !== undefined) this.pictureId = frame.pictureId & 0x7fff;
    if (this.scratch.length < maxSize) this.scratch = new Uint8Array(maxSize);
    const out = this.scratch;
    const firstHeader = this.writeDescriptor(frame, layered, spatial, temporal);
    const laterHeader = (out[0]! & HAS_STRUCTURE) !== 0 ? this.headerWithoutStructure : firstHeader;

    // As many packets as the first one's longer descriptor needs, of nearly one size.
    const total = data.length + firstHeader - laterHeader;
    const pieces = Math.ceil(total / (maxSize - laterHeader));
    const isEnd = frame.endOfPicture ?? true;
    const flags = out[0]!;
    for (let i = 0, from = 0; i < pieces; i++) {
      const last = i === pieces - 1;
      const header = i === 0 ? firstHeader : laterHeader;
      const to = Math.max(from, Math.floor((total * (i + 1)) / pieces) - (firstHeader - laterHeader));
      out[0] = i === 0 ? flags : flags & ~(BEGIN | HAS_STRUCTURE);
      if (last) out[0]! |= END;
      out.set(data.subarray(from, to), header);
      emit(out.subarray(0, header + to - from), last && isEnd);
      from = to;
    }
    this.ages[spatial * 8 + temporal] = 1;
    if (isEnd) this.nextPicture();
    return true;
  }

  private nextPicture(): void {
    this.pictureId = (this.pictureId + 1) & 0x7fff;
    const { ages } = this;
    for (let i = 0; i < ages.length; i++) if (ages[i]! > 0) ages[i]!++;
  }

  private headerWithoutStructure = 0;

  private writeDescriptor(frame: PayloadFrame, layered: boolean, spatial: number, temporal: number): number {
    const { scratch: out, flexible } = this;
    const layerKey = frame.keyFrame || (spatial > 0 && this.keyPicture);
    const references = flexible && !layerKey ? this.collectReferences(frame, spatial, temporal) : 0;
    // In flexible mode P means that references are listed.
    const predicted = flexible ? references > 0 : !layerKey;
    let flags = HAS_PICTURE_ID | BEGIN;
    if (predicted) flags |= INTER_PREDICTED;
    if (flexible) flags |= FLEXIBLE;
    if (frame.spatialLayers !== undefined && spatial === frame.spatialLayers - 1) flags |= NOT_FOR_UPPER;
    out[1] = 0x80 | (this.pictureId >> 8);
    out[2] = this.pictureId;
    let at = 3;
    if (layered && flexible) {
      flags |= HAS_LAYERS;
      const fromBelow = frame.interLayerPredicted ?? spatial > 0;
      out[at++] = (temporal << 5) | (frame.layerSync ? 0x10 : 0) | (spatial << 1) | (fromBelow ? 1 : 0);
    }
    for (let i = 0; i < references; i++) out[at++] = (this.diffs[i]! << 1) | (i < references - 1 ? 1 : 0);
    this.headerWithoutStructure = at;
    if (frame.keyFrame && spatial === 0) {
      flags |= HAS_STRUCTURE;
      at = this.writeStructure(frame, at);
    }
    out[0] = flags;
    return at;
  }

  private collectReferences(frame: PayloadFrame, spatial: number, temporal: number): number {
    const { diffs } = this;
    let count = 0;
    if (frame.referenceDiffs !== undefined) {
      for (const diff of frame.referenceDiffs) {
        if (count < MAX_REFERENCES && diff >= 1 && diff <= 127) diffs[count++] = diff;
      }
      return count;
    }
    // Nobody said: the last picture of a lower temporal layer, or of this one if it is the lowest.
    let nearest = 0;
    for (let t = 0; t <= Math.max(0, temporal - 1); t++) {
      const age = this.ages[spatial * 8 + t]!;
      if (age > 0 && (nearest === 0 || age < nearest)) nearest = age;
    }
    diffs[0] = Math.min(Math.max(nearest - 1, 1), 127);
    return 1;
  }

  private writeStructure(frame: PayloadFrame, from: number): number {
    const { scratch: out, size } = this;
    const layers = Math.min(Math.max(frame.spatialLayers ?? 1, 1), MAX_SPATIAL_LAYERS);
    let at = from + 1;
    let flags = (layers - 1) << 5;
    size.width = frame.width ?? 0;
    size.height = frame.height ?? 0;
    const known = layers === 1 && (parseVp9KeyFrame(frame.data, 0, size) || (size.width > 0 && size.height > 0));
    if (known) {
      flags |= 0x10;
      out[at++] = size.width >> 8;
      out[at++] = size.width;
      out[at++] = size.height >> 8;
      out[at++] = size.height;
    }
    if (!this.flexible) {
      // One picture after another, each predicted from the one before.
      flags |= 0x08;
      out[at++] = 1;
      out[at++] = 1 << 2;
      out[at++] = 1;
    }
    out[from] = flags;
    return at;
  }
}

class Vp9Depacketizer implements Depacketizer {
  private readonly info = new PayloadInfo();

  inspect(payload: Uint8Array): PayloadInfo | undefined {
    const { info } = this;
    if (!parseVp9Descriptor(payload, info)) return undefined;
    if (info.keyFrame && info.width === 0) parseVp9KeyFrame(payload, info.headerLength, info);
    return info;
  }

  assemble(payloads: readonly Uint8Array[], count: number): Uint8Array | undefined {
    const { info } = this;
    let length = 0;
    let inLayer = false;
    let layer = -1;
    let pictureId = -1;
    for (let i = 0; i < count; i++) {
      if (!parseVp9Descriptor(payloads[i]!, info)) return undefined;
      const spatial = Math.max(info.spatialIndex, 0);
      if (i === 0) {
        if (!info.startOfFrame) return undefined;
        pictureId = info.pictureId;
      }
      // Each layer from its beginning to its end, from low to high, all of one picture.
      if (info.startOfLayerFrame === inLayer || info.pictureId !== pictureId) return undefined;
      if (info.startOfLayerFrame ? spatial <= layer : spatial !== layer) return undefined;
      layer = spatial;
      inLayer = !info.endOfLayerFrame;
      length += payloads[i]!.length - info.headerLength;
    }
    if (inLayer || length === 0) return undefined;
    const out = new Uint8Array(length);
    let at = 0;
    for (let i = 0; i < count; i++) {
      parseVp9Descriptor(payloads[i]!, info);
      out.set(payloads[i]!.subarray(info.headerLength), at);
      at += payloads[i]!.length - info.headerLength;
    }
    return out;
  }
}

export const vp9Format: PayloadFormat = {
  mimeType: "video/VP9",
  kind: "video",
  packetIsFrame: false,
  hasKeyFrames: true,
  createPacketizer: (options = {}) => new Vp9Packetizer(options),
  createDepacketizer: () => new Vp9Depacketizer(),
  isKeyFrame: (payload) => parseVp9Descriptor(payload, skipped) && skipped.keyFrame,
  mayBeKeyFrame: (data, at, length) => length > 0 && (data[at]! & (INTER_PREDICTED | BEGIN)) === BEGIN,
  renumber(data, at, pictureId, tl0PictureIndex) {
    const flags = data[at]!;
    const next = (flags & HAS_PICTURE_ID) !== 0 ? writePictureId(data, at + 1, pictureId) : at + 1;
    if ((flags & (HAS_LAYERS | FLEXIBLE)) === HAS_LAYERS) data[next + 1] = tl0PictureIndex;
  },
  frameDuration: () => 0,
  samplesPerTick: 1,
};
