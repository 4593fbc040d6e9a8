// Attacks on a whole transport by somebody who can send to its sockets from any address, the peer's included, and by a peer
// with another certificate (docs/security.md).
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Fingerprint, fingerprint, matchesFingerprint } from "#src/dtls/certificate.js";
import { nodeCrypto } from "#src/node/crypto.js";
import { MAX_EARLY_DATAGRAMS } from "#src/peer/dtls-transport.js";
import type { Platform } from "#src/peer/platform.js";
import type { DatagramHandler, DatagramPort, Network } from "#src/util/net.js";
import { testCertificate } from "#test/sim/dtls-pair.js";
import { Simulation } from "#test/sim/simulation.js";
import { CHANNEL, introduce, TransportSide } from "#test/sim/transport-pair.js";

/** The platform with a tap: what its sockets would hear can be said to them by the test. */
class Tapped {
  readonly platform: Platform;
  readonly sockets: { handler: DatagramHandler; port: DatagramPort | undefined }[] = [];

  constructor(platform: Platform) {
    const { network } = platform;
    const tapped: Network = {
      interfaces: () => network.interfaces(),
      openUdp: (options, handler) => {
        const socket = { handler, port: undefined as DatagramPort | undefined };
        this.sockets.push(socket);
        return network.openUdp(options, {
          onOpen(port, now) {
            socket.port = port;
            handler.onOpen(port, now);
          },
          onError: (reason, now) => handler.onError(reason, now),
          onDatagram: (data, address, port, now) => handler.onDatagram(data, address, port, now),
          onDrained: (now) => handler.onDrained(now),
        });
      },
      connectTcp: (options, handler) => network.connectTcp(options, handler),
      listenTcp: (options, handler) => network.listenTcp(options, handler),
      resolve: (hostname, done) => network.resolve(hostname, done),
      publish: (hostname, address) => network.publish(hostname, address),
    };
    this.platform = Object.create(platform, { network: { value: tapped } }) as Platform;
  }

  inject(data: Uint8Array, address: string, port: number): void {
    for (const { handler } of this.sockets) {
      handler.onDatagram(data.slice(), address, port, this.platform.now());
      handler.onDrained(this.platform.now());
    }
  }
}

interface Stage {
  readonly sim: Simulation;
  readonly a: TransportSide;
  readonly b: TransportSide;
  readonly tap: Tapped;
}

function stage(seed: number): Stage {
  const sim = new Simulation(seed);
  const hosts = [sim.host("a", { link: { latency: 2 } }), sim.host("b", { link: { latency: 2 } })] as const;
  const tap = new Tapped(sim.platform(hosts[1]));
  return { sim, a: new TransportSide(sim.platform(hosts[0])), b: new TransportSide(tap.platform), tap };
}

const record = (type: number, epoch: number, ...body: number[]): Uint8Array =>
  Uint8Array.from([type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 9, body.length >> 8, body.length, ...body]);

