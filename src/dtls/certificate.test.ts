import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { testCertificate } from "#test/sim/dtls-pair.js";
import { nodeCrypto } from "../node/crypto.js";
import {
  createCertificate,
  fingerprint,
  MAX_CERTIFICATE_LENGTH,
  matchesFingerprint,
  parseCertificate,
} from "./certificate.js";

const KINDS = ["P-256", "P-384", "rsa"] as const;

test("what is written, node:crypto reads: names, validity, key, signature", () => {
  const notBefore = Date.UTC(2026, 1, 3, 4, 5, 6);
  for (const notAfter of [Date.UTC(2027, 11, 31, 23, 59, 59), Date.UTC(2061, 0, 1)]) {
    for (const kind of KINDS) {
      const { privateKey } = testCertificate(kind);
      const der = createCertificate(privateKey, { notBefore, notAfter, random: nodeCrypto.random, commonName: "abc" });
      const x509 = new X509Certificate(der);
      assert.equal(x509.subject, "CN=abc");
      assert.equal(x509.issuer, "CN=abc");
      assert.equal(Date.parse(x509.validFrom), notBefore);
      assert.equal(Date.parse(x509.validTo), notAfter);
      assert.equal(x509.serialNumber.length, 16);
      assert.equal(x509.verify(x509.publicKey), true);
      assert.deepEqual(new Uint8Array(x509.publicKey.export({ type: "spki", format: "der" })), privateKey.publicKeyDer);
      const read = parseCertificate(der)!;
      assert.equal(read.notBefore, notBefore);
      assert.equal(read.notAfter, notAfter);
      assert.deepEqual(read.publicKeyDer, privateKey.publicKeyDer);
      const oid = { "P-256": "1.2.840.10045.4.3.2", "P-384": "1.2.840.10045.4.3.3", rsa: "1.2.840.113549.1.1.11" };
      assert.equal(read.signatureAlgorithm, oid[kind]);
      const scheme = { "P-256": "ecdsa_secp256r1_sha256", "P-384": "ecdsa_secp384r1_sha384", rsa: "rsa_pkcs1_sha256" };
      const key = nodeCrypto.importPublicKey(read.publicKeyDer)!;
      assert.equal(key.verify(scheme[kind] as "rsa_pkcs1_sha256", read.tbs, read.signature), true);
    }
  }
});

// Made by `openssl req -x509`: Ed25519 and P-521, with extensions and a GeneralizedTime.
const FOREIGN = [
  {
    oid: "1.3.101.112",
    kind: "ed25519",
    der: `MIIBLjCB4aADAgECAhRjELkf/Y/Mv91n8WHGZEofnHsmUTAFBgMrZXAwDDEKMAgGA1UEAwwBeDAgFw0yNjExMjExMDU5NTRaGA8yMDgxMDgyND
      EwNTk1NFowDDEKMAgGA1UEAwwBeDAqMAUGAytlcAMhAL4DGV4iPY6MkKif5GDv9/optf2BHVQbVMPoq+BpSVuCo1MwUTAdBgNVHQ4EFgQUat4fV4
      PU9QYacXNS7Re34F1S1bAwHwYDVR0jBBgwFoAUat4fV4PU9QYacXNS7Re34F1S1bAwDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXADQQC2Jien3MEokP
      /e/p1QXBkf878yX+8NIZKo2AC+6FdXz95L1eqvq4IiFxZtlIYX+VdwuFPEAI1mTXbGVainf6gJ`,
  },
  {
    oid: "1.2.840.10045.4.3.2",
    kind: "ecdsa",
    der: `MIIB9jCCAVigAwIBAgIUU9wxkJnveW4HQ75f2slLluE9qH0wCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBeDAgFw0yNjExMjExMDU5NTRaGA8yMD
      gxMDgyNDEwNTk1NFowDDEKMAgGA1UEAwwBeDCBmzAQBgcqhkjOPQIBBgUrgQQAIwOBhgAEAeAmfc2wAZnAFng7rtKaFrrQUIfMDs8P+ggYBb9Iyv
      Mkdcai8aq0dpgGzVtv/irDbp+PpcLiXWDlTELanWk/golNAeGlR/UO2S0LCxQ9d1LWu9ZH0aRH/33zSh7FgZ+FVz7zLw+4g0dUHkw3qqdo0shPEr
      hKdkxRJ2pZCd9VHI0zyh2So1MwUTAdBgNVHQ4EFgQUQ3gTL6Ot1GvDZN+UlbMVFRuAaJMwHwYDVR0jBBgwFoAUQ3gTL6Ot1GvDZN+UlbMVFRuAaJ
      MwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgOBiwAwgYcCQViU3MJ57KTY2ChNoWMclrgsN/V9ZctnojersxzRkuvs3l7YGfvgZykiU+Lds9
      /YJTEAuJGA0fDQ1c2993naLZlFAkIAq7pCxmiO7hamlJ//FUXF3MFZ756WdNdF0rQVV427WBF1Ay6AKM+nNwKBgo5JACLVsq51qk/f1N44sU+vj8
      Akf3I=`,
  },
].map((entry) => ({ ...entry, der: new Uint8Array(Buffer.from(entry.der, "base64")) }));

