import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import { hexDecode, utf8Encode } from "../util/text.js";
import {
  FEATURE_PASSWORD_ALGORITHMS,
  FEATURE_USERNAME_ANONYMITY,
  longTermKey,
  nonceCookie,
  nonceFeatures,
  opaqueString,
  shortTermKey,
  userhash,
} from "./credentials.js";
import {
  isStun,
  PASSWORD_ALGORITHM_MD5,
  PASSWORD_ALGORITHM_SHA256,
  parseStunMessage,
  StunAttribute,
  type StunClass,
  StunMessage,
  StunMethod,
} from "./message.js";

const hex = (text: string): Uint8Array => hexDecode(text)!;
const password = nodeCrypto.createHmac("sha-1", shortTermKey("VOkJxbRl1RmTxUk/WvJxBt"));
const ID = hex("b7e7a701 bc34d686 fa87dfae");

// RFC 5769 §2.1 to §2.4.
const REQUEST = hex(`000100582112a442b7e7a701bc34d686fa87dfae
  802200105354554e207465737420636c69656e74 002400046e0001ff 80290008932ff9b151263b36
  000600096576746a3a68367659202020 000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004e57a3bcf`);
const RESPONSE_V4 = hex(`0101003c2112a442b7e7a701bc34d686fa87dfae
  8022000b7465737420766563746f7220 002000080001a147e112a643
  000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004c07d4c96`);
const RESPONSE_V6 = hex(`010100482112a442b7e7a701bc34d686fa87dfae
  8022000b7465737420766563746f7220 002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9
  00080014a382954e4be67bf11784c97c8292c275bfe3ed41 80280004c8fb0b4c`);
const REQUEST_LONG_TERM = hex(`000100602112a44278ad3433c6ad72c029da412e
  00060012e3839ee38388e383aae38383e382afe382b90000
  0015001c662f2f3439396b39353464364f4c33346f4c394653547679363473 41
  0014000b6578616d706c652e6f726700
  00080014f67024656dd64a3e02b8e0712e85c9a28ca89666`);

test("RFC 5769: sample request", () => {
  const message = parseStunMessage(REQUEST)!;
  assert.equal(message.class, "request");
  assert.equal(message.method, StunMethod.binding);
  assert.deepEqual(message.transactionId, ID);
  assert.equal(message.text(StunAttribute.software), "STUN test client");
  assert.equal(message.text(StunAttribute.username), "evtj:h6vY");
  assert.equal(message.u32(StunAttribute.priority), 0x6e0001ff);
  assert.deepEqual(message.get(StunAttribute.iceControlled), hex("932ff9b151263b36"));
  assert.ok(message.fingerprint);
  assert.ok(message.verifyIntegrity(password, nodeCrypto));
  assert.ok(!message.verifyIntegrity(nodeCrypto.createHmac("sha-1", utf8Encode("other")), nodeCrypto));
  assert.deepEqual(message.unknownRequired(), []);
});

test("RFC 5769: sample responses", () => {
  const v4 = parseStunMessage(RESPONSE_V4)!;
  assert.equal(v4.class, "success");
  assert.deepEqual(v4.address(StunAttribute.xorMappedAddress), { address: "192.0.2.1", port: 32853 });
  assert.ok(v4.verifyIntegrity(password, nodeCrypto));
  const v6 = parseStunMessage(RESPONSE_V6)!;
  const address = "2001:db8:1234:5678:11:2233:4455:6677";
  assert.deepEqual(v6.address(StunAttribute.xorMappedAddress), { address, port: 32853 });
  assert.ok(v6.verifyIntegrity(password, nodeCrypto));
  // Our encoder makes the same bytes, but pads with zeros where the vector pads with spaces.
  const made = new StunMessage("success", StunMethod.binding, ID)
    .add(StunAttribute.software, utf8Encode("test vector"))
    .addAddress(StunAttribute.xorMappedAddress, address, 32853)
    .encode();
  assert.deepEqual(made.subarray(36), RESPONSE_V6.subarray(36, 60));
});

test("RFC 5769: long-term credentials", () => {
  const message = parseStunMessage(REQUEST_LONG_TERM)!;
  const username = message.text(StunAttribute.username)!;
  assert.equal(username, "\u30de\u30c8\u30ea\u30c3\u30af\u30b9");
  assert.equal(message.text(StunAttribute.nonce), "f//499k954d6OL34oL9FSTvy64sA");
  const realm = message.text(StunAttribute.realm)!;
  assert.equal(realm, "example.org");
  const key = longTermKey(nodeCrypto, username, realm, "TheMatrIX");
  assert.ok(message.verifyIntegrity(nodeCrypto.createHmac("sha-1", key), nodeCrypto));
  const made = new StunMessage("request", StunMethod.binding, message.transactionId)
    .addText(StunAttribute.username, username)
    .addText(StunAttribute.nonce, "f//499k954d6OL34oL9FSTvy64sA")
    .addText(StunAttribute.realm, realm)
    .encode({ integrity: nodeCrypto.createHmac("sha-1", key) });
  assert.deepEqual(made, REQUEST_LONG_TERM);
});

