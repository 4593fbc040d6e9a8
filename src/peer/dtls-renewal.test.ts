// A second DTLS association with the same peer (PeerTransport.renewDtls): what browsers begin when the section that carried
// the transport is stopped, and what other peers do not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Simulation } from "#test/sim/simulation.js";
import { introduce, type RecordingChannel, TransportSide } from "#test/sim/transport-pair.js";
import { CLOSE_GRACE } from "./dtls-transport.js";
import { SCTP_PATIENCE } from "./sctp-transport.js";

interface Bed {
  readonly sim: Simulation;
  readonly a: TransportSide;
  readonly b: TransportSide;
  readonly channel: RecordingChannel;
}

async function connected(seed: number, snap = false): Promise<Bed> {
  const sim = new Simulation(seed);
  const [a, b] = ["a", "b"].map((name) => new TransportSide(sim.platform(sim.host(name, { link: { latency: 10 } }))));
  introduce(a!, b!, (run) => void sim.scheduler.after(5, run), snap);
  const channel = a!.open();
  await sim.runUntil(() => channel.opened > 0, 5000);
  await sim.run(500);
  return { sim, a: a!, b: b!, channel };
}

const said = (n: number): Uint8Array => Buffer.from(`${n}`);

/** As connection-transports does when an answer is set. */
function renew(one: TransportSide, other: TransportSide, role: "client" | "server"): void {
  const { transport } = one;
  transport.forgetRemote();
  transport.setRemoteIceParameters(other.transport.ice.localParameters);
  for (const candidate of other.transport.ice.localCandidates) transport.addRemoteCandidate(candidate);
  transport.renewDtls(role);
  transport.startDtls(role, other.certificate.fingerprints);
}

const texts = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `${from + i}`);

for (const [roleOfA, roleOfB, snap] of [
  ["server", "client", false],
  ["client", "server", false],
  ["server", "client", true],
  ["client", "server", true],
] as const) {
  const how = `a is the ${roleOfA}, INITs are ${snap ? "signaled" : "sent"}`;
  test(`both begin anew, ${how}: another association, nothing lost, nobody hears of it`, async () => {
    const { sim, a, b, channel } = await connected(1, snap);
    const before = [a, b].map(({ transport }) => transport.dtls);
    for (let i = 0; i < 200; i++) {
      channel.channel!.send(said(i), false);
      if (i === 100) renew(a, b, roleOfA);
      if (i === 102) renew(b, a, roleOfB);
      await sim.run(10);
    }
    await sim.run(1000);
    assert.deepEqual(b.channels[0]!.messages, texts(0, 200));
    for (const [i, { transport, dtls, sctp }] of [a, b].entries()) {
      assert.notEqual(transport.dtls, before[i]);
      assert.equal(transport.dtls!.state, "connected");
      assert.deepEqual(dtls, ["connecting", "connected", "connected"]);
      assert.deepEqual(sctp, ["connected"]);
    }
    // Identifiers follow the new roles.
    const more = a.open();
    await sim.run(100);
    assert.equal(more.channel!.id, roleOfA === "client" ? 0 : 3);
    for (const { transport } of [a, b]) transport.close();
    await sim.run(100);
    assert.deepEqual(sim.leftovers(), []);
  });

  test(`only a begins anew, ${how}: the association that there is goes on`, async () => {
    const { sim, a, b, channel } = await connected(2, snap);
    const before = a.transport.dtls;
    renew(a, b, roleOfA);
    for (let i = 0; i < 400; i++) {
      channel.channel!.send(said(i), false);
      b.channels[0]!.channel!.send(said(i), false);
      await sim.run(10);
    }
    await sim.run(SCTP_PATIENCE);
    assert.deepEqual(b.channels[0]!.messages, texts(0, 400));
    assert.deepEqual(channel.messages, texts(0, 400));
    assert.equal(a.transport.dtls, before);
    // Also once the handshake that nobody answered is given up.
    await sim.run(70_000);
    channel.channel!.send(said(400), false);
    await sim.run(100);
    assert.equal(b.channels[0]!.messages.at(-1), "400");
    assert.deepEqual([a.dtls.at(-1), a.sctp.at(-1)], ["connected", "connected"]);
  });
}

