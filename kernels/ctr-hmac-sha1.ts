// Counter mode and HMAC-SHA1 (RFC 2104, FIPS 180-4) of up to sixteen packets at once, in AssemblyScript, for SRTP's
// AES_CM transform (RFC 3711 §4). `npm run kernels` compiles it into src/crypto/ctr-hmac-sha1-wasm.ts. AES itself is not
// here: the caller encrypts the counter blocks. SHA-1 runs in four lanes: word i of a vector belongs to packet i.
//
//   0      inner state of the HMAC key (5 words)        32    outer state
//   64     key block of the inner hash                  128   key block of the outer hash
//   192    digests, lane after lane, 32 bytes apart
//   704    what to do with each lane, 32 bytes apart: see FIELD below
//   1216   first counter blocks, lane after lane, 16 bytes apart
//   1472   message schedule: 80 vectors
//   3072   lanes: LANE_LENGTH bytes each; the packet begins 64 bytes into its lane
//   36864  counter blocks, packet after packet          69632 key stream, likewise

const INNER: usize = 0;
const OUTER: usize = 32;
const INNER_BLOCK: usize = 64;
const OUTER_BLOCK: usize = 128;
const DIGESTS: usize = 192;
const JOBS: usize = 704;
const COUNTERS: usize = 1216;
const SCHEDULE: usize = 1472;
const LANES: usize = 3072;
const LANE_LENGTH: usize = 2112;
const BLOCKS: usize = 36864;
const STREAM: usize = 69632;

// FIELD: offsets into an entry of JOBS. [start, end) is encrypted, but for four bytes at `gap` (0: none); the digest
// covers [0, macEnd) and, if there is a suffix, four bytes more that are not part of the packet.
const START: usize = 0;
const GAP: usize = 4;
const END: usize = 8;
const MAC_END: usize = 12;
const HAS_SUFFIX: usize = 16;
const SUFFIX: usize = 20;

