// Published vectors: RFC 9605 Appendix C, and those of draft-barnes-sframe-iana-256 for the suites of AES-256 in counter mode.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import { hexDecode, hexEncode } from "../util/text.js";
import { SFRAME_SUITES, type SFrameCipherSuite } from "./cipher-suites.js";
import { MAX_SFRAME_KEYS, SFrameReceiver, SFrameSender } from "./context.js";
import { parseSFrameHeader, sframeInteger, writeSFrameHeader } from "./header.js";
import { deriveSFrameKeys } from "./keys.js";

const hex = (text: string): Uint8Array => hexDecode(text)!;

const HEADERS: readonly (readonly [keyId: bigint, counter: bigint, encoded: string])[] = [
  [0n, 0n, "00"],
  [0n, 255n, "08ff"],
  [0n, 256n, "090100"],
  [0n, 18446744073709551615n, "0fffffffffffffffff"],
  [255n, 0n, "80ff"],
  [255n, 255n, "88ffff"],
  [256n, 256n, "9901000100"],
  [256n, 65536n, "9a0100010000"],
  [65536n, 4294967296n, "ac0100000100000000"],
  [4294967296n, 255n, "c80100000000ff"],
  [18446744073709551615n, 0n, "f0ffffffffffffffff"],
  [18446744073709551615n, 18446744073709551615n, "ffffffffffffffffffffffffffffffffff"],
];

test("headers", () => {
  for (const [keyId, counter, encoded] of HEADERS) {
    const bytes = writeSFrameHeader(sframeInteger(keyId)!, sframeInteger(counter)!);
    assert.equal(hexEncode(bytes), encoded);
    const parsed = parseSFrameHeader(bytes)!;
    assert.deepEqual([parsed.keyId, parsed.length], [sframeInteger(keyId), bytes.length]);
    assert.equal(BigInt(`0x${hexEncode(parsed.counter)}`), counter);
    for (let end = 0; end < bytes.length; end++) assert.equal(parseSFrameHeader(bytes.subarray(0, end)), undefined);
  }
  assert.deepEqual(
    [7, 8].map((n) => hexEncode(writeSFrameHeader(n, n))),
    ["77", "880808"],
  );
  // Longer than it has to be.
  assert.equal(parseSFrameHeader(hex("91000504"))!.keyId, 5);
});

test("integers have one form", () => {
  assert.deepEqual([5, 5n, 2n ** 53n, 2n ** 64n - 1n].map(sframeInteger), [5, 5, 2n ** 53n, 2n ** 64n - 1n]);
  for (const wrong of [-1, 1.5, 2 ** 53, Number.NaN, -1n, 2n ** 64n]) assert.equal(sframeInteger(wrong), undefined);
});

const KEY_ID = 0x123;
const COUNTER = 0x4567;
const BASE_KEY = hex("000102030405060708090a0b0c0d0e0f");
const METADATA = hex("4945544620534672616d65205747");
const PLAINTEXT = hex("64726166742d696574662d736672616d652d656e63");

const VECTORS: readonly (readonly [suite: SFrameCipherSuite, key: string, salt: string, ciphertext: string])[] = [
  [
    "AES_128_CTR_HMAC_SHA256_80",
    "3f7d9a7c83ae8e1c8a11ae695ab59314b367e359fadac7b9c46b2bc6f81f46e16b96f0811868d59402b7e870102720b3",
    "50b29329a04dc0f184ac3168",
    "9901234567449408b6f490086165b9d6f62b24ae1a59a56486b4ae8ed036b88912e24f11",
  ],
  [
    "AES_128_CTR_HMAC_SHA256_64",
    "e2ec5c797540310483b16bf6e7a570d2a27d192fe869c7ccd8584a8d9dab91549fbe553f5113461ec6aa83bf3865553e",
    "e68ac8dd3d02fbcd368c5577",
    "99012345673f31438db4d09434e43afa0f8a2f00867a2be085046a9f5cb4f101d607",
  ],
  [
    "AES_128_CTR_HMAC_SHA256_32",
    "2c5703089cbb8c583475e4fc461d97d18809df79b6d550f78eb6d50ffa80d89211d57909934f46f5405e38cd583c69fe",
    "38c16e4f5159700c00c7f350",
    "990123456717fc8af28a5a695afcfc6c8df6358a17e26b2fcb3bae32e443",
  ],
  [
    "AES_128_GCM_SHA256_128",
    "d34f547f4ca4f9a7447006fe7fcbf768",
    "75234edefe07819026751816",
    "9901234567b7412c2513a1b66dbb48841bbaf17f598751176ad847681a69c6d0b091c07018ce4adb34eb",
  ],
  [
    "AES_256_GCM_SHA512_128",
    "d3e27b0d4a5ae9e55df01a70e6d4d28d969b246e2936f4b7a5d9b494da6b9633",
    "84991c167b8cd23c93708ec7",
    "990123456794f509d36e9beacb0e261d99c7d1e972f1fed787d4049f17ca21353c1cc24d56ceabced279",
  ],
  [
    "AES_256_CTR_HMAC_SHA512_80",
    "3c343886ec1c79278836863e00fe934c8894460cfa367ebdc4856b0a9268a4f4fb99437876819394ef90b10ee12602d023f7128ee50f2314c2cc3cff4c56616d2fe03ad2a254cc2ed29b2a4d3f2534c0dda9e7c391ad1917ea07aa221dd4b224",
    "e082f7ce012ad30c87c49e3f",
    "9901234567b369e03ec6467ad505ddc84914115069280c5c797555be6e32cde6ac25bc9e",
  ],
  [
    "AES_256_CTR_HMAC_SHA512_64",
    "7271d6c6cbccd2e2343d480ebea65718a7bb379eefcf3f8d107c1e2a76e755293a497fd9e4e8291b965161987ef4ef24983eabb06cb0a392defaab18654780a39c106ffa4a47d4183a6e593cd0c1bcab2b9c6dcf049215845bfb7580c4dea80e",
    "46b4367993a314910d4d9f3d",
    "990123456797cb5644d8831ff8bdc080249990b24b569144cab2a87be22c20d97976",
  ],
  [
    "AES_256_CTR_HMAC_SHA512_32",
    "afe92c81e0df8c00fab619e0559fe5aeefce1ef77789d4c728af1b1c1f2e3552c405d274415a5291ec075c2d9954c450fbd36682a4e978494808b703ce78b409f9fec29b91e6e703a75c4131377c80c9d51b8906088092452e2593eb142eea2d",
    "f6de647bac1263524cfb6533",
    "9901234567112a94a288b85b49ffef1d279f2830165c39d76cac8884011c",
  ],
];

