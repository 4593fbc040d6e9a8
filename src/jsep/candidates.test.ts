// Trickle ICE in the descriptions (RFC 9429 §4.1.19, webrtc-pc addIceCandidate).
import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate, refusal, Side } from "#test/jsep-session.js";
import { MAX_REMOTE_CANDIDATES } from "./candidates.js";
import { insertIntoSections } from "./late-text.js";

const HOST = "candidate:1 1 udp 2113937151 192.0.2.1 50000 typ host";
const OTHER = "candidate:1 1 udp 2113937151 192.0.2.1 50001 typ host";

function connected(): [Side, Side] {
  const a = new Side("a");
  const b = new Side("b");
  negotiate(a, b, { dataChannel: true });
  return [a, b];
}

test("local candidates go into the description that gathers them, with the default address", () => {
  const a = new Side("a");
  a.offer({ dataChannel: true });
  const before = a.state.pendingLocal!.sdp;
  const added = a.addLocal(0, "aaa0", `${HOST} generation 0 ufrag aaa0`);
  assert.equal(added.sdpMid, "0");
  assert.equal(added.sdpMLineIndex, 0);
  a.addLocal(0, "aaa0", null);
  assert.equal(
    a.state.pendingLocal!.sdp,
    before
      .replace("m=application 9", "m=application 50000")
      .replace("c=IN IP4 0.0.0.0\r\n", `c=IN IP4 192.0.2.1\r\na=${HOST} generation 0\r\na=end-of-candidates\r\n`),
  );
});

test("an mDNS candidate gives no default address", () => {
  const a = new Side("a");
  a.offer({ dataChannel: true });
  a.addLocal(0, "aaa0", HOST.replace("192.0.2.1", "0b8e1d0e-2f4c-4d5c-b1d5-2c6f6b3b5c1d.local"));
  assert.match(a.state.pendingLocal!.sdp, /m=application 9 .*\r\nc=IN IP4 0\.0\.0\.0\r\na=candidate/);
});

test("candidates of another generation change no description", () => {
  const [a] = connected();
  const before = a.state.currentLocal!.sdp;
  const added = a.addLocal(0, "zzzz", HOST);
  assert.equal(added.sdpMid, null);
  assert.equal(a.state.currentLocal!.sdp, before);
});

test("during a restart each description has the candidates of its generation", () => {
  const [a] = connected();
  a.offer({ iceRestart: true });
  a.addLocal(0, "aaa0", HOST);
  a.addLocal(0, "aaa1", OTHER);
  assert.match(a.state.currentLocal!.sdp, /50000 typ/);
  assert.doesNotMatch(a.state.currentLocal!.sdp, /50001 typ/);
  assert.match(a.state.pendingLocal!.sdp, /50001 typ/);
  assert.doesNotMatch(a.state.pendingLocal!.sdp, /50000 typ/);
});

test("without a restart both descriptions have them", () => {
  const [a] = connected();
  a.offer();
  a.addLocal(0, "aaa0", HOST);
  assert.match(a.state.currentLocal!.sdp, /50000 typ/);
  assert.match(a.state.pendingLocal!.sdp, /50000 typ/);
});

test("a remote candidate before any remote description is an InvalidStateError", () => {
  assert.equal(refusal(() => new Side("a").addRemote({ candidate: HOST, sdpMid: "0" })).kind, "InvalidStateError");
});

test("a remote candidate goes to the transport, and into the text as it was given", () => {
  const [a] = connected();
  const text = `${HOST} generation 0 ufrag bbb0 network-cost 999`;
  const targets = a.addRemote({ candidate: text, sdpMid: "0", sdpMLineIndex: 0, usernameFragment: "bbb0" });
  assert.equal(targets.length, 1);
  assert.equal(targets[0]!.transport, 0);
  assert.equal(targets[0]!.candidate!.port, 50_000);
  assert.ok(a.state.currentRemote!.sdp.endsWith(`a=max-message-size:262144\r\na=${text}\r\n`));
  // The same one again: nothing to do.
  assert.deepEqual(a.addRemote({ candidate: text.replace("ufrag bbb0 ", ""), sdpMid: "0" }), []);
  assert.equal(a.state.currentRemote!.sdp.match(/a=candidate/g)!.length, 1);
});

