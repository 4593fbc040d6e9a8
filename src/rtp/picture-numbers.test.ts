import assert from "node:assert/strict";
import { test } from "node:test";
import { payloadFormat } from "../payload/format.js";
import { FIRST, Stream, setup, vp8 } from "./forwarder-testing.test.js";

/** A picture in one packet whose number has 7 bits, or 15 from 128 on. */
function numbered(stream: Stream, keyFrame: boolean, pictureId: number, mimeType = "video/VP8"): Uint8Array {
  const id = pictureId < 128 ? [pictureId] : [0x80 | (pictureId >> 8), pictureId & 0xff];
  // I alone; of VP9 with B and E, and P unless it is a key frame.
  const descriptor = mimeType === "video/VP8" ? [0x90, 0x80, ...id] : [0x80 | (keyFrame ? 0 : 0x40) | 0x0c, ...id];
  const { data } = vp8(keyFrame, 40 + pictureId);
  const packet = stream.packet(Uint8Array.from([...descriptor, ...data]), true);
  stream.timestamp += 3000;
  return packet;
}

for (const mimeType of ["video/VP8", "video/VP9"]) {
  test(`${mimeType}: picture numbers of 7 bits go on in 15, where they wrap around and where they are extended`, () => {
    const [low, high] = [new Stream(1, { rid: "l", mimeType }), new Stream(2, { rid: "h", mimeType })];
    const { host, forwarder } = setup(low, high);
    const depacketizer = payloadFormat(mimeType, "").createDepacketizer();
    const pictures: number[] = [];
    const send = (stream: Stream, keyFrame: boolean, pictureId: number): void => {
      stream.receive([numbered(stream, keyFrame, pictureId, mimeType)], 33 * pictures.length);
      pictures.push(pictureId);
    };
    forwarder.setTarget(low.source, 0);
    send(low, true, 120);
    // It may go on with 0 or with 128 (RFC 7741 §4.2, RFC 9628 §4.2).
    for (const id of [121, 122, 123, 124, 125, 126, 127, 0, 1, 2]) send(low, false, id);
    forwarder.setTarget(high.source, 400);
    send(high, true, 125);
    send(high, false, 126);
    // Out of order across the change.
    const late = numbered(high, false, 127, mimeType);
    send(high, false, 128);
    high.receive([late], 500);
    send(high, false, 129);
    forwarder.setTarget(low.source, 600);
    send(low, true, 3);
    send(low, false, 4);
    const seen = host.sent.map(({ payload }) => {
      const info = depacketizer.inspect(payload)!;
      assert.equal(info.pictureIdBits, 15);
      return [info.pictureId, payload.length - info.headerLength];
    });
    const order = [120, 121, 122, 123, 124, 125, 126, 127, 0, 1, 2, 125, 126, 128, 127, 129, 3, 4];
    assert.deepEqual(
      seen.map(([, length]) => length),
      order.map((id) => 40 + id),
    );
    const numbers = order.map((_, i) => (FIRST.pictureId + i) & 0x7fff);
    [numbers[13], numbers[14]] = [numbers[14]!, numbers[13]!];
    assert.deepEqual(
      seen.map(([id]) => id),
      numbers,
    );
    for (const { payload } of host.sent) {
      const { headerLength } = depacketizer.inspect(payload)!;
      const length = payload.length - headerLength;
      const isKeyFrame = payload[headerLength] === 0x10;
      assert.deepEqual(payload.subarray(headerLength), vp8(isKeyFrame, length).data);
    }
  });
}
