// A VP8 encoder (RFC 6386) for pictures of blocks: each macroblock of 16 by 16 pixels has one colour. Key frames predict a
// macroblock by the mean of its neighbours, other frames by the frame before, and the difference is one coefficient a plane,
// so that such a picture is coded exactly (luma) or to within two steps (chroma) with no transform at all. It is no encoder
// for pictures of the world.
import { BoolEncoder } from "./bool-encoder.js";
import {
  CATEGORIES,
  CHROMA_END_PROBABILITIES,
  CHROMA_PROBABILITIES,
  COEFFICIENT_UPDATE_PROBABILITIES,
  LUMA_EMPTY_PROBABILITY,
  MOTION_UPDATE_PROBABILITIES,
  Y2_END_PROBABILITIES,
  Y2_PROBABILITIES,
  ZERO_MOTION_PROBABILITIES,
} from "./vp8-tables.js";

/** Sizes have 14 bits (RFC 6386 §9.1). */
const MAX_SIZE = 16_383;
/**
 * With this quantizer index the step of a DC coefficient is 32 (§14.1): through the transforms one step of Y2's is one step of
 * luma, and one of a chroma block's is four steps of chroma.
 */
export const QUANTIZER_INDEX = 35;
const CHROMA_STEP = 4;
const NO_FILTER = 0;
/** Probability that a macroblock is predicted within its frame: none is, in frames that are not key frames. */
const INTRA_PROBABILITY = 1;

export class Vp8BlockEncoder {
  readonly width: number;
  readonly height: number;
  /** Macroblocks. */
  readonly columns: number;
  readonly rows: number;
  /** The picture to code: a colour for each macroblock, row by row. */
  readonly y: Uint8Array;
  readonly u: Uint8Array;
  readonly v: Uint8Array;

  // What a decoder has after the last frame, and what it will have after this one.
  private last: Planes;
  private next: Planes;
  private hasKeyFrame = false;
  private readonly header = new BoolEncoder();
  private readonly tokens = new BoolEncoder();
  // Differences in units of the coefficients, for each macroblock of the frame.
  private readonly levelY: Int16Array;
  private readonly levelU: Int16Array;
  private readonly levelV: Int16Array;
  // Whether the macroblock above had coefficients, by plane.
  private readonly above: Uint8Array;

  /** Throws a RangeError if a size is not within 1 and 16383. */
  constructor(width: number, height: number) {
    for (const [name, value] of [
      ["width", width],
      ["height", height],
    ] as const) {
      if (!Number.isInteger(value) || value < 1 || value > MAX_SIZE) throw new RangeError(`${name} is ${value}`);
    }
    this.width = width;
    this.height = height;
    this.columns = Math.ceil(width / 16);
    this.rows = Math.ceil(height / 16);
    const count = this.columns * this.rows;
    this.y = new Uint8Array(count).fill(16);
    this.u = new Uint8Array(count).fill(128);
    this.v = new Uint8Array(count).fill(128);
    this.last = new Planes(count);
    this.next = new Planes(count);
    this.levelY = new Int16Array(count);
    this.levelU = new Int16Array(count);
    this.levelV = new Int16Array(count);
    this.above = new Uint8Array(this.columns * 3);
  }

  /**
   * Codes the picture. The first frame is a key frame in any case. No later frame refers to one that is `discardable`.
   */
  encode(keyFrame: boolean, discardable = false): Uint8Array {
    const key = keyFrame || !this.hasKeyFrame;
    this.hasKeyFrame = true;
    let coded = 0;
    for (let i = 0; i < this.levelY.length; i++) if (this.predict(i, key)) coded++;

    this.header.reset();
    this.tokens.reset();
    this.writeHeader(key, discardable && !key);
    const count = this.levelY.length;
    // Probability that a macroblock is not skipped; every frame says which are.
    const codedProbability = Math.min(Math.max(Math.round((256 * coded) / count), 1), 255);
    this.header.bool(128, 1); // mb_no_coeff_skip
    this.header.literal(codedProbability, 8);
    if (!key) {
      this.header.literal(INTRA_PROBABILITY, 8);
      this.header.literal(255, 8); // prob_last: always the last frame
      this.header.literal(128, 8); // prob_golden
      this.header.literal(0, 2); // no new probabilities of intra modes
      for (const probability of MOTION_UPDATE_PROBABILITIES) this.header.bool(probability, 0);
    }
    this.above.fill(0);
    for (let row = 0; row < this.rows; row++) this.writeRow(row, key, codedProbability);
    if (key || !discardable) [this.last, this.next] = [this.next, this.last];
    return this.assemble(key);
  }

