import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { bitLength, Sha256 } from "./sha256.js";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

test("the examples of FIPS 180-4", () => {
  const vectors: [string, string][] = [
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ],
  ];
  for (const [text, digest] of vectors) assert.equal(new Sha256().update(ascii(text)).digest(), digest);
});

test("agrees with node:crypto at every length around the block's, however the input is cut", () => {
  const data = Uint8Array.from({ length: 300 }, (_, i) => (i * 167 + 13) & 0xff);
  for (let length = 0; length <= 300; length++) {
    const expected = createHash("sha256").update(data.subarray(0, length)).digest("hex");
    for (const cut of [1, 7, 63, 64, 65, 300]) {
      const hash = new Sha256();
      for (let at = 0; at < length; at += cut) hash.update(data.subarray(at, Math.min(length, at + cut)));
      assert.equal(hash.bytes, length);
      assert.equal(hash.digest(), expected, `${length} bytes by ${cut}`);
    }
  }
});

test("the length in bits goes beyond 32 bits", () => {
  assert.deepEqual(bitLength(2 ** 29 - 1), [0, 0xfffffff8]);
  assert.deepEqual(bitLength(2 ** 29), [1, 0]);
  assert.deepEqual(bitLength(5 * 2 ** 30 + 3), [10, 24]);
});
