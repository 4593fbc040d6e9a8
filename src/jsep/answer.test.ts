import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { negotiate, refusal, Side } from "#test/jsep-session.js";

const folder = fileURLToPath(new URL("../../test/vectors/sdp/", import.meta.url));
const vector = (name: string): string => readFileSync(`${folder}${name}.sdp`, "utf8");

function lines(sdp: string, start: string): string[] {
  return sdp.split("\r\n").filter((line) => line.startsWith(start));
}

test("an answer can be created in have-remote-offer and have-local-pranswer only", () => {
  const a = new Side("a");
  assert.equal(refusal(() => a.createAnswer()).kind, "InvalidStateError");
  a.offer({ dataChannel: true });
  assert.equal(refusal(() => a.createAnswer()).kind, "InvalidStateError");
});

test("an offer of Chromium's is answered as Chromium answers it", () => {
  const b = new Side("b");
  const sdp = b.answer(vector("chromium-data-offer-gathered"));
  const ours = sdp.split("\r\n").map((line) => line.replace(/^(o=|a=ice-(?:ufrag|pwd)|a=fingerprint).*/, "$1"));
  const theirs = vector("chromium-data-answer-gathered")
    .split("\r\n")
    .filter((line) => !line.startsWith("a=candidate"))
    .map((line) => line.replace(/^(o=|a=ice-(?:ufrag|pwd)|a=fingerprint).*/, "$1"))
    .map((line) => line.replace(/^m=application \d+/, "m=application 9").replace(/^c=.*/, "c=IN IP4 0.0.0.0"));
  assert.deepEqual(ours, theirs);
});

test("what the offer lists of ICE options is answered (RFC 9429 §5.3.1)", () => {
  const options = (change: (offer: string) => string): string[] =>
    lines(new Side("b").answer(change(new Side("a").createOffer({ dataChannel: true }))), "a=ice-options");
  assert.deepEqual(
    options((offer) => offer),
    ["a=ice-options:trickle ice2"],
  );
  assert.deepEqual(
    options((offer) => offer.replace("trickle ice2", "trickle")),
    ["a=ice-options:trickle"],
  );
  assert.deepEqual(
    options((offer) => offer.replace("trickle ice2", "ice2,trickle")),
    ["a=ice-options:trickle ice2"],
  );
  assert.deepEqual(
    options((offer) => offer.replace(/a=ice-options.*\r\n/, "")),
    [],
  );
});

test("the DTLS role: active unless the offer says otherwise (RFC 9429 §5.3.1)", () => {
  for (const [setup, answered, role] of [
    ["a=setup:actpass", "a=setup:active", "client"],
    ["a=setup:active", "a=setup:passive", "server"],
    ["a=setup:passive", "a=setup:active", "client"],
    ["a=x", "a=setup:active", "client"],
  ] as const) {
    const b = new Side("b");
    const sdp = b.answer(new Side("a").createOffer({ dataChannel: true }).replace("a=setup:actpass", setup));
    assert.deepEqual(lines(sdp, "a=setup"), [answered]);
    assert.equal(b.plan!.transports[0]!.dtlsRole, role);
  }
});

test("a later answer keeps the role, whoever offers (RFC 9429 §5.3.2)", () => {
  const a = new Side("a");
  const b = new Side("b");
  negotiate(a, b, { dataChannel: true });
  assert.equal(b.plan!.transports[0]!.dtlsRole, "client");
  const [, answer] = negotiate(b, a);
  assert.deepEqual(lines(answer, "a=setup"), ["a=setup:passive"]);
  assert.equal(a.plan!.transports[0]!.dtlsRole, "server");
  assert.equal(a.plan!.transports[0]!.newDtlsAssociation, false);
  negotiate(a, b);
  assert.equal(b.plan!.transports[0]!.dtlsRole, "client");
});

