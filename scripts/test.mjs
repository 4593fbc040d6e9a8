// Runs every test of the build with Node's own runner; arguments narrow it to files whose path contains one of them.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const wanted = process.argv.slice(2).filter((a) => !a.startsWith("--"));
const flags = process.argv.slice(2).filter((a) => a.startsWith("--"));
const files = ["dist", "dist-test"]
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((f) => join(folder, f)),
  )
  // Output of a source that is gone stays in the build.
  .filter((f) =>
    existsSync(
      join(
        root,
        f
          .replace(/^dist\//, "src/")
          .replace(/^dist-test\//, "")
          .replace(/\.js$/, ".ts"),
      ),
    ),
  )
  .filter((f) => f.endsWith(".test.js") && (wanted.length === 0 || wanted.some((w) => f.includes(w))))
  .sort();
if (files.length === 0) {
  console.error("no test matches");
  process.exit(1);
}
const run = spawnSync(
  process.execPath,
  ["--expose-gc", "--test", "--test-concurrency=2", "--test-timeout=240000", ...flags, ...files],
  {
    cwd: root,
    stdio: "inherit",
  },
);
process.exit(run.status ?? 1);
