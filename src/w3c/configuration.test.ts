import assert from "node:assert/strict";
import { test } from "node:test";
import {
  copyConfiguration,
  modifyConfiguration,
  type RTCConfiguration,
  rtcConfiguration,
  utf8Length,
  validateConfiguration,
} from "./configuration.js";
import { parseIceServerUrl } from "./ice-server-url.js";

const convert = (configuration?: unknown) => rtcConfiguration(configuration, "W: ");
const validate = (configuration?: RTCConfiguration) => validateConfiguration(convert(configuration), 0, "W: ");

test("URLs of ICE servers", () => {
  const cases: [string, string | undefined][] = [
    ["stun:stun.example.org", "stun stun.example.org 3478 udp"],
    ["STUN:h", "stun h 3478 udp"],
    ["stuns:h", "stuns h 5349 tcp"],
    ["turn:h:1", "turn h 1 udp"],
    ["turn:h?transport=tcp", "turn h 3478 tcp"],
    ["turn:h:99?transport=UDP", "turn h 99 udp"],
    ["turns:h", "turns h 5349 tcp"],
    ["turns:h?transport=udp", "turns h 5349 udp"],
    ["turn:[2001:db8::1]:5000", "turn 2001:db8::1 5000 udp"],
    ["stun:[::ffff:192.0.2.1]", "stun ::ffff:192.0.2.1 3478 udp"],
    ["stun:192.0.2.1:65535", "stun 192.0.2.1 65535 udp"],
    ["stun:a_b~c%20d", "stun a_b~c%20d 3478 udp"],
    ["", undefined],
    ["stun", undefined],
    ["stun:", undefined],
    ["stun::3478", undefined],
    ["stun://h", undefined],
    ["http://h", undefined],
    ["stun:h:", undefined],
    ["stun:h:0", undefined],
    ["stun:h:65536", undefined],
    ["stun:h:x", undefined],
    ["stun:h?transport=udp", undefined],
    ["turn:h?transport=sctp", undefined],
    ["turn:h?transport=", undefined],
    ["turn:h?", undefined],
    ["turn:h?transport=udp&a=b", undefined],
    ["turn:user@h", undefined],
    ["turn:h/path", undefined],
    ["turn:h#f", undefined],
    ["stun:[::1", undefined],
    ["stun:[::1::]", undefined],
    ["stun:[1.2.3.4]", undefined],
    ["stun:1.2.3.400", undefined],
    ["stun:::1", undefined],
    ["stun:h h", undefined],
    ["stun:h%2", undefined],
    [" stun:h", undefined],
    ["stun:h\n", undefined],
  ];
  for (const [url, expected] of cases) {
    const parsed = parseIceServerUrl(url);
    const text = parsed && `${parsed.scheme} ${parsed.hostname} ${parsed.port} ${parsed.transport}`;
    assert.equal(text, expected, JSON.stringify(url));
  }
});

test("defaults, and fresh objects each time", () => {
  const configuration = validate();
  const copy = copyConfiguration(configuration);
  assert.deepEqual(copy, {
    bundlePolicy: "balanced",
    certificates: [],
    iceCandidatePoolSize: 0,
    iceServers: [],
    iceTransportPolicy: "all",
    rtcpMuxPolicy: "require",
  });
  copy.iceServers!.push({ urls: "stun:h" });
  assert.deepEqual(copyConfiguration(configuration).iceServers, []);
  const one = copyConfiguration(validate({ iceServers: [{ urls: "stun:h", username: "u" }] }));
  assert.deepEqual(one.iceServers, [{ urls: ["stun:h"], username: "u" }]);
});

test("servers are validated in order, the URL before the credentials", () => {
  const name = (configuration: RTCConfiguration): string => {
    try {
      validate(configuration);
    } catch (error) {
      return (error as Error).name;
    }
    return "ok";
  };
  assert.equal(name({ iceServers: [{ urls: [] }] }), "SyntaxError");
  assert.equal(name({ iceServers: [{ urls: "turn:h/x" }] }), "SyntaxError");
  assert.equal(name({ iceServers: [{ urls: "turn:h" }] }), "InvalidAccessError");
  assert.equal(name({ iceServers: [{ urls: "turn:h", username: "" }] }), "InvalidAccessError");
  assert.equal(name({ iceServers: [{ urls: ["stun:h", "turns:h"], username: "", credential: "" }] }), "ok");
  const server = { urls: "turn:h", credential: "" };
  assert.equal(name({ iceServers: [{ ...server, username: "ü".repeat(254) }] }), "ok");
  assert.equal(name({ iceServers: [{ ...server, username: "ü".repeat(255) }] }), "InvalidAccessError");
  assert.throws(() => convert({ iceServers: [{ urls: "stun:h", username: Symbol("s") }] }), TypeError);
  assert.throws(() => convert({ iceServers: null }), TypeError);
  assert.throws(() => convert({ certificates: [{}] }), TypeError);
});

test("what setConfiguration may change", () => {
  const old = validate({ bundlePolicy: "max-bundle", iceCandidatePoolSize: 2 });
  const name = (next: RTCConfiguration, hasLocalDescription = false): string => {
    try {
      modifyConfiguration(old, convert(next), hasLocalDescription, "W: ");
    } catch (error) {
      return (error as Error).name;
    }
    return "ok";
  };
  assert.equal(name({ bundlePolicy: "max-bundle", iceTransportPolicy: "relay" }), "ok");
  assert.equal(name({}), "InvalidModificationError", "defaults count");
  assert.equal(name({ bundlePolicy: "max-bundle", rtcpMuxPolicy: "negotiate" }), "InvalidModificationError");
  assert.equal(name({ bundlePolicy: "max-bundle" }, false), "ok");
  assert.equal(name({ bundlePolicy: "max-bundle" }, true), "InvalidModificationError");
  assert.equal(name({ bundlePolicy: "max-bundle", iceCandidatePoolSize: 2 }, true), "ok");
  assert.equal(name({ bundlePolicy: "max-bundle", peerIdentity: "a@b" }), "InvalidModificationError");
  assert.equal(name({ bundlePolicy: "balanced", iceServers: [{ urls: "" }] }), "InvalidModificationError");
});

test("UTF-8 lengths", () => {
  for (const text of [
    "",
    "abc",
    "\u00ff",
    "\u0800",
    "\u{1f600}",
    "\ud800",
    "\udc00x",
    "\ud800\ud800\udc00",
    "a\u00e9\u20ac\u{10ffff}\ud800",
  ]) {
    assert.equal(utf8Length(text), new TextEncoder().encode(text).length, JSON.stringify(text));
  }
});
