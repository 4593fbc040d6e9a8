import assert from "node:assert/strict";
import { test } from "node:test";
import type { Channel } from "./channel.js";
import { EarlyMessages } from "./early-messages.js";
import { PartialMessages } from "./partial-messages.js";

test("what is kept of a packet holds no more memory than it shows, also where packets are Buffers", () => {
  const packet = Buffer.alloc(65_536);
  const part = packet.subarray(100, 101);
  const channel = { partial: [] as Uint8Array[], partialBytes: 0 };
  new PartialMessages(1000).keep(channel as unknown as Channel, part);
  assert.equal(channel.partial[0]!.buffer.byteLength, 1);
  const early = new EarlyMessages();
  early.keep(1, 53, part);
  assert.equal(early.take(1)[0]!.data.buffer.byteLength, 1);
});
