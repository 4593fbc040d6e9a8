import assert from "node:assert/strict";
import { test } from "node:test";
import {
  RTCEncodedAudioFrame,
  SFrameDecryptorStream,
  SFrameEncryptorStream,
  type SFrameTransformErrorEvent,
} from "../index.js";
import type { EncodedAudioFrameImpl } from "./rtc-encoded-frame.js";
import { construct } from "./webidl.js";

const cipherSuite = "AES_128_CTR_HMAC_SHA256_80";
const TEXT = Uint8Array.from("Four score and seven", (c) => c.charCodeAt(0));

function frame(bytes: Uint8Array): RTCEncodedAudioFrame {
  const impl: EncodedAudioFrameImpl = { data: Uint8Array.from(bytes).buffer, metadata: { payloadType: 111 } };
  return construct(RTCEncodedAudioFrame as unknown as new () => RTCEncodedAudioFrame, impl);
}

function key(bytes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], name = "HKDF"): Promise<object> {
  const usages: ("deriveBits" | "encrypt")[] = name === "HKDF" ? ["deriveBits"] : ["encrypt"];
  return crypto.subtle.importKey("raw", Uint8Array.from(bytes), name, false, usages);
}

interface Ends {
  write(chunk: unknown): Promise<void>;
  read(): Promise<{ done: boolean; value?: unknown }>;
}
function endsOf(stream: { readable: object; writable: object }): Ends {
  const writer = (stream.writable as WritableStream).getWriter();
  const reader = (stream.readable as ReadableStream).getReader();
  return { write: (chunk) => writer.write(chunk), read: () => reader.read() };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

const hexOf = (data: ArrayBuffer): string => Buffer.from(data).toString("hex");

test("what one stream encrypts, another decrypts; frames wait for the key", async () => {
  const encryptor = new SFrameEncryptorStream({ cipherSuite });
  const decryptor = new SFrameDecryptorStream({ cipherSuite });
  const set = encryptor.setEncryptionKey(await key(), 0x123n);
  const [sealing, opening] = [endsOf(encryptor), endsOf(decryptor)];
  const sent = frame(TEXT);
  void sealing.write(sent);
  const { value: sealed } = await sealing.read();
  await set;
  assert.equal(sealed, sent, "the same object");
  // RFC 9605 Appendix C has this key: its header and counter zero.
  assert.match(hexOf(sent.data), /^900123/);
  assert.equal(sent.data.byteLength, 3 + TEXT.length + 10);
  await decryptor.addDecryptionKey(await key(), 0x123);
  void opening.write(sealed);
  await opening.read();
  assert.equal(hexOf(sent.data), Buffer.from(TEXT).toString("hex"));
  assert.deepEqual(sent.getMetadata(), { payloadType: 111 });
});

test("without a key nothing leaves, and what is no frame is an error", async () => {
  const sealing = endsOf(new SFrameEncryptorStream({ cipherSuite }));
  void sealing.write(frame(TEXT));
  const read = sealing.read();
  read.catch(() => {});
  assert.equal(await Promise.race([read, new Promise((r) => setImmediate(r, "nothing"))]), "nothing");
  await assert.rejects(sealing.write(new ArrayBuffer(8)), TypeError);
});

test("frames that cannot be decrypted are left out, and told", async () => {
  const encryptor = new SFrameEncryptorStream({ cipherSuite });
  const decryptor = new SFrameDecryptorStream({ cipherSuite });
  const [sealing, opening] = [endsOf(encryptor), endsOf(decryptor)];
  const errors: unknown[] = [];
  decryptor.onerror = ({ errorType, keyID, frame: bad }: SFrameTransformErrorEvent) => {
    errors.push([errorType, keyID, bad]);
  };
  const seal = async (): Promise<RTCEncodedAudioFrame> => {
    void sealing.write(frame(TEXT));
    return (await sealing.read()).value as RTCEncodedAudioFrame;
  };
  const id = 2n ** 63n;
  await encryptor.setEncryptionKey(await key(), id);
  const unknown = await seal();
  const forged = await seal();
  new Uint8Array(forged.data)[forged.data.byteLength - 1]! ^= 1;
  const cut = frame(Uint8Array.of(0x90));
  const good = await seal();
  // Streams take a frame when one is asked for.
  const read = opening.read();
  void opening.write(unknown);
  await settle();
  void decryptor.addDecryptionKey(await key(), id);
  for (const each of [forged, cut, good]) void opening.write(each);
  assert.equal((await read).value, good);
  await settle();
  assert.deepEqual(errors, [
    ["keyID", id, unknown],
    ["authentication", null, forged],
    ["syntax", null, cut],
  ]);
  await decryptor.removeDecryptionKey(id);
  const late = await seal();
  void opening.read();
  void opening.write(late);
  await settle();
  assert.deepEqual(errors.at(-1), ["keyID", id, late]);
});

test("keys and identifiers are checked", async () => {
  const encryptor = new SFrameEncryptorStream({ cipherSuite });
  const good = await key();
  await assert.rejects(encryptor.setEncryptionKey({}, 1), TypeError);
  await assert.rejects(encryptor.setEncryptionKey(good, -1), TypeError);
  await assert.rejects(encryptor.setEncryptionKey(good, 2n ** 64n), RangeError);
  await assert.rejects(encryptor.setEncryptionKey(await key(undefined, "AES-GCM"), 1), {
    name: "InvalidModificationError",
  });
  // A key that was refused does not stand in the way of the next.
  await encryptor.setEncryptionKey(good, 1);
  assert.throws(() => new SFrameEncryptorStream({} as never), TypeError);
});
