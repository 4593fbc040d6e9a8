// Counter mode with HMAC-SHA1 for batches of packets (RFC 3711 §4), given a block cipher that encrypts many blocks in one
// call: the key stream of all packets comes from one such call; XOR, and SHA-1 of four packets at a time, from the
// WebAssembly kernel of kernels/ctr-hmac-sha1.ts. A long packet that is left over alone is hashed by the platform, since the
// kernel takes as long for one as for four. What does not fit the kernel's lanes is left to the caller's fallback.
import { base64Decode } from "../util/text.js";
import { WASM_BASE64 } from "./ctr-hmac-sha1-wasm.js";
import type { BlockCipher } from "./ghash.js";
import type { CtrHmac, CtrHmacJob } from "./provider.js";

// The memory layout of the kernel.
const INNER = 0;
const OUTER = 32;
const INNER_BLOCK = 64;
const OUTER_BLOCK = 128;
const DIGESTS = 192;
const JOBS = 704;
const COUNTERS = 1216;
const LANES = 3072;
const LANE_LENGTH = 2112;
const BLOCKS = 36864;
const STREAM = 69632;
const MAX_LANES = 16;
const KEY_BLOCK = 64;
/** What a lane holds besides the packet: the key block before it; suffix, padding and the hash's length after it. */
const MAX_PACKET = LANE_LENGTH - KEY_BLOCK - 4 - 9 - 15;
/** Up to here the kernel's time for one packet, which is that for four, is less than that of two calls of the platform. */
const MAX_ALONE = 400;

interface Kernel {
  readonly memory: Uint8Array;
  readonly words: Int32Array;
  key(): void;
  counters(count: number): number;
  apply(count: number): void;
  mac(from: number, count: number): void;
}

function loadKernel(): Kernel | undefined {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(base64Decode(WASM_BASE64)!), {});
    const { buffer } = exports.memory as WebAssembly.Memory;
    return {
      memory: new Uint8Array(buffer),
      words: new Int32Array(buffer),
      key: exports.key as Kernel["key"],
      counters: exports.counters as Kernel["counters"],
      apply: exports.apply as Kernel["apply"],
      mac: exports.mac as Kernel["mac"],
    };
  } catch {
    return undefined;
  }
}

let kernel: Kernel | undefined | "not loaded" = "not loaded";

/** Counter mode and HMAC-SHA1 that take batches. Undefined without WebAssembly SIMD. */
export function createBatchCtrHmac(
  encryptBlocks: BlockCipher,
  hmacKey: Uint8Array,
  sha1: (data: Uint8Array) => Uint8Array,
  fallback: CtrHmac,
): CtrHmac | undefined {
  if (kernel === "not loaded") kernel = loadKernel();
  return kernel && new BatchCtrHmac(kernel, encryptBlocks, hmacKey, sha1, fallback);
}

/** Which job is in which lane: by length, so that the four that are hashed together are alike. */
const order = new Uint8Array(MAX_LANES);

class BatchCtrHmac implements CtrHmac {
  private readonly kernel: Kernel;
  private readonly encryptBlocks: BlockCipher;
  private readonly sha1: (data: Uint8Array) => Uint8Array;
  private readonly fallback: CtrHmac;
  /** The states after the key blocks, as at INNER and OUTER. */
  private readonly states: Int32Array;
  private readonly innerBlock: Uint8Array;
  /** Key block and digest: what the outer hash takes. */
  private readonly outer: Uint8Array;
  private readonly one: CtrHmacJob[] = [];

  constructor(
    kernel: Kernel,
    encryptBlocks: BlockCipher,
    hmacKey: Uint8Array,
    sha1: (data: Uint8Array) => Uint8Array,
    fallback: CtrHmac,
  ) {
    this.kernel = kernel;
    this.encryptBlocks = encryptBlocks;
    this.sha1 = sha1;
    this.fallback = fallback;
    const block = hmacKey.length > KEY_BLOCK ? sha1(hmacKey) : hmacKey;
    this.innerBlock = new Uint8Array(KEY_BLOCK).fill(0x36);
    this.outer = new Uint8Array(KEY_BLOCK + 20).fill(0x5c);
    for (let i = 0; i < block.length; i++) {
      this.innerBlock[i]! ^= block[i]!;
      this.outer[i]! ^= block[i]!;
    }
    kernel.memory.set(this.innerBlock, INNER_BLOCK);
    kernel.memory.set(this.outer.subarray(0, KEY_BLOCK), OUTER_BLOCK);
    kernel.key();
    this.states = kernel.words.slice(INNER >> 2, (OUTER + 20) >> 2);
  }

