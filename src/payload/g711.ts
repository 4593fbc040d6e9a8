// G.711 (ITU-T G.711; RFC 3551 §4.5.14): PCMU and PCMA, the payload (a byte is a sample) and the codec itself, to and from
// signed samples of 16 bits.
import { oneByteATick, wholeFormat } from "./generic.js";
import type { PayloadFormat } from "./types.js";

/** Added to a magnitude before μ-law takes its logarithm, on the scale of 16 bits. */
const BIAS = 0x84;
/** Larger magnitudes are the largest code. */
const CLIP = 32635;
/** Of signed samples of 16 bits. */
const FULL_SCALE = 0x8000;

function decodeMu(code: number): number {
  const value = ~code & 0xff;
  const magnitude = ((((value & 0x0f) << 3) + BIAS) << ((value >> 4) & 7)) - BIAS;
  return (value & 0x80) !== 0 ? -magnitude : magnitude;
}

function encodeMu(sample: number): number {
  const magnitude = Math.min(sample < 0 ? -sample : sample, CLIP) + BIAS;
  const exponent = 24 - Math.clz32(magnitude);
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff;
}

// Of A-law every other bit is inverted on the line.
const INVERTED = 0x55;

function decodeA(code: number): number {
  const value = code ^ INVERTED;
  const exponent = (value >> 4) & 7;
  const mantissa = ((value & 0x0f) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
  return (value & 0x80) !== 0 ? magnitude : -magnitude;
}

function encodeA(sample: number): number {
  // A negative magnitude is that of the complement: -1 is in the interval next to 0.
  const magnitude = sample < 0 ? ~sample : sample;
  const exponent = Math.max(0, 24 - Math.clz32(magnitude));
  const mantissa = (magnitude >> (exponent === 0 ? 4 : exponent + 3)) & 0x0f;
  return ((sample < 0 ? 0 : 0x80) | (exponent << 4) | mantissa) ^ INVERTED;
}

const MU_SAMPLES: Int16Array = Int16Array.from({ length: 256 }, (_, code) => decodeMu(code));
const A_SAMPLES: Int16Array = Int16Array.from({ length: 256 }, (_, code) => decodeA(code));

function decode(table: Int16Array, payload: Uint8Array): Int16Array {
  const out = new Int16Array(payload.length);
  for (let i = 0; i < payload.length; i++) out[i] = table[payload[i]!]!;
  return out;
}

function encode(code: (sample: number) => number, samples: Int16Array): Uint8Array {
  const out = new Uint8Array(samples.length);
  for (let i = 0; i < samples.length; i++) out[i] = code(samples[i]!);
  return out;
}

/** Samples of 16 bits, from PCMU. */
export function decodePcmu(payload: Uint8Array): Int16Array {
  return decode(MU_SAMPLES, payload);
}

export function encodePcmu(samples: Int16Array): Uint8Array {
  return encode(encodeMu, samples);
}

/** Samples of 16 bits, from PCMA. */
export function decodePcma(payload: Uint8Array): Int16Array {
  return decode(A_SAMPLES, payload);
}

export function encodePcma(samples: Int16Array): Uint8Array {
  return encode(encodeA, samples);
}

type Energy = NonNullable<PayloadFormat["energy"]>;

function energyBy(table: Int16Array): Energy {
  const squares = Float64Array.from(table, (sample) => (sample / FULL_SCALE) ** 2);
  return (payload, offset, length) => {
    let sum = 0;
    for (let i = offset; i < offset + length; i++) sum += squares[payload[i]!]!;
    return sum;
  };
}

const format = (mimeType: string, table: Int16Array): PayloadFormat =>
  wholeFormat(mimeType, oneByteATick, undefined, { energy: energyBy(table) });

export const pcmuFormat: PayloadFormat = format("audio/PCMU", MU_SAMPLES);
export const pcmaFormat: PayloadFormat = format("audio/PCMA", A_SAMPLES);
