// Stream resets (RFC 6525) of which requests and answers are lost: what is lost is repeated, soon, and done once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DATA, I_DATA, RE_CONFIG } from "./chunks.js";
import { RTO_MIN } from "./options.js";
import { pad4, read16, write32 } from "./packet.js";
import { OUTGOING_SSN_RESET_REQUEST, RECONFIG_RESPONSE } from "./parameters.js";
import { RESULT_IN_PROGRESS } from "./stream-reset.js";
import { numbered, Pair } from "./testing.test.js";

/** Where the first chunk of one of these types lies in a packet, or -1. */
function chunkIn(packet: Uint8Array, ...types: number[]): number {
  for (let at = 12; at + 4 <= packet.length; at += pad4(read16(packet, at + 2))) {
    if (types.includes(packet[at]!)) return at;
  }
  return -1;
}

/** The parameter type of a packet's RE-CONFIG chunk, or -1. */
function reconfigIn(packet: Uint8Array): number {
  const at = chunkIn(packet, RE_CONFIG);
  return at < 0 ? -1 : read16(packet, at + 4);
}

test("the back-off of a reset ends with its answer, and so does the error count", () => {
  for (const kind of [OUTGOING_SSN_RESET_REQUEST, RECONFIG_RESPONSE]) {
    let packets = 0;
    // Every other one.
    const filter = (_from: number, packet: Uint8Array): boolean => reconfigIn(packet) === kind && packets++ % 2 === 0;
    const pair = new Pair({ delay: 10, filter }, { heartbeatInterval: 0 }).establish();
    const { association, outgoingResets } = pair.ends[0];
    association.send(7, 53, numbered(1, 100), {}, pair.now);
    pair.run(pair.now + 1000);
    for (let n = 1; n <= 15; n++) {
      const began = pair.now;
      association.resetStreams([7]);
      pair.run(began + 20_000, () => outgoingResets.length === n);
      assert.equal(pair.ends[0].closed, undefined, `reset ${n}`);
      assert.ok(pair.now - began < 2 * RTO_MIN, `reset ${n} took ${pair.now - began} ms`);
    }
    assert.equal(packets, 30);
  }
});

test("an answer ends the back-off also when it says that the reset is in progress", () => {
  let lose = false;
  let refuse = true;
  const asked: number[] = [];
  const filter = (from: number, packet: Uint8Array, now: number): boolean => {
    const kind = reconfigIn(packet);
    if (from === 0 && kind === OUTGOING_SSN_RESET_REQUEST) asked.push(now);
    // As older dcSCTP, which looks again only at another request.
    if (refuse && kind === RECONFIG_RESPONSE) write32(packet, chunkIn(packet, RE_CONFIG) + 12, RESULT_IN_PROGRESS);
    return lose;
  };
  const pair = new Pair({ delay: 10, filter }, { heartbeatInterval: 0 }).establish();
  const { association, outgoingResets } = pair.ends[0];
  association.send(7, 53, numbered(1, 100), {}, pair.now);
  pair.run(pair.now + 1000);
  lose = true;
  association.resetStreams([7]);
  assert.ok(pair.run(pair.now + 20_000, () => asked.length === 5));
  lose = false;
  assert.ok(pair.run(pair.now + 20_000, () => asked.length === 6));
  assert.ok(asked[5]! - asked[4]! > 10 * RTO_MIN);
  pair.run(pair.now + 100);
  refuse = false;
  assert.ok(pair.run(pair.now + 20_000, () => outgoingResets.length === 1));
  assert.ok(pair.now - asked[5]! < 2 * RTO_MIN, `${asked}, ${pair.now}`);
});

// Both sides reset the same streams, as two ends do that close a channel, the second where data of the first is missing.
for (const late of [false, true]) {
  test(`whichever of the first eight packets with resets are lost, ${late ? "and data, " : ""}each is done once, and soon`, () => {
    for (let pattern = 0; pattern < 256; pattern++) {
      const where = `lost: ${pattern.toString(2).padStart(8, "0")}`;
      let packets = 0;
      let data = 0;
      const filter = (from: number, packet: Uint8Array): boolean => {
        if (late && from === 0 && chunkIn(packet, DATA, I_DATA) >= 0 && ++data === 3) return true;
        return reconfigIn(packet) >= 0 && ((pattern >> packets++) & 1) === 1;
      };
      const pair = new Pair({ delay: 10, filter }).establish();
      for (const end of pair.ends) {
        const { association } = end;
        association.send(7, 53, numbered(0, 4), {}, pair.now);
        association.send(8, 53, numbered(0, 4), {}, pair.now);
      }
      pair.run(pair.now + 1000);
      packets = 0;
      for (const { association } of pair.ends) {
        for (let n = 1; n < 5; n++) association.send(7, 53, numbered(n, 1500), {}, pair.now);
        association.resetStreams([7, 8]);
      }
      const began = pair.now;
      const isDone = (): boolean =>
        pair.ends.every((end) => end.outgoingResets.length === 2 && end.streamsReset.length === 2);
      assert.ok(pair.run(began + 20_000, isDone), where);
      // Four losses in a row on each side, with the back-off.
      assert.ok(pair.now - began < 20 * RTO_MIN, `${where}: ${pair.now - began} ms`);
      pair.run(pair.now + 10_000);
      for (const end of pair.ends) {
        assert.ok(end.outgoingResets.every(({ ok }) => ok));
        // The stream with nothing to send may go first.
        const outgoing = end.outgoingResets.map(({ id }) => id);
        for (const ids of [outgoing, end.streamsReset]) assert.deepEqual(ids.toSorted(), [7, 8], where);
        assert.equal(end.received.length, 6, where);
      }
    }
  });
}
