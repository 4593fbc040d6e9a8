import assert from "node:assert/strict";
import { test } from "node:test";
import { certificateParameters } from "./rtc-certificate.js";

const rsa = { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-256" };
const DAY = 24 * 3600 * 1000;

test("the algorithms of generateCertificate", () => {
  assert.deepEqual(certificateParameters({ name: "ecdsa", namedCurve: "P-256" }), {
    algorithm: { name: "ecdsa", namedCurve: "P-256" },
    lifetime: 30 * DAY,
  });
  assert.deepEqual(certificateParameters({ ...rsa, hash: { name: "sha-256" }, expires: 400 * DAY }), {
    algorithm: { name: "rsa", modulusLength: 2048, publicExponent: 65537 },
    lifetime: 365 * DAY,
  });
  assert.equal(certificateParameters({ ...rsa, expires: 0 }).lifetime, 0);
});

test("what generateCertificate refuses", () => {
  const cases: [unknown, string][] = [
    ["x", "NotSupportedError"],
    [{ name: "Ed25519" }, "NotSupportedError"],
    [{ name: "ECDSA", namedCurve: "P-384" }, "NotSupportedError"],
    [{ ...rsa, hash: "SHA-1" }, "NotSupportedError"],
    [{ ...rsa, modulusLength: 1023 }, "NotSupportedError"],
    [{ ...rsa, modulusLength: 8193 }, "NotSupportedError"],
    [{ ...rsa, publicExponent: Uint8Array.of(3) }, "NotSupportedError"],
    [{ ...rsa, publicExponent: [1, 0, 1] }, "TypeError"],
    [{ ...rsa, modulusLength: -1 }, "TypeError"],
    [{ name: "ECDSA" }, "TypeError"],
    ["ECDSA", "TypeError"],
    [{}, "TypeError"],
    [undefined, "NotSupportedError"],
    [{ ...rsa, expires: -1 }, "TypeError"],
    [{ ...rsa, expires: "soon" }, "TypeError"],
  ];
  for (const [given, name] of cases) assert.throws(() => certificateParameters(given), { name }, JSON.stringify(given));
});
