import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRtcp, RtcpWriter } from "../rtcp.js";
import { MAX_ARRIVALS, TransportFeedbackRecorder } from "./transport-feedback-recorder.js";

/** All that is due, as [sequence, arrival in ms or NaN], and the messages' count. */
function collect(recorder: TransportFeedbackRecorder, now: number): { packets: [number, number][]; messages: number } {
  const packets: [number, number][] = [];
  let messages = 0;
  const writer = new RtcpWriter(1200);
  for (;;) {
    writer.begin();
    if (!recorder.write(writer, 1, now)) break;
    messages++;
    assert.ok(
      parseRtcp(writer.data, writer.length, {
        onTransportFeedback(feedback) {
          for (let i = 0; i < feedback.count; i++) {
            packets.push([
              (feedback.baseSequence + i) & 0xffff,
              feedback.referenceMilliseconds + feedback.arrivals[i]!,
            ]);
          }
        },
      }),
    );
    assert.ok(messages < 100);
  }
  return { packets, messages };
}

test("says when each packet came, and which did not; then nothing is due", () => {
  const recorder = new TransportFeedbackRecorder();
  assert.equal(recorder.deadline, Number.POSITIVE_INFINITY);
  recorder.onPacket(65_534, 7, 1000);
  recorder.onPacket(65_535, 7, 1010.25);
  recorder.onPacket(1, 7, 1020);
  assert.equal(recorder.deadline, 1000);
  const { packets } = collect(recorder, 1050);
  assert.deepEqual(packets, [
    [65_534, 1000],
    [65_535, 1010.25],
    [0, Number.NaN],
    [1, 1020],
  ]);
  assert.equal(recorder.deadline, Number.POSITIVE_INFINITY);
});

test("feedback goes each 50 to 250 ms, as our own rate allows", () => {
  const recorder = new TransportFeedbackRecorder();
  recorder.onPacket(0, 7, 1000);
  collect(recorder, 1000);
  recorder.onPacket(1, 7, 1001);
  assert.equal(recorder.deadline, 1100);
  collect(recorder, 1100);
  recorder.setSendBitrate(10_000_000);
  recorder.onPacket(2, 7, 1101);
  assert.equal(recorder.deadline, 1150);
  collect(recorder, 1150);
  recorder.setSendBitrate(1000);
  recorder.onPacket(3, 7, 1151);
  assert.equal(recorder.deadline, 1400);
});

test("a loss before the next packet is told with it", () => {
  const recorder = new TransportFeedbackRecorder();
  recorder.onPacket(10, 7, 1000);
  collect(recorder, 1000);
  recorder.onPacket(13, 7, 1050);
  assert.deepEqual(collect(recorder, 1100).packets, [
    [11, Number.NaN],
    [12, Number.NaN],
    [13, 1050],
  ]);
});

test("a packet that comes late is told, with what was told already behind it; a second copy is not", () => {
  const recorder = new TransportFeedbackRecorder();
  recorder.onPacket(10, 7, 1000);
  recorder.onPacket(12, 7, 1002);
  collect(recorder, 1050);
  recorder.onPacket(11, 7, 1060);
  recorder.onPacket(12, 7, 1061);
  assert.deepEqual(collect(recorder, 1150).packets, [
    [11, 1060],
    [12, 1002],
  ]);
});

test("what was reported long ago is forgotten", () => {
  const recorder = new TransportFeedbackRecorder();
  for (let i = 0; i < 10; i++) recorder.onPacket(i, 7, 1000 + i);
  collect(recorder, 1100);
  for (let i = 20; i < 30; i++) recorder.onPacket(i, 7, 2000 + i);
  collect(recorder, 2100);
  recorder.onPacket(15, 7, 2110);
  const { packets } = collect(recorder, 2200);
  assert.equal(packets[0]![0], 15);
  assert.equal(packets.at(-1)![0], 29);
});

test("many packets take several messages", () => {
  const recorder = new TransportFeedbackRecorder();
  for (let i = 0; i < 3000; i++) if (i % 3 !== 0) recorder.onPacket(i, 7, 1000 + i * 0.25);
  const { packets, messages } = collect(recorder, 2000);
  assert.ok(messages > 1);
  assert.equal(packets.filter(([, arrival]) => !Number.isNaN(arrival)).length, 2000);
  assert.deepEqual(packets.at(-1), [2999, 1749.75]);
});

test("jumps of the sequence number cost no more memory than the limit, and no lost order", () => {
  const recorder = new TransportFeedbackRecorder();
  let sequence = 0;
  for (let i = 0; i < 200; i++) {
    recorder.onPacket(sequence & 0xffff, 7, 1000 + i);
    sequence += i % 2 === 0 ? 32_000 : 1;
  }
  const { packets } = collect(recorder, 2000);
  assert.ok(packets.length <= MAX_ARRIVALS);
  const last = packets.at(-1)!;
  assert.equal(last[1], 1199);
});
