// Encoded media for peers without encoders: pictures of the synthetic camera, each as a key frame and as a change of the one
// before, and a second of its microphone's tone as Opus and PCMU. Kept in a file that agents in any language read.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("../../", import.meta.url);

export const WIDTH = 640;
export const HEIGHT = 480;
export const FRAME_RATE = 30;
/** Then it begins again. */
const PICTURES = 300;
const PACKETS = 50;

let file;

const base64 = (bytes) => Buffer.from(bytes).toString("base64");

/** The path of the file, removed when the process ends. Frames in base64: { keys, changes, opus, pcmu }. */
export async function material() {
  if (file) return file;
  const { SyntheticCamera } = await import(new URL("dist/media/synthetic/camera.js", root));
  const { SyntheticMicrophone } = await import(new URL("dist/media/synthetic/microphone.js", root));
  const options = { width: WIDTH, height: HEIGHT, frameRate: FRAME_RATE };
  const pictures = (allKeys) => {
    const camera = new SyntheticCamera(options);
    return Array.from({ length: PICTURES }, (_, i) => base64(camera.nextFrame(allKeys || i === 0)));
  };
  const microphone = new SyntheticMicrophone();
  const sound = (codec) => Array.from({ length: PACKETS }, () => base64(microphone.next(codec)));
  const folder = mkdtempSync(join(tmpdir(), "interop-media-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  file = join(folder, "material.json");
  const content = { keys: pictures(true), changes: pictures(false), opus: sound("opus"), pcmu: sound("pcmu") };
  writeFileSync(file, JSON.stringify(content));
  return file;
}
