import assert from "node:assert/strict";
import { test } from "node:test";
import { hexDecode } from "../../util/text.js";
import { RtpPacket, writeRtpHeader } from "../packet.js";
import { MAX_RED_BLOCKS, RedBlocks, RedDecoder, RedEncoder, redBlockType } from "./red.js";

function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

function packet(payload: Uint8Array, timestamp: number): RtpPacket {
  const data = new Uint8Array(12 + payload.length);
  writeRtpHeader(data, false, 63, 0, timestamp, 1, 0);
  data.set(payload, 12);
  const view = new RtpPacket();
  assert.ok(view.parse(data));
  return view;
}

test("the blocks of a RED payload (RFC 2198 3)", () => {
  // PCMU (0) as redundancy, 3 bytes from 160 ticks before, and 2 bytes of PT 111.
  const blocks = new RedBlocks();
  const data = hexDecode("ff" + "80028003" + "6f" + "0a0b0c" + "0102")!;
  assert.ok(blocks.parse(data, 1, data.length - 1));
  assert.equal(blocks.count, 2);
  assert.deepEqual([...blocks.payloadTypes.subarray(0, 2)], [0, 111]);
  assert.deepEqual([...blocks.timestampOffsets.subarray(0, 2)], [160, 0]);
  assert.deepEqual([...blocks.offsets.subarray(0, 2)], [6, 9]);
  assert.deepEqual([...blocks.lengths.subarray(0, 2)], [3, 2]);
  for (let length = 0; length < 8; length++) assert.equal(blocks.parse(data, 1, length), false, `${length}`);
  assert.ok(blocks.parse(data, 1, 8), "the primary block may be empty");
  const many = new Uint8Array(4 * MAX_RED_BLOCKS + 1);
  for (let i = 0; i < MAX_RED_BLOCKS; i++) many[4 * i] = 0x80;
  assert.equal(blocks.parse(many, 0, many.length), false);
  assert.ok(blocks.parse(many, 4, many.length - 4));
  assert.equal(blocks.count, MAX_RED_BLOCKS);
});

test("a stream of audio survives as many losses in a row as there are redundant blocks", () => {
  for (const redundancy of [0, 1, 2, 5]) {
    const next = seeded(redundancy + 1);
    const encoder = new RedEncoder(redundancy);
    const out = new Uint8Array(1200);
    const heard = new Map<number, Uint8Array>();
    const decoder = new RedDecoder((data, offset, length, payloadType, timestamp) => {
      assert.equal(payloadType, 111);
      assert.ok(!heard.has(timestamp), "a block came twice");
      heard.set(timestamp, data.slice(offset, offset + length));
    });
    const said = new Map<number, Uint8Array>();
    let lostInRow = 0;
    for (let i = 0; i < 500; i++) {
      const timestamp = (0xfffe0000 + i * 960) >>> 0;
      const payload = Uint8Array.from({ length: 1 + next(150) }, () => next(256));
      said.set(timestamp, payload);
      const length = encoder.encode(111, timestamp, payload, out);
      if (lostInRow < redundancy && next(2) === 0) {
        lostInRow++;
        continue;
      }
      lostInRow = 0;
      assert.ok(decoder.receive(packet(out.slice(0, length), timestamp)));
      if (next(5) === 0) assert.ok(decoder.receive(packet(out.slice(0, length), timestamp)));
    }
    const last = [...heard.keys()].at(-1)!;
    for (const [timestamp, payload] of said) {
      assert.deepEqual(heard.get(timestamp), payload);
      if (timestamp === last) break;
    }
    assert.equal(decoder.recovered > 0, redundancy > 0);
  }
});

test("what RED cannot carry is left out: too long, too old, too much, empty", () => {
  const count = (out: Uint8Array, length: number): number => {
    const blocks = new RedBlocks();
    assert.ok(blocks.parse(out, 0, length));
    return blocks.count;
  };
  const out = new Uint8Array(2000);
  const encoder = new RedEncoder(3);
  assert.equal(count(out, encoder.encode(111, 0, new Uint8Array(1024), out)), 1);
  assert.equal(count(out, encoder.encode(111, 960, new Uint8Array(0), out)), 1, "1,024 bytes are too long");
  assert.equal(count(out, encoder.encode(111, 1920, new Uint8Array(1023).fill(1), out)), 1, "nothing is not repeated");
  assert.equal(count(out, encoder.encode(111, 2880, new Uint8Array(100), out)), 2);
  assert.equal(count(out, encoder.encode(111, 2880 + 0x3fff, new Uint8Array(100), out)), 2, "offsets have 14 bits");
  assert.equal(count(out, encoder.encode(111, 50_000, new Uint8Array(100), out)), 1);
  assert.equal(count(out, encoder.encode(111, 50_960, new Uint8Array(100), out)), 2);
  const small = new Uint8Array(250);
  assert.equal(count(small, encoder.encode(111, 51_920, new Uint8Array(100), small)), 2, "the older one does not fit");
  assert.equal(encoder.encode(111, 52_880, new Uint8Array(250), small), 0);
});

test("a packet of video has one block", () => {
  assert.equal(redBlockType(packet(Uint8Array.of(96, 1, 2), 0)), 96);
  assert.equal(redBlockType(packet(Uint8Array.of(0x80 | 96, 1, 2, 3, 4), 0)), -1);
  assert.equal(redBlockType(packet(new Uint8Array(0), 0)), -1);
});
