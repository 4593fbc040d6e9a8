// ChaCha20-Poly1305 (RFC 8439) as an Aead, on the WebAssembly kernel of kernels/chacha20-poly1305.ts. Twice as fast as a
// node:crypto object per record, without garbage, and constant time by construction. Needs WebAssembly SIMD.
import { base64Decode } from "../util/text.js";
import { WASM_BASE64 } from "./chacha20-poly1305-wasm.js";
import type { Aead, AeadJob } from "./provider.js";

// The memory layout of the kernel.
const KEY = 0;
const NONCE = 48;
const TAG = 64;
const AAD = 1008;
const DATA = 1024;
/** Longest plaintext: a record of TLS (2^14 bytes), and room to spare. */
const MAX_DATA = 20480;
const MAX_AAD = 16;

interface Kernel {
  readonly memory: Uint8Array;
  seal(aadLength: number, length: number): void;
  open(aadLength: number, length: number): number;
}

function loadKernel(): Kernel | undefined {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(base64Decode(WASM_BASE64)!), {});
    return {
      memory: new Uint8Array((exports.memory as WebAssembly.Memory).buffer),
      seal: exports.seal as Kernel["seal"],
      open: exports.open as Kernel["open"],
    };
  } catch {
    return undefined;
  }
}

let kernel: Kernel | undefined | "not loaded" = "not loaded";

/** ChaCha20-Poly1305 under a key of 32 bytes, or undefined where WebAssembly SIMD is missing. */
export function createChaCha20Poly1305(key: Uint8Array): Aead | undefined {
  if (kernel === "not loaded") kernel = loadKernel();
  return kernel && new ChaCha20Poly1305(kernel, key.slice());
}

class ChaCha20Poly1305 implements Aead {
  readonly tagLength = 16;
  private readonly kernel: Kernel;
  private readonly key: Uint8Array;

  constructor(kernel: Kernel, key: Uint8Array) {
    this.kernel = kernel;
    this.key = key;
  }

  sealBatch(jobs: readonly AeadJob[], count: number): void {
    const { memory } = this.kernel;
    memory.set(this.key, KEY);
    for (let i = 0; i < count; i++) {
      const { buffer, offset, length, nonce, aad, aadLength = aad.length } = jobs[i]!;
      if (length > MAX_DATA || aadLength > MAX_AAD) throw new RangeError("record too long for the AEAD kernel");
      this.setInputs(nonce, aad, aadLength);
      memory.set(buffer.subarray(offset, offset + length), DATA);
      this.kernel.seal(aadLength, length);
      buffer.set(memory.subarray(DATA, DATA + length), offset);
      buffer.set(memory.subarray(TAG, TAG + 16), offset + length);
    }
  }

  openBatch(jobs: readonly AeadJob[], count: number): void {
    const { memory } = this.kernel;
    memory.set(this.key, KEY);
    for (let i = 0; i < count; i++) {
      const job = jobs[i]!;
      const { buffer, offset, nonce, aad, aadLength = aad.length } = job;
      const length = job.length - 16;
      job.ok = false;
      if (length < 0 || length > MAX_DATA || aadLength > MAX_AAD) continue;
      this.setInputs(nonce, aad, aadLength);
      memory.set(buffer.subarray(offset, offset + length), DATA);
      memory.set(buffer.subarray(offset + length, offset + length + 16), TAG);
      if (this.kernel.open(aadLength, length) === 0) continue;
      buffer.set(memory.subarray(DATA, DATA + length), offset);
      job.ok = true;
    }
  }

  private setInputs(nonce: Uint8Array, aad: Uint8Array, aadLength: number): void {
    const { memory } = this.kernel;
    memory.set(nonce, NONCE);
    memory.fill(0, AAD, AAD + MAX_AAD);
    memory.set(aadLength === aad.length ? aad : aad.subarray(0, aadLength), AAD);
  }
}
