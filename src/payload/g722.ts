// G.722 (RFC 3551 §4.5.2): 64 kbit/s, a byte is two samples of 16 kHz; but its RTP clock is 8 kHz, by an old mistake that stays,
// so that a byte is one tick.
import { oneByteATick, wholeFormat } from "./generic.js";
import type { PayloadFormat } from "./types.js";

export const g722Format: PayloadFormat = wholeFormat("audio/G722", oneByteATick, undefined, {
  samplesPerTick: 2,
});
