// ChaCha20-Poly1305 (RFC 8439) over one page of memory, in AssemblyScript. `npm run kernels` compiles it into
// src/crypto/chacha20-poly1305-wasm.ts. No table look-ups and no branches on secrets: constant time by construction.
//
//   0     key (32)            48  nonce (12)          64  tag (16)
//   1008  additional data, zero-padded to 16          1024  data, up to MAX_DATA, then room for padding and lengths
//   24576 key stream: block 0 (one-time Poly1305 key), then the stream of the data

const KEY: usize = 0;
const NONCE: usize = 48;
const TAG: usize = 64;
const AAD: usize = 1008;
const DATA: usize = 1024;
const STREAM: usize = 24576;

// biome-ignore format: shuffles read better in rows of four
// @ts-ignore: decorator
@inline function rotl16(v: v128): v128 {
  return v128.shuffle<u8>(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}
// @ts-ignore: decorator
@inline function rotl8(v: v128): v128 {
  return v128.shuffle<u8>(v, v, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
}
// @ts-ignore: decorator
@inline function rotl12(v: v128): v128 {
  return v128.or(v128.shl<u32>(v, 12), v128.shr<u32>(v, 20));
}
// @ts-ignore: decorator
@inline function rotl7(v: v128): v128 {
  return v128.or(v128.shl<u32>(v, 7), v128.shr<u32>(v, 25));
}

/** Writes four 16-byte pieces: words a to d of the blocks in lanes 0 to 3, at `to` and every 64 bytes after it. */
// @ts-ignore: decorator
@inline function storeTransposed(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab01 = v128.shuffle<u32>(a, b, 0, 4, 1, 5);
  const cd01 = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
  const ab23 = v128.shuffle<u32>(a, b, 2, 6, 3, 7);
  const cd23 = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<u64>(ab01, cd01, 0, 2));
  v128.store(to + 64, v128.shuffle<u64>(ab01, cd01, 1, 3));
  v128.store(to + 128, v128.shuffle<u64>(ab23, cd23, 0, 2));
  v128.store(to + 192, v128.shuffle<u64>(ab23, cd23, 1, 3));
}

/** Key stream of the blocks `counter` to `counter + 3` (RFC 8439 §2.3), 256 bytes, at `to`. */
function fourBlocks(counter: u32, to: usize): void {
  const s0 = i32x4.splat(0x61707865);
  const s1 = i32x4.splat(0x3320646e);
  const s2 = i32x4.splat(0x79622d32);
  const s3 = i32x4.splat(0x6b206574);
  const s4 = v128.load32_splat(KEY, 0);
  const s5 = v128.load32_splat(KEY, 4);
  const s6 = v128.load32_splat(KEY, 8);
  const s7 = v128.load32_splat(KEY, 12);
  const s8 = v128.load32_splat(KEY, 16);
  const s9 = v128.load32_splat(KEY, 20);
  const s10 = v128.load32_splat(KEY, 24);
  const s11 = v128.load32_splat(KEY, 28);
  const s12 = v128.add<u32>(i32x4.splat(counter), i32x4(0, 1, 2, 3));
  const s13 = v128.load32_splat(NONCE, 0);
  const s14 = v128.load32_splat(NONCE, 4);
  const s15 = v128.load32_splat(NONCE, 8);
  let x0 = s0, x1 = s1, x2 = s2, x3 = s3, x4 = s4, x5 = s5, x6 = s6, x7 = s7;
  let x8 = s8, x9 = s9, x10 = s10, x11 = s11, x12 = s12, x13 = s13, x14 = s14, x15 = s15;
  for (let i = 0; i < 10; i++) {
    // Column rounds, the four quarter rounds interleaved.
    x0 = v128.add<u32>(x0, x4); x1 = v128.add<u32>(x1, x5); x2 = v128.add<u32>(x2, x6); x3 = v128.add<u32>(x3, x7);
    x12 = rotl16(v128.xor(x12, x0)); x13 = rotl16(v128.xor(x13, x1)); x14 = rotl16(v128.xor(x14, x2)); x15 = rotl16(v128.xor(x15, x3));
    x8 = v128.add<u32>(x8, x12); x9 = v128.add<u32>(x9, x13); x10 = v128.add<u32>(x10, x14); x11 = v128.add<u32>(x11, x15);
    x4 = rotl12(v128.xor(x4, x8)); x5 = rotl12(v128.xor(x5, x9)); x6 = rotl12(v128.xor(x6, x10)); x7 = rotl12(v128.xor(x7, x11));
    x0 = v128.add<u32>(x0, x4); x1 = v128.add<u32>(x1, x5); x2 = v128.add<u32>(x2, x6); x3 = v128.add<u32>(x3, x7);
    x12 = rotl8(v128.xor(x12, x0)); x13 = rotl8(v128.xor(x13, x1)); x14 = rotl8(v128.xor(x14, x2)); x15 = rotl8(v128.xor(x15, x3));
    x8 = v128.add<u32>(x8, x12); x9 = v128.add<u32>(x9, x13); x10 = v128.add<u32>(x10, x14); x11 = v128.add<u32>(x11, x15);
    x4 = rotl7(v128.xor(x4, x8)); x5 = rotl7(v128.xor(x5, x9)); x6 = rotl7(v128.xor(x6, x10)); x7 = rotl7(v128.xor(x7, x11));
    // Diagonal rounds.
    x0 = v128.add<u32>(x0, x5); x1 = v128.add<u32>(x1, x6); x2 = v128.add<u32>(x2, x7); x3 = v128.add<u32>(x3, x4);
    x15 = rotl16(v128.xor(x15, x0)); x12 = rotl16(v128.xor(x12, x1)); x13 = rotl16(v128.xor(x13, x2)); x14 = rotl16(v128.xor(x14, x3));
    x10 = v128.add<u32>(x10, x15); x11 = v128.add<u32>(x11, x12); x8 = v128.add<u32>(x8, x13); x9 = v128.add<u32>(x9, x14);
    x5 = rotl12(v128.xor(x5, x10)); x6 = rotl12(v128.xor(x6, x11)); x7 = rotl12(v128.xor(x7, x8)); x4 = rotl12(v128.xor(x4, x9));
    x0 = v128.add<u32>(x0, x5); x1 = v128.add<u32>(x1, x6); x2 = v128.add<u32>(x2, x7); x3 = v128.add<u32>(x3, x4);
    x15 = rotl8(v128.xor(x15, x0)); x12 = rotl8(v128.xor(x12, x1)); x13 = rotl8(v128.xor(x13, x2)); x14 = rotl8(v128.xor(x14, x3));
    x10 = v128.add<u32>(x10, x15); x11 = v128.add<u32>(x11, x12); x8 = v128.add<u32>(x8, x13); x9 = v128.add<u32>(x9, x14);
    x5 = rotl7(v128.xor(x5, x10)); x6 = rotl7(v128.xor(x6, x11)); x7 = rotl7(v128.xor(x7, x8)); x4 = rotl7(v128.xor(x4, x9));
  }
  storeTransposed(to, v128.add<u32>(x0, s0), v128.add<u32>(x1, s1), v128.add<u32>(x2, s2), v128.add<u32>(x3, s3));
  storeTransposed(to + 16, v128.add<u32>(x4, s4), v128.add<u32>(x5, s5), v128.add<u32>(x6, s6), v128.add<u32>(x7, s7));
  storeTransposed(to + 32, v128.add<u32>(x8, s8), v128.add<u32>(x9, s9), v128.add<u32>(x10, s10), v128.add<u32>(x11, s11));
  storeTransposed(to + 48, v128.add<u32>(x12, s12), v128.add<u32>(x13, s13), v128.add<u32>(x14, s14), v128.add<u32>(x15, s15));
}

function makeStream(length: u32): void {
  const blocks = 1 + ((length + 63) >> 6);
  for (let n: u32 = 0; n < <u32>blocks; n += 4) fourBlocks(n, STREAM + ((<usize>n) << 6));
}

/** XORs the stream into the data, in whole pieces of 16 bytes. */
function applyStream(length: u32): void {
  for (let i: usize = 0; i < <usize>length; i += 16) {
    v128.store(DATA + i, v128.xor(v128.load(DATA + i), v128.load(STREAM + 64 + i)));
  }
}

/** Poly1305 (RFC 8439 §2.5) of additional data, ciphertext and their lengths (§2.8), keyed by block 0, to `to`. */
function authenticate(aadLength: u32, length: u32, to: usize): void {
  const padded = (length + 15) & ~15;
  // What lies behind the ciphertext may be stream or old data: the padding must be zero.
  for (let i = length; i < padded; i++) store<u8>(DATA + i, 0);
  store<u64>(DATA + padded, aadLength);
  store<u64>(DATA + padded + 8, length);
  const end = DATA + padded + 16;

  const t0 = <u64>load<u32>(STREAM, 0);
  const t1 = <u64>load<u32>(STREAM, 4);
  const t2 = <u64>load<u32>(STREAM, 8);
  const t3 = <u64>load<u32>(STREAM, 12);
  const r0 = t0 & 0x3ffffff;
  const r1 = ((t0 >> 26) | (t1 << 6)) & 0x3ffff03;
  const r2 = ((t1 >> 20) | (t2 << 12)) & 0x3ffc0ff;
  const r3 = ((t2 >> 14) | (t3 << 18)) & 0x3f03fff;
  const r4 = (t3 >> 8) & 0x00fffff;
  const s1 = r1 * 5;
  const s2 = r2 * 5;
  const s3 = r3 * 5;
  const s4 = r4 * 5;
  let h0: u64 = 0, h1: u64 = 0, h2: u64 = 0, h3: u64 = 0, h4: u64 = 0;

  for (let at: usize = aadLength > 0 ? AAD : DATA; at < end; at += 16) {
    const low = load<u64>(at, 0);
    const high = load<u64>(at, 8);
    h0 += low & 0x3ffffff;
    h1 += (low >> 26) & 0x3ffffff;
    h2 += ((low >> 52) | (high << 12)) & 0x3ffffff;
    h3 += (high >> 14) & 0x3ffffff;
    h4 += (high >> 40) | (1 << 24);
    const d0 = h0 * r0 + h1 * s4 + h2 * s3 + h3 * s2 + h4 * s1;
    let d1 = h0 * r1 + h1 * r0 + h2 * s4 + h3 * s3 + h4 * s2;
    let d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s4 + h4 * s3;
    let d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s4;
    let d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0;
    h0 = d0 & 0x3ffffff; d1 += d0 >> 26;
    h1 = d1 & 0x3ffffff; d2 += d1 >> 26;
    h2 = d2 & 0x3ffffff; d3 += d2 >> 26;
    h3 = d3 & 0x3ffffff; d4 += d3 >> 26;
    h4 = d4 & 0x3ffffff; h0 += (d4 >> 26) * 5;
    h1 += h0 >> 26; h0 &= 0x3ffffff;
  }

  h2 += h1 >> 26; h1 &= 0x3ffffff;
  h3 += h2 >> 26; h2 &= 0x3ffffff;
  h4 += h3 >> 26; h3 &= 0x3ffffff;
  h0 += (h4 >> 26) * 5; h4 &= 0x3ffffff;
  h1 += h0 >> 26; h0 &= 0x3ffffff;
  // h - (2^130 - 5), taken if it is not negative, by masks.
  let g0 = h0 + 5;
  let g1 = h1 + (g0 >> 26); g0 &= 0x3ffffff;
  let g2 = h2 + (g1 >> 26); g1 &= 0x3ffffff;
  let g3 = h3 + (g2 >> 26); g2 &= 0x3ffffff;
  const g4 = h4 + (g3 >> 26) - (1 << 26); g3 &= 0x3ffffff;
  const keep = <u64>(<i64>g4 >> 63);
  h0 = (h0 & keep) | (g0 & ~keep);
  h1 = (h1 & keep) | (g1 & ~keep);
  h2 = (h2 & keep) | (g2 & ~keep);
  h3 = (h3 & keep) | (g3 & ~keep);
  h4 = (h4 & keep) | (g4 & ~keep);

  let sum = ((h0 | (h1 << 26)) & 0xffffffff) + <u64>load<u32>(STREAM, 16);
  store<u32>(to, <u32>sum, 0);
  sum = (((h1 >> 6) | (h2 << 20)) & 0xffffffff) + <u64>load<u32>(STREAM, 20) + (sum >> 32);
  store<u32>(to, <u32>sum, 4);
  sum = (((h2 >> 12) | (h3 << 14)) & 0xffffffff) + <u64>load<u32>(STREAM, 24) + (sum >> 32);
  store<u32>(to, <u32>sum, 8);
  sum = (((h3 >> 18) | (h4 << 8)) & 0xffffffff) + <u64>load<u32>(STREAM, 28) + (sum >> 32);
  store<u32>(to, <u32>sum, 12);
}

/** Encrypts `length` bytes at DATA in place; the tag is then at TAG. `aadLength` is at most 16. */
export function seal(aadLength: u32, length: u32): void {
  makeStream(length);
  applyStream(length);
  authenticate(aadLength, length, TAG);
}

/** Checks the tag at TAG against `length` bytes at DATA and, if it is right, decrypts them in place. */
export function open(aadLength: u32, length: u32): bool {
  makeStream(length);
  const expected = TAG + 16;
  authenticate(aadLength, length, expected);
  const different = (load<u64>(TAG) ^ load<u64>(expected)) | (load<u64>(TAG, 8) ^ load<u64>(expected, 8));
  if (different != 0) return false;
  applyStream(length);
  return true;
}
