// The size of the picture from a sequence parameter set of H.265 (ITU-T H.265 §7.3.2.2.1). Nothing else of it is kept.
import { BitReader } from "./bit-reader.js";

/** Larger pictures exist in no level (ITU-T H.265 Annex A: 16,888 luma samples a side at level 7.2 and below). */
const MAX_SIDE = 16_888;

/** `data[from]` is the first byte of the NAL unit header. False if it cannot be read; `size` is then as before. */
export function parseH265Sps(
  data: Uint8Array,
  from: number,
  to: number,
  size: { width: number; height: number },
): boolean {
  const reader = new BitReader(data, from + 2, to, true);
  reader.skip(4); // sps_video_parameter_set_id
  const subLayers = reader.bits(3); // sps_max_sub_layers_minus1
  reader.skip(1); // sps_temporal_id_nesting_flag
  // profile_tier_level (§7.3.3): 88 bits of profile, 8 of level, then what is told of each lower sub-layer.
  reader.skip(96);
  const present = reader.bits(subLayers * 2);
  if (subLayers > 0) reader.skip(2 * (8 - subLayers));
  for (let i = subLayers * 2 - 2; i >= 0; i -= 2) {
    reader.skip(((present >> (i + 1)) & 1) * 88 + ((present >> i) & 1) * 8);
  }
  reader.ue(); // sps_seq_parameter_set_id
  const chromaFormat = reader.ue();
  if (chromaFormat > 3) return false;
  const separatePlanes = chromaFormat === 3 && reader.flag();
  let width = reader.ue();
  let height = reader.ue();
  if (reader.flag()) {
    const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
    const unitY = chromaFormat === 1 && !separatePlanes ? 2 : 1;
    width -= (reader.ue() + reader.ue()) * unitX;
    height -= (reader.ue() + reader.ue()) * unitY;
  }
  if (reader.failed || width <= 0 || height <= 0 || width > MAX_SIDE || height > MAX_SIDE) return false;
  size.width = width;
  size.height = height;
  return true;
}
