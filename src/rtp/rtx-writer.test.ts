import assert from "node:assert/strict";
import { test } from "node:test";
import { ExtensionBlock } from "./extension-block.js";
import { ExtensionKind, HeaderExtensions } from "./extensions.js";
import { RtpPacket } from "./packet.js";
import { RtxWriter } from "./rtx-writer.js";
import { EXTENSIONS, packet } from "./testing.test.js";

const RID = Uint8Array.of(104, 105);

function setUp(): { readonly block: ExtensionBlock; readonly writer: RtxWriter } {
  const extensions = new HeaderExtensions(EXTENSIONS);
  const owner = {
    extensions,
    extensionMask: extensions.mask,
    alwaysTwoByte: false,
    mayMix: true,
    mid: Uint8Array.of(48),
  };
  const block = new ExtensionBlock();
  return { block, writer: new RtxWriter(owner, block, 0xfffe) };
}

/** What was written is in memory that serves again. */
function read(bytes: Uint8Array): RtpPacket {
  const parsed = new RtpPacket();
  assert.ok(parsed.parse(bytes.slice()));
  return parsed;
}

test("a repeat has the number of before in front of its payload, numbers and a type of its own, and names until it is known", () => {
  const { block, writer } = setUp();
  const payload = Uint8Array.from({ length: 3000 }, (_, i) => i);
  const original = packet(4660, 9000, { payload, marker: false });
  const first = read(writer.repeat(original, 4660, 1001, 97, RID));
  assert.deepEqual([first.ssrc, first.sequenceNumber, first.payloadType], [1001, 0xffff, 97]);
  assert.deepEqual([first.timestamp, first.marker], [9000, false]);
  assert.deepEqual(first.payload(), Uint8Array.of(0x12, 0x34, ...payload));
  assert.ok(block.transportAt > 0 && block.sendTimeAt > 0);
  writer.acknowledged = true;
  const second = read(writer.repeat(original, 4660, 1001, 97, RID));
  assert.equal(second.sequenceNumber, 0);
  assert.ok(second.extensionLength < first.extensionLength);
});

test("padding has no payload, is as long as asked as far as one packet goes, and takes the next number", () => {
  const { writer } = setUp();
  for (const [i, [wanted, length]] of (
    [
      [100, 100],
      [1000, 224],
      [0, 1],
    ] as const
  ).entries()) {
    const bytes = writer.padding(wanted, 9000, 1001, 97, undefined);
    assert.equal(bytes.at(-1), length);
    const parsed = read(bytes);
    assert.deepEqual([parsed.sequenceNumber, parsed.timestamp, parsed.payloadLength], [(0xffff + i) & 0xffff, 9000, 0]);
    assert.equal(parsed.length, parsed.payloadOffset + length);
  }
});

test("both tell of which encoding they are as long as the peer does not know", () => {
  const { writer } = setUp();
  const extensions = new HeaderExtensions(EXTENSIONS);
  const bit = (kind: ExtensionKind): number => 1 << kind;
  const names = bit(ExtensionKind.mid) | bit(ExtensionKind.repairedRid);
  for (const write of [
    () => writer.repeat(packet(1, 0), 1, 1001, 97, RID),
    () => writer.padding(50, 0, 1001, 97, RID),
  ]) {
    for (const known of [false, true]) {
      writer.acknowledged = known;
      const parsed = new RtpPacket();
      assert.ok(parsed.parse(write()));
      extensions.find(parsed);
      assert.equal(extensions.presentMask & (names | bit(ExtensionKind.rid)), known ? 0 : names);
    }
  }
});
