import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { negotiate, refusal, Side } from "#test/jsep-session.js";
import { localIceParameters } from "./state.js";

const folder = fileURLToPath(new URL("../../test/vectors/sdp/", import.meta.url));
const vector = (name: string): string => readFileSync(`${folder}${name}.sdp`, "utf8");

const HOST = "candidate:1 1 udp 2113937151 192.0.2.1 50000 typ host";

function connected(): [Side, Side] {
  const a = new Side("a");
  const b = new Side("b");
  negotiate(a, b, { dataChannel: true });
  return [a, b];
}

/** An offer of the peer's for a session that is negotiated, changed. */
function reoffer(change: (sdp: string) => string): { a: Side; b: Side; offer: string } {
  const [a, b] = connected();
  return { a, b, offer: change(b.createOffer()) };
}

test("a local offer: a transport to make and to gather for, nothing of the peer yet (RFC 9429 §5.9)", () => {
  const a = new Side("a");
  a.offer({ dataChannel: true });
  const plan = a.plan!;
  assert.equal(a.state.signalingState, "have-local-offer");
  assert.equal(plan.transports.length, 1);
  const [transport] = plan.transports;
  assert.deepEqual(transport!.mids, ["0"]);
  assert.deepEqual(transport!.local, { usernameFragment: "aaa0", password: "aPasswordOfEnoughLength0" });
  assert.ok(transport!.isNew && transport!.gather && transport!.localChanged);
  assert.equal(transport!.remote, null);
  assert.equal(transport!.iceRole, "controlling");
  assert.equal(transport!.dtlsRole, null);
  assert.equal(transport!.iceRestart, false);
  assert.equal(plan.sctp, null);
  assert.deepEqual(
    plan.slots.map(({ index, before, after }) => [index, before, after!.mid]),
    [[0, undefined, "0"]],
  );
});

test("a remote answer: where to check, whom to trust, which role (RFC 9429 §5.10, §5.11)", () => {
  const [a, b] = connected();
  const [transport] = a.plan!.transports;
  assert.equal(a.state.signalingState, "stable");
  assert.equal(transport!.isNew, false);
  assert.equal(transport!.gather, false);
  assert.ok(transport!.remoteChanged);
  assert.equal(transport!.remote!.usernameFragment, "bbb0");
  assert.equal(transport!.remote!.fingerprints[0]!.value.slice(0, 2), "BB");
  assert.equal(a.state.transports[0]!.iceRole, "controlling");
  assert.equal(transport!.dtlsRole, "server");
  assert.equal(transport!.newDtlsAssociation, false);
  assert.deepEqual(a.plan!.sctp, {
    mid: "0",
    index: 0,
    transport: 0,
    localPort: 5000,
    remotePort: 5000,
    localMaxMessageSize: 262_144,
    remoteMaxMessageSize: 262_144,
    snap: null,
  });
  assert.equal(a.plan!.sctpChanged, true);
  assert.equal(a.state.currentLocal!.type, "offer");
  assert.equal(a.state.currentRemote!.type, "answer");
  assert.equal(a.state.pendingLocal, null);

  const [theirs] = b.plan!.transports;
  assert.equal(theirs!.iceRole, "controlled");
  assert.equal(theirs!.dtlsRole, "client");
  assert.ok(theirs!.gather && theirs!.remoteChanged);
  assert.equal(theirs!.remote!.usernameFragment, "aaa0");
});

test("a remote offer: the transport is there, with nothing to do for it until it is answered", () => {
  const b = new Side("b");
  b.setRemote("offer", vector("chromium-data-offer-gathered"));
  const [transport] = b.plan!.transports;
  assert.equal(transport!.isNew, true);
  assert.equal(transport!.local, null);
  assert.equal(transport!.remote, null);
  assert.equal(transport!.gather, false);
  assert.equal(b.plan!.sctp, null);
  b.setLocal("answer", b.createAnswer());
  assert.equal(b.plan!.transports[0]!.id, transport!.id);
  assert.equal(b.plan!.transports[0]!.isNew, false);
  assert.equal(b.plan!.transports[0]!.iceRestart, false);
  assert.equal(b.plan!.transports[0]!.remoteCandidates.length, 2);
});