test("a candidate that is refused is told by what is wrong with it", () => {
  const [a] = connected();
  const wrongs: readonly (readonly [candidate: string, problem: RegExp])[] = [
    ["garbage", /does not begin with "candidate:"/],
    ["candidate:1 1 udp", /has 3 of eight fields/],
    [HOST.replace(":1 ", ":a_b "), /"a_b" is not a foundation/],
    [HOST.replace(" 1 udp", " 0 udp"), /"0" is not a component/],
    [HOST.replace("udp", "sctp"), /"sctp" is not a transport/],
    [HOST.replace("2113937151", "4294967296"), /"4294967296" is not a priority/],
    [HOST.replace("50000", "65536"), /"65536" is not a port/],
    [HOST.replace("typ ", "type "), /"type" stands in place of "typ"/],
    [HOST.replace("host", `h${"o".repeat(100)}st`), /"ho{63}…" is not a type/],
    [`${HOST} raddr 192.0.2.7 rport x`, /"x" is not a port/],
    [`${HOST} tcptype maybe`, /"maybe" is not a type of TCP candidate/],
    [`${HOST} generation`, /"generation" has no value/],
    [`${HOST}\r\na=x`, /control characters/],
  ];
  for (const [candidate, problem] of wrongs) {
    const error = refusal(() => a.addRemote({ candidate, sdpMid: "0" }));
    assert.equal(error.kind, "OperationError", candidate);
    assert.match(error.message, problem);
  }
});

test("sdpMid, sdpMLineIndex and usernameFragment, right and wrong (webrtc-pc addIceCandidate)", () => {
  const [a] = connected();
  const kind = (input: Parameters<Side["addRemote"]>[0]): string => refusal(() => a.addRemote(input)).kind;
  assert.equal(a.addRemote({ candidate: HOST, sdpMid: "0", sdpMLineIndex: 7 }).length, 1);
  assert.equal(a.addRemote({ candidate: OTHER, sdpMLineIndex: 0 }).length, 1);
  assert.equal(kind({ candidate: HOST, sdpMid: "x", sdpMLineIndex: 0 }), "OperationError");
  assert.equal(kind({ candidate: HOST, sdpMLineIndex: 1 }), "OperationError");
  assert.equal(kind({ candidate: HOST, sdpMid: "0", usernameFragment: "nope" }), "OperationError");
  assert.equal(kind({ usernameFragment: "nope" }), "OperationError");
  assert.equal(kind({ candidate: "(Invalid) candidate \r\n string", sdpMid: "0" }), "OperationError");
  assert.equal(kind({ candidate: HOST }), "OperationError");
});

test("a candidate cannot smuggle lines into the description", () => {
  const [a] = connected();
  const candidate = `${HOST} generation 0\r\na=fingerprint:sha-256`;
  assert.equal(refusal(() => a.addRemote({ candidate, sdpMid: "0" })).kind, "OperationError");
});

test("a candidate whose own text names another generation is let pass and dropped", () => {
  const [a] = connected();
  assert.deepEqual(a.addRemote({ candidate: `${HOST} ufrag gone`, sdpMid: "0" }), []);
  assert.doesNotMatch(a.state.currentRemote!.sdp, /a=candidate/);
});

test("a candidate for an RTCP component of its own is kept in the text and used for nothing", () => {
  const [a, b] = connected();
  const rtcp = HOST.replace("candidate:1 1", "candidate:1 2");
  assert.deepEqual(a.addRemote({ candidate: rtcp, sdpMid: "0" }), []);
  assert.match(a.state.currentRemote!.sdp, /a=candidate:1 2 /);
  a.answer(`${b.createOffer()}a=${rtcp}\r\n`);
  assert.deepEqual(a.plan!.transports[0]!.remoteCandidates, []);
});

test("the end of candidates, for one section or for all", () => {
  const [a] = connected();
  assert.deepEqual(a.addRemote({}), [{ transport: 0, candidate: null }]);
  assert.match(a.state.currentRemote!.sdp, /a=end-of-candidates\r\n$/);
  assert.deepEqual(a.addRemote({ candidate: "", sdpMid: "0" }), []);
  assert.equal(a.state.transports[0]!.remoteEndOfCandidates, true);
});

