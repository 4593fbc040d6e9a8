// Encoded media for peers without encoders, in files that agents in any language read:
//
//   { rate, width, height, codecs: { NAME: { keys?, changes, payloads? } } }     frames in base64
//
// Video: `changes` are pictures with a counter (src/media/synthetic/camera.ts), each a change of the one before; `keys` has as many
// key frames, or only the first. Audio: `changes` is a second of a tone of 440 Hz in packets of 20 ms.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packetize } from "./media-payloads.mjs";
import { PEERS, python } from "./peers.mjs";

const root = new URL("../../", import.meta.url);

export const WIDTH = 640;
export const HEIGHT = 480;
export const FRAME_RATE = 30;
/** Then it begins again. */
const PICTURES = 300;
const PACKETS = 50;
const ENCODE_LIMIT = 30_000;
/** Pion has none for these: they come with `payloads`, [frame][packet]. */
const NO_PAYLOADER = ["AV1", "H265"];

const base64 = (bytes) => Buffer.from(bytes).toString("base64");

let folder;

function write(name, content) {
  if (!folder) {
    folder = mkdtempSync(join(tmpdir(), "interop-media-"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  }
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

async function sounds(...codecs) {
  const { SyntheticMicrophone } = await import(new URL("dist/media/synthetic/microphone.js", root));
  const microphone = new SyntheticMicrophone();
  const packets = (codec) => Array.from({ length: PACKETS }, () => base64(microphone.next(codec.toLowerCase())));
  return Object.fromEntries(codecs.map((codec) => [codec, { changes: packets(codec) }]));
}

let synthetic;

/** What Parley's own camera and microphone make: VP8, with any picture as a key frame, Opus and PCMU. The path of the file. */
export async function material() {
  synthetic ??= await (async () => {
    const { SyntheticCamera } = await import(new URL("dist/media/synthetic/camera.js", root));
    const options = { width: WIDTH, height: HEIGHT, frameRate: FRAME_RATE };
    const pictures = (allKeys) => {
      const camera = new SyntheticCamera(options);
      return Array.from({ length: PICTURES }, (_, i) => base64(camera.nextFrame(allKeys || i === 0)));
    };
    const codecs = { VP8: { keys: pictures(true), changes: pictures(false) }, ...(await sounds("opus", "PCMU")) };
    return write("synthetic.json", { rate: FRAME_RATE, width: WIDTH, height: HEIGHT, codecs });
  })();
  return synthetic;
}

/** The encodings of simulcast, and their widths. */
export const LAYERS = { q: WIDTH / 4, h: WIDTH / 2, f: WIDTH };

let layered;

/** VP8 in three sizes, "VP8 q" and so on, for peers that send them as simulcast. The path of the file. */
export async function layeredMaterial() {
  layered ??= await (async () => {
    const { SyntheticCamera } = await import(new URL("dist/media/synthetic/camera.js", root));
    const codecs = {};
    for (const [rid, width] of Object.entries(LAYERS)) {
      const pictures = (allKeys) => {
        const camera = new SyntheticCamera({ width, height: (width * HEIGHT) / WIDTH, frameRate: FRAME_RATE });
        return Array.from({ length: PICTURES }, (_, i) => base64(camera.nextFrame(allKeys || i === 0)));
      };
      codecs[`VP8 ${rid}`] = { keys: pictures(true), changes: pictures(false) };
    }
    return write("layered.json", { rate: FRAME_RATE, width: WIDTH, height: HEIGHT, codecs });
  })();
  return layered;
}

/** Why there is no `codecMaterial`. */
export const missingEncoders = () => PEERS.webrtcbin.missing();

let encoded;

async function encode() {
  const path = write("encoded.json", {});
  const script = fileURLToPath(new URL("../agents/encode.py", import.meta.url));
  const child = spawn(python, [script, path], { stdio: ["ignore", "ignore", "pipe"], timeout: ENCODE_LIMIT });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  const code = await new Promise((resolve) => child.on("exit", resolve).on("error", resolve));
  if (code !== 0) throw new Error(`encode.py: ${code} ${errors.slice(-2000)}`);
  const content = JSON.parse(readFileSync(path, "utf8"));
  Object.assign(content.codecs, await sounds("opus", "PCMU", "PCMA"));
  for (const codec of NO_PAYLOADER) {
    if (!content.codecs[codec]) continue;
    const frames = content.codecs[codec].changes.map((text) => Buffer.from(text, "base64"));
    content.codecs[codec].payloads = frames.map((frame, i) =>
      packetize(codec, frame, 1100, { isKey: i === 0, pictureId: i }).map(base64),
    );
  }
  writeFileSync(path, JSON.stringify(content));
  return { path, ...content };
}

/**
 * What GStreamer's encoders make, small and at half the pace: { path, rate, width, height, codecs, missing: { NAME: why } }. Key frames
 * only at the beginning.
 */
export function codecMaterial() {
  encoded ??= encode();
  return encoded;
}
