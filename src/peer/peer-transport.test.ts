import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "#test/sim/network.js";
import { Simulation } from "#test/sim/simulation.js";
import { introduce, TransportSide } from "#test/sim/transport-pair.js";
import { attachTurnServer, type TurnServer } from "#test/sim/turn-server.js";
import { SrtpProtectionProfile } from "../dtls/options.js";
import { createDefaultCertificate } from "./certificates.js";
import { type PeerTransportOptions, RELEASE_TIMEOUT } from "./peer-transport.js";

interface Pair {
  readonly sim: Simulation;
  readonly hosts: readonly [Host, Host];
  readonly a: TransportSide;
  readonly b: TransportSide;
  /** What the loggers were given at level "error". */
  readonly reported: string[];
}

function setUp(
  seed: number,
  optionsA: Partial<PeerTransportOptions> = {},
  sim = new Simulation(seed),
  optionsB: Partial<PeerTransportOptions> = {},
): Pair {
  const hosts = [sim.host("a", { link: { latency: 2 } }), sim.host("b", { link: { latency: 2 } })] as const;
  const reported: string[] = [];
  const [a, b] = hosts.map((host, i) => {
    const platform = sim.platform(host);
    platform.logger = (level, _scope, message) => {
      if (level === "error") reported.push(message);
    };
    return new TransportSide(platform, i === 0 ? optionsA : optionsB);
  }) as [TransportSide, TransportSide];
  introduce(a, b, (run) => void sim.scheduler.after(5, run));
  return { sim, hosts, a, b, reported };
}

async function connect(pair: Pair): Promise<void> {
  await pair.sim.runUntil(() => pair.a.connected && pair.b.connected, 5000);
}

const leftovers = ({ sim }: Pair): string[] => sim.leftovers().filter((line) => !line.startsWith("turn:"));

test("connects, carries messages, and closes leaving nothing", async () => {
  const pair = setUp(1);
  const { sim, a, b } = pair;
  const channel = a.open();
  await connect(pair);
  await sim.run(50);
  channel.channel!.send(new Uint8Array([104, 105]), true);
  await sim.run(50);
  assert.deepEqual(b.channels[0]!.messages, ["hi"]);
  a.transport.close();
  await sim.run(50);
  assert.deepEqual(b.dtlsClosed, ["close-notify"]);
  assert.equal(b.channels[0]!.closed, 1);
  b.transport.close();
  await sim.run(10);
  assert.deepEqual(leftovers(pair), []);
});

for (const [name, profile] of Object.entries(SrtpProtectionProfile))
  for (const isFirst of [true, false])
    test(`${name} is agreed on where ${isFirst ? "one side" : "the other side"} has nothing else`, async () => {
      const only = { srtpProfiles: [profile] };
      const pair = setUp(4, isFirst ? only : {}, new Simulation(4), isFirst ? {} : only);
      await connect(pair);
      assert.equal(pair.a.transport.srtpCipher, name);
      assert.equal(pair.b.transport.srtpCipher, name);
    });

/** Replaces a method of a machine by one that throws, as a bug would. */
function sabotage(machine: object | undefined, method: string): void {
  assert.equal(typeof (machine as Record<string, unknown>)[method], "function", method);
  Object.defineProperty(machine, method, {
    value: () => {
      throw new Error(`a bug in ${method}`);
    },
  });
}

