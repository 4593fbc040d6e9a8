// Where the bytes to send come from: a file the visitor chose, or bytes made up here. Both are read block by block.

/** Bytes read at once. */
const BLOCK_SIZE = 1024 * 1024;

export interface Source {
  readonly name: string;
  readonly size: number;
  /** The next block, whose memory belongs to the caller; undefined at the end. */
  read(): Promise<ArrayBuffer | undefined>;
}

export class FileSource implements Source {
  readonly name: string;
  readonly size: number;
  readonly #file: File;
  #offset = 0;
  #ahead: Promise<ArrayBuffer> | undefined;

  constructor(file: File) {
    this.name = file.name;
    this.size = file.size;
    this.#file = file;
  }

  async read(): Promise<ArrayBuffer | undefined> {
    const current = this.#ahead ?? this.#next();
    this.#ahead = this.#next(); // the disk works while the network does
    this.#ahead?.catch(() => {}); // heard by the read that returns it
    return current;
  }

  #next(): Promise<ArrayBuffer> | undefined {
    if (this.#offset >= this.size) return undefined;
    const start = this.#offset;
    this.#offset = Math.min(this.size, start + BLOCK_SIZE);
    return this.#file.slice(start, this.#offset).arrayBuffer();
  }
}

/** Pseudo-random bytes (xorshift32), other ones each time. */
export class GeneratedSource implements Source {
  readonly name: string;
  readonly size: number;
  #left: number;
  #seed: number;

  constructor(name: string, size: number) {
    this.name = name;
    this.size = size;
    this.#left = size;
    this.#seed = crypto.getRandomValues(new Uint32Array(1))[0]! | 1;
  }

  async read(): Promise<ArrayBuffer | undefined> {
    const length = Math.min(BLOCK_SIZE, this.#left);
    if (length === 0) return undefined;
    this.#left -= length;
    const words = new Uint32Array(Math.ceil(length / 4));
    let x = this.#seed;
    for (let i = 0; i < words.length; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      words[i] = x;
    }
    this.#seed = x;
    return words.byteLength === length ? words.buffer : words.buffer.slice(0, length);
  }
}
