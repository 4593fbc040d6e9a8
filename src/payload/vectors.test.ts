// Frames of real encoders (test/vectors/payload, made by scripts/make-payload-vectors.mjs).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { payloadFormat } from "./format.js";
import { assertNoHalfFrames, packets, receive } from "./testing.test.js";

interface Stream {
  mimeType: string;
  width: number;
  height: number;
  frames: { keyFrame: boolean; temporalIndex?: number; data: string }[];
}

const file = fileURLToPath(new URL("../../test/vectors/payload/encoded.json", import.meta.url));

for (const { mimeType, width, height, frames } of JSON.parse(readFileSync(file, "utf8")) as Stream[]) {
  const format = payloadFormat(mimeType, "packetization-mode=1");
  const sentFrames = frames.map(({ data, ...rest }) => ({
    ...rest,
    data: new Uint8Array(Buffer.from(data, "base64")),
  }));

  test(`${mimeType}: frames of an encoder arrive as they were`, () => {
    for (const maxSize of [64, 150, 1200]) {
      const sent = packets(format, sentFrames, maxSize);
      const received = [...receive(format.createDepacketizer(), sent).values()];
      const isAv1 = mimeType === "video/AV1";
      // A temporal delimiter is not sent.
      assert.deepEqual(
        received,
        sentFrames.map(({ data }) => (isAv1 && data[0] === 0x12 ? data.subarray(2) : data).slice()),
      );
    }
  });

  test(`${mimeType}: payloads tell key frames, layers and sizes`, () => {
    const depacketizer = format.createDepacketizer();
    const sent = packets(format, sentFrames, 200);
    sentFrames.forEach((frame, index) => {
      const own = sent.filter(({ timestamp }) => timestamp === index * 3000);
      assert.equal(format.isKeyFrame(own[0]!.payload), frame.keyFrame, `frame ${index}`);
      const sizes = own.map(({ payload }) => {
        const info = depacketizer.inspect(payload)!;
        return [info.width, info.height];
      });
      if (frame.keyFrame)
        assert.deepEqual(
          sizes.find(([w]) => w! > 0),
          [width, height],
        );
      else assert.ok(sizes.every(([w]) => w === 0));
      const first = depacketizer.inspect(own[0]!.payload)!;
      assert.equal(first.temporalIndex, frame.temporalIndex ?? -1);
      assert.ok(first.startOfFrame);
    });
  });

  test(`${mimeType}: what may be a key frame is told within a packet`, () => {
    for (const { payload, timestamp } of packets(format, sentFrames, 200)) {
      const packet = new Uint8Array(payload.length + 20).fill(0x10);
      packet.set(payload, 12);
      const may = format.mayBeKeyFrame?.(packet, 12, payload.length) ?? true;
      if (format.isKeyFrame(payload)) assert.equal(may, true);
      // Of AV1 that takes a walk over the payload.
      if (!sentFrames[timestamp / 3000]!.keyFrame) assert.equal(may, mimeType === "video/AV1");
    }
  });

  test(`${mimeType}: no half frame when a packet is lost`, () => {
    assertNoHalfFrames(format, packets(format, sentFrames, 200));
  });
}
