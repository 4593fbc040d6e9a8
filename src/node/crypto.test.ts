import assert from "node:assert/strict";
import { createHmac, createPublicKey } from "node:crypto";
import { test } from "node:test";
import type { AeadAlgorithm, AeadJob, KeyAlgorithm, NamedGroup, SignatureScheme } from "../crypto/provider.js";
import { hexDecode, hexEncode } from "../util/text.js";
import { nodeCrypto } from "./crypto.js";

const hex = (text: string): Uint8Array => hexDecode(text)!;

test("AES-128-GCM gives test case 4 of the GCM specification", () => {
  const aead = nodeCrypto.createAead("aes-128-gcm", hex("feffe9928665731c6d6a8f9467308308"));
  const plaintext = hex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
  );
  const buffer = new Uint8Array(4 + plaintext.length + 16);
  buffer.set(plaintext, 4);
  const job: AeadJob = {
    buffer,
    offset: 4,
    length: plaintext.length,
    nonce: hex("cafebabefacedbaddecaf888"),
    aad: hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
    ok: false,
  };
  aead.sealBatch([job], 1);
  assert.equal(
    hexEncode(buffer.subarray(4)),
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091" +
      "5bc94fbc3221a5db94fae95ae7121a47",
  );
  job.length += 16;
  aead.openBatch([job], 1);
  assert.equal(job.ok, true);
  assert.deepEqual(buffer.subarray(4, 4 + plaintext.length), plaintext);
});

test("an AEAD refuses every changed byte, and records too short for a tag", () => {
  for (const algorithm of ["aes-128-gcm", "aes-256-gcm", "chacha20-poly1305"] satisfies AeadAlgorithm[]) {
    const aead = nodeCrypto.createAead(algorithm, new Uint8Array(algorithm === "aes-128-gcm" ? 16 : 32).fill(7));
    const nonce = new Uint8Array(12);
    const aad = Uint8Array.of(1, 2, 3);
    const buffer = new Uint8Array(5 + 16);
    aead.sealBatch([{ buffer, offset: 0, length: 5, nonce, aad, ok: false }], 1);
    for (let i = 0; i < buffer.length; i++) {
      const changed = buffer.slice();
      changed[i]! ^= 0x10;
      const job = { buffer: changed, offset: 0, length: 21, nonce, aad, ok: true };
      aead.openBatch([job], 1);
      assert.equal(job.ok, false, `${algorithm} byte ${i}`);
    }
    const short = { buffer, offset: 0, length: 15, nonce, aad, ok: true };
    aead.openBatch([short], 1);
    assert.equal(short.ok, false);
  }
});

test("key shares agree, and refuse keys that are none", () => {
  for (const group of ["x25519", "secp256r1", "secp384r1"] satisfies NamedGroup[]) {
    const a = nodeCrypto.createKeyShare(group);
    const b = nodeCrypto.createKeyShare(group);
    const secret = a.agree(b.publicKey);
    assert.ok(secret !== undefined);
    assert.deepEqual(secret, b.agree(a.publicKey));
    assert.equal(a.agree(new Uint8Array(b.publicKey.length)), undefined);
    assert.equal(a.agree(b.publicKey.subarray(1)), undefined);
  }
});

test("signatures verify with the scheme they were made with, and no other", () => {
  const cases: [KeyAlgorithm, SignatureScheme, SignatureScheme][] = [
    [{ name: "ecdsa", namedCurve: "P-256" }, "ecdsa_secp256r1_sha256", "rsa_pkcs1_sha256"],
    [{ name: "ecdsa", namedCurve: "P-384" }, "ecdsa_secp384r1_sha384", "ecdsa_secp256r1_sha256"],
    [{ name: "rsa", modulusLength: 1024, publicExponent: 65537 }, "rsa_pss_rsae_sha256", "rsa_pkcs1_sha256"],
  ];
  for (const [algorithm, scheme, other] of cases) {
    const key = nodeCrypto.generateKeyPair(algorithm);
    const publicKey = nodeCrypto.importPublicKey(key.publicKeyDer)!;
    const data = Uint8Array.of(1, 2, 3);
    const signature = key.sign(scheme, data);
    assert.equal(publicKey.verify(scheme, data, signature), true);
    assert.equal(publicKey.verify(other, data, signature), false);
    assert.equal(publicKey.verify(scheme, Uint8Array.of(1, 2, 4), signature), false);
    assert.equal(publicKey.verify(scheme, data, new Uint8Array(3)), false);
  }
});

test("HMAC-SHA1 gives RFC 2202 test case 2, in one piece or two", () => {
  const hmac = nodeCrypto.createHmac("sha-1", new TextEncoder().encode("Jefe"));
  const expected = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
  const text = new TextEncoder().encode("what do ya want for nothing?");
  assert.equal(hexEncode(hmac.sign(text)), expected);
  assert.equal(hexEncode(hmac.sign(text.subarray(0, 9), text.subarray(9))), expected);
});

test("HMACs are those of OpenSSL, whatever the lengths of key and data", () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i * 7);
  const names = { "sha-1": "sha1", "sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512", md5: "md5" } as const;
  for (const algorithm of Object.keys(names) as (keyof typeof names)[]) {
    for (const keyLength of [0, 1, 20, 63, 64, 65, 127, 128, 129, 200]) {
      const key = bytes.subarray(0, keyLength);
      const hmac = nodeCrypto.createHmac(algorithm, key);
      for (const length of [0, 1, 63, 64, 100, 1983, 1984, 1985, 2047, 2048, 2049, 5000]) {
        const expected = createHmac(names[algorithm], key).update(bytes.subarray(0, length)).digest("hex");
        const half = length >> 1;
        const what = `${algorithm}, key of ${keyLength}, data of ${length}`;
        assert.equal(hexEncode(hmac.sign(bytes.subarray(0, length))), expected, what);
        assert.equal(hexEncode(hmac.sign(bytes.subarray(0, half), bytes.subarray(half, length))), expected, what);
      }
      assert.equal(hmac.length, hmac.sign(bytes).length);
    }
  }
});

test("a P-256 key is written as OpenSSL writes it, and a point off the curve is refused", () => {
  const key = nodeCrypto.generateKeyPair({ name: "ecdsa", namedCurve: "P-256" });
  const spki = key.publicKeyDer;
  const object = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  assert.deepEqual(new Uint8Array(object.export({ format: "der", type: "spki" })), spki);
  assert.equal(nodeCrypto.importPublicKey(spki)?.kind, "ecdsa");
  const off = spki.slice();
  off[off.length - 1]! ^= 1;
  assert.equal(nodeCrypto.importPublicKey(off), undefined);
});
