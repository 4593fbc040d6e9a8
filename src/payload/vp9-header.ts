// The size in the uncompressed header of a VP9 key frame (VP9 bitstream specification §6.2). Nothing else of it is read.
import { BitReader } from "./bit-reader.js";

const SYNC_CODE = 0x498342;
const CS_RGB = 7;

/** Fills `size` and returns true if `data` begins, at `from`, with a key frame's header. */
export function parseVp9KeyFrame(data: Uint8Array, from: number, size: { width: number; height: number }): boolean {
  const reader = new BitReader(data, from, data.length);
  if (reader.bits(2) !== 2) return false;
  const profile = reader.bits(1) | (reader.bits(1) << 1);
  if (profile === 3) reader.skip(1);
  if (reader.flag()) return false; // show_existing_frame
  if (reader.flag()) return false; // frame_type: not a key frame
  reader.skip(2); // show_frame, error_resilient_mode
  if (reader.bits(24) !== SYNC_CODE) return false;
  if (profile >= 2) reader.skip(1); // ten_or_twelve_bit
  if (reader.bits(3) !== CS_RGB) reader.skip((profile & 1) === 1 ? 4 : 1);
  else if ((profile & 1) === 1) reader.skip(1);
  const width = reader.bits(16) + 1;
  const height = reader.bits(16) + 1;
  if (reader.failed) return false;
  size.width = width;
  size.height = height;
  return true;
}
