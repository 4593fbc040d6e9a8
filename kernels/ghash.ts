// GHASH (NIST SP 800-38D §6.4) of up to sixteen records at once, in AssemblyScript. `npm run kernels` compiles it into
// src/crypto/ghash-wasm.ts.
//
// The usual tables indexed by secret nibbles leak through the cache. Here the tables are looked up with byte shuffles,
// whose time does not depend on the index: multiplying by a constant is linear, so every nibble of the input
// contributes one of sixteen values to every byte of the output. The shuffles look up sixteen indices at once; the
// vectors are byte-sliced: vector j holds byte j of the accumulator of every lane.
//
// Sixteen lanes are sixteen records, or eight of which each has two lanes, and so on to one record with sixteen: with w
// lanes a record, lane k takes the blocks k, k + w, k + 2w … and multiplies by H^w; what the lanes hold in the end is
// folded together with lower powers of H. There are tables for H, H^2, H^4, H^8 and H^16 then.
//
// A short record, or one under a key that has no tables, is hashed by itself with ordinary multiplications, whose time does
// not depend on their operands either.
//
//   512    scratch for tables: 16 values of 16 bytes
//   768    tags: the accumulators as blocks, lane after lane
//   1024   the power of H to make a table of               1040  a nonce (12 bytes)
//   2048   accumulators: vector j = byte j of all lanes    2304  the same, multiplied
//   4096   input: records one after the other, each right-aligned (leading zero blocks change nothing)
//   131072 key stream
//   262144 tables of 8192 bytes: for input byte j (16), its low and its high nibble (2), output byte k (16): 16 values

const ACC: usize = 2048;
const PRODUCT: usize = 2304;
const ROWS: usize = 512;
const TAGS: usize = 768;
const POWER: usize = 1024;
const NONCE: usize = 1040;
const INPUT: usize = 4096;
const TABLE_SIZE: usize = 8192;

