import assert from "node:assert/strict";
import { test } from "node:test";
import { EncodingCounters } from "./encoding-counters.js";

const frame = (size = 100, more: object = {}) => ({
  data: new Uint8Array(size),
  timestamp: 0,
  keyFrame: false,
  mimeType: "video/VP8",
  ...more,
});
const REPORT = { implementation: "an encoder", powerEfficient: false, duration: 5, qp: 30, scalabilityMode: "L1T2" };

test("of frames that were encoded elsewhere only their size and rate are known", () => {
  const counters = new EncodingCounters();
  assert.deepEqual(counters.at(0), { framesPerSecond: 0 });
  counters.add(frame(1, { width: 320, height: 240 }), undefined, 0);
  counters.add(frame(), undefined, 30);
  assert.deepEqual(counters.at(30), { frameWidth: 320, frameHeight: 240, framesPerSecond: 2 });
});

test("what an encoder tells is added up", () => {
  const counters = new EncodingCounters();
  counters.add(frame(1000), { ...REPORT, targetSize: 400 }, 0);
  counters.add(frame(999), { ...REPORT, targetSize: 400.4 }, 30);
  counters.add(frame(9), { ...REPORT, duration: 0, qp: 0 }, 60);
  assert.deepEqual(counters.at(60), {
    framesPerSecond: 3,
    encoderImplementation: "an encoder",
    powerEfficientEncoder: false,
    scalabilityMode: "L1T2",
    totalEncodeTime: 0.01,
    totalEncodedBytesTarget: 800,
    hugeFramesSent: 1,
    qpSum: 60,
  });
  counters.add(frame(), undefined, 90);
  assert.ok(Number.isNaN(counters.at(90).qpSum), "nobody knows the quantizer of the last frame");
});
