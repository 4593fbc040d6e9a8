// What waits in the pacer when a direction, an encoding or a source ends does not leave any more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Pipe as Path, type Pipe, receiving, sending, VP8 } from "./testing.test.js";
import type { EncodedFrame, RtpCodec } from "./types.js";

const VIDEO: RtpCodec = { ...VP8, transportCc: true };

interface Sent {
  readonly sequence: number;
  readonly ssrc: number;
  readonly time: number;
}

interface Setup {
  readonly pipe: Pipe;
  readonly sender: ReturnType<Pipe["sessions"][0]["addSender"]>;
  readonly sent: Sent[];
  readonly given: EncodedFrame[];
  readonly frame: (index: number, size: number, keyFrame?: boolean) => void;
}

function setup(encodings = sending().encodings): Setup {
  const pipe = new Path({ delay: 20 });
  const sent: Sent[] = [];
  const given: EncodedFrame[] = [];
  const sender = pipe.sessions[0].addSender(sending({ codecs: [VIDEO], encodings }), {});
  const ssrcs = encodings.map(({ ssrc, rtxSsrc }) => ({ ssrc, rtxSsrc }));
  const receiver = pipe.sessions[1].addReceiver(receiving({ codecs: [VIDEO], ssrcs }), {
    onFrame: (frame) => given.push(frame),
  });
  receiver.wantFrames = true;
  pipe.drop = (data, side) => {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    if (side === 0) sent.push({ sequence: view.getUint16(2), ssrc: view.getUint32(8), time: pipe.now });
    return false;
  };
  const frame = (index: number, size: number, keyFrame = false): void => {
    const data = new Uint8Array(size).fill(index);
    data.set(keyFrame ? [0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0] : [0x11, 2, 0]);
    assert.ok(sender.sendFrame(0, { data, timestamp: index * 3000, keyFrame, mimeType: "video/VP8" }, pipe.now));
  };
  return { pipe, sender, sent, given, frame };
}

/** Lets a key frame through, then begins one of 200 kB, which takes seconds. */
function begin(all: Setup): void {
  const { pipe, frame, sent } = all;
  frame(0, 2000, true);
  pipe.run(200);
  frame(1, 200_000);
  frame(2, 5000);
  pipe.run(100);
  assert.ok(sent.length > 3 && sent.length < 120, `${sent.length}`);
}

function checkSilence({ pipe, sent }: Setup, ssrc: number): void {
  // What is decided in this round may leave in it.
  const before = sent.filter((one) => one.ssrc === ssrc).length;
  pipe.run(3000);
  assert.equal(sent.filter((one) => one.ssrc === ssrc).length, before);
}

for (const [name, stop, resume] of [
  [
    "a direction without sending",
    ({ sender }: Setup) => sender.update({ ...sender.options, active: false }),
    ({ sender }: Setup) => sender.update({ ...sender.options, active: true }),
  ],
  [
    "an encoding that is not active",
    ({ sender }: Setup) =>
      sender.update({ ...sender.options, encodings: sender.options.encodings.map((e) => ({ ...e, active: false })) }),
    ({ sender }: Setup) =>
      sender.update({ ...sender.options, encodings: sender.options.encodings.map((e) => ({ ...e, active: true })) }),
  ],
  ["a source that is gone", ({ sender }: Setup) => sender.discard(), () => {}],
] as const) {
  test(`${name}: what waits does not leave, and the stream goes on behind what had left`, () => {
    const all = setup();
    const { pipe, sender, sent, given, frame } = all;
    begin(all);
    const { ssrc } = sender.streams[0]!;
    const last = sent.filter((one) => one.ssrc === ssrc).at(-1)!.sequence;
    stop(all);
    assert.equal(sender.streams[0]!.resend(last, pipe.now), sender.options.active, "asked for again");
    checkSilence(all, ssrc);
    assert.deepEqual(
      given.map(({ timestamp }) => timestamp),
      [0],
    );
    resume(all);
    frame(200, 3000, true);
    pipe.run(500);
    const after = sent.filter((one) => one.ssrc === ssrc);
    // One number is missing, of the frame that was cut: so that it is not taken for whole.
    assert.equal(after[after.findIndex(({ sequence }) => sequence === last) + 1]!.sequence, (last + 2) & 0xffff);
    assert.equal(new Set(after.map(({ sequence }) => sequence)).size, after.length, "no number twice");
    assert.deepEqual(
      given.map(({ timestamp }) => timestamp),
      [0, 600_000],
    );
  });
}

