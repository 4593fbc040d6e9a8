// getStats of whole connections: what both sides say of the same thing agrees, with each other and with the objects.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { Simulation } from "#test/sim/simulation.js";
import { assertReport, ofType, type Report, type Stats } from "#test/stats-conformance.js";
import { addServers, Pair, STUN, TURN_TCP, TURN_UDP } from "./pair.js";

interface Snapshot {
  readonly report: Report;
  readonly all: readonly Stats[];
}

function bed(seed = 1): { sim: Simulation; pair: Pair } {
  const sim = new Simulation(seed);
  const a = { host: sim.host("alice", { link: { latency: 10 } }) };
  const b = { host: sim.host("bob", { link: { latency: 10 } }) };
  return { sim, pair: new Pair(sim, a, b) };
}

async function statsOf(sim: Simulation, pc: RTCPeerConnection): Promise<Snapshot> {
  const report = (await sim.settle(pc.getStats())) as Report;
  return { report, all: assertReport(report) };
}

const only = (all: readonly Stats[], type: string): Stats => {
  const found = ofType(all, type);
  assert.equal(found.length, 1, `${found.length} of ${type}`);
  return found[0]!;
};
const selectedPair = ({ report, all }: Snapshot): Stats => {
  const transport = only(all, "transport");
  return report.get(transport.selectedCandidatePairId as string) as Stats;
};

test("a new connection has statistics of itself alone; its time is the platform's", async () => {
  const { sim, pair } = bed();
  const { all } = await statsOf(sim, pair.b);
  const platform = sim.platform(sim.hosts[1]!);
  assert.deepEqual(all, [
    { id: "P", timestamp: platform.timeOrigin, type: "peer-connection", dataChannelsClosed: 0, dataChannelsOpened: 0 },
  ]);
  await pair.close();
});

test("the snapshot is of the moment of the call", async () => {
  const { sim, pair } = bed();
  const promise = pair.a.getStats();
  pair.a.createDataChannel("later");
  const report = (await sim.settle(promise)) as Report;
  assert.deepEqual(
    ofType(assertReport(report), "data-channel").map(({ label }) => label),
    ["data"],
  );
  await pair.close();
});

