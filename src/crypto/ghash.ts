// AES-GCM (NIST SP 800-38D) for batches of records, given a block cipher that encrypts many blocks in one call: the key
// stream of all records comes from one such call, GHASH from the WebAssembly kernel of kernels/ghash.ts, sixteen records
// at a time. Small batches are left to the caller's fallback, since the kernel's cost is that of sixteen lanes.
import { base64Decode } from "../util/text.js";
import { WASM_BASE64 } from "./ghash-wasm.js";
import type { Aead, AeadJob } from "./provider.js";

// The memory layout of the kernel.
const TAGS = 8704;
const INPUT = 12288;
const STREAM = 131072;
const LANES = 16;
const MAX_LANE = (STREAM - INPUT) / LANES;
const TABLE_SIZE = 8192;
/** Fewer records than this are faster one by one. */
const MIN_BATCH = 4;

interface Kernel {
  readonly memory: Uint8Array;
  readonly words: Int32Array;
  ghash(blocks: number, laneLength: number): void;
  xor(to: number, from: number, length: number): void;
}

function loadKernel(): Kernel | undefined {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(base64Decode(WASM_BASE64)!), {});
    const { buffer } = exports.memory as WebAssembly.Memory;
    return {
      memory: new Uint8Array(buffer),
      words: new Int32Array(buffer),
      ghash: exports.ghash as Kernel["ghash"],
      xor: exports.xor as Kernel["xor"],
    };
  } catch {
    return undefined;
  }
}

let kernel: Kernel | undefined | "not loaded" = "not loaded";

/** H times every nibble at every place, in the layout that the kernel looks up. */
function makeTable(h: Uint8Array): Uint8Array {
  // products[i] = H times x^i, where x^0 is the top bit of byte 0 (SP 800-38D §6.3).
  const products: Uint8Array[] = [];
  let v = h.slice();
  for (let i = 0; i < 128; i++) {
    products.push(v);
    const next = new Uint8Array(16);
    for (let k = 0; k < 16; k++) next[k] = (v[k]! >>> 1) | (k > 0 ? (v[k - 1]! & 1) << 7 : 0);
    next[0]! ^= 0xe1 & -(v[15]! & 1);
    v = next;
  }
  const table = new Uint8Array(TABLE_SIZE);
  for (let j = 0; j < 16; j++) {
    for (let half = 0; half < 2; half++) {
      for (let value = 1; value < 16; value++) {
        const at = j * 512 + half * 256 + value;
        for (let bit = 0; bit < 4; bit++) {
          if ((value & (1 << bit)) === 0) continue;
          // Bit 0 of the low nibble is x^7 of this byte, bit 0 of the high nibble x^3.
          const product = products[8 * j + (half === 0 ? 7 : 3) - bit]!;
          for (let k = 0; k < 16; k++) table[at + 16 * k]! ^= product[k]!;
        }
      }
    }
  }
  return table;
}

/** Encrypts whole blocks of 16 bytes, each by itself (ECB). The argument is scratch. */
export type BlockCipher = (blocks: Uint8Array) => Uint8Array;

/** AES-GCM that takes batches; `single` seals and opens what does not pay here. Undefined without WebAssembly SIMD. */
export function createBatchGcm(encryptBlocks: BlockCipher, single: Aead): Aead | undefined {
  if (kernel === "not loaded") kernel = loadKernel();
  return kernel && new BatchGcm(kernel, encryptBlocks, single);
}

const counters = new Int32Array((MAX_LANE / 16 + 2) * LANES * 4);
const counterBytes = new Uint8Array(counters.buffer);
const nonceBytes = new Uint8Array(12);
const nonceWords = new Int32Array(nonceBytes.buffer);

class BatchGcm implements Aead {
  readonly tagLength = 16;
  private readonly kernel: Kernel;
  private readonly encryptBlocks: BlockCipher;
  private readonly single: Aead;
  private table: Uint8Array | undefined;

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

