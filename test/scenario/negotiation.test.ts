// Negotiation between whole peers: glare, rollback, renegotiation, slow and late signalling.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { Simulation } from "#test/sim/simulation.js";
import { Pair } from "./pair.js";

function bed(signaling = {}): { sim: Simulation; pair: Pair } {
  const sim = new Simulation(1);
  const a = { host: sim.host("alice", { link: { latency: 10 } }) };
  const b = { host: sim.host("bob", { link: { latency: 10 } }) };
  return { sim, pair: new Pair(sim, a, b, signaling) };
}

for (const trickle of [true, false]) {
  test(`both sides offer at once (${trickle ? "trickling" : "whole descriptions"}): the polite one rolls back, both channels open`, async () => {
    const { pair } = bed({ delay: 50, trickle });
    const fromB = pair.transfer({ openedBy: "b", messages: { a: [], b: [{ size: 100, isText: true, pause: 0 }] } });
    await pair.open();
    await pair.until(() => fromB.done);
    assert.deepEqual(pair.signaling.a.sent.filter((kind) => kind !== "candidate").slice(0, 1), ["offer"]);
    assert.ok(pair.signaling.b.sent.includes("offer"), "there was a collision");
    assert.deepEqual([pair.a.signalingState, pair.b.signalingState], ["stable", "stable"]);
    await pair.close();
  });
}

test("twenty renegotiations, by turns, during a transfer, change nothing", async () => {
  const { sim, pair } = bed();
  await pair.open();
  const exchange = pair.exchange(300, 3000, 20);
  const ufrag = (): string => pair.a.localDescription!.sdp.match(/a=ice-ufrag:(.*)\r/)![1]!;
  const before = ufrag();
  const sockets = sim.hosts.flatMap((host) => host.openSockets()).sort();
  for (let i = 0; i < 20; i++) {
    const [from, to] = i % 2 === 0 ? [pair.a, pair.b] : [pair.b, pair.a];
    await sim.settle(
      (async () => {
        await from.setLocalDescription();
        await to.setRemoteDescription(from.localDescription!);
        await to.setLocalDescription();
        await from.setRemoteDescription(to.localDescription!);
      })(),
    );
    await sim.run(100);
  }
  assert.equal(ufrag(), before);
  assert.deepEqual(sim.hosts.flatMap((host) => host.openSockets()).sort(), sockets);
  await pair.until(() => exchange.done, 30_000);
  assert.deepEqual(
    pair.states.a.map(({ state }) => state),
    ["connecting", "connected"],
  );
  await pair.close();
});

test("an offer rolled back leaves nothing, and the next one connects", async () => {
  const sim = new Simulation(1);
  const host = sim.host("alice");
  const pc = new RTCPeerConnection({}, { platform: sim.platform(host) });
  pc.createDataChannel("x");
  await sim.settle(pc.setLocalDescription());
  await sim.run(100);
  assert.ok(host.openSockets().length > 0);
  await sim.settle(pc.setLocalDescription({ type: "rollback" }));
  await sim.run(100);
  assert.deepEqual(host.openSockets(), []);
  assert.equal(pc.localDescription, null);
  pc.close();
  assert.deepEqual(sim.leftovers(), []);
});

test("an answer that takes a minute, as where people carry it: the connection opens", async () => {
  const sim = new Simulation(1);
  // Bob's checks come in only once Alice has sent some: she begins when she has his answer.
  const nat = sim.nat("home", { link: { latency: 10 } });
  const a = new RTCPeerConnection({}, { platform: sim.platform(sim.host("alice", { realm: nat.inside })) });
  const b = new RTCPeerConnection({}, { platform: sim.platform(sim.host("bob", { link: { latency: 10 } })) });
  const channel = a.createDataChannel("x");
  await sim.settle(a.setLocalDescription());
  await sim.run(1000);
  await sim.settle(b.setRemoteDescription(a.localDescription!));
  await sim.settle(b.setLocalDescription());
  await sim.run(60_000);
  assert.equal(b.connectionState, "failed");
  await sim.settle(a.setRemoteDescription(b.localDescription!));
  await sim.runUntil(() => channel.readyState === "open" && b.connectionState === "connected", 3000);
  a.close();
  b.close();
  await sim.run(1000);
  assert.deepEqual(sim.leftovers(), []);
});

