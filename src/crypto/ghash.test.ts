import assert from "node:assert/strict";
import { createCipheriv, createSecretKey } from "node:crypto";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import type { AeadJob } from "./provider.js";

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state >>> 8;
  };
}

for (const keyLength of [16, 32] as const) {
  test(`AES-${keyLength * 8}-GCM in batches gives what node:crypto gives, for all lengths and batch sizes`, () => {
    const next = seeded(keyLength);
    const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => next());
    const key = bytes(keyLength);
    const keyObject = createSecretKey(key);
    const aead = nodeCrypto.createAead(keyLength === 16 ? "aes-128-gcm" : "aes-256-gcm", key);
    for (let round = 0; round < 60; round++) {
      const count = 1 + (next() % 40);
      const longest = [40, 300, 1300, 8000][round % 4]!;
      const plaintexts: Uint8Array[] = [];
      const jobs: AeadJob[] = Array.from({ length: count }, () => {
        const plaintext = bytes(next() % longest);
        plaintexts.push(plaintext);
        const offset = next() % 24;
        const buffer = new Uint8Array(offset + plaintext.length + 16);
        buffer.set(plaintext, offset);
        return {
          buffer,
          offset,
          length: plaintext.length,
          nonce: bytes(12),
          aad: bytes(next() % (round & 1 ? 17 : 300)),
          ok: false,
        };
      });
      aead.sealBatch(jobs, count);
      jobs.forEach((job, i) => {
        const cipher = createCipheriv(`aes-${keyLength === 16 ? 128 : 256}-gcm`, keyObject, job.nonce);
        cipher.setAAD(job.aad);
        const expected = Buffer.concat([cipher.update(plaintexts[i]!), cipher.final(), cipher.getAuthTag()]);
        assert.ok(expected.equals(job.buffer.subarray(job.offset)), `round ${round}, record ${i}`);
        job.length += 16;
      });
      const forged = next() % count;
      jobs[forged]!.buffer[jobs[forged]!.offset + (next() % jobs[forged]!.length)]! ^= 1 << (next() & 7);
      aead.openBatch(jobs, count);
      jobs.forEach((job, i) => {
        assert.equal(job.ok, i !== forged);
        if (job.ok) {
          assert.ok(Buffer.from(plaintexts[i]!).equals(job.buffer.subarray(job.offset, job.offset + job.length - 16)));
        }
      });
    }
  });
}

test("AES-GCM under more keys in turn than tables are kept for", () => {
  const next = seeded(99);
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => next());
  const keys = Array.from({ length: 40 }, () => {
    const key = bytes(16);
    return { aead: nodeCrypto.createAead("aes-128-gcm", key), object: createSecretKey(key) };
  });
  for (let round = 0; round < 600; round++) {
    // Sometimes few keys, which get tables then, sometimes all, which take them from each other.
    const { aead, object } = keys[next() % (round % 200 < 100 ? 40 : 3)]!;
    const count = 1 + (next() % [1, 2, 4, 20][round % 4]!);
    const plaintexts: Uint8Array[] = [];
    const jobs: AeadJob[] = Array.from({ length: count }, () => {
      const plaintext = bytes(next() % (next() % 3 === 0 ? 1300 : 120));
      plaintexts.push(plaintext);
      const buffer = new Uint8Array(20 + plaintext.length + 16);
      buffer.set(plaintext, 20);
      const aadLength = next() % 21;
      return { buffer, offset: 20, length: plaintext.length, nonce: bytes(12), aad: buffer, aadLength, ok: false };
    });
    aead.sealBatch(jobs, count);
    jobs.forEach((job, i) => {
      const cipher = createCipheriv("aes-128-gcm", object, job.nonce);
      cipher.setAAD(job.buffer.subarray(0, job.aadLength));
      const expected = Buffer.concat([cipher.update(plaintexts[i]!), cipher.final(), cipher.getAuthTag()]);
      assert.ok(expected.equals(job.buffer.subarray(20)), `round ${round}, record ${i} of ${count}`);
      job.length += 16;
    });
    aead.openBatch(jobs, count);
    for (const job of jobs) assert.ok(job.ok);
  }
});
