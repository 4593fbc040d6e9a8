// Compiles kernels/*.ts (AssemblyScript, fetched by npx: it is too large to be installed by everyone) into TypeScript
// modules that hold the WebAssembly as base64. With --check it only says whether what is committed is what they give.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const kernels = ["chacha20-poly1305", "ctr-hmac-sha1", "ghash"].map((name) => ({
  source: `kernels/${name}.ts`,
  target: `src/crypto/${name}-wasm.ts`,
}));
const flags = ["-O3", "--enable", "simd", "--runtime", "stub", "--initialMemory", "4", "--noAssert"];
const check = process.argv.includes("--check");
const scratch = mkdtempSync(join(tmpdir(), "kernels-"));

try {
  for (const { source, target } of kernels) {
    const wasm = join(scratch, "kernel.wasm");
    const asc = ["--yes", "-p", "assemblyscript@0.28.20", "asc"];
    execFileSync("npx", [...asc, source, ...flags, "-o", wasm], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
    const lines = readFileSync(wasm)
      .toString("base64")
      .match(/.{1,110}/g)
      .map((line) => `  "${line}"`);
    const text = `// Made from ${source} by \`npm run kernels\`. Do not edit.\n\nexport const WASM_BASE64: string =\n${lines.join(" +\n")};\n`;
    if (!check) writeFileSync(root + target, text);
    else if (readFileSync(root + target, "utf8") !== text) {
      console.error(`${target} is not what ${source} gives: run npm run kernels`);
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(scratch, { recursive: true });
}
