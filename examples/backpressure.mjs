// Sends as fast as the channel takes it, and no faster: bufferedAmount stays under a limit however much is sent.
//   node examples/backpressure.mjs [MiB]
import { RTCPeerConnection } from "parley-rtc";
import { connect, next } from "./connect.mjs";

const total = Number(process.argv[2] ?? 256) * 1024 * 1024;
const high = 1024 * 1024;
const message = new Uint8Array(64 * 1024);

const sender = new RTCPeerConnection();
const receiver = new RTCPeerConnection();
const channel = sender.createDataChannel("bulk");
channel.bufferedAmountLowThreshold = high / 4;

let received = 0;
const everything = new Promise((resolve) => {
  receiver.ondatachannel = ({ channel: incoming }) => {
    incoming.binaryType = "arraybuffer";
    incoming.onmessage = ({ data }) => {
      received += data.byteLength;
      if (received >= total) resolve();
    };
  };
});
await Promise.all([next(channel, "open"), connect(sender, receiver)]);

const start = performance.now();
let most = 0;
for (let sent = 0; sent < total; sent += message.length) {
  if (channel.bufferedAmount >= high) await next(channel, "bufferedamountlow");
  channel.send(message);
  most = Math.max(most, channel.bufferedAmount);
}
await everything;

const seconds = (performance.now() - start) / 1000;
console.log(`${received / 1024 / 1024} MiB in ${seconds.toFixed(2)} s, ${(received / 1e6 / seconds).toFixed(1)} MB/s`);
console.log(`bufferedAmount never above ${(most / 1024).toFixed(0)} KiB`);
sender.close();
receiver.close();