test("RFC 8489 B.1: USERHASH and MESSAGE-INTEGRITY-SHA256", () => {
  const username = "\u30de\u30c8\u30ea\u30c3\u30af\u30b9";
  const hashed = hex("4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704");
  assert.deepEqual(new Uint8Array(userhash(nodeCrypto, username, "example.org")), hashed);
  const key = nodeCrypto.createHmac(
    "sha-256",
    longTermKey(nodeCrypto, username, "example.org", "TheMatrIX", "sha-256"),
  );
  const made = new StunMessage("request", StunMethod.binding, hex("78ad3433c6ad72c029da412e"))
    .add(StunAttribute.userhash, hashed)
    .addText(StunAttribute.nonce, "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA")
    .addText(StunAttribute.realm, "example.org")
    .addPasswordAlgorithms(
      [{ algorithm: PASSWORD_ALGORITHM_SHA256, parameters: new Uint8Array(0) }],
      StunAttribute.passwordAlgorithm,
    )
    .encode({ integritySha256: key });
  // With erratum 6268.
  assert.deepEqual(
    made,
    hex(`000100902112a44278ad3433c6ad72c029da412e
      001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704
      001500296f624d61744a6f733241414143662f2f3439396b39353464364f4c33346f4c39465354767936347341000000
      0014000b6578616d706c652e6f726700 001d000400020000
      001c0020b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65`),
  );
  const both = parseStunMessage(
    new StunMessage("request", StunMethod.binding, ID)
      .addText(StunAttribute.realm, "example.org")
      .encode({ integrity: password, integritySha256: key, fingerprint: true }),
  )!;
  assert.ok(both.verifyIntegrity(password, nodeCrypto));
  assert.ok(both.verifyIntegritySha256(key, nodeCrypto));
  assert.ok(both.fingerprint);
});

test("every class and method survives the round trip", () => {
  const classes: StunClass[] = ["request", "indication", "success", "error"];
  for (const type of classes) {
    for (const method of [1, 3, 0xf, 0x10, 0x7f, 0x80, 0xff]) {
      const parsed = parseStunMessage(new StunMessage(type, method, ID).encode({ fingerprint: true }))!;
      assert.equal(parsed.class, type);
      assert.equal(parsed.method, method);
    }
  }
});

test("typed attributes survive the round trip", () => {
  const message = new StunMessage("error", StunMethod.allocate, ID)
    .addChannelNumber(0x4001)
    .addU32(StunAttribute.lifetime, 0xffff_fff0)
    .addAddress(StunAttribute.xorPeerAddress, "192.0.2.7", 1)
    .addAddress(StunAttribute.xorPeerAddress, "2001:db8::7", 65535)
    .addAddress(StunAttribute.mappedAddress, "::ffff:192.0.2.9", 80)
    .addLeadingByte(StunAttribute.requestedTransport, 17)
    .addLeadingByte(StunAttribute.requestedAddressFamily, 2)
    .addEvenPort(true)
    .addFlag(StunAttribute.dontFragment)
    .add(StunAttribute.data, Uint8Array.of(1, 2, 3))
    .addError(487, "Role Conflict")
    .addError(440, "no", StunAttribute.addressErrorCode, 2)
    .addIcmp(3, 4, 1280)
    .addUnknownAttributes([0x7ff0, 0x7ff1, 3])
    .addPasswordAlgorithms([
      { algorithm: PASSWORD_ALGORITHM_SHA256, parameters: new Uint8Array(0) },
      { algorithm: PASSWORD_ALGORITHM_MD5, parameters: Uint8Array.of(9) },
    ]);
  const parsed = parseStunMessage(message.encode())!;
  assert.equal(parsed.channelNumber, 0x4001);
  assert.equal(parsed.u32(StunAttribute.lifetime), 0xffff_fff0);
  assert.deepEqual(parsed.peerAddresses, [
    { address: "192.0.2.7", port: 1 },
    { address: "2001:db8::7", port: 65535 },
  ]);
  assert.deepEqual(parsed.address(StunAttribute.mappedAddress), { address: "192.0.2.9", port: 80 });
  assert.equal(parsed.leadingByte(StunAttribute.requestedTransport), 17);
  assert.equal(parsed.leadingByte(StunAttribute.requestedAddressFamily), 2);
  assert.equal(parsed.evenPort, true);
  assert.ok(parsed.has(StunAttribute.dontFragment));
  assert.deepEqual(parsed.get(StunAttribute.data), Uint8Array.of(1, 2, 3));
  assert.deepEqual(parsed.error, { code: 487, reason: "Role Conflict" });
  assert.deepEqual(parsed.addressError, { family: 2, code: 440, reason: "no" });
  assert.deepEqual(parsed.icmp, { type: 3, code: 4, data: 1280 });
  assert.deepEqual(parsed.unknownAttributes, [0x7ff0, 0x7ff1, 3]);
  assert.deepEqual(parsed.passwordAlgorithms(), [
    { algorithm: PASSWORD_ALGORITHM_SHA256, parameters: new Uint8Array(0) },
    { algorithm: PASSWORD_ALGORITHM_MD5, parameters: Uint8Array.of(9) },
  ]);
  assert.ok(!parsed.verifyIntegrity(password, nodeCrypto), "no integrity is not a valid one");
});

