// Bits, most significant first, with the codes of the video formats. Reading past the end gives zeros and sets `failed`.
// For headers, not for media.

export class BitReader {
  private readonly data: Uint8Array;
  private readonly end: number;
  private readonly escaped: boolean;
  private at: number;
  private bit = 0;
  private zeros = 0;
  /** True once any read went past the end, or a code was longer than 32 bits. */
  failed = false;

  /** `escaped`: the bytes are a NAL unit, in which 00 00 03 stands for 00 00 (ITU-T H.264 §7.4.1). */
  constructor(data: Uint8Array, offset: number, end: number, escaped = false) {
    this.data = data;
    this.at = offset;
    this.end = end;
    this.escaped = escaped;
  }

  flag(): boolean {
    return this.read1() === 1;
  }

  private read1(): number {
    if (this.at >= this.end) {
      this.failed = true;
      return 0;
    }
    const value = (this.data[this.at]! >> (7 - this.bit)) & 1;
    if (++this.bit === 8) this.nextByte();
    return value;
  }

  private nextByte(): void {
    this.bit = 0;
    if (this.escaped) {
      this.zeros = this.data[this.at] === 0 ? this.zeros + 1 : 0;
      if (this.zeros >= 2 && this.data[this.at + 1] === 3) {
        this.at++;
        this.zeros = 0;
      }
    }
    this.at++;
  }

  /** u(n), n up to 32. */
  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 2 + this.read1();
    return value;
  }

  skip(count: number): void {
    for (let i = 0; i < count && !this.failed; i++) this.read1();
  }

  /** ue(v): unsigned Exp-Golomb (ITU-T H.264 §9.1). */
  ue(): number {
    let zeros = 0;
    while (!this.failed && this.read1() === 0) {
      if (++zeros > 31) {
        this.failed = true;
        return 0;
      }
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** se(v). */
  se(): number {
    const code = this.ue();
    return (code & 1) === 1 ? (code + 1) / 2 : -(code / 2);
  }

  /** uvlc() (AV1 §4.10.3): as ue(v), but 32 zeros stand for the largest number. */
  uvlc(): number {
    let zeros = 0;
    while (!this.failed && this.read1() === 0) zeros++;
    return zeros >= 32 ? 0xffffffff : 2 ** zeros - 1 + this.bits(zeros);
  }
}
