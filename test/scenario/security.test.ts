// Attackers and wrong peers, against whole connections.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hmac } from "#src/crypto/provider.js";
import { RTCPeerConnection } from "#src/index.js";
import { parseStunMessage, StunAttribute, StunMessage, StunMethod } from "#src/stun/message.js";
import type { DatagramPort } from "#src/util/net.js";
import type { RTCError } from "#src/w3c/errors.js";
import { Simulation } from "#test/sim/simulation.js";
import { Pair } from "./pair.js";

function bed(): { sim: Simulation; pair: Pair } {
  const sim = new Simulation(1);
  const a = { host: sim.host("alice", { link: { latency: 10 } }) };
  const b = { host: sim.host("bob", { link: { latency: 10 } }) };
  return { sim, pair: new Pair(sim, a, b) };
}

/** What somebody without the password signs with. */
function wrongKey(sim: Simulation): Hmac {
  return sim.platform(sim.hosts[0]!).crypto.createHmac("sha-1", new Uint8Array(24));
}

for (const who of ["offer", "answer"] as const) {
  test(`a wrong fingerprint in the ${who}: failed with fingerprint-failure, and not a byte delivered`, async () => {
    const sim = new Simulation(1);
    const a = new RTCPeerConnection({}, { platform: sim.platform(sim.host("alice")) });
    const b = new RTCPeerConnection({}, { platform: sim.platform(sim.host("bob")) });
    const channel = a.createDataChannel("x", { negotiated: true, id: 1 });
    const other = b.createDataChannel("x", { negotiated: true, id: 1 });
    const heard: unknown[] = [];
    for (const end of [channel, other]) {
      end.addEventListener("open", () => heard.push("open"));
      end.addEventListener("message", () => heard.push("message"));
    }
    const victim = who === "offer" ? b : a;
    const errors: RTCError[] = [];
    const swap = (sdp: string): string =>
      sdp.replace(
        /(a=fingerprint:sha-256 )(..)/,
        (_, head: string, hex: string) => `${head}${hex === "00" ? "01" : "00"}`,
      );
    await sim.settle(a.setLocalDescription());
    await sim.run(100);
    const offer = a.localDescription!.sdp;
    await sim.settle(b.setRemoteDescription({ type: "offer", sdp: who === "offer" ? swap(offer) : offer }));
    await sim.settle(b.setLocalDescription());
    await sim.run(100);
    const answer = b.localDescription!.sdp;
    await sim.settle(a.setRemoteDescription({ type: "answer", sdp: who === "answer" ? swap(answer) : answer }));
    victim.sctp!.transport.addEventListener("error", (event) => {
      errors.push((event as Event & { error: RTCError }).error);
    });
    await sim.runUntil(() => victim.connectionState === "failed", 5000);
    await sim.run(30_000);
    assert.equal(errors.length, 1);
    assert.equal(errors[0]!.errorDetail, "fingerprint-failure");
    assert.equal(errors[0]!.name, "OperationError");
    assert.equal(victim.sctp!.transport.state, "failed");
    assert.deepEqual(heard, []);
    const peer = victim === a ? b : a;
    assert.equal(peer.connectionState, "failed", "the alert tells the other side");
    a.close();
    b.close();
    await sim.run(1000);
    assert.deepEqual(sim.leftovers(), []);
  });
}

test("an expired certificate is refused at construction", async () => {
  const certificate = await RTCPeerConnection.generateCertificate({
    name: "ECDSA",
    namedCurve: "P-256",
    expires: 0,
  } as never);
  assert.throws(
    () => new RTCPeerConnection({ certificates: [certificate] }),
    (error: Error) => error.name === "InvalidAccessError",
  );
});