const FAULTS: Readonly<Record<string, (side: TransportSide) => void>> = {
  "SCTP, reading a packet": ({ transport }) => sabotage(transport.sctp, "receive"),
  "SCTP, at the end of a round": ({ transport }) => sabotage(transport.sctp, "flush"),
  "SCTP, in a timer": ({ transport }) => sabotage(transport.sctp, "handleTimeout"),
  "SCTP, also when aborted": ({ transport }) => {
    sabotage(transport.sctp, "receive");
    sabotage(transport.sctp, "abort");
  },
  "DTLS, reading a datagram": ({ transport }) => sabotage(transport.dtls, "receive"),
  "DTLS, at the end of a round": ({ transport }) => sabotage(transport.dtls, "flush"),
  "DTLS, also when closed": ({ transport }) => {
    sabotage(transport.dtls, "receive");
    sabotage(transport.dtls, "close");
  },
  "ICE, in a timer": ({ transport }) => sabotage(transport.ice, "handleTimeout"),
  "ICE, sending": ({ transport }) => sabotage(transport.ice, "send"),
  "ICE, also when closed": ({ transport }) => {
    sabotage(transport.ice, "handleTimeout");
    sabotage(transport.ice, "close");
  },
  "data channels, delivering": ({ channels }) => sabotage(channels[0], "onMessage"),
  "the logger": (side) => {
    sabotage(side.transport.sctp, "receive");
    sabotage((side.transport as unknown as { platform: object }).platform, "logger");
  },
};

for (const [where, install] of Object.entries(FAULTS)) {
  test(`a bug in ${where} ends this connection and nothing else`, async () => {
    const pair = setUp(2);
    const { sim, hosts, a, b } = pair;
    const others = setUp(3, {}, new Simulation(3));
    const channel = a.open();
    await connect(pair);
    await connect(others);
    await sim.run(100);
    install(b);
    for (let i = 0; i < 20; i++) {
      channel.channel!.send(new Uint8Array(100), false);
      // Consent checks and heartbeats come within this, so that every timer has had its turn.
      await sim.run(2500);
    }
    assert.ok(b.transport.fault instanceof Error);
    assert.match(b.transport.fault.message, /a bug in/);
    if (where !== "the logger") assert.match(pair.reported.join(), /a bug ended this connection: Error: a bug in/);
    assert.equal(b.dtls.at(-1), "failed");
    assert.equal(b.ice.at(-1), "failed");
    assert.deepEqual(b.channels[0]!.errors, where.startsWith("data") ? b.channels[0]!.errors : ["association-failed"]);
    assert.equal(hosts[1].openSockets().length, 0);
    assert.equal(sim.platform(hosts[1]).pendingTimers, 0);
    // Commands afterwards change nothing and do not throw.
    b.transport.gather();
    b.transport.endOfRemoteCandidates();
    b.transport.close();
    // The other side heard of it, or will find out by itself.
    await sim.run(60_000);
    assert.ok(a.dtls.at(-1) === "closed" || a.dtls.at(-1) === "failed" || a.ice.at(-1) === "failed");
    assert.equal(a.transport.fault, undefined);
    await others.sim.run(100);
    assert.ok(others.a.connected && others.b.connected);
  });
}

test("a bug in an answer of the resolver and in a command is contained as well", async () => {
  const sim = new Simulation(4);
  sim.dns.set("stun.example", ["203.0.113.99"]);
  const servers = [{ scheme: "stun", hostname: "stun.example", port: 3478, transport: "udp", url: "" } as const];
  const side = new TransportSide(sim.platform(sim.host("a")), { ice: { servers } });
  side.transport.gather();
  const gatherer = (side.transport.ice as unknown as { current: { gatherer: object } }).current.gatherer;
  sabotage(gatherer, "addServer");
  await sim.run(100);
  assert.match(String(side.transport.fault), /addServer/);
  assert.deepEqual(sim.leftovers(), []);

  const other = new TransportSide(sim.platform(sim.host("b")), {
    ice: {
      interfaceFilter: () => {
        throw new Error("the filter");
      },
    },
  });
  other.transport.gather();
  assert.match(String(other.transport.fault), /the filter/);
  assert.equal(other.ice.at(-1), "failed");
});

function withRelay(seed: number): { pair: Pair; server: TurnServer } {
  const sim = new Simulation(seed);
  const host = sim.host("turn", { address: "203.0.113.54", link: { latency: 10 } });
  const server = attachTurnServer(host, sim.platform(host).crypto, { tlsNames: ["turn.example"] });
  sim.dns.set("turn.example", ["203.0.113.54"]);
  const servers = (["udp", "tcp"] as const).map((transport) => ({
    scheme: "turn" as const,
    hostname: "turn.example",
    port: 3478,
    transport,
    username: "user",
    credential: "pass",
    url: "turn:turn.example",
  }));
  return { pair: setUp(seed, { ice: { servers } }, sim), server };
}