test("candidates for a pending offer wait in it until it is answered", () => {
  const a = new Side("a");
  const b = new Side("b");
  b.setRemote("offer", a.offer({ dataChannel: true }));
  assert.deepEqual(b.addRemote({ candidate: HOST, sdpMid: "0" }), []);
  assert.deepEqual(b.addRemote({ sdpMid: "0" }), []);
  b.setLocal("answer", b.createAnswer());
  const [transport] = b.plan!.transports;
  assert.equal(transport!.remoteCandidates.length, 1);
  assert.equal(transport!.remoteEndOfCandidates, true);
  assert.match(b.state.currentRemote!.sdp, /a=candidate/);
});

test("while a restart by the peer is pending, candidates go by generation", () => {
  const [a, b] = connected();
  a.setRemote("offer", b.createOffer({ iceRestart: true }));
  assert.equal(a.addRemote({ candidate: HOST, sdpMid: "0", usernameFragment: "bbb0" }).length, 1);
  assert.equal(a.addRemote({ candidate: OTHER, sdpMid: "0", usernameFragment: "bbb1" }).length, 0);
  assert.match(a.state.currentRemote!.sdp, /50000 typ/);
  assert.match(a.state.pendingRemote!.sdp, /50001 typ/);
  a.setLocal("answer", a.createAnswer());
  assert.deepEqual(
    a.plan!.transports[0]!.remoteCandidates.map(({ port }) => port),
    [50_001],
  );
});

test("while an offer of ours is pending, the peer's candidates arrive still, and survive its rollback", () => {
  const [a] = connected();
  a.offer({ iceRestart: true });
  assert.equal(a.addRemote({ candidate: HOST, sdpMid: "0" }).length, 1);
  a.setLocal("rollback");
  assert.equal(a.state.transports[0]!.remoteCandidates.length, 1);
  assert.deepEqual(a.plan!.transports[0]!.remoteCandidates, []);
});

test("a candidate for a rejected section is no mistake, and of no use", () => {
  const a = new Side("a");
  const answer = new Side("b").answer(a.offer({ dataChannel: true })).replace("m=application 9", "m=application 0");
  a.setRemote("answer", answer.replace("BUNDLE 0", "BUNDLE"));
  assert.deepEqual(a.addRemote({ candidate: HOST, sdpMid: "0" }), []);
});

test("a peer cannot trickle without end", () => {
  const [a] = connected();
  for (let i = 0; i < MAX_REMOTE_CANDIDATES; i++)
    a.addRemote({ candidate: HOST.replace("50000", `${i + 1}`), sdpMid: "0" });
  assert.equal(refusal(() => a.addRemote({ candidate: HOST, sdpMid: "0" })).kind, "OperationError");
});

test("lines are put at the end of their sections, with the line ends of the text", () => {
  const at = (sdp: string, ...indices: number[]): string => insertIntoSections(sdp, [{ indices, line: "a=X" }]);
  assert.equal(at("v=0\r\nm=a\r\na=1\r\nm=b\r\n", 0), "v=0\r\nm=a\r\na=1\r\na=X\r\nm=b\r\n");
  assert.equal(at("v=0\r\nm=a\r\na=1\r\nm=b\r\n", 1), "v=0\r\nm=a\r\na=1\r\nm=b\r\na=X\r\n");
  assert.equal(at("v=0\nm=a\nm=b", 0, 1), "v=0\nm=a\na=X\nm=b\na=X\n");
  assert.equal(at("v=0\nm=a\n\n", 0), "v=0\nm=a\na=X\n");
});

test("the text of a description is the same however often it is read in between", () => {
  const texts = [true, false].map((reading) => {
    const [a] = connected();
    for (let i = 1; i <= 3; i++) {
      a.addRemote({ candidate: HOST.replace("50000", `${i}`), sdpMid: "0" });
      if (reading) assert.ok(a.state.currentRemote!.sdp.includes(` ${i} typ host`));
    }
    a.addRemote({ candidate: null, sdpMid: "0" });
    return a.state.currentRemote!.sdp;
  });
  assert.equal(texts[0], texts[1]);
  assert.match(texts[0]!, / 1 typ host.*\r\n.* 2 typ host.*\r\n.* 3 typ host.*\r\na=end-of-candidates\r\n$/);
});
