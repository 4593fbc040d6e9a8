import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate, Side } from "#test/jsep-session.js";

test("two sessions negotiate a data channel", () => {
  const a = new Side("a");
  const b = new Side("b");
  const [offer, answer] = negotiate(a, b, { dataChannel: true });
  assert.equal(a.state.signalingState, "stable");
  assert.equal(b.state.signalingState, "stable");
});
