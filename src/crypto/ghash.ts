// AES-GCM (NIST SP 800-38D) for batches of records, given a block cipher that encrypts many blocks in one call: the key
// stream of all records comes from one such call, GHASH from the WebAssembly kernel of kernels/ghash.ts, which has sixteen
// lanes for one record or for sixteen, and another way without tables for short records and for keys that come so rarely
// that tables do not pay. Long records are left to the caller's fallback.
import { base64Decode } from "../util/text.js";
import { WASM_BASE64 } from "./ghash-wasm.js";
import type { Aead, AeadJob } from "./provider.js";

// The memory layout of the kernel.
const TAGS = 768;
const POWER = 1024;
const NONCE = 1040;
const INPUT = 4096;
const STREAM = 131072;
const TABLES = 262144;
const TABLE_SIZE = 8192;
const LANES = 16;
/** Tables of one key: for H, H^2, H^4, H^8 and H^16. */
const LEVELS = 5;
/** Keys whose tables are kept; the one that was not used for longest gives way. */
const SLOTS = 16;
const PAGE = 65536;

/** Longer records are faster one by one. */
const MAX_RECORD = 4096;
/** The same for a record that is alone in its batch. */
const MAX_ALONE = 2048;
const MAX_AAD = 1024;
/** So many blocks pay for tables at once; fewer only if another key's tables were not used in so many batches. */
const MANY_BLOCKS = 100;
const IDLE = 256;
/** Without tables, longer records are faster by the fallback. */
const MAX_BLOCKS_WITHOUT_TABLES = 40;
// What things take, in about 32 nanoseconds: a multiplication with tables, a block without, a call of the kernel, and a
// table to be made; less than that if it will probably be used again.
const MULTIPLICATION = 7;
const BLOCK = 2;
const CALL = 10;
const TABLE = 39;
const LASTING_TABLE = 8;
/** Level of a record that is hashed without tables. */
const NO_TABLES: number = LEVELS;

interface Kernel {
  readonly memory: Uint8Array;
  readonly words: Int32Array;
  ghash(tables: number, level: number, blocks: number, length: number): void;
  ghashOne(blocks: number): void;
  table(to: number): void;
  power(tables: number): void;
  counters(to: number, count: number): void;
  xor(to: number, from: number, length: number): void;
}

function loadKernel(): Kernel | undefined {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(base64Decode(WASM_BASE64)!), {});
    const memory = exports.memory as WebAssembly.Memory;
    memory.grow((TABLES + SLOTS * LEVELS * TABLE_SIZE - memory.buffer.byteLength) / PAGE);
    return {
      memory: new Uint8Array(memory.buffer),
      words: new Int32Array(memory.buffer),
      ghash: exports.ghash as Kernel["ghash"],
      ghashOne: exports.ghashOne as Kernel["ghashOne"],
      table: exports.table as Kernel["table"],
      power: exports.power as Kernel["power"],
      counters: exports.counters as Kernel["counters"],
      xor: exports.xor as Kernel["xor"],
    };
  } catch {
    return undefined;
  }
}

let kernel: Kernel | undefined | "not loaded" = "not loaded";

// Whose tables are where: number of the key, how many tables are made, and the batch that used them last.
const slotKey = new Int32Array(SLOTS).fill(-1);
const slotLevels = new Int32Array(SLOTS);
const slotUsed = new Float64Array(SLOTS).fill(Number.NEGATIVE_INFINITY);
let batches = 0;
let keys = 0;

/** Encrypts whole blocks of 16 bytes, each by itself (ECB), and writes them to `to[at]`, which may be where they are. */
export type BlockCipher = (blocks: Uint8Array, to: Uint8Array, at: number) => void;

/** AES-GCM that takes batches; `single` seals and opens what does not pay here. Undefined without WebAssembly SIMD. */
export function createBatchGcm(encryptBlocks: BlockCipher, single: Aead): Aead | undefined {
  if (kernel === "not loaded") kernel = loadKernel();
  return kernel && new BatchGcm(kernel, encryptBlocks, single);
}

// The plan of a batch: records by length, longest first; where the key stream of each begins; and for each place in
// that order the level of the group that begins there, and what all from there on cost at best.
const order = new Uint8Array(LANES);
const blocksOf = new Int32Array(LANES);
const streamOf = new Int32Array(LANES);
const levelAt = new Uint8Array(LANES);
const costFrom = new Int32Array(LANES + 1);

class BatchGcm implements Aead {
  readonly tagLength = 16;
  private readonly kernel: Kernel;
  private readonly encryptBlocks: BlockCipher;
  private readonly single: Aead;
  private readonly id = keys++;
  /** The hash's key (SP 800-38D §6.3). */
  private h: Uint8Array | undefined;
  private slot = 0;
  /** Whether the place for tables was taken from a key that was in use: so may this one's be. */
  private contested = false;

