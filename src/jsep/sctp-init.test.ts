// a=sctp-init (draft-hancke-tsvwg-snap-00) in offers and answers: who says it when, and what comes of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate, refusal, Side, transceiver } from "#test/jsep-session.js";

const DATA = { dataChannel: true };

/** A side whose INITs are "aa00", "aa01" …; what begins with "bad" is none. */
function side(name: string, configuration: ConstructorParameters<typeof Side>[1] = {}): Side {
  let made = 0;
  const create = (): string => `${name}${name}${String(made++).padStart(2, "0")}`;
  return new Side(name, { sctpInits: { create, isValid: (text) => !text.startsWith("bad") }, ...configuration });
}

function initOf(sdp: string): string | undefined {
  return /^a=sctp-init:(.*)\r$/m.exec(sdp)?.[1];
}

const withoutInit = (sdp: string): string => sdp.replace(/^a=sctp-init:.*\r\n/m, "");
const withInit = (sdp: string, init: string): string =>
  withoutInit(sdp).replace("a=sctp-port:", `a=sctp-init:${init}\r\na=sctp-port:`);
const fromElsewhere = (sdp: string, ufrag: string): string =>
  sdp.replace(/^(a=fingerprint:sha-256 )../gm, "$1EE").replace(/^a=ice-ufrag:.*(?=\r$)/gm, `a=ice-ufrag:${ufrag}`);

test("it is offered and answered, and later descriptions repeat it", () => {
  const [a, b] = [side("a"), side("b")];
  assert.deepEqual(negotiate(a, b, DATA).map(initOf), ["aa00", "bb00"]);
  assert.deepEqual(a.state.sctp!.snap, { localInit: "aa00", remoteInit: "bb00" });
  assert.deepEqual(b.state.sctp!.snap, { localInit: "bb00", remoteInit: "aa00" });
  assert.deepEqual(a.plan!.sctp!.snap, a.state.sctp!.snap);
  for (const parts of [{}, { iceRestart: true }, {}]) {
    assert.deepEqual(negotiate(b, a, parts).map(initOf), ["bb00", "aa00"]);
    assert.deepEqual(negotiate(a, b, parts).map(initOf), ["aa00", "bb00"]);
    assert.equal(a.plan!.newSctpAssociation, false);
    assert.deepEqual(a.state.sctp!.snap, { localInit: "aa00", remoteInit: "bb00" });
  }
});

test("only data sections have it, wherever they are", () => {
  const [a, b] = [side("a").with(transceiver("1", "audio")), side("b").with()];
  assert.deepEqual(negotiate(a, b).map(initOf), [undefined, undefined]);
  assert.deepEqual(negotiate(b, a, DATA).map(initOf), ["bb00", "aa00"]);
  const sections = b.state.currentLocal!.description.media;
  assert.deepEqual(
    sections.map(({ kind, sctpInit }) => [kind, sctpInit]),
    [
      ["audio", undefined],
      ["application", "bb00"],
    ],
  );
});

test("with the option off there is none, and none is taken", () => {
  const off = { sctpInits: undefined };
  for (const [a, b, lines] of [
    [side("a", off), side("b"), [undefined, undefined]],
    [side("a"), side("b", off), ["aa00", undefined]],
  ] as const) {
    assert.deepEqual(negotiate(a, b, DATA).map(initOf), lines);
    assert.equal(a.state.sctp!.snap, null);
    assert.equal(b.state.sctp!.snap, null);
    // What has begun with a handshake goes on with it: who adds a line to it breaks peers.
    assert.deepEqual(negotiate(a, b).map(initOf), [undefined, undefined]);
    assert.deepEqual(negotiate(b, a).map(initOf), [undefined, undefined]);
  }
  const b = side("b", off);
  b.answer(withInit(side("a").offer(DATA), "badd"));
  assert.equal(b.state.sctp!.snap, null);
});

test("a line that comes to an association with a handshake is no error, and is not answered (libwebrtc offers it)", () => {
  const [a, b] = [side("a", { sctpInits: undefined }), side("b")];
  negotiate(b, a, DATA);
  const offer = withInit(a.offer(), "aa77");
  const answer = b.answer(offer);
  assert.equal(initOf(answer), undefined);
  assert.equal(b.state.sctp!.snap, null);
});