test("an answer from another peer without a restart of ours: a call is handed over, with DTLS and SCTP anew", async () => {
  const sim = new Simulation(1);
  const peer = (name: string): RTCPeerConnection =>
    new RTCPeerConnection({}, { platform: sim.platform(sim.host(name, { link: { latency: 10 } })) });
  const caller = peer("caller");
  const log: string[] = [];
  const negotiate = async (callee: RTCPeerConnection): Promise<void> => {
    caller.onicecandidate = ({ candidate }) => void callee.addIceCandidate(candidate);
    callee.onicecandidate = ({ candidate }) => void caller.addIceCandidate(candidate);
    await caller.setLocalDescription(await caller.createOffer());
    await callee.setRemoteDescription(caller.localDescription!);
    await callee.setLocalDescription();
    await caller.setRemoteDescription(callee.localDescription!);
  };
  const first = peer("first");
  const channel = caller.createDataChannel("one");
  channel.onopen = () => log.push("open");
  channel.onclose = () => log.push("close");
  await sim.settle(negotiate(first));
  await sim.run(1000);
  assert.deepEqual(log, ["open"]);
  const { sctp } = caller;
  const dtls = sctp!.transport;
  const [certificate] = dtls.getRemoteCertificates();
  dtls.onstatechange = () => log.push(`dtls ${dtls.state}`);
  sctp!.onstatechange = () => log.push(`sctp ${sctp!.state}`);

  const second = peer("second");
  second.ondatachannel = (event) => event.channel.send("hello from the second");
  await sim.settle(negotiate(second));
  const next = caller.createDataChannel("two");
  next.onmessage = ({ data }) => log.push(data as string);
  await sim.run(1000);
  assert.deepEqual(log, [
    "open",
    "dtls new",
    "close",
    "sctp connecting",
    "dtls connecting",
    "dtls connected",
    "sctp connected",
    "hello from the second",
  ]);
  assert.equal(caller.sctp, sctp);
  assert.notDeepEqual(dtls.getRemoteCertificates()[0], certificate);
  assert.equal(caller.connectionState, "connected");
  for (const pc of [caller, first, second]) pc.close();
  await sim.run(10_000);
  assert.deepEqual(sim.leftovers(), []);
});

test("a restart rolled back: the connection is as before", async () => {
  const sim = new Simulation(1);
  const [a, b] = ["alice", "bob"].map(
    (name) => new RTCPeerConnection({}, { platform: sim.platform(sim.host(name, { link: { latency: 10 } })) }),
  ) as [RTCPeerConnection, RTCPeerConnection];
  const channel = a.createDataChannel("x");
  const received: unknown[] = [];
  b.ondatachannel = (event) => {
    event.channel.onmessage = ({ data }) => received.push(data);
  };
  await sim.settle(a.setLocalDescription());
  await sim.run(100);
  await sim.settle(
    (async () => {
      await b.setRemoteDescription(a.localDescription!);
      await b.setLocalDescription();
    })(),
  );
  await sim.run(100);
  await sim.settle(a.setRemoteDescription(b.localDescription!));
  await sim.run(1000);
  const before = a.localDescription!.sdp;
  const gathering: string[] = [];
  a.onicegatheringstatechange = () => gathering.push(a.iceGatheringState);
  await sim.settle(a.createOffer({ iceRestart: true }).then((offer) => a.setLocalDescription(offer)));
  await sim.run(100);
  assert.notEqual(a.localDescription!.sdp, before);
  await sim.settle(a.setLocalDescription({ type: "rollback" }));
  await sim.run(100);
  assert.equal(a.localDescription!.sdp, before);
  assert.deepEqual(gathering, ["gathering", "complete"]);
  channel.send("still here");
  await sim.run(60_000);
  assert.deepEqual(received, ["still here"]);
  assert.equal(a.connectionState, "connected");
  for (const pc of [a, b]) pc.close();
  await sim.run(10_000);
  assert.deepEqual(sim.leftovers(), []);
});

test("restartIce: asked for again after a rollback, and satisfied by the other side's restart", async () => {
  const sim = new Simulation(1);
  const [a, b] = ["alice", "bob"].map(
    (name) => new RTCPeerConnection({}, { platform: sim.platform(sim.host(name, { link: { latency: 10 } })) }),
  ) as [RTCPeerConnection, RTCPeerConnection];
  const ufrag = (pc: RTCPeerConnection): string => pc.localDescription!.sdp.match(/a=ice-ufrag:(.*)\r/)![1]!;
  const negotiate = async (from: RTCPeerConnection, to: RTCPeerConnection): Promise<void> => {
    await from.setLocalDescription();
    await to.setRemoteDescription(from.localDescription!);
    await to.setLocalDescription();
    await from.setRemoteDescription(to.localDescription!);
  };
  let needed = 0;
  a.createDataChannel("x");
  await sim.settle(negotiate(a, b));
  await sim.run(100);
  a.onnegotiationneeded = () => needed++;
  const first = ufrag(a);
  a.restartIce();
  await sim.run(100);
  assert.equal(needed, 1);
  await sim.settle(a.setLocalDescription());
  assert.notEqual(ufrag(a), first);
  await sim.settle(a.setLocalDescription({ type: "rollback" }));
  await sim.run(100);
  assert.equal(needed, 2);
  b.restartIce();
  await sim.settle(negotiate(b, a));
  await sim.run(100);
  assert.notEqual(ufrag(a), first);
  const second = ufrag(a);
  assert.equal(needed, 2);
  await sim.settle(negotiate(a, b));
  assert.equal(ufrag(a), second);
  for (const pc of [a, b]) pc.close();
  await sim.run(10_000);
  assert.deepEqual(sim.leftovers(), []);
});
