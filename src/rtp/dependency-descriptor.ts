// The dependency descriptor (AOM "RTP Payload Format for AV1", v1.0.0, appendix A), a header extension: of a packet, its frame's number
// and layer; of a key frame, which layer each template stands for. Chains, decode targets and references are not read.
import { readU16, writeU16 } from "./bytes.js";

const MANDATORY_LENGTH = 3;
const MAX_TEMPLATES = 64;
const MAX_SPATIAL_LAYERS = 4;
const MAX_TEMPORAL_LAYERS = 8;

/** Reads the descriptors of one stream; the structure of a key frame is kept for the packets after it. */
export class DependencyDescriptorReader {
  startOfFrame = false;
  endOfFrame = false;
  frameNumber = 0;
  /** -1 if the structure is not known. */
  spatialIndex = -1;
  temporalIndex = -1;
  /** The packet brought a structure: it begins a key frame. */
  hasStructure = false;
  private templateOffset = 0;
  private templates = 0;
  private readonly spatial = new Uint8Array(MAX_TEMPLATES);
  private readonly temporal = new Uint8Array(MAX_TEMPLATES);

  /** Reads the descriptor of `length` bytes at `data[at]`; false if it is malformed. */
  read(data: Uint8Array, at: number, length: number): boolean {
    if (length < MANDATORY_LENGTH) return false;
    const first = data[at]!;
    this.startOfFrame = (first & 0x80) !== 0;
    this.endOfFrame = (first & 0x40) !== 0;
    this.frameNumber = readU16(data, at + 1);
    this.hasStructure = length > MANDATORY_LENGTH && (data[at + MANDATORY_LENGTH]! & 0x80) !== 0;
    if (this.hasStructure && !this.readStructure(data, at + MANDATORY_LENGTH, at + length)) {
      this.templates = 0;
      return false;
    }
    const template = ((first & 0x3f) - this.templateOffset) & (MAX_TEMPLATES - 1);
    const known = template < this.templates;
    this.spatialIndex = known ? this.spatial[template]! : -1;
    this.temporalIndex = known ? this.temporal[template]! : -1;
    return true;
  }

  /** Five flags, template_id_offset (6 bits), dt_cnt_minus_one (5), then the layers: two bits behind each template. */
  private readStructure(data: Uint8Array, from: number, end: number): boolean {
    if (from + 2 > end) return false;
    this.templateOffset = ((data[from]! & 7) << 3) | (data[from + 1]! >> 5);
    let spatial = 0;
    let temporal = 0;
    let count = 0;
    for (let bit = from * 8 + 16; bit + 2 <= end * 8; bit += 2) {
      if (count === MAX_TEMPLATES) return false;
      this.spatial[count] = spatial;
      this.temporal[count++] = temporal;
      switch ((data[bit >> 3]! >> (6 - (bit & 7))) & 3) {
        case 1:
          temporal++;
          break;
        case 2:
          spatial++;
          temporal = 0;
          break;
        case 3:
          this.templates = count;
          return true;
      }
      if (spatial === MAX_SPATIAL_LAYERS || temporal === MAX_TEMPORAL_LAYERS) return false;
    }
    return false;
  }
}

/** Overwrites the frame number of the descriptor at `data[at]`. */
export function writeFrameNumber(data: Uint8Array, at: number, frameNumber: number): void {
  writeU16(data, at + 1, frameNumber);
}
