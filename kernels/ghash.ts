// GHASH (NIST SP 800-38D §6.4) of up to sixteen records at once, in AssemblyScript. `npm run kernels` compiles it into
// src/crypto/ghash-wasm.ts.
//
// The usual tables indexed by secret nibbles leak through the cache. Here the tables are looked up with byte shuffles,
// whose time does not depend on the index: multiplying by the constant H is linear, so every nibble of the input
// contributes one of sixteen values to every byte of the output. The shuffles look up sixteen indices at once; the
// sixteen lanes are sixteen records, byte-sliced: vector j holds byte j of the accumulator of every record.
//
//   0      table: for input byte j (16), its low and its high nibble (2), output byte k (16): 16 values
//   8192   accumulators: vector j = byte j of all lanes
//   8448   the lanes of one step, one block of 16 bytes for each record
//   8704   tags: the accumulators as blocks, lane after lane
//   12288  input: lane after lane, blocks right-aligned (leading zero blocks change nothing)
//   131072 key stream

const TABLE: usize = 0;
const ACC: usize = 8192;
const TAGS: usize = 8704;
const INPUT: usize = 12288;

/** Reads 16 blocks, `stride` bytes apart, as a 16 by 16 matrix of bytes and writes it transposed to `to`; XORs if `add`. */
// @ts-ignore: decorator
@inline function transpose(from: usize, stride: usize, to: usize, add: bool): void {
  const r0 = v128.load(from), r1 = v128.load(from + stride), r2 = v128.load(from + 2 * stride), r3 = v128.load(from + 3 * stride);
  const r4 = v128.load(from + 4 * stride), r5 = v128.load(from + 5 * stride), r6 = v128.load(from + 6 * stride), r7 = v128.load(from + 7 * stride);
  const r8 = v128.load(from + 8 * stride), r9 = v128.load(from + 9 * stride), r10 = v128.load(from + 10 * stride), r11 = v128.load(from + 11 * stride);
  const r12 = v128.load(from + 12 * stride), r13 = v128.load(from + 13 * stride), r14 = v128.load(from + 14 * stride), r15 = v128.load(from + 15 * stride);
  // Interleaving row n with row n + 8 four times over transposes.
  const a0 = low(r0, r8), a1 = high(r0, r8), a2 = low(r1, r9), a3 = high(r1, r9);
  const a4 = low(r2, r10), a5 = high(r2, r10), a6 = low(r3, r11), a7 = high(r3, r11);
  const a8 = low(r4, r12), a9 = high(r4, r12), a10 = low(r5, r13), a11 = high(r5, r13);
  const a12 = low(r6, r14), a13 = high(r6, r14), a14 = low(r7, r15), a15 = high(r7, r15);
  const b0 = low(a0, a8), b1 = high(a0, a8), b2 = low(a1, a9), b3 = high(a1, a9);
  const b4 = low(a2, a10), b5 = high(a2, a10), b6 = low(a3, a11), b7 = high(a3, a11);
  const b8 = low(a4, a12), b9 = high(a4, a12), b10 = low(a5, a13), b11 = high(a5, a13);
  const b12 = low(a6, a14), b13 = high(a6, a14), b14 = low(a7, a15), b15 = high(a7, a15);
  const c0 = low(b0, b8), c1 = high(b0, b8), c2 = low(b1, b9), c3 = high(b1, b9);
  const c4 = low(b2, b10), c5 = high(b2, b10), c6 = low(b3, b11), c7 = high(b3, b11);
  const c8 = low(b4, b12), c9 = high(b4, b12), c10 = low(b5, b13), c11 = high(b5, b13);
  const c12 = low(b6, b14), c13 = high(b6, b14), c14 = low(b7, b15), c15 = high(b7, b15);
  put(to, low(c0, c8), add); put(to + 16, high(c0, c8), add); put(to + 32, low(c1, c9), add); put(to + 48, high(c1, c9), add);
  put(to + 64, low(c2, c10), add); put(to + 80, high(c2, c10), add); put(to + 96, low(c3, c11), add); put(to + 112, high(c3, c11), add);
  put(to + 128, low(c4, c12), add); put(to + 144, high(c4, c12), add); put(to + 160, low(c5, c13), add); put(to + 176, high(c5, c13), add);
  put(to + 192, low(c6, c14), add); put(to + 208, high(c6, c14), add); put(to + 224, low(c7, c15), add); put(to + 240, high(c7, c15), add);
}
// @ts-ignore: decorator
@inline function low(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
// @ts-ignore: decorator
@inline function high(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
// @ts-ignore: decorator
@inline function put(to: usize, value: v128, add: bool): void {
  v128.store(to, add ? v128.xor(v128.load(to), value) : value);
}
// @ts-ignore: decorator
@inline function look(table: usize, index: v128): v128 {
  return v128.swizzle(v128.load(table), index);
}

/** Output bytes `part * 8` to `part * 8 + 7` of H times the accumulators, to `to`. */
// @ts-ignore: decorator
@inline function multiplyHalf(part: usize, to: usize): void {
  let o0 = i64x2(0, 0), o1 = o0, o2 = o0, o3 = o0, o4 = o0, o5 = o0, o6 = o0, o7 = o0;
  const nibble = i8x16.splat(15);
  let table = TABLE + part * 128;
  for (let j: usize = 0; j < 256; j += 16) {
    const value = v128.load(ACC + j);
    const l = v128.and(value, nibble);
    const h = v128.shr<u8>(value, 4);
    o0 = v128.xor(o0, v128.xor(look(table, l), look(table + 256, h)));
    o1 = v128.xor(o1, v128.xor(look(table + 16, l), look(table + 272, h)));
    o2 = v128.xor(o2, v128.xor(look(table + 32, l), look(table + 288, h)));
    o3 = v128.xor(o3, v128.xor(look(table + 48, l), look(table + 304, h)));
    o4 = v128.xor(o4, v128.xor(look(table + 64, l), look(table + 320, h)));
    o5 = v128.xor(o5, v128.xor(look(table + 80, l), look(table + 336, h)));
    o6 = v128.xor(o6, v128.xor(look(table + 96, l), look(table + 352, h)));
    o7 = v128.xor(o7, v128.xor(look(table + 112, l), look(table + 368, h)));
    table += 512;
  }
  v128.store(to, o0); v128.store(to + 16, o1); v128.store(to + 32, o2); v128.store(to + 48, o3);
  v128.store(to + 64, o4); v128.store(to + 80, o5); v128.store(to + 96, o6); v128.store(to + 112, o7);
}

/** GHASH of `blocks` blocks of every lane (lanes are `laneLength` bytes apart); the results are then at TAGS. */
export function ghash(blocks: u32, laneLength: u32): void {
  for (let j: usize = 0; j < 256; j += 16) v128.store(ACC + j, i64x2(0, 0));
  for (let b: u32 = 0; b < blocks; b++) {
    transpose(INPUT + ((<usize>b) << 4), laneLength, ACC, true);
    multiplyHalf(0, TAGS);
    multiplyHalf(1, TAGS + 128);
    memory.copy(ACC, TAGS, 256);
  }
  transpose(ACC, 16, TAGS, false);
}

/** XORs `length` bytes at `from` into those at `to`; writes up to 15 bytes more (whole blocks). */
export function xor(to: usize, from: usize, length: u32): void {
  for (let i: usize = 0; i < <usize>length; i += 16) {
    v128.store(to + i, v128.xor(v128.load(to + i), v128.load(from + i)));
  }
}
