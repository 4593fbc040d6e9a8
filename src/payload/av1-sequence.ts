// The size in a sequence header of AV1 (AV1 bitstream specification §5.5). Nothing else of it is kept.
import { BitReader } from "./bit-reader.js";

/** `data[from]` is the first byte behind the OBU's header (and size). False if it cannot be read. */
export function parseAv1SequenceHeader(
  data: Uint8Array,
  from: number,
  to: number,
  size: { width: number; height: number },
): boolean {
  const reader = new BitReader(data, from, to);
  reader.skip(4); // seq_profile, still_picture
  if (reader.flag())
    reader.skip(5); // reduced_still_picture_header: one level and nothing else
  else {
    let delayBits = 0;
    if (reader.flag()) {
      reader.skip(64); // num_units_in_display_tick, time_scale
      if (reader.flag()) reader.uvlc(); // num_ticks_per_picture_minus_1
      if (reader.flag()) {
        delayBits = reader.bits(5) + 1; // buffer_delay_length_minus_1
        reader.skip(42);
      }
    }
    const displayDelay = reader.flag();
    const points = reader.bits(5) + 1;
    for (let i = 0; i < points; i++) {
      reader.skip(12); // operating_point_idc
      if (reader.bits(5) > 7) reader.skip(1); // seq_level_idx, seq_tier
      if (delayBits > 0 && reader.flag()) reader.skip(2 * delayBits + 1);
      if (displayDelay && reader.flag()) reader.skip(4);
    }
  }
  const widthBits = reader.bits(4) + 1;
  const heightBits = reader.bits(4) + 1;
  const width = reader.bits(widthBits) + 1;
  const height = reader.bits(heightBits) + 1;
  if (reader.failed) return false;
  size.width = width;
  size.height = height;
  return true;
}
