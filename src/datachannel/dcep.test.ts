import assert from "node:assert/strict";
import { test } from "node:test";
import { hexDecode, hexEncode } from "../util/text.js";
import { type ChannelOpen, parseDcep, writeOpen } from "./dcep.js";

test("DATA_CHANNEL_OPEN has the layout of RFC 8832 §5.1", () => {
  const open: ChannelOpen = { label: "hi", protocol: "p", ordered: false, maxRetransmits: 3, priority: "high" };
  assert.equal(hexEncode(writeOpen(open)), "038104000000000300020001686970");
  assert.deepEqual(parseDcep(hexDecode("038104000000000300020001686970")!), {
    kind: "open",
    open: { ...open, maxPacketLifeTime: undefined },
  });
});

test("every channel type survives a round trip", () => {
  for (const ordered of [true, false]) {
    for (const limit of [{}, { maxRetransmits: 0 }, { maxPacketLifeTime: 65_535 }]) {
      const open = { label: "ünï", protocol: "", ordered, priority: "low", ...limit } as const;
      const parsed = parseDcep(writeOpen(open));
      assert.ok(parsed?.kind === "open");
      assert.deepEqual(parsed.open, { maxRetransmits: undefined, maxPacketLifeTime: undefined, ...open });
    }
  }
});

test("malformed messages are refused", () => {
  const good = writeOpen({ label: "label", protocol: "proto", ordered: true, priority: "medium" });
  for (let length = 0; length < good.length; length++) assert.equal(parseDcep(good.subarray(0, length)), undefined);
  assert.equal(parseDcep(Uint8Array.of(...good, 0)), undefined);
  assert.equal(parseDcep(Uint8Array.of(9)), undefined);
  const type = good.slice();
  type[1] = 0x03;
  assert.equal(parseDcep(type), undefined);
  const text = good.slice();
  text[12] = 0xff;
  assert.equal(parseDcep(text), undefined);
  assert.deepEqual(parseDcep(Uint8Array.of(2)), { kind: "ack" });
});
