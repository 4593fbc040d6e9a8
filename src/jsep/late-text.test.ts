import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { parseSdp } from "../sdp/parser.js";
import { addRemoteCandidate } from "./candidates.js";
import { RemoteDescription } from "./late-text.js";
import { createNegotiationState, type MediaSlot, newTransport } from "./state.js";

const OFFER = [
  "v=0",
  "o=- 1 1 IN IP4 0.0.0.0",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0 1",
  ...["0", "1"].flatMap((mid) => [
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "c=IN IP4 0.0.0.0",
    `a=mid:${mid}`,
    "a=ice-ufrag:abcd",
    "a=ice-pwd:0123456789012345678901",
    "a=setup:actpass",
    "a=sctp-port:5000",
  ]),
  "",
].join("\r\n");

function described(): RemoteDescription {
  const parsed = parseSdp(OFFER);
  assert.ok(parsed.ok);
  return new RemoteDescription("offer", OFFER, parsed.description);
}

/** Two candidates and the end of them, to one section of two. */
function extended(): RemoteDescription {
  const parameters = { usernameFragment: "abcd", password: "0123456789012345678901" };
  const slot = { mid: "0", midSignaled: true, index: 0, rejected: false, transport: 0 } as MediaSlot;
  const state = createNegotiationState({
    sessionId: "1",
    bundlePolicy: "balanced",
    rtcpMuxPolicy: "require",
    iceLite: false,
  });
  const remote = { ...parameters, iceLite: false, trickle: true, fingerprints: [], setup: undefined, tlsId: undefined };
  let next = {
    ...state,
    currentRemote: described(),
    slots: [slot, { ...slot, mid: "1", index: 1 }],
    transports: [{ ...newTransport(0, "0"), remote }],
  };
  for (const candidate of [
    "candidate:1 1 udp 2122260223 192.0.2.1 5000 typ host generation 0 ufrag abcd",
    "a=candidate:2 1 tcp 1518280447 2001:db8::1 9 typ host tcptype active ",
    "",
  ]) {
    const result = addRemoteCandidate(next, { candidate, sdpMid: "0", sdpMLineIndex: null, usernameFragment: null });
    assert.ok(result.ok);
    next = result.value.next as typeof next;
  }
  return next.currentRemote;
}

/** As values, without what names the fragment that is the section's anyway. */
function plain(description: RemoteDescription["description"]): unknown {
  return JSON.parse(JSON.stringify(description), (key, value) => (key === "usernameFragment" ? undefined : value));
}

test("a remote description's text says all that its model does", () => {
  const description = extended();
  const model = description.description;
  assert.deepEqual(
    model.media.map(({ candidates, endOfCandidates }) => [candidates.length, endOfCandidates]),
    [
      [2, true],
      [0, false],
    ],
  );
  const parsed = parseSdp(description.sdp);
  assert.ok(parsed.ok);
  assert.deepEqual(plain(parsed.description), plain(model));
});

test("a model that is gone is read again", { skip: globalThis.gc === undefined && "needs --expose-gc" }, async () => {
  const description = extended();
  const before = plain(description.description);
  const watched = new WeakRef(description.description);
  for (let i = 0; i < 10 && watched.deref() !== undefined; i++) {
    // A WeakRef keeps its target until the task is over.
    await setImmediate();
    globalThis.gc!();
  }
  assert.equal(watched.deref(), undefined);
  assert.deepEqual(plain(description.description), before);
  assert.equal(description.description, description.description);
});
