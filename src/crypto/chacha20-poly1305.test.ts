import assert from "node:assert/strict";
import { createCipheriv, createSecretKey } from "node:crypto";
import { test } from "node:test";
import { hexDecode, hexEncode, utf8Encode } from "../util/text.js";
import { createChaCha20Poly1305 } from "./chacha20-poly1305.js";

const hex = (text: string): Uint8Array => hexDecode(text)!;

test("the kernel gives the vector of RFC 8439 §2.8.2", () => {
  const aead = createChaCha20Poly1305(hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"))!;
  const plaintext = utf8Encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const buffer = new Uint8Array(plaintext.length + 16);
  buffer.set(plaintext);
  const nonce = hex("070000004041424344454647");
  const aad = hex("50515253c0c1c2c3c4c5c6c7");
  aead.sealBatch([{ buffer, offset: 0, length: plaintext.length, nonce, aad, ok: false }], 1);
  assert.equal(hexEncode(buffer.subarray(-16)), "1ae10b594f09e26a7e902ecbd0600691");
  assert.equal(hexEncode(buffer.subarray(0, 16)), "d31a8d34648e60db7b86afbc53ef7ec2");
});

test("the kernel seals every length as node:crypto does, and opens what it sealed and nothing else", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i * 5);
  const aead = createChaCha20Poly1305(key)!;
  const keyObject = createSecretKey(key);
  const lengths = [...Array.from({ length: 300 }, (_, i) => i), 1180, 1200, 4095, 8192, 16384, 16401, 20480];
  for (const length of lengths) {
    const nonce = Uint8Array.from({ length: 12 }, (_, i) => i + length);
    const aad = Uint8Array.from({ length: length % 17 }, (_, i) => 255 - i);
    const plaintext = Uint8Array.from({ length }, (_, i) => (i * 31) ^ length);
    const buffer = new Uint8Array(length + 3 + 16);
    buffer.set(plaintext, 3);
    const job = { buffer, offset: 3, length, nonce, aad, ok: false };
    aead.sealBatch([job], 1);
    const cipher = createCipheriv("chacha20-poly1305", keyObject, nonce, { authTagLength: 16 });
    cipher.setAAD(aad, { plaintextLength: length });
    const expected = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    assert.ok(expected.equals(buffer.subarray(3)), `length ${length}`);
    job.length += 16;
    const changed = buffer.slice();
    changed[3 + ((length * 7) % (length + 16))]! ^= 1;
    const forged = { ...job, buffer: changed };
    aead.openBatch([job, forged], 2);
    assert.ok(job.ok && !forged.ok);
    assert.ok(Buffer.from(plaintext).equals(buffer.subarray(3, 3 + length)));
  }
});