test("both sides agree on transport, certificates, candidates and the selected pair", async () => {
  const { sim, pair } = bed();
  await pair.open();
  await sim.run(20_000);
  const [a, b] = [await statsOf(sim, pair.a), await statsOf(sim, pair.b)];
  const [ta, tb] = [only(a.all, "transport"), only(b.all, "transport")];
  assert.deepEqual([ta.dtlsState, ta.iceState, ta.tlsVersion], ["connected", "completed", "FEFD"]);
  assert.equal(ta.dtlsCipher, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
  assert.equal(ta.srtpCipher, "SRTP_AES128_CM_HMAC_SHA1_80");
  for (const name of ["dtlsState", "tlsVersion", "dtlsCipher", "srtpCipher"]) assert.equal(ta[name], tb[name], name);
  assert.deepEqual([ta.iceRole, tb.iceRole].sort(), ["controlled", "controlling"]);
  assert.deepEqual([ta.dtlsRole, tb.dtlsRole].sort(), ["client", "server"]);
  assert.equal(ta.selectedCandidatePairChanges, 1);
  assert.match(
    pair.a.localDescription!.sdp,
    new RegExp(`a=ice-ufrag:${ta.iceLocalUsernameFragment}\r\n`.replace("+", "\\+")),
  );
  // No packet is under way.
  for (const what of ["packets", "bytes"]) {
    assert.equal(ta[`${what}Sent`], tb[`${what}Received`], what);
    assert.equal(tb[`${what}Sent`], ta[`${what}Received`], what);
    assert.ok((ta[`${what}Sent`] as number) > 0);
  }

  const fingerprint = (snapshot: Snapshot, id: unknown): unknown =>
    (snapshot.report.get(id as string) as Stats).fingerprint;
  assert.equal(fingerprint(a, ta.localCertificateId), fingerprint(b, tb.remoteCertificateId));
  assert.equal(fingerprint(b, tb.localCertificateId), fingerprint(a, ta.remoteCertificateId));
  assert.ok(pair.a.localDescription!.sdp.includes(`sha-256 ${fingerprint(a, ta.localCertificateId)}`));

  const [pa, pb] = [selectedPair(a), selectedPair(b)];
  assert.deepEqual([pa.state, pa.nominated, pb.nominated], ["succeeded", true, true]);
  assert.equal(pa.currentRoundTripTime, 0.04);
  const average = (pa.totalRoundTripTime as number) / (pa.responsesReceived as number);
  assert.ok(average > 0.03 && average <= 0.04, `${average} s`);
  const asked = (pa.requestsSent as number) + (pa.consentRequestsSent as number);
  assert.ok((pa.responsesReceived as number) <= asked && (pa.responsesReceived as number) >= asked - 1);
  // A repeated request may be answered twice, of which one counts.
  for (const [one, other] of [
    [pa, pb],
    [pb, pa],
  ] as const) {
    assert.equal(one.requestsReceived, one.responsesSent);
    assert.ok((one.responsesReceived as number) <= (other.responsesSent as number));
    assert.ok((one.responsesReceived as number) >= (other.responsesSent as number) - 1);
  }
  assert.ok((pa.consentRequestsSent as number) >= 2);
  assert.deepEqual([pa.packetsSent, pa.bytesSent], [ta.packetsSent, ta.bytesSent]);
  assert.ok((pa.lastPacketSentTimestamp as number) < pa.timestamp);
  const candidate = (snapshot: Snapshot, id: unknown): unknown[] => {
    const { address, port, protocol, candidateType, priority, foundation } = snapshot.report.get(id as string) as Stats;
    return [address, port, protocol, candidateType, priority, foundation];
  };
  assert.deepEqual(candidate(a, pa.localCandidateId), candidate(b, pb.remoteCandidateId));
  assert.deepEqual(candidate(b, pb.localCandidateId), candidate(a, pa.remoteCandidateId));
  await pair.close();
});

test("identifiers stay, numbers only grow", async () => {
  const { sim, pair } = bed();
  await pair.open();
  const first = await statsOf(sim, pair.a);
  await pair.echo();
  await sim.run(15_000);
  const second = await statsOf(sim, pair.a);
  assert.deepEqual(
    first.all.map(({ id, type }) => [id, type]),
    second.all.map(({ id, type }) => [id, type]),
  );
  for (const before of first.all) {
    const after = second.report.get(before.id) as Stats;
    for (const [name, value] of Object.entries(before)) {
      if (typeof value !== "number" || name === "currentRoundTripTime") continue;
      assert.ok((after[name] as number) >= value, `${before.type}.${name}`);
    }
  }
  await pair.close();
});

test("data channels: messages and bytes as sent and as heard, and how many were open", async () => {
  const { sim, pair } = bed();
  const unopened = pair.a.createDataChannel("unopened");
  unopened.close();
  const negotiated = { negotiated: true, id: 7, protocol: "p" };
  const extra = pair.a.createDataChannel("extra", negotiated);
  pair.b.createDataChannel("extra", negotiated);
  await pair.open();
  await sim.run(100);
  let heard: Stats | undefined;
  pair.remote!.addEventListener("message", () => {
    void pair.b.getStats().then((report) => {
      heard ??= ofType([...report.values()] as Stats[], "data-channel").find(({ label }) => label === "data");
    });
  });
  pair.channel.send("räksmörgås");
  pair.channel.send(new Uint8Array(1000));
  pair.channel.send("");
  const sent = await statsOf(sim, pair.a);
  await sim.run(500);
  const [a, b] = [await statsOf(sim, pair.a), await statsOf(sim, pair.b)];
  const channel = ({ all }: Snapshot, label: string): Stats =>
    ofType(all, "data-channel").find((stats) => stats.label === label)!;
  assert.equal(channel(sent, "data").messagesSent, 3);
  assert.deepEqual(
    [channel(a, "data").bytesSent, channel(b, "data").bytesReceived, channel(b, "data").messagesReceived],
    [1013, 1013, 3],
  );
  assert.equal(heard!.messagesReceived, 1, "those of which there was an event");
  const { id, timestamp, ...rest } = channel(a, "extra");
  assert.deepEqual(rest, {
    type: "data-channel",
    bytesReceived: 0,
    bytesSent: 0,
    dataChannelIdentifier: 7,
    label: "extra",
    messagesReceived: 0,
    messagesSent: 0,
    protocol: "p",
    state: "open",
  });
  const counts = ({ all }: Snapshot): unknown[] => {
    const { dataChannelsOpened, dataChannelsClosed } = only(all, "peer-connection");
    return [dataChannelsOpened, dataChannelsClosed];
  };
  assert.deepEqual(
    [counts(a), counts(b)],
    [
      [2, 0],
      [2, 0],
    ],
  );
  extra.close();
  await sim.run(500);
  const after = await statsOf(sim, pair.b);
  assert.deepEqual(counts(after), [2, 1]);
  assert.equal(channel(after, "extra"), undefined);
  await pair.close();
  assert.deepEqual(counts(await statsOf(sim, pair.a)), [2, 2]);
});

test("reflexive and relayed candidates say where they come from", async () => {
  const sim = new Simulation(1);
  const servers = addServers(sim);
  const [one, two] = [sim.nat("one", { mapping: "address-and-port-dependent" }), sim.nat("two")];
  const host = (name: string, realm: typeof one.inside) => sim.host(name, { realm });
  const iceServers = [STUN, TURN_UDP, TURN_TCP];
  const pair = new Pair(
    sim,
    { host: host("alice", one.inside), configuration: { iceServers } },
    { host: host("bob", two.inside), configuration: { iceServers, iceTransportPolicy: "relay" } },
  );
  await pair.open();
  await pair.until(() => pair.a.iceGatheringState === "complete" && pair.b.iceGatheringState === "complete");
  const a = await statsOf(sim, pair.a);
  const local = ofType(a.all, "local-candidate");
  const reflexive = local.filter(({ candidateType }) => candidateType === "srflx");
  assert.ok(reflexive.some(({ url }) => url === STUN.urls));
  for (const { relatedAddress, relatedPort, relayProtocol } of reflexive) {
    assert.equal(relatedAddress, sim.hosts.find(({ name }) => name === "alice")!.address());
    assert.ok(relatedPort !== undefined && relayProtocol === undefined);
  }
  const relays = local.filter(({ candidateType }) => candidateType === "relay");
  assert.deepEqual(relays.map(({ relayProtocol, url }) => [relayProtocol, url]).sort(), [
    ["tcp", TURN_TCP.urls],
    ["udp", TURN_UDP.urls],
  ]);
  for (const { url, relayProtocol, usernameFragment } of ofType(a.all, "remote-candidate")) {
    assert.deepEqual([url, relayProtocol], [undefined, undefined]);
    assert.match(
      pair.b.localDescription!.sdp,
      new RegExp(`a=ice-ufrag:${(usernameFragment as string).replace(/\+/g, "\\+")}`),
    );
  }
  const b = await statsOf(sim, pair.b);
  const used = b.report.get(selectedPair(b).localCandidateId as string) as Stats;
  assert.equal(used.candidateType, "relay");
  await pair.close(servers.hosts);
});

test("what nobody has signalled is not shown of a peer-reflexive candidate", async () => {
  const { sim, pair } = bed();
  const { a, b } = pair;
  pair.signaling.a.deliver = () => {};
  await sim.settle(a.setLocalDescription());
  await sim.run(100);
  await sim.settle(b.setRemoteDescription(a.localDescription!));
  await sim.settle(b.setLocalDescription());
  // b checks a, which knows nothing of it yet.
  await sim.run(200);
  const early = only((await statsOf(sim, a)).all, "remote-candidate");
  assert.deepEqual([early.candidateType, early.address, early.usernameFragment], ["prflx", null, undefined]);
  const answer = b.localDescription!;
  await sim.settle(a.setRemoteDescription({ type: "answer", sdp: answer.sdp.replace(/a=candidate.*\r\n/g, "") }));
  await sim.run(500);
  const known = only((await statsOf(sim, a)).all, "remote-candidate");
  assert.deepEqual([known.id, known.candidateType, known.address], [early.id, "prflx", null]);
  assert.match(answer.sdp, new RegExp(`a=ice-ufrag:${(known.usernameFragment as string).replace(/\+/g, "\\+")}\r`));
  const candidate = /a=(candidate.*typ host.*)\r/.exec(answer.sdp)![1]!;
  await sim.settle(a.addIceCandidate({ candidate, sdpMid: "0" }));
  const signalled = only((await statsOf(sim, a)).all, "remote-candidate");
  assert.deepEqual([signalled.id, signalled.candidateType], [early.id, "host"]);
  assert.equal(signalled.address, sim.hosts[1]!.address());
  a.close();
  b.close();
  await sim.run(12_000);
  assert.deepEqual(sim.leftovers(), []);
});

test("while ICE restarts, the pair in use stays", async () => {
  const { sim, pair } = bed();
  await pair.open();
  const before = selectedPair(await statsOf(sim, pair.a));
  pair.a.restartIce();
  await pair.until(() => pair.a.signalingState === "have-local-offer");
  const during = await statsOf(sim, pair.a);
  assert.equal(selectedPair(during).id, before.id);
  await sim.run(10_000);
  const after = await statsOf(sim, pair.a);
  assert.notEqual(selectedPair(after).id, before.id);
  assert.equal(after.report.get(before.id), undefined);
  assert.equal(only(after.all, "transport").selectedCandidatePairChanges, 2);
  assert.ok((only(after.all, "transport").bytesSent as number) > (selectedPair(after).bytesSent as number));
  await pair.close();
});

test("a closed connection still answers", async () => {
  const { sim, pair } = bed();
  await pair.open();
  const before = await statsOf(sim, pair.a);
  await pair.close();
  const after = await statsOf(sim, pair.a);
  assert.deepEqual(ofType(after.all, "data-channel"), []);
  const transport = only(after.all, "transport");
  assert.deepEqual([transport.dtlsState, transport.iceState], ["closed", "closed"]);
  assert.equal(transport.selectedCandidatePairId, undefined);
  assert.equal(transport.id, only(before.all, "transport").id);
});
