import { CIPHER_SUITES } from "#src/dtls/cipher-suites.js";
import { Protection, RecordHeader, RecordReader12, RecordWriter12 } from "#src/dtls/record12.js";
import { nodeCrypto } from "#src/node/crypto.js";
import type { FuzzTarget } from "./target.js";

/** Suites of both kinds of nonce, under a fixed key. */
const PROTECTIONS = [0, 2].map((index) => {
  const suite = CIPHER_SUITES[index]!;
  const key = new Uint8Array(suite.keyLength).fill(1);
  return new Protection(nodeCrypto.createAead(suite.aead, key), suite, new Uint8Array(suite.fixedIvLength).fill(2));
});

function seeds(): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (const protection of PROTECTIONS) {
    const writer = new RecordWriter12((datagram) => out.push(datagram.slice()));
    writer.install(protection);
    for (const text of ["", "a", "some longer plaintext"]) {
      writer.queue(
        23,
        Uint8Array.from(text, (c) => c.charCodeAt(0)),
      );
    }
    writer.flush();
  }
  return out;
}

const AUTHENTIC = new Set(seeds().map(String));

export const target: FuzzTarget = {
  name: "dtls-record",
  seeds: seeds(),
  run(input) {
    for (const protection of PROTECTIONS) {
      const data = input.slice();
      const header = new RecordHeader();
      const reader = new RecordReader12(protection);
      for (let offset = 0, count = 0; offset < data.length && count < 32; count++) {
        const end = header.parse(data, offset);
        if (end < 0) break;
        if (end <= offset || end > data.length) throw new Error("does not advance, or beyond the end");
        if (header.epoch === 1 && header.version === 0xfefd) reader.add(data, header);
        offset = end;
      }
      const original = input;
      reader.open();
      for (let i = 0; i < reader.count; i++) {
        if (reader.result(i) !== "authentic") continue;
        const { byteOffset, length } = reader.plaintext(i);
        // Only what was sealed under the key may open: find the record around the plaintext in the input.
        const start = byteOffset - data.byteOffset - 13 - protection.explicitNonceLength;
        const record = original.subarray(start, start + 13 + protection.explicitNonceLength + length + 16);
        if (!AUTHENTIC.has(String(record))) throw new Error("a forged record opened");
      }
      reader.reset();
    }
  },
};