  /** Sets the levels of a macroblock, and what a decoder makes of them. True if any is not 0. */
  private predict(i: number, key: boolean): boolean {
    const { last, next } = this;
    const y = key ? this.mean(next.y, i) : last.y[i]!;
    const u = key ? this.mean(next.u, i) : last.u[i]!;
    const v = key ? this.mean(next.v, i) : last.v[i]!;
    const levelY = this.y[i]! - y;
    const levelU = chromaLevel(this.u[i]!, u);
    const levelV = chromaLevel(this.v[i]!, v);
    this.levelY[i] = levelY;
    this.levelU[i] = levelU;
    this.levelV[i] = levelV;
    next.y[i] = y + levelY;
    next.u[i] = u + levelU * CHROMA_STEP;
    next.v[i] = v + levelV * CHROMA_STEP;
    return levelY !== 0 || levelU !== 0 || levelV !== 0;
  }

  /** DC_PRED (§12.2) of a macroblock whose neighbours have one colour each. */
  private mean(plane: Uint8Array, i: number): number {
    const column = i % this.columns;
    if (i < this.columns) return column === 0 ? 128 : plane[i - 1]!;
    const above = plane[i - this.columns]!;
    return column === 0 ? above : (above + plane[i - 1]! + 1) >> 1;
  }

  /** Frame header (§9.3 to §9.11, §19.2) up to the probabilities of coefficients. */
  private writeHeader(key: boolean, discardable: boolean): void {
    const { header } = this;
    if (key) header.literal(0, 2); // colour space, clamping needed
    header.literal(0, 1); // no segments
    header.literal(0, 1); // filter type
    header.literal(NO_FILTER, 6);
    header.literal(0, 3); // sharpness
    header.literal(0, 1); // no filter adjustments
    header.literal(0, 2); // one partition of coefficients
    header.literal(QUANTIZER_INDEX, 7);
    header.literal(0, 5); // the same for all kinds of coefficients
    if (!key) {
      header.literal(0, 2); // golden and alternate frame stay
      header.literal(0, 4); // nor get a copy
      header.literal(0, 2); // sign biases
    }
    header.literal(1, 1); // refresh_entropy_probs
    if (!key) header.literal(discardable ? 0 : 1, 1); // refresh_last
    for (const probability of COEFFICIENT_UPDATE_PROBABILITIES) header.bool(probability, 0);
  }

  private writeRow(row: number, key: boolean, codedProbability: number): void {
    const { header, above } = this;
    let leftY2 = 0;
    let leftU = 0;
    let leftV = 0;
    for (let column = 0; column < this.columns; column++) {
      const i = row * this.columns + column;
      const a = column * 3;
      const levelY = this.levelY[i]!;
      const levelU = this.levelU[i]!;
      const levelV = this.levelV[i]!;
      const skipped = levelY === 0 && levelU === 0 && levelV === 0;
      header.bool(codedProbability, skipped);
      if (key) this.writeIntraMode();
      else this.writeInterMode(row, column);
      if (!skipped) {
        this.writeCoefficient(levelY, Y2_PROBABILITIES[above[a]! + leftY2]!, Y2_END_PROBABILITIES);
        for (let block = 0; block < 16; block++) this.tokens.bool(LUMA_EMPTY_PROBABILITY, 0);
        this.writeChroma(levelU, above[a + 1]!, leftU);
        this.writeChroma(levelV, above[a + 2]!, leftV);
      }
      above[a] = leftY2 = levelY !== 0 ? 1 : 0;
      above[a + 1] = leftU = levelU !== 0 ? 1 : 0;
      above[a + 2] = leftV = levelV !== 0 ? 1 : 0;
    }
  }

  /** DC_PRED for luma and chroma, by the trees and probabilities of key frames (§11.2). */
  private writeIntraMode(): void {
    const { header } = this;
    header.bool(145, 1);
    header.bool(156, 0);
    header.bool(163, 0);
    header.bool(142, 0);
  }

