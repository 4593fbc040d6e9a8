import assert from "node:assert/strict";
import { test } from "node:test";
import { FINGERPRINT, negotiate, refusal, Side, transceiver } from "#test/jsep-session.js";
import { parseSdp } from "../sdp/parser.js";

function lines(sdp: string, start: string): string[] {
  return sdp.split("\r\n").filter((line) => line.startsWith(start));
}

test("an initial offer for a data channel (RFC 9429 §5.2.1), in Chromium's order of lines", () => {
  const a = new Side("a");
  assert.equal(
    a.createOffer({ dataChannel: true }),
    [
      "v=0",
      "o=- 4611686018427387904 2 IN IP4 127.0.0.1",
      "s=-",
      "t=0 0",
      "a=group:BUNDLE 0",
      "a=extmap-allow-mixed",
      "a=msid-semantic: WMS",
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
      "c=IN IP4 0.0.0.0",
      "a=ice-ufrag:aaa0",
      "a=ice-pwd:aPasswordOfEnoughLength0",
      "a=ice-options:trickle ice2",
      `a=fingerprint:sha-256 ${FINGERPRINT.replace(/^../, "AA")}`,
      "a=setup:actpass",
      "a=mid:0",
      "a=sctp-port:5000",
      "a=max-message-size:262144",
      "",
    ].join("\r\n"),
  );
});

test("nothing wanted, nothing offered: no m-section and no group", () => {
  const sdp = new Side("a").createOffer();
  assert.deepEqual(lines(sdp, "m="), []);
  assert.deepEqual(lines(sdp, "a=group"), []);
});

test("the session version rises with every description, the session id stays (RFC 9429 §5.2.2)", () => {
  const a = new Side("a");
  const versions = [a.createOffer(), a.createOffer(), a.createOffer({ dataChannel: true })].map(
    (sdp) => lines(sdp, "o=")[0],
  );
  assert.deepEqual(versions, [
    "o=- 4611686018427387904 2 IN IP4 127.0.0.1",
    "o=- 4611686018427387904 3 IN IP4 127.0.0.1",
    "o=- 4611686018427387904 4 IN IP4 127.0.0.1",
  ]);
});

test("creating an offer changes nothing of the session", () => {
  const a = new Side("a");
  a.createOffer({ dataChannel: true });
  assert.equal(a.state.signalingState, "stable");
  assert.deepEqual(a.state.slots, []);
  assert.deepEqual(a.state.transports, []);
});

test("an offer can be created in stable and have-local-offer only", () => {
  const a = new Side("a");
  const b = new Side("b");
  b.setRemote("offer", a.offer({ dataChannel: true }));
  assert.equal(refusal(() => b.createOffer()).kind, "InvalidStateError");
  a.createOffer({ dataChannel: true });
});

test("a repeated offer keeps mid and ICE parameters (RFC 9429 §5.2.2)", () => {
  const a = new Side("a");
  const first = a.offer({ dataChannel: true });
  const again = a.offer({ dataChannel: true });
  for (const start of ["a=mid", "a=ice-ufrag", "a=ice-pwd", "m="])
    assert.deepEqual(lines(again, start), lines(first, start));
});

test("a data section stays in later offers, with its gathered candidates and default address", () => {
  const a = new Side("a");
  negotiate(a, new Side("b"), { dataChannel: true });
  const { id } = a.state.transports[0]!;
  a.addLocal(id, "aaa0", "candidate:1 1 udp 2113937151 2001:db8::1 50000 typ host");
  a.addLocal(id, "aaa0", "candidate:2 1 udp 2113937151 192.0.2.1 50001 typ host");
  a.addLocal(id, "aaa0", "candidate:3 1 udp 1677729535 203.0.113.1 50002 typ srflx raddr 0.0.0.0 rport 0");
  a.addLocal(id, "aaa0", null);
  const sdp = a.createOffer();
  assert.deepEqual(lines(sdp, "m="), ["m=application 50002 UDP/DTLS/SCTP webrtc-datachannel"]);
  assert.deepEqual(lines(sdp, "c="), ["c=IN IP4 203.0.113.1"]);
  assert.equal(lines(sdp, "a=candidate").length, 3);
  assert.equal(lines(sdp, "a=end-of-candidates").length, 1);
  assert.deepEqual(lines(sdp, "a=setup"), ["a=setup:actpass"]);
});

