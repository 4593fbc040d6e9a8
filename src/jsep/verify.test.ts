// What is refused of remote descriptions (RFC 9429 §5.8.3, RFC 3264, RFC 9143).
import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate, refusal, Side, transceiver } from "#test/jsep-session.js";
import type { JsepError } from "./errors.js";

const OFFER = new Side("a").createOffer({ dataChannel: true });

function refusedOffer(change: (sdp: string) => string): JsepError {
  const side = new Side("b");
  const changed = change(OFFER);
  assert.notEqual(changed, OFFER);
  const error = refusal(() => side.setRemote("offer", changed));
  assert.equal(side.state.signalingState, "stable");
  return error;
}

function accepted(change: (sdp: string) => string): void {
  new Side("b").setRemote("offer", change(OFFER));
}

const line = (name: string, replacement: string) => (sdp: string) =>
  sdp.replace(new RegExp(`a=${name}:.*\r\n`), replacement === "" ? "" : `${replacement}\r\n`);

test("ICE and DTLS parameters are there, with the line of the m-section", () => {
  for (const [name, message] of [
    ["ice-ufrag", /no a=ice-ufrag/],
    ["ice-pwd", /no a=ice-pwd/],
    ["fingerprint", /no a=fingerprint/],
  ] as const) {
    const error = refusedOffer(line(name, ""));
    assert.equal(error.kind, "InvalidAccessError");
    assert.match(error.message, message);
    assert.equal(error.line, 8);
    assert.match(error.message, /m-section 0 \(mid "0"\)/);
  }
});

test("ICE parameters have the sizes and characters of RFC 8839 §5.4", () => {
  assert.match(refusedOffer(line("ice-ufrag", "a=ice-ufrag:abc")).message, /4 to 256/);
  assert.match(refusedOffer(line("ice-ufrag", `a=ice-ufrag:${"a".repeat(257)}`)).message, /4 to 256/);
  assert.match(refusedOffer(line("ice-pwd", `a=ice-pwd:${"a".repeat(21)}`)).message, /22 to 256/);
  assert.match(refusedOffer(line("ice-pwd", `a=ice-pwd:${"a".repeat(257)}`)).message, /22 to 256/);
  assert.match(refusedOffer(line("ice-ufrag", "a=ice-ufrag:E$En")).message, /character/);
  assert.match(refusedOffer(line("ice-pwd", `a=ice-pwd:${"a".repeat(22)}$`)).message, /character/);
  accepted(line("ice-ufrag", "a=ice-ufrag:ab-_=#"));
});

test("fingerprints: one with a hash function that can be checked (RFC 8122 §5)", () => {
  assert.match(refusedOffer(line("fingerprint", `a=fingerprint:md5 ${"AA:".repeat(15)}AA`)).message, /md5/);
  assert.match(refusedOffer(line("fingerprint", "a=fingerprint:sha-9 AA")).message, /sha-9/);
  for (const [hash, length] of [
    ["sha-1", 20],
    ["sha-384", 48],
    ["sha-512", 64],
  ] as const) {
    accepted(line("fingerprint", `a=fingerprint:${hash} ${"AA:".repeat(length - 1)}AA`));
  }
  assert.equal(refusedOffer(line("fingerprint", "a=fingerprint:sha-256 zz")).kind, "sdp-syntax-error");
});

test("setup roles (RFC 5763 §5, RFC 8842 §5)", () => {
  assert.match(refusedOffer(line("setup", "a=setup:holdconn")).message, /holdconn/);
  accepted(line("setup", ""));
  const a = new Side("a");
  const offer = a.offer({ dataChannel: true });
  // Our own offer, sent back as an answer.
  assert.match(refusal(() => a.setRemote("answer", offer)).message, /actpass in an answer/);
});

test("mids are unique, groups name mids that exist, each once (RFC 5888, RFC 9143 §7)", () => {
  const section = OFFER.slice(OFFER.indexOf("m="));
  assert.match(refusedOffer((sdp) => sdp + section).message, /two m-sections have a=mid:0/);
  assert.match(refusedOffer((sdp) => sdp.replace("BUNDLE 0", "BUNDLE 0 7")).message, /"7"/);
  assert.match(refusedOffer((sdp) => sdp.replace("BUNDLE 0", "BUNDLE 0 0")).message, /twice/);
  assert.match(
    refusedOffer((sdp) => sdp.replace("a=group:BUNDLE 0", "a=group:BUNDLE 0\r\na=group:BUNDLE 0")).message,
    /twice/,
  );
  // Other groups are not ours to judge.
  accepted((sdp) => sdp.replace("a=group:BUNDLE 0", "a=group:BUNDLE 0\r\na=group:LS 7"));
});

const AUDIO = OFFER.slice(OFFER.indexOf("m="))
  .replace("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=audio 9 UDP/TLS/RTP/SAVPF 111")
  .replace("a=mid:0", "a=mid:1\r\na=rtcp-mux")
  .replace(/a=sctp-port.*\r\na=max.*\r\n/, "");