test("only what was created last can be set locally; empty text stands for it (RFC 9429 §5.4)", () => {
  const a = new Side("a");
  const kind = (call: () => unknown): string => refusal(call).kind;
  assert.equal(
    kind(() => a.setLocal("offer")),
    "InvalidModificationError",
  );
  const first = a.createOffer({ dataChannel: true });
  const last = a.createOffer({ dataChannel: true });
  assert.equal(
    kind(() => a.setLocal("offer", first)),
    "InvalidModificationError",
  );
  assert.equal(
    kind(() => a.setLocal("offer", `${last}a=x\r\n`)),
    "InvalidModificationError",
  );
  a.setLocal("offer");
  assert.equal(a.state.pendingLocal!.sdp, last);

  const b = new Side("b");
  b.setRemote("offer", last);
  assert.equal(
    kind(() => b.setLocal("answer", last)),
    "InvalidModificationError",
  );
  b.createAnswer();
  b.setLocal("answer");
  a.setRemote("answer", b.state.currentLocal!.sdp);
  // An answer is good for its offer, also when that was taken back and comes again, and for no other.
  const c = new Side("c");
  c.setRemote("offer", last);
  const answer = c.createAnswer();
  c.setRemote("rollback");
  const other = new Side("a").createOffer({ dataChannel: true });
  c.setRemote("offer", other);
  assert.equal(
    kind(() => c.setLocal("answer", answer)),
    "InvalidModificationError",
  );
  c.setRemote("rollback");
  c.setRemote("offer", last);
  c.setLocal("answer", answer);
  const { transports, slots, currentLocal } = c.state;
  assert.equal(currentLocal!.sdp, answer);
  assert.deepEqual([transports.map(({ id }) => id), transports[0]!.local !== null], [[slots[0]!.transport], true]);
  // An offer from before that exchange.
  assert.equal(
    kind(() => a.setLocal("offer", last)),
    "InvalidModificationError",
  );
});

test("a wrong type for the state comes before any look at the text", () => {
  const a = new Side("a");
  for (const call of [
    () => a.setRemote("answer", "invalid"),
    () => a.setLocal("answer", "invalid"),
    () => a.setRemote("pranswer", "invalid"),
    () => a.setLocal("rollback"),
    () => a.setRemote("rollback"),
  ]) {
    assert.equal(refusal(call).kind, "InvalidStateError");
  }
});

test("a syntax error has its line", () => {
  const error = refusal(() => new Side("b").setRemote("offer", "v=0\r\nfoo\r\n"));
  assert.equal(error.kind, "sdp-syntax-error");
  assert.equal(error.line, 2);
});

test("rollback of a local offer discards what it made; the offer can be set again (RFC 9429 §5.7)", () => {
  const a = new Side("a");
  const offer = a.offer({ dataChannel: true });
  const plan = a.setLocal("rollback", "anything");
  assert.equal(a.state.signalingState, "stable");
  assert.deepEqual(plan.discardedTransports, [0]);
  assert.deepEqual(plan.transports, []);
  assert.deepEqual(
    plan.slots.map(({ after }) => after),
    [undefined],
  );
  assert.equal(a.state.pendingLocal, null);
  a.setLocal("offer", offer);
  assert.equal(a.plan!.transports[0]!.isNew, true);
  assert.equal(a.plan!.transports[0]!.gather, true);
});

test("rollback of a remote offer", () => {
  const b = new Side("b");
  b.setRemote("offer", new Side("a").createOffer({ dataChannel: true }));
  assert.equal(refusal(() => b.setLocal("rollback")).kind, "InvalidStateError");
  b.setRemote("rollback");
  assert.deepEqual(b.plan!.discardedTransports, [0]);
  assert.deepEqual(b.state.slots, []);
  assert.equal(b.state.pendingRemote, null);
});

test("an offer made before a remote offer that is rolled back is still good", () => {
  const a = new Side("a");
  const offer = a.createOffer({ dataChannel: true });
  a.setRemote("offer", new Side("b").createOffer({ dataChannel: true }));
  a.createAnswer();
  a.setRemote("rollback");
  a.setLocal("offer", offer);
  assert.equal(a.state.signalingState, "have-local-offer");
});

