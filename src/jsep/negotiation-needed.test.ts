import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate, Side, transceiver } from "#test/jsep-session.js";
import { isNegotiationNeeded } from "./negotiation-needed.js";

const needed = (side: Side, hasDataChannels = false): boolean =>
  isNegotiationNeeded(side.state, [...(side.media?.values() ?? [])], hasDataChannels);

test("what needs negotiation (webrtc-pc §4.7.3)", () => {
  const a = new Side("a").with();
  const b = new Side("b").with();
  assert.equal(needed(a), false);
  assert.equal(needed(a, true), true);
  a.with(transceiver("1", "audio"));
  assert.equal(needed(a), true);
  negotiate(a, b, { dataChannel: true });
  assert.equal(needed(a, true), false);
  assert.equal(needed(b, true), false);

  // The offerer's direction is in its own description, or in the answer.
  a.change("1", { direction: "sendonly" });
  assert.equal(needed(a), false);
  a.change("1", { direction: "recvonly" });
  assert.equal(needed(a), true);
  a.change("1", { direction: "sendrecv", sender: { ...a.media!.get("1")!.sender, streamIds: ["other"] } });
  assert.equal(needed(a), true);
  negotiate(a, b);
  assert.equal(needed(a), false);

  // The answerer: what it wants now, of what was offered.
  b.change("made0", { direction: "sendrecv" });
  assert.equal(needed(b), true);
  b.change("made0", { direction: "recvonly" });
  assert.equal(needed(b), false);

  a.change("1", { stopping: true });
  assert.equal(needed(a), true);
  negotiate(a, b);
  assert.equal(a.media!.get("1")!.stopped, true);
  assert.equal(needed(a), false);
  assert.equal(needed(b), false);
});
