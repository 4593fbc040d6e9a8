/** An input that is read as a program: bytes in order, and zeros behind the end. */
export class Program {
  private readonly input: Uint8Array;
  private at = 0;

  constructor(input: Uint8Array) {
    this.input = input;
  }

  get done(): boolean {
    return this.at >= this.input.length;
  }

  byte(): number {
    return this.input[this.at++] ?? 0;
  }

  bytes(count: number): Uint8Array {
    const out = this.input.slice(this.at, this.at + count);
    this.at += count;
    return out;
  }
}
