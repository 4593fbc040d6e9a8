// What the numbers of pictures (VP8, VP9) tell a receiver of frames when packets are missing: whether one of a picture is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Pipe, packet, receiving, VP8 } from "./testing.test.js";

/** The number in 7 or 15 bits. */
type Numbered = readonly [id: number, bits: 7 | 15];

/** A picture in one packet. */
function picture(mimeType: string, keyFrame: boolean, [id, bits]: Numbered): number[] {
  const number = bits === 7 ? [id] : [0x80 | (id >> 8), id & 0xff];
  if (mimeType === "video/VP9") return [0x80 | (keyFrame ? 0 : 0x40) | 0x0c, ...number, 1, 2, 3, 4];
  return [0x90, 0x80, ...number, ...(keyFrame ? [0x10, 2, 0, 0x9d, 1, 0x2a, 64, 1, 240, 0] : [0x11, 2, 0, 1, 2])];
}

/** How many of two pictures are given out at once, where a packet between them is missing. */
function given(mimeType: string, first: Numbered, second: Numbered): number {
  const pipe = new Pipe();
  const receiver = pipe.sessions[1].addReceiver(receiving({ codecs: [{ ...VP8, mimeType }] }), {
    onFrame: () => count++,
  });
  receiver.wantFrames = true;
  receiver.pacedFrames = false;
  let count = 0;
  const receive = (sequence: number, keyFrame: boolean, number: Numbered): void => {
    const payload = Uint8Array.from(picture(mimeType, keyFrame, number));
    const { data, length } = packet(sequence, sequence * 3000, { payload });
    pipe.sessions[1].receiveRtp(data, length, pipe.now);
    pipe.sessions[1].flush(pipe.now);
  };
  receive(10, true, first);
  assert.equal(count, 1);
  receive(12, false, second);
  return count;
}

for (const mimeType of ["video/VP8", "video/VP9"]) {
  test(`${mimeType}: the next picture goes on behind a gap, whatever bits its number has, another waits`, () => {
    const follows: [Numbered, Numbered][] = [
      [
        [5, 7],
        [6, 7],
      ],
      [
        [127, 7],
        [0, 7],
      ],
      // RFC 7741 §4.2, RFC 9628 §4.2: it may go on in 15 bits.
      [
        [127, 7],
        [128, 15],
      ],
      [
        [126, 7],
        [127, 15],
      ],
      [
        [127, 15],
        [128, 15],
      ],
      [
        [300, 15],
        [301, 15],
      ],
      [
        [32767, 15],
        [0, 15],
      ],
      [
        [32767, 15],
        [0, 7],
      ],
    ];
    for (const [first, second] of follows) assert.equal(given(mimeType, first, second), 2, `${first} ${second}`);
    const waits: [Numbered, Numbered][] = [
      [
        [5, 7],
        [7, 7],
      ],
      [
        [127, 7],
        [1, 7],
      ],
      [
        [127, 7],
        [129, 15],
      ],
      [
        [127, 7],
        [0, 15],
      ],
      [
        [127, 15],
        [0, 7],
      ],
      [
        [255, 15],
        [0, 7],
      ],
      [
        [300, 15],
        [302, 15],
      ],
    ];
    for (const [first, second] of waits) assert.equal(given(mimeType, first, second), 1, `${first} ${second}`);
  });
}