  constructor(kernel: Kernel, encryptBlocks: BlockCipher, single: Aead) {
    this.kernel = kernel;
    this.encryptBlocks = encryptBlocks;
    this.single = single;
  }

  sealBatch(jobs: readonly AeadJob[], count: number): void {
    for (let at = 0; at < count; at += LANES) this.run(jobs, at, Math.min(count, at + LANES), true);
  }

  openBatch(jobs: readonly AeadJob[], count: number): void {
    for (let at = 0; at < count; at += LANES) this.run(jobs, at, Math.min(count, at + LANES), false);
  }

  private run(jobs: readonly AeadJob[], from: number, to: number, sealing: boolean): void {
    const longest = to - from > 1 ? MAX_RECORD : MAX_ALONE;
    let count = 0;
    let total = 0;
    for (let i = from; i < to; i++) {
      const job = jobs[i]!;
      const { length, aad, aadLength = aad.length } = job;
      if (length > longest || aadLength > MAX_AAD || length < (sealing ? 0 : 16)) {
        this.alone(job, sealing);
        continue;
      }
      // Additional data, data, lengths; the tag of a record to be opened is not hashed.
      const blocks = ((aadLength + 15) >> 4) + ((length - (sealing ? 0 : 16) + 15) >> 4) + 1;
      let place = count++;
      for (; place > 0 && blocksOf[place - 1]! < blocks; place--) {
        order[place] = order[place - 1]!;
        blocksOf[place] = blocksOf[place - 1]!;
      }
      order[place] = i - from;
      blocksOf[place] = blocks;
      total += blocks;
    }
    if (count === 0) return;
    const tables = this.claimTables(total >= MANY_BLOCKS);
    let first = 0;
    if (!tables) {
      for (; first < count && blocksOf[first]! > MAX_BLOCKS_WITHOUT_TABLES; first++) {
        this.alone(jobs[from + order[first]!]!, sealing);
      }
      if (first === count) return;
    }
    this.makeStream(jobs, from, first, count, sealing);
    this.plan(first, count, tables);
    while (first < count) {
      const level = levelAt[first]!;
      const end = level === NO_TABLES ? first + 1 : Math.min(count, first + (LANES >> level));
      this.group(jobs, from, first, end, level, sealing);
      first = end;
    }
  }

  private alone(job: AeadJob, sealing: boolean): void {
    if (sealing) this.single.sealBatch([job], 1);
    else this.single.openBatch([job], 1);
  }

  /** Finds a place for this key's tables. False if they would not pay. */
  private claimTables(pays: boolean): boolean {
    batches++;
    if (slotKey[this.slot] === this.id) this.contested = false;
    else {
      let oldest = 0;
      for (let i = 1; i < SLOTS; i++) if (slotUsed[i]! < slotUsed[oldest]!) oldest = i;
      this.contested = batches - slotUsed[oldest]! < IDLE;
      if (!pays && this.contested) return false;
      this.slot = oldest;
      slotKey[oldest] = this.id;
      slotLevels[oldest] = 0;
    }
    slotUsed[this.slot] = batches;
    return true;
  }

  private hashKey(): Uint8Array {
    if (this.h === undefined) {
      this.h = new Uint8Array(16);
      this.encryptBlocks(this.h, this.h, 0);
    }
    return this.h;
  }

  /** The tables up to a level; returns where they are. */
  private tables(level: number): number {
    const { slot, kernel } = this;
    const at = TABLES + slot * LEVELS * TABLE_SIZE;
    if (slotLevels[slot]! > level) return at;
    kernel.memory.set(this.hashKey(), POWER);
    for (let l = 0; l <= level; l++) {
      if (l >= slotLevels[slot]!) kernel.table(at + l * TABLE_SIZE);
      if (l < level) kernel.power(at + l * TABLE_SIZE);
    }
    slotLevels[slot] = level + 1;
    return at;
  }

  /** The key stream of all records, in their order, each with the block that masks the tag first. */
  private makeStream(jobs: readonly AeadJob[], from: number, first: number, count: number, sealing: boolean): void {
    const { memory } = this.kernel;
    let at = STREAM;
    for (let place = first; place < count; place++) {
      const { nonce, length } = jobs[from + order[place]!]!;
      streamOf[place] = at;
      memory.set(nonce, NONCE);
      const blocks = 1 + ((length - (sealing ? 0 : 16) + 15) >> 4);
      this.kernel.counters(at, blocks);
      at += blocks * 16;
    }
    this.encryptBlocks(memory.subarray(STREAM, at), memory, STREAM);
  }

