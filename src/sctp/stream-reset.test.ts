// Stream reconfiguration (RFC 6525) by itself: requests that must wait for data, and what peers make of that.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RE_CONFIG } from "./chunks.js";
import { read16, read32, write16, write32 } from "./packet.js";
import { OUTGOING_SSN_RESET_REQUEST, RECONFIG_RESPONSE } from "./parameters.js";
import {
  RESULT_ALREADY_IN_PROGRESS,
  RESULT_BAD_SEQUENCE,
  RESULT_DENIED,
  RESULT_IN_PROGRESS,
  RESULT_PERFORMED,
  StreamReset,
} from "./stream-reset.js";

const LOCAL_TSN = 1000;
const PEER_TSN = 5000;

class Bed {
  readonly incoming: (readonly number[])[] = [];
  readonly outgoing: { ids: readonly number[]; ok: boolean }[] = [];
  readonly resets: StreamReset = new StreamReset({
    resetIncoming: (ids) => this.incoming.push(ids),
    onOutgoingReset: (ids, ok) => this.outgoing.push({ ids, ok }),
    onResetRequested: () => {},
  });

  constructor() {
    this.resets.begin(LOCAL_TSN, PEER_TSN);
  }

  /** The peer asks for a reset; what is answered at once, as [sequence, result]. */
  ask(sequence: number, lastTsn: number, ids: readonly number[], cumulativeTsn: number): [number, number][] {
    const chunk = new Uint8Array(20 + 2 * ids.length);
    chunk[0] = RE_CONFIG;
    write16(chunk, 2, chunk.length);
    write16(chunk, 4, OUTGOING_SSN_RESET_REQUEST);
    write16(chunk, 6, chunk.length - 4);
    write32(chunk, 8, sequence);
    write32(chunk, 16, lastTsn);
    // Behind the three numbers.
    const whole = new Uint8Array(chunk.length);
    whole.set(chunk);
    ids.forEach((id, i) => {
      write16(whole, 20 + 2 * i, id);
    });
    assert.ok(this.resets.handle(whole, 0, whole.length, cumulativeTsn));
    return this.answers();
  }

  /** The peer's answer to a request. */
  answer(sequence: number, result: number): void {
    const chunk = new Uint8Array(16);
    chunk[0] = RE_CONFIG;
    write16(chunk, 2, 16);
    write16(chunk, 4, RECONFIG_RESPONSE);
    write16(chunk, 6, 12);
    write32(chunk, 8, sequence);
    write32(chunk, 12, result);
    assert.ok(this.resets.handle(chunk, 0, 16, 0));
  }

  answers(): [number, number][] {
    const out: [number, number][] = [];
    for (const chunk of this.resets.pending.splice(0)) {
      assert.equal(read16(chunk, 4), RECONFIG_RESPONSE);
      out.push([read32(chunk, 8), read32(chunk, 12)]);
    }
    return out;
  }

  /** Sends what is due; the sequence number of the request among it, if there is one. */
  send(lastTsn: number, acknowledgedTsn: number): number | undefined {
    this.resets.prepare(lastTsn, 1000);
    const request = this.resets.pending.splice(0).find((chunk) => read16(chunk, 4) === OUTGOING_SSN_RESET_REQUEST);
    if (request === undefined) return undefined;
    this.resets.onSent(0, 100, acknowledgedTsn);
    assert.equal(read32(request, 16), lastTsn);
    assert.equal(read16(request, 20), 7);
    return read32(request, 8);
  }
}

test("a reset that waits for data is said to be in progress at once, and performed when the data is there (RFC 6525 §5.2.2)", () => {
  const bed = new Bed();
  assert.deepEqual(bed.ask(PEER_TSN, PEER_TSN + 9, [7], PEER_TSN + 5), [[PEER_TSN, RESULT_IN_PROGRESS]]);
  assert.deepEqual(bed.ask(PEER_TSN, PEER_TSN + 9, [7], PEER_TSN + 6), [[PEER_TSN, RESULT_IN_PROGRESS]]);
  bed.resets.onCumulativeTsn(PEER_TSN + 8);
  assert.deepEqual([bed.incoming, bed.answers()], [[], []]);
  bed.resets.onCumulativeTsn(PEER_TSN + 9);
  assert.deepEqual([bed.incoming, bed.answers()], [[[7]], [[PEER_TSN, RESULT_PERFORMED]]]);
  assert.deepEqual(bed.ask(PEER_TSN, PEER_TSN + 9, [7], PEER_TSN + 9), [[PEER_TSN, RESULT_PERFORMED]]);
  assert.deepEqual(bed.incoming, [[7]]);
});