/** What Chromium does: the SCTP association and the DTLS association are ended, and others begun. */
function beginAnewAsChromium(side: TransportSide): void {
  const transport = side.transport as unknown as {
    sctpTransport: {
      current: { abort(now: number): void; flush(now: number): void };
      replace(old: object): void;
    };
    dtls: { flush(now: number): void; close(now: number): void };
    dtlsTransport: { negotiating: boolean };
    command(run: (now: number) => void): void;
  };
  transport.dtlsTransport.negotiating = true;
  transport.command((now) => {
    const { sctpTransport, dtls } = transport;
    const { current } = sctpTransport;
    sctpTransport.replace(current);
    current.abort(now);
    current.flush(now);
    dtls.close(now);
  });
}

for (const [seed, snap] of [
  [1, false],
  [2, false],
  [3, false],
  [1, true],
  [2, true],
  [3, true],
] as const) {
  const how = `seed ${seed}, INITs are ${snap ? "signaled" : "sent"}`;
  test(`a peer with another SCTP association, too: channels go on (${how})`, async () => {
    const { sim, a, b, channel } = await connected(seed, snap);
    a.transport.setNegotiating(true);
    beginAnewAsChromium(b);
    renew(b, a, "client");
    // The first loses ABORT and close_notify, as they come over the pair that is forgotten.
    if (seed === 1) renew(a, b, "server");
    await sim.run(seed === 2 ? 50 : 2000);
    channel.channel!.send(said(0), false);
    if (seed !== 1) renew(a, b, "server");
    channel.channel!.send(said(1), false);
    a.transport.setNegotiating(false);
    b.transport.setNegotiating(false);
    channel.channel!.send(said(2), false);
    await sim.run(1000);
    assert.deepEqual(b.channels[0]!.messages, ["0", "1", "2"]);
    b.channels[0]!.channel!.send(said(3), false);
    await sim.run(100);
    assert.deepEqual(channel.messages, ["3"]);
    assert.deepEqual([channel.closed, b.channels[0]!.closed, a.dtlsClosed], [0, 0, []]);
    assert.equal(channel.channel!.bufferedAmount, 0);
    channel.channel!.close();
    await sim.run(100);
    assert.deepEqual([channel.closed, b.channels[0]!.closed], [1, 1]);
  });
}

test("a peer that closes while an answer is due is gone after a while, or when there is an answer", async () => {
  for (const answered of [true, false]) {
    const { sim, a, b, channel } = await connected(4);
    a.transport.setNegotiating(true);
    b.transport.close();
    await sim.run(100);
    assert.deepEqual(a.dtlsClosed, []);
    if (answered) a.transport.setNegotiating(false);
    else await sim.run(CLOSE_GRACE);
    assert.deepEqual(a.dtlsClosed, ["close-notify"]);
    assert.deepEqual([a.dtls.at(-1), a.sctp.at(-1), channel.closed], ["closed", "closed", 1]);
    assert.deepEqual(channel.errors, ["peer-abort"]);
  }
});

test("a renewal before the first association is established takes its place", async () => {
  const sim = new Simulation(5);
  const [a, b] = ["a", "b"].map((name) => new TransportSide(sim.platform(sim.host(name, { link: { latency: 100 } }))));
  introduce(a!, b!, (run) => void sim.scheduler.after(5, run));
  const channel = a!.open();
  await sim.runUntil(() => a!.dtls.at(-1) === "connecting" && b!.dtls.at(-1) === "connecting", 5000);
  for (const [i, { transport }] of [a!, b!].entries()) {
    transport.restartIce({ usernameFragment: `fragment${i}`, password: `a password of enough length ${i}` });
    transport.gather();
  }
  renew(a!, b!, "client");
  renew(b!, a!, "server");
  assert.equal(channel.channel!.send(said(0), false), "not-open");
  await sim.runUntil(() => channel.opened > 0, 5000);
  channel.channel!.send(said(1), false);
  await sim.run(500);
  assert.deepEqual(b!.channels[0]!.messages, ["1"]);
});

test("an answer that never matches the certificate: the association that there is stays", async () => {
  const { sim, a, b, channel } = await connected(6);
  const stranger = new TransportSide(sim.platform(sim.host("c")));
  renew(a, b, "server");
  renew(b, a, "client");
  const { dtlsTransport } = b.transport as unknown as { dtlsTransport: { fingerprints: unknown } };
  dtlsTransport.fingerprints = stranger.certificate.fingerprints;
  await sim.run(3000);
  channel.channel!.send(said(0), false);
  await sim.run(100);
  assert.deepEqual(b.channels[0]!.messages, ["0"]);
});