// @ts-ignore: decorator
@inline function rotl(v: v128, n: i32): v128 {
  return v128.or(v128.shl<u32>(v, n), v128.shr<u32>(v, 32 - n));
}
// @ts-ignore: decorator
@inline function choose(b: v128, c: v128, d: v128): v128 {
  return v128.xor(d, v128.and(b, v128.xor(c, d)));
}
// @ts-ignore: decorator
@inline function parity(b: v128, c: v128, d: v128): v128 {
  return v128.xor(v128.xor(b, c), d);
}
// @ts-ignore: decorator
@inline function majority(b: v128, c: v128, d: v128): v128 {
  return v128.or(v128.and(b, c), v128.and(d, v128.or(b, c)));
}
// @ts-ignore: decorator
@inline function step(e: v128, a: v128, f: v128, k: v128, t: usize): v128 {
  return v128.add<u32>(v128.add<u32>(v128.add<u32>(e, k), v128.add<u32>(f, v128.load(t))), rotl(a, 5));
}
// @ts-ignore: decorator
@inline function swapBytes(v: v128): v128 {
  return v128.shuffle<u8>(v, v, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

/** Sixteen bytes of four packets to four vectors of the schedule. */
// @ts-ignore: decorator
@inline function gather(p0: usize, p1: usize, p2: usize, p3: usize, to: usize): void {
  const r0 = swapBytes(v128.load(p0)), r1 = swapBytes(v128.load(p1));
  const r2 = swapBytes(v128.load(p2)), r3 = swapBytes(v128.load(p3));
  const a = v128.shuffle<u32>(r0, r1, 0, 4, 1, 5), b = v128.shuffle<u32>(r2, r3, 0, 4, 1, 5);
  const c = v128.shuffle<u32>(r0, r1, 2, 6, 3, 7), d = v128.shuffle<u32>(r2, r3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<u64>(a, b, 0, 2));
  v128.store(to, v128.shuffle<u64>(a, b, 1, 3), 16);
  v128.store(to, v128.shuffle<u64>(c, d, 0, 2), 32);
  v128.store(to, v128.shuffle<u64>(c, d, 1, 3), 48);
}

// The state between blocks. Globals, since a function returns one value.
let s0: v128 = i32x4(0, 0, 0, 0);
let s1: v128 = i32x4(0, 0, 0, 0);
let s2: v128 = i32x4(0, 0, 0, 0);
let s3: v128 = i32x4(0, 0, 0, 0);
let s4: v128 = i32x4(0, 0, 0, 0);

/** One block of every lane, whose words are the first 16 vectors of the schedule (FIPS 180-4 §6.1.2). */
function compress(): void {
  for (let t = SCHEDULE + 16 * 16; t < SCHEDULE + 16 * 80; t += 16) {
    const near = v128.xor(v128.load(t - 16 * 3), v128.load(t - 16 * 8));
    const far = v128.xor(v128.load(t - 16 * 14), v128.load(t - 16 * 16));
    v128.store(t, rotl(v128.xor(near, far), 1));
  }
  let a = s0, b = s1, c = s2, d = s3, e = s4;
  let t = SCHEDULE;
  let k = i32x4.splat(0x5a827999);
  for (const stop = SCHEDULE + 16 * 20; t < stop; t += 80) {
    e = step(e, a, choose(b, c, d), k, t);
    b = rotl(b, 30);
    d = step(d, e, choose(a, b, c), k, t + 16);
    a = rotl(a, 30);
    c = step(c, d, choose(e, a, b), k, t + 32);
    e = rotl(e, 30);
    b = step(b, c, choose(d, e, a), k, t + 48);
    d = rotl(d, 30);
    a = step(a, b, choose(c, d, e), k, t + 64);
    c = rotl(c, 30);
  }
  k = i32x4.splat(0x6ed9eba1);
  for (const stop = SCHEDULE + 16 * 40; t < stop; t += 80) {
    e = step(e, a, parity(b, c, d), k, t);
    b = rotl(b, 30);
    d = step(d, e, parity(a, b, c), k, t + 16);
    a = rotl(a, 30);
    c = step(c, d, parity(e, a, b), k, t + 32);
    e = rotl(e, 30);
    b = step(b, c, parity(d, e, a), k, t + 48);
    d = rotl(d, 30);
    a = step(a, b, parity(c, d, e), k, t + 64);
    c = rotl(c, 30);
  }
  k = i32x4.splat(0x8f1bbcdc);
  for (const stop = SCHEDULE + 16 * 60; t < stop; t += 80) {
    e = step(e, a, majority(b, c, d), k, t);
    b = rotl(b, 30);
    d = step(d, e, majority(a, b, c), k, t + 16);
    a = rotl(a, 30);
    c = step(c, d, majority(e, a, b), k, t + 32);
    e = rotl(e, 30);
    b = step(b, c, majority(d, e, a), k, t + 48);
    d = rotl(d, 30);
    a = step(a, b, majority(c, d, e), k, t + 64);
    c = rotl(c, 30);
  }
  k = i32x4.splat(0xca62c1d6);
  for (const stop = SCHEDULE + 16 * 80; t < stop; t += 80) {
    e = step(e, a, parity(b, c, d), k, t);
    b = rotl(b, 30);
    d = step(d, e, parity(a, b, c), k, t + 16);
    a = rotl(a, 30);
    c = step(c, d, parity(e, a, b), k, t + 32);
    e = rotl(e, 30);
    b = step(b, c, parity(d, e, a), k, t + 48);
    d = rotl(d, 30);
    a = step(a, b, parity(c, d, e), k, t + 64);
    c = rotl(c, 30);
  }
  s0 = v128.add<u32>(s0, a);
  s1 = v128.add<u32>(s1, b);
  s2 = v128.add<u32>(s2, c);
  s3 = v128.add<u32>(s3, d);
  s4 = v128.add<u32>(s4, e);
}

// @ts-ignore: decorator
@inline function start(state: usize): void {
  s0 = v128.load32_splat(state, 0);
  s1 = v128.load32_splat(state, 4);
  s2 = v128.load32_splat(state, 8);
  s3 = v128.load32_splat(state, 12);
  s4 = v128.load32_splat(state, 16);
}

/** Hashes the two key blocks into INNER and OUTER. */
export function key(): void {
  s0 = i32x4.splat(0x67452301);
  s1 = i32x4.splat(0xefcdab89);
  s2 = i32x4.splat(0x98badcfe);
  s3 = i32x4.splat(0x10325476);
  s4 = i32x4.splat(0xc3d2e1f0);
  for (let i: usize = 0; i < 64; i += 16) {
    gather(INNER_BLOCK + i, OUTER_BLOCK + i, INNER_BLOCK + i, OUTER_BLOCK + i, SCHEDULE + i * 4);
  }
  compress();
  v128.store32_lane(INNER, s0, 0, 0);
  v128.store32_lane(INNER, s1, 0, 4);
  v128.store32_lane(INNER, s2, 0, 8);
  v128.store32_lane(INNER, s3, 0, 12);
  v128.store32_lane(INNER, s4, 0, 16);
  v128.store32_lane(OUTER, s0, 1, 0);
  v128.store32_lane(OUTER, s1, 1, 4);
  v128.store32_lane(OUTER, s2, 1, 8);
  v128.store32_lane(OUTER, s3, 1, 12);
  v128.store32_lane(OUTER, s4, 1, 16);
}

/** Appends suffix and padding (FIPS 180-4 §5.1.1) to the packet of a lane; how many blocks it then has. */
function pad(lane: usize): u32 {
  const job = JOBS + lane * 32;
  const packet = LANES + lane * LANE_LENGTH + 64;
  let length = <usize>load<u32>(job, MAC_END);
  if (load<u32>(job, HAS_SUFFIX) != 0) {
    store<u32>(packet + length, bswap(load<u32>(job, SUFFIX)));
    length += 4;
  }
  const blocks = (length + 9 + 63) >> 6;
  const end = packet + (blocks << 6);
  const zero = i64x2(0, 0);
  for (let at = packet + length; at < end; at += 16) v128.store(at, zero);
  store<u8>(packet + length, 0x80);
  // The block of the key comes first.
  store<u32>(end - 4, bswap((<u32>length + 64) << 3));
  return <u32>blocks;
}

/** HMAC of the packets of lanes `from` to `from + 3`, of which `count` are in use, to DIGESTS. */
export function mac(from: usize, count: usize): void {
  const n0 = pad(from);
  const n1 = count > 1 ? pad(from + 1) : 0;
  const n2 = count > 2 ? pad(from + 2) : 0;
  const n3 = count > 3 ? pad(from + 3) : 0;
  const p0 = LANES + from * LANE_LENGTH + 64;
  // Lanes that are not in use repeat the first.
  const p1 = count > 1 ? p0 + LANE_LENGTH : p0;
  const p2 = count > 2 ? p1 + LANE_LENGTH : p0;
  const p3 = count > 3 ? p2 + LANE_LENGTH : p0;
  const blocks = max(max(n0, n1), max(n2, n3));
  const counts = i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(n0), 1, n1), 2, n2), 3, n3);
  start(INNER);
  for (let b: u32 = 0; b < blocks; b++) {
    const at = (<usize>b) << 6;
    for (let i: usize = 0; i < 64; i += 16) {
      gather(p0 + at + i, p1 + at + i, p2 + at + i, p3 + at + i, SCHEDULE + i * 4);
    }
    const o0 = s0, o1 = s1, o2 = s2, o3 = s3, o4 = s4;
    compress();
    // A lane whose blocks are through keeps its state.
    const live = v128.gt<i32>(counts, i32x4.splat(b));
    s0 = v128.bitselect(s0, o0, live);
    s1 = v128.bitselect(s1, o1, live);
    s2 = v128.bitselect(s2, o2, live);
    s3 = v128.bitselect(s3, o3, live);
    s4 = v128.bitselect(s4, o4, live);
  }
  v128.store(SCHEDULE, s0);
  v128.store(SCHEDULE, s1, 16);
  v128.store(SCHEDULE, s2, 32);
  v128.store(SCHEDULE, s3, 48);
  v128.store(SCHEDULE, s4, 64);
  v128.store(SCHEDULE, i32x4.splat(0x80000000), 80);
  for (let t = SCHEDULE + 96; t < SCHEDULE + 240; t += 16) v128.store(t, i64x2(0, 0));
  v128.store(SCHEDULE, i32x4.splat((64 + 20) * 8), 240);
  start(OUTER);
  compress();
  const d0 = swapBytes(s0), d1 = swapBytes(s1), d2 = swapBytes(s2), d3 = swapBytes(s3), d4 = swapBytes(s4);
  const a = v128.shuffle<u32>(d0, d1, 0, 4, 1, 5), b = v128.shuffle<u32>(d2, d3, 0, 4, 1, 5);
  const c = v128.shuffle<u32>(d0, d1, 2, 6, 3, 7), d = v128.shuffle<u32>(d2, d3, 2, 6, 3, 7);
  const to = DIGESTS + from * 32;
  v128.store(to, v128.shuffle<u64>(a, b, 0, 2));
  v128.store(to, v128.shuffle<u64>(a, b, 1, 3), 32);
  v128.store(to, v128.shuffle<u64>(c, d, 0, 2), 64);
  v128.store(to, v128.shuffle<u64>(c, d, 1, 3), 96);
  v128.store32_lane(to, d4, 0, 16);
  v128.store32_lane(to, d4, 1, 48);
  v128.store32_lane(to, d4, 2, 80);
  v128.store32_lane(to, d4, 3, 112);
}

