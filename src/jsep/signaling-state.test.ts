import assert from "node:assert/strict";
import { test } from "node:test";
import type { SdpType, SignalingState } from "./signaling-state.js";
import { nextSignalingState } from "./signaling-state.js";

const STATES: readonly SignalingState[] = [
  "stable",
  "have-local-offer",
  "have-remote-offer",
  "have-local-pranswer",
  "have-remote-pranswer",
  "closed",
];
const TYPES: readonly SdpType[] = ["offer", "pranswer", "answer", "rollback"];

test("every transition of RFC 9429 §3.2 and no other", () => {
  const found: string[] = [];
  for (const state of STATES) {
    for (const source of ["local", "remote"] as const) {
      for (const type of TYPES) {
        const next = nextSignalingState(state, source, type);
        if (next !== undefined) found.push(`${state} ${source} ${type} ${next}`);
      }
    }
  }
  assert.deepEqual(found, [
    "stable local offer have-local-offer",
    "stable remote offer have-remote-offer",
    "have-local-offer local offer have-local-offer",
    "have-local-offer local rollback stable",
    "have-local-offer remote pranswer have-remote-pranswer",
    "have-local-offer remote answer stable",
    "have-remote-offer local pranswer have-local-pranswer",
    "have-remote-offer local answer stable",
    "have-remote-offer remote offer have-remote-offer",
    "have-remote-offer remote rollback stable",
    "have-local-pranswer local pranswer have-local-pranswer",
    "have-local-pranswer local answer stable",
    "have-local-pranswer local rollback stable",
    "have-remote-pranswer remote pranswer have-remote-pranswer",
    "have-remote-pranswer remote answer stable",
    "have-remote-pranswer remote rollback stable",
  ]);
});