  /** Divides the records into groups of 16, 8, 4, 2 or 1, with tables or without, so that hashing takes the least time. */
  private plan(first: number, count: number, tables: boolean): void {
    const made = slotLevels[this.slot]!;
    const table = this.contested ? TABLE : LASTING_TABLE;
    costFrom[count] = 0;
    for (let place = count - 1; place >= first; place--) {
      const blocks = blocksOf[place]!;
      const left = count - place;
      let best = blocks * BLOCK + CALL + costFrom[place + 1]!;
      levelAt[place] = NO_TABLES;
      for (let level = 0; tables && level < LEVELS; level++) {
        const size = LANES >> level;
        // What half as many lanes a record would do as well.
        if (level < LEVELS - 1 && size >= 2 * left) continue;
        const multiplications = ((blocks + (1 << level) - 1) >> level) + level;
        const missing = Math.max(0, level + 1 - made);
        const here = multiplications * MULTIPLICATION + missing * table + CALL;
        const cost = here + costFrom[Math.min(count, place + size)]!;
        if (cost >= best) continue;
        best = cost;
        levelAt[place] = level;
      }
      costFrom[place] = best;
    }
  }

  private group(
    jobs: readonly AeadJob[],
    from: number,
    first: number,
    end: number,
    level: number,
    sealing: boolean,
  ): void {
    const { memory, words } = this.kernel;
    const ways = level === NO_TABLES ? 1 : 1 << level;
    const blocks = (blocksOf[first]! + ways - 1) & -ways;
    const size = blocks << 4;
    for (let place = first; place < end; place++) {
      const { buffer, offset, length: whole, aad, aadLength = aad.length } = jobs[from + order[place]!]!;
      const length = sealing ? whole : whole - 16;
      const begin = INPUT + (place - first) * size;
      const lengthsAt = begin + size - 16;
      const dataAt = lengthsAt - ((length + 15) & ~15);
      // Without a view if what surrounds the data fits: it is overwritten, here or by the next record.
      const fits = offset <= dataAt - begin && dataAt - offset + buffer.length <= STREAM;
      if (fits) memory.set(buffer, dataAt - offset);
      else memory.set(buffer.subarray(offset, offset + length), dataAt);
      const aadAt = dataAt - ((aadLength + 15) & ~15);
      if (aadAt > begin) memory.fill(0, begin, aadAt);
      copy(aad, 0, memory, aadAt, aadLength);
      clear(memory, aadAt + aadLength, dataAt);
      if (sealing) this.kernel.xor(dataAt, streamOf[place]! + 16, length);
      clear(memory, dataAt + length, lengthsAt);
      // Lengths in bits, 64 bits each, big-endian.
      words[lengthsAt >> 2] = 0;
      words[(lengthsAt >> 2) + 1] = swap32(aadLength << 3);
      words[(lengthsAt >> 2) + 2] = 0;
      words[(lengthsAt >> 2) + 3] = swap32(length << 3);
    }
    if (level === NO_TABLES) {
      memory.set(this.hashKey(), POWER);
      this.kernel.ghashOne(blocks);
    } else this.kernel.ghash(this.tables(level), level, blocks, size);
    for (let place = first; place < end; place++) {
      const job = jobs[from + order[place]!]!;
      const { buffer, offset } = job;
      const length = sealing ? job.length : job.length - 16;
      const lengthsAt = INPUT + (place - first + 1) * size - 16;
      const dataAt = lengthsAt - ((length + 15) & ~15);
      const tagAt = TAGS + (place - first) * 16 * ways;
      this.kernel.xor(tagAt, streamOf[place]!, 16);
      if (sealing) {
        copy(memory, tagAt, buffer, offset + length, 16);
        buffer.set(memory.subarray(dataAt, dataAt + length), offset);
      } else {
        job.ok = difference(memory, tagAt, buffer, offset + length) === 0;
        if (job.ok) {
          this.kernel.xor(dataAt, streamOf[place]! + 16, length);
          buffer.set(memory.subarray(dataAt, dataAt + length), offset);
        }
      }
    }
  }
}

// Loops have functions of their own. Handshakes run them often enough to be compiled, and as a part of what calls them they
// would have that compiled too, which takes longer than the handshakes of a second.

function copy(from: Uint8Array, at: number, to: Uint8Array, toAt: number, length: number): void {
  for (let k = 0; k < length; k++) to[toAt + k] = from[at + k]!;
}

function clear(memory: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end; at++) memory[at] = 0;
}

/** Of two tags, in constant time: 0 if they are the same. */
function difference(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): number {
  let different = 0;
  for (let k = 0; k < 16; k++) different |= a[aAt + k]! ^ b[bAt + k]!;
  return different;
}

function swap32(value: number): number {
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}
