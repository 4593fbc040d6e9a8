// Descriptions recorded from real implementations: each parses, and writing and parsing it again gives the same model.
// Those of Chromium come out byte for byte, which holds the writer's order of lines to the browser's.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseSdp } from "./parser.js";
import { writeSdp } from "./writer.js";

const folder = fileURLToPath(new URL("../../test/vectors/sdp/", import.meta.url));

for (const file of readdirSync(folder).sort()) {
  const text = readFileSync(folder + file, "utf8");
  test(`${file} survives parse, write, parse`, () => {
    const first = parseSdp(text);
    assert.ok(first.ok, first.ok ? "" : first.error.message);
    const again = parseSdp(writeSdp(first.description));
    assert.ok(again.ok, again.ok ? "" : again.error.message);
    assert.deepEqual(again.description, first.description);
    assert.equal(first.description.media.length, text.match(/^m=/gm)?.length ?? 0);
    first.mediaLines.forEach((line) => {
      assert.match(text.split("\n")[line - 1]!, /^m=/);
    });
  });
  test(`${file}: no line is lost`, () => {
    const first = parseSdp(text);
    assert.ok(first.ok);
    // Pion has a space at the end of many lines.
    const normal = (line: string): string => line.toLowerCase().replace("msid-semantic: ", "msid-semantic:").trimEnd();
    const words = (sdp: string): string[] => [...new Set(sdp.split(/\r?\n/).map(normal))].sort();
    assert.deepEqual(words(writeSdp(first.description)), words(text));
  });
  if (file.startsWith("chromium-")) {
    test(`${file} is written as Chromium wrote it`, () => {
      const parsed = parseSdp(text);
      assert.ok(parsed.ok);
      assert.equal(writeSdp(parsed.description), text);
    });
  }
}
