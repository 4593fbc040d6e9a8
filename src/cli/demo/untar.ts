// Unpacks a tar archive (POSIX.1-1988 "ustar" and older): regular files and symbolic links by their base names into one
// folder. Just enough for the archive of shared libraries that comes with the bundled Chromium.
import { symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const BLOCK = 512;

export function untar(archive: Uint8Array, folder: string): string[] {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const names: string[] = [];
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0; ) {
    const field = (offset: number, length: number): string =>
      bytes.toString("latin1", at + offset, at + offset + length).replace(/\0.*$/s, "");
    const size = Number.parseInt(field(124, 12).trim() || "0", 8);
    const name = basename(field(0, 100));
    const type = field(156, 1);
    const content = bytes.subarray(at + BLOCK, at + BLOCK + size);
    if (!(size >= 0) || content.length !== size) throw new Error("damaged tar archive");
    if (name !== "" && name !== "." && name !== "..") {
      if (type === "" || type === "0") {
        writeFileSync(join(folder, name), content, { mode: 0o755 });
        names.push(name);
      } else if (type === "2") {
        symlinkSync(basename(field(157, 100)), join(folder, name));
        names.push(name);
      }
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return names;
}
