// How long frames wait in the pacer, by what the peer will tell of the path.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EXTENSIONS, Pipe, receiving, sending, VP8 } from "./testing.test.js";
import type { RtpCodec } from "./types.js";

const FRAME_RATE = 15;
/** 900 kbit/s: three times the start rate, and more than the pacer lets go at that. */
const FRAME_BYTES = 7500;
const DURATION = 6000;

/** Sends frames that follow no estimate; gives the longest time that one of them, in milliseconds, took to get through. */
function longestWait(codec: RtpCodec, extensions = EXTENSIONS): number {
  // No report comes: of many streams, peers without transport-wide feedback take many seconds for the first.
  const pipe = new Pipe({ rtcpLoss: 1 });
  const sender = pipe.sessions[0].addSender(sending({ codecs: [codec], extensions }), {});
  const sentAt = new Map<number, number>();
  let longest = 0;
  let last = -1;
  pipe.sessions[1].addReceiver(receiving({ codecs: [codec], extensions }), {
    onPacket: (packet, _, now) => {
      if (!packet.marker) return;
      // Timestamps begin anywhere, frames are in order.
      longest = Math.max(longest, now - sentAt.get(++last)!);
    },
  });
  const count = (DURATION / 1000) * FRAME_RATE;
  for (let i = 0; i < count; i++) {
    sentAt.set(i, pipe.now);
    const data = new Uint8Array(FRAME_BYTES).fill(i);
    data[0] = i === 0 ? 0x10 : 0x11;
    sender.sendFrame(
      0,
      { data, timestamp: i * (90_000 / FRAME_RATE), mimeType: "video/VP8", keyFrame: i === 0 },
      pipe.now,
    );
    pipe.run(1000 / FRAME_RATE);
  }
  pipe.run(5000);
  assert.equal(last, count - 1);
  return longest;
}

test("where nobody will tell what the path carries, a start rate that is only a guess holds nothing back for long", () => {
  assert.ok(longestWait(VP8) < 250, `${longestWait(VP8)} ms`);
  // Without the extension there are no numbers that could be reported on.
  const unnumbered = EXTENSIONS.filter(({ uri }) => !uri.includes("transport-wide"));
  assert.ok(longestWait({ ...VP8, transportCc: true }, unnumbered) < 250);
});

test("where it will be told, by reports of arrivals or by REMB, frames wait for that", () => {
  for (const told of [{ transportCc: true }, { remb: true }, { ccfb: true }]) {
    const wait = longestWait({ ...VP8, ...told });
    assert.ok(wait > 1000, `${wait} ms`);
  }
});
