// Two processes over the loopback interface: this one offers and sends, loopback-peer.mjs answers. What is measured, and how, is
// as in docs/benchmarks.md, so that figures can be compared; only the signalling has a hop less.
import { setTimeout as sleep } from "node:timers/promises";
import { offer } from "./loopback-connect.mjs";
import { quantile } from "./measure.mjs";
import { OtherProcess, within } from "./other-process.mjs";
import { configuration, onLow, RTCPeerConnection, smallMessageBuffer } from "./stacks.mjs";

const MiB = 1 << 20;
class Peer extends OtherProcess {
  #opened = 0;

  async open(label, options) {
    const id = this.#opened++;
    const began = performance.now();
    const connection = offer(new RTCPeerConnection(configuration), (signal) => this.signal(id, signal), label, options);
    this.connections.set(id, connection);
    await within(connection.opened, "a connection did not open");
    return { ...connection, id, milliseconds: performance.now() - began };
  }

  close({ id, pc }) {
    pc.close();
    this.connections.delete(id);
    this.tell({ op: "close", id });
  }
}

/** Keeps the channel full for a while; rates as the receiver sees them. */
async function flow(peer, size, options, high, seconds) {
  const connection = await peer.open("flow", options);
  const { channel } = connection;
  const data = new Uint8Array(size).fill(3);
  let flooding = true;
  const fill = () => {
    while (flooding && channel.bufferedAmount + size <= high) channel.send(data);
  };
  channel.bufferedAmountLowThreshold = high / 4;
  onLow(channel, fill);
  fill();
  await sleep(1500);
  const own = process.cpuUsage();
  const from = await peer.ask("look");
  await sleep(seconds * 1000);
  const to = await peer.ask("look");
  const used = process.cpuUsage(own);
  flooding = false;
  peer.close(connection);
  const time = (to.at - from.at) / 1000;
  const [messages, bytes] = [to.messages - from.messages, to.bytes - from.bytes];
  return { messages, bytes, time, sender: (used.user + used.system) / 1e6, receiver: to.cpu - from.cpu };
}

async function throughput(peer) {
  const { bytes, time, sender, receiver } = await flow(peer, 65_536, {}, 4 * MiB, 4);
  return [
    ["64 KiB messages", bytes / 1e6 / time, "MB/s"],
    ["  processor, sender", sender / (bytes / 1e9), "s/GB"],
    ["  processor, receiver", receiver / (bytes / 1e9), "s/GB"],
  ];
}

async function messages(peer) {
  const rows = [];
  for (const [name, options] of [
    ["ordered", {}],
    ["unordered, unreliable", { ordered: false, maxRetransmits: 0 }],
  ]) {
    const { messages: count, time, sender, receiver } = await flow(peer, 100, options, smallMessageBuffer, 3);
    rows.push([`100-byte messages, ${name}`, count / time, "/s"]);
    rows.push(["  processor, sender and receiver", ((sender + receiver) * 1e6) / count, "µs each"]);
  }
  return rows;
}

async function latency(peer) {
  const connection = await peer.open("echo", {});
  const { channel } = connection;
  const data = new Uint8Array(100);
  const times = [];
  for (let i = -300; i < 3000; i++) {
    const began = performance.now();
    const back = new Promise((done) => {
      channel.onmessage = done;
    });
    channel.send(data);
    await back;
    if (i >= 0) times.push((performance.now() - began) * 1000);
  }
  peer.close(connection);
  return [
    ["round trip of 100 bytes, median", quantile(times, 0.5), "µs"],
    ["  99 %", quantile(times, 0.99), "µs"],
  ];
}

async function setup(peer) {
  peer.close(await peer.open("warm", {}));
  const times = [];
  for (let i = 0; i < 40; i++) {
    const connection = await peer.open("setup", {});
    times.push(connection.milliseconds);
    peer.close(connection);
  }
  const began = performance.now();
  const many = await Promise.all(Array.from({ length: 50 }, () => peer.open("setup", {})));
  const seconds = (performance.now() - began) / 1000;
  for (const connection of many) peer.close(connection);
  return [
    ["setup, median", quantile(times, 0.5), "ms"],
    ["  longest of 40", Math.max(...times), "ms"],
    ["  50 at once", 50 / seconds, "/s"],
  ];
}

async function memory(peer) {
  const pairs = 100;
  const look = async () => {
    await sleep(500);
    globalThis.gc?.();
    return [process.memoryUsage().rss, (await peer.ask("memory")).rss];
  };
  const open = async (count) => {
    for (let i = 0; i < count; i += 10) await Promise.all(Array.from({ length: 10 }, () => peer.open("idle", {})));
  };
  await open(20);
  const before = await look();
  await open(pairs);
  const after = await look();
  return [["idle pair", (after[0] + after[1] - before[0] - before[1]) / pairs / 1024, "KiB, both ends"]];
}

export const loopbackCases = { throughput, messages, latency, setup, memory };

/** Each case with a process of its own, so that none profits from another's warmth. */
export async function loopback(name) {
  const peer = new Peer("loopback-peer.mjs");
  await peer.ready;
  try {
    return await loopbackCases[name](peer);
  } finally {
    peer.stop();
  }
}
