// Comfort noise (RFC 3389): how loud the background is while nobody speaks, and how it sounds. Static payload type 13 at 8 kHz.
import { wholeFormat } from "./generic.js";
import type { PayloadFormat } from "./types.js";

/** Reflection coefficients that are read; more are ignored, as a receiver may (RFC 3389 §3). */
const MAX_COEFFICIENTS = 32;

export interface ComfortNoise {
  /** Level in -dBov: 0 is the loudest, 127 the softest. */
  readonly level: number;
  /** Reflection coefficients of the noise's spectrum, within -1 and 1; may be none. */
  readonly coefficients: readonly number[];
}

export function parseComfortNoise(payload: Uint8Array): ComfortNoise | undefined {
  // The first bit is 0 (RFC 3389 §3.1).
  if (payload.length === 0 || payload[0]! > 127) return undefined;
  const coefficients: number[] = [];
  for (let i = 1; i < payload.length && i <= MAX_COEFFICIENTS; i++) {
    // 127 stands for 0, on a scale of 128 steps a side; 255 is not used (§3.2).
    coefficients.push((Math.min(payload[i]!, 254) - 127) / 128);
  }
  return { level: payload[0]!, coefficients };
}

/** Throws nothing: a level or coefficient out of range is brought into it. */
export function writeComfortNoise({ level, coefficients }: ComfortNoise): Uint8Array {
  const out = new Uint8Array(1 + Math.min(coefficients.length, MAX_COEFFICIENTS));
  out[0] = Math.min(Math.max(Math.round(level), 0), 127);
  for (let i = 1; i < out.length; i++) {
    out[i] = Math.min(Math.max(Math.round(coefficients[i - 1]! * 128) + 127, 0), 254);
  }
  return out;
}

export const comfortNoiseFormat: PayloadFormat = wholeFormat(
  "audio/CN",
  () => 0,
  (payload, info) => {
    info.silence = true;
    return payload[0]! <= 127;
  },
);
