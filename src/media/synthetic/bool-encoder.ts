// The boolean entropy encoder of VP8 (RFC 6386 §7): an arithmetic coder of bits with known probabilities.

export class BoolEncoder {
  private bytes = new Uint8Array(4096);
  private length = 0;
  private range = 255;
  /** Lower end of the interval: the bits that are not in `bytes` yet. */
  private bottom = 0;
  /** Shifts until the next byte is whole. */
  private shifts = 24;

  reset(): void {
    this.length = 0;
    this.range = 255;
    this.bottom = 0;
    this.shifts = 24;
  }

  /** `probability` of 256 that the bit is 0. */
  bool(probability: number, bit: boolean | number): void {
    const split = 1 + (((this.range - 1) * probability) >> 8);
    if (bit) {
      this.bottom += split; // Below 2 ** 32: what is carried shows in the highest bit before it is shifted out.
      this.range -= split;
    } else this.range = split;
    while (this.range < 128) {
      this.range <<= 1;
      this.shift();
    }
  }

  private shift(): void {
    if (this.bottom >= 0x8000_0000) {
      this.carry();
      this.bottom -= 0x8000_0000;
    }
    this.bottom *= 2;
    if (--this.shifts === 0) {
      this.push(this.bottom >>> 24);
      this.bottom &= 0xffffff;
      this.shifts = 8;
    }
  }

  private carry(): void {
    let at = this.length - 1;
    while (at >= 0 && this.bytes[at] === 255) this.bytes[at--] = 0;
    if (at >= 0) this.bytes[at]!++;
  }

  private push(byte: number): void {
    if (this.length === this.bytes.length) {
      const grown = new Uint8Array(this.length * 2);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes[this.length++] = byte;
  }

  /** L(n): an unsigned number, its highest bit first, each as likely as not. */
  literal(value: number, bits: number): void {
    for (let i = bits - 1; i >= 0; i--) this.bool(128, (value >> i) & 1);
  }

  /** What was written, valid until the next `reset`. */
  finish(): Uint8Array {
    for (let i = 0; i < 32; i++) this.shift();
    return this.bytes.subarray(0, this.length);
  }
}
