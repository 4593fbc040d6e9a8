// Decodes what the synthetic camera draws: VP8 (RFC 6386) of macroblocks of one colour. Anything else that VP8 can say is an error,
// so that tests without a codec can check what arrived, pixel for pixel.
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
} from "#src/media/synthetic/vp8-tables.js";

/** RFC 6386 §7.3, by its definition: the value read so far against the split of the range. */
class BoolDecoder {
  private readonly data: Uint8Array;
  private at = 0;
  private value = 0;
  private range = 255;
  private bits = 0;

  constructor(data: Uint8Array) {
    this.data = data;
    this.value = (this.byte() << 8) | this.byte();
  }

  private byte(): number {
    return this.data[this.at++] ?? 0;
  }

  bool(probability: number): number {
    const split = 1 + (((this.range - 1) * probability) >> 8);
    const bit = this.value >= split << 8 ? 1 : 0;
    if (bit) {
      this.range -= split;
      this.value -= split << 8;
    } else this.range = split;
    for (; this.range < 128; this.range <<= 1) {
      this.value <<= 1;
      if (++this.bits === 8) {
        this.bits = 0;
        this.value |= this.byte();
      }
    }
    return bit;
  }

  literal(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++) value = (value << 1) | this.bool(128);
    return value;
  }

  /** Over by more than the bits that an arithmetic decoder reads ahead. */
  get overrun(): boolean {
    return this.at > this.data.length + 2;
  }
}

function expect(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`not a picture of blocks: ${what}`);
}

type Plane = Uint8Array;

export class Vp8BlockDecoder {
  width = 0;
  height = 0;
  /** Colours of macroblocks, row by row. */
  planes: [y: Plane, u: Plane, v: Plane] = [new Uint8Array(0), new Uint8Array(0), new Uint8Array(0)];

  /** Returns the luma of the picture, a byte a pixel. */
  decode(frame: Uint8Array): Uint8Array {
    expect(frame.length > 3, "too short");
    const tag = frame[0]! | (frame[1]! << 8) | (frame[2]! << 16);
    const key = (tag & 1) === 0;
    expect(((tag >> 1) & 7) === 0 && ((tag >> 4) & 1) === 1, "version or hidden frame");
    let at = 3;
    if (key) {
      expect(frame[3] === 0x9d && frame[4] === 1 && frame[5] === 0x2a, "start code");
      this.width = frame[6]! | (frame[7]! << 8);
      this.height = frame[8]! | (frame[9]! << 8);
      at = 10;
    }
    expect(this.width > 0, "no key frame yet");
    const split = at + (tag >> 5);
    expect(split <= frame.length, "first partition");
    const header = new BoolDecoder(frame.subarray(at, split));
    const tokens = new BoolDecoder(frame.subarray(split));
    this.decodePicture(key, header, tokens);
    expect(!header.overrun && !tokens.overrun, "read past the end");
    return this.luma();
  }