/** Reads 16 blocks as a 16 by 16 matrix of bytes and writes it transposed to `to`; XORs if `add`. */
// @ts-ignore: decorator
@inline function transposeRows(
  p0: usize, p1: usize, p2: usize, p3: usize, p4: usize, p5: usize, p6: usize, p7: usize,
  p8: usize, p9: usize, p10: usize, p11: usize, p12: usize, p13: usize, p14: usize, p15: usize,
  to: usize, add: bool,
): void {
  const r0 = v128.load(p0), r1 = v128.load(p1), r2 = v128.load(p2), r3 = v128.load(p3);
  const r4 = v128.load(p4), r5 = v128.load(p5), r6 = v128.load(p6), r7 = v128.load(p7);
  const r8 = v128.load(p8), r9 = v128.load(p9), r10 = v128.load(p10), r11 = v128.load(p11);
  const r12 = v128.load(p12), r13 = v128.load(p13), r14 = v128.load(p14), r15 = v128.load(p15);
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
/** The same for blocks `stride` bytes apart. */
function transpose(from: usize, stride: usize, to: usize, add: bool): void {
  transposeRows(
    from, from + stride, from + 2 * stride, from + 3 * stride,
    from + 4 * stride, from + 5 * stride, from + 6 * stride, from + 7 * stride,
    from + 8 * stride, from + 9 * stride, from + 10 * stride, from + 11 * stride,
    from + 12 * stride, from + 13 * stride, from + 14 * stride, from + 15 * stride,
    to, add,
  );
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

/** Output bytes `part * 8` to `part * 8 + 7` of the accumulators at `from` times the table's constant, to `to`. */
// @ts-ignore: decorator
@inline function multiplyHalf(tables: usize, part: usize, to: usize): void {
  let o0 = i64x2(0, 0), o1 = o0, o2 = o0, o3 = o0, o4 = o0, o5 = o0, o6 = o0, o7 = o0;
  const nibble = i8x16.splat(15);
  let table = tables + part * 128;
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

/** The accumulators times the table's constant, to PRODUCT. */
function multiply(table: usize): void {
  multiplyHalf(table, 0, PRODUCT);
  multiplyHalf(table, 1, PRODUCT + 128);
}

/**
 * GHASH of records of `blocks` blocks each, a multiple of the lanes per record (2 to the power of `level`), `length` bytes
 * apart. The tag of record i is then at TAGS, 16 * i * lanes per record.
 */
export function ghash(tables: usize, level: u32, blocks: u32, length: u32): void {
  const lanes: usize = 1 << level;
  const top = tables + (<usize>level) * TABLE_SIZE;
  for (let j: usize = 0; j < 256; j += 16) v128.store(ACC + j, i64x2(0, 0));
  const steps = (<usize>blocks) >> level;
  let at = INPUT;
  for (let step: usize = 1; ; step++) {
    if (level == 0) transpose(at, length, ACC, true);
    else if (level == 1) transposeTwo(at, length, ACC);
    else if (level == 2) transposeFour(at, length, ACC);
    else if (level == 3) transposeEight(at, length, ACC);
    else transpose(at, 16, ACC, true);
    // The last blocks are multiplied by lower powers below.
    if (step == steps) break;
    multiply(top);
    memory.copy(ACC, PRODUCT, 256);
    at += lanes << 4;
  }
  for (let down = <i32>level - 1; down >= 0; down--) {
    multiply(tables + (<usize>down) * TABLE_SIZE);
    // Adds what lies 2^down lanes further on.
    const shift = v128.add<u8>(
      i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
      i8x16.splat(<i8>((1 as i32) << down)),
    );
    for (let j: usize = 0; j < 256; j += 16) {
      v128.store(ACC + j, v128.xor(v128.load(PRODUCT + j), v128.swizzle(v128.load(ACC + j), shift)));
    }
  }
  multiply(tables);
  transpose(PRODUCT, 16, TAGS, false);
}

/** As `transpose`, adding, for two lanes a record. The lanes of a record are neighbours. */
function transposeTwo(at: usize, length: usize, to: usize): void {
  transposeRows(
    at, at + 16, at + length, at + length + 16,
    at + 2 * length, at + 2 * length + 16, at + 3 * length, at + 3 * length + 16,
    at + 4 * length, at + 4 * length + 16, at + 5 * length, at + 5 * length + 16,
    at + 6 * length, at + 6 * length + 16, at + 7 * length, at + 7 * length + 16,
    to, true,
  );
}
function transposeFour(at: usize, length: usize, to: usize): void {
  transposeRows(
    at, at + 16, at + 32, at + 48,
    at + length, at + length + 16, at + length + 32, at + length + 48,
    at + 2 * length, at + 2 * length + 16, at + 2 * length + 32, at + 2 * length + 48,
    at + 3 * length, at + 3 * length + 16, at + 3 * length + 32, at + 3 * length + 48,
    to, true,
  );
}
function transposeEight(at: usize, length: usize, to: usize): void {
  transposeRows(
    at, at + 16, at + 32, at + 48, at + 64, at + 80, at + 96, at + 112,
    at + length, at + length + 16, at + length + 32, at + length + 48,
    at + length + 64, at + length + 80, at + length + 96, at + length + 112,
    to, true,
  );
}

// Every fourth bit, so that sums of products of such numbers carry into the next one's place at most as far as the gap.
const EVERY_FOURTH: u64 = 0x1111111111111111;

/** The lower 64 bits of the product of two polynomials over GF(2). */
// @ts-ignore: decorator
@inline function product(x: u64, y: u64): u64 {
  const x0 = x & EVERY_FOURTH, x1 = x & (EVERY_FOURTH << 1), x2 = x & (EVERY_FOURTH << 2), x3 = x & (EVERY_FOURTH << 3);
  const y0 = y & EVERY_FOURTH, y1 = y & (EVERY_FOURTH << 1), y2 = y & (EVERY_FOURTH << 2), y3 = y & (EVERY_FOURTH << 3);
  // The place of every bit of the sum, modulo four, is that of its factors.
  const z0 = (x0 * y0) ^ (x1 * y3) ^ (x2 * y2) ^ (x3 * y1);
  const z1 = (x0 * y1) ^ (x1 * y0) ^ (x2 * y3) ^ (x3 * y2);
  const z2 = (x0 * y2) ^ (x1 * y1) ^ (x2 * y0) ^ (x3 * y3);
  const z3 = (x0 * y3) ^ (x1 * y2) ^ (x2 * y1) ^ (x3 * y0);
  return (
    (z0 & EVERY_FOURTH) |
    (z1 & (EVERY_FOURTH << 1)) |
    (z2 & (EVERY_FOURTH << 2)) |
    (z3 & (EVERY_FOURTH << 3))
  );
}

/** The bits in reverse. */
// @ts-ignore: decorator
@inline function reverse(x: u64): u64 {
  x = ((x & 0x5555555555555555) << 1) | ((x >> 1) & 0x5555555555555555);
  x = ((x & 0x3333333333333333) << 2) | ((x >> 2) & 0x3333333333333333);
  x = ((x & 0x0f0f0f0f0f0f0f0f) << 4) | ((x >> 4) & 0x0f0f0f0f0f0f0f0f);
  return bswap<u64>(x);
}

/** GHASH of the `blocks` blocks of one record, without tables: H is at POWER. The tag is then at TAGS. */
export function ghashOne(blocks: u32): void {
  // A polynomial's lowest power is the top bit of byte 0: read that way, numbers are reversed polynomials, and so are
  // their products, but for one place (SP 800-38D §6.3). `l` is x^64 and higher, `h` below; `r` is reversed.
  const hh = bswap<u64>(load<u64>(POWER)), hl = bswap<u64>(load<u64>(POWER, 8));
  const hhr = reverse(hh), hlr = reverse(hl);
  const hm = hh ^ hl, hmr = hhr ^ hlr;
  let yh: u64 = 0, yl: u64 = 0;
  for (let at = INPUT, end = INPUT + ((<usize>blocks) << 4); at < end; at += 16) {
    yh ^= bswap<u64>(load<u64>(at));
    yl ^= bswap<u64>(load<u64>(at, 8));
    const yhr = reverse(yh), ylr = reverse(yl);
    // Three products (Karatsuba), the upper half of each by way of reversed factors.
    const l0 = product(yl, hl), h0 = product(yh, hh);
    const m0 = product(yl ^ yh, hm) ^ l0 ^ h0;
    let l1 = product(ylr, hlr), h1 = product(yhr, hhr);
    let m1 = product(ylr ^ yhr, hmr) ^ l1 ^ h1;
    l1 = reverse(l1) >> 1;
    h1 = reverse(h1) >> 1;
    m1 = reverse(m1) >> 1;
    // 255 bits, moved by the one place.
    let v0 = l0, v1 = l1 ^ m0, v2 = h0 ^ m1, v3 = h1;
    v3 = (v3 << 1) | (v2 >> 63);
    v2 = (v2 << 1) | (v1 >> 63);
    v1 = (v1 << 1) | (v0 >> 63);
    v0 = v0 << 1;
    // Modulo x^128 + x^7 + x^2 + x + 1, in two steps.
    v2 ^= v0 ^ (v0 >> 1) ^ (v0 >> 2) ^ (v0 >> 7);
    v1 ^= (v0 << 63) ^ (v0 << 62) ^ (v0 << 57);
    v3 ^= v1 ^ (v1 >> 1) ^ (v1 >> 2) ^ (v1 >> 7);
    v2 ^= (v1 << 63) ^ (v1 << 62) ^ (v1 << 57);
    yh = v3;
    yl = v2;
  }
  store<u64>(TAGS, bswap<u64>(yh));
  store<u64>(TAGS, bswap<u64>(yl), 8);
}

/** Makes the table of the constant at POWER. */
export function table(to: usize): void {
  // The constant times x^i, where x^0 is the top bit of byte 0 (SP 800-38D §6.3).
  let high = bswap<u64>(load<u64>(POWER));
  let low = bswap<u64>(load<u64>(POWER, 8));
  // Eight products to a byte: the four of the high nibble first.
  for (let j: usize = 0; j < 16; j++) {
    for (let half: i32 = 1; half >= 0; half--) {
      v128.store(ROWS, i64x2(0, 0));
      for (let bit: usize = 8; bit > 0; bit >>= 1) {
        const product = i64x2(bswap<u64>(high), bswap<u64>(low));
        // Values whose highest bit this is are those with lower bits, plus the product: made when those are there.
        v128.store(ROWS + (bit << 4), product);
        const carry = low & 1;
        low = (low >> 1) | (high << 63);
        high = (high >> 1) ^ (0xe100000000000000 & (0 - carry));
      }
      for (let bit: usize = 2; bit < 16; bit <<= 1) {
        const product = v128.load(ROWS + (bit << 4));
        for (let value: usize = 1; value < bit; value++) {
          v128.store(ROWS + ((bit + value) << 4), v128.xor(product, v128.load(ROWS + (value << 4))));
        }
      }
      transpose(ROWS, 16, to + j * 512 + (<usize>half) * 256, false);
    }
  }
}

/** The constant at POWER times that of the table, to POWER. */
export function power(tables: usize): void {
  for (let j: usize = 0; j < 16; j++) v128.store(ACC + (j << 4), i8x16.splat(load<i8>(POWER + j)));
  multiply(tables);
  for (let j: usize = 0; j < 16; j++) store<u8>(POWER + j, load<u8>(PRODUCT + (j << 4)));
}

/** Counter blocks 1 to `count` of the nonce at NONCE to `to` (SP 800-38D §7.1). */
export function counters(to: usize, count: u32): void {
  const nonce = v128.load(NONCE);
  for (let i: u32 = 1; i <= count; i++) {
    v128.store(to, i32x4.replace_lane(nonce, 3, bswap(i)));
    to += 16;
  }
}

/** XORs `length` bytes at `from` into those at `to`; writes up to 15 bytes more (whole blocks). */
export function xor(to: usize, from: usize, length: u32): void {
  for (let i: usize = 0; i < <usize>length; i += 16) {
    v128.store(to + i, v128.xor(v128.load(to + i), v128.load(from + i)));
  }
}
