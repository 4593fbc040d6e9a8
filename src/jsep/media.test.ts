// Audio and video in offer and answer: what RFC 9429 §5.2, §5.3, §5.10 and §5.11 say of m-sections of transceivers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate, refusal, Side, transceiver } from "#test/jsep-session.js";
import { intersectDirections, reverseDirection } from "./direction.js";
import { DIRECTIONS, lines, pair, planOf } from "./media-testing.test.js";

test("directions of an answer: every pair (RFC 3264 §6.1, RFC 9429 §5.3.1)", () => {
  for (const offered of DIRECTIONS) {
    for (const ours of DIRECTIONS) {
      const a = new Side("a").with(transceiver("1", "audio", { direction: offered }));
      const b = new Side("b").with();
      const offer = a.offer();
      b.setRemote("offer", offer);
      b.change("made0", { direction: ours });
      const answer = b.createAnswer();
      b.setLocal("answer", answer);
      a.setRemote("answer", answer);
      const expected = intersectDirections(ours, reverseDirection(offered));
      assert.deepEqual(lines(answer, `a=${expected}`), [`a=${expected}`], `${offered} / ${ours}`);
      assert.equal(planOf(b, "made0").media!.direction, expected);
      assert.equal(planOf(a, "1").media!.direction, reverseDirection(expected));
    }
  }
});

test("an answer that goes beyond its offer is refused (RFC 3264 §6.1)", () => {
  for (const [offered, answered] of [
    ["sendonly", "sendrecv"],
    ["sendonly", "sendonly"],
    ["recvonly", "recvonly"],
    ["inactive", "recvonly"],
  ] as const) {
    const a = new Side("a").with(transceiver("1", "audio", { direction: offered }));
    const answer = new Side("b").with().answer(a.offer());
    const changed = answer.replace(/a=(recvonly|inactive)/, `a=${answered}`);
    assert.throws(() => a.setRemote("answer", changed), /InvalidAccessError|was offered/, `${offered} ${answered}`);
  }
});

test("a transceiver that is stopping stays in an answer, inactive (webrtc-pc, stop())", () => {
  const [a, b] = pair();
  a.with(transceiver("1", "audio"));
  b.with(transceiver("2", "audio"));
  b.setRemote("offer", a.offer());
  b.change("2", { stopping: true });
  const answer = b.createAnswer();
  assert.deepEqual(lines(answer, "m="), lines(answer, "m=audio 9"));
  assert.deepEqual(lines(answer, "a=inactive"), ["a=inactive"]);
  b.setLocal("answer", answer);
  a.setRemote("answer", answer);
  assert.deepEqual([planOf(a, "1").stop, planOf(a, "1").media!.direction], [false, "inactive"]);
  assert.match(b.createOffer(), /m=audio 0 /);
});

test("a remote offer makes transceivers, recvonly, or takes those of addTrack in their order (RFC 9429 §5.10)", () => {
  const [a, b] = pair();
  a.with(transceiver("1", "audio"), transceiver("2", "video"), transceiver("3", "video", { direction: "sendonly" }));
  b.with(
    transceiver("x", "video", { addedByAddTrack: false }),
    transceiver("y", "video", { stopped: true }),
    transceiver("z", "video"),
    transceiver("w", "video"),
  );
  b.setRemote("offer", a.offer());
  const plans = b.plan!.transceivers.map(({ transceiver: id, mid, create }) => [id, mid, create]);
  // The third does not receive: a track of ours would be of no use there.
  assert.deepEqual(plans, [
    ["made0", "0", true],
    ["z", "1", false],
    ["made1", "2", true],
  ]);
  const answer = b.createAnswer();
  assert.deepEqual(lines(answer, "a=mid"), ["a=mid:0", "a=mid:1", "a=mid:2"]);
  b.setLocal("answer", answer);
  a.setRemote("answer", answer);
  assert.equal(planOf(b, "z").media!.direction, "sendrecv");
  // What is left is offered next, after the others.
  assert.deepEqual(lines(b.createOffer(), "m=").length, 5);
});

test("streams and track of the peer: a=msid, several, none, and the a=ssrc lines of before (RFC 8830)", () => {
  const remote = (change: (sdp: string) => string): [readonly string[], string | null] => {
    const b = new Side("b").with();
    b.setRemote("offer", change(new Side("a").with(transceiver("1", "audio")).createOffer()));
    const { streamIds, trackId } = planOf(b, "made0").remote!;
    return [streamIds, trackId];
  };
  assert.deepEqual(
    remote((sdp) => sdp),
    [["stream"], "track-1"],
  );
  assert.deepEqual(
    remote((sdp) => sdp.replace("a=msid:stream track-1", "a=msid:stream track-1\r\na=msid:second track-1")),
    [["stream", "second"], "track-1"],
  );
  assert.deepEqual(
    remote((sdp) => sdp.replace("a=msid:stream", "a=msid:-")),
    [[], "track-1"],
  );
  assert.deepEqual(
    remote((sdp) => sdp.replace("a=msid:stream track-1", "a=msid:stream")),
    [["stream"], null],
  );
  const without = (sdp: string): string => sdp.replace(/a=msid:.*\r\n/, "");
  assert.deepEqual(remote(without), [["stream"], "track-1"]);
  assert.deepEqual(
    remote((sdp) => without(sdp).replace(/a=ssrc.*\r\n/g, "")),
    [["default"], null],
  );
});