for (const [name, key, salt, ciphertext] of VECTORS) {
  test(`${name}: keys, and a frame both ways`, () => {
    const suite = SFRAME_SUITES[name];
    const keys = deriveSFrameKeys(nodeCrypto, suite, KEY_ID, BASE_KEY);
    assert.deepEqual([hexEncode(keys.key), hexEncode(keys.salt)], [key, salt]);
    const sender = new SFrameSender(nodeCrypto, suite);
    sender.setKey(KEY_ID, keys, COUNTER);
    const sealed = sender.seal(PLAINTEXT, METADATA)!;
    assert.equal(hexEncode(sealed), ciphertext);
    assert.equal(sender.nextCounter, COUNTER + 1);

    const receiver = new SFrameReceiver(nodeCrypto, suite);
    assert.deepEqual(receiver.open(sealed, METADATA), { ok: false, reason: "keyID", keyId: KEY_ID });
    assert.equal(receiver.addKey(KEY_ID, keys), true);
    assert.deepEqual(receiver.open(sealed, METADATA), { ok: true, frame: Uint8Array.from(PLAINTEXT), keyId: KEY_ID });
    assert.equal(hexEncode(sealed), ciphertext, "what is opened stays as it is");

    const wrong = { ok: false, reason: "authentication", keyId: KEY_ID };
    assert.deepEqual(receiver.open(sealed), wrong, "without the metadata");
    // Each byte behind the bytes of the identifier counts.
    for (let i = 3; i < sealed.length; i++) {
      const changed = Uint8Array.from(sealed);
      changed[i]! ^= 1;
      assert.deepEqual(receiver.open(changed, METADATA), wrong, `byte ${i}`);
    }
    for (let length = 0; length < sealed.length; length++) {
      assert.equal(receiver.open(sealed.subarray(0, length), METADATA).ok, false);
    }
    assert.equal(receiver.open(sealed.subarray(0, 5 + suite.tagLength - 1), METADATA).keyId, null, "syntax");
    assert.equal(receiver.removeKey(KEY_ID), true);
    assert.equal(receiver.open(sealed, METADATA).ok, false);
  });
}

test("a key that comes back goes on with its counter", () => {
  const suite = SFRAME_SUITES.AES_128_GCM_SHA256_128;
  const sender = new SFrameSender(nodeCrypto, suite);
  const [a, b] = [1, 2].map((keyId) => deriveSFrameKeys(nodeCrypto, suite, keyId, BASE_KEY));
  const seal = (keyId: number, keys = a!): string => {
    sender.setKey(keyId, keys);
    return hexEncode(sender.seal(PLAINTEXT)!);
  };
  const sealed = [seal(1), seal(1), seal(2, b), seal(1), seal(2, b)];
  assert.equal(new Set(sealed).size, sealed.length);
  sender.setKey(1, a!);
  assert.equal(sender.nextCounter, 3);
});

test("a sender never uses a counter twice, and nothing without a key", () => {
  const suite = SFRAME_SUITES.AES_128_GCM_SHA256_128;
  const sender = new SFrameSender(nodeCrypto, suite);
  assert.equal(sender.seal(PLAINTEXT), undefined);
  const keys = deriveSFrameKeys(nodeCrypto, suite, 2 ** 53 - 1, BASE_KEY);
  const receiver = new SFrameReceiver(nodeCrypto, suite);
  receiver.addKey(2 ** 53 - 1, keys);
  for (const counter of [0, 7, 254, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER]) {
    sender.setKey(2 ** 53 - 1, keys, counter);
    const sealed = sender.seal(new Uint8Array(0))!;
    assert.equal(receiver.open(sealed).ok, true);
    const next = sender.seal(new Uint8Array(0));
    if (counter === Number.MAX_SAFE_INTEGER) assert.equal(next, undefined);
    else assert.notDeepEqual(next, sealed);
  }
});

test("a receiver's keys have a limit", () => {
  const suite = SFRAME_SUITES.AES_128_GCM_SHA256_128;
  const receiver = new SFrameReceiver(nodeCrypto, suite);
  const keys = { key: new Uint8Array(16), salt: new Uint8Array(12) };
  for (let id = 0; id < MAX_SFRAME_KEYS; id++) assert.equal(receiver.addKey(id, keys), true);
  assert.equal(receiver.addKey(MAX_SFRAME_KEYS, keys), false);
  assert.equal(receiver.addKey(0, keys), true, "another for one that is there");
});
