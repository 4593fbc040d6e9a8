// An H.264 encoder (ITU-T H.264, Constrained Baseline) for pictures of blocks: each macroblock of 16 by 16 pixels has one colour. A
// macroblock that has changed is predicted from the one to its left or above, and the difference is one DC coefficient a plane;
// one that has not is skipped. With the quantizers chosen here such a picture is coded exactly. It is no encoder for pictures
// of the world.

const NAL_SLICE = 1;
const NAL_IDR = 5;
const NAL_SPS = 7;
const NAL_PPS = 8;
const REFERENCE = 3;

/** Constrained Baseline, as a=fmtp's profile-level-id 42e0xx has it. */
const PROFILE = 0x42;
const CONSTRAINTS = 0xe0;
/** Macroblocks of a picture that a level allows (table A-1), from 3.1 on: what senders say of themselves. */
const LEVELS: readonly (readonly [level: number, macroblocks: number])[] = [
  [31, 3600],
  [40, 8192],
  [50, 22_080],
  [51, 36_864],
];
/** Sizes have no limit but the level's. */
const MAX_SIZE = 16_384;

/**
 * With this quantizer one level of a DC coefficient is one step of luma: 16 · 16 · 2^(28/6) / 2^6 is 64, of which the transform
 * makes 1 (§8.5.10). Chroma takes another way (§8.5.11): there it is one step with 22.
 */
export const QUANTIZER = 28;
const CHROMA_OFFSET = -6;

/** Bytes from which on a slice ends with its row, so that it fits into a packet: not every peer takes parts of one (RFC 6184 §6.2). */
const SLICE_SIZE = 800;

const VERTICAL = 0;
const HORIZONTAL = 1;
const DC = 2;
/** Prediction modes of chroma have an order of their own (table 7-16). */
const CHROMA_MODE: readonly number[] = [2, 1, 0];
const MIDDLE = 128;

/** Bits of a NAL unit's payload. */
class BitWriter {
  private bytes = new Uint8Array(1024);
  private length = 0;
  private value = 0;
  private count = 0;

  bits(value: number, count: number): void {
    for (let i = count - 1; i >= 0; i--) {
      this.value = (this.value << 1) | ((value >>> i) & 1);
      if (++this.count === 8) this.flush();
    }
  }

  private flush(): void {
    if (this.length === this.bytes.length) {
      const longer = new Uint8Array(this.length * 2);
      longer.set(this.bytes);
      this.bytes = longer;
    }
    this.bytes[this.length++] = this.value;
    this.value = 0;
    this.count = 0;
  }

  /** ue(v), §9.1. */
  unsigned(value: number): void {
    const length = 32 - Math.clz32(value + 1);
    this.bits(0, length - 1);
    this.bits(value + 1, length);
  }

  /** se(v), §9.1.1. */
  signed(value: number): void {
    this.unsigned(value > 0 ? 2 * value - 1 : -2 * value);
  }

  /** Whole bytes. */
  get size(): number {
    return this.length;
  }

  /** With the trailing bits (§7.3.2.11), behind a start code and the NAL unit's header, and with emulation prevention (§7.4.1). */
  nal(reference: number, type: number): number[] {
    this.bits(1, 1);
    while (this.count !== 0) this.bits(0, 1);
    const out = [0, 0, 0, 1, (reference << 5) | type];
    let zeros = 0;
    for (let i = 0; i < this.length; i++) {
      const byte = this.bytes[i]!;
      if (zeros === 2 && byte <= 3) {
        out.push(3);
        zeros = 0;
      }
      out.push(byte);
      zeros = byte === 0 ? zeros + 1 : 0;
    }
    return out;
  }
}

