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
  RESULT_NOTHING_TO_DO,
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
  send(lastTsn: number): number | undefined {
    this.resets.prepare(lastTsn, 1000);
    const request = this.resets.pending.splice(0).find((chunk) => read16(chunk, 4) === OUTGOING_SSN_RESET_REQUEST);
    if (request === undefined) return undefined;
    this.resets.onSent(0, 100);
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

test("several requests at once, as Pion makes them, in any order and lost: each is performed once", () => {
  const bed = new Bed();
  assert.deepEqual(bed.ask(PEER_TSN + 1, PEER_TSN + 9, [8], PEER_TSN + 9), [[PEER_TSN + 1, RESULT_PERFORMED]]);
  assert.deepEqual(bed.ask(PEER_TSN + 2, PEER_TSN + 12, [9, 10], PEER_TSN + 9), [[PEER_TSN + 2, RESULT_IN_PROGRESS]]);
  assert.deepEqual(bed.ask(PEER_TSN + 3, PEER_TSN + 11, [11], PEER_TSN + 9), [[PEER_TSN + 3, RESULT_IN_PROGRESS]]);
  assert.deepEqual(bed.ask(PEER_TSN + 1, PEER_TSN + 9, [8], PEER_TSN + 9), [[PEER_TSN + 1, RESULT_PERFORMED]]);
  assert.deepEqual(bed.ask(PEER_TSN, PEER_TSN + 5, [7], PEER_TSN + 9), [[PEER_TSN, RESULT_PERFORMED]]);
  bed.resets.onCumulativeTsn(PEER_TSN + 11);
  assert.deepEqual(bed.answers(), [[PEER_TSN + 3, RESULT_PERFORMED]]);
  bed.resets.onCumulativeTsn(PEER_TSN + 12);
  assert.deepEqual(bed.answers(), [[PEER_TSN + 2, RESULT_PERFORMED]]);
  assert.deepEqual(bed.incoming, [[8], [7], [11], [9, 10]]);
  assert.deepEqual(bed.ask(PEER_TSN + 2, PEER_TSN + 12, [9, 10], PEER_TSN + 12), [[PEER_TSN + 2, RESULT_PERFORMED]]);
  assert.equal(bed.incoming.length, 4);
});

test("numbers far from the next one are bad; what waits, is answered or remembered is bounded", () => {
  const bed = new Bed();
  const bad = (sequence: number): void => {
    assert.deepEqual(bed.ask(sequence, PEER_TSN, [1], PEER_TSN), [[sequence >>> 0, RESULT_BAD_SEQUENCE]]);
  };
  bad(PEER_TSN - 1);
  bad(PEER_TSN + 16);
  bad(PEER_TSN + 0x8000_0000);
  for (let i = 0; i < 16; i++) {
    assert.deepEqual(bed.ask(PEER_TSN + i, PEER_TSN + 9 + i, [i], PEER_TSN), [[PEER_TSN + i, RESULT_IN_PROGRESS]]);
  }
  const seventeenth = PEER_TSN + 16;
  const refused = [[seventeenth, RESULT_ALREADY_IN_PROGRESS]];
  assert.deepEqual(bed.ask(seventeenth, PEER_TSN + 99, [99], PEER_TSN), refused);
  bed.resets.onCumulativeTsn(PEER_TSN + 9);
  bed.answers();
  assert.deepEqual(bed.ask(seventeenth, PEER_TSN + 99, [99], PEER_TSN), [[seventeenth, RESULT_IN_PROGRESS]]);
  // All at once, without anything being sent.
  bed.resets.onCumulativeTsn(PEER_TSN + 99);
  assert.equal(bed.incoming.length, 17);
  assert.equal(bed.answers().length, 16);
  for (let i = 17; i < 1000; i++) bed.ask(PEER_TSN + i, PEER_TSN, [i], PEER_TSN + 99);
  const { results } = bed.resets as unknown as { results: Map<number, number> };
  assert.ok(results.size <= 32, `${results.size}`);
  bad(PEER_TSN + 17);
});

test("told that our reset is in progress we ask again after a timeout, under the next number", () => {
  const bed = new Bed();
  bed.resets.want(7);
  assert.equal(bed.send(LOCAL_TSN + 9), LOCAL_TSN);
  for (let n = 0; n < 3; n++) {
    bed.answer(LOCAL_TSN + n, RESULT_IN_PROGRESS);
    assert.equal(bed.send(LOCAL_TSN + 9), undefined, "not at once");
    // Once more is no news, nor is an answer that was late.
    bed.answer(LOCAL_TSN + n, RESULT_IN_PROGRESS);
    assert.equal(bed.resets.handleTimeout(), false, "the peer has answered");
    assert.equal(bed.send(LOCAL_TSN + 9), LOCAL_TSN + n + 1);
  }
  // Refused as it was asked for before: of that an answer is to come yet.
  bed.answer(LOCAL_TSN + 1, RESULT_ALREADY_IN_PROGRESS);
  assert.equal(bed.resets.handleTimeout(), true);
  assert.equal(bed.send(LOCAL_TSN + 9), LOCAL_TSN + 3);
  bed.answer(LOCAL_TSN + 3, RESULT_PERFORMED);
  assert.deepEqual(bed.outgoing, [{ ids: [7], ok: true }]);
  assert.equal(bed.resets.deadline, Number.POSITIVE_INFINITY);
  bed.answer(LOCAL_TSN + 3, RESULT_PERFORMED);
  assert.equal(bed.outgoing.length, 1);
  bed.resets.want(7);
  assert.equal(bed.send(LOCAL_TSN + 12), LOCAL_TSN + 4);
});

test("a peer that answers again by itself, as usrsctp and Pion do, is not asked again", () => {
  // Before the next number was used: it stays the next one.
  const early = new Bed();
  early.resets.want(7);
  early.send(LOCAL_TSN + 9);
  early.answer(LOCAL_TSN, RESULT_IN_PROGRESS);
  early.answer(LOCAL_TSN, RESULT_PERFORMED);
  assert.deepEqual(early.outgoing, [{ ids: [7], ok: true }]);
  assert.equal(early.send(LOCAL_TSN + 9), undefined);
  early.resets.want(7);
  assert.equal(early.send(LOCAL_TSN + 12), LOCAL_TSN + 1);

  // After that, or while it is waiting to be sent.
  for (const sent of [true, false]) {
    const late = new Bed();
    late.resets.want(7);
    late.send(LOCAL_TSN + 9);
    late.answer(LOCAL_TSN, RESULT_IN_PROGRESS);
    late.resets.handleTimeout();
    if (sent) assert.equal(late.send(LOCAL_TSN + 9), LOCAL_TSN + 1);
    late.answer(LOCAL_TSN, RESULT_PERFORMED);
    late.answer(LOCAL_TSN + 1, RESULT_PERFORMED);
    assert.deepEqual(late.outgoing, [{ ids: [7], ok: true }]);
    assert.equal(late.send(LOCAL_TSN + 9), undefined);
    late.resets.want(7);
    assert.equal(late.send(LOCAL_TSN + 12), LOCAL_TSN + (sent ? 2 : 1));
  }
});

test("nothing to do, said of a repeated request, may be said of one in progress: it is asked for once more", () => {
  const bed = new Bed();
  bed.resets.want(7);
  bed.send(LOCAL_TSN + 9);
  // The answer was lost.
  bed.resets.handleTimeout();
  assert.equal(bed.send(LOCAL_TSN + 9), LOCAL_TSN);
  bed.answer(LOCAL_TSN, RESULT_NOTHING_TO_DO);
  assert.deepEqual(bed.outgoing, []);
  bed.resets.handleTimeout();
  assert.equal(bed.send(LOCAL_TSN + 9), LOCAL_TSN + 1);
  bed.resets.handleTimeout();
  assert.equal(bed.send(LOCAL_TSN + 9), LOCAL_TSN + 1);
  bed.answer(LOCAL_TSN + 1, RESULT_NOTHING_TO_DO);
  assert.deepEqual(bed.outgoing, [{ ids: [7], ok: true }]);

  // Of a request that was sent once it is what it says.
  const once = new Bed();
  once.resets.want(7);
  once.send(LOCAL_TSN + 9);
  once.answer(LOCAL_TSN, RESULT_NOTHING_TO_DO);
  assert.deepEqual(once.outgoing, [{ ids: [7], ok: true }]);
});

test("what is denied is over", () => {
  const bed = new Bed();
  bed.resets.want(7);
  assert.equal(bed.send(LOCAL_TSN + 9), LOCAL_TSN);
  bed.answer(LOCAL_TSN, RESULT_DENIED);
  assert.deepEqual(bed.outgoing, [{ ids: [7], ok: false }]);
});
