import assert from "node:assert/strict";
import { test } from "node:test";
import type { InterfaceAddress } from "../util/net.js";
import { gatherAddresses } from "./interfaces.js";

const on = (name: string, address: string, internal = false): InterfaceAddress => ({
  name,
  address,
  family: address.includes(":") ? 6 : 4,
  internal,
});
const addresses = (list: readonly InterfaceAddress[], options = {}): string[] =>
  gatherAddresses(list, options).map((a) => a.address);

test("families take turns, IPv6 first; bridges last, link-local after that (RFC 8421)", () => {
  const list = [
    on("lo", "127.0.0.1", true),
    on("docker0", "172.17.0.1"),
    on("eth0", "192.0.2.1"),
    on("eth1", "169.254.7.7"),
    on("wlan0", "198.51.100.1"),
    on("eth0", "2001:db8::1"),
  ];
  const found = gatherAddresses(list, {});
  assert.deepEqual(
    found.map((a) => a.address),
    ["2001:db8::1", "192.0.2.1", "198.51.100.1", "172.17.0.1", "169.254.7.7"],
  );
  assert.deepEqual(
    found.map((a) => a.outward),
    [true, true, true, false, false],
  );
  const preferences = found.map((a) => a.localPreference);
  assert.equal(preferences[0], 65535);
  assert.deepEqual(
    preferences,
    [...new Set(preferences)].sort((a, b) => b - a),
  );
});

test("what RFC 8445 §5.1.1.1 leaves out, and what no candidate can carry", () => {
  const list = [
    on("a", "fe80::1"),
    on("b", "fec0::1"),
    on("c", "::ffff:192.0.2.1"),
    on("d", "192.0.2.1"),
    on("e", "0.0.0.0"),
  ];
  assert.deepEqual(addresses(list), ["192.0.2.1"]);
});

test("loopback only on request or for want of anything else", () => {
  const loopback = [on("lo", "127.0.0.1", true), on("lo", "::1", true)];
  assert.deepEqual(addresses(loopback), ["::1", "127.0.0.1"]);
  assert.deepEqual(addresses([...loopback, on("e", "192.0.2.1")]), ["192.0.2.1"]);
  assert.deepEqual(addresses([...loopback, on("e", "192.0.2.1")], { loopback: true }), [
    "192.0.2.1",
    "::1",
    "127.0.0.1",
  ]);
  const filter = (entry: InterfaceAddress): boolean => entry.internal;
  assert.deepEqual(addresses([...loopback, on("e", "192.0.2.1")], { interfaceFilter: filter }), ["::1", "127.0.0.1"]);
  assert.deepEqual(addresses([]), []);
});