test("rollback of a restart goes back to the parameters and candidates in use", () => {
  const [a] = connected();
  a.addLocal(0, "aaa0", HOST);
  a.offer({ iceRestart: true });
  assert.equal(a.plan!.transports[0]!.iceRestart, true);
  assert.equal(a.plan!.transports[0]!.gather, true);
  a.setLocal("rollback");
  const [transport] = a.plan!.transports;
  assert.equal(transport!.local!.usernameFragment, "aaa0");
  assert.ok(transport!.localChanged && transport!.iceRestart);
  assert.equal(transport!.gather, false);
  assert.deepEqual(a.plan!.discardedTransports, []);
  assert.equal(a.state.transports[0]!.localCandidates.length, 1);
  assert.equal(a.plan!.sctpChanged, false);
});

test("glare: a remote offer in have-local-offer needs the rollback first (webrtc-pc)", () => {
  const [a, b] = connected();
  a.offer();
  const offer = b.offer();
  assert.equal(refusal(() => a.setRemote("offer", offer)).kind, "InvalidStateError");
  a.setLocal("rollback");
  b.setRemote("answer", a.answer(offer));
  assert.equal(b.state.signalingState, "stable");
});

test("an ICE restart by us (RFC 9429 §5.2.3.1, §5.10)", () => {
  const [a, b] = connected();
  const [offer, answer] = negotiate(a, b, { iceRestart: true });
  assert.match(offer, /a=ice-ufrag:aaa1/);
  assert.match(answer, /a=ice-ufrag:bbb1/);
  for (const side of [a, b]) {
    const [transport] = side.plan!.transports;
    assert.ok(transport!.remoteChanged && transport!.iceRestart);
    assert.equal(transport!.newDtlsAssociation, false);
    assert.deepEqual(side.plan!.discardedTransports, []);
    assert.equal(side.plan!.newSctpAssociation, false);
  }
  assert.equal(b.plan!.transports[0]!.gather, true);
  assert.deepEqual(localIceParameters(a.state), [{ usernameFragment: "aaa1", password: "aPasswordOfEnoughLength1" }]);
});

test("after a restart, who offered it controls, as in browsers; else roles stay what conflicts have made of them", () => {
  const [a, b] = connected();
  const roles = (): unknown[] => [a, b].map((side) => side.state.transports[0]!.iceRole);
  const told = (): unknown[] => [a, b].map((side) => side.plan!.transports[0]!.iceRole);
  assert.deepEqual(roles(), ["controlling", "controlled"]);
  negotiate(b, a);
  assert.deepEqual(roles(), ["controlling", "controlled"]);
  assert.deepEqual(told(), [null, null]);
  negotiate(b, a, { iceRestart: true });
  assert.deepEqual(roles(), ["controlled", "controlling"]);
  assert.deepEqual(told(), ["controlled", "controlling"]);
  negotiate(b, a, { iceRestart: true });
  assert.deepEqual(told(), [null, null]);
});

test("ICE lite decides who controls (RFC 8445 §6.1.1)", () => {
  const full = new Side("a");
  const lite = new Side("b", { iceLite: true });
  negotiate(full, lite, { dataChannel: true });
  assert.equal(full.state.transports[0]!.iceRole, "controlling");
  assert.equal(full.plan!.transports[0]!.remote!.iceLite, true);
  assert.equal(lite.state.transports[0]!.iceRole, "controlled");
  const fullToo = new Side("a");
  const liteToo = new Side("b", { iceLite: true });
  negotiate(liteToo, fullToo, { dataChannel: true });
  assert.equal(fullToo.state.transports[0]!.iceRole, "controlling");
  assert.equal(liteToo.state.transports[0]!.iceRole, "controlled");
});

test("an answer may restart ICE on its own, but not ignore the restart of the offer (RFC 9429 §5.10)", () => {
  {
    const [a, b] = connected();
    const answer = b.answer(a.offer()).replace("a=ice-ufrag:bbb0", "a=ice-ufrag:zzzz");
    a.setRemote("answer", answer);
    const { localChanged, remoteChanged, newDtlsAssociation, remote } = a.plan!.transports[0]!;
    assert.deepEqual([localChanged, remoteChanged, newDtlsAssociation], [false, true, false]);
    assert.equal(remote!.usernameFragment, "zzzz");
  }
  {
    const [a, b] = connected();
    const answer = b
      .answer(a.offer({ iceRestart: true }))
      .replace(/bbb1/, "bbb0")
      .replace(/Length1/, "Length0");
    assert.match(refusal(() => a.setRemote("answer", answer)).message, /old parameters/);
  }
});

