import assert from "node:assert/strict";
import { test } from "node:test";
import {
  STUN_OVER_TCP,
  STUN_OVER_UDP,
  type StunSchedule,
  type StunTransaction,
  StunTransactions,
  scheduleLength,
} from "./transaction.js";

function setUp() {
  const sent: number[] = [];
  const timedOut: [string, number][] = [];
  const transactions = new StunTransactions<string>({
    transmit: (bytes, _transaction, now) => {
      assert.equal(bytes[0], 7);
      bytes[0] = 0; // The copy is ours.
      sent.push(now);
    },
    onTimeout: (transaction, now) => timedOut.push([transaction.context, now]),
  });
  const start = (context: string, schedule: StunSchedule, now: number, n = 1): StunTransaction<string> =>
    transactions.start(new Uint8Array(12).fill(n), Uint8Array.of(7), context, schedule, now);
  const run = (until: number): void => {
    for (;;) {
      const at = transactions.deadline;
      if (at > until) return;
      transactions.handleTimeout(at);
    }
  };
  return { sent, timedOut, transactions, start, run };
}

test("retransmits and gives up as RFC 8489 §6.2.1 says", () => {
  const { sent, timedOut, start, run, transactions } = setUp();
  start("a", STUN_OVER_UDP, 0);
  run(100_000);
  assert.deepEqual(sent, [0, 500, 1500, 3500, 7500, 15500, 31500]);
  assert.deepEqual(timedOut, [["a", 39500]]);
  assert.equal(scheduleLength(STUN_OVER_UDP), 39500);
  assert.equal(transactions.deadline, Infinity);
  start("b", STUN_OVER_TCP, 0);
  run(100_000);
  assert.deepEqual(timedOut[1], ["b", 39500]);
  assert.equal(sent.length, 8);
});

test("an answer ends it, once, and only for the whole id", () => {
  const { sent, timedOut, start, run, transactions } = setUp();
  const transaction = start("a", STUN_OVER_UDP, 0, 3);
  assert.equal(transactions.find(new Uint8Array(12).fill(4)), undefined);
  const almost = new Uint8Array(12).fill(3);
  almost[11] = 9;
  assert.equal(transactions.find(almost), undefined);
  assert.equal(transactions.find(new Uint8Array(12).fill(3)), transaction);
  transactions.settle(transaction);
  assert.equal(transactions.find(new Uint8Array(12).fill(3)), undefined);
  run(100_000);
  assert.equal(sent.length, 1);
  assert.equal(timedOut.length, 0);
});

test("can be hurried and silenced; the doubling has a ceiling", () => {
  const { sent, timedOut, start, run, transactions } = setUp();
  const schedule: StunSchedule = { rto: 100, rc: 6, lastWait: 400, maxInterval: 300 };
  const a = start("a", schedule, 0);
  transactions.expedite(a, 10);
  run(10_000);
  assert.deepEqual(sent, [0, 10, 110, 310, 610, 910]);
  assert.deepEqual(timedOut, [["a", 1310]]);
  assert.equal(scheduleLength(schedule), 100 + 200 + 300 + 300 + 300 + 400);
  const b = start("b", schedule, 2000);
  transactions.stopSending(b);
  run(10_000);
  assert.equal(sent.length, 7);
  assert.deepEqual(timedOut[1], ["b", 2400]);
});
