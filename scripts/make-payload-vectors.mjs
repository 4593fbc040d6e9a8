// node scripts/make-payload-vectors.mjs [path of Chromium]: makes test/vectors/payload/encoded.json, eight frames of a small moving picture
// in each video codec that Chromium's VideoEncoder has, for the tests of src/payload. Every run makes other bytes.
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import puppeteer from "puppeteer-core";

const executablePath = process.argv[2] ?? "/usr/bin/chromium";
// VideoEncoder wants a secure context: a page of this host.
const server = createServer((_request, response) =>
  response.setHeader("content-type", "text/html").end("<!doctype html>"),
);
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${server.address().port}/`);
const streams = await page.evaluate(async () => {
  const width = 160;
  const height = 96;
  const configs = {
    "video/VP8": { codec: "vp8", scalabilityMode: "L1T3" },
    "video/VP9": { codec: "vp09.00.10.08", scalabilityMode: "L1T3" },
    "video/AV1": { codec: "av01.0.04M.08", scalabilityMode: "L1T2" },
    "video/H264": { codec: "avc1.42e01f", avc: { format: "annexb" } },
  };
  const out = [];
  for (const [mimeType, config] of Object.entries(configs)) {
    const frames = [];
    const encoder = new VideoEncoder({
      output(chunk, { svc } = {}) {
        const data = new Uint8Array(chunk.byteLength);
        chunk.copyTo(data);
        const base64 = btoa(String.fromCharCode(...data));
        frames.push({ keyFrame: chunk.type === "key", temporalIndex: svc?.temporalLayerId, data: base64 });
      },
      error(error) {
        throw error;
      },
    });
    encoder.configure({ ...config, width, height, bitrate: 60_000, framerate: 30, latencyMode: "realtime" });
    const context = new OffscreenCanvas(width, height).getContext("2d");
    for (let i = 0; i < 8; i++) {
      context.fillStyle = `hsl(${i * 20} 60% 50%)`;
      context.fillRect(0, 0, width, height);
      context.fillStyle = "white";
      for (let k = 0; k < 6; k++) context.fillRect((k * 37 + i * 5) % width, (k * 53) % height, 9, 7);
      const frame = new VideoFrame(context.canvas, { timestamp: i * 33_333 });
      encoder.encode(frame, { keyFrame: i % 5 === 0 });
      frame.close();
    }
    await encoder.flush();
    out.push({ mimeType, width, height, frames });
  }
  return out;
});
await browser.close();
server.close();
writeFileSync(
  new URL("../test/vectors/payload/encoded.json", import.meta.url),
  `${JSON.stringify(streams, undefined, 1)}\n`,
);
