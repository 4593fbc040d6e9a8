import assert from "node:assert/strict";
import { test } from "node:test";
import { payloadFormat } from "./format.js";
import { packets, pattern, receive } from "./testing.test.js";

test("an unknown audio format: a packet is a frame", () => {
  const format = payloadFormat("audio/x-unknown", "");
  assert.equal(format.mimeType, "audio/x-unknown");
  const sent = packets(format, [{ data: pattern(100), keyFrame: true }], 1200);
  assert.equal(sent.length, 1);
  assert.deepEqual(format.createDepacketizer().assemble([sent[0]!.payload], 1), pattern(100));
  assert.equal(format.createDepacketizer().inspect(new Uint8Array(0)), undefined);
  const tooLong = { data: pattern(1201), keyFrame: true };
  assert.equal(
    format.createPacketizer().packetize(tooLong, 1200, () => assert.fail()),
    false,
  );
});

test("an unknown video format is cut and glued", () => {
  const format = payloadFormat("video/x-unknown", "");
  const frames = [pattern(2500), pattern(3, 2)];
  const sent = packets(
    format,
    frames.map((data) => ({ data, keyFrame: true })),
    1000,
  );
  assert.deepEqual(
    sent.map(({ payload, marker }) => [payload.length, marker]),
    [
      [833, false],
      [833, false],
      [834, true],
      [3, true],
    ],
  );
  assert.deepEqual([...receive(format.createDepacketizer(), sent).values()], frames);
});

test("the name of a format has no case", () => {
  assert.equal(payloadFormat("VIDEO/vp8", "").mimeType, "video/VP8");
  assert.equal(payloadFormat("audio/OPUS", "").mimeType, "audio/opus");
  assert.equal(payloadFormat("video/h264", "").mimeType, "video/H264");
});