test("a restart is a change of either of the two parameters (RFC 9429 §5.10)", () => {
  for (const change of ["a=ice-ufrag:zzzz", "a=ice-pwd:AnotherPasswordOfEnoughLength"]) {
    const name = change.slice(0, change.indexOf(":"));
    const { a, offer } = reoffer((sdp) => sdp.replace(new RegExp(`${name}:.*`), change));
    assert.match(a.answer(offer), /a=ice-ufrag:aaa1/);
    assert.equal(a.plan!.transports[0]!.iceRestart, true);
  }
});

test("another endpoint may answer (a call handed over): new ICE, new DTLS, the transport stays", () => {
  const [a] = connected();
  const second = new Side("b");
  second.inputs = { ...second.inputs, fingerprints: [{ algorithm: "sha-256", value: "CC:".repeat(31).concat("CC") }] };
  const offer = a.offer();
  const answer = second.answer(offer).replace("a=ice-ufrag:bbb0", "a=ice-ufrag:cccc");
  a.setRemote("answer", answer);
  const [transport] = a.plan!.transports;
  assert.ok(transport!.newDtlsAssociation && transport!.remoteChanged);
  assert.equal(transport!.id, 0);
  assert.deepEqual(a.plan!.discardedTransports, []);
});

test("another fingerprint without a restart is refused, with one it is a new association (RFC 9429 §5.11)", () => {
  const other = `a=fingerprint:sha-256 ${"CC:".repeat(31)}CC`;
  {
    const { a, offer } = reoffer((sdp) => sdp.replace(/a=fingerprint.*/, other));
    assert.match(refusal(() => a.setRemote("offer", offer)).message, /fingerprint/);
  }
  {
    const { a, offer } = reoffer((sdp) =>
      sdp.replace(/a=fingerprint.*/, other).replace("a=ice-ufrag:bbb0", "a=ice-ufrag:zzzz"),
    );
    a.answer(offer);
    assert.equal(a.plan!.transports[0]!.newDtlsAssociation, true);
  }
  {
    // More fingerprints of the same certificate are no change.
    const { a, offer } = reoffer((sdp) =>
      sdp.replace(/(a=fingerprint.*)/, `$1\r\na=fingerprint:sha-1 ${"CC:".repeat(19)}CC`),
    );
    a.answer(offer);
    assert.equal(a.plan!.transports[0]!.newDtlsAssociation, false);
  }
});

test("the DTLS roles of an association do not change (RFC 9429 §5.8.3)", () => {
  // The peer answered as the client: it may offer actpass or active, not passive.
  const { a, offer } = reoffer((sdp) => sdp.replace("actpass", "passive"));
  assert.match(refusal(() => a.setRemote("offer", offer)).message, /a=setup:passive/);
  a.answer(offer.replace("a=setup:passive", "a=setup:active"));
  assert.equal(a.plan!.transports[0]!.dtlsRole, "server");

  const [c, d] = connected();
  const answer = d.answer(c.offer());
  assert.match(answer, /a=setup:active/);
  assert.match(refusal(() => c.setRemote("answer", answer.replace("active", "passive"))).message, /roles/);
});

test("with a restart a peer that claims another role keeps the one it has (Firefox)", () => {
  const [a, b] = connected();
  // Now b offers, and is the client still.
  const answer = a.answer(b.offer({ iceRestart: true }));
  assert.match(answer, /a=setup:passive/);
  b.setRemote("answer", answer.replace("passive", "active"));
  assert.equal(b.plan!.transports[0]!.dtlsRole, "client");
  assert.equal(b.plan!.transports[0]!.newDtlsAssociation, false);
});

