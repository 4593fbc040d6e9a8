import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { untar } from "./untar.js";

function entry(name: string, type: string, content: string, link = ""): Buffer {
  const block = Buffer.alloc(512 + Math.ceil(content.length / 512) * 512);
  block.write(name, 0);
  block.write(content.length.toString(8).padStart(11, "0"), 124);
  block.write(type, 156);
  block.write(link, 157);
  block.write(content, 512);
  return block;
}

test("unpacks files and links flat, and stays inside the folder", () => {
  const folder = mkdtempSync(join(tmpdir(), "parley-untar-"));
  try {
    const archive = Buffer.concat([
      entry("lib/", "5", ""),
      entry("lib/a.so", "0", "a".repeat(700)),
      entry("../../b.so", "0", "b"),
      entry("lib/c.so", "2", "", "a.so"),
      entry("..", "0", "d"),
      Buffer.alloc(1024),
    ]);
    assert.deepEqual(untar(archive, folder), ["a.so", "b.so", "c.so"]);
    assert.equal(readFileSync(join(folder, "a.so"), "utf8"), "a".repeat(700));
    assert.equal(readFileSync(join(folder, "b.so"), "utf8"), "b");
    assert.equal(readlinkSync(join(folder, "c.so")), "a.so");
    assert.throws(() => untar(archive.subarray(0, 1200), folder), /damaged/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