test("rtcp-mux, where the policy requires it (RFC 9429 §5.8.3)", () => {
  const without = (sdp: string): string => sdp + AUDIO.replace("a=rtcp-mux\r\n", "");
  assert.match(refusedOffer(without).message, /rtcp-mux/);
  new Side("b", { rtcpMuxPolicy: "negotiate" }).setRemote("offer", without(OFFER));
  assert.match(
    refusedOffer((sdp) => sdp + AUDIO.replace("a=rtcp-mux\r\n", "a=rtcp-mux-only\r\n")).message,
    /rtcp-mux-only/,
  );
  accepted((sdp) => sdp + AUDIO);
});

test("a bundled section can leave its parameters to the tagged one, a lone one cannot (RFC 9143 §7.1.3)", () => {
  const bare = AUDIO.replace(/a=(?:ice-|fingerprint|setup).*\r\n/g, "");
  assert.match(refusedOffer((sdp) => sdp + bare).message, /no a=ice-ufrag/);
  accepted((sdp) => sdp.replace("BUNDLE 0", "BUNDLE 0 1") + bare);
  const bundleOnly = bare.replace("m=audio 9", "m=audio 0").replace("a=mid", "a=bundle-only\r\na=mid");
  accepted((sdp) => sdp.replace("BUNDLE 0", "BUNDLE 0 1") + bundleOnly);
  assert.match(refusedOffer((sdp) => sdp + bundleOnly).message, /nothing to be bundled with/);
});

test("simulcast that names rids which do not exist passes: they are left out (RFC 8853 §5.1)", () => {
  const simulcast = (rid: string): string => `${AUDIO}a=rid:h send\r\na=simulcast:send ${rid}\r\n`;
  accepted((sdp) => sdp + simulcast("q"));
  accepted((sdp) => sdp + simulcast("h"));
});

test("one msid in two sections is an OperationError", () => {
  const one = `${AUDIO}a=msid:s t\r\n`;
  const two = one.replace("a=mid:1", "a=mid:2");
  assert.equal(refusedOffer((sdp) => sdp + one + two).kind, "OperationError");
  accepted((sdp) => sdp + one + two.replace("a=msid:s t", "a=msid:s u"));
  accepted((sdp) => `${sdp}${one}a=msid:s t\r\n`);
  const none = (text: string): string => text.replace("a=msid:s t", "a=msid:- t");
  assert.equal(refusedOffer((sdp) => sdp + none(one) + none(two)).kind, "OperationError");
});

test("a later offer keeps the m-lines and their order (RFC 3264 §8)", () => {
  const attempt = (change: (sdp: string) => string): JsepError => {
    const a = new Side("a");
    const b = new Side("b");
    negotiate(a, b, { dataChannel: true });
    const offer = change(b.createOffer());
    return refusal(() => a.setRemote("offer", offer));
  };
  assert.match(attempt((sdp) => sdp.slice(0, sdp.indexOf("m=")).replace("BUNDLE 0", "BUNDLE")).message, /0 m-sections/);
  assert.match(
    attempt((sdp) => sdp.replace("a=mid:0", "a=mid:5").replace("BUNDLE 0", "BUNDLE 5")).message,
    /had mid "0"/,
  );
  assert.match(
    attempt((sdp) => sdp.slice(0, sdp.indexOf("m=")).replace("BUNDLE 0", "BUNDLE 1") + AUDIO).message,
    /was application and is audio/,
  );
});

test("an answer matches its offer (RFC 3264 §6, RFC 9143 §7.3)", () => {
  const attempt = (change: (sdp: string) => string): JsepError => {
    const a = new Side("a");
    const answer = new Side("b").answer(a.offer({ dataChannel: true }));
    const changed = change(answer);
    assert.notEqual(changed, answer);
    const error = refusal(() => a.setRemote("answer", changed));
    assert.equal(a.state.signalingState, "have-local-offer");
    return error;
  };
  assert.match(attempt((sdp) => sdp.slice(0, sdp.indexOf("m=")).replace("BUNDLE 0", "BUNDLE")).message, /0 m-sections/);
  assert.match(attempt((sdp) => sdp.replace("m=application", "m=audio")).message, /the answer audio/);
  assert.match(attempt((sdp) => sdp.replace("UDP/DTLS/SCTP", "DTLS/SCTP")).message, /protocol/);
  assert.match(attempt((sdp) => sdp.replace("a=mid:0", "a=mid:1").replace("BUNDLE 0", "BUNDLE 1")).message, /BUNDLE/);
  assert.match(attempt((sdp) => sdp.replace("a=mid:0", "a=mid:1").replace(/a=group.*\r\n/, "")).message, /mid "0"/);
});

test("a bundle-only section must be bundled to be taken (RFC 9143 §7.3)", () => {
  const a = new Side("a", { bundlePolicy: "max-bundle" });
  const offer = a.offer({ transceivers: [transceiver("1", "audio")], dataChannel: true });
  const accept = offer
    .replaceAll("a=setup:actpass", "a=setup:active")
    .replace("m=application 0", "m=application 9")
    .replace("a=bundle-only\r\n", "");
  assert.match(refusal(() => a.setRemote("answer", accept.replace("BUNDLE 0 1", "BUNDLE 0"))).message, /bundle-only/);
  a.setRemote("answer", accept);
  assert.deepEqual(a.plan!.transports[0]!.mids, ["0", "1"]);
});