/** Bytes of a lane that are encrypted. */
// @ts-ignore: decorator
@inline function cryptLength(job: usize): usize {
  return <usize>load<u32>(job, END) - <usize>load<u32>(job, START) - (load<u32>(job, GAP) != 0 ? 4 : 0);
}

/** Writes the counter blocks of lanes 0 to `count - 1` to BLOCKS (RFC 3711 §4.1.1); returns their length in bytes. */
export function counters(count: usize): usize {
  let to = BLOCKS;
  for (let lane: usize = 0; lane < count; lane++) {
    const first = v128.load(COUNTERS + lane * 16);
    const blocks = (cryptLength(JOBS + lane * 32) + 15) >> 4;
    for (let i: usize = 0; i < blocks; i++) {
      // Never more than 256 blocks: a lane is shorter.
      v128.store(to, i8x16.replace_lane(first, 15, <i8>i));
      to += 16;
    }
  }
  return to - BLOCKS;
}

function xor(to: usize, from: usize, length: usize): void {
  let i: usize = 0;
  for (; i + 16 <= length; i += 16) v128.store(to + i, v128.xor(v128.load(to + i), v128.load(from + i)));
  for (; i < length; i++) store<u8>(to + i, load<u8>(to + i) ^ load<u8>(from + i));
}

/** XORs the key stream at STREAM into lanes 0 to `count - 1`. */
export function apply(count: usize): void {
  let from = STREAM;
  for (let lane: usize = 0; lane < count; lane++) {
    const job = JOBS + lane * 32;
    const packet = LANES + lane * LANE_LENGTH + 64;
    const length = cryptLength(job);
    const begin = packet + <usize>load<u32>(job, START);
    const gap = <usize>load<u32>(job, GAP);
    const before = gap != 0 ? packet + gap - begin : length;
    xor(begin, from, before);
    if (before < length) xor(begin + before + 4, from + before, length - before);
    from += (length + 15) & ~15;
  }
}
