// The test files of a tree of the web-platform-tests, and the page that each of them is.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** What is run where no file is named. */
export const DIRECTORIES = [
  "webrtc",
  "webrtc-encoded-transform",
  "webrtc-extensions",
  "webrtc-ice",
  "webrtc-identity",
  "webrtc-priority",
  "webrtc-stats",
  "webrtc-svc",
  "mediacapture-streams",
];
const SUPPORT = /(^|\/)(resources|support|tools|third_party|crashtests|coverage)\//;

/** Of `// META: name=value` at the beginning of a script. */
function metaOf(source, name) {
  return [...source.matchAll(/^\/\/\s*META:\s*(\w+)=(.*)$/gm)].filter((m) => m[1] === name).map((m) => m[2].trim());
}

/** Tests under these paths: the file, the query of a variant, and the time limit in seconds. */
export function findTests(root, paths) {
  const files = paths.flatMap((path) => {
    if (statSync(join(root, path), { throwIfNoEntry: false }) === undefined) return [];
    if (statSync(join(root, path)).isFile()) return [path];
    return readdirSync(join(root, path), { recursive: true, encoding: "utf8" }).map((name) => `${path}/${name}`);
  });
  return files.sort().flatMap((file) => {
    if (SUPPORT.test(file) || !/\.(html|window\.js|any\.js)$/.test(file)) return [];
    const source = readFileSync(join(root, file), "utf8");
    let variants = [];
    let isLong = false;
    if (file.endsWith(".js")) {
      variants = metaOf(source, "variant");
      isLong = metaOf(source, "timeout").includes("long");
    } else {
      if (!source.includes("resources/testharness.js")) return [];
      variants = [...source.matchAll(/<meta\s+name=["']?variant["']?\s+content=["']?([^"'>]*)/gi)].map((m) => m[1]);
      isLong = /<meta\s+name=["']?timeout["']?\s+content=["']?long/i.test(source);
    }
    if (variants.length === 0) variants = [""];
    return variants.map((query) => ({ id: `${file}${query}`, file, query, seconds: isLong ? 60 : 10 }));
  });
}

/** The HTML of a test. */
export function pageOf(root, file, query) {
  const source = readFileSync(join(root, file), "utf8");
  if (file.endsWith(".html")) return source;
  const scripts = ["/resources/testharness.js", "/resources/testharnessreport.js", ...metaOf(source, "script")];
  const isLong = metaOf(source, "timeout").includes("long");
  return [
    "<!doctype html>",
    `<title>${metaOf(source, "title")[0] ?? file}</title>`,
    ...(isLong ? ['<meta name="timeout" content="long">'] : []),
    ...[...scripts, `/${file}${query}`].map((src) => `<script src="${src.replaceAll("&", "&amp;")}"></script>`),
  ].join("\n");
}
