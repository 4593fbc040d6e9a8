// The size of the picture from a sequence parameter set of H.264 (ITU-T H.264 §7.3.2.1.1). Nothing else of it is kept.
import { BitReader } from "./bit-reader.js";

/** profile_idc with which chroma format, bit depth and scaling matrices follow. */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
/** Larger pictures exist in no level (ITU-T H.264 Annex A: 139,264 macroblocks). */
const MAX_MACROBLOCKS = 139_264;

export interface PictureSize {
  width: number;
  height: number;
}

function skipScalingList(reader: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size && !reader.failed; i++) {
    if (next !== 0) next = (last + reader.se() + 256) % 256;
    if (next !== 0) last = next;
  }
}

/** `data[from]` is the NAL unit header. False if it cannot be read; `size` is then as before. */
export function parseH264Sps(data: Uint8Array, from: number, to: number, size: PictureSize): boolean {
  const reader = new BitReader(data, from + 1, to, true);
  const profile = reader.bits(8);
  reader.skip(16); // constraint flags, level_idc
  reader.ue(); // seq_parameter_set_id
  let chromaFormat = 1;
  let separatePlanes = false;
  if (HIGH_PROFILES.has(profile)) {
    chromaFormat = reader.ue();
    if (chromaFormat > 3) return false;
    if (chromaFormat === 3) separatePlanes = reader.flag();
    reader.ue(); // bit_depth_luma_minus8
    reader.ue(); // bit_depth_chroma_minus8
    reader.skip(1); // qpprime_y_zero_transform_bypass_flag
    if (reader.flag()) {
      const lists = chromaFormat === 3 ? 12 : 8;
      for (let i = 0; i < lists; i++) if (reader.flag()) skipScalingList(reader, i < 6 ? 16 : 64);
    }
  }
  reader.ue(); // log2_max_frame_num_minus4
  const orderType = reader.ue();
  if (orderType === 0) reader.ue();
  else if (orderType === 1) {
    reader.skip(1);
    reader.se();
    reader.se();
    const cycle = reader.ue();
    if (cycle > 255) return false;
    for (let i = 0; i < cycle; i++) reader.se();
  }
  reader.ue(); // max_num_ref_frames
  reader.skip(1); // gaps_in_frame_num_value_allowed_flag
  const widthMacroblocks = reader.ue() + 1;
  const heightUnits = reader.ue() + 1;
  const frameOnly = reader.flag();
  if (!frameOnly) reader.skip(1);
  reader.skip(1); // direct_8x8_inference_flag
  const fields = frameOnly ? 1 : 2;
  let width = widthMacroblocks * 16;
  let height = heightUnits * 16 * fields;
  if (reader.flag()) {
    const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
    const unitY = (chromaFormat === 1 && !separatePlanes ? 2 : 1) * fields;
    width -= (reader.ue() + reader.ue()) * unitX;
    height -= (reader.ue() + reader.ue()) * unitY;
  }
  if (reader.failed || widthMacroblocks * heightUnits > MAX_MACROBLOCKS || width <= 0 || height <= 0) return false;
  size.width = width;
  size.height = height;
  return true;
}
