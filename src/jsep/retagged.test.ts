// The section that carries the transport of a BUNDLE group goes, or a new one comes before it: browsers make another
// transport then. The texts are what Chromium 156 and Firefox 153 were seen to say among themselves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate, Side, transceiver } from "#test/jsep-session.js";

function connected(): [Side, Side] {
  const a = new Side("a").with(transceiver("1", "audio"), transceiver("2", "video"));
  const b = new Side("b").with();
  negotiate(a, b, { dataChannel: true });
  return [a, b];
}

const group = (sdp: string): string => /a=group:(BUNDLE.*)\r/.exec(sdp)![1]!;
const fragments = (sdp: string): string[] => [...new Set(sdp.match(/(?<=a=ice-ufrag:).*(?=\r)/g))];
const facts = ({ plan }: Side): unknown => {
  const [transport, ...more] = plan!.transports;
  assert.deepEqual(more, []);
  const { id, renewed, remoteForgotten, newDtlsAssociation, mids, dtlsRole, iceRole } = transport!;
  return { id, renewed, remoteForgotten, newDtlsAssociation, mid: mids[0], dtlsRole, iceRole };
};

test("we stop the section, and use its line again: new ICE parameters in our offers, another DTLS association", () => {
  const [a, b] = connected();
  a.change("1", { stopping: true });
  const [offer, answer] = negotiate(a, b);
  assert.deepEqual([group(offer), group(answer)], ["BUNDLE 1 2", "BUNDLE 1 2"]);
  assert.deepEqual([fragments(offer), fragments(answer)], [["aaa1"], ["bbb1"]]);
  const common = { id: 0, renewed: true, remoteForgotten: false, newDtlsAssociation: false };
  assert.deepEqual(facts(a), { ...common, mid: "1", dtlsRole: "server", iceRole: "controlling" });
  assert.deepEqual(facts(b), { ...common, mid: "1", dtlsRole: "client", iceRole: "controlled" });
  assert.equal(a.plan!.newSctpAssociation, false);

  a.with(transceiver("3", "audio"));
  const [again, answered] = negotiate(a, b);
  assert.deepEqual([group(again), group(answered)], ["BUNDLE 3 1 2", "BUNDLE 3 1 2"]);
  assert.deepEqual([fragments(again), fragments(answered)], [["aaa2"], ["bbb2"]]);
  assert.deepEqual(facts(b), { ...common, mid: "3", dtlsRole: "client", iceRole: "controlled" });

  // What comes after is a negotiation like any other.
  const [last] = negotiate(a, b);
  assert.deepEqual(fragments(last), ["aaa2"]);
  assert.equal(a.plan!.transports[0]!.renewed, false);
});

test("the peer keeps its ICE parameters, as browsers do: so do we in the answer, and begin anew", () => {
  const [a, b] = connected();
  b.addRemote({ candidate: "candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host", sdpMid: "0" });
  a.change("1", { stopping: true });
  const offer = a.createOffer().replaceAll("aaa1", "aaa0").replaceAll("EnoughLength1", "EnoughLength0");
  b.setRemote("offer", offer);
  b.addRemote({ candidate: "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host", sdpMid: "1" });
  const answer = b.createAnswer();
  assert.deepEqual(fragments(answer), ["bbb0"]);
  b.setLocal("answer", answer);
  assert.deepEqual(facts(b), {
    id: 0,
    renewed: true,
    remoteForgotten: true,
    newDtlsAssociation: false,
    mid: "1",
    dtlsRole: "client",
    iceRole: "controlled",
  });
  const [{ remoteChanged, remoteCandidates, gather }] = b.plan!.transports as [
    (typeof b.plan & object)["transports"][0],
  ];
  // Only what has been told of the new transport.
  assert.deepEqual([remoteChanged, remoteCandidates.map(({ port }) => port), gather], [true, [5000], false]);
});

test("an answer may keep the parameters of before, too, and choose another role", () => {
  const [a, b] = connected();
  a.change("1", { stopping: true });
  const answer = b
    .answer(a.offer())
    .replaceAll("bbb1", "bbb0")
    .replaceAll("EnoughLength1", "EnoughLength0")
    .replaceAll("a=setup:active", "a=setup:passive");
  a.setRemote("answer", answer);
  const { remoteChanged } = a.plan!.transports[0]!;
  assert.ok(remoteChanged);
  assert.deepEqual(facts(a), {
    id: 0,
    renewed: true,
    remoteForgotten: false,
    newDtlsAssociation: false,
    mid: "1",
    dtlsRole: "client",
    iceRole: "controlling",
  });
});

test("once in a negotiation: a provisional answer renews, the answer after it does not", () => {
  const [a, b] = connected();
  a.change("1", { stopping: true });
  b.setRemote("offer", a.offer());
  const answer = b.createAnswer();
  b.setLocal("pranswer", answer);
  assert.equal(b.plan!.transports[0]!.renewed, true);
  a.setRemote("pranswer", answer);
  assert.equal(a.plan!.transports[0]!.renewed, true);
  b.setLocal("answer", b.createAnswer());
  assert.equal(b.plan!.transports[0]!.renewed, false);
  a.setRemote("answer", b.state.currentLocal!.sdp);
  assert.equal(a.plan!.transports[0]!.renewed, false);
});

test("an offer that is rolled back renews nothing", () => {
  const [a, b] = connected();
  a.change("1", { stopping: true });
  b.setRemote("offer", a.offer());
  b.setRemote("rollback");
  a.setLocal("rollback");
  for (const { plan } of [a, b]) assert.equal(plan!.transports[0]!.renewed, false);
  assert.deepEqual(a.state.transports[0]!.local!.usernameFragment, "aaa0");
});

test("sections that only change places in the group, and others than the first, renew nothing", () => {
  const [a, b] = connected();
  b.answer(a.createOffer().replace("BUNDLE 0 1 2", "BUNDLE 1 0 2"));
  assert.equal(b.plan!.transports[0]!.renewed, false);
  const [c, d] = connected();
  c.change("2", { stopping: true });
  const [offer] = negotiate(c, d);
  assert.deepEqual([group(offer), fragments(offer)], ["BUNDLE 0 2", ["aaa0"]]);
  assert.equal(d.plan!.transports[0]!.renewed, false);
  c.with(transceiver("3", "video"));
  negotiate(c, d);
  assert.equal(d.plan!.transports[0]!.renewed, false);
});
