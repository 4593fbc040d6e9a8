import assert from "node:assert/strict";
import { createCipheriv, createHmac } from "node:crypto";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import type { CtrHmacJob } from "./provider.js";

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state >>> 8;
  };
}

/** What the job should become, by node:crypto. */
function expected(job: CtrHmacJob, key: Uint8Array, hmacKey: Uint8Array): Buffer {
  const { buffer, start, end, gap, macEnd } = job;
  const out = Buffer.from(buffer.slice(0, macEnd));
  const cipher = createCipheriv(`aes-${key.length * 8}-ctr`, key, job.iv);
  const from = gap === 0 ? start : gap + 4;
  if (gap > 0) cipher.update(buffer.slice(start, gap)).copy(out, start);
  cipher.update(buffer.slice(from, end)).copy(out, from);
  const hmac = createHmac("sha1", hmacKey).update(out);
  if (job.hasSuffix) {
    const suffix = Buffer.alloc(4);
    suffix.writeUInt32BE(job.suffix);
    hmac.update(suffix);
  }
  return Buffer.concat([out, hmac.digest().subarray(0, job.tagLength)]);
}

for (const [name, longest] of [
  ["short", 100],
  ["of the size of datagrams", 1300],
  ["longer than a lane of the kernel", 6000],
] as const) {
  test(`counter mode with HMAC-SHA1 gives what node:crypto gives: packets ${name}`, () => {
    const next = seeded(longest);
    const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => next());
    for (let round = 0; round < 40; round++) {
      const key = bytes(round % 3 === 0 ? 32 : 16);
      const hmacKey = bytes([20, 64, 100][round % 3]!);
      const both = nodeCrypto.createAesCtrHmacSha1(key, hmacKey);
      const count = 1 + (next() % 35);
      const jobs: CtrHmacJob[] = Array.from({ length: count }, () => {
        const macEnd = 12 + (next() % longest);
        const start = next() % 13;
        const end = Math.max(start, macEnd - (next() % 8));
        const tagLength = [4, 10, 20][next() % 3]!;
        const gap = next() % 4 === 0 && end > start + 5 ? start + 1 + (next() % (end - start - 5)) : 0;
        const iv = bytes(16);
        iv[14] = iv[15] = 0;
        const buffer = bytes(macEnd + tagLength + (next() % 50));
        const hasSuffix = next() % 2 === 0;
        const suffix = (next() << 9) >>> 0;
        return { buffer, start, end, gap, macEnd, tagLength, iv, hasSuffix, suffix, ok: false };
      });
      const plain = jobs.map((job) => job.buffer.slice());
      const sealed = jobs.map((job) => expected(job, key, hmacKey));
      both.sealBatch(jobs, count);
      jobs.forEach((job, i) => {
        const length = job.macEnd + job.tagLength;
        assert.ok(sealed[i]!.equals(job.buffer.subarray(0, length)), `round ${round}, packet ${i} of ${count}`);
        assert.deepEqual(job.buffer.subarray(length), plain[i]!.subarray(length), "nothing behind the tag changes");
      });
      const forged = next() % count;
      const at = next() % (jobs[forged]!.macEnd + jobs[forged]!.tagLength);
      jobs[forged]!.buffer[at]! ^= 1 << (next() & 7);
      both.openBatch(jobs, count);
      jobs.forEach((job, i) => {
        assert.equal(job.ok, i !== forged);
        if (i === forged) return;
        assert.deepEqual(job.buffer.subarray(0, job.macEnd), plain[i]!.subarray(0, job.macEnd));
      });
    }
  });
}

test("what is not authentic is left as it is", () => {
  const both = nodeCrypto.createAesCtrHmacSha1(new Uint8Array(16), new Uint8Array(20));
  for (const count of [1, 3]) {
    const jobs: CtrHmacJob[] = Array.from({ length: count }, (_, i) => ({
      buffer: new Uint8Array(110).fill(i),
      start: 12,
      end: 100,
      gap: 0,
      macEnd: 100,
      tagLength: 10,
      iv: new Uint8Array(16),
      hasSuffix: true,
      suffix: 0,
      ok: true,
    }));
    both.openBatch(jobs, count);
    jobs.forEach((job, i) => {
      assert.equal(job.ok, false);
      assert.deepEqual(job.buffer, new Uint8Array(110).fill(i));
    });
  }
});
