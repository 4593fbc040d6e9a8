// Makes what ships, dist/, of the modules in build/: each entry point of package.json with the parts it shares with others in a
// few files. Node takes 0.2 s to find, read and link three hundred modules, and a file descriptor for each of many at a time;
// a fraction of that for these. Declarations stay in build/, and the modules of the demo's page, which browsers load, are copied.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rollup } from "@rollup/wasm-node";

const root = fileURLToPath(new URL("../", import.meta.url));
const { exports, bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const entries = [...Object.values(exports).map((entry) => entry.default), ...Object.values(bin)]
  .filter((path) => path?.endsWith(".js"))
  .map((path) => path.replace("./dist/", "").replace(".js", ""));

rmSync(join(root, "dist"), { recursive: true, force: true });
const bundle = await rollup({
  input: Object.fromEntries(entries.map((entry) => [entry, join(root, `build/${entry}.js`)])),
  external: (id) => !/^[./]/.test(id),
  // Of what the compiler made, with its maps to the sources.
  plugins: [
    {
      name: "source-maps",
      load: (id) => ({ code: readFileSync(id, "utf8"), map: JSON.parse(readFileSync(`${id}.map`, "utf8")) }),
    },
  ],
  onLog(_level, { code, ids, message }) {
    // The entry point exports itself as a whole.
    if (code === "CIRCULAR_DEPENDENCY" && ids?.every((id) => id === ids[0])) return;
    throw new Error(message);
  },
});
await bundle.write({
  dir: join(root, "dist"),
  format: "es",
  chunkFileNames: "shared/[hash].js",
  sourcemap: true,
  sourcemapExcludeSources: true,
});

const page = join(root, "build/cli/demo/page");
mkdirSync(join(root, "dist/page"));
for (const name of readdirSync(page)) {
  if (name.endsWith(".js") && !name.endsWith(".test.js")) copyFileSync(join(page, name), join(root, "dist/page", name));
}
