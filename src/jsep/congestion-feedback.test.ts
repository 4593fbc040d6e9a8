// Congestion control feedback of RFC 8888 in offer and answer: what libwebrtc does, whose Chromium 156 knows it as a field trial.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Side, transceiver } from "#test/jsep-session.js";
import { parseSdp } from "../sdp/parser.js";
import type { NegotiatedMedia } from "./negotiated-media.js";

const WILDCARD = "a=rtcp-fb:* ack ccfb";

function exchange(from: Side, to: Side): { offer: string; answer: string } {
  const offer = from.offer();
  const answer = to.answer(offer);
  from.setRemote("answer", answer);
  return { offer, answer };
}

function count(sdp: string, text: string): number {
  return sdp.split(text).length - 1;
}

function side(name: string, congestionFeedback?: boolean): Side {
  const out = new Side(name);
  out.inputs = { ...out.inputs, congestionFeedback };
  return out.with(transceiver(`${name}1`, "audio"), transceiver(`${name}2`, "video"));
}

function media(of: Side): readonly NegotiatedMedia[] {
  return of.state.slots.map((slot) => slot.media!);
}

function uses(of: Side): boolean[] {
  return media(of).map(({ sendCodecs, receiveCodecs }) =>
    [...sendCodecs, ...receiveCodecs].every(({ rtcpFeedback }) =>
      rtcpFeedback.some(({ type, parameter }) => type === "ack" && parameter === "ccfb"),
    ),
  );
}

test("not offered unless asked for; then beside transport-wide feedback, in each section, for all payload types", () => {
  assert.equal(count(side("a").createOffer(), "ccfb"), 0);
  const offer = side("a", true).createOffer({ dataChannel: true });
  assert.equal(count(offer, `${WILDCARD}\r\n`), 2);
  assert.equal(count(offer, "ccfb"), 2);
  assert.ok(offer.includes("transport-cc") && offer.includes("transport-wide-cc"));
  assert.ok(parseSdp(offer).ok);
});

test("taken: transport-wide feedback and its numbers go from the answer, the rest stays", () => {
  const a = side("a", true);
  const b = side("b");
  const answer = exchange(a, b).answer;
  assert.equal(count(answer, `${WILDCARD}\r\n`), 2);
  assert.equal(count(answer, "transport-cc"), 0);
  assert.equal(count(answer, "transport-wide-cc"), 0);
  assert.ok(answer.includes("a=rtcp-fb:96 goog-remb") && answer.includes("abs-send-time"));
  assert.deepEqual(
    [uses(a), uses(b)],
    [
      [true, true],
      [true, true],
    ],
  );
  for (const { headerExtensions } of [...media(a), ...media(b)]) {
    assert.ok(!headerExtensions.some(({ uri }) => uri.includes("transport-wide-cc")));
  }
});

test("as Chromium names it, payload type by payload type; and in the answer to us", () => {
  const each = (sdp: string): string =>
    sdp
      .split(`${WILDCARD}\r\n`)
      .join("")
      .replace(/a=rtpmap:(\d+) .*\r\n/g, (line, type) => `${line}a=rtcp-fb:${type} ack ccfb\r\n`);
  const a = side("a", true);
  const b = side("b");
  const offer = a.createOffer();
  a.setLocal("offer", offer);
  b.setRemote("offer", each(offer));
  const answer = b.createAnswer();
  assert.equal(count(answer, WILDCARD), 2);
  b.setLocal("answer", answer);
  a.setRemote("answer", each(answer));
  assert.deepEqual(
    [uses(a), uses(b)],
    [
      [true, true],
      [true, true],
    ],
  );
});

test("a section that lacks it, or a refusal of ours: transport-wide feedback as ever", () => {
  for (const [offer, b] of [
    [side("a", true).createOffer().replace(`${WILDCARD}\r\n`, ""), side("b")],
    [side("a", true).createOffer(), side("b", false)],
  ] as const) {
    b.setRemote("offer", offer);
    const answer = b.createAnswer();
    assert.equal(count(answer, "ccfb"), 0);
    assert.ok(answer.includes("transport-cc") && answer.includes("transport-wide-cc"));
  }
});

test("a data section has nothing to do with it", () => {
  const a = side("a", true);
  const b = side("b");
  const offer = a.createOffer({ dataChannel: true });
  b.setRemote("offer", offer);
  assert.equal(count(b.createAnswer(), WILDCARD), 2);
});

test("later offers: it stays, whoever makes them; and comes to new sections", () => {
  const a = side("a", true);
  const b = side("b");
  exchange(a, b);
  b.with(transceiver("b3", "video"));
  const { offer, answer } = exchange(b, a);
  assert.equal(count(offer, WILDCARD), 3);
  assert.equal(count(answer, WILDCARD), 3);
  assert.deepEqual(uses(a), [true, true, true]);
  // Not so where the answer did not have it.
  const plain = side("d");
  exchange(side("c"), plain);
  assert.equal(count(plain.createOffer(), "ccfb"), 0);
  const refused = side("e", true);
  exchange(refused, side("f", false));
  assert.deepEqual(uses(refused), [false, false]);
});

test("ccm tmmbr (RFC 5104 §7.1) is taken where it is offered, and not offered", () => {
  const a = side("a");
  const b = side("b");
  const offer = a.offer();
  assert.ok(!offer.includes("tmmbr"));
  const changed = offer.replace("a=rtcp-fb:96 ccm fir", "a=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 ccm tmmbr");
  const answer = b.answer(changed);
  assert.equal(count(answer, "a=rtcp-fb:96 ccm tmmbr\r\n"), 1);
  assert.equal(count(answer, "tmmbr"), 1);
  const codec = media(b)[1]!.sendCodecs.find(({ payloadType }) => payloadType === 96)!;
  assert.ok(codec.rtcpFeedback.some(({ type, parameter }) => type === "ccm" && parameter === "tmmbr"));
});