test("close gives relays back, over UDP and TCP, and then lets go of the sockets", async () => {
  const { pair, server } = withRelay(5);
  const { sim, hosts, a } = pair;
  await connect(pair);
  await sim.run(500);
  assert.equal(server.relays().length, 2);
  a.transport.close();
  assert.equal(a.ice.at(-1), "closed");
  await sim.run(200);
  assert.equal(server.relays().length, 0);
  assert.deepEqual(hosts[0].openSockets(), []);
  assert.equal(sim.platform(hosts[0]).pendingTimers, 0);
});

test("a server that does not answer holds up a closed transport for RELEASE_TIMEOUT at most", async () => {
  const { pair, server } = withRelay(6);
  const { sim, hosts, a } = pair;
  await connect(pair);
  await sim.run(500);
  server.up = false;
  a.transport.close();
  await sim.run(100);
  assert.notDeepEqual(hosts[0].openSockets(), []);
  await sim.run(RELEASE_TIMEOUT);
  assert.deepEqual(hosts[0].openSockets(), []);
  assert.equal(sim.platform(hosts[0]).pendingTimers, 0);
  assert.equal(a.ice.filter((state) => state === "closed").length, 1);
});

test("a socket that is closed in the middle of its wake-up does not hold the round open", async () => {
  const pair = setUp(7);
  const { sim, a, b } = pair;
  await connect(pair);
  const { round } = b.transport as unknown as { round: { isOpen: boolean } };
  // The first datagram of the next wake-up makes the machine close the very socket it came by.
  const { current } = b.transport.ice as unknown as { current: { gatherer: { sockets: { close(): void }[] } } };
  let closed = false;
  const socket = current.gatherer.sockets[0] as unknown as { onDatagram: (...args: unknown[]) => void; close(): void };
  Object.defineProperty(socket, "onDatagram", {
    value: () => {
      closed = true;
      socket.close();
    },
  });
  a.open();
  await sim.run(100);
  assert.ok(closed);
  assert.equal(round.isOpen, false);
  b.transport.close();
  a.transport.close();
  await sim.run(10);
  assert.deepEqual(leftovers(pair), []);
});

test("the end of DTLS ends SCTP and the channels: without an error if the peer closed, with one if it failed", async () => {
  for (const [end, error] of [
    ["close", []],
    ["fail", ["association-failed"]],
  ] as const) {
    const pair = setUp(8);
    const { sim, a, b } = pair;
    a.open();
    await connect(pair);
    await sim.run(100);
    // Only DTLS speaks: SCTP's ABORT is lost, or never was.
    const dtls = a.transport.dtls!;
    if (end === "close") dtls.close(sim.now);
    else (dtls as unknown as { fail(reason: string, alert: string): void }).fail("handshake-failure", "internal_error");
    await sim.run(100);
    assert.equal(b.dtls.at(-1), end === "close" ? "closed" : "failed");
    assert.equal(b.sctp.at(-1), "closed");
    assert.deepEqual(b.channels[0]!.errors, error);
    assert.equal(b.channels[0]!.closed, 1);
  }
});

test("new fingerprints are held against the certificate of an established connection", async () => {
  const pair = setUp(9);
  const { sim, hosts, a, b } = pair;
  const channel = a.open();
  await connect(pair);
  await sim.run(50);
  // The same one again, among others: nothing happens.
  const stranger = createDefaultCertificate(sim.platform(hosts[0])).fingerprints;
  b.transport.startDtls("client", [...stranger, ...a.certificate.fingerprints]);
  assert.equal(b.dtls.at(-1), "connected");
  b.transport.startDtls("client", stranger);
  assert.deepEqual(b.dtlsClosed, ["certificate-rejected"]);
  assert.equal(b.dtls.at(-1), "failed");
  channel.channel!.send(new Uint8Array(3), false);
  await sim.run(200);
  assert.deepEqual(b.channels[0]!.messages, []);
  assert.equal(b.channels[0]!.closed, 1);
  assert.equal(a.dtls.at(-1), "failed");
});

