// SHA-256 (FIPS 180-4) fed piece by piece: WebCrypto digests only whole buffers, and a file of any size must not be held
// in memory. Not for secrets: it hashes what the visitor sends to compare it with what came back.

const K: Int32Array = roundConstants();

/** The fractional parts of the cube roots of the first 64 primes, 32 bits each (FIPS 180-4 §4.2.2). */
function roundConstants(): Int32Array {
  const constants = new Int32Array(64);
  for (let candidate = 2, found = 0; found < 64; candidate++) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor++) prime &&= candidate % divisor !== 0;
    if (prime) constants[found++] = (Math.cbrt(candidate) % 1) * 2 ** 32;
  }
  return constants;
}

/** A length in bytes as the 64 bits of its length in bits. */
export function bitLength(bytes: number): [high: number, low: number] {
  return [Math.floor(bytes / 2 ** 29), (bytes % 2 ** 29) * 8];
}

export class Sha256 {
  readonly #state = new Int32Array([
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  ]);
  readonly #schedule = new Int32Array(64);
  readonly #block = new Uint8Array(64);
  #filled = 0;
  #bytes = 0;

  /** Bytes taken in so far. */
  get bytes(): number {
    return this.#bytes;
  }

  update(data: Uint8Array): this {
    this.#bytes += data.length;
    let offset = 0;
    if (this.#filled > 0) {
      offset = Math.min(64 - this.#filled, data.length);
      this.#block.set(data.subarray(0, offset), this.#filled);
      this.#filled += offset;
      if (this.#filled < 64) return this;
      this.#compress(this.#block, 0, 64);
      this.#filled = 0;
    }
    const whole = offset + ((data.length - offset) & ~63);
    this.#compress(data, offset, whole);
    this.#block.set(data.subarray(whole), 0);
    this.#filled = data.length - whole;
    return this;
  }

  /** The digest in lower-case hexadecimal. Ends the hash: nothing may be added after it. */
  digest(): string {
    const padding = new Uint8Array((this.#filled < 56 ? 64 : 128) - this.#filled);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    const [high, low] = bitLength(this.#bytes);
    view.setUint32(padding.length - 8, high);
    view.setUint32(padding.length - 4, low);
    this.update(padding);
    let hex = "";
    for (const word of this.#state) hex += (word >>> 0).toString(16).padStart(8, "0");
    return hex;
  }

  #compress(data: Uint8Array, start: number, end: number): void {
    const w = this.#schedule;
    const k = K;
    const state = this.#state;
    let h0 = state[0]!;
    let h1 = state[1]!;
    let h2 = state[2]!;
    let h3 = state[3]!;
    let h4 = state[4]!;
    let h5 = state[5]!;
    let h6 = state[6]!;
    let h7 = state[7]!;
    for (let at = start; at < end; at += 64) {
      for (let i = 0, p = at; i < 16; i++, p += 4) {
        w[i] = (data[p]! << 24) | (data[p + 1]! << 16) | (data[p + 2]! << 8) | data[p + 3]!;
      }
      for (let i = 16; i < 64; i++) {
        const x = w[i - 15]!;
        const y = w[i - 2]!;
        const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
        const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
        w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
      }
      let a = h0;
      let b = h1;
      let c = h2;
      let d = h3;
      let e = h4;
      let f = h5;
      let g = h6;
      let h = h7;
      for (let i = 0; i < 64; i++) {
        const e1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
        const t1 = (h + e1 + (g ^ (e & (f ^ g))) + k[i]! + w[i]!) | 0;
        const a0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
        const t2 = (a0 + ((a & b) | (c & (a | b)))) | 0;
        h = g;
        g = f;
        f = e;
        e = (d + t1) | 0;
        d = c;
        c = b;
        b = a;
        a = (t1 + t2) | 0;
      }
      h0 = (h0 + a) | 0;
      h1 = (h1 + b) | 0;
      h2 = (h2 + c) | 0;
      h3 = (h3 + d) | 0;
      h4 = (h4 + e) | 0;
      h5 = (h5 + f) | 0;
      h6 = (h6 + g) | 0;
      h7 = (h7 + h) | 0;
    }
    state[0] = h0;
    state[1] = h1;
    state[2] = h2;
    state[3] = h3;
    state[4] = h4;
    state[5] = h5;
    state[6] = h6;
    state[7] = h7;
  }
}
