import { createCertificate, parseCertificate } from "#src/dtls/certificate.js";
import { nodeCrypto } from "#src/node/crypto.js";
import { testCertificate } from "#test/sim/dtls-pair.js";
import type { FuzzTarget } from "./target.js";

const { privateKey } = testCertificate("P-384");
const fixed = createCertificate(privateKey, { notBefore: 0, notAfter: 4e12, random: (n) => new Uint8Array(n).fill(3) });

export const target: FuzzTarget = {
  name: "x509",
  seeds: [testCertificate("P-256").der, testCertificate("rsa").der, fixed],
  run(input) {
    const certificate = parseCertificate(input);
    if (certificate === undefined) return;
    const { publicKeyDer, tbs, signature, notBefore, notAfter } = certificate;
    if (publicKeyDer.length > tbs.length || tbs.length + signature.length >= input.length) {
      throw new Error("parts longer than the whole");
    }
    if (!Number.isFinite(notBefore) || !Number.isFinite(notAfter)) throw new Error("not a time");
    const key = nodeCrypto.importPublicKey(publicKeyDer);
    key?.verify("ecdsa_secp256r1_sha256", tbs, signature);
  },
};