  sealBatch(jobs: readonly CtrHmacJob[], count: number): void {
    for (let at = 0; at < count; at += MAX_LANES) {
      const lanes = this.load(jobs, at, Math.min(count, at + MAX_LANES), true);
      this.crypt(lanes);
      this.mac(lanes);
      const { memory } = this.kernel;
      for (let lane = 0; lane < lanes; lane++) {
        const { buffer, macEnd, tagLength } = jobs[order[lane]! + at]!;
        const packet = LANES + lane * LANE_LENGTH + KEY_BLOCK;
        const digest = DIGESTS + lane * 32;
        for (let i = 0; i < tagLength; i++) memory[packet + macEnd + i] = memory[digest + i]!;
        buffer.set(memory.subarray(packet, packet + macEnd + tagLength));
      }
    }
  }

  openBatch(jobs: readonly CtrHmacJob[], count: number): void {
    for (let at = 0; at < count; at += MAX_LANES) {
      const lanes = this.load(jobs, at, Math.min(count, at + MAX_LANES), false);
      this.mac(lanes);
      const { memory, words } = this.kernel;
      for (let lane = 0; lane < lanes; lane++) {
        const job = jobs[order[lane]! + at]!;
        const digest = DIGESTS + lane * 32;
        let different = 0;
        for (let i = 0; i < job.tagLength; i++) different |= memory[digest + i]! ^ job.buffer[job.macEnd + i]!;
        job.ok = different === 0;
        // What is not authentic gets no key stream.
        if (!job.ok) {
          const entry = (JOBS + lane * 32) >> 2;
          words[entry + 1] = 0;
          words[entry + 2] = job.start;
        }
      }
      this.crypt(lanes);
      for (let lane = 0; lane < lanes; lane++) {
        const { buffer, start, end, ok } = jobs[order[lane]! + at]!;
        const packet = LANES + lane * LANE_LENGTH + KEY_BLOCK;
        if (ok) buffer.set(memory.subarray(packet + start, packet + end), start);
      }
    }
  }

  /** Puts jobs into lanes, longest first; how many there are. What is too long is done by the fallback. */
  private load(jobs: readonly CtrHmacJob[], from: number, to: number, sealing: boolean): number {
    let lanes = 0;
    for (let i = from; i < to; i++) {
      const job = jobs[i]!;
      const { macEnd } = job;
      if (macEnd > MAX_PACKET) {
        this.one[0] = job;
        if (sealing) this.fallback.sealBatch(this.one, 1);
        else this.fallback.openBatch(this.one, 1);
        continue;
      }
      let lane = lanes++;
      for (; lane > 0 && jobs[order[lane - 1]! + from]!.macEnd < macEnd; lane--) order[lane] = order[lane - 1]!;
      order[lane] = i - from;
    }
    const { memory, words } = this.kernel;
    words.set(this.states, INNER >> 2);
    for (let lane = 0; lane < lanes; lane++) {
      const job = jobs[order[lane]! + from]!;
      const { buffer, macEnd, iv } = job;
      const packet = LANES + lane * LANE_LENGTH + KEY_BLOCK;
      // Without a view if the room behind the packet fits as well: it is overwritten.
      memory.set(buffer.length <= MAX_PACKET ? buffer : buffer.subarray(0, macEnd), packet);
      const entry = (JOBS + lane * 32) >> 2;
      words[entry] = job.start;
      words[entry + 1] = job.gap;
      words[entry + 2] = job.end;
      words[entry + 3] = macEnd;
      words[entry + 4] = job.hasSuffix ? 1 : 0;
      words[entry + 5] = job.suffix;
      memory.set(iv, COUNTERS + lane * 16);
    }
    return lanes;
  }

  private crypt(lanes: number): void {
    const { memory } = this.kernel;
    const length = this.kernel.counters(lanes);
    if (length === 0) return;
    this.encryptBlocks(memory.subarray(BLOCKS, BLOCKS + length), memory, STREAM);
    this.kernel.apply(lanes);
  }

  private mac(lanes: number): void {
    let lane = 0;
    for (; lane + 1 < lanes; lane += 4) this.kernel.mac(lane, Math.min(4, lanes - lane));
    if (lane >= lanes) return;
    if (this.kernel.words[((JOBS + lane * 32) >> 2) + 3]! <= MAX_ALONE) this.kernel.mac(lane, 1);
    else this.macAlone(lane);
  }

  private macAlone(lane: number): void {
    const { memory, words } = this.kernel;
    const entry = (JOBS + lane * 32) >> 2;
    const block = LANES + lane * LANE_LENGTH;
    let end = block + KEY_BLOCK + words[entry + 3]!;
    memory.set(this.innerBlock, block);
    if (words[entry + 4] !== 0) {
      const suffix = words[entry + 5]!;
      memory[end++] = suffix >>> 24;
      memory[end++] = suffix >>> 16;
      memory[end++] = suffix >>> 8;
      memory[end++] = suffix;
    }
    this.outer.set(this.sha1(memory.subarray(block, end)), KEY_BLOCK);
    memory.set(this.sha1(this.outer), DIGESTS + lane * 32);
  }
}
