import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import { hexDecode, hexEncode } from "../util/text.js";
import { CIPHER_SUITES, cipherSuite } from "./cipher-suites.js";
import { exportKeyingMaterial, keyBlock, prf } from "./key-schedule.js";

const bytes = (hex: string): Uint8Array => hexDecode(hex)!;

// The vectors that went over the TLS working group's list in 2009; OpenSSL's TLS1-PRF gives the same.
test("PRF with SHA-256 and SHA-384", () => {
  assert.equal(
    hexEncode(
      prf(
        nodeCrypto,
        "sha-256",
        bytes("9bbe436ba940f017b17652849a71db35"),
        "test label",
        bytes("a0ba9f936cda311827a6f796ffd5198c"),
        100,
      ),
    ),
    "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17" +
      "abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66",
  );
  assert.equal(
    hexEncode(
      prf(
        nodeCrypto,
        "sha-384",
        bytes("b80b733d6ceefcdc71566ea48e5567df"),
        "test label",
        bytes("cd665cf6a8447dd6ff8b27555edb7465"),
        148,
      ),
    ),
    "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700" +
      "884f9dc236f80edd8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d9184259b5bf8cd4d90fa0d31e2dec479e4f1" +
      "a26066f2eea9a69236a3e52655c9e9aee691c8f3a26854308d5eaa3be85e0990703d73e56f",
  );
});

test("the key block is client key, server key, client IV, server IV of the suite's lengths", () => {
  const master = new Uint8Array(48).fill(1);
  const client = new Uint8Array(32).fill(2);
  const server = new Uint8Array(32).fill(3);
  for (const suite of CIPHER_SUITES) {
    const { keyLength: k, fixedIvLength: v } = suite;
    const seed = new Uint8Array(64).fill(3, 0, 32).fill(2, 32);
    const all = prf(nodeCrypto, suite.hash, master, "key expansion", seed, 2 * (k + v));
    const block = keyBlock(nodeCrypto, suite, master, client, server);
    const parts = [block.client.key, block.server.key, block.client.iv, block.server.iv];
    assert.equal(parts.map((part) => hexEncode(part)).join(""), hexEncode(all));
    assert.deepEqual(
      parts.map((part) => part.length),
      [k, k, v, v],
    );
  }
});

test("the exporter tells no context from an empty one, and puts the length before a context", () => {
  const suite = cipherSuite(0xc02b)!;
  const master = new Uint8Array(48).fill(1);
  const client = new Uint8Array(32).fill(2);
  const server = new Uint8Array(32).fill(3);
  const seed = [...client, ...server];
  for (const [context, extra] of [
    [undefined, []],
    [new Uint8Array(0), [0, 0]],
    [Uint8Array.of(9, 8, 7), [0, 3, 9, 8, 7]],
  ] as const) {
    assert.deepEqual(
      exportKeyingMaterial(nodeCrypto, suite, master, client, server, "EXPORTER-x", context, 40),
      prf(nodeCrypto, "sha-256", master, "EXPORTER-x", Uint8Array.from([...seed, ...extra]), 40),
    );
  }
});
