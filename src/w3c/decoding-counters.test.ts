import assert from "node:assert/strict";
import { test } from "node:test";
import type { EncodedFrame } from "../peer/media.js";
import { DecodingCounters } from "./decoding-counters.js";

const frame = (receiveTime: number, keyFrame = false): EncodedFrame =>
  ({ data: new Uint8Array(1), keyFrame, receiveTime }) as EncodedFrame;
const REPORT = { implementation: "a decoder", powerEfficient: true, duration: 5 };

test("what a decoder tells is added up; sizes are of the last frame", () => {
  const counters = new DecodingCounters();
  counters.add(frame(0, true), { ...REPORT, qp: 30, width: 320, height: 240 }, 10);
  counters.add(frame(30), { ...REPORT, qp: 40 }, 60);
  assert.deepEqual(counters.at(60), {
    totalProcessingDelay: 0.04,
    framesDecoded: 2,
    keyFramesDecoded: 1,
    totalDecodeTime: 0.01,
    framesPerSecond: 2,
    qpSum: 70,
    frameWidth: 320,
    frameHeight: 240,
    decoderImplementation: "a decoder",
    powerEfficientDecoder: true,
  });
  counters.add(frame(60), REPORT, 60);
  assert.ok(Number.isNaN(counters.at(60).qpSum));
});

test("the delay of audio is a sum over samples", () => {
  const counters = new DecodingCounters();
  counters.add(frame(0), { ...REPORT, samples: 160 }, 50);
  assert.equal(counters.at(50).totalProcessingDelay, 8);
});
