// a=cryptex in offer and answer (RFC 9335 §4), and the policy of webrtc-extensions.
import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate, refusal, Side, transceiver } from "#test/jsep-session.js";

const media = () => [transceiver("1", "audio"), transceiver("2", "video")];
const cryptexOf = (sdp: string): number[] =>
  sdp.split("\r\nm=").map((part) => part.split("\r\na=cryptex\r\n").length - 1);
const planOf = ({ plan }: Side) => plan!.transports.map(({ cryptex }) => cryptex);
const negotiated = ({ plan }: Side) => plan!.transceivers.map(({ media }) => media!.cryptex);
/** In each media section instead of once. */
const inSections = (sdp: string): string =>
  sdp.replace("a=cryptex\r\n", "").replaceAll("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=cryptex\r\n");

test("offered where it is asked for, answered where it is offered, at the level of the offer", () => {
  const plain = new Side("a").with(...media());
  assert.deepEqual(cryptexOf(plain.createOffer()), [0, 0, 0]);
  for (const rtpHeaderEncryptionPolicy of ["negotiate", "require"] as const) {
    const a = new Side("a", { rtpHeaderEncryptionPolicy }).with(...media());
    const b = new Side("b").with();
    const [offer, answer] = negotiate(a, b, { dataChannel: true });
    assert.deepEqual(cryptexOf(offer), [1, 0, 0, 0]);
    assert.deepEqual(cryptexOf(answer), [1, 0, 0, 0]);
    for (const side of [a, b]) {
      assert.deepEqual(planOf(side), [{ receive: true, send: true }]);
      assert.deepEqual(negotiated(side), [true, true]);
    }
    // Offered again by the one who was not asked for it: "the same procedures".
    assert.deepEqual(cryptexOf(b.createOffer()), [1, 0, 0, 0]);
  }
  const b = new Side("b").with();
  const answer = b.answer(
    inSections(new Side("a", { rtpHeaderEncryptionPolicy: "negotiate" }).with(...media()).offer()),
  );
  assert.deepEqual(cryptexOf(answer), [0, 1, 1]);
  assert.deepEqual(planOf(b), [{ receive: true, send: true }]);
});

test("what is not for RTP has none", () => {
  const a = new Side("a", { rtpHeaderEncryptionPolicy: "require" });
  const b = new Side("b", { rtpHeaderEncryptionPolicy: "require" });
  const [offer, answer] = negotiate(a, b, { dataChannel: true });
  assert.deepEqual([...cryptexOf(offer), ...cryptexOf(answer)], [0, 0, 0, 0]);
  assert.deepEqual(planOf(a), [{ receive: false, send: false }]);
});

test("a peer without it: nothing is sent so, and what was announced is understood", () => {
  const a = new Side("a", { rtpHeaderEncryptionPolicy: "negotiate" }).with(...media());
  const offer = a.offer();
  const understood = { receive: true, send: false };
  assert.deepEqual(planOf(a), [understood, understood], "from the offer on, on both transports");
  const answer = new Side("b").with().answer(offer.replace("a=cryptex\r\n", ""));
  assert.deepEqual(cryptexOf(answer), [0, 0, 0]);
  a.setRemote("answer", answer);
  assert.deepEqual(planOf(a), [understood]);
  assert.deepEqual(negotiated(a), [false, false]);
});

test("half of a bundle is none (RFC 9335 §4), what is not bundled decides for itself", () => {
  const offer = new Side("a").with(...media()).offer();
  const half = offer.replace("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=cryptex\r\n");
  const b = new Side("b").with();
  assert.deepEqual(cryptexOf(b.answer(half)), [0, 0, 0]);
  assert.deepEqual(planOf(b), [{ receive: false, send: false }]);
  const c = new Side("c").with();
  assert.deepEqual(cryptexOf(c.answer(half.replace(/a=group:BUNDLE.*\r\n/, ""))), [0, 1, 0]);
  assert.deepEqual(planOf(c), [
    { receive: true, send: true },
    { receive: false, send: false },
  ]);
});

test("required: descriptions without it are refused, those of data channels alone are not", () => {
  const offer = new Side("a").with(...media()).offer();
  const b = new Side("b", { rtpHeaderEncryptionPolicy: "require" }).with();
  const error = refusal(() => b.setRemote("offer", offer));
  assert.equal(error.kind, "InvalidAccessError");
  assert.match(error.message, /a=cryptex/);
  const a = new Side("a", { rtpHeaderEncryptionPolicy: "require" }).with(...media());
  const answer = new Side("b").with().answer(a.offer().replace("a=cryptex\r\n", ""));
  assert.equal(refusal(() => a.setRemote("answer", answer)).kind, "InvalidAccessError");
  b.answer(new Side("c").offer({ dataChannel: true }));
});

test("switched on and off when the session is negotiated anew, and back by a rollback", () => {
  const a = new Side("a", { rtpHeaderEncryptionPolicy: "negotiate" }).with(...media());
  const b = new Side("b").with();
  const exchange = (change: (sdp: string) => string): void => {
    a.setRemote("answer", b.answer(change(a.offer())));
  };
  exchange((sdp) => sdp.replace("a=cryptex\r\n", ""));
  assert.deepEqual([planOf(a)[0]!.send, planOf(b)[0]!.send, planOf(b)[0]!.receive], [false, false, false]);
  exchange((sdp) => sdp);
  assert.deepEqual([planOf(a)[0]!.send, planOf(b)[0]!.send, planOf(b)[0]!.receive], [true, true, true]);
  // A new offer of the peer without it: until it is answered nothing changes.
  const offer = b.offer().replace("a=cryptex\r\n", "");
  a.setRemote("offer", offer);
  assert.deepEqual(planOf(a), [{ receive: true, send: true }]);
  a.setRemote("rollback");
  assert.deepEqual(planOf(a), [{ receive: true, send: true }]);
  const answer = a.answer(offer);
  assert.deepEqual(cryptexOf(answer), [0, 0, 0]);
  b.setRemote("answer", answer);
  assert.deepEqual(planOf(a), [{ receive: false, send: false }]);
  assert.deepEqual(planOf(b), [{ receive: true, send: false }]);
});