/** A single coefficient at the beginning of a block of CAVLC (§9.2); the code of its number says whether it is ±1. */
function coefficient(
  out: BitWriter,
  level: number,
  one: readonly [number, number],
  more: readonly [number, number],
): void {
  if (level === 1 || level === -1) {
    out.bits(...one);
    out.bits(level < 0 ? 1 : 0, 1);
  } else {
    out.bits(...more);
    // It is not ±1: those are left out (§9.2.2.1).
    const code = (level > 0 ? 2 * level - 2 : -2 * level - 1) - 2;
    if (code < 14) out.bits(1, code + 1);
    else if (code < 30) {
      out.bits(1, 15);
      out.bits(code - 14, 4);
    } else {
      out.bits(1, 16);
      out.bits(code - 30, 12);
    }
  }
  // No zeros in front of it.
  out.bits(1, 1);
}

function luma(out: BitWriter, level: number): void {
  if (level === 0) out.bits(1, 1);
  else coefficient(out, level, [1, 2], [5, 6]);
}

function chroma(out: BitWriter, level: number): void {
  if (level === 0) out.bits(1, 2);
  else coefficient(out, level, [1, 1], [7, 6]);
}

export class H264BlockEncoder {
  readonly width: number;
  readonly height: number;
  /** Macroblocks. */
  readonly columns: number;
  readonly rows: number;
  /** The picture to code: a colour for each macroblock, row by row. */
  readonly y: Uint8Array;
  readonly u: Uint8Array;
  readonly v: Uint8Array;
  // What a decoder has.
  private readonly lastY: Uint8Array;
  private readonly lastU: Uint8Array;
  private readonly lastV: Uint8Array;
  private hasKeyFrame = false;
  private frameNumber = 0;
  private keyFrames = 0;

  /** An odd width or height is coded as the next even one. Throws a RangeError if a size is not within 1 and 16384. */
  constructor(width: number, height: number) {
    for (const [name, value] of [
      ["width", width],
      ["height", height],
    ] as const) {
      if (!Number.isInteger(value) || value < 1 || value > MAX_SIZE) throw new RangeError(`${name} is ${value}`);
    }
    this.width = width + (width & 1);
    this.height = height + (height & 1);
    this.columns = Math.ceil(width / 16);
    this.rows = Math.ceil(height / 16);
    const count = this.columns * this.rows;
    const plane = (): Uint8Array => new Uint8Array(count).fill(MIDDLE);
    this.y = plane();
    this.u = plane();
    this.v = plane();
    this.lastY = plane();
    this.lastU = plane();
    this.lastV = plane();
  }

  /**
   * Codes the picture, as a byte stream (Annex B); key frames have their parameter sets, with `maxLevel` if they would have a higher one.
   * The first frame is a key frame in any case.
   */
  encode(keyFrame: boolean, _discardable?: boolean, maxLevel: number = Number.POSITIVE_INFINITY): Uint8Array {
    const key = keyFrame || !this.hasKeyFrame;
    this.hasKeyFrame = true;
    this.frameNumber = key ? 0 : (this.frameNumber + 1) & 15;
    const parts: number[][] = [];
    if (key) {
      parts.push(
        this.sequenceParameters(maxLevel).nal(REFERENCE, NAL_SPS),
        pictureParameters().nal(REFERENCE, NAL_PPS),
      );
      this.keyFrames++;
    }
    for (let row = 0; row < this.rows; ) {
      const slice = new BitWriter();
      this.writeHeader(slice, row, key);
      row = this.writeSlice(slice, row, key);
      parts.push(slice.nal(REFERENCE, key ? NAL_IDR : NAL_SLICE));
    }
    this.lastY.set(this.y);
    this.lastU.set(this.u);
    this.lastV.set(this.v);
    return Uint8Array.from(parts.flat());
  }

