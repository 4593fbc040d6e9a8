// A stream of video that nobody reads, or somebody for a while, as a program of packets in any order: what is counted of its frames.

import type { FrameCounters } from "#src/rtp/frame-counters.js";
import { writeRtpHeader } from "#src/rtp/packet.js";
import { RtpSession } from "#src/rtp/session.js";
import type { RtpCodec } from "#src/rtp/types.js";
import { MAX_WAITING_FRAMES } from "#src/rtp/unread-frames.js";
import { Program } from "./program.js";
import type { FuzzTarget } from "./target.js";

const MAX_STEPS = 2000;
const SSRC = 77;
const codec = (payloadType: number, mimeType: string, nack: boolean): RtpCodec => ({
  payloadType,
  mimeType,
  clockRate: 90_000,
  parameters: "packetization-mode=1",
  rtxPayloadType: null,
  nack,
  pli: true,
  fir: false,
  transportCc: false,
  remb: false,
});
/** Of VP8 and H.264, by two bits: inside a frame, and at its beginning three kinds. */
const PAYLOADS = [
  ["00010203", "100010029d012a4001f000", "1001", "10000000"],
  ["5c010203", "6742c01fda0280bfe580", "09f0", "65880101"],
].map((format) => format.map((hex) => Uint8Array.from(hex.match(/../g)!, (byte) => Number.parseInt(byte, 16))));
const COUNTED = [
  "framesReceived",
  "framesAssembledFromMultiplePackets",
  "totalAssemblyTime",
  "jitterBufferEmittedCount",
  "jitterBufferDelay",
  "jitterBufferTargetDelay",
  "jitterBufferMinimumDelay",
  "packetsDiscarded",
] as const satisfies readonly (keyof FrameCounters)[];

function run(input: Uint8Array): void {
  const program = new Program(input);
  const session = new RtpSession(
    { random: (length) => new Uint8Array(length).fill(5), timeOrigin: 1.7e12, cname: "fuzz", reducedSize: true },
    { transmitRtp() {}, transmitRtcp() {} },
  );
  const setup = program.byte();
  const nack = (setup & 1) !== 0;
  const receiver = session.addReceiver(
    {
      kind: "video",
      mid: "0",
      codecs: [codec(96, "video/VP8", nack), codec(98, "video/H264", nack)],
      extensions: [],
      ssrcs: [{ ssrc: SSRC, rtxSsrc: null }],
      rids: [],
      active: true,
    },
    {},
  );
  const format = (setup >> 1) & 1;
  let number = setup << 8;
  let timestamp = setup * 0x1_01_01_01;
  let now = 1000;
  let wasRead = false;
  const before = new Map<string, number>();
  const check = (settles: boolean): void => {
    session.flush(now);
    const [stream] = receiver.streams;
    if (stream === undefined) return;
    // One more is there while the next is being looked at.
    if ((stream.unread?.waitingFrames ?? 0) > MAX_WAITING_FRAMES + 1) throw new Error("too many are waiting");
    if (settles) stream.settle(now);
    const counters = stream.frameCounters!;
    for (const name of COUNTED) {
      const value = counters[name];
      if (!(value >= (before.get(name) ?? 0) && value < Number.POSITIVE_INFINITY)) throw new Error(`${name}: ${value}`);
      before.set(name, value);
    }
    if (counters.jitterBufferEmittedCount > counters.framesReceived) throw new Error("more frames went than came");
    if (stream.frames === undefined && stream.deadline < Number.POSITIVE_INFINITY && !nack && !stream.keyFramePending)
      throw new Error("a deadline of frames that nobody reads");
  };
  const give = (at: number, marker: boolean, payload: Uint8Array): void => {
    const data = new Uint8Array(12 + payload.length);
    writeRtpHeader(data, marker, 96 + 2 * format, at & 0xffff, timestamp >>> 0, SSRC, 0);
    data.set(payload, 12);
    session.receiveRtp(data, data.length, now);
  };
  for (let step = 0; step < MAX_STEPS && !program.done; step++) {
    const action = program.byte();
    const payload = PAYLOADS[format]![(action >> 3) & 3]!;
    const marker = (action & 32) !== 0;
    switch (action & 7) {
      case 0:
      case 1:
        // The next packet of the frame.
        give(++number, marker, payload);
        break;
      case 2:
      case 3:
        // The first of another one.
        timestamp += 3000;
        now += 30;
        give(++number, marker, payload);
        break;
      case 4:
        // Some are missing.
        number += 1 + (program.byte() & 15);
        timestamp += (action & 64) !== 0 ? 3000 : 0;
        give(number, marker, payload);
        break;
      case 5: {
        // Late, or again, or ahead.
        const newest = timestamp;
        const offset = program.byte();
        timestamp -= 3000 * (offset >> 5);
        give(number + 2 - (offset & 31), marker, (action & 64) !== 0 ? payload : new Uint8Array(0));
        timestamp = newest;
        break;
      }
      case 6:
        now += program.byte() * ((action & 64) !== 0 ? 20 : 1);
        break;
      default:
        receiver.jitterBufferTarget = program.byte() * 16;
        receiver.wantFrames = (action & 0xf8) === 0xf8;
        wasRead ||= receiver.wantFrames;
        if ((action & 0xf8) === 0xf0) number += program.byte() * 256;
        if ((action & 0xf8) === 0xe8) timestamp += program.byte() * 1_000_000;
    }
    check((action & 128) !== 0);
  }
  now += 60_000;
  check(true);
  const [stream] = receiver.streams;
  if (stream === undefined || wasRead) return;
  const { framesReceived, jitterBufferEmittedCount } = stream.frameCounters!;
  // A buffer that is begun anew with the numbering has nothing that waits.
  if (
    stream.unread!.waitingFrames > 0 &&
    framesReceived !== jitterBufferEmittedCount &&
    stream.statistics.restarts === 0
  )
    throw new Error("whole frames are waiting for ever");
}

export const target: FuzzTarget = {
  name: "unread-frames",
  seeds: [
    // An end, and then nothing but beginnings.
    Uint8Array.from({ length: 700 }, (_, i) => (i === 0 ? 1 : i === 1 ? 42 : 10)),
    // Frames of one packet, of three, with one missing that comes late, and a jitterBufferTarget.
    Uint8Array.of(1, 42, 42, 42, 42, 42, 42, 6, 10),
    Uint8Array.of(1, 10, 0, 32, 10, 0, 32, 10, 0, 32, 10, 0, 32),
    Uint8Array.of(3, 10, 0, 32, 10, 4, 1, 32, 0x45, 3, 6, 200, 10, 0, 32, 6, 200),
    Uint8Array.of(2, 42, 7, 60, 42, 42, 42, 42, 6, 250, 42, 7, 0, 42, 42, 0xff, 4, 42, 42, 42, 7, 0, 42, 42),
    Uint8Array.of(0, 18, 10, 0, 32, 0xf7, 0, 200, 10, 0, 32, 0xef, 0, 100, 10, 0, 32, 6, 100),
  ],
  run,
};
