// Decodes what the synthetic camera draws in H.264 (ITU-T H.264): slices of macroblocks of one colour, with one coefficient a plane.
// Anything else that H.264 can say is an error, so that tests without a codec can check what arrived, block for block.
function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** The NAL units of a byte stream (Annex B), without their start codes. */
export function nalUnits(frame: Uint8Array): Uint8Array[] {
  const starts: number[] = [];
  for (let i = 0; i + 3 < frame.length; i++) {
    if (frame[i] === 0 && frame[i + 1] === 0 && frame[i + 2] === 0 && frame[i + 3] === 1) starts.push(i);
  }
  return starts.map((start, i) => frame.subarray(start + 4, starts[i + 1] ?? frame.length));
}

/** What a NAL unit holds (§7.3.1, §7.4.1), up to its trailing bits. */
class Bits {
  private readonly data: number[] = [];
  private readonly end: number;
  private at = 0;

  constructor(nal: Uint8Array) {
    let zeros = 0;
    for (const byte of nal.subarray(1)) {
      const isPrevention = zeros === 2 && byte === 3;
      must(zeros < 2 || isPrevention || byte > 3, "a start code within a NAL unit");
      if (!isPrevention) this.data.push(byte);
      zeros = byte === 0 && !isPrevention ? zeros + 1 : 0;
    }
    const last = this.data.at(-1)!;
    must(last !== 0, "trailing bits");
    this.end = this.data.length * 8 - 1 - Math.log2(last & -last);
  }

  get hasMoreData(): boolean {
    return this.at < this.end;
  }

  flag(): boolean {
    must(this.hasMoreData, "NAL unit is cut off");
    const bit = (this.data[this.at >> 3]! >> (7 - (this.at & 7))) & 1;
    this.at++;
    return bit === 1;
  }

  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 2 + (this.flag() ? 1 : 0);
    return value;
  }

  /** Exp-Golomb codes (§9.1). */
  ue(): number {
    let zeros = 0;
    while (!this.flag()) zeros++;
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2 + 0;
  }
}

/** §9.2.2.1, of the first coefficient that is not ±1. */
function level(bits: Bits): number {
  let prefix = 0;
  while (!bits.flag()) must(++prefix < 16, "level_prefix");
  let code = Math.min(15, prefix);
  if (prefix === 14) code += bits.bits(4);
  else if (prefix === 15) code += 15 + bits.bits(12);
  code += 2;
  return code % 2 === 0 ? (code + 2) / 2 : -(code + 1) / 2;
}

export class H264BlockDecoder {
  width = 0;
  height = 0;
  columns = 0;
  rows = 0;
  y: Uint8Array = new Uint8Array(0);
  u: Uint8Array = new Uint8Array(0);
  v: Uint8Array = new Uint8Array(0);
  private frameNumber = -1;
  slices = 0;

  /** The luma of one frame, row by row. */
  decode(frame: Uint8Array): Uint8Array {
    let next = 0;
    this.slices = 0;
    for (const nal of nalUnits(frame)) {
      const bits = new Bits(nal);
      switch (nal[0]! & 31) {
        case 7:
          this.sequence(bits);
          break;
        case 8:
          this.picture(bits);
          break;
        case 5:
          next = this.slice(bits, true, next);
          break;
        case 1:
          next = this.slice(bits, false, next);
          break;
        default:
          must(false, "type of NAL unit");
      }
      must(!bits.hasMoreData, "more than is read");
    }
    must(next === this.columns * this.rows, "macroblocks are missing");
    const out = new Uint8Array(this.width * this.height);
    for (let row = 0; row < this.height; row++) {
      for (let x = 0; x < this.width; x++) out[row * this.width + x] = this.y[(row >> 4) * this.columns + (x >> 4)]!;
    }
    return out;
  }