test("after a bug, or an end, frames that a program goes on sending do not wait", async () => {
  for (const end of ["bug", "close", "closed by the peer"] as const) {
    const pair = setUp(5);
    const { sim, a, b } = pair;
    const feedback = { nack: true, pli: true, fir: true, transportCc: false, remb: false };
    const vp8 = { payloadType: 96, mimeType: "video/VP8", clockRate: 90000, parameters: "", rtxPayloadType: 97 };
    const sender = a.transport.addRtpSender(
      {
        kind: "video",
        mid: "0",
        codecs: [{ ...vp8, ...feedback }],
        extensions: [],
        extmapAllowMixed: true,
        encodings: [{ rid: null, ssrc: 1000, rtxSsrc: 1001, active: true, maxBitrate: null, priority: 1 }],
        active: true,
      },
      {},
      { cname: "a", reducedSize: true },
    );
    await connect(pair);
    if (end === "bug") a.transport.fail(new Error("a bug in media"));
    else if (end === "close") a.transport.close();
    else b.transport.close();
    await sim.run(100);
    const data = new Uint8Array(10_000);
    data.set([0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
    for (let i = 0; i < 300; i++) {
      const frame = { data, timestamp: i * 3000, keyFrame: true, mimeType: "video/VP8" };
      sender.sendFrame(0, frame, a.transport.mediaNow());
      a.transport.mediaQueued();
      await sim.run(33);
    }
    const { congestion } = a.transport.media!.session as unknown as { congestion: { queuedBytes: number } };
    assert.ok(congestion.queuedBytes < 1_000_000, `${end}: ${congestion.queuedBytes}`);
    b.transport.close();
    a.transport.close();
    await sim.run(RELEASE_TIMEOUT + 1000);
  }
});

test("media is worked on together, also where the peer never answers SCTP", async () => {
  const pair = setUp(6);
  const { sim, a, b } = pair;
  a.transport.resetSctp();
  const codec = { payloadType: 96, mimeType: "video/VP8", clockRate: 90000, parameters: "", rtxPayloadType: null };
  const codecs = [{ ...codec, nack: true, pli: true, fir: true, transportCc: false, remb: false }];
  const section = { kind: "video", mid: "0", codecs, extensions: [], extmapAllowMixed: true, active: true } as const;
  const encodings = [{ rid: null, ssrc: 1000, rtxSsrc: null, active: true, maxBitrate: null, priority: 1 }];
  const sender = a.transport.addRtpSender({ ...section, encodings }, {}, { cname: "a", reducedSize: true });
  let received = 0;
  const ssrcs = [{ ssrc: 1000, rtxSsrc: null, cname: "a" }];
  const onPacket = (): void => void received++;
  b.transport.addRtpReceiver({ ...section, ssrcs, rids: [] }, { onPacket }, { cname: "b", reducedSize: true });
  await sim.runUntil(() => b.dtls.at(-1) === "connected", 5000);
  await sim.run(100);
  assert.equal(b.transport.sctp!.state, "cookie-wait");
  assert.equal(b.transport.isHasty, true);
  const data = new Uint8Array(5000);
  data.set([0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
  const frame = { data, timestamp: 0, keyFrame: true, mimeType: "video/VP8" };
  sender.sendFrame(0, frame, a.transport.mediaNow());
  a.transport.mediaQueued();
  await sim.runUntil(() => received > 0, 1000);
  assert.equal(b.transport.isHasty, false);
  a.transport.close();
  b.transport.close();
  await sim.run(RELEASE_TIMEOUT + 1000);
  assert.deepEqual(leftovers(pair), []);
});
