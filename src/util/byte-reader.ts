// Bounds-checked big-endian reader for cold codecs. A read past the end returns zeros and sets `failed`; parsers read
// everything, then check `failed` once, so that no malformed input needs an exception. Not for the packet path.

const EMPTY = new Uint8Array(0);

export class ByteReader {
  readonly data: Uint8Array;
  offset: number;
  readonly end: number;
  /** True once any read went past the end. */
  failed = false;

  constructor(data: Uint8Array, offset = 0, end: number = data.length) {
    this.data = data;
    this.offset = offset;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  /** True when every byte was read and no read failed. */
  get done(): boolean {
    return !this.failed && this.offset === this.end;
  }

  private take(count: number): number {
    const at = this.offset;
    if (this.failed || count > this.end - at) {
      this.failed = true;
      return -1;
    }
    this.offset = at + count;
    return at;
  }

  u8(): number {
    const at = this.take(1);
    return at < 0 ? 0 : this.data[at]!;
  }

  u16(): number {
    const at = this.take(2);
    return at < 0 ? 0 : (this.data[at]! << 8) | this.data[at + 1]!;
  }

  u24(): number {
    const at = this.take(3);
    return at < 0 ? 0 : (this.data[at]! << 16) | (this.data[at + 1]! << 8) | this.data[at + 2]!;
  }

  u32(): number {
    const at = this.take(4);
    if (at < 0) return 0;
    const d = this.data;
    return ((d[at]! << 24) | (d[at + 1]! << 16) | (d[at + 2]! << 8) | d[at + 3]!) >>> 0;
  }

  /** A 48-bit number (exact in a double). */
  u48(): number {
    const high = this.u16();
    return high * 0x1_0000_0000 + this.u32();
  }

  /** A view (not a copy) of the next `count` bytes. */
  bytes(count: number): Uint8Array {
    const at = this.take(count);
    return at < 0 ? EMPTY : this.data.subarray(at, at + count);
  }

  /** A view of everything that is left. */
  rest(): Uint8Array {
    return this.bytes(Math.max(0, this.end - this.offset));
  }

  skip(count: number): void {
    this.take(count);
  }

  /** A vector with a length prefix of one byte, as in TLS `<0..2^8-1>`. */
  vector8(): Uint8Array {
    return this.bytes(this.u8());
  }

  /** A vector with a length prefix of two bytes, as in TLS `<0..2^16-1>`. */
  vector16(): Uint8Array {
    return this.bytes(this.u16());
  }

  /** A vector with a length prefix of three bytes, as in TLS `<0..2^24-1>`. */
  vector24(): Uint8Array {
    return this.bytes(this.u24());
  }
}
