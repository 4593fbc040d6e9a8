// What ships: the entry points of the package as `npm run build` has put them together, against the modules they are made of.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const root = import.meta.resolve("parley-rtc/package.json");
const manifest = JSON.parse(readFileSync(new URL(root), "utf8")) as {
  exports: Record<string, string | { types: string; default: string }>;
};
const entries = Object.entries(manifest.exports).flatMap(([name, entry]) =>
  typeof entry === "string" ? [] : [{ name, ...entry }],
);
const load = (url: string): Promise<Record<string, unknown>> => import(url);
const packaged = (name: string): Promise<Record<string, unknown>> => load(`parley-rtc${name.slice(1)}`);
const module = (path: string): Promise<Record<string, unknown>> =>
  load(new URL(path.replace("./dist/", "./build/"), root).href);

test("each entry point exports what its module does, under the same names", async () => {
  assert.ok(entries.length >= 4);
  for (const { name, default: path } of entries) {
    // Installs its classes, for all tests in this process.
    if (name === "./globals") continue;
    const [shipped, made] = [await packaged(name), await module(path)];
    assert.deepEqual(Object.keys(shipped), Object.keys(made), name);
    for (const [key, value] of Object.entries(shipped)) {
      const own = made[key];
      assert.equal(typeof value, typeof own, `${name} ${key}`);
      if (typeof value === "function") assert.equal(value.name, (own as typeof value).name, `${name} ${key}`);
    }
  }
});

test("entry points share their classes", async () => {
  const [{ RTCPeerConnection }, { RtpTrackGenerator }] = (await Promise.all([packaged("."), packaged("./media")])) as [
    typeof import("#src/index.js"),
    typeof import("#src/media.js"),
  ];
  const pc = new RTCPeerConnection();
  const { track } = new RtpTrackGenerator({ kind: "video" });
  assert.equal(pc.addTrack(track).track, track);
  pc.close();
});

test("what ships are few files, with declarations", () => {
  const files = readdirSync(new URL("./dist/", root), { recursive: true, encoding: "utf8" });
  const modules = files.filter((file) => file.endsWith(".js") && !file.startsWith("page"));
  assert.ok(modules.length <= entries.length + 12, modules.join(" "));
  for (const { types } of entries) assert.match(readFileSync(new URL(types, root), "utf8"), /export|import/);
});