test("an ICE restart has new parameters and none of the old candidates (RFC 9429 §5.2.3.1)", () => {
  const a = new Side("a");
  negotiate(a, new Side("b"), { dataChannel: true });
  a.addLocal(0, "aaa0", "candidate:2 1 udp 2113937151 192.0.2.1 50001 typ host");
  const sdp = a.createOffer({ iceRestart: true });
  assert.deepEqual(lines(sdp, "a=ice-ufrag"), ["a=ice-ufrag:aaa1"]);
  assert.deepEqual(lines(sdp, "a=ice-pwd"), ["a=ice-pwd:aPasswordOfEnoughLength1"]);
  assert.deepEqual(lines(sdp, "a=candidate"), []);
  assert.deepEqual(lines(sdp, "m="), ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel"]);
});

test("credentials to replace restart the transports that still have them (webrtc-pc restartIce)", () => {
  const a = new Side("a");
  negotiate(a, new Side("b"), { dataChannel: true });
  const credentialsToReplace = [{ usernameFragment: "aaa0", password: "aPasswordOfEnoughLength0" }];
  assert.deepEqual(lines(a.offer({ credentialsToReplace }), "a=ice-ufrag"), ["a=ice-ufrag:aaa1"]);
  assert.deepEqual(lines(a.offer({ credentialsToReplace }), "a=ice-ufrag"), ["a=ice-ufrag:aaa1"]);
});

test("ICE lite is said at the session level (RFC 8839 §5.3)", () => {
  assert.equal(lines(new Side("a", { iceLite: true }).createOffer(), "a=ice-lite").length, 1);
});

test("bundle policies: what has its own address and what is bundle-only (RFC 9429 §4.1.1)", () => {
  const transceivers = [transceiver("1", "audio"), transceiver("2", "audio"), transceiver("3", "video")];
  const shape = (bundlePolicy: "balanced" | "max-compat" | "max-bundle"): string[] => {
    const a = new Side("a", { bundlePolicy });
    const parsed = parseSdp(a.offer({ transceivers, dataChannel: true }));
    assert.ok(parsed.ok);
    assert.deepEqual(parsed.description.groups[0], { semantics: "BUNDLE", mids: ["0", "1", "2", "3"] });
    return parsed.description.media.map(
      ({ kind, port, bundleOnly, iceUfrag }, i) =>
        `${kind} ${port}${bundleOnly ? " bundle-only" : ""} ${iceUfrag ?? "-"} t${a.state.slots[i]!.transport}`,
    );
  };
  assert.deepEqual(shape("balanced"), [
    "audio 9 aaa0 t0",
    "audio 0 bundle-only aaa0 t0",
    "video 9 aaa0 t1",
    "application 9 aaa0 t2",
  ]);
  // One set of ICE parameters for all that are new, as browsers do.
  assert.deepEqual(shape("max-compat"), [
    "audio 9 aaa0 t0",
    "audio 9 aaa0 t1",
    "video 9 aaa0 t2",
    "application 9 aaa0 t3",
  ]);
  assert.deepEqual(shape("max-bundle"), [
    "audio 9 aaa0 t0",
    "audio 0 bundle-only aaa0 t0",
    "video 0 bundle-only aaa0 t0",
    "application 0 bundle-only aaa0 t0",
  ]);
});

test("a transceiver's section (RFC 9429 §5.2.1)", () => {
  const a = new Side("a");
  const encodings = ["q", "h"].map((rid) => ({ rid, ssrc: 1, rtxSsrc: null }));
  const sdp = a.createOffer({
    transceivers: [
      transceiver("1", "video", { sender: { encodings } }),
      transceiver("2", "audio", { direction: "recvonly" }),
    ],
  });
  const parsed = parseSdp(sdp);
  assert.ok(parsed.ok);
  const [video, audio] = parsed.description.media;
  assert.deepEqual(lines(sdp, "a=simulcast"), ["a=simulcast:send q;h"]);
  assert.deepEqual(video!.msids, [{ streamId: "stream", trackId: "track-1" }]);
  assert.equal(video!.direction, "sendrecv");
  assert.ok(video!.rtcpMux && video!.rtcpRsize);
  assert.equal(audio!.direction, "recvonly");
  assert.deepEqual(audio!.msids, []);
  // The second does not send, so there is nothing to be in step with.
  assert.deepEqual(lines(sdp, "a=group"), ["a=group:BUNDLE 0 1"]);
  assert.deepEqual(lines(sdp, "a=msid-semantic"), ["a=msid-semantic: WMS stream"]);
});

test("a section that an answer rejected is recycled, with a new mid (RFC 9429 §5.2.2)", () => {
  const a = new Side("a");
  const b = new Side("b");
  // The answerer has no media yet: it refuses the audio section.
  negotiate(a, b, { transceivers: [transceiver("1", "audio")], dataChannel: true });
  assert.deepEqual(
    a.state.slots.map(({ mid, rejected }) => [mid, rejected]),
    [
      ["0", true],
      ["1", false],
    ],
  );
  const idle = a.createOffer();
  assert.match(lines(idle, "m=")[0]!, /^m=audio 0 /);
  assert.deepEqual(lines(idle, "a=group"), ["a=group:BUNDLE 1"]);
  const sdp = a.offer({ transceivers: [transceiver("2", "video")] });
  assert.match(lines(sdp, "m=")[0]!, /^m=video 9 /);
  assert.deepEqual(lines(sdp, "a=mid"), ["a=mid:2", "a=mid:1"]);
  // The group is in the order of m-lines: the new section carries the transport, which restarts (as Chromium does).
  assert.deepEqual(lines(sdp, "a=group"), ["a=group:BUNDLE 2 1"]);
  assert.equal(new Set(lines(sdp, "a=ice-ufrag")).size, 1);
  assert.equal(a.plan!.transports[0]!.iceRestart, true);
  const again = a.createOffer({ transceivers: [transceiver("2", "video")] });
  assert.deepEqual(lines(again, "a=ice-ufrag"), lines(sdp, "a=ice-ufrag"));
  assert.equal(a.state.slots[0]!.transport, a.state.slots[1]!.transport);
});

test("a stopped transceiver's section has port zero and leaves the bundle", () => {
  const a = new Side("a");
  const first = transceiver("1", "audio");
  a.offer({ transceivers: [first], dataChannel: true });
  const sdp = a.createOffer({ transceivers: [{ ...first, stopping: true }] });
  assert.match(lines(sdp, "m=")[0]!, /^m=audio 0 /);
  assert.deepEqual(lines(sdp, "a=group"), ["a=group:BUNDLE 1"]);
  assert.deepEqual(lines(sdp, "a=msid:"), []);
});

test("mids of the remote side are not given again", () => {
  const a = new Side("a");
  const b = new Side("b");
  negotiate(b, a, { dataChannel: true });
  const sdp = a.createOffer({ transceivers: [transceiver("1", "audio")] });
  assert.deepEqual(lines(sdp, "a=mid"), ["a=mid:0", "a=mid:1"]);
});