test("an answer without a=setup: the answerer is the client", () => {
  const a = new Side("a");
  const answer = new Side("b").answer(a.offer({ dataChannel: true })).replace(/a=setup.*\r\n/, "");
  a.setRemote("answer", answer);
  assert.equal(a.plan!.transports[0]!.dtlsRole, "server");
});

test("a provisional answer connects, and the final one closes the exchange (RFC 9429 §4.1.10.1)", () => {
  const a = new Side("a");
  const b = new Side("b");
  const offer = a.offer({ dataChannel: true });
  b.setRemote("offer", offer);
  const provisional = b.createAnswer();
  b.setLocal("pranswer", provisional);
  assert.equal(b.state.signalingState, "have-local-pranswer");
  assert.equal(b.state.pendingLocal!.type, "pranswer");
  assert.equal(b.state.currentLocal, null);
  assert.equal(b.plan!.transports[0]!.gather, true);
  a.setRemote("pranswer", provisional);
  assert.equal(a.state.signalingState, "have-remote-pranswer");
  assert.notEqual(a.state.sctp, null);
  const answer = b.createAnswer();
  b.setLocal("answer", answer);
  assert.equal(b.plan!.transports[0]!.localChanged, false);
  a.setRemote("answer", answer);
  assert.equal(a.plan!.transports[0]!.remoteChanged, false);
  for (const side of [a, b]) {
    assert.equal(side.state.signalingState, "stable");
    assert.equal(side.state.stable, null);
    assert.equal(side.state.pendingLocal, null);
  }
  assert.equal(b.state.currentLocal!.type, "answer");
});

test("rollback of a provisional answer", () => {
  const a = new Side("a");
  const b = new Side("b");
  b.setRemote("offer", a.offer({ dataChannel: true }));
  b.setLocal("pranswer", b.createAnswer());
  b.setLocal("rollback");
  assert.equal(b.state.signalingState, "stable");
  assert.deepEqual(b.state.transports, []);
  assert.equal(b.state.sctp, null);
});

test("a pending remote offer is replaced by the next one, which keeps what it has in common", () => {
  const a = new Side("a");
  const b = new Side("b");
  b.setRemote("offer", a.offer({ dataChannel: true }));
  const [transport] = b.state.transports;
  b.setRemote("offer", a.offer({ dataChannel: true }));
  assert.deepEqual(b.plan!.slots, []);
  assert.equal(b.state.transports[0]!.id, transport!.id);
  assert.deepEqual(b.plan!.discardedTransports, []);
  b.setLocal("answer", b.createAnswer());
});

test("candidates in a re-offer are handed over once", () => {
  const [a, b] = connected();
  b.addLocal(0, "bbb0", HOST);
  const offer = b.offer();
  b.setRemote("answer", a.answer(offer));
  assert.equal(a.plan!.transports[0]!.remoteCandidates.length, 1);
  b.addLocal(0, "bbb0", HOST.replace("50000", "50001"));
  b.addLocal(0, "bbb0", null);
  b.setRemote("answer", a.answer(b.offer()));
  assert.deepEqual(
    a.plan!.transports[0]!.remoteCandidates.map(({ port }) => port),
    [50_001],
  );
  assert.equal(a.plan!.transports[0]!.remoteEndOfCandidates, true);
  b.setRemote("answer", a.answer(b.offer()));
  assert.deepEqual(a.plan!.transports[0]!.remoteCandidates, []);
  assert.equal(a.plan!.transports[0]!.remoteEndOfCandidates, false);
});

test("another SCTP port is another association (RFC 9429 §5.11)", () => {
  const { a, offer } = reoffer((sdp) => sdp.replace("sctp-port:5000", "sctp-port:5001"));
  a.answer(offer);
  assert.ok(a.plan!.sctpChanged && a.plan!.newSctpAssociation);
  assert.equal(a.plan!.sctp!.remotePort, 5001);
});

