// The path's MTU in the sending of data: large packets where they pass, and what happens when they no longer do.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Pair } from "./testing.test.js";

const LARGE = 16_000;
const MESSAGE = 65_536;

/** A pair whose path carries packets of up to `limit.bytes`, with the first end sending without a pause. */
function sending(limit: { bytes: number }): { pair: Pair; run: (milliseconds: number) => void } {
  const filter = (_from: number, packet: Uint8Array): boolean => packet.length > limit.bytes;
  const pair = new Pair({ delay: 1, rate: 1000, filter }, { mtu: 1188, maxMtu: LARGE }).establish();
  const { association } = pair.ends[0];
  pair.ends[1].keep = false;
  const run = (milliseconds: number): void => {
    for (const end = pair.now + milliseconds; pair.now < end; pair.run(pair.now + 2)) {
      while (association.stats.bufferedAmount < 4 * MESSAGE) {
        association.send(1, 53, new Uint8Array(MESSAGE), {}, pair.now);
        // Small ones between: they pass whatever the path carries.
        association.send(2, 53, new Uint8Array(10), {}, pair.now);
      }
    }
  };
  return { pair, run };
}

test("large packets carry many chunks, none of them larger than the safe size", () => {
  const { pair, run } = sending({ bytes: LARGE });
  pair.keepLog = true;
  run(200);
  assert.equal(pair.ends[0].association.stats.mtu, LARGE);
  const data = pair.log.filter(({ from, packet }) => from === 0 && packet.length > 15_000 && packet[12] === 0x40);
  assert.ok(data.length > 10);
  for (const { packet } of data) {
    for (let at = 12; at + 4 <= packet.length; ) {
      const length = (packet[at + 2]! << 8) | packet[at + 3]!;
      assert.ok(length <= 1176);
      at += (length + 3) & ~3;
    }
  }
});

test("a path that comes to carry less is found out within a few timeouts, and nothing is lost", () => {
  const limit = { bytes: LARGE };
  const { pair, run } = sending(limit);
  run(200);
  limit.bytes = 1200;
  run(500);
  const { association } = pair.ends[0];
  assert.equal(association.stats.mtu, 1188);
  const before = pair.ends[1].receivedBytes;
  run(500);
  assert.ok(pair.ends[1].receivedBytes - before > 1_000_000, `${pair.ends[1].receivedBytes - before} bytes`);
  run(10_000);
  assert.equal(association.stats.mtu, 1188);
  assert.equal(pair.ends[0].closed, undefined);
});

test("also where small packets still get through", () => {
  const limit = { bytes: LARGE };
  const { pair, run } = sending(limit);
  run(200);
  limit.bytes = 1200;
  const { association } = pair.ends[0];
  for (let i = 0; i < 100; i++) {
    // A packet of its own, which is acknowledged.
    association.send(3, 53, new Uint8Array(10), { unordered: true, priority: 1024 }, pair.now);
    association.flush(pair.now);
    run(10);
  }
  const before = pair.ends[1].receivedBytes;
  run(500);
  assert.ok(pair.ends[1].receivedBytes - before > 1_000_000, `${pair.ends[1].receivedBytes - before} bytes`);
});

test("the owner sets a smaller size at once, and a larger one is searched for anew", () => {
  const { pair, run } = sending({ bytes: LARGE });
  run(200);
  const { association } = pair.ends[0];
  association.setMtu(1188);
  run(100);
  assert.equal(association.stats.mtu, 1188);
  association.setMtu(1188, 8000);
  run(200);
  assert.equal(association.stats.mtu, 8000);
});

test("a timeout for another reason costs the large packets only for a moment", () => {
  const limit = { bytes: LARGE };
  const { pair, run } = sending(limit);
  run(200);
  limit.bytes = 0;
  run(300);
  const { association } = pair.ends[0];
  assert.equal(association.stats.mtu, 1188);
  limit.bytes = LARGE;
  run(600);
  assert.equal(association.stats.mtu, LARGE);
});