test("a peer that takes a new number to ask again after in progress, as older dcSCTP does, is understood", () => {
  // While the data is still missing.
  const early = new Bed();
  early.ask(PEER_TSN, PEER_TSN + 9, [7, 8], PEER_TSN + 5);
  assert.deepEqual(early.ask(PEER_TSN + 1, PEER_TSN + 9, [7, 8], PEER_TSN + 5), [[PEER_TSN + 1, RESULT_IN_PROGRESS]]);
  assert.deepEqual(early.ask(PEER_TSN + 2, PEER_TSN + 9, [7, 8], PEER_TSN + 5), [[PEER_TSN + 2, RESULT_IN_PROGRESS]]);
  early.resets.onCumulativeTsn(PEER_TSN + 9);
  assert.deepEqual([early.incoming, early.answers()], [[[7, 8]], [[PEER_TSN + 2, RESULT_PERFORMED]]]);
  assert.deepEqual(early.ask(PEER_TSN + 3, PEER_TSN + 12, [7], PEER_TSN + 12), [[PEER_TSN + 3, RESULT_PERFORMED]]);
  assert.deepEqual(early.incoming, [[7, 8], [7]]);

  // When it is there: what was done is not done again, as the streams may be in use again.
  const late = new Bed();
  late.ask(PEER_TSN, PEER_TSN + 9, [7, 8], PEER_TSN + 5);
  late.resets.onCumulativeTsn(PEER_TSN + 9);
  late.answers();
  assert.deepEqual(late.ask(PEER_TSN + 1, PEER_TSN + 9, [7, 8], PEER_TSN + 9), [[PEER_TSN + 1, RESULT_PERFORMED]]);
  assert.deepEqual(late.incoming, [[7, 8]]);
  // And that is the only exception.
  assert.deepEqual(late.ask(PEER_TSN + 2, PEER_TSN + 9, [7, 8], PEER_TSN + 9), [[PEER_TSN + 2, RESULT_PERFORMED]]);
  assert.deepEqual(late.incoming, [
    [7, 8],
    [7, 8],
  ]);
});

test("another request while one waits is refused", () => {
  const bed = new Bed();
  bed.ask(PEER_TSN, PEER_TSN + 9, [7], PEER_TSN + 5);
  assert.deepEqual(bed.ask(PEER_TSN + 1, PEER_TSN + 10, [8], PEER_TSN + 5), [
    [PEER_TSN + 1, RESULT_ALREADY_IN_PROGRESS],
  ]);
  assert.deepEqual(bed.ask(PEER_TSN + 2, PEER_TSN + 9, [7], PEER_TSN + 5), [[PEER_TSN + 2, RESULT_BAD_SEQUENCE]]);
});

test("told that our reset is in progress we ask again under the same number, until all our data is acknowledged", () => {
  const bed = new Bed();
  bed.resets.want(7);
  assert.equal(bed.send(LOCAL_TSN + 9, LOCAL_TSN + 5), LOCAL_TSN);
  for (let i = 0; i < 5; i++) {
    bed.answer(LOCAL_TSN, RESULT_IN_PROGRESS);
    bed.resets.handleTimeout();
    assert.equal(bed.send(LOCAL_TSN + 9, LOCAL_TSN + 8), LOCAL_TSN);
  }
  // It is all there now, which an answer to an earlier request cannot know.
  bed.resets.handleTimeout();
  assert.equal(bed.send(LOCAL_TSN + 9, LOCAL_TSN + 9), LOCAL_TSN);
  bed.answer(LOCAL_TSN, RESULT_IN_PROGRESS);
  bed.resets.handleTimeout();
  assert.equal(bed.send(LOCAL_TSN + 9, LOCAL_TSN + 9), LOCAL_TSN);
  bed.answer(LOCAL_TSN, RESULT_IN_PROGRESS);
  // older dcSCTP never looks again at a request that it has called in progress: it needs another one.
  bed.resets.handleTimeout();
  assert.equal(bed.send(LOCAL_TSN + 9, LOCAL_TSN + 9), LOCAL_TSN + 1);
  bed.answer(LOCAL_TSN + 1, RESULT_PERFORMED);
  assert.deepEqual(bed.outgoing, [{ ids: [7], ok: true }]);
  assert.equal(bed.resets.deadline, Number.POSITIVE_INFINITY);
});

test("what is denied is over", () => {
  const bed = new Bed();
  bed.resets.want(7);
  assert.equal(bed.send(LOCAL_TSN + 9, LOCAL_TSN + 9), LOCAL_TSN);
  bed.answer(LOCAL_TSN, RESULT_DENIED);
  assert.deepEqual(bed.outgoing, [{ ids: [7], ok: false }]);
});
