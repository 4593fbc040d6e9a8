import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRtcp, type RtcpVisitor, RtcpWriter } from "../rtcp.js";
import { CongestionFeedbackRecorder } from "./congestion-feedback-recorder.js";
import { BandwidthEstimator } from "./estimator.js";
import { FeedbackInput } from "./feedback-input.js";
import { TransportFeedbackRecorder } from "./transport-feedback-recorder.js";

const OPTIONS = { startBitrate: 1_000_000, minBitrate: 30_000, maxBitrate: 10_000_000 };

/** 1 Mbit/s for so long, each packet 20 ms on the way, every tenth lost; feedback by `kind`, back at once. */
function run(kind: "transport-cc" | "rfc8888", seconds: number, offset: number): BandwidthEstimator {
  const estimator = new BandwidthEstimator(OPTIONS);
  const input = new FeedbackInput(estimator);
  const transport = new TransportFeedbackRecorder();
  const congestion = new CongestionFeedbackRecorder();
  const writer = new RtcpWriter(1200);
  let now = 0;
  const visitor: RtcpVisitor = {
    onTransportFeedback: (feedback) => input.onTransportFeedback(feedback, now),
    onCongestionFeedback: (feedback) => input.onCongestionFeedback(feedback),
  };
  const count = seconds * 100;
  for (let sequence = 0; sequence < count; sequence++) {
    const sent = sequence * 10;
    estimator.onPacketSent(sequence, 1250, sent);
    input.onPacketSent(9, (sequence + 65_000) & 0xffff, sequence);
    now = sent + 20;
    const arrival = now + offset;
    if (sequence % 10 !== 5) {
      if (kind === "transport-cc") transport.onPacket(sequence & 0xffff, 9, arrival);
      else congestion.onPacket(9, (sequence + 65_000) & 0xffff, 0, arrival);
    }
    const timestamp = Math.round((arrival / 1000) * 65_536) >>> 0;
    writer.begin();
    if (transport.deadline <= arrival) while (transport.write(writer, 1, arrival));
    if (congestion.deadline <= arrival) while (congestion.write(writer, 1, timestamp, arrival));
    if (writer.length > 0) assert.ok(parseRtcp(writer.data, writer.length, visitor));
    input.onCongestionFeedbackEnd(now);
  }
  return estimator;
}

test("both kinds of feedback say the same", () => {
  for (const kind of ["transport-cc", "rfc8888"] as const) {
    const estimator = run(kind, 20, 5000);
    assert.ok(estimator.packetsReported > 1980, `${kind} ${estimator.packetsReported}`);
    // The last may not have been told yet.
    assert.ok(estimator.packetsLost === 199 || estimator.packetsLost === 200, `${estimator.packetsLost}`);
    assert.ok(Math.abs(estimator.acknowledgedBitrate - 900_000) < 20_000, `${estimator.acknowledgedBitrate}`);
    assert.ok(estimator.feedbackRtt < 40 && estimator.feedbackRtt >= 19, `${estimator.feedbackRtt}`);
  }
});

test("the receiver's clock may wrap around", () => {
  // 24 bits of 64 ms; 16 bits of seconds.
  const transport = run("transport-cc", 20, 2 ** 23 * 64 - 10_000);
  assert.ok(Math.abs(transport.acknowledgedBitrate - 900_000) < 20_000, `${transport.acknowledgedBitrate}`);
  const congestion = run("rfc8888", 20, 65_536_000 - 10_000);
  assert.ok(Math.abs(congestion.acknowledgedBitrate - 900_000) < 20_000, `${congestion.acknowledgedBitrate}`);
});
