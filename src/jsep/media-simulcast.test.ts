// Simulcast in offers and answers (RFC 8853, RFC 8851).
import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate, Side, transceiver } from "#test/jsep-session.js";
import { encodings, lines, planOf } from "./media-testing.test.js";

test("simulcast that we send: offered and cut down (RFC 8853, RFC 8851)", () => {
  const sender = { encodings: encodings("q", "h", "f") };
  const offerer = (): Side => new Side("a").with(transceiver("1", "video", { sender }));
  const a = offerer();
  const [offer, answer] = negotiate(a, new Side("b").with());
  assert.deepEqual(lines(offer, "a=simulcast"), ["a=simulcast:send q;h;f"]);
  assert.deepEqual(lines(offer, "a=ssrc"), []);
  assert.match(offer, /dependency-descriptor/);
  assert.deepEqual(lines(answer, "a=rid"), ["a=rid:q recv", "a=rid:h recv", "a=rid:f recv"]);
  assert.deepEqual(lines(answer, "a=simulcast"), ["a=simulcast:recv q;h;f"]);
  const rids = (side: Side) => planOf(side, "1").media!.sendRids.map(({ rid, paused }) => (paused ? `~${rid}` : rid));
  assert.deepEqual(rids(a), ["q", "h", "f"]);

  const changed = (change: (answer: string) => string): [string[], readonly string[]] => {
    const side = offerer();
    side.setRemote("answer", change(new Side("b").with().answer(side.offer())));
    return [rids(side), planOf(side, "1").media!.removedSendRids];
  };
  assert.deepEqual(
    changed((sdp) => sdp.replace("recv q;h;f", "recv q;~f")),
    [["q", "~f"], ["h"]],
  );
  assert.deepEqual(
    changed((sdp) => sdp.replace(/a=(rid|simulcast).*\r\n/g, "")),
    [[], ["q", "h", "f"]],
  );
});

test("simulcast that we receive: taken, kept in our own offers, restrictions passed on (RFC 8851 §6)", () => {
  const a = new Side("a").with(transceiver("1", "video", { sender: { encodings: encodings("q", "h", "f") } }));
  const b = new Side("b").with();
  const offer = a
    .offer()
    .replace("a=rid:q send", "a=rid:q send max-width=320;max-height=180")
    .replace("a=rid:h send", "a=rid:h send pt=98,5");
  const answer = b.answer(offer);
  assert.deepEqual(lines(answer, "a=rid"), [
    "a=rid:q recv max-width=320;max-height=180",
    "a=rid:h recv pt=98",
    "a=rid:f recv",
  ]);
  assert.deepEqual(
    planOf(b, "made0").media!.receiveRids.map(({ rid }) => rid),
    ["q", "h", "f"],
  );
  a.setRemote("answer", answer);
  const [again] = negotiate(b, a);
  assert.deepEqual(lines(again, "a=simulcast"), ["a=simulcast:recv q;h;f"]);
  assert.deepEqual(
    planOf(a, "1").media!.sendRids.map(({ rid }) => rid),
    ["q", "h", "f"],
  );
  // What is not understood is not taken; a rid that is two things neither.
  for (const odd of ["a=rid:q send max-mood=1", "a=rid:q send\r\na=rid:q send max-width=1"]) {
    const text = new Side("b").with().answer(offer.replace(/a=rid:q send.*/, odd));
    assert.deepEqual(lines(text, "a=simulcast"), ["a=simulcast:recv h;f"]);
  }
  const twice = offer.replace(/a=rid:q send.*/, "a=rid:q send\r\na=rid:q send").replace("send q;h;f", "send q;h;q;f");
  assert.deepEqual(lines(new Side("b").with().answer(twice), "a=simulcast"), ["a=simulcast:recv q;h;f"]);
  // Of alternatives the first.
  const first = new Side("b").with().answer(offer.replace("send q;h;f", "send q,h;f"));
  assert.deepEqual(lines(first, "a=simulcast"), ["a=simulcast:recv q;f"]);
});

test("simulcast that the peer asks for: proposed, and sent by the encodings of those names", () => {
  const asking = (sdp: string): string =>
    `${sdp}a=rid:1 recv\r\na=rid:2 recv\r\na=rid:3 recv\r\na=simulcast:recv 1;~2;3\r\n`;
  const offer = asking(new Side("a").with(transceiver("x", "video", { direction: "recvonly" })).createOffer());
  const b = new Side("b").with(transceiver("1", "video"));
  b.setRemote("offer", offer);
  assert.deepEqual(
    planOf(b, "1").remote!.receiveRids.map(({ rid }) => rid),
    ["1", "2", "3"],
  );
  // As webrtc-pc has it, one encoding without a rid becomes those.
  b.change("1", { sender: { ...b.media!.get("1")!.sender, encodings: encodings("1", "2", "3") } });
  const answer = b.createAnswer();
  b.setLocal("answer", answer);
  assert.deepEqual(lines(answer, "a=simulcast"), ["a=simulcast:send 1;~2;3"]);
  assert.deepEqual(
    planOf(b, "1").media!.sendRids.map(({ rid, paused }) => [rid, paused]),
    [
      ["1", false],
      ["2", true],
      ["3", false],
    ],
  );
  // One that keeps its one encoding sends one stream.
  const plain = new Side("b").with(transceiver("1", "video"));
  assert.deepEqual(lines(plain.answer(offer), "a=rid"), []);
});