test("attributes behind the integrity are ignored, behind the fingerprint refused", () => {
  const tail = hex("00250000");
  const base = new StunMessage("request", StunMethod.binding, ID).addText(StunAttribute.username, "a:b");
  const glue = (bytes: Uint8Array): Uint8Array => {
    const out = new Uint8Array(bytes.length + tail.length);
    out.set(bytes);
    out.set(tail, bytes.length);
    out[3] = out.length - 20;
    return out;
  };
  const behind = parseStunMessage(glue(base.encode({ integrity: password })))!;
  assert.ok(!behind.has(StunAttribute.useCandidate));
  assert.ok(behind.verifyIntegrity(password, nodeCrypto), "the length is taken as if integrity were last");
  assert.equal(parseStunMessage(glue(base.encode({ fingerprint: true }))), undefined);
  assert.ok(parseStunMessage(glue(base.encode()))!.has(StunAttribute.useCandidate));
});

test("malformed messages are refused, never an exception", () => {
  assert.equal(parseStunMessage(REQUEST.subarray(0, REQUEST.length - 4)), undefined);
  for (let i = 0; i < REQUEST.length; i++) {
    // Another type than FINGERPRINT makes it an unknown attribute behind the integrity: ignored.
    if (i === REQUEST.length - 8 || i === REQUEST.length - 7) continue;
    for (const bit of [1, 0x80]) {
      const broken = REQUEST.slice();
      broken[i]! ^= bit;
      assert.equal(parseStunMessage(broken), undefined, `byte ${i}`);
    }
    assert.equal(parseStunMessage(REQUEST.subarray(0, i)), undefined);
  }
  for (let i = 20; i < RESPONSE_V6.length - 8; i++) {
    const broken = RESPONSE_V6.slice(0, RESPONSE_V6.length - 8);
    broken[3]! -= 8;
    assert.ok(parseStunMessage(broken)!.verifyIntegrity(password, nodeCrypto));
    broken[i]! ^= 4;
    const message = parseStunMessage(broken);
    assert.ok(message === undefined || !message.verifyIntegrity(password, nodeCrypto), `byte ${i}`);
  }
  assert.ok(isStun(REQUEST));
  assert.ok(!isStun(REQUEST.subarray(0, 19)));
  assert.ok(!isStun(new Uint8Array(40)));
});

test("unknown comprehension-required attributes are named", () => {
  const message = parseStunMessage(
    new StunMessage("request", 1, ID).addFlag(0x7777).addFlag(0xc001).addFlag(0x7778).encode(),
  )!;
  assert.deepEqual(message.unknownRequired(), [0x7777, 0x7778]);
  assert.deepEqual(message.unknownRequired(new Set([0x7777])), [0x7778]);
});

test("nonce cookies and OpaqueString", () => {
  const features = FEATURE_PASSWORD_ALGORITHMS | FEATURE_USERNAME_ANONYMITY;
  assert.equal(nonceFeatures(`${nonceCookie(features)}rest`), features);
  assert.equal(nonceFeatures("obMatJos2AAAA"), 0);
  assert.equal(nonceFeatures("obMatJos2gAAA"), FEATURE_PASSWORD_ALGORITHMS);
  assert.equal(nonceFeatures("something else"), 0);
  assert.equal(nonceFeatures("obMatJos2*AAA"), 0);
  assert.equal(opaqueString("a\u3000b e\u0301"), "a b \u00e9");
});

test("reading an address and checking the integrity change nothing, also where the bytes are a Buffer", () => {
  const bytes = new StunMessage("success", StunMethod.binding, new Uint8Array(12))
    .addAddress(StunAttribute.xorMappedAddress, "2001:db8::1", 4000)
    .encode({ integrity: password, fingerprint: true });
  const received = Buffer.from(bytes);
  const message = parseStunMessage(received)!;
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(message.address(StunAttribute.xorMappedAddress), { address: "2001:db8::1", port: 4000 });
    assert.ok(message.verifyIntegrity(password, nodeCrypto));
  }
  assert.deepEqual(new Uint8Array(received), bytes);
});