test("what is no base64 is a syntax error, what is no INIT is refused", () => {
  const offer = side("a").offer(DATA);
  for (const init of ["", "a", "aaa", "aa=a", "a a=", "ab!c", "===="]) {
    const error = refusal(() => side("b").setRemote("offer", withInit(offer, init)));
    assert.equal(error.kind, "sdp-syntax-error", init);
  }
  assert.equal(refusal(() => side("b").setRemote("offer", withInit(offer, "badd"))).kind, "InvalidAccessError");
  const twice = offer.replace("a=sctp-port:", "a=sctp-init:aa99\r\na=sctp-port:");
  assert.equal(refusal(() => side("b").setRemote("offer", twice)).kind, "sdp-syntax-error");
  const a = side("a");
  const answer = side("b").answer(a.offer(DATA));
  assert.equal(refusal(() => a.setRemote("answer", withInit(answer, "badd"))).kind, "InvalidAccessError");
  assert.equal(a.state.signalingState, "have-local-offer");
  a.setRemote("answer", answer);
  // In a section that carries nothing it says nothing.
  const refused = withInit(side("c").offer(DATA), "badd").replace(/^m=application 9/m, "m=application 0");
  side("d").setRemote("offer", refused);
});

test("sections of before RFC 8841 have none", () => {
  const [a, b] = [side("a"), side("b")];
  const offer = a
    .offer(DATA)
    .replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000")
    .replace("a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 65535");
  assert.equal(initOf(b.answer(offer)), undefined);
  assert.equal(b.state.sctp!.snap, null);
});

test("an answer without it means a handshake", () => {
  const [a, b] = [side("a"), side("b")];
  a.setRemote("answer", withoutInit(b.answer(a.offer(DATA))));
  assert.equal(a.state.sctp!.snap, null);
  assert.deepEqual(b.state.sctp!.snap, { localInit: "bb00", remoteInit: "aa00" });
  assert.equal(initOf(a.createOffer()), undefined);
});

test("an answer that repeats the offer's own line means a handshake (libdatachannel)", () => {
  const [a, b] = [side("a"), side("b", { sctpInits: undefined })];
  const offer = a.offer(DATA);
  a.setRemote("answer", withInit(b.answer(offer), initOf(offer)!));
  assert.equal(a.state.sctp!.snap, null);
  assert.equal(initOf(a.createOffer()), undefined);
});

test("of an association that goes on the peer's value stays, or is left out", () => {
  const [a, b] = [side("a"), side("b")];
  negotiate(a, b, DATA);
  const again = b.createOffer({ iceRestart: true });
  assert.equal(refusal(() => a.setRemote("offer", withInit(again, "bb99"))).kind, "InvalidAccessError");
  b.setLocal("offer", again);
  const answer = a.answer(withoutInit(again));
  assert.equal(initOf(answer), undefined);
  assert.deepEqual(a.state.sctp!.snap, { localInit: "aa00", remoteInit: "bb00" });
  b.setRemote("answer", answer);
  assert.deepEqual(b.state.sctp!.snap, { localInit: "bb00", remoteInit: "aa00" });
  const offer = a.offer();
  assert.equal(initOf(offer), "aa00");
  const last = b.answer(offer);
  assert.equal(refusal(() => a.setRemote("answer", withInit(last, "bb99"))).kind, "InvalidAccessError");
  a.setRemote("answer", last);
});

test("another DTLS association has another value", () => {
  const [a, b] = [side("a"), side("b")];
  negotiate(a, b, DATA);
  // The call is handed over to another endpoint, which offers.
  const offer = withInit(fromElsewhere(b.offer({ iceRestart: true }), "other"), "cc00");
  assert.equal(initOf(a.answer(offer)), "aa01");
  assert.equal(a.plan!.transports[0]!.newDtlsAssociation, true);
  assert.deepEqual(a.state.sctp!.snap, { localInit: "aa01", remoteInit: "cc00" });
  // Another one answers our offer, which cannot know that.
  const [c, d] = [side("a"), side("b")];
  negotiate(c, d, DATA);
  const restart = c.offer({ iceRestart: true });
  c.setRemote("answer", withInit(fromElsewhere(d.answer(restart), "other"), "cc00"));
  assert.equal(c.plan!.transports[0]!.newDtlsAssociation, true);
  assert.deepEqual(c.state.sctp!.snap, { localInit: "aa00", remoteInit: "cc00" });
});

test("another SCTP port is another association with another value", () => {
  const [a, b] = [side("a"), side("b")];
  negotiate(a, b, DATA);
  b.inputs = { ...b.inputs, sctpPort: 5001 };
  const answer = a.answer(withInit(b.offer(), "bb55"));
  assert.equal(initOf(answer), "aa01");
  assert.equal(a.plan!.newSctpAssociation, true);
  assert.deepEqual(a.state.sctp!.snap, { localInit: "aa01", remoteInit: "bb55" });
});

