// URLs of STUN and TURN servers: what is accepted has a host, a port and a transport that can be used.
import assert from "node:assert/strict";
import { utf8Decode, utf8Encode } from "#src/util/text.js";
import { parseIceServerUrl } from "#src/w3c/ice-server-url.js";
import type { FuzzTarget } from "./target.js";

export const target: FuzzTarget = {
  name: "ice-server-url",
  seeds: [
    "stun:stun.example.org",
    "turn:[2001:db8::1]:3478?transport=udp",
    "turns:turn.example.org:443?transport=tcp",
    "stuns:192.0.2.1:5349",
  ].map(utf8Encode),
  run(input) {
    const url = parseIceServerUrl(utf8Decode(input));
    if (url === undefined) return;
    assert.ok(url.hostname.length > 0 && !/[\s/?#@[\]]/.test(url.hostname), "a host");
    assert.ok(Number.isInteger(url.port) && url.port >= 0 && url.port <= 65_535, "a port");
    assert.ok(url.transport === "udp" || url.transport === "tcp");
  },
};
