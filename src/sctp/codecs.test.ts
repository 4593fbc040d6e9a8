// Packet, chunk and parameter codecs, and the State Cookie.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import { hexDecode } from "../util/text.js";
import { commonCapabilities, judgeParameters, offerParameters } from "./capabilities.js";
import { INIT, parseInit, writeInit } from "./chunks.js";
import { CookieJar } from "./cookie.js";
import { checksumOk, PacketBuilder } from "./packet.js";
import { HOST_NAME_ADDRESS, parseParameters, writeParameters } from "./parameters.js";

test("an INIT survives a round trip, and every truncation is refused or shorter", () => {
  const init = {
    initiateTag: 0xdeadbeef,
    arwnd: 131_072,
    outboundStreams: 1024,
    inboundStreams: 2048,
    initialTsn: 0xffffffff,
    parameters: offerParameters({ interleaving: true, zeroChecksum: true }),
  };
  const bytes = writeInit(INIT, init);
  assert.deepEqual(parseInit(bytes, 0, bytes.length), init);
  for (let length = 0; length < 20; length++) assert.equal(parseInit(bytes, 0, length), undefined);
  for (let length = 20; length < bytes.length; length++) parseInit(bytes.slice(0, length), 0, length);
});

test("parameter lengths are checked", () => {
  for (const bad of ["00070003", "00070000", "0007000800000000ff".slice(0, 14), "00070010aabb"]) {
    assert.equal(parseParameters(hexDecode(bad)!, 0, bad.length / 2, 64), undefined, bad);
  }
  const many = writeParameters(Array.from({ length: 65 }, () => ({ type: 7, value: new Uint8Array(1) })));
  assert.equal(parseParameters(many, 0, many.length, 64), undefined);
  assert.equal(parseParameters(many, 0, many.length, 65)!.length, 65);
});

test("unknown parameters: the high bits say whether to stop and whether to report (RFC 9260 §3.2.1)", () => {
  const p = (type: number) => ({ type, value: new Uint8Array(0) });
  const judged = judgeParameters([p(0x8100), p(0xc100), p(0xc000), p(0x4100), p(0x8008)])!;
  assert.deepEqual(
    judged.accepted.map((x) => x.type),
    [0xc000],
  );
  assert.deepEqual(
    judged.reported.map((x) => x.type),
    [0xc100, 0x4100],
  );
  assert.equal(judgeParameters([p(HOST_NAME_ADDRESS)]), undefined);
});

test("what both can do is what both offer", () => {
  const all = offerParameters({ interleaving: true, zeroChecksum: true });
  assert.equal(commonCapabilities(all, { interleaving: true, zeroChecksum: true }), 15);
  assert.equal(commonCapabilities(all, { interleaving: false, zeroChecksum: false }), 3);
  assert.equal(commonCapabilities([], { interleaving: true, zeroChecksum: true }), 0);
  const other = [{ type: 0x8001, value: Uint8Array.of(0, 0, 0, 2) }];
  assert.equal(commonCapabilities(other, { interleaving: true, zeroChecksum: true }), 0, "another detection method");
});

test("a cookie opens unchanged only, and only with its key", () => {
  const jar = new CookieJar(nodeCrypto);
  const cookie = {
    createdAt: 123_456,
    localTag: 1,
    peerTag: 0xffffffff,
    localInitialTsn: 3,
    peerInitialTsn: 4,
    peerRwnd: 5,
    outboundStreams: 65_535,
    inboundStreams: 7,
    capabilities: 15,
    localTieTag: 8,
    peerTieTag: 9,
  };
  const sealed = jar.seal(cookie);
  assert.deepEqual(jar.open(sealed), cookie);
  for (let i = 0; i < sealed.length; i++) {
    const changed = sealed.slice();
    changed[i]! ^= 1;
    assert.equal(jar.open(changed), undefined);
    assert.equal(jar.open(sealed.subarray(0, i)), undefined);
  }
  assert.equal(new CookieJar(nodeCrypto).open(sealed), undefined);
});

test("a built packet has its checksum, or zero", () => {
  const builder = new PacketBuilder(1188, 5000, 5001);
  builder.begin(0x01020304);
  builder.add(Uint8Array.of(11, 0, 0, 5, 7));
  const packet = builder.finish(false).slice();
  assert.equal(packet.length, 20);
  assert.ok(checksumOk(packet, false));
  packet[19]! ^= 1;
  assert.ok(!checksumOk(packet, true));
  const zero = builder.finish(true).slice();
  assert.ok(checksumOk(zero, true));
  assert.ok(!checksumOk(zero, false));
});