test("what we write of our streams: a line for each, '-' for none, a=ssrc with FID (RFC 8830, RFC 5576)", () => {
  const offer = (streamIds: string[], trackId: string | null): string =>
    new Side("a").with(transceiver("1", "video", { sender: { streamIds, trackId } })).createOffer();
  assert.deepEqual(lines(offer(["s", "t"], "u"), "a=msid:"), ["a=msid:s u", "a=msid:t u"]);
  assert.deepEqual(lines(offer([], "u"), "a=msid:"), ["a=msid:- u"]);
  assert.deepEqual(lines(offer([], null), "a=msid:"), ["a=msid:-"]);
  const { ssrc, rtxSsrc } = transceiver("1", "video").sender.encodings[0]!;
  assert.deepEqual(lines(offer(["s", "t"], "u"), "a=ssrc"), [
    `a=ssrc-group:FID ${ssrc} ${rtxSsrc}`,
    `a=ssrc:${ssrc} cname:cname`,
    `a=ssrc:${ssrc} msid:s u`,
    `a=ssrc:${rtxSsrc} cname:cname`,
    `a=ssrc:${rtxSsrc} msid:s u`,
  ]);
  const silent = new Side("a").with(transceiver("1", "video", { direction: "recvonly" })).createOffer();
  assert.deepEqual([...lines(silent, "a=ssrc"), ...lines(silent, "a=msid:")], []);
});

test("plan B is refused: more than one track in a section", () => {
  const offer = new Side("a").with(transceiver("1", "audio")).createOffer();
  const more = (text: string): string => `${offer}${text}`;
  const planB = "a=ssrc:1 cname:c\r\na=ssrc:1 msid:s t1\r\na=ssrc:2 cname:c\r\na=ssrc:2 msid:s t2\r\n";
  for (const side of [new Side("b"), new Side("b").with()]) {
    const error = refusal(() => side.setRemote("offer", more(planB)));
    assert.equal(error.kind, "InvalidAccessError");
    assert.match(error.message, /more than one track/);
    assert.match(refusal(() => side.setRemote("offer", more("a=msid:s other\r\n"))).message, /different tracks/);
  }
  // One track with many SSRCs is simulcast or retransmission.
  new Side("b").with().setRemote("offer", more("a=ssrc:1 msid:stream track-1\r\na=ssrc:2 cname:c\r\n"));
});

test("an offer that replaces a pending one may have another kind of m-line in its place", () => {
  const b = new Side("b").with();
  b.setRemote("offer", new Side("a").with(transceiver("1", "audio")).createOffer());
  const made = b.state.slots[0]!.transceiver!;
  b.setRemote("offer", new Side("a").createOffer({ dataChannel: true }));
  assert.deepEqual(
    b.state.slots.map(({ kind, transceiver: id, isCreated }) => [kind, id, isCreated]),
    [["application", null, false]],
  );
  assert.equal(planOf(b, made).discard, true);
  assert.equal(b.media!.has(made), false);
});
test("rollback: what the offer made goes, what it took is free again (RFC 9429 §5.7)", () => {
  const [a, b] = pair();
  a.with(transceiver("1", "audio"), transceiver("2", "video"));
  b.with(transceiver("x", "video"));
  b.setRemote("offer", a.offer());
  b.setRemote("rollback");
  assert.deepEqual(
    b.plan!.transceivers.map(({ transceiver: id, mid, discard }) => [id, mid, discard]),
    [
      ["made0", null, true],
      ["x", null, false],
    ],
  );
  a.setLocal("rollback");
  assert.deepEqual(
    a.plan!.transceivers.map(({ transceiver: id, mid, discard, stop }) => [id, mid, discard, stop]),
    [
      ["1", null, false, false],
      ["2", null, false, false],
    ],
  );
  negotiate(b, a);
  assert.equal(b.state.slots[0]!.transceiver, "x");
  // A later offer is undone to what was negotiated.
  a.change("1", { direction: "inactive" });
  a.offer();
  a.setLocal("rollback");
  assert.equal(planOf(a, "2").media!.direction, "sendrecv");
  assert.equal(planOf(a, "2").mediaChanged, false);
});