test("whole frames that wait leave no gap behind them", () => {
  const all = setup();
  const { pipe, sender, sent, frame } = all;
  frame(0, 2000, true);
  pipe.run(200);
  const { ssrc } = sender.streams[0]!;
  // Nothing of this one has left.
  frame(1, 50_000);
  sender.discard();
  frame(2, 500, true);
  pipe.run(500);
  const numbers = sent.filter((one) => one.ssrc === ssrc).map(({ sequence }) => sequence);
  for (let i = 1; i < numbers.length; i++) assert.equal(numbers[i], (numbers[i - 1]! + 1) & 0xffff);
  assert.equal(sender.streams[0]!.framesSent, 3);
});

test("one encoding goes, the other stays; what was sent may still be asked for again", () => {
  const encodings = [
    { rid: null, ssrc: 100, rtxSsrc: 101, active: true, maxBitrate: null, priority: 1 },
    { rid: null, ssrc: 200, rtxSsrc: 201, active: true, maxBitrate: null, priority: 1 },
  ];
  const all = setup(encodings);
  const { pipe, sender, sent } = all;
  begin(all);
  const data = new Uint8Array(20_000);
  data.set([0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0]);
  sender.sendFrame(1, { data, timestamp: 5, keyFrame: true, mimeType: "video/VP8" }, pipe.now);
  sender.update({ ...sender.options, encodings: [{ ...encodings[0]!, active: false }, encodings[1]!] });
  assert.ok(sender.streams[0]!.resend(sent.find(({ ssrc }) => ssrc === 100)!.sequence, pipe.now));
  checkSilence(all, 100);
  assert.ok(sent.filter(({ ssrc }) => ssrc === 200).length >= 17);
  assert.ok(sent.some(({ ssrc }) => ssrc === 101));
});

test("with repair packets: none is made of what did not leave, and no number is sent with two contents", () => {
  const plain: RtpCodec = { ...VIDEO, nack: false, rtxPayloadType: null };
  const red: RtpCodec = { ...plain, payloadType: 118, mimeType: "video/red" };
  for (const codecs of [
    [plain, red, { ...plain, payloadType: 120, mimeType: "video/ulpfec" }],
    [plain, { ...plain, payloadType: 49, mimeType: "video/flexfec-03" }],
  ]) {
    const pipe = new Path({ delay: 50, loss: 0.1, seed: 11 });
    const encodings = [{ ...sending().encodings[0]!, rtxSsrc: null, fecSsrc: 1002 }];
    const sender = pipe.sessions[0].addSender(sending({ codecs, encodings }), {});
    let whole = 0;
    const receiver = pipe.sessions[1].addReceiver(receiving({ codecs }), {
      onFrame: ({ data, timestamp }) => {
        const value = (timestamp / 3000) & 255;
        assert.ok(
          data.subarray(10).every((byte) => byte === value),
          "a frame of two",
        );
        whole++;
      },
    });
    receiver.wantFrames = true;
    for (let i = 0; i < 400; i++) {
      const data = new Uint8Array(4000).fill(i & 255);
      data.set([0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0]);
      sender.sendFrame(0, { data, timestamp: i * 3000, keyFrame: true, mimeType: "video/VP8" }, pipe.now);
      pipe.run(i % 10 === 9 ? 7 : 100 / 3);
      if (i % 10 === 9) sender.discard();
    }
    pipe.run(1000);
    const [stream] = sender.streams;
    assert.ok(stream!.fecPacketsSent > 20, `${stream!.fecPacketsSent}`);
    assert.ok(whole > 100, `${whole}`);
    const contents = new Map<string, string>();
    for (const packet of pipe.sentRtp[0]) {
      const key = packet.subarray(2, 4).join() + packet.subarray(8, 12).join();
      const content = packet.subarray(40).join();
      assert.equal(contents.get(key) ?? content, content);
      contents.set(key, content);
    }
  }
});
