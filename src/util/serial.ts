// Serial number arithmetic (RFC 1982) for 16- and 32-bit counters that wrap around.

/** Signed distance from `b` to `a` of 32-bit serials: positive if `a` is later. */
export function serialDiff32(a: number, b: number): number {
  return (a - b) | 0;
}

/** True if the 32-bit serial `a` is later than `b`. */
export function serialGreater32(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/** True if the 32-bit serial `a` is `b` or later. */
export function serialGreaterEqual32(a: number, b: number): boolean {
  return ((a - b) | 0) >= 0;
}

/** The 32-bit serial `count` steps after `a` (negative: before). */
export function serialAdd32(a: number, count: number): number {
  return (a + count) >>> 0;
}

/** Signed distance from `b` to `a` of 16-bit serials: positive if `a` is later. */
export function serialDiff16(a: number, b: number): number {
  return ((a - b) << 16) >> 16;
}

/** True if the 16-bit serial `a` is later than `b`. */
export function serialGreater16(a: number, b: number): boolean {
  return serialDiff16(a, b) > 0;
}

/** The 16-bit serial `count` steps after `a` (negative: before). */
export function serialAdd16(a: number, count: number): number {
  return (a + count) & 0xffff;
}