test("a peer that stops the data section takes its transport with it", () => {
  const { a, offer } = reoffer((sdp) =>
    sdp.replace("m=application 9", "m=application 0").replace("BUNDLE 0", "BUNDLE"),
  );
  a.setRemote("offer", offer);
  assert.equal(a.plan!.slots[0]!.after!.rejected, true);
  // The offer can still be rolled back.
  assert.deepEqual(a.plan!.discardedTransports, []);
  assert.match(a.createAnswer(), /m=application 0 /);
  a.setLocal("answer");
  assert.deepEqual(a.plan!.discardedTransports, [0]);
  assert.equal(a.plan!.sctp, null);
  assert.ok(a.plan!.sctpChanged);
  // And a data channel that is wanted again gets the line back, with a mid of its own.
  const again = a.offer({ dataChannel: true });
  assert.match(again, /m=application 9 /);
  assert.match(again, /a=mid:1\r\n/);
  assert.equal(a.plan!.transports[0]!.id, 1);
});

test("an answer that refuses the data section leaves nothing", () => {
  const a = new Side("a");
  const answer = new Side("b")
    .answer(a.offer({ dataChannel: true }))
    .replace("m=application 9", "m=application 0")
    .replace("a=group:BUNDLE 0", "a=group:BUNDLE");
  a.setRemote("answer", answer);
  assert.deepEqual(a.state.transports, []);
  assert.equal(a.state.sctp, null);
  assert.equal(a.state.slots[0]!.rejected, true);
});

test("an answer without mids goes by the order of sections", () => {
  const a = new Side("a");
  const answer = new Side("b")
    .answer(a.offer({ dataChannel: true }))
    .replace(/a=mid.*\r\n/, "")
    .replace(/a=group.*\r\n/, "");
  a.setRemote("answer", answer);
  assert.equal(a.plan!.transports[0]!.remote!.usernameFragment, "bbb0");
  // The next offer has them again.
  assert.match(a.createOffer(), /a=mid:0/);
});

test("canTrickleIceCandidates follows the remote description", () => {
  const b = new Side("b");
  assert.equal(b.state.canTrickleIceCandidates, null);
  b.setRemote("offer", vector("firefox-data-offer"));
  assert.equal(b.state.canTrickleIceCandidates, true);
  b.setRemote("offer", vector("firefox-data-offer").replace(/a=ice-options.*\r\n/, ""));
  assert.equal(b.state.canTrickleIceCandidates, false);
});

test("the recorded renegotiation of two browsers: restart, same association", () => {
  for (const browser of ["chromium", "firefox"]) {
    const b = new Side("b");
    b.answer(vector(`${browser}-data-offer-gathered`));
    b.answer(vector(`${browser}-data-restart-offer`));
    const [transport] = b.plan!.transports;
    assert.ok(transport!.iceRestart && transport!.remoteChanged && transport!.gather, browser);
    assert.equal(transport!.newDtlsAssociation, false);
    assert.equal(transport!.dtlsRole, "client");
  }
});

test("the recorded stop and recycling of an m-line by browsers, as their answerer", () => {
  for (const browser of ["chromium", "firefox"]) {
    const b = new Side("b");
    b.answer(vector(`${browser}-av-offer-gathered-balanced`));
    b.answer(vector(`${browser}-av-stopped-offer`));
    assert.equal(b.state.slots.length, 4);
    const before = b.state.transports[0]!.id;
    b.answer(vector(`${browser}-av-recycled-offer`));
    assert.equal(b.state.transports[0]!.id, before);
    assert.notEqual(b.state.sctp, null);
  }
});

test("a state is never changed by what is made from it", () => {
  const deepFreeze = <T>(value: T): T => {
    if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
      Object.freeze(value);
      for (const inner of Object.values(value)) deepFreeze(inner);
    }
    return value;
  };
  const a = new Side("a");
  const b = new Side("b");
  const frozen = (side: Side): Side => {
    side.state = deepFreeze(side.state);
    return side;
  };
  for (let round = 0; round < 3; round++) {
    const offer = frozen(a).createOffer({ dataChannel: true, iceRestart: round === 1 });
    frozen(a).setLocal("offer", offer);
    frozen(a).addLocal(0, `aaa${round === 0 ? 0 : 1}`, HOST);
    frozen(b).setRemote("offer", offer);
    frozen(b).addRemote({ candidate: HOST, sdpMid: "0" });
    const answer = frozen(b).createAnswer();
    frozen(b).setLocal("answer", answer);
    frozen(a).setRemote("answer", answer);
    frozen(a).addRemote({ candidate: HOST, sdpMid: "0" });
  }
});