  private sequenceParameters(maxLevel: number): BitWriter {
    const { columns, rows, width, height } = this;
    const out = new BitWriter();
    const [level] = LEVELS.find(([, macroblocks]) => columns * rows <= macroblocks) ?? LEVELS.at(-1)!;
    out.bits(PROFILE, 8);
    out.bits(CONSTRAINTS, 8);
    out.bits(Math.min(level, maxLevel), 8);
    out.unsigned(0); // seq_parameter_set_id
    out.unsigned(0); // log2_max_frame_num_minus4
    out.unsigned(2); // pic_order_cnt_type: pictures are shown in the order of the stream
    out.unsigned(1); // max_num_ref_frames
    out.bits(0, 1); // gaps_in_frame_num_value_allowed_flag
    out.unsigned(columns - 1);
    out.unsigned(rows - 1);
    out.bits(1, 1); // frame_mbs_only_flag
    out.bits(1, 1); // direct_8x8_inference_flag
    const right = columns * 16 - width;
    const bottom = rows * 16 - height;
    out.bits(right > 0 || bottom > 0 ? 1 : 0, 1);
    if (right > 0 || bottom > 0) for (const crop of [0, right / 2, 0, bottom / 2]) out.unsigned(crop);
    out.bits(0, 1); // vui_parameters_present_flag
    return out;
  }

  private writeHeader(out: BitWriter, row: number, key: boolean): void {
    out.unsigned(row * this.columns); // first_mb_in_slice
    out.unsigned(key ? 7 : 5); // slice_type: I or P, as all of the picture
    out.unsigned(0); // pic_parameter_set_id
    out.bits(this.frameNumber, 4);
    if (key) {
      out.unsigned(this.keyFrames & 1); // idr_pic_id: another than that of a key frame right before
      out.bits(0, 2); // no_output_of_prior_pics_flag, long_term_reference_flag
    } else {
      out.bits(0, 3); // num_ref_idx_active_override_flag, ref_pic_list_modification_flag_l0, adaptive_ref_pic_marking_mode_flag
    }
    out.signed(0); // slice_qp_delta
    out.unsigned(1); // disable_deblocking_filter_idc
  }

  /** Rows from this one on, as many as a slice is to have; gives the next one. What is in another slice predicts nothing. */
  private writeSlice(out: BitWriter, firstRow: number, key: boolean): number {
    const { columns, rows, y, u, v, lastY, lastU, lastV } = this;
    const first = firstRow * columns;
    let skipped = 0;
    let i = first;
    for (; i < columns * rows && (i % columns > 0 || out.size < SLICE_SIZE); i++) {
      if (!key && y[i] === lastY[i] && u[i] === lastU[i] && v[i] === lastV[i]) {
        skipped++;
        continue;
      }
      if (!key) out.unsigned(skipped);
      skipped = 0;
      const mode = i % columns > 0 ? HORIZONTAL : i - columns >= first ? VERTICAL : DC;
      const from = mode === HORIZONTAL ? i - 1 : i - columns;
      const predicted = (plane: Uint8Array): number => (mode === DC ? MIDDLE : plane[from]!);
      const levelU = u[i]! - predicted(u);
      const levelV = v[i]! - predicted(v);
      const hasChroma = levelU !== 0 || levelV !== 0;
      // Intra_16x16 without AC coefficients (table 7-11); in a P slice behind the inter types.
      out.unsigned((key ? 1 : 6) + mode + (hasChroma ? 4 : 0));
      out.unsigned(CHROMA_MODE[mode]!);
      out.signed(0); // mb_qp_delta
      luma(out, y[i]! - predicted(y));
      if (!hasChroma) continue;
      chroma(out, levelU);
      chroma(out, levelV);
    }
    if (skipped > 0) out.unsigned(skipped);
    return i / columns;
  }
}

function pictureParameters(): BitWriter {
  const out = new BitWriter();
  out.unsigned(0); // pic_parameter_set_id
  out.unsigned(0); // seq_parameter_set_id
  out.bits(0, 2); // entropy_coding_mode_flag: CAVLC; bottom_field_pic_order_in_frame_present_flag
  out.unsigned(0); // num_slice_groups_minus1
  out.unsigned(0); // num_ref_idx_l0_default_active_minus1
  out.unsigned(0); // num_ref_idx_l1_default_active_minus1
  out.bits(0, 3); // weighted_pred_flag, weighted_bipred_idc
  out.signed(QUANTIZER - 26);
  out.signed(0); // pic_init_qs_minus26
  out.signed(CHROMA_OFFSET);
  out.bits(0b100, 3); // deblocking_filter_control_present_flag, constrained_intra_pred_flag, redundant_pic_cnt_present_flag
  return out;
}
