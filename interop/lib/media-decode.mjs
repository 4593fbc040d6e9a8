// What GStreamer's decoders make of frames that came to Parley.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { python } from "./peers.mjs";

const LIMIT = 60_000;

/** `frames`: { codec: [bytes] }. Gives { codec: { frames, decoded, counters, size } } or, of sound, { frames, samples, frequency }. */
export async function decode(frames) {
  const child = spawn(python, [fileURLToPath(new URL("../agents/decode.py", import.meta.url))], { timeout: LIMIT });
  const output = [];
  const errors = [];
  child.stdout.on("data", (data) => output.push(data));
  child.stderr.on("data", (data) => errors.push(data));
  const text = Object.fromEntries(
    Object.entries(frames).map(([name, list]) => [name, list.map((bytes) => Buffer.from(bytes).toString("base64"))]),
  );
  child.stdin.end(JSON.stringify(text));
  const code = await new Promise((resolve) => child.on("close", resolve).on("error", resolve));
  if (code !== 0) throw new Error(`decode.py: ${code} ${Buffer.concat(errors).toString().slice(-2000)}`);
  return JSON.parse(Buffer.concat(output).toString());
}
