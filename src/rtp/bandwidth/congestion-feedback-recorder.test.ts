import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRtcp, RtcpWriter } from "../rtcp.js";
import { CongestionFeedbackRecorder, MAX_CONGESTION_FEEDBACK_STREAMS } from "./congestion-feedback-recorder.js";

type Report = { ssrc: number; sequence: number; offset: number; ecn: number };

function collect(recorder: CongestionFeedbackRecorder, now: number, capacity = 1200): Report[] {
  const out: Report[] = [];
  const writer = new RtcpWriter(capacity);
  for (let messages = 0; messages < 100; messages++) {
    writer.begin();
    if (!recorder.write(writer, 1, 0x1234_0000, now)) return out;
    assert.ok(
      parseRtcp(writer.data, writer.length, {
        onCongestionFeedback(feedback) {
          assert.equal(feedback.reportTimestamp, 0x1234_0000);
          for (let i = 0; i < feedback.count; i++) {
            out.push({
              ssrc: feedback.ssrc,
              sequence: (feedback.beginSequence + i) & 0xffff,
              offset: feedback.received(i) ? Math.round(feedback.arrivalOffset(i)) : Number.NaN,
              ecn: feedback.ecn(i),
            });
          }
        },
      }),
    );
  }
  throw new Error("no end of messages");
}

test("reports each stream's packets since the last message", () => {
  const recorder = new CongestionFeedbackRecorder();
  recorder.onPacket(5, 65_535, 0, 1000);
  recorder.onPacket(5, 1, 3, 1040);
  recorder.onPacket(6, 100, 1, 1050);
  assert.equal(recorder.deadline, 1000);
  assert.deepEqual(collect(recorder, 1100), [
    { ssrc: 5, sequence: 65_535, offset: 100, ecn: 0 },
    { ssrc: 5, sequence: 0, offset: Number.NaN, ecn: 0 },
    { ssrc: 5, sequence: 1, offset: 60, ecn: 3 },
    { ssrc: 6, sequence: 100, offset: 50, ecn: 1 },
  ]);
  assert.equal(recorder.deadline, Number.POSITIVE_INFINITY);
  recorder.onPacket(5, 2, 0, 1110);
  assert.equal(recorder.deadline, 1200);
  assert.deepEqual(collect(recorder, 1200), [{ ssrc: 5, sequence: 2, offset: 90, ecn: 0 }]);
});

test("a late packet is told; a duplicate with congestion experienced marks the first", () => {
  const recorder = new CongestionFeedbackRecorder();
  recorder.onPacket(5, 10, 0, 1000);
  recorder.onPacket(5, 12, 0, 1010);
  collect(recorder, 1050);
  recorder.onPacket(5, 11, 0, 1060);
  recorder.onPacket(5, 12, 3, 1061);
  assert.deepEqual(collect(recorder, 1160), [
    { ssrc: 5, sequence: 11, offset: 100, ecn: 0 },
    { ssrc: 5, sequence: 12, offset: 150, ecn: 3 },
  ]);
  recorder.onPacket(5, 14, 0, 1200);
  collect(recorder, 1300);
  const { lost, recovered } = recorder.losses(5)!;
  assert.deepEqual([lost, recovered], [2, 1]);
});

test("what does not fit one message goes into the next", () => {
  const recorder = new CongestionFeedbackRecorder();
  for (let i = 0; i < 1500; i++) recorder.onPacket(5 + (i % 3), Math.floor(i / 3), 0, 1000 + i / 10);
  const got = collect(recorder, 1200, 600);
  assert.equal(got.length, 1500);
  assert.equal(new Set(got.map((r) => `${r.ssrc}/${r.sequence}`)).size, 1500);
});

test("streams and jumps are bounded", () => {
  const recorder = new CongestionFeedbackRecorder();
  for (let i = 0; i < 2 * MAX_CONGESTION_FEEDBACK_STREAMS; i++) recorder.onPacket(i, 0, 0, 1000);
  assert.equal(collect(recorder, 1100).length, MAX_CONGESTION_FEEDBACK_STREAMS);
  recorder.onPacket(0, 30_000, 0, 1110);
  const got = collect(recorder, 1200);
  assert.ok(got.length <= 2048);
  assert.equal(got.filter((r) => !Number.isNaN(r.offset)).length, 1);
});

test("a stream that came long ago makes room for a new one", () => {
  const recorder = new CongestionFeedbackRecorder();
  for (let i = 0; i < MAX_CONGESTION_FEEDBACK_STREAMS; i++) recorder.onPacket(i, 0, 0, 1000 + i);
  recorder.onPacket(0, 1, 0, 2000);
  recorder.onPacket(9999, 7, 0, 2001);
  const reported = new Set(collect(recorder, 2002).map(({ ssrc }) => ssrc));
  assert.ok(reported.has(9999) && reported.has(0) && !reported.has(1));
});

test("what is unreported when a stream's memory grows stays", () => {
  const recorder = new CongestionFeedbackRecorder();
  for (let i = 0; i < 900; i++) if (i % 3 !== 1) recorder.onPacket(5, (65_000 + i) & 0xffff, 0, 1000 + i);
  const got = collect(recorder, 2000);
  assert.equal(got.length, 900);
  got.forEach(({ offset, sequence }, i) => {
    assert.equal(sequence, (65_000 + i) & 0xffff);
    if (i % 3 === 1) assert.ok(Number.isNaN(offset));
    else assert.ok(Math.abs(offset - (1000 - i)) <= 1, `${i} ${offset}`);
  });
});
