// Memory for outgoing datagrams. Allocating a small Uint8Array costs V8 about as much as sealing a packet, a view into a
// large one does not. What is carved belongs to the caller and is never handed out again; a slab lives as long as its
// last view, so this is for memory that is gone soon, not for memory that is kept.

const SLAB_SIZE = 65536;
/** Larger pieces get memory of their own, so that little of a slab is wasted. */
const LARGEST_PIECE = SLAB_SIZE / 4;

let slab = new Uint8Array(0);
let used = 0;

/** `length` bytes of fresh, zeroed memory. */
export function carve(length: number): Uint8Array<ArrayBuffer> {
  if (length > LARGEST_PIECE) return new Uint8Array(length);
  if (used + length > slab.length) {
    slab = new Uint8Array(SLAB_SIZE);
    used = 0;
  }
  const piece = slab.subarray(used, used + length);
  used += (length + 7) & ~7;
  return piece;
}
