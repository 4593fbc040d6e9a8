import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createPublicKey, sign, verify } from "node:crypto";
import { test } from "node:test";
import { nodeCrypto } from "./crypto.js";
import { generateEcdsa, generateRsa, generateRsaAsync, generateX25519 } from "./key-generation.js";

/** Milliseconds after which a process that needs less than a second is taken to wait for itself. */
const PATIENCE = 60_000;

test("keys of every kind sign what their public halves verify", async () => {
  const data = Uint8Array.of(1, 2, 3);
  for (const curve of ["P-256", "P-384"] as const) {
    for (let i = 0; i < 300; i++) {
      const key = generateEcdsa(curve);
      assert.ok(verify("sha256", data, createPublicKey(key), sign("sha256", data, key)), `${curve} ${i}`);
    }
  }
  for (const pair of [
    generateRsa({ modulusLength: 1024, publicExponent: 65537 }),
    await generateRsaAsync({ modulusLength: 1024, publicExponent: 3 }),
  ]) {
    assert.ok(verify("sha256", data, pair[1], sign("sha256", data, pair[0])));
  }
});

test("two X25519 shares agree", () => {
  const [a, b] = [nodeCrypto.createKeyShare("x25519"), nodeCrypto.createKeyShare("x25519")];
  assert.deepEqual(a.agree(b.publicKey), b.agree(a.publicKey));
  assert.notDeepEqual(a.publicKey, b.publicKey);
  assert.equal(Buffer.from(generateX25519().d!, "base64url").length, 32);
});

test("no collection of garbage finds a key locked", () => {
  const program = `
    import { nodeCrypto } from ${JSON.stringify(new URL("crypto.js", import.meta.url).href)};
    for (let i = 0; i < 6000; i++) {
      nodeCrypto.createKeyShare("x25519");
      nodeCrypto.generateKeyPair({ name: "ecdsa", namedCurve: "P-256" });
    }
    console.log("done");`;
  // With so little room for what is new, it is collected often.
  const flags = ["--max-semi-space-size=1", "--input-type=module", "--eval", program];
  const { stdout, signal } = spawnSync(process.execPath, flags, { encoding: "utf8", timeout: PATIENCE });
  assert.deepEqual([stdout, signal], ["done\n", null]);
});
