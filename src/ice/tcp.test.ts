import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameReader, writeFrame } from "./tcp.js";

test("frames of RFC 4571, however the stream is cut", () => {
  const frames = [
    new Uint8Array(1).fill(1),
    new Uint8Array(300).fill(2),
    new Uint8Array(65535).fill(3),
    new Uint8Array(2).fill(4),
  ];
  const stream = new Uint8Array(frames.reduce((sum, f) => sum + f.length + 2, 0));
  let at = 0;
  for (const frame of frames) {
    stream.set(writeFrame(frame), at);
    at += frame.length + 2;
  }
  for (const size of [1, 2, 3, 7, 1000, 66000, stream.length]) {
    const reader = new FrameReader();
    const out: Uint8Array[] = [];
    for (let i = 0; i < stream.length; i += size) reader.push(stream.slice(i, i + size), (frame) => out.push(frame));
    assert.deepEqual(out, frames, `${size}`);
  }
});

test("empty frames are skipped", () => {
  const out: Uint8Array[] = [];
  new FrameReader().push(Uint8Array.of(0, 0, 0, 1, 9, 0, 0), (frame) => out.push(frame));
  assert.deepEqual(out, [Uint8Array.of(9)]);
});