test("a section that is refused and offered again is another association", () => {
  const [a, b] = [side("a").with(transceiver("1", "audio")), side("b").with()];
  const offer = a.offer(DATA);
  b.setRemote("offer", offer);
  const answer = b.createAnswer();
  const rejected = answer.replace(/^m=application 9/m, "m=application 0").replace("BUNDLE 0 1", "BUNDLE 0");
  b.setLocal("answer", rejected);
  a.setRemote("answer", b.state.currentLocal!.sdp);
  assert.equal(a.state.sctp, null);
  assert.deepEqual(negotiate(a, b, DATA).map(initOf), ["aa01", "bb01"]);
  assert.deepEqual(b.state.sctp!.snap, { localInit: "bb01", remoteInit: "aa01" });
});

test("an offer that is made anew before it is answered says the same", () => {
  const [a, b] = [side("a"), side("b")];
  assert.equal(initOf(a.createOffer(DATA)), "aa00");
  assert.equal(initOf(a.offer(DATA)), "aa00");
  assert.equal(initOf(a.offer(DATA)), "aa00");
  a.setLocal("rollback");
  assert.equal(a.state.sctp, null);
  const answer = a.answer(b.offer(DATA));
  assert.equal(initOf(answer), "aa00");
  b.setRemote("answer", answer);
  assert.deepEqual(b.state.sctp!.snap, { localInit: "bb00", remoteInit: "aa00" });
});

test("what was negotiated survives a rollback", () => {
  const [a, b] = [side("a"), side("b")];
  negotiate(a, b, DATA);
  a.offer({ iceRestart: true });
  a.setLocal("rollback");
  a.setRemote("offer", b.offer());
  a.setRemote("rollback");
  assert.deepEqual(a.state.sctp!.snap, { localInit: "aa00", remoteInit: "bb00" });
  assert.equal(initOf(a.createOffer()), "aa00");
});

test("a provisional answer begins the association, the final one goes on with it", () => {
  for (const late of [false, true]) {
    const [a, b] = [side("a"), side("b")];
    b.setRemote("offer", a.offer(DATA));
    const provisional = b.createAnswer();
    b.setLocal("pranswer", provisional);
    a.setRemote("pranswer", late ? withoutInit(provisional) : provisional);
    const before = late ? null : { localInit: "aa00", remoteInit: "bb00" };
    assert.deepEqual(a.state.sctp!.snap, before);
    const final = b.createAnswer();
    assert.equal(initOf(final), "bb00");
    b.setLocal("answer", final);
    a.setRemote("answer", final);
    assert.deepEqual(a.state.sctp!.snap, before);
    assert.deepEqual(b.state.sctp!.snap, { localInit: "bb00", remoteInit: "aa00" });
    assert.equal(initOf(a.createOffer()), late ? undefined : "aa00");
  }
});

test("the answer of another endpoint than that of the provisional one has a value of its own", () => {
  const [a, b] = [side("a"), side("b")];
  const answer = b.answer(a.offer(DATA));
  a.setRemote("pranswer", answer);
  a.setRemote("answer", withInit(fromElsewhere(answer, "other"), "cc00"));
  assert.equal(a.plan!.transports[0]!.newDtlsAssociation, true);
  assert.deepEqual(a.state.sctp!.snap, { localInit: "aa00", remoteInit: "cc00" });
});

test("a program may take the line out of our description, but write no other", () => {
  const [a, b] = [side("a"), side("b")];
  const offer = a.createOffer(DATA);
  assert.equal(refusal(() => a.setLocal("offer", withInit(offer, "aa99"))).kind, "InvalidModificationError");
  a.setLocal("offer", withoutInit(offer));
  // Even if the peer got the line.
  a.setRemote("answer", b.answer(offer));
  assert.equal(a.state.sctp!.snap, null);

  const [c, d] = [side("a"), side("b")];
  d.setRemote("offer", c.offer(DATA));
  const answer = d.createAnswer();
  assert.equal(refusal(() => d.setLocal("answer", withInit(answer, "bb99"))).kind, "InvalidModificationError");
  d.setLocal("answer", withoutInit(answer));
  assert.equal(d.state.sctp!.snap, null);
  const off = side("a", { sctpInits: undefined });
  const plain = off.createOffer(DATA);
  assert.equal(refusal(() => off.setLocal("offer", withInit(plain, "aa99"))).kind, "InvalidModificationError");
});
