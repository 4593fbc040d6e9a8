// The other process of room.mjs: the speaker, and the listeners, who only count.
import { RTCPeerConnection } from "../dist/index.js";
import { RtpTrackGenerator } from "../dist/media.js";
import { connection, options, packets } from "./room-connection.mjs";

/** 1 Mbit/s: 25 pictures a second, of five packets each. */
const INTERVAL = 40;
const PACKETS = 5;
const SIZE = 1000;

const connections = new Map();
let generator;
let timer;

function add(id) {
  const pc = new RTCPeerConnection(undefined, options);
  const one = connection(pc, (signal) => process.send({ id, signal }));
  connections.set(id, one);
  return one;
}

function speak() {
  const packet = new Uint8Array(12 + SIZE);
  packet[0] = 0x80;
  const view = new DataView(packet.buffer);
  view.setUint32(8, 1234);
  let sequence = 0;
  let picture = 0;
  return () => {
    picture++;
    for (let i = 0; i < PACKETS; i++) {
      packet[1] = 96 | (i === PACKETS - 1 ? 0x80 : 0);
      // VP8's payload descriptor: the beginning of a picture, or not; then a picture that is no key frame.
      packet[12] = i === 0 ? 0x10 : 0;
      packet[13] = 1;
      view.setUint16(2, sequence++ & 0xffff);
      view.setUint32(4, (picture * INTERVAL * 90) >>> 0);
      generator.sendRtp(packet);
    }
  };
}

const operations = {
  signal: ({ id, signal }) => (connections.get(id) ?? add(id)).take(signal),
  speak() {
    generator = new RtpTrackGenerator({ kind: "video", mimeType: "video/VP8" });
    add("speaker").pc.addTransceiver(generator.track, { direction: "sendonly" });
  },
  begin() {
    timer = setInterval(speak(), INTERVAL);
  },
  look: () => ({ received: packets.received, at: performance.now() }),
  end: () => clearInterval(timer),
};

process.on("message", async (message) => {
  const result = await operations[message.op](message);
  if (message.ask !== undefined) process.send({ ask: message.ask, result: result ?? null });
});
process.on("disconnect", () => process.exit());
process.send({ ready: true });
