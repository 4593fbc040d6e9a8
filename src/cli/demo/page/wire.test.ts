import assert from "node:assert/strict";
import { test } from "node:test";
import { type FileControl, parseFileControl, writeFileControl } from "./wire.js";

test("every message survives being written and read", () => {
  const messages: FileControl[] = [
    { type: "file", name: "ü.bin", size: 2 ** 40 },
    { type: "credit", bytes: 0 },
    { type: "done", bytes: 7, sha256: "0123456789abcdef".repeat(4), milliseconds: 1.5 },
    { type: "error", reason: "no" },
  ];
  for (const message of messages) assert.deepEqual(parseFileControl(writeFileControl(message)), message);
});

test("anything else is undefined, never an exception", () => {
  for (const text of [
    "",
    "{",
    "null",
    "7",
    "[]",
    '{"type":"credit"}',
    '{"type":"credit","bytes":-1}',
    '{"type":"credit","bytes":1.5}',
    '{"type":"credit","bytes":1e300}',
    '{"type":"file","name":"x"}',
    `{"type":"file","name":"${"x".repeat(256)}","size":1}`,
    '{"type":"done","bytes":1,"sha256":"zz","milliseconds":1}',
    '{"type":"other"}',
  ]) {
    assert.equal(parseFileControl(text), undefined, text);
  }
});
