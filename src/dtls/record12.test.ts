import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import { CIPHER_SUITES } from "./cipher-suites.js";
import { Protection, RecordHeader, RecordReader12, RecordWriter12 } from "./record12.js";

function protection(): Protection {
  const suite = CIPHER_SUITES[0]!;
  const key = new Uint8Array(suite.keyLength).fill(1);
  return new Protection(nodeCrypto.createAead(suite.aead, key), suite, new Uint8Array(suite.fixedIvLength).fill(2));
}

for (const keeps of [true, false]) {
  test(`records of all lengths, whose memory ${keeps ? "is in use for ever" : "serves again"}`, () => {
    const sent: Uint8Array[] = [];
    const places = new Map<ArrayBufferLike, Set<number>>();
    let count = 0;
    const writer = new RecordWriter12(
      (datagram) => {
        const { buffer, byteOffset } = datagram;
        if (!places.has(buffer)) places.set(buffer, new Set());
        places.get(buffer)!.add(byteOffset);
        count++;
        sent.push(keeps ? datagram : datagram.slice());
      },
      () => keeps,
    );
    writer.install(protection());
    const lengths = [0, 1, 1171, 1200, 1500, 16_384, 1171];
    const text = (i: number): Uint8Array => new Uint8Array(lengths[i % lengths.length]!).fill(i);
    for (let i = 0; i < 300; i++) {
      assert.equal(writer.queue(23, text(i)), true);
      if (i % 5 === 4) writer.flush();
    }
    const reader = new RecordReader12(protection());
    const header = new RecordHeader();
    for (const [i, datagram] of sent.entries()) {
      assert.equal(header.parse(datagram, 0), datagram.length);
      reader.add(datagram, header);
      reader.open();
      assert.equal(reader.count, 1);
      assert.equal(reader.result(0), "authentic");
      assert.deepEqual(reader.plaintext(0), text(i));
      reader.reset();
    }
    const total = [...places.values()].reduce((sum, { size }) => sum + size, 0);
    if (keeps) assert.equal(total, count);
    else assert.ok(total < 30, `${total}`);
  });
}
