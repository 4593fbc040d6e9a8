// The size of pictures, from the frames of real encoders: for those who read frames, and for statistics without anybody who does.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Pipe, packet, receiving, sending, VP8 } from "./testing.test.js";
import type { EncodedFrame, RtpCodec } from "./types.js";

interface Stream {
  mimeType: string;
  width: number;
  height: number;
  frames: { keyFrame: boolean; data: string }[];
}

const file = fileURLToPath(new URL("../../test/vectors/payload/encoded.json", import.meta.url));
const streams = JSON.parse(readFileSync(file, "utf8")) as Stream[];

for (const { mimeType, width, height, frames } of streams) {
  for (const [maxPacketSize, what] of [
    [1200, "whole"],
    [200, "in several packets"],
  ] as const) {
    test(`${mimeType} ${what}: the size of key frames is told, read or not`, () => {
      for (const read of [true, false]) {
        const pipe = new Pipe();
        const codecs: RtpCodec[] = [{ ...VP8, mimeType, parameters: "packetization-mode=1" }];
        const sender = pipe.sessions[0].addSender(sending({ codecs, maxPacketSize }), {});
        const given: EncodedFrame[] = [];
        const receiver = pipe.sessions[1].addReceiver(receiving({ codecs }), { onFrame: (frame) => given.push(frame) });
        receiver.wantFrames = read;
        frames.forEach(({ keyFrame, data }, i) => {
          const frame = { data: new Uint8Array(Buffer.from(data, "base64")), timestamp: i * 3000, keyFrame, mimeType };
          assert.equal(sender.sendFrame(0, frame, pipe.now), true);
          pipe.run(33);
        });
        pipe.run(1000);
        const stream = receiver.streams[0]!;
        stream.settle(pipe.now);
        assert.deepEqual([stream.frameWidth, stream.frameHeight], [width, height]);
        assert.equal(stream.frameCounters!.framesReceived, frames.length);
        assert.equal(stream.frameCounters!.jitterBufferEmittedCount, frames.length);
        for (const frame of given) {
          assert.deepEqual([frame.width, frame.height], frame.keyFrame ? [width, height] : [undefined, undefined]);
        }
        assert.equal(given.length, read ? frames.length : 0);
      }
    });
  }
}

test("parameter sets behind a delimiter, each NAL unit in a packet of its own, as GStreamer sends them", () => {
  const nals = ["09f0", "6742c01fda0280bfe580", "68ce3880", `6588${"55".repeat(50)}`];
  for (const read of [true, false]) {
    const pipe = new Pipe();
    const codecs: RtpCodec[] = [{ ...VP8, mimeType: "video/H264", parameters: "packetization-mode=1" }];
    const sender = pipe.sessions[0].addSender(sending({ codecs }), {});
    const sizes: (number | undefined)[] = [];
    const receiver = pipe.sessions[1].addReceiver(receiving({ codecs }), {
      onFrame: ({ width, height }) => sizes.push(width, height),
    });
    receiver.wantFrames = read;
    nals.forEach((nal, i) => {
      const payload = new Uint8Array(Buffer.from(nal, "hex"));
      sender.sendPacket(0, packet(i, 3000, { payload, marker: i === nals.length - 1 }), 96, pipe.now);
    });
    pipe.run(1000);
    const stream = receiver.streams[0]!;
    stream.settle(pipe.now);
    assert.deepEqual([stream.frameWidth, stream.frameHeight], [640, 360], read ? "read" : "not read");
    assert.deepEqual(sizes, read ? [640, 360] : []);
  }
});