  /** Predicted from the last frame, not moved (§16.2, §16.3). */
  private writeInterMode(row: number, column: number): void {
    const { header } = this;
    header.bool(INTRA_PROBABILITY, 1);
    header.bool(255, 0);
    // Neighbours without motion, above, left and above left, weigh 2, 2 and 1.
    const weight = (row > 0 ? 2 : 0) + (column > 0 ? 2 : 0) + (row > 0 && column > 0 ? 1 : 0);
    header.bool(ZERO_MOTION_PROBABILITIES[weight]!, 0);
  }

  /** The four blocks of a chroma plane, all with the same coefficient. */
  private writeChroma(level: number, above: number, left: number): void {
    const own = level !== 0 ? 1 : 0;
    this.writeCoefficient(level, CHROMA_PROBABILITIES[above + left]!, CHROMA_END_PROBABILITIES);
    this.writeCoefficient(level, CHROMA_PROBABILITIES[above + own]!, CHROMA_END_PROBABILITIES);
    this.writeCoefficient(level, CHROMA_PROBABILITIES[own + left]!, CHROMA_END_PROBABILITIES);
    this.writeCoefficient(level, CHROMA_PROBABILITIES[own + own]!, CHROMA_END_PROBABILITIES);
  }

  /** A block that has a first coefficient, or none (§13.2, §13.3). */
  private writeCoefficient(level: number, p: Uint8Array, end: Uint8Array): void {
    const { tokens } = this;
    if (level === 0) {
      tokens.bool(p[0]!, 0); // end of block
      return;
    }
    tokens.bool(p[0]!, 1);
    tokens.bool(p[1]!, 1); // not zero
    const value = Math.abs(level);
    tokens.bool(p[2]!, value > 1);
    if (value > 1) {
      tokens.bool(p[3]!, value > 4);
      if (value <= 4) {
        tokens.bool(p[4]!, value > 2);
        if (value > 2) tokens.bool(p[5]!, value > 3);
      } else this.writeLargeValue(value, p);
    }
    tokens.bool(128, level < 0);
    tokens.bool(end[value > 1 ? 1 : 0]!, 0); // end of block
  }

  private writeLargeValue(value: number, p: Uint8Array): void {
    const { tokens } = this;
    let category = 0;
    while (category < 5 && value >= CATEGORIES[category + 1]![0]) category++;
    tokens.bool(p[6]!, category > 1);
    if (category < 2) tokens.bool(p[7]!, category === 1);
    else {
      tokens.bool(p[8]!, category > 3);
      tokens.bool(p[category > 3 ? 10 : 9]!, category & 1);
    }
    const [base, bits] = CATEGORIES[category]!;
    for (let i = 0; i < bits.length; i++) tokens.bool(bits[i]!, ((value - base) >> (bits.length - 1 - i)) & 1);
  }

  /** Frame tag, and for key frames start code and sizes (§9.1), then the two partitions. */
  private assemble(key: boolean): Uint8Array {
    const header = this.header.finish();
    const tokens = this.tokens.finish();
    const tagLength = key ? 10 : 3;
    const out = new Uint8Array(tagLength + header.length + tokens.length);
    const tag = (key ? 0 : 1) | (1 << 4) | (header.length << 5); // version 0, shown
    out[0] = tag;
    out[1] = tag >> 8;
    out[2] = tag >> 16;
    if (key) {
      out.set([0x9d, 0x01, 0x2a, this.width, this.width >> 8, this.height, this.height >> 8], 3);
    }
    out.set(header, tagLength);
    out.set(tokens, tagLength + header.length);
    return out;
  }
}

class Planes {
  readonly y: Uint8Array;
  readonly u: Uint8Array;
  readonly v: Uint8Array;

  constructor(count: number) {
    this.y = new Uint8Array(count);
    this.u = new Uint8Array(count);
    this.v = new Uint8Array(count);
  }
}

/** The nearest number of steps that leads to no value outside of a byte. */
function chromaLevel(wanted: number, predicted: number): number {
  const level = Math.round((wanted - predicted) / CHROMA_STEP);
  const value = predicted + level * CHROMA_STEP;
  return value < 0 ? level + 1 : value > 255 ? level - 1 : level;
}
