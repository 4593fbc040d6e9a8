// A process of its own for soak.test.mjs: opens and closes connections with itself over real sockets, reports as JSON what is left of
// them, and ends when nothing holds it any more. Needs --expose-gc.
//
//   node --expose-gc lib/soak-process.mjs <entry> <connections> data|media
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const [entry, connections, kind] = process.argv.slice(2);
const { RTCPeerConnection, mediaDevices } = await import(pathToFileURL(entry));
const { EncodedTrackProcessor } = await import(new URL("media.js", pathToFileURL(entry)));
const AT_ONCE = 5;
const PAYLOAD = new Uint8Array(100_000).fill(7);
/** Frames that a reader awaits of each track. */
const FRAMES = 8;

async function negotiate(a, b) {
  a.onicecandidate = ({ candidate }) => candidate && b.addIceCandidate(candidate);
  const early = [];
  b.onicecandidate = ({ candidate }) => {
    if (candidate) early.push(candidate);
  };
  const offer = await a.createOffer();
  await b.setRemoteDescription(offer);
  await a.setLocalDescription(offer);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
  b.onicecandidate = ({ candidate }) => candidate && a.addIceCandidate(candidate);
  for (const candidate of early) await a.addIceCandidate(candidate);
}

/** Two connections, 100 kB over their channel, and the end. */
async function pair() {
  const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
  const channel = a.createDataChannel("soak");
  const arrived = new Promise((done) => {
    b.ondatachannel = ({ channel: other }) => {
      other.onmessage = ({ data }) => done(data.byteLength);
    };
  });
  const open = new Promise((done) => {
    channel.onopen = done;
  });
  await negotiate(a, b);
  await open;
  channel.send(PAYLOAD);
  if ((await arrived) !== PAYLOAD.length) throw new Error("the message arrived changed");
  a.close();
  b.close();
}

/** Camera and microphone over two connections to a forwarder, over two more to a reader, until frames came; and the end. */
async function call() {
  const [camera, inbound, outbound, viewer] = Array.from({ length: 4 }, () => new RTCPeerConnection());
  const stream = await mediaDevices.getUserMedia({ audio: true, video: true });
  for (const track of stream.getTracks()) camera.addTrack(track, stream);
  inbound.ontrack = ({ track, streams }) => outbound.addTrack(track, ...streams);
  const seen = [];
  viewer.ontrack = ({ track }) => {
    seen.push(
      new Promise((done) => {
        let frames = 0;
        new EncodedTrackProcessor({ track }).onframe = () => ++frames === FRAMES && done();
      }),
    );
  };
  await negotiate(camera, inbound);
  await negotiate(outbound, viewer);
  if (seen.length !== 2) throw new Error(`${seen.length} tracks instead of 2 arrived`);
  await Promise.all(seen);
  await viewer.getStats();
  for (const track of stream.getTracks()) track.stop();
  for (const connection of [camera, inbound, outbound, viewer]) connection.close();
}

/** What is repeated, and how many connections it takes. */
const [once, size] = kind === "media" ? [call, 4] : [pair, 2];
const rounds = Math.ceil(Number(connections) / size);
/** Rounds before the first look: code is compiled and pools are filled by then. */
const WARM_UP = Math.floor(rounds * 0.4);

async function run(count) {
  for (let i = 0; i < count; i += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - i) }, once));
  }
}

/** What the process holds once closed sockets are gone. */
async function look() {
  await sleep(300);
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await sleep(20);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo().filter((name) => /UDP|TCP|Timeout|Immediate/.test(name));
  return { heap: heapUsed + external, rss, resources };
}

await run(WARM_UP);
const before = await look();
await run(rounds - WARM_UP);
const after = await look();
process.stdout.write(
  `${JSON.stringify({ connections: size * (rounds - WARM_UP), before, after, ended: Date.now() })}\n`,
);
