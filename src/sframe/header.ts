// The SFrame header (RFC 9605 §4.3): a key identifier and a counter, each up to 64 bits and written as short as they are.

/** A number where that is exact, a bigint beyond: one value has one form. */
export type SFrameInteger = number | bigint;

/** The configuration byte, and two values of eight bytes. */
export const MAX_SFRAME_HEADER_LENGTH = 17;

export interface SFrameHeader {
  readonly keyId: SFrameInteger;
  /** The counter, in place: big-endian, of up to eight bytes; none for a counter in the configuration byte. */
  readonly counter: Uint8Array;
  /** Of the header, in bytes. */
  readonly length: number;
}

const MAX = (1n << 64n) - 1n;

/** The one form of an integer of 64 bits; undefined for what is none. */
export function sframeInteger(value: number | bigint): SFrameInteger | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  if (value < 0n || value > MAX) return undefined;
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** The value in big-endian bytes, without zeros before it: at least one byte. */
function bytesOf(value: SFrameInteger): number[] {
  const out: number[] = [];
  if (typeof value === "bigint") {
    for (let rest = value; rest > 0n; rest >>= 8n) out.push(Number(rest & 0xffn));
  } else {
    for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) out.push(rest % 256);
  }
  if (out.length === 0) out.push(0);
  return out.reverse();
}

/** The value in eight bytes, as the labels of keys have it (RFC 9605 §4.4.2). */
export function eightBytes(value: SFrameInteger): Uint8Array {
  const bytes = bytesOf(value);
  const out = new Uint8Array(8);
  out.set(bytes, 8 - bytes.length);
  return out;
}

export function writeSFrameHeader(keyId: SFrameInteger, counter: SFrameInteger): Uint8Array {
  const kid = typeof keyId === "number" && keyId < 8 ? undefined : bytesOf(keyId);
  const ctr = typeof counter === "number" && counter < 8 ? undefined : bytesOf(counter);
  const k = kid === undefined ? Number(keyId) : 8 | (kid.length - 1);
  const c = ctr === undefined ? Number(counter) : 8 | (ctr.length - 1);
  return Uint8Array.of((k << 4) | c, ...(kid ?? []), ...(ctr ?? []));
}

/** Undefined where the data ends within the header. Values that are longer than they have to be are taken. */
export function parseSFrameHeader(data: Uint8Array): SFrameHeader | undefined {
  const config = data[0];
  if (config === undefined) return undefined;
  let length = 1;
  let keyId: SFrameInteger = (config >> 4) & 7;
  if ((config & 0x80) !== 0) {
    const size = keyId + 1;
    const value = readInteger(data, length, size);
    if (value === undefined) return undefined;
    keyId = value;
    length += size;
  }
  const size = (config & 8) === 0 ? 0 : (config & 7) + 1;
  const counter = size === 0 ? Uint8Array.of(config & 7) : data.subarray(length, length + size);
  if (size > 0 && counter.length < size) return undefined;
  return { keyId, counter, length: length + size };
}

function readInteger(data: Uint8Array, offset: number, size: number): SFrameInteger | undefined {
  const bytes = data.subarray(offset, offset + size);
  if (bytes.length < size) return undefined;
  let high = 0;
  let low = 0;
  for (const byte of bytes) {
    high = (high * 256 + (low >>> 24)) >>> 0;
    low = ((low << 8) | byte) >>> 0;
  }
  if (high < 0x20_0000) return high * 2 ** 32 + low;
  return (BigInt(high) << 32n) | BigInt(low);
}
