// The dependency descriptor (AOM "RTP Payload Format for AV1", v1.0.0, appendix A), a header extension: of a packet, its frame's number
// and layer, and to which layers one can go up with it; of a key frame, what its templates stand for. References between frames,
// chains and resolutions are not read.
import { readU16, writeU16 } from "./bytes.js";

const MANDATORY_LENGTH = 3;
// The flags behind the mandatory fields (A.8.2, extended_descriptor_fields).
const HAS_STRUCTURE = 0x80;
const HAS_ACTIVE_TARGETS = 0x40;
const HAS_CUSTOM_DTIS = 0x20;
const FLAG_BITS = 5;

const MAX_TEMPLATES = 64;
const MAX_TARGETS = 32;
const MAX_SPATIAL_LAYERS = 4;
const MAX_TEMPORAL_LAYERS = 8;
/** Decode target indications (A.4): the frame is no part of the target; from here on the target can be switched to. */
const NOT_PRESENT = 0;
const SWITCH = 2;

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
  /** For each spatial layer, bit n: who has taken this frame can take temporal layer n from here on. */
  readonly switches: Uint8Array = new Uint8Array(MAX_SPATIAL_LAYERS);

  private templateOffset = 0;
  private templates = 0;
  private readonly spatial = new Uint8Array(MAX_TEMPLATES);
  private readonly temporal = new Uint8Array(MAX_TEMPLATES);
  private targets = 0;
  private readonly targetSpatial = new Uint8Array(MAX_TARGETS);
  private readonly targetTemporal = new Uint8Array(MAX_TARGETS);
  /** Indications of each template for each target. */
  private readonly indications = new Uint8Array(MAX_TEMPLATES * MAX_TARGETS);

  /** Reads the descriptor of `length` bytes at `data[at]`; false if it is malformed. */
  read(data: Uint8Array, at: number, length: number): boolean {
    if (length < MANDATORY_LENGTH) return false;
    const first = data[at]!;
    this.startOfFrame = (first & 0x80) !== 0;
    this.endOfFrame = (first & 0x40) !== 0;
    this.frameNumber = readU16(data, at + 1);
    const flags = length > MANDATORY_LENGTH ? data[at + MANDATORY_LENGTH]! : 0;
    const from = (at + MANDATORY_LENGTH) * 8 + FLAG_BITS;
    const end = (at + length) * 8;
    this.hasStructure = (flags & HAS_STRUCTURE) !== 0;
    if (this.hasStructure && !this.readStructure(data, from, end)) {
      this.templates = 0;
      return false;
    }
    const template = ((first & 0x3f) - this.templateOffset) & (MAX_TEMPLATES - 1);
    this.switches.fill(0);
    if (template >= this.templates) {
      this.spatialIndex = this.temporalIndex = -1;
      return true;
    }
    this.spatialIndex = this.spatial[template]!;
    this.temporalIndex = this.temporal[template]!;
    // Behind a structure they are not looked for: a key frame is a place to switch anyway.
    const custom = (flags & HAS_CUSTOM_DTIS) !== 0 && !this.hasStructure;
    const dtis = from + ((flags & HAS_ACTIVE_TARGETS) !== 0 ? this.targets : 0);
    if (custom && dtis + 2 * this.targets > end) return false;
    for (let target = 0; target < this.targets; target++) {
      const own = custom ? bits2(data, dtis + 2 * target) : this.indications[template * MAX_TARGETS + target]!;
      if (own === SWITCH) this.switches[this.targetSpatial[target]!]! |= 1 << this.targetTemporal[target]!;
    }
    return true;
  }

  /** template_dependency_structure() up to the indications (A.8.3). Positions are in bits. */
  private readStructure(data: Uint8Array, from: number, end: number): boolean {
    if (from + 11 > end) return false;
    this.templateOffset = bits(data, from, 6);
    this.targets = bits(data, from + 6, 5) + 1;
    const at = this.readLayers(data, from + 11, end);
    if (at < 0 || at + 2 * this.templates * this.targets > end) return false;
    for (let target = 0; target < this.targets; target++) {
      let spatial = 0;
      let temporal = 0;
      for (let template = 0; template < this.templates; template++) {
        const indication = bits2(data, at + 2 * (template * this.targets + target));
        this.indications[template * MAX_TARGETS + target] = indication;
        if (indication === NOT_PRESENT) continue;
        // A target is named after the highest layers that are part of it (A.8.3, decode_target_layers).
        spatial = Math.max(spatial, this.spatial[template]!);
        temporal = Math.max(temporal, this.temporal[template]!);
      }
      this.targetSpatial[target] = spatial;
      this.targetTemporal[target] = temporal;
    }
    return true;
  }

  /** template_layers(): behind each template two bits that say what the next one is. Returns where they end, or -1. */
  private readLayers(data: Uint8Array, from: number, end: number): number {
    let spatial = 0;
    let temporal = 0;
    let count = 0;
    for (let at = from; at + 2 <= end; at += 2) {
      if (count === MAX_TEMPLATES) return -1;
      this.spatial[count] = spatial;
      this.temporal[count++] = temporal;
      switch (bits2(data, at)) {
        case 1:
          temporal++;
          break;
        case 2:
          spatial++;
          temporal = 0;
          break;
        case 3:
          this.templates = count;
          return at + 2;
      }
      if (spatial === MAX_SPATIAL_LAYERS || temporal === MAX_TEMPORAL_LAYERS) return -1;
    }
    return -1;
  }
}

function bits(data: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) value = (value << 1) | ((data[i >> 3]! >> (7 - (i & 7))) & 1);
  return value;
}

function bits2(data: Uint8Array, at: number): number {
  return bits(data, at, 2);
}

/** Overwrites the frame number of the descriptor at `data[at]`. */
export function writeFrameNumber(data: Uint8Array, at: number, frameNumber: number): void {
  writeU16(data, at + 1, frameNumber);
}