/** What an off-path attacker can make without any key. */
const FORGERIES: Readonly<Record<string, Uint8Array>> = {
  "fatal alert": record(21, 0, 2, 40),
  close_notify: record(21, 0, 1, 0),
  ClientHello: record(22, 0, 1, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 42, 0xfe, 0xfd, ...new Array<number>(40).fill(7)),
  HelloRequest: record(22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
  "data in the clear": record(23, 0, ...new Array<number>(60).fill(65)),
  "data under unknown keys": record(23, 1, ...new Array<number>(60).fill(65)),
  ChangeCipherSpec: record(20, 0, 1),
  RTP: Uint8Array.from([0x80, 96, ...new Array<number>(40).fill(1)]),
  RTCP: Uint8Array.from([0x80, 200, 0, 6, ...new Array<number>(24).fill(1)]),
  "ChannelData of TURN": Uint8Array.from([0x40, 0, 0, 4, 1, 2, 3, 4]),
  "STUN without integrity": Uint8Array.from([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...new Array<number>(12).fill(5)]),
  nothing: new Uint8Array(0),
};

for (const [name, forgery] of Object.entries(FORGERIES)) {
  test(`${name}, forged before, during and after ICE, from a stranger and from the peer's address`, async () => {
    const { sim, a, b, tap } = stage(1);
    const attack = (): void => {
      tap.inject(forgery, "192.0.2.66", 6666);
      const pair = b.transport.ice.selectedPair;
      // Who can send from the peer's own address during the handshake can end it (messages there are in the clear), as
      // who can drop packets can; nothing more.
      const spares = b.dtls.at(-1) === "connected" || !name.includes("Hello");
      if (pair !== undefined && spares) tap.inject(forgery, pair.address, pair.portNumber);
    };
    b.transport.gather();
    await sim.run(1);
    attack();
    assert.equal(b.transport.dtls, undefined);
    const channel = a.open();
    introduce(a, b, (run) => void sim.scheduler.after(5, run));
    for (let i = 0; i < 60; i++) {
      attack();
      await sim.run(1);
    }
    await sim.runUntil(() => a.connected && b.connected, 5000);
    for (let i = 0; i < 20; i++) attack();
    channel.channel!.send(new Uint8Array([104, 105]), true);
    await sim.run(5000);
    assert.deepEqual(b.channels[0]!.messages, ["hi"]);
    assert.equal(b.dtls.at(-1), "connected");
    assert.equal(b.transport.fault, undefined);
    assert.equal(b.channels.length, 1);
  });
}

test("DTLS from addresses that have not authenticated is not kept, and what is kept early is bounded", async () => {
  const { sim, b, tap } = stage(2);
  b.transport.gather();
  await sim.run(5);
  const { early } = (b.transport as unknown as { dtlsTransport: { early: unknown[] } }).dtlsTransport;
  for (let i = 0; i < 1000; i++) tap.inject(FORGERIES.ClientHello!, "192.0.2.66", 1000 + i);
  assert.equal(early.length, 0);
  assert.equal(b.transport.ice.counters.droppedData, 1000);
  // The same from an address that has: as much as a peer's first flights need.
  const receive = (b.transport as unknown as { receive(data: Uint8Array, now: number): void }).receive.bind(
    b.transport,
  );
  for (let i = 0; i < 1000; i++) receive(FORGERIES.ClientHello!.slice(), sim.now);
  assert.equal(early.length, MAX_EARLY_DATAGRAMS);
});

const ALGORITHMS = ["sha-1", "sha-224", "sha-256", "sha-384", "sha-512"] as const;

for (const algorithm of ALGORITHMS) {
  test(`${algorithm}: the right fingerprint is recognised, and none with a bit changed, cut or of another certificate`, () => {
    const { der } = testCertificate("P-256");
    const value = nodeCrypto.hash(algorithm, der);
    const text = Buffer.from(value).toString("hex").toUpperCase().match(/../g)!.join(":");
    const as = (given: string): readonly Fingerprint[] => [{ algorithm, value: given } as Fingerprint];
    assert.ok(matchesFingerprint(nodeCrypto, der, as(text)) || algorithm === "sha-1");
    assert.ok(!matchesFingerprint(nodeCrypto, testCertificate("P-256", 1).der, as(text)));
    for (let at = 0; at < text.length; at += 3) {
      const digit = text[at] === "0" ? "1" : "0";
      assert.ok(!matchesFingerprint(nodeCrypto, der, as(text.slice(0, at) + digit + text.slice(at + 1))));
    }
    for (const given of ["", text.slice(0, -3), `${text}:00`, text.slice(3)]) {
      assert.ok(!matchesFingerprint(nodeCrypto, der, as(given)), given);
    }
    assert.ok(!matchesFingerprint(nodeCrypto, der, []));
  });
}

for (const mistaken of ["client", "server"] as const) {
  test(`a certificate that the signalling did not name: the ${mistaken} ends it, and not a byte comes through`, async () => {
    const { sim, a, b } = stage(3);
    // What introduce() does, but one side is told of another certificate.
    const [client, server] = [b, a];
    const victim = mistaken === "client" ? client : server;
    const stranger = testCertificate("P-256", 1).der;
    const wrong = [{ algorithm: "sha-256", value: fingerprint(nodeCrypto, stranger, "sha-256") }] as const;
    const start = victim.transport.startDtls.bind(victim.transport);
    victim.transport.startDtls = (role) => start(role, wrong);
    const fromVictim = victim.open({ label: "v" });
    const fromOther = (victim === a ? b : a).open({ label: "o" });
    introduce(a, b, (run) => void sim.scheduler.after(5, run));
    await sim.run(30_000);
    assert.deepEqual(victim.dtlsClosed, ["certificate-rejected"]);
    assert.equal(victim.dtls.at(-1), "failed");
    for (const side of [a, b]) {
      assert.equal(side.connected, false);
      assert.equal(side.channels.length, 0);
    }
    assert.equal(fromVictim.opened + fromOther.opened, 0);
    assert.deepEqual(fromVictim.messages, []);
  });
}

test("a recorded datagram of the peer's is delivered once, however often and from wherever it comes again", async () => {
  const { sim, a, b, tap } = stage(4);
  const channel = a.open();
  introduce(a, b, (run) => void sim.scheduler.after(5, run));
  await sim.runUntil(() => a.connected && b.connected, 5000);
  await sim.run(50);
  const recorded: Uint8Array[] = [];
  const { handler } = tap.sockets[0]!;
  const original = handler.onDatagram;
  handler.onDatagram = function (data, ...rest) {
    recorded.push(data.slice());
    original.call(this, data, ...rest);
  };
  for (let i = 0; i < 10; i++) channel.channel!.send(new Uint8Array([48 + i]), true);
  await sim.run(200);
  const { address, portNumber } = b.transport.ice.selectedPair!;
  for (const data of recorded.splice(0)) {
    tap.inject(data, address, portNumber);
    tap.inject(data, "192.0.2.66", 1);
  }
  await sim.run(200);
  assert.equal(b.channels[0]!.messages.join(""), "0123456789");
  assert.equal(b.dtls.at(-1), "connected");
  assert.equal(CHANNEL.ordered, true);
});