test("glare: the polite side rolls back, answers, and offers again (perfect negotiation)", () => {
  const [a, b] = pair();
  a.with(transceiver("1", "audio"));
  b.with(transceiver("2", "audio"), transceiver("3", "video"));
  a.offer();
  const offer = b.offer();
  a.setLocal("rollback");
  b.setRemote("answer", a.answer(offer));
  // The track that a had offered found its place in b's section.
  assert.equal(planOf(a, "1").media!.direction, "sendrecv");
  assert.equal(a.state.slots.length, 2);
  negotiate(a, b);
  assert.equal(a.state.slots.length, 2);
});

test("a provisional answer brings the transceivers up, and the final one may change them", () => {
  const a = new Side("a").with(transceiver("1", "audio"));
  const b = new Side("b").with();
  b.setRemote("offer", a.offer());
  b.change("made0", { direction: "inactive" });
  const provisional = b.createAnswer();
  b.setLocal("pranswer", provisional);
  a.setRemote("pranswer", provisional);
  assert.equal(planOf(a, "1").media!.direction, "inactive");
  b.change("made0", { direction: "recvonly" });
  const answer = b.createAnswer();
  b.setLocal("answer", answer);
  a.setRemote("answer", answer);
  assert.equal(planOf(a, "1").media!.direction, "sendonly");
  assert.equal(planOf(a, "1").mediaChanged, true);
});

test("stop: port zero, both sides stop, the line is recycled with a new mid (RFC 9429 §5.2.2)", () => {
  const [a, b] = pair();
  a.with(transceiver("1", "audio"), transceiver("2", "video"));
  negotiate(a, b, { dataChannel: true });
  a.change("1", { stopping: true });
  const offer = a.offer();
  assert.equal(planOf(a, "1").stop, false);
  b.setRemote("offer", offer);
  assert.equal(planOf(b, "made0").stop, true);
  const answer = b.createAnswer();
  b.setLocal("answer", answer);
  a.setRemote("answer", answer);
  assert.deepEqual([planOf(a, "1").stop, planOf(a, "1").mid], [true, null]);
  a.with(transceiver("3", "video"));
  const [recycled] = negotiate(a, b);
  assert.deepEqual(
    lines(recycled, "m=").map((line) => line.split(" ")[0]),
    ["m=video", "m=video", "m=application"],
  );
  assert.deepEqual(lines(recycled, "a=mid"), ["a=mid:3", "a=mid:1", "a=mid:2"]);
  assert.equal(b.state.slots[0]!.transceiver, "made2");
});

test("lip synchronization: senders of one stream are grouped, and the answer keeps what it takes (RFC 5888)", () => {
  const a = new Side("a").with(transceiver("1", "audio"), transceiver("2", "video"), transceiver("3", "video"));
  const offer = a.createOffer();
  assert.deepEqual(lines(offer, "a=group:LS"), ["a=group:LS 0 1 2"]);
  assert.deepEqual(lines(new Side("b").with().answer(offer), "a=group:LS"), ["a=group:LS 0 1 2"]);
  const two = offer.replaceAll("opus/48000", "x/1").replace(/(m=audio.*SAVPF) .*/, "$1 111");
  assert.deepEqual(lines(new Side("b").with().answer(two), "a=group:LS"), ["a=group:LS 1 2"]);
});

test("bundle policies of an answerer (RFC 9429 §5.3.1)", () => {
  const offer = new Side("a", { bundlePolicy: "max-compat" })
    .with(transceiver("1", "audio"), transceiver("2", "video"), transceiver("3", "video"))
    .createOffer({ dataChannel: true })
    .replace(/a=group:BUNDLE.*\r\n/, "");
  const ports = (bundlePolicy: "balanced" | "max-compat" | "max-bundle"): string[] =>
    lines(new Side("b", { bundlePolicy }).with().answer(offer), "m=").map((line) => line.split(" ")[1]!);
  assert.deepEqual(ports("max-compat"), ["9", "9", "9", "9"]);
  assert.deepEqual(ports("balanced"), ["9", "9", "0", "9"]);
  assert.deepEqual(ports("max-bundle"), ["9", "0", "0", "0"]);
});

test("what the peer asks of what it receives: ptime, bandwidth", () => {
  const offer = new Side("a").with(transceiver("1", "audio")).createOffer();
  const b = new Side("b").with();
  b.answer(`${offer.replace("a=rtcp:9", "b=AS:500\r\nb=TIAS:450000\r\na=rtcp:9")}a=ptime:20\r\na=maxptime:60\r\n`);
  const { ptime, maxptime, maxBitrate } = planOf(b, "made0").media!;
  assert.deepEqual([ptime, maxptime, maxBitrate], [20, 60, 450_000]);
});