  private run(jobs: readonly AeadJob[], start: number, end: number, sealing: boolean): void {
    let longest = 0;
    let fits = true;
    for (let i = start; i < end; i++) {
      const { length, aad, aadLength = aad.length } = jobs[i]!;
      const padded = ((aadLength + 15) & ~15) + ((length + 15) & ~15);
      if (padded > longest) longest = padded;
      if (length < (sealing ? 0 : 16)) fits = false;
    }
    // Additional data, data, lengths.
    const lane = longest + 16;
    if (!fits || end - start < MIN_BATCH || lane > MAX_LANE) {
      const some = start === 0 && end === jobs.length ? jobs : jobs.slice(start, end);
      if (sealing) this.single.sealBatch(some, end - start);
      else this.single.openBatch(some, end - start);
      return;
    }
    const { memory, words } = this.kernel;
    if (this.table === undefined) this.table = makeTable(this.encryptBlocks(new Uint8Array(16)));
    memory.set(this.table, 0);

    let word = 0;
    for (let i = start; i < end; i++) {
      const job = jobs[i]!;
      nonceBytes.set(job.nonce);
      const n0 = nonceWords[0]!;
      const n1 = nonceWords[1]!;
      const n2 = nonceWords[2]!;
      const blocks = 1 + ((job.length - (sealing ? 0 : 16) + 15) >> 4);
      for (let counter = 1; counter <= blocks; counter++) {
        counters[word] = n0;
        counters[word + 1] = n1;
        counters[word + 2] = n2;
        // Big-endian; the counter never passes 16 bits.
        counters[word + 3] = ((counter & 0xff) << 24) | ((counter & 0xff00) << 8);
        word += 4;
      }
    }
    const stream = this.encryptBlocks(counterBytes.subarray(0, word * 4));
    memory.set(stream, STREAM);

    memory.fill(0, INPUT, INPUT + lane * LANES);
    let streamAt = STREAM;
    for (let i = start; i < end; i++) {
      const { buffer, offset, length: whole, aad, aadLength = aad.length } = jobs[i]!;
      const length = sealing ? whole : whole - 16;
      const padded = (length + 15) & ~15;
      const laneEnd = INPUT + (i - start + 1) * lane;
      const dataAt = laneEnd - 16 - padded;
      const aadAt = dataAt - ((aadLength + 15) & ~15);
      for (let k = 0; k < aadLength; k++) memory[aadAt + k] = aad[k]!;
      memory.set(buffer.subarray(offset, offset + length), dataAt);
      if (sealing) {
        this.kernel.xor(dataAt, streamAt + 16, length);
        if (length < padded) memory.fill(0, dataAt + length, dataAt + padded);
      }
      // Lengths in bits, 64 bits each, big-endian.
      words[(laneEnd - 12) >> 2] = swap32(aadLength << 3);
      words[(laneEnd - 4) >> 2] = swap32(length << 3);
      streamAt += 16 + padded;
    }
    this.kernel.ghash(lane >> 4, lane);

    streamAt = STREAM;
    for (let i = start; i < end; i++) {
      const job = jobs[i]!;
      const { buffer, offset } = job;
      const length = sealing ? job.length : job.length - 16;
      const padded = (length + 15) & ~15;
      const dataAt = INPUT + (i - start + 1) * lane - 16 - padded;
      const tagAt = TAGS + (i - start) * 16;
      this.kernel.xor(tagAt, streamAt, 16);
      if (sealing) {
        buffer.set(memory.subarray(tagAt, tagAt + 16), offset + length);
        buffer.set(memory.subarray(dataAt, dataAt + length), offset);
      } else {
        let different = 0;
        for (let k = 0; k < 16; k++) different |= memory[tagAt + k]! ^ buffer[offset + length + k]!;
        job.ok = different === 0;
        if (job.ok) {
          this.kernel.xor(dataAt, streamAt + 16, length);
          buffer.set(memory.subarray(dataAt, dataAt + length), offset);
        }
      }
      streamAt += 16 + padded;
    }
  }
}

function swap32(value: number): number {
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}
