import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import { canonicalIp, formatIp, ipFamily, ipScope, parseIp, zoneOf } from "./ip.js";

test("canonical texts follow RFC 5952", () => {
  const cases: [string, string][] = [
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0db8::0001", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:DB8::A", "2001:db8::a"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::ffff:1.2.3.4", "1.2.3.4"],
    ["::ffff:7f00:1", "127.0.0.1"],
    ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
    ["fe80::1%eth0", "fe80::1"],
  ];
  for (const [text, canonical] of cases) assert.equal(canonicalIp(text), canonical, text);
});

test("what is no literal is refused", () => {
  const wrong = [
    "",
    ".",
    "1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4 ",
    "1..2.3",
    "a.b.c.d",
    ":",
    ":::",
    "1:::2",
    "::1::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "12345::",
    "g::",
    "1:",
    ":1",
    "1::2:",
    "::1.2.3",
    "1.2.3.4::",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::ffff:1.2.3.4.5",
    "localhost",
    "example.local",
    "::\u0011",
    "%eth0",
  ];
  for (const text of wrong) assert.equal(canonicalIp(text), undefined, text);
});

test("agrees with the platform on random near-literals", () => {
  let seed = 1;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % n;
  };
  const pieces = ["0", "1", "ff", "db8", ":", ":", "::", ".", "255", "ffff", "10"];
  let literals = 0;
  for (let i = 0; i < 20000; i++) {
    let text = "";
    for (let k = random(18); k >= 0; k--) text += pieces[random(pieces.length)]!;
    const expected = isIP(text) !== 0;
    if (expected) literals++;
    const bytes = parseIp(text);
    assert.equal(bytes !== undefined, expected, text);
    if (bytes !== undefined) assert.deepEqual(parseIp(formatIp(bytes)), bytes, text);
  }
  assert.ok(literals > 20);
});

test("scopes", () => {
  const cases: [string, string | undefined][] = [
    ["0.0.0.0", "unspecified"],
    ["127.1.2.3", "loopback"],
    ["::ffff:127.0.0.1", "loopback"],
    ["169.254.0.1", "link-local"],
    ["10.1.2.3", "private"],
    ["172.16.0.1", "private"],
    ["172.32.0.1", "global"],
    ["192.168.1.1", "private"],
    ["100.64.0.1", "private"],
    ["224.0.0.251", "multicast"],
    ["255.255.255.255", "broadcast"],
    ["8.8.8.8", "global"],
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["fe80::1%en0", "link-local"],
    ["fec0::1", "site-local"],
    ["fd00::1", "private"],
    ["ff02::fb", "multicast"],
    ["2001:db8::1", "global"],
    ["host.local", undefined],
  ];
  for (const [text, scope] of cases) assert.equal(ipScope(text), scope, text);
  assert.equal(ipFamily("::ffff:1.2.3.4"), 4);
  assert.equal(ipFamily("::1"), 6);
  assert.equal(ipFamily("x"), 0);
  assert.equal(zoneOf("fe80::1%eth0"), "eth0");
  assert.equal(zoneOf("fe80::1"), undefined);
});
