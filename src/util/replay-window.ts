// Anti-replay window over sequence numbers that only grow (RFC 6347 §4.1.2.6, RFC 3711 §3.3.2), as a ring of bit words
// (the layout of RFC 6479), so that moving it forward clears whole words. Not for numbers that wrap around: the caller
// extends those first.

export class ReplayWindow {
  /** How far behind the newest number one is still told from a repeat. */
  readonly size: number;
  private readonly words: Int32Array;
  private readonly mask: number;
  /** The newest number accepted; -1 before the first. */
  private newest: number;

  /**
   * `size` is rounded up so that the ring has a power of two of 32-bit words, one of them spare. Numbers up to `newest` are
   * taken for seen.
   */
  constructor(size = 64, newest = -1) {
    let count = 2;
    while ((count - 1) * 32 < size) count *= 2;
    this.words = new Int32Array(count);
    this.mask = count - 1;
    this.size = (count - 1) * 32;
    this.newest = newest;
    if (newest < 0) return;
    this.words.fill(-1);
    // Of the newest's word, what is beyond it is still to come.
    this.words[wordOf(newest) & this.mask] = (2 << (newest % 32)) - 1;
  }

  /** False if `sequence` was seen, or is too old to tell. To be asked before authentication; changes nothing. */
  check(sequence: number): boolean {
    if (sequence > this.newest) return true;
    if (sequence <= this.newest - this.size) return false;
    return (this.words[wordOf(sequence) & this.mask]! & (1 << (sequence % 32))) === 0;
  }

  /** Whether all numbers from `from` to `to` were seen. False if one of them is too old to tell. */
  seen(from: number, to: number): boolean {
    if (from < 0 || from <= this.newest - this.size || to > this.newest) return false;
    for (let at = from; at <= to; ) {
      const word = wordOf(at);
      const start = word * 32;
      const end = Math.min(to, start + 31);
      // The bits of `at` to `end`.
      const bits = (-1 << (at - start)) & (-1 >>> (31 - (end - start)));
      if ((this.words[word & this.mask]! & bits) !== bits) return false;
      at = end + 1;
    }
    return true;
  }

  /** Marks `sequence` as seen, after authentication. False if `check` would have said so. */
  update(sequence: number): boolean {
    if (!this.check(sequence)) return false;
    const word = wordOf(sequence);
    if (sequence > this.newest) {
      const last = this.newest < 0 ? -1 : wordOf(this.newest);
      const fresh = Math.min(word - last, this.words.length);
      for (let i = 0; i < fresh; i++) this.words[(word - i) & this.mask] = 0;
      this.newest = sequence;
    }
    this.words[word & this.mask]! |= 1 << (sequence % 32);
    return true;
  }
}

/** `floor(sequence / 32)`, which exceeds 32 bits for 48-bit sequences; only its low bits are used as an index. */
function wordOf(sequence: number): number {
  return Math.floor(sequence / 32);
}
