// Parley for the runner of the web-platform-tests that the project was measured with before it had its own: what belongs on the
// global object, and what a browser has besides. That runner tells its child process where the tests are in its first argument.
import { readFileSync, statSync } from "node:fs";
import { join, normalize } from "node:path";
import { pathToFileURL } from "node:url";
import { audioClasses } from "./audio-context.mjs";
import { mediaElementClass, VideoFrame } from "./media-element.mjs";
import { workerClass } from "./worker.mjs";

const entry = process.env.PARLEY_DIST === undefined ? undefined : pathToFileURL(process.env.PARLEY_DIST);
const index = entry ?? new URL("../../dist/index.js", import.meta.url);
const parley = await import(index.href);
const globalsModule = new URL("globals.js", index).href;
await import(globalsModule);
const media = await import(new URL("media.js", index).href);
const { root, test } = JSON.parse(process.argv[2]);

function readFile(pathname) {
  const path = normalize(join(root, decodeURIComponent(pathname)));
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path, "utf8") : undefined;
}

export const globals = {
  ...Object.fromEntries(Object.entries(parley).filter(([name]) => /^[A-Z]/.test(name))),
  ...audioClasses(parley),
  VideoFrame,
  closed: false,
  Worker: workerClass({ url: new URL(`https://web-platform.test:8443${test.url}`), readFile, globals: globalsModule }),
};
export const { mediaDevices } = parley;

const elements = new Map();
/** That runner's own media elements never begin. */
export function createElement(tag) {
  const Base = { video: globalThis.HTMLVideoElement, audio: globalThis.HTMLAudioElement }[tag.toLowerCase()];
  if (Base === undefined) return undefined;
  if (!elements.has(Base)) elements.set(Base, mediaElementClass(Base, media));
  return new (elements.get(Base))(tag);
}
export const info = { name: "parley", version: "" };
