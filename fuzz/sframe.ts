// SFrame ciphertexts: what is opened was sealed under that key, and reading never fails nor changes the input. The first byte
// says which suite, and whether the rest is a ciphertext, or a frame to be sealed and opened.
import { nodeCrypto } from "#src/node/crypto.js";
import { SFRAME_SUITES } from "#src/sframe/cipher-suites.js";
import { SFrameReceiver, SFrameSender } from "#src/sframe/context.js";
import { parseSFrameHeader, sframeInteger, writeSFrameHeader } from "#src/sframe/header.js";
import { deriveSFrameKeys } from "#src/sframe/keys.js";
import { hexEncode } from "#src/util/text.js";
import type { FuzzTarget } from "./target.js";

const KEY_IDS = [0, 7, 0x123, 2n ** 64n - 1n];
const BASE_KEY = new Uint8Array(16).fill(7);

const ends = Object.values(SFRAME_SUITES).map((suite) => {
  const sender = new SFrameSender(nodeCrypto, suite);
  const receiver = new SFrameReceiver(nodeCrypto, suite);
  const keys = KEY_IDS.map((keyId) => ({ keyId, keys: deriveSFrameKeys(nodeCrypto, suite, keyId, BASE_KEY) }));
  for (const { keyId, keys: derived } of keys) receiver.addKey(keyId, derived);
  return { sender, receiver, keys };
});

function checkHeader(data: Uint8Array): void {
  const header = parseSFrameHeader(data);
  if (header === undefined) return;
  if (header.length > data.length || header.counter.length > 8) throw new Error("beyond the data");
  const counter = sframeInteger(BigInt(`0x${hexEncode(header.counter)}`))!;
  const again = parseSFrameHeader(writeSFrameHeader(header.keyId, counter))!;
  if (again.keyId !== header.keyId) throw new Error("another key identifier once written");
  if (BigInt(`0x${hexEncode(again.counter)}`) !== BigInt(counter)) throw new Error("another counter once written");
}

function run(input: Uint8Array): void {
  const [choice = 0, extra = 0] = input;
  const { sender, receiver, keys } = ends[choice % ends.length]!;
  const data = input.subarray(2);
  checkHeader(data);
  const before = hexEncode(data);
  if (receiver.open(data).ok) throw new Error("forged");
  if (hexEncode(data) !== before) throw new Error("the input was changed");

  const { keyId, keys: derived } = keys[extra % keys.length]!;
  if (!sender.setKey(keyId, derived)) throw new Error("refused");
  const metadata = data.subarray(0, choice >> 4);
  const sealed = sender.seal(data, metadata)!;
  const opened = receiver.open(sealed, metadata);
  if (!opened.ok || opened.keyId !== keyId || hexEncode(opened.frame) !== before) throw new Error("does not open");
  sealed[sealed.length - 1 - (extra % sealed.length)]! ^= 1 << (choice & 7);
  if (receiver.open(sealed, metadata).ok) throw new Error("changed, and opens");
}

const hex = (text: string): Uint8Array => Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (b) => parseInt(b, 16));

export const target: FuzzTarget = {
  name: "sframe",
  seeds: [
    hex("00019901234567449408b6f490086165b9d6f62b24ae1a59a56486b4ae8ed036b88912e24f11"),
    hex("0342ff0123456789abcdef0001020304050607aabbccddeeff00112233445566778899"),
    hex("0710770000"),
    hex("3423"),
  ],
  run,
};