test("the legacy form of the data section is answered in kind, and re-offered in the new one (RFC 9429 §5.1.2)", () => {
  const legacy = (offer: string): string =>
    offer
      .replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5001")
      .replace("a=sctp-port:5000", "a=sctpmap:5001 webrtc-datachannel 1024")
      .replace(/a=max-message-size.*\r\n/, "");
  const b = new Side("b");
  const sdp = b.answer(legacy(new Side("a").createOffer({ dataChannel: true })));
  assert.deepEqual(lines(sdp, "m="), ["m=application 9 DTLS/SCTP 5000"]);
  assert.deepEqual(lines(sdp, "a=sctpmap"), ["a=sctpmap:5000 webrtc-datachannel 65535"]);
  assert.deepEqual(lines(sdp, "a=sctp-port"), []);
  assert.equal(b.plan!.sctp!.remotePort, 5001);
  assert.equal(b.plan!.sctp!.localPort, 5000);
  assert.equal(b.plan!.sctp!.remoteMaxMessageSize, 65_536);
  assert.deepEqual(lines(b.createOffer(), "m="), ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel"]);
  // And the form without UDP but otherwise new.
  const half = new Side("b").answer(
    new Side("a").createOffer({ dataChannel: true }).replace("UDP/DTLS/SCTP", "DTLS/SCTP"),
  );
  assert.deepEqual(lines(half, "m="), ["m=application 9 DTLS/SCTP webrtc-datachannel"]);
});

test("max-message-size: absent is 65536, zero is any size (RFC 8841 §6.1)", () => {
  const size = (line: string): number => {
    const b = new Side("b");
    b.answer(new Side("a").createOffer({ dataChannel: true }).replace("a=max-message-size:262144", line));
    return b.plan!.sctp!.remoteMaxMessageSize;
  };
  assert.equal(size("a=max-message-size:1"), 1);
  assert.equal(size("a=max-message-size:0"), Number.POSITIVE_INFINITY);
  assert.equal(size("a=x"), 65_536);
});

test("audio and video are refused, and the data section bundled with them is still taken", () => {
  const b = new Side("b");
  const sdp = b.answer(vector("chromium-av-offer-gathered-balanced"));
  assert.deepEqual(
    lines(sdp, "m=").map((line) => line.split(" ").slice(0, 2).join(" ")),
    ["m=audio 0", "m=video 0", "m=video 0", "m=application 9"],
  );
  assert.deepEqual(lines(sdp, "a=mid"), ["a=mid:0", "a=mid:1", "a=mid:2", "a=mid:3"]);
  assert.deepEqual(lines(sdp, "a=group"), ["a=group:BUNDLE 3"]);
  assert.equal(b.plan!.transports.length, 1);
  assert.deepEqual(b.plan!.transports[0]!.mids, ["3"]);
  assert.ok(b.plan!.transports[0]!.remoteCandidates.length > 0);
});

test("unknown media is refused, and need not be in order (RFC 9429 §5.8.3 is about what we may take)", () => {
  const offer = `${new Side("a").createOffer({ dataChannel: true })}m=text 9 RTP/AVP 0\r\na=mid:foo\r\nm=application 9 TCP/BFCP *\r\n`;
  const sdp = new Side("b").answer(offer);
  assert.deepEqual(lines(sdp, "m=").slice(1), ["m=text 0 RTP/AVP 0", "m=application 0 TCP/BFCP *"]);
  assert.deepEqual(lines(sdp, "a=mid"), ["a=mid:0", "a=mid:foo"]);
});

test("a second data section is refused", () => {
  const offer = new Side("a").createOffer({ dataChannel: true });
  const second = offer.slice(offer.indexOf("m=")).replace("a=mid:0", "a=mid:1");
  assert.deepEqual(
    lines(new Side("b").answer(offer + second), "m=").map((line) => line.split(" ")[1]),
    ["9", "0"],
  );
});

test("a section with port zero is refused in turn; bundle-only it is not (RFC 9143 §6)", () => {
  const offer = new Side("a").createOffer({ dataChannel: true });
  const stopped = new Side("b").answer(offer.replace("m=application 9", "m=application 0"));
  assert.match(stopped, /m=application 0 /);
  assert.deepEqual(lines(stopped, "a=group"), []);
  const alone = offer.replace("m=application 9", "m=application 0").replace("a=mid:0", "a=bundle-only\r\na=mid:0");
  // Nothing in its group can carry it.
  assert.match(new Side("b").answer(alone), /m=application 0 /);
});

test("an offer without mids: none in the answer, and no group (RFC 9429 §5.3.1)", () => {
  const b = new Side("b");
  const sdp = b.answer(vector("chromium-data-offer").replace(/a=mid.*\r\n/, ""));
  assert.deepEqual(lines(sdp, "a=mid"), []);
  assert.deepEqual(lines(sdp, "a=group"), []);
  assert.equal(b.state.signalingState, "stable");
  assert.equal(b.plan!.transports[0]!.remote!.usernameFragment.length, 4);
});

test("an offer without BUNDLE is answered without", () => {
  const sdp = new Side("b").answer(vector("chromium-data-offer").replace(/a=group.*\r\n/, ""));
  assert.deepEqual(lines(sdp, "a=group"), []);
  assert.deepEqual(lines(sdp, "a=mid"), ["a=mid:0"]);
});

test("session-level ICE, DTLS and options count for the sections (RFC 9429 §5.8)", () => {
  const b = new Side("b");
  b.answer(vector("libdatachannel-data-offer-gathered"));
  const [transport] = b.plan!.transports;
  assert.equal(transport!.remote!.fingerprints.length, 1);
  assert.equal(transport!.remote!.trickle, true);
  assert.equal(transport!.remoteCandidates.length, 2);
  assert.equal(transport!.remoteEndOfCandidates, true);
});

test("a data section bundled on an offered one keeps the offer's tag, in any order of the group (RFC 9143 §7.3.1)", () => {
  const offer = new Side("a").createOffer({ dataChannel: true });
  const data = offer.slice(offer.indexOf("m="));
  const audio = data
    .replace("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=audio 9 UDP/TLS/RTP/SAVPF 0")
    .replace("a=mid:0", "a=mid:1\r\na=rtcp-mux");
  const both = `${offer.slice(0, offer.indexOf("m=")).replace("BUNDLE 0", "BUNDLE 1 0")}${data}${audio}`;
  const b = new Side("b");
  assert.deepEqual(lines(b.answer(both), "a=group"), ["a=group:BUNDLE 0"]);
});

test("every recorded offer is answered, and an answer names only what was offered", () => {
  for (const name of [
    "chromium-data-offer",
    "chromium-av-offer-balanced",
    "chromium-av-offer-max-compat",
    "chromium-av-offer-max-bundle",
    "chromium-simulcast-offer",
    "chromium-empty-offer",
    "firefox-data-offer-gathered",
    "firefox-av-offer-gathered-balanced",
    "firefox-av-offer-max-bundle",
    "firefox-simulcast-offer",
    "firefox-empty-offer",
    "werift-data-offer",
    "werift-av-data-offer-gathered",
    "roamhq-wrtc-av-data-offer-gathered",
    "libdatachannel-data-offer",
  ]) {
    const b = new Side("b");
    const offer = vector(name);
    const sdp = b.answer(offer);
    assert.equal(lines(sdp, "m=").length, offer.match(/^m=/gm)?.length ?? 0, name);
    assert.equal(b.state.signalingState, "stable", name);
    const data = /^m=application/m.test(offer);
    // Firefox's max-bundle offer has its data section bundle-only: without the audio section nothing can carry it.
    if (name !== "firefox-av-offer-max-bundle") assert.equal(b.state.sctp !== null, data, name);
  }
});
