// SCTP without a handshake (a=sctp-init, draft-hancke-tsvwg-snap-00) between whole connections: how much earlier channels open, and
// that they do whatever the network and programs do to packets and descriptions.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SctpAssociation } from "#src/sctp/association.js";
import type { RTCDataChannel } from "#src/w3c/rtc-data-channel.js";
import type { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import type { ServerOptions } from "#src/w3c/server-options.js";
import type { LinkOptions } from "#test/sim/link.js";
import { Simulation } from "#test/sim/simulation.js";
import { Pair } from "./pair.js";

const OFF: ServerOptions = { sctpSnap: false };
/** Milliseconds one way between the hosts. */
const LATENCY = 50;

function bed(
  seed = 1,
  link: LinkOptions = {},
  a: ServerOptions = {},
  b: ServerOptions = {},
): { sim: Simulation; pair: Pair } {
  const sim = new Simulation(seed);
  const alice = { host: sim.host("alice", { link: { latency: LATENCY, ...link } }), ...a };
  const bob = { host: sim.host("bob", { link: {} }), ...b };
  return { sim, pair: new Pair(sim, alice, bob) };
}

/** Two connections whose descriptions the test carries itself. */
async function connections(sim: Simulation): Promise<readonly [RTCPeerConnection, RTCPeerConnection]> {
  const { RTCPeerConnection } = await import("#src/w3c/rtc-peer-connection.js");
  const make = (name: string): RTCPeerConnection =>
    new RTCPeerConnection({}, { platform: sim.platform(sim.host(name, { link: { latency: 5 } })) });
  return [make("alice"), make("bob")];
}

function trickle(a: RTCPeerConnection, b: RTCPeerConnection): void {
  a.onicecandidate = ({ candidate }) => void b.addIceCandidate(candidate ?? undefined);
  b.onicecandidate = ({ candidate }) => void a.addIceCandidate(candidate ?? undefined);
}

/** The types of the chunks that come in from now on, of all connections. */
function watchChunks(t: { after(run: () => void): void }): number[] {
  const chunks: number[] = [];
  const { receive } = SctpAssociation.prototype;
  SctpAssociation.prototype.receive = function (packet, now) {
    chunks.push(packet[12]!);
    receive.call(this, packet, now);
  };
  t.after(() => {
    SctpAssociation.prototype.receive = receive;
  });
  return chunks;
}

const isHandshake = (chunk: number): boolean => [1, 2, 10, 11].includes(chunk);

test("channels open with DTLS, a round trip and a half before they would, and without a handshake", async (t) => {
  const chunks = watchChunks(t);
  const took: number[] = [];
  for (const option of [{}, OFF]) {
    const { sim, pair } = bed(1, {}, option);
    const opened: number[] = [];
    pair.channel.addEventListener("open", () => void opened.push(sim.now));
    pair.b.addEventListener("datachannel", () => void opened.push(sim.now));
    chunks.length = 0;
    await pair.open();
    assert.equal(chunks.some(isHandshake), option === OFF);
    const connected = Math.min(pair.timeOf("a", "connected")!, pair.timeOf("b", "connected")!);
    took.push(Math.max(...opened) - connected);
    await pair.echo();
    await pair.close();
  }
  assert.ok(took[0]! <= LATENCY + 1, `${took[0]} ms after DTLS`);
  assert.ok(took[1]! >= took[0]! + 2 * LATENCY, `${took[1]} instead of ${took[0]}`);
});

test("messages sent as soon as a channel is open arrive with it", async () => {
  const { sim, pair } = bed();
  const heard: { text: unknown; at: number }[] = [];
  pair.b.addEventListener("datachannel", (event) => {
    const { channel } = event as Event & { channel: RTCDataChannel };
    channel.addEventListener("message", (message) => {
      heard.push({ text: (message as Event & { data: unknown }).data, at: sim.now });
    });
  });
  let sentAt = 0;
  pair.channel.addEventListener("open", () => {
    sentAt = sim.now;
    for (const text of ["1", "2", "3"]) pair.channel.send(text);
  });
  await pair.until(() => heard.length === 3);
  assert.deepEqual(
    heard.map(({ text }) => text),
    ["1", "2", "3"],
  );
  assert.ok(heard[0]!.at <= sentAt + LATENCY + 1);
  await pair.close();
});

for (const [name, a, b] of [
  ["both", {}, {}],
  ["the offerer only", {}, OFF],
  ["the answerer only", OFF, {}],
  ["neither", OFF, OFF],
] as const) {
  test(`transfers over a path that loses packets: ${name} without a handshake`, async (t) => {
    const chunks = watchChunks(t);
    for (let seed = 1; seed <= 6; seed++) {
      const { pair } = bed(seed, { loss: 0.1, jitter: 20, duplicate: 0.02 }, a, b);
      chunks.length = 0;
      await pair.open(30_000);
      const exchange = pair.exchange(30, 3000);
      await pair.until(() => exchange.done, 60_000);
      if (name === "both") assert.ok(!chunks.some(isHandshake));
      await pair.close();
    }
  });
}

// What the program's signalling takes out of the descriptions on their way, one side only knows of.
for (const type of ["offer", "answer"] as const) {
  test(`a line that is lost from the ${type} on its way costs a handshake, and nothing else`, async () => {
    const { pair } = bed();
    const end = type === "offer" ? pair.signaling.a : pair.signaling.b;
    const { deliver } = end;
    end.deliver = (message) => {
      if (!("description" in message)) return deliver(message);
      const { type: kind, sdp } = message.description;
      return deliver({ description: { type: kind, sdp: sdp!.replace(/a=sctp-init.*\r\n/, "") } });
    };
    // Data of both sides that the other has no association for yet.
    const negotiated = { negotiated: true, id: 100 };
    const own = pair.a.createDataChannel("own", negotiated);
    const other = pair.b.createDataChannel("own", negotiated);
    for (const channel of [own, other]) channel.addEventListener("open", () => channel.send("at once"));
    const heard: unknown[] = [];
    for (const channel of [own, other]) {
      channel.addEventListener("message", (event) => void heard.push((event as Event & { data: unknown }).data));
    }
    await pair.open();
    await pair.until(() => heard.length === 2);
    assert.deepEqual([own.readyState, other.readyState], ["open", "open"]);
    await pair.echo();
    pair.a.restartIce();
    await pair.sim.run(2000);
    await pair.echo();
    await pair.close();
  });
}

test("a program that takes the line out of what it sets gets a handshake", async (t) => {
  const chunks = watchChunks(t);
  const sim = new Simulation(3);
  const [a, b] = await connections(sim);
  trickle(a, b);
  const channel = a.createDataChannel("x");
  const run = async (): Promise<void> => {
    const offer = await a.createOffer();
    // The peer gets the line that is not used.
    await a.setLocalDescription({ type: "offer", sdp: offer.sdp!.replace(/a=sctp-init.*\r\n/, "") });
    await b.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    await b.setLocalDescription();
    assert.match(b.localDescription!.sdp, /a=sctp-init:/);
    await a.setRemoteDescription(b.localDescription!);
  };
  let failure: unknown;
  run().catch((error: unknown) => {
    failure = error;
  });
  await sim.runUntil(() => {
    if (failure !== undefined) throw failure;
    return channel.readyState === "open";
  }, 5000);
  assert.ok(chunks.some(isHandshake));
  a.close();
  b.close();
  await sim.run(12_000);
});

test("renegotiation and ICE restarts go on with the association", async (t) => {
  const chunks = watchChunks(t);
  const { sim, pair } = bed();
  await pair.open();
  const exchange = pair.exchange(100, 2000, 20);
  const lines = (): (string | undefined)[] =>
    [pair.a, pair.b].map((pc) => /a=sctp-init:(.*)\r/.exec(pc.localDescription!.sdp)?.[1]);
  const before = lines();
  for (const pc of [pair.a, pair.b]) {
    pc.restartIce();
    await sim.run(400);
    pc.addTransceiver("audio");
    await sim.run(400);
  }
  await pair.until(() => exchange.done, 20_000);
  assert.deepEqual(lines(), before);
  assert.ok(before.every((line) => line !== undefined));
  assert.ok(!chunks.some(isHandshake));
  await pair.close();
});

test("data that is added to a call, and data of the peer that overtakes its answer", async () => {
  const sim = new Simulation(5);
  const { signal } = await import("./signaling.js");
  const [a, b] = await connections(sim);
  const signaling = signal(sim, a, b, { delay: 100 });
  a.addTransceiver("audio");
  await sim.runUntil(() => a.connectionState === "connected" && b.connectionState === "connected", 5000);
  await sim.run(1000);
  const negotiated = { negotiated: true, id: 7 };
  const ours = a.createDataChannel("x", negotiated);
  const theirs = b.createDataChannel("x", negotiated);
  const heard: number[] = [];
  let openedAt = 0;
  ours.addEventListener("message", () => void heard.push(sim.now));
  ours.addEventListener("open", () => {
    openedAt = sim.now;
  });
  theirs.addEventListener("open", () => theirs.send("early"));
  await sim.runUntil(() => {
    signaling.check();
    return heard.length === 1 && openedAt > 0;
  }, 5000);
  assert.ok(heard[0]! <= openedAt + 1, `heard ${heard[0]! - openedAt} ms after it opened`);
  a.close();
  b.close();
  await sim.run(12_000);
});

test("what ends with its section begins anew with another value", async () => {
  const sim = new Simulation(6);
  const [a, b] = await connections(sim);
  trickle(a, b);
  const lines: string[] = [];
  const exchange = async (change: (sdp: string) => string = (sdp) => sdp): Promise<void> => {
    let done = false;
    let failure: unknown;
    const run = async (): Promise<void> => {
      await a.setLocalDescription();
      await b.setRemoteDescription(a.localDescription!);
      const answer = await b.createAnswer();
      await b.setLocalDescription({ type: "answer", sdp: change(answer.sdp!) });
      await a.setRemoteDescription(b.localDescription!);
      for (const pc of [a, b]) lines.push(/a=sctp-init:(.*)\r/.exec(pc.localDescription!.sdp)?.[1] ?? "none");
      done = true;
    };
    run().catch((error: unknown) => {
      failure = error;
    });
    await sim.runUntil(() => {
      if (failure !== undefined) throw failure;
      return done;
    }, 5000);
  };
  a.addTransceiver("audio");
  const options = { negotiated: true, id: 3 };
  const first = [a, b].map((pc) => pc.createDataChannel("first", options));
  await exchange();
  await sim.runUntil(() => first.every(({ readyState }) => readyState === "open"), 5000);
  const { sctp } = a;
  await exchange((sdp) => sdp.replace(/^m=application \d+/m, "m=application 0").replace("BUNDLE 0 1", "BUNDLE 0"));
  await sim.runUntil(() => first.every(({ readyState }) => readyState === "closed"), 5000);
  assert.equal(sctp!.state, "closed");
  assert.equal(a.sctp, null);
  const second = [a, b].map((pc) => pc.createDataChannel("second", options));
  await exchange();
  await sim.runUntil(() => second.every(({ readyState }) => readyState === "open"), 5000);
  const heard: unknown[] = [];
  second[1]!.addEventListener("message", (event) => void heard.push((event as Event & { data: unknown }).data));
  second[0]!.send("again");
  await sim.runUntil(() => heard.length === 1, 5000);
  assert.equal(new Set([lines[0], lines[1], lines[4], lines[5]]).size, 4);
  a.close();
  b.close();
  await sim.run(12_000);
});