test("reads certificates of others", () => {
  for (const { der, oid, kind } of FOREIGN) {
    const certificate = parseCertificate(der)!;
    assert.equal(certificate.signatureAlgorithm, oid);
    assert.equal(certificate.notBefore, Date.UTC(2026, 10, 21, 10, 59, 54));
    assert.equal(certificate.notAfter, Date.UTC(2081, 7, 24, 10, 59, 54));
    assert.equal(nodeCrypto.importPublicKey(certificate.publicKeyDer)!.kind, kind);
  }
});

test("no prefix of a certificate is one, nor one with something behind it, nor one too long", () => {
  const { der } = testCertificate("P-256");
  for (let length = 0; length < der.length; length++)
    assert.equal(parseCertificate(der.subarray(0, length)), undefined);
  const longer = new Uint8Array(der.length + 1);
  longer.set(der);
  assert.equal(parseCertificate(longer), undefined);
  assert.equal(parseCertificate(new Uint8Array(MAX_CERTIFICATE_LENGTH + 1)), undefined);
});

test("fingerprints in every hash function", () => {
  const { der } = testCertificate("P-256");
  const x509 = new X509Certificate(der);
  assert.equal(fingerprint(nodeCrypto, der, "sha-1"), x509.fingerprint);
  assert.equal(fingerprint(nodeCrypto, der, "sha-256"), x509.fingerprint256);
  assert.equal(fingerprint(nodeCrypto, der, "sha-512"), x509.fingerprint512);
  const lengths = { md5: 16, "sha-224": 28, "sha-384": 48 } as const;
  for (const [name, length] of Object.entries(lengths)) {
    assert.match(fingerprint(nodeCrypto, der, name as "md5"), new RegExp(`^([0-9A-F]{2}:){${length - 1}}[0-9A-F]{2}$`));
  }
});

test("a fingerprint matches in any case; the strongest hash function decides; MD5 and unknown ones never do", () => {
  const { der } = testCertificate("P-256");
  const of = (algorithm: "md5" | "sha-1" | "sha-256" | "sha-512") => ({
    algorithm,
    value: fingerprint(nodeCrypto, der, algorithm),
  });
  const wrong = { algorithm: "sha-256", value: fingerprint(nodeCrypto, testCertificate("P-384").der, "sha-256") };
  const matches = (...list: { algorithm: string; value: string }[]) => matchesFingerprint(nodeCrypto, der, list);
  assert.equal(matches(of("sha-256")), true);
  assert.equal(matches({ algorithm: "SHA-256", value: of("sha-256").value.toLowerCase() }), true);
  assert.equal(matches(of("sha-1")), true);
  assert.equal(matches(wrong, of("sha-256")), true);
  assert.equal(matches(wrong, of("sha-512")), true);
  assert.equal(matches(wrong, of("sha-1")), false);
  assert.equal(matches(wrong), false);
  assert.equal(matches(of("md5")), false);
  assert.equal(matches({ algorithm: "foo", value: "00" }), false);
  assert.equal(matches({ algorithm: "sha-256", value: "" }), false);
  assert.equal(matches(), false);
});
