import assert from "node:assert/strict";
import { test } from "node:test";
import { ProgressLine, progressBar } from "./terminal.js";

test("a bar is always as wide as asked, in eighths", () => {
  assert.equal(progressBar(0, 4), "░░░░");
  assert.equal(progressBar(0.5, 4), "██░░");
  assert.equal(progressBar(1, 4), "████");
  assert.equal(progressBar(0.28, 4), "█▏░░");
  assert.equal(progressBar(7, 4), "████");
  for (let i = 0; i <= 100; i++) assert.equal(progressBar(i / 100, 10).length, 10);
});

test("without a terminal a line is printed at each step, once", () => {
  const lines: string[] = [];
  const progress = new ProgressLine({ write: (text) => lines.push(text) }, 0.25);
  for (const fraction of [0, 0.1, 0.25, 0.3, 0.8, 0.9, 1, 1]) progress.update(fraction, "x");
  progress.clear();
  assert.deepEqual(lines, ["   25 %  x\n", "   80 %  x\n", "  100 %  x\n"]);
});

test("on a terminal one line is rewritten and never wraps", () => {
  const writes: string[] = [];
  const progress = new ProgressLine({ isTTY: true, columns: 40, write: (text) => writes.push(text) });
  progress.update(0.5, "a text that is much too long for such a narrow terminal");
  assert.equal(writes.length, 1);
  assert.ok(writes[0]!.startsWith("\r") && writes[0]!.endsWith("\x1b[K"));
  assert.ok(writes[0]!.length - "\r\x1b[K".length < 40);
  progress.clear();
  assert.equal(writes[1], "\r\x1b[K");
});