  private decodePicture(key: boolean, header: BoolDecoder, tokens: BoolDecoder): void {
    expect(header.literal(key ? 16 : 14) === 0, "segments or filter");
    expect(header.literal(7) === 35 && header.literal(5) === 0, "quantizer");
    if (!key) expect(header.literal(8) === 0, "golden frames");
    header.literal(1);
    const refreshLast = key || header.literal(1) === 1;
    for (const p of COEFFICIENT_UPDATE_PROBABILITIES) expect(header.bool(p) === 0, "new probabilities");
    expect(header.literal(1) === 1, "no skipping");
    const codedProbability = header.literal(8);
    let intra = 0;
    let last = 0;
    if (!key) {
      intra = header.literal(8);
      last = header.literal(8);
      header.literal(8);
      expect(header.literal(2) === 0, "intra modes");
      for (const p of MOTION_UPDATE_PROBABILITIES) expect(header.bool(p) === 0, "motion");
    }
    const columns = Math.ceil(this.width / 16);
    const rows = Math.ceil(this.height / 16);
    const next = [0, 1, 2].map((p) =>
      key ? new Uint8Array(columns * rows) : this.planes[p]!.slice(),
    ) as typeof this.planes;
    const above = [0, 1, 2].map(() => new Uint8Array(columns));
    for (let row = 0, i = 0; row < rows; row++) {
      const left = [0, 0, 0];
      for (let column = 0; column < columns; column++, i++) {
        const skipped = header.bool(codedProbability) === 1;
        if (key) {
          const dc =
            header.bool(145) === 1 && header.bool(156) === 0 && header.bool(163) === 0 && header.bool(142) === 0;
          expect(dc, "another mode than DC_PRED");
        } else {
          const weight = (row > 0 ? 2 : 0) + (column > 0 ? 2 : 0) + (row > 0 && column > 0 ? 1 : 0);
          const still =
            header.bool(intra) === 1 &&
            header.bool(last) === 0 &&
            header.bool(ZERO_MOTION_PROBABILITIES[weight]!) === 0;
          expect(still, "another mode than ZEROMV of the last frame");
        }
        for (let plane = 0; plane < 3; plane++) {
          if (key) next[plane]![i] = predict(next[plane]!, i, columns);
          const context = above[plane]![column]! + left[plane]!;
          const level = skipped
            ? 0
            : plane === 0
              ? readLuma(tokens, context)
              : readChroma(tokens, above[plane]![column]!, left[plane]!);
          // Y2: step 64, (64 L + 3) >> 3 into each block, (8 L + 4) >> 3 into each pixel; chroma: step 32.
          const difference = plane === 0 ? (((64 * level + 3) >> 3) + 4) >> 3 : (32 * level + 4) >> 3;
          const value = next[plane]![i]! + difference;
          expect(value >= 0 && value <= 255, "clamping");
          next[plane]![i] = value;
          above[plane]![column] = left[plane] = level !== 0 ? 1 : 0;
        }
      }
    }
    const shown = this.planes;
    this.planes = next;
    this.shown = next;
    if (!refreshLast) this.planes = shown;
  }

  private shown: typeof this.planes = this.planes;

  private luma(): Uint8Array {
    const columns = Math.ceil(this.width / 16);
    const out = new Uint8Array(this.width * this.height);
    for (let y = 0, at = 0; y < this.height; y++) {
      for (let x = 0; x < this.width; x++) out[at++] = this.shown[0][(y >> 4) * columns + (x >> 4)]!;
    }
    return out;
  }
}

function predict(plane: Plane, i: number, columns: number): number {
  const column = i % columns;
  if (i === 0) return 128;
  if (i < columns) return plane[i - 1]!;
  if (column === 0) return plane[i - columns]!;
  return (plane[i - 1]! + plane[i - columns]! + 1) >> 1;
}

function readLuma(tokens: BoolDecoder, context: number): number {
  const level = readCoefficient(tokens, Y2_PROBABILITIES[context]!, Y2_END_PROBABILITIES);
  for (let i = 0; i < 16; i++) expect(tokens.bool(LUMA_EMPTY_PROBABILITY) === 0, "details");
  return level;
}

function readChroma(tokens: BoolDecoder, above: number, left: number): number {
  const levels: number[] = [];
  const contexts = [above + left, above, left, 0];
  for (const [block, context] of contexts.entries()) {
    const own = levels[0] !== undefined && levels[0] !== 0 ? 1 : 0;
    const row = context + [0, own, own, 2 * own][block]!;
    levels.push(readCoefficient(tokens, CHROMA_PROBABILITIES[row]!, CHROMA_END_PROBABILITIES));
  }
  expect(
    levels.every((level) => level === levels[0]),
    "chroma of more than one colour",
  );
  return levels[0]!;
}

function readCoefficient(tokens: BoolDecoder, p: Uint8Array, end: Uint8Array): number {
  if (tokens.bool(p[0]!) === 0) return 0;
  expect(tokens.bool(p[1]!) === 1, "a coefficient behind the first");
  let value = 1;
  if (tokens.bool(p[2]!)) {
    if (tokens.bool(p[3]!) === 0) {
      value = tokens.bool(p[4]!) === 0 ? 2 : 3 + tokens.bool(p[5]!);
    } else {
      const category =
        tokens.bool(p[6]!) === 0
          ? tokens.bool(p[7]!)
          : tokens.bool(p[8]!) === 0
            ? 2 + tokens.bool(p[9]!)
            : 4 + tokens.bool(p[10]!);
      const [base, bits] = CATEGORIES[category]!;
      value = base + bits.reduce((extra, probability) => extra * 2 + tokens.bool(probability), 0);
    }
  }
  const negative = tokens.bool(128) === 1;
  expect(tokens.bool(end[value > 1 ? 1 : 0]!) === 0, "a coefficient behind the first");
  return negative ? -value : value;
}