  private sequence(bits: Bits): void {
    must(bits.bits(16) === 0x42e0, "profile");
    bits.bits(8);
    for (const value of [0, 0, 2, 1]) must(bits.ue() === value, "sequence parameters");
    bits.bits(1);
    this.columns = bits.ue() + 1;
    this.rows = bits.ue() + 1;
    must(bits.bits(2) === 3, "frames");
    const crops = bits.flag() ? [bits.ue(), bits.ue(), bits.ue(), bits.ue()] : [0, 0, 0, 0];
    must(!bits.flag(), "VUI");
    this.width = this.columns * 16 - 2 * crops[1]!;
    this.height = this.rows * 16 - 2 * crops[3]!;
    const plane = (): Uint8Array<ArrayBuffer> => new Uint8Array(this.columns * this.rows);
    this.y = plane();
    this.u = plane();
    this.v = plane();
  }

  private picture(bits: Bits): void {
    must(bits.ue() === 0 && bits.ue() === 0 && bits.bits(2) === 0, "CAVLC");
    must(bits.ue() === 0 && bits.ue() === 0 && bits.ue() === 0 && bits.bits(3) === 0, "picture parameters");
    // 26 and 2 make one level one step of luma; 6 less, one of chroma.
    must(bits.se() === 2 && bits.se() === 0 && bits.se() === -6, "quantizers");
    must(bits.bits(3) === 4, "filter control");
  }

  /** Gives the macroblock after its last one. */
  private slice(bits: Bits, key: boolean, expected: number): number {
    const { columns, rows } = this;
    const first = bits.ue();
    must(first === expected && first % columns === 0, "first macroblock");
    must(bits.ue() === (key ? 7 : 5) && bits.ue() === 0, "slice header");
    const number = bits.bits(4);
    if (first === 0) must(number === (key ? 0 : (this.frameNumber + 1) & 15), "frame number");
    else must(number === this.frameNumber, "another frame number");
    this.frameNumber = number;
    if (key) bits.ue();
    bits.bits(key ? 2 : 3);
    must(bits.se() === 0 && bits.ue() === 1, "filter");
    this.slices++;
    let i = first;
    for (; bits.hasMoreData && i < columns * rows; i++) {
      if (!key) {
        i += bits.ue();
        if (!bits.hasMoreData) break;
      }
      this.macroblock(bits, i, key, first);
    }
    must(i % columns === 0, "a slice of whole rows");
    return i;
  }

  private macroblock(bits: Bits, i: number, key: boolean, first: number): void {
    const type = bits.ue() - (key ? 1 : 6);
    must(type >= 0 && type < 8 && (type & 3) < 3, "macroblock type");
    const mode = type & 3;
    const chromaMode = bits.ue();
    must([2, 1, 0][mode] === chromaMode, "chroma mode");
    must(bits.se() === 0, "quantizer of a macroblock");
    if (mode === 0) must(i - this.columns >= first, "predicted from another slice");
    if (mode === 1) must(i % this.columns > 0, "predicted from the other end");
    if (mode === 2) must(i === first, "predicted from nothing");
    const from = mode === 0 ? i - this.columns : i - 1;
    const set = (plane: Uint8Array, difference: number): void => {
      const value = (mode === 2 ? 128 : plane[from]!) + difference;
      must(value >= 0 && value <= 255, "colour");
      plane[i] = value;
    };
    set(this.y, this.coefficient(bits, 1, 2, 6));
    const hasChroma = type >= 4;
    set(this.u, hasChroma ? this.coefficient(bits, 2, 1, 6) : 0);
    set(this.v, hasChroma ? this.coefficient(bits, 2, 1, 6) : 0);
  }

  /** One coefficient or none; the lengths of the codes of their number (table 9-5). */
  private coefficient(bits: Bits, none: number, one: number, more: number): number {
    let zeros = 0;
    while (!bits.flag()) must(++zeros < more, "coeff_token");
    if (zeros === none - 1) return 0;
    let value: number;
    if (zeros === one - 1) value = bits.flag() ? -1 : 1;
    else {
      // 000101 and 000111.
      must(zeros === 3 && bits.bits(2) === (none === 1 ? 1 : 3), "coeff_token");
      value = level(bits);
    }
    must(bits.flag(), "total_zeros");
    return value;
  }
}