test("a certificate of the application's is the one in the description and the one the peer sees", async () => {
  const certificate = await RTCPeerConnection.generateCertificate({ name: "ECDSA", namedCurve: "P-256" } as never);
  const sim = new Simulation(1);
  const configuration = { certificates: [certificate] };
  const pair = new Pair(sim, { host: sim.host("alice"), configuration }, { host: sim.host("bob") });
  await pair.open();
  const { value } = certificate.getFingerprints()[0]!;
  assert.ok(pair.a.localDescription!.sdp.toLowerCase().includes(value!.toLowerCase()));
  assert.equal(pair.b.sctp!.transport.getRemoteCertificates().length, 1);
  await pair.close();
});

test("records that are tampered with on the way are lost packets, nothing more", async () => {
  const { sim, pair } = bed();
  let tampered = 0;
  // Every ninth DTLS packet gets a bit flipped somewhere, from the handshake on.
  sim.tap = (event, packet, _pipe, index) => {
    const first = packet.data[0] ?? 0;
    if (event !== "deliver" || first < 20 || first > 63 || index % 9 !== 4) return;
    tampered++;
    const at = index % packet.data.length;
    packet.data[at]! ^= 1 << (index % 8);
  };
  await pair.open(20_000);
  const exchange = pair.exchange(100, 5000);
  await pair.until(() => exchange.done, 60_000);
  assert.ok(tampered > 50);
  assert.deepEqual(
    pair.states.a.map(({ state }) => state),
    ["connecting", "connected"],
  );
  await pair.close();
});

test("a third host's packets change nothing: spoofed checks, stray and replayed records, noise", async () => {
  const { sim, pair } = bed();
  const [alice, bob] = sim.hosts;
  const replay: Uint8Array[] = [];
  alice!.link.up.tap = (_event, packet) => {
    if (replay.length < 200) replay.push(packet.data.slice());
  };
  await pair.open();
  const before = [pair.path("a"), pair.path("b")];
  const exchange = pair.exchange(200, 5000, 5);
  const mallory = sim.host("mallory", { link: { latency: 1 } });
  const target = { address: bob!.address(), port: Number(bob!.openSockets()[0]!.split(":").at(-1)) };
  const heard: string[] = [];
  let port: DatagramPort | undefined;
  mallory.openUdp(
    { address: mallory.address() },
    {
      onOpen: (opened) => {
        port = opened;
      },
      onDatagram: (data) => heard.push(parseStunMessage(data)?.class ?? "data"),
      onDrained() {},
      onError() {},
    },
  );
  await sim.run(1);
  const random = sim.random.stream("mallory");
  const ufrags = [pair.b, pair.a].map((pc) => pc.localDescription!.sdp.match(/a=ice-ufrag:(.*)\r/)![1]);
  for (let i = 0; i < 300; i++) {
    const request = new StunMessage("request", StunMethod.binding, random.bytes(12))
      .addText(StunAttribute.username, ufrags.join(":"))
      .addU32(StunAttribute.priority, 0x7fff_ffff)
      .add(StunAttribute.iceControlling, new Uint8Array(8).fill(255))
      .addFlag(StunAttribute.useCandidate);
    const packets = [
      request.encode({ fingerprint: true }),
      request.encode({ integrity: wrongKey(sim), fingerprint: true }),
      replay[i % replay.length]!.slice(),
      random.bytes(1 + random.int(1200)),
      Uint8Array.of(22, 254, 253, 0, 0, 0, 0, 0, 0, 0, i, 0, 12, ...random.bytes(12)),
      Uint8Array.of(21, 254, 253, 0, 0, 0, 0, 0, 0, 0, i, 0, 2, 2, 0),
    ];
    for (const packet of packets) port!.send(packet, target.address, target.port);
    await sim.run(10);
  }
  await pair.until(() => exchange.done, 30_000);
  assert.deepEqual([pair.path("a"), pair.path("b")], before);
  const ice = pair.b.sctp!.transport.iceTransport;
  assert.equal(ice.getSelectedCandidatePair()!.remote.address, alice!.address());
  assert.ok(!heard.includes("data"));
  assert.deepEqual(
    pair.states.b.map(({ state }) => state),
    ["connecting", "connected"],
  );
  port!.close();
  await pair.close();
});
