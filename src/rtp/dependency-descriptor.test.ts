import assert from "node:assert/strict";
import { test } from "node:test";
import { DependencyDescriptorReader, writeFrameNumber } from "./dependency-descriptor.js";

/** Bits as text, spaces between fields. */
function bits(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, "");
  return Uint8Array.from({ length: Math.ceil(digits.length / 8) }, (_, i) =>
    Number.parseInt(digits.slice(i * 8, i * 8 + 8).padEnd(8, "0"), 2),
  );
}

// Start and end of frame, template 6, frame 0x1234; structure present; template_id_offset 5, two decode targets; the layers of five
// templates: S0T0, S0T0, S0T1, S1T0, S1T1; and their indications, for S0T1 and for S1T1.
const KEY = bits(`1 1 000110 0001001000110100 10000 000101 00001 00 01 10 01 11
  1010 1010 0111 0010 0001`);

test("a key frame's structure tells the layers of templates", () => {
  const reader = new DependencyDescriptorReader();
  assert.ok(reader.read(KEY, 0, KEY.length));
  assert.ok(reader.startOfFrame && reader.endOfFrame && reader.hasStructure);
  assert.equal(reader.frameNumber, 0x1234);
  assert.deepEqual([reader.spatialIndex, reader.temporalIndex], [0, 0]);
  const layers = [5, 6, 7, 8, 9, 10].map((template) => {
    const packet = Uint8Array.of(0xff, template, 0, 1);
    assert.ok(reader.read(packet, 1, 3));
    assert.ok(!reader.startOfFrame && !reader.hasStructure);
    return [reader.spatialIndex, reader.temporalIndex];
  });
  assert.deepEqual(layers, [
    [0, 0],
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
    [-1, -1],
  ]);
});

test("indications tell to which layers one can go up", () => {
  const reader = new DependencyDescriptorReader();
  // L1T2: a frame of the lowest layer is a switch for both targets, one of the higher discardable.
  const key = bits("1 1 000000 0000000000000001 10000 000000 00001 01 11 1010 0001");
  assert.ok(reader.read(key, 0, key.length));
  assert.deepEqual([...reader.switches], [0b11, 0, 0, 0]);
  assert.ok(reader.read(Uint8Array.of(0xc0, 0, 2), 0, 3));
  assert.deepEqual([...reader.switches], [0b11, 0, 0, 0]);
  assert.ok(reader.read(Uint8Array.of(0xc1, 0, 3), 0, 3));
  assert.deepEqual([...reader.switches], [0, 0, 0, 0]);
  // Indications of its own: required, and switch; behind the active targets if those are told.
  for (const text of ["00100 11 10", "01100 11 11 10"]) {
    const own = bits(`1 1 000000 0000000000000100 ${text}`);
    assert.ok(reader.read(own, 0, own.length));
    assert.deepEqual([...reader.switches], [0b10, 0, 0, 0]);
  }
  // Two spatial layers.
  assert.ok(reader.read(KEY, 0, KEY.length));
  assert.deepEqual([...reader.switches], [0b10, 0b10, 0, 0]);
});

test("template numbers wrap around", () => {
  const reader = new DependencyDescriptorReader();
  const key = bits("1 1 111111 0000000000000001 10000 111111 00001 01 11 1010 0001");
  assert.ok(reader.read(key, 0, key.length));
  assert.ok(reader.read(Uint8Array.of(0xc0, 0, 2), 0, 3));
  assert.deepEqual([reader.spatialIndex, reader.temporalIndex], [0, 1]);
});

test("without a structure the layers are not known", () => {
  const reader = new DependencyDescriptorReader();
  assert.ok(reader.read(Uint8Array.of(0x80, 0, 1), 0, 3));
  assert.equal(reader.spatialIndex, -1);
});

test("what is cut off or without end is refused", () => {
  const reader = new DependencyDescriptorReader();
  for (let length = 0; length < KEY.length; length++) {
    if (length !== 3) assert.equal(reader.read(KEY, 0, length), false, `${length} bytes`);
  }
  const endless = new Uint8Array(40);
  endless[3] = 0x80;
  assert.equal(reader.read(endless, 0, endless.length), false);
  const higher = new Uint8Array(40).fill(0b10101010, 5);
  higher[3] = 0x80;
  assert.equal(reader.read(higher, 0, higher.length), false);
});

test("the frame number is overwritten", () => {
  const data = KEY.slice();
  writeFrameNumber(data, 0, 0xabcd);
  const reader = new DependencyDescriptorReader();
  assert.ok(reader.read(data, 0, data.length));
  assert.equal(reader.frameNumber, 0xabcd);
});
