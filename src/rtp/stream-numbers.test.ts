import assert from "node:assert/strict";
import { test } from "node:test";
import type { RtpPacket } from "./packet.js";
import { StreamNumbers } from "./stream-numbers.js";
import { packet } from "./testing.test.js";

const RATE = 90_000;

const from = (ssrc: number, sequence: number, timestamp: number): RtpPacket => packet(sequence, timestamp, { ssrc });

/** Sends a packet that passes through: its numbers, and whether it is the newest. */
function pass(numbers: StreamNumbers, source: RtpPacket, now: number): [number, number, boolean] {
  numbers.follow(source, RATE, now);
  const [sequence, timestamp] = [numbers.sequenceOf(source), numbers.timestampOf(source)];
  const newest = numbers.use(sequence);
  numbers.handleSent(timestamp, RATE, newest, now);
  return [sequence, timestamp, newest];
}

test("a source keeps its gaps, its order and its time; another goes on behind it", () => {
  const numbers = new StreamNumbers(0xfffe);
  assert.deepEqual(pass(numbers, from(1, 7, 5000), 0), [0xffff, 5000, true]);
  assert.deepEqual(pass(numbers, from(1, 9, 5000), 0), [1, 5000, true]);
  assert.deepEqual(pass(numbers, from(1, 8, 5000), 0), [0, 5000, false]);
  assert.equal(numbers.lastSequence, 1);
  // 100 ms later, by the clock of the stream.
  assert.deepEqual(pass(numbers, from(2, 60_000, 77), 100), [2, 14_000, true]);
  assert.deepEqual(pass(numbers, from(2, 60_001, 3077), 133), [3, 17_000, true]);
  assert.deepEqual(pass(numbers, from(1, 10, 8000), 133), [4, 17_001, true], "at least one tick");
});

test("numbers of our own go on behind those of a source, which begins anew behind them", () => {
  const numbers = new StreamNumbers(10);
  pass(numbers, from(1, 100, 0), 0);
  assert.equal(numbers.next(), 12);
  assert.deepEqual(pass(numbers, from(1, 101, 0), 0).slice(0, 2), [13, 1]);
});

test("numbers that were not sent are used again, but not those with others behind them", () => {
  const numbers = new StreamNumbers(0xfffe);
  for (let i = 0; i < 4; i++) numbers.next();
  assert.equal(numbers.lastSequence, 2);
  numbers.giveBack(0, 2, false);
  assert.equal(numbers.lastSequence, 2, "2 was sent");
  numbers.giveBack(0xffff, 4, true);
  assert.equal(numbers.next(), 0, "of a frame that was cut, 65535 stays missing");
  numbers.giveBack(0, 1, false);
  assert.equal(numbers.next(), 0);
});

test("frames of one source keep their timestamps; behind a pause only what would go back is moved, behind another source all", () => {
  const numbers = new StreamNumbers(0);
  const frame = (timestamp: number, time: number): number => {
    const sent = numbers.frameTimestamp(timestamp, RATE, time);
    numbers.setTime(sent, time);
    return sent;
  };
  assert.deepEqual([frame(1000, 0), frame(500, 10)], [1000, 500], "as the source says");
  numbers.sourceChanged(false);
  assert.equal(frame(9500, 100), 9500);
  numbers.sourceChanged(false);
  assert.equal(frame(0, 200), 18_500, "100 ms later");
  assert.equal(frame(900, 210), 19_400);
  numbers.sourceChanged(true);
  assert.equal(frame(4_000_000, 310), 28_400);
});

test("the clock of the stream follows the earliest packets, and does not what is late by jitter", () => {
  const numbers = new StreamNumbers(0);
  assert.equal(numbers.hasTime, false);
  pass(numbers, from(1, 0, 0), 1000);
  assert.equal(numbers.timestampAt(1100, RATE), 9000);
  // 64 ms late: one of them counts.
  pass(numbers, from(1, 1, 3600), 1104);
  assert.equal(numbers.timestampAt(1104, RATE), 3600 + 63 * 90);
  // Two seconds late: another time line.
  pass(numbers, from(1, 2, 7200), 3104);
  assert.equal(numbers.timestampAt(3104, RATE), 7200);
});
