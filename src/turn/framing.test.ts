import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStunMessage, StunAttribute, StunMessage, StunMethod } from "../stun/message.js";
import { parseIp } from "../util/ip.js";
import { isChannelData, PacketMemory, StreamDeframer, writeChannelData, writeSendIndication } from "./framing.js";

const memory = new PacketMemory();
const id = Uint8Array.from({ length: 12 }, (_, i) => i * 17);

function collect(): { deframer: StreamDeframer; messages: Uint8Array[] } {
  const messages: Uint8Array[] = [];
  return { deframer: new StreamDeframer({ onMessage: (m) => messages.push(m.slice()) }), messages };
}

test("ChannelData: header, and padding on streams only", () => {
  assert.deepEqual([...writeChannelData(0x4001, Uint8Array.of(1, 2, 3), false, memory)], [0x40, 1, 0, 3, 1, 2, 3]);
  assert.deepEqual([...writeChannelData(0x4fff, Uint8Array.of(1, 2, 3), true, memory)], [0x4f, 0xff, 0, 3, 1, 2, 3, 0]);
  assert.equal(writeChannelData(0x4000, new Uint8Array(1200), true, memory).length, 1204);
  assert.ok(isChannelData(Uint8Array.of(0x40, 0, 0, 0)));
  assert.ok(!isChannelData(Uint8Array.of(0x50, 0, 0, 0)));
  assert.ok(!isChannelData(Uint8Array.of(0x40, 0, 0)));
});

test("a Send indication is what the codec writes", () => {
  for (const [address, port] of [
    ["203.0.113.7", 4660],
    ["2001:db8::7", 65535],
  ] as const) {
    for (const length of [0, 1, 4, 1201]) {
      const data = new Uint8Array(length).fill(7);
      const expected = new StunMessage("indication", StunMethod.send, id)
        .addAddress(StunAttribute.xorPeerAddress, address, port)
        .add(StunAttribute.data, data)
        .encode();
      const written = writeSendIndication(parseIp(address)!, port, data, id, memory);
      assert.deepEqual(written, expected);
      assert.deepEqual(parseStunMessage(written!)!.address(StunAttribute.xorPeerAddress), { address, port });
    }
  }
  assert.equal(writeSendIndication(parseIp("1.2.3.4")!, 1, new Uint8Array(65_536), id, memory), undefined);
});

const stream = ((): { bytes: Uint8Array; messages: Uint8Array[] } => {
  const messages = [
    writeChannelData(0x4000, Uint8Array.of(1, 2, 3, 4, 5), true, memory),
    new StunMessage("indication", StunMethod.data, id).add(StunAttribute.data, Uint8Array.of(9)).encode(),
    writeChannelData(0x4001, new Uint8Array(0), true, memory),
    new StunMessage("success", StunMethod.binding, id).encode(),
    writeChannelData(0x4002, new Uint8Array(300).fill(3), true, memory),
    writeChannelData(0x4003, Uint8Array.of(1), true, memory),
  ];
  const bytes = new Uint8Array(messages.reduce((sum, m) => sum + m.length, 0));
  let at = 0;
  for (const message of messages) {
    bytes.set(message, at);
    at += message.length;
  }
  return { bytes, messages };
})();

test("a stream is cut into the same messages wherever it is broken in two", () => {
  for (let cut = 0; cut <= stream.bytes.length; cut++) {
    const { deframer, messages } = collect();
    assert.ok(deframer.push(stream.bytes.slice(0, cut), 0));
    assert.ok(deframer.push(stream.bytes.slice(cut), 0));
    assert.deepEqual(messages, stream.messages, `cut at ${cut}`);
  }
});

test("and however it is chopped", () => {
  for (let step = 1; step < 40; step++) {
    const { deframer, messages } = collect();
    for (let at = 0; at < stream.bytes.length; at += step) deframer.push(stream.bytes.slice(at, at + step), 0);
    assert.deepEqual(messages, stream.messages, `chopped by ${step}`);
  }
});

test("what begins no message ends the stream", () => {
  for (const bad of [
    [0x80, 0, 0, 0],
    [0x50, 0, 0, 0],
    [0x00, 0x01, 0, 3],
    [0xff, 0xff, 0xff, 0xff],
  ]) {
    const whole = collect();
    assert.ok(!whole.deframer.push(Uint8Array.from([...stream.bytes, ...bad]), 0));
    assert.equal(whole.messages.length, stream.messages.length);
    assert.ok(!whole.deframer.push(stream.bytes, 0), "and stays ended");
    assert.equal(whole.messages.length, stream.messages.length);
    const slow = collect();
    for (const byte of bad.slice(0, 3)) assert.ok(slow.deframer.push(Uint8Array.of(byte), 0));
    assert.ok(!slow.deframer.push(Uint8Array.of(bad[3]!), 0));
  }
});

test("packet memory is zero and handed out once", () => {
  const taken = Array.from({ length: 200 }, (_, i) => new PacketMemory().take(i));
  const shared = new PacketMemory();
  for (let i = 0; i < 200; i++) {
    const piece = shared.take(1000 + i);
    assert.equal(piece.length, 1000 + i);
    assert.ok(piece.every((byte) => byte === 0));
    piece.fill(i);
    taken.push(piece);
  }
  for (let i = 0; i < 200; i++) assert.ok(taken[200 + i]!.every((byte) => byte === i));
  assert.equal(shared.take(60_000).length, 60_000);
});
