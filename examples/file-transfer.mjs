// Streams a file to another peer, which writes it to disk and compares the digest.
//   node examples/file-transfer.mjs SOURCE TARGET
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { RTCPeerConnection } from "parley-rtc";
import { connect, next } from "./connect.mjs";

const [source, target] = process.argv.slice(2);
if (target === undefined) {
  console.error("usage: node examples/file-transfer.mjs SOURCE TARGET");
  process.exit(2);
}

const sender = new RTCPeerConnection();
const receiver = new RTCPeerConnection();
const channel = sender.createDataChannel("file");
channel.bufferedAmountLowThreshold = 256 * 1024;

const finished = new Promise((resolve) => {
  receiver.ondatachannel = ({ channel: incoming }) => {
    const file = createWriteStream(target);
    const hash = createHash("sha256");
    incoming.binaryType = "arraybuffer";
    incoming.onmessage = ({ data }) => {
      if (typeof data === "string") {
        file.end(() => resolve({ expected: data, actual: hash.digest("hex") }));
        return;
      }
      const bytes = new Uint8Array(data);
      hash.update(bytes);
      file.write(bytes); // a disk slower than the network would need to hold the sender back: see src/cli/demo/page/credit.ts
    };
  };
});
await Promise.all([next(channel, "open"), connect(sender, receiver)]);

const hash = createHash("sha256");
const stream = createReadStream(source, { highWaterMark: 64 * 1024 });
for await (const bytes of stream) {
  hash.update(bytes);
  if (channel.bufferedAmount > 1024 * 1024) await next(channel, "bufferedamountlow");
  channel.send(bytes);
}
channel.send(hash.digest("hex")); // the end: a text message among binary ones

const { expected, actual } = await finished;
console.log(expected === actual ? `arrived whole: ${actual}` : `damaged: ${actual} instead of ${expected}`);
process.exitCode = expected === actual ? 0 : 1;
sender.close();
receiver.close();
