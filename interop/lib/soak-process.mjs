// A process of its own for soak.test.mjs: opens and closes connections with itself over real sockets, reports as JSON what is left of
// them, and ends when nothing holds it any more. Needs --expose-gc.
//
//   node --expose-gc lib/soak-process.mjs <entry> <connections>
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const [entry, connections] = process.argv.slice(2);
const { RTCPeerConnection } = await import(pathToFileURL(entry));
/** Both ends are here: a pair is two connections. */
const pairs = Math.ceil(Number(connections) / 2);
const AT_ONCE = 5;
/** Pairs before the first look: code is compiled and pools are filled by then. */
const WARM_UP = Math.floor(pairs / 5);
const PAYLOAD = new Uint8Array(100_000).fill(7);

/** Two connections, 100 kB over their channel, and the end. */
async function pair() {
  const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
  a.onicecandidate = ({ candidate }) => candidate && b.addIceCandidate(candidate);
  const early = [];
  b.onicecandidate = ({ candidate }) => {
    if (candidate) early.push(candidate);
  };
  const channel = a.createDataChannel("soak");
  const arrived = new Promise((done) => {
    b.ondatachannel = ({ channel: other }) => {
      other.onmessage = ({ data }) => done(data.byteLength);
    };
  });
  const open = new Promise((done) => {
    channel.onopen = done;
  });
  const offer = await a.createOffer();
  await b.setRemoteDescription(offer);
  await a.setLocalDescription(offer);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
  b.onicecandidate = ({ candidate }) => candidate && a.addIceCandidate(candidate);
  for (const candidate of early) await a.addIceCandidate(candidate);
  await open;
  channel.send(PAYLOAD);
  if ((await arrived) !== PAYLOAD.length) throw new Error("the message arrived changed");
  a.close();
  b.close();
}

async function run(count) {
  for (let i = 0; i < count; i += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - i) }, pair));
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
await run(pairs - WARM_UP);
const after = await look();
process.stdout.write(`${JSON.stringify({ connections: 2 * (pairs - WARM_UP), before, after, ended: Date.now() })}\n`);
