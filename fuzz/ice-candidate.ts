// One line of `a=candidate`, as it comes from descriptions and addIceCandidate: what is read can be written, and read again.
import assert from "node:assert/strict";
import { parseIceCandidate, writeIceCandidate } from "#src/util/ice-candidate.js";
import { utf8Decode, utf8Encode } from "#src/util/text.js";
import type { FuzzTarget } from "./target.js";

export const target: FuzzTarget = {
  name: "ice-candidate",
  seeds: [
    "candidate:1467250027 1 udp 2122260223 192.0.2.1 46243 typ host generation 0",
    "a=candidate:1 1 UDP 1677729535 203.0.113.7 60065 typ srflx raddr 10.0.0.1 rport 60065 ufrag abcd network-cost 999",
    "candidate:2 1 tcp 1518280447 2001:db8::1 9 typ host tcptype active",
    "candidate:3 1 udp 41885439 3a1b2c3d-0000-4000-8000-000000000000.local 5000 typ relay raddr 0.0.0.0 rport 0",
  ].map(utf8Encode),
  run(input) {
    const candidate = parseIceCandidate(utf8Decode(input));
    if (candidate === undefined) return;
    assert.ok(candidate.port >= 0 && candidate.port <= 65_535 && candidate.component >= 1);
    assert.deepEqual(parseIceCandidate(writeIceCandidate(candidate)), candidate);
  },
};
