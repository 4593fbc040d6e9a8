import assert from "node:assert/strict";
import { test } from "node:test";
import { DNS_TYPE_A, DNS_TYPE_AAAA, parseDnsMessage, writeDnsAnswer, writeDnsQuery } from "./dns-message.js";

test("a query asks for both address types", () => {
  const message = parseDnsMessage(writeDnsQuery("Peer.local"))!;
  assert.equal(message.isResponse, false);
  assert.deepEqual(
    message.questions.map(({ name, type, unicast }) => [name, type, unicast]),
    [
      ["peer.local", DNS_TYPE_A, false],
      ["peer.local", DNS_TYPE_AAAA, false],
    ],
  );
});

test("an answer carries its address", () => {
  const address = Uint8Array.of(192, 0, 2, 7);
  const message = parseDnsMessage(writeDnsAnswer(9, "peer.local", address, 120))!;
  assert.equal(message.isResponse, true);
  assert.equal(message.id, 9);
  assert.deepEqual(message.addresses, [{ name: "peer.local", type: DNS_TYPE_A, address, ttl: 120 }]);
});

test("compressed names are followed, and loops of them are not", () => {
  const name = [4, 0x70, 0x65, 0x65, 0x72, 5, 0x6c, 0x6f, 0x63, 0x61, 0x6c, 0];
  const record = [0xc0, 12, 0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4, 10, 0, 0, 1];
  const packet = Uint8Array.of(0, 0, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0, ...name, 0, 1, 0, 1, ...record);
  assert.equal(parseDnsMessage(packet)?.addresses[0]?.name, "peer.local");
  const loop = Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1);
  assert.equal(parseDnsMessage(loop), undefined);
});
