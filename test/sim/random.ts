// Seeded randomness with independent named streams: what one part of a simulation draws never shifts what another gets.
// The generator is sfc32 (Chris Doty-Humphrey, PractRand).

function hash32(text: string, salt: number): number {
  let h = (0x811c9dc5 ^ salt) >>> 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

export class Random {
  readonly seed: string;
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(seed: string | number) {
    this.seed = String(seed);
    this.a = hash32(this.seed, 0x9e3779b9);
    this.b = hash32(this.seed, 0x243f6a88);
    this.c = hash32(this.seed, 0xb7e15162);
    for (let i = 0; i < 16; i++) this.u32();
  }

  /** A generator of its own, determined by this one's seed and the name, whatever has been drawn. */
  stream(name: string): Random {
    return new Random(`${this.seed}/${name}`);
  }

  u32(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** In [0, 1). */
  float(): number {
    return this.u32() / 0x1_0000_0000;
  }

  /** An integer in [0, bound). */
  int(bound: number): number {
    return Math.floor(this.float() * bound);
  }

  chance(probability: number): boolean {
    return this.float() < probability;
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = this.u32() >>> 24;
    return out;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)]!;
  }

  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }
}

/** The seed of this run: SIM_SEED where it is set, else the same one every time. */
export function defaultSeed(): string {
  return process.env.SIM_SEED ?? "parley";
}
