import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import {
  createDefaultCertificate,
  DEFAULT_LIFETIME,
  type LocalCertificate,
  MAX_SPARE_AGE,
  prepareDefaultCertificate,
} from "./certificates.js";
import type { Platform } from "./platform.js";

class Clock {
  time = 1000;
  /** Keys generated. */
  made = 0;
  readonly platform: Platform = {
    crypto: {
      ...nodeCrypto,
      generateKeyPair: (algorithm) => {
        this.made++;
        return nodeCrypto.generateKeyPair(algorithm);
      },
    },
    timeOrigin: 1_700_000_000_000,
    now: () => this.time,
  } satisfies Partial<Platform> as Partial<Platform> as Platform;

  take(): LocalCertificate {
    return createDefaultCertificate(this.platform);
  }

  prepare(): void {
    prepareDefaultCertificate(this.platform);
  }
}

test("where connections follow each other, the certificate of the next is made ahead, and nobody else has it", () => {
  const clock = new Clock();
  const taken = [clock.take()];
  // There may never be another.
  clock.prepare();
  assert.equal(clock.made, 1);
  taken.push(clock.take());
  clock.prepare();
  clock.prepare();
  assert.equal(clock.made, 3, "one is ready, not more");
  clock.time += 100;
  taken.push(clock.take());
  assert.equal(clock.made, 3, "it was ready");
  taken.push(clock.take());
  assert.equal(clock.made, 4);
  for (const of of ["der", "privateKey"] as const) {
    assert.equal(new Set(taken.map((certificate) => certificate[of])).size, taken.length);
  }
  assert.equal(new Set(taken.map(({ fingerprints }) => fingerprints[0]!.value)).size, taken.length);
  assert.equal(taken[2]!.notAfter, 1_700_000_000_000 + 1000 + DEFAULT_LIFETIME);
});

test("what was made ahead is not used when it has become old, and then nothing is made ahead until it pays again", () => {
  const clock = new Clock();
  clock.take();
  clock.take();
  clock.prepare();
  clock.time += MAX_SPARE_AGE;
  const { notAfter } = clock.take();
  assert.equal(notAfter, clock.platform.timeOrigin + clock.time + DEFAULT_LIFETIME);
  assert.equal(clock.made, 4);
  clock.prepare();
  assert.equal(clock.made, 4);
  clock.take();
  clock.prepare();
  assert.equal(clock.made, 6);
});

test("platforms have theirs apart", () => {
  const [a, b] = [new Clock(), new Clock()];
  a.take();
  a.take();
  a.prepare();
  assert.equal(a.made, 3);
  b.take();
  b.prepare();
  assert.equal(b.made, 1);
});
