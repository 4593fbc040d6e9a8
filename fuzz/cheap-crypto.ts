// Cryptography for fuzzing: everything that costs (key agreement, signatures, ciphers) is replaced by arithmetic that still
// notices a changed bit, so that a handshake takes microseconds and a million of them minutes. Hashes are Node's.
import type {
  Aead,
  AeadJob,
  AesCtr,
  CryptoProvider,
  CtrHmac,
  CtrHmacJob,
  PrivateKey,
  PublicKey,
} from "#src/crypto/provider.js";
import type { DtlsCertificate } from "#src/dtls/options.js";
import { nodeCrypto } from "#src/node/crypto.js";
import { testCertificate } from "#test/sim/dtls-pair.js";

/** FNV-1a. */
function mix(state: number, data: Uint8Array, from = 0, to: number = data.length): number {
  let h = state;
  for (let i = from; i < to; i++) h = Math.imul(h ^ data[i]!, 0x01000193);
  return h >>> 0;
}

function fill(target: Uint8Array, at: number, length: number, seed: number): void {
  let h = seed;
  for (let i = 0; i < length; i++) {
    h = Math.imul(h ^ (h >>> 13), 0x5bd1e995) + i;
    target[at + i] = h >>> 24;
  }
}

function signature(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(16);
  fill(out, 0, 16, mix(0x811c9dc5, data));
  return out;
}

class CheapAead implements Aead {
  readonly tagLength = 16;
  private readonly key: number;
  private readonly tag = new Uint8Array(16);

  constructor(key: Uint8Array) {
    this.key = mix(1, key);
  }

  private compute(job: AeadJob, length: number): void {
    const h = mix(
      mix(mix(this.key, job.nonce), job.aad, 0, job.aadLength),
      job.buffer,
      job.offset,
      job.offset + length,
    );
    fill(this.tag, 0, 16, h);
  }

  sealBatch(jobs: readonly AeadJob[], count: number): void {
    for (let i = 0; i < count; i++) {
      const job = jobs[i]!;
      this.compute(job, job.length);
      job.buffer.set(this.tag, job.offset + job.length);
    }
  }

  openBatch(jobs: readonly AeadJob[], count: number): void {
    for (let i = 0; i < count; i++) {
      const job = jobs[i]!;
      const length = job.length - 16;
      this.compute(job, length);
      job.ok = length >= 0 && this.tag.every((byte, at) => byte === job.buffer[job.offset + length + at]);
    }
  }
}

class CheapAesCtr implements AesCtr {
  private readonly key: number;

  constructor(key: Uint8Array) {
    this.key = mix(2, key);
  }

  apply(iv: Uint8Array, buffer: Uint8Array, offset: number, length: number): void {
    const stream = new Uint8Array(length);
    fill(stream, 0, length, mix(this.key, iv));
    for (let i = 0; i < length; i++) buffer[offset + i]! ^= stream[i]!;
  }
}

class CheapCtrHmac implements CtrHmac {
  private readonly cipher: CheapAesCtr;
  private readonly key: number;
  private readonly tag = new Uint8Array(20);

  constructor(key: Uint8Array, hmacKey: Uint8Array) {
    this.cipher = new CheapAesCtr(key);
    this.key = mix(3, hmacKey);
  }

  private crypt({ iv, buffer, start, end, gap }: CtrHmacJob): void {
    const kept = gap === 0 ? undefined : buffer.slice(gap, gap + 4);
    this.cipher.apply(iv, buffer, start, end - start);
    if (kept !== undefined) buffer.set(kept, gap);
  }

  private compute({ buffer, macEnd, hasSuffix, suffix }: CtrHmacJob): void {
    let h = mix(this.key, buffer, 0, macEnd);
    if (hasSuffix) h = Math.imul(h ^ suffix, 0x01000193) >>> 0;
    fill(this.tag, 0, 20, h);
  }

  sealBatch(jobs: readonly CtrHmacJob[], count: number): void {
    for (let i = 0; i < count; i++) {
      const job = jobs[i]!;
      this.crypt(job);
      this.compute(job);
      job.buffer.set(this.tag.subarray(0, job.tagLength), job.macEnd);
    }
  }

  openBatch(jobs: readonly CtrHmacJob[], count: number): void {
    for (let i = 0; i < count; i++) {
      const job = jobs[i]!;
      this.compute(job);
      job.ok = true;
      for (let at = 0; at < job.tagLength; at++) if (this.tag[at] !== job.buffer[job.macEnd + at]) job.ok = false;
      if (job.ok) this.crypt(job);
    }
  }
}

const publicKey: PublicKey = {
  kind: "ecdsa",
  verify: (_scheme, data, given) => nodeCrypto.equal(signature(data), given),
};

export const cheapCrypto: CryptoProvider = {
  ...nodeCrypto,
  createAead: (_algorithm, key) => new CheapAead(key),
  createAesCtr: (key) => new CheapAesCtr(key),
  createAesCtrHmacSha1: (key, hmacKey) => new CheapCtrHmac(key, hmacKey),
  createKeyShare(group) {
    const length = group === "x25519" ? 32 : group === "secp256r1" ? 65 : 97;
    const own = new Uint8Array(length).fill(4);
    return {
      group,
      publicKey: own,
      agree: (peer) => (peer.length === length && peer[0] === 4 ? new Uint8Array(32).fill(9) : undefined),
    };
  },
  importPublicKey: (spki) => (spki.length > 20 ? publicKey : undefined),
};

/** A real certificate whose key signs cheaply. */
export function cheapCertificate(): DtlsCertificate {
  const real = testCertificate("P-256");
  const privateKey: PrivateKey = {
    algorithm: real.privateKey.algorithm,
    publicKeyDer: real.privateKey.publicKeyDer,
    sign: (_scheme, data) => signature(data),
  };
  return { ...real, privateKey };
}
