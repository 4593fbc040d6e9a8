import assert from "node:assert/strict";
import { test } from "node:test";
import {
  FLAG_CERTAIN_START,
  FLAG_END,
  FLAG_KEY_FRAME,
  FLAG_PADDING,
  FLAG_START,
  FrameAssembler,
  MAX_BUFFERED_PACKETS,
} from "./frame-assembler.js";
import { MAX_EVENT_DURATION } from "./telephone-events.js";
import { generator, OPUS, Pipe, packet, receiving, sending, TELEPHONE, TIME_ORIGIN, VP8 } from "./testing.test.js";
import type { EncodedFrame, EncodedFrameInit, RtpCodec } from "./types.js";

/** A frame of VP8 as far as its first bytes go. */
function vp8Frame(index: number, size: number, keyFrame = index % 100 === 0): EncodedFrameInit {
  const data = new Uint8Array(Math.max(12, size));
  for (let i = 0; i < data.length; i++) data[i] = index * 31 + i * 7;
  data.set(keyFrame ? [0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0] : [0x11, 2, 0]);
  return { data, timestamp: index * 3000, keyFrame, mimeType: "video/VP8" };
}

const VIDEO: RtpCodec = { ...VP8, transportCc: true };

interface Given {
  readonly frame: EncodedFrame;
  readonly time: number;
}

function video(pipe: Pipe, paced = true): { send: (frame: EncodedFrameInit) => void; given: Given[]; asked: number[] } {
  const given: Given[] = [];
  const asked: number[] = [];
  const sender = pipe.sessions[0].addSender(sending({ codecs: [VIDEO] }), {
    onKeyFrameRequest: () => asked.push(pipe.now),
  });
  const receiver = pipe.sessions[1].addReceiver(receiving({ codecs: [VIDEO] }), {
    onFrame: (frame) => given.push({ frame, time: pipe.now }),
  });
  receiver.wantFrames = true;
  receiver.pacedFrames = paced;
  return {
    send: (frame) => assert.equal(sender.sendFrame(0, frame, pipe.now), true),
    given,
    asked,
  };
}

test("frames of many packets come out as they went in", () => {
  const pipe = new Pipe();
  const { send, given } = video(pipe);
  const random = generator(5);
  const sent: EncodedFrameInit[] = [];
  for (let i = 0; i < 60; i++) {
    sent.push(vp8Frame(i, random(12_000)));
    send(sent[i]!);
    pipe.run(100 / 3);
  }
  pipe.run(2500);
  assert.equal(given.length, 60);
  given.forEach(({ frame }, i) => {
    assert.deepEqual(frame.data, sent[i]!.data);
    assert.equal(frame.keyFrame, sent[i]!.keyFrame);
    assert.equal(frame.timestamp, sent[i]!.timestamp);
  });
  assert.deepEqual([given[0]!.frame.width, given[0]!.frame.height], [320, 240]);
  const receiver = pipe.sessions[1].receivers[0]!;
  const stream = receiver.streams[0]!;
  const counters = stream.frameCounters!;
  assert.equal(counters.framesReceived, 60);
  assert.equal(counters.jitterBufferEmittedCount, 60);
  assert.equal(counters.framesDropped, 0);

  // Numbers do not go back when nobody wants frames any more, or again.
  const wait = counters.jitterBufferDelay;
  receiver.wantFrames = false;
  send(vp8Frame(60, 100, true));
  pipe.run(500);
  assert.equal(stream.frames, undefined);
  assert.equal(counters.framesReceived, 61);
  receiver.wantFrames = true;
  send(vp8Frame(61, 100, true));
  pipe.run(500);
  assert.deepEqual([counters.framesReceived, counters.jitterBufferEmittedCount], [62, 62]);
  assert.equal(stream.unread, undefined);
  assert.ok(stream.frameCounters === counters && counters.jitterBufferDelay >= wait);
});

test("of audio the jitter buffer counts samples (webrtc-stats, jitterBufferEmittedCount)", () => {
  const pipe = new Pipe();
  const encodings = [{ rid: null, ssrc: 2000, rtxSsrc: null, active: true, maxBitrate: null, priority: 1 }];
  const sender = pipe.sessions[0].addSender(sending({ kind: "audio", codecs: [OPUS], encodings }), {});
  const receiver = pipe.sessions[1].addReceiver(receiving({ kind: "audio", codecs: [OPUS] }), {});
  receiver.wantFrames = true;
  for (let i = 0; i < 50; i++) {
    sender.sendFrame(
      0,
      { data: Uint8Array.of(0xf8, i), timestamp: i * 960, keyFrame: true, mimeType: "audio/opus" },
      pipe.now,
    );
    pipe.run(20);
  }
  pipe.run(500);
  const counters = receiver.streams[0]!.frameCounters!;
  assert.equal(counters.jitterBufferEmittedCount, 50 * 960);
  const wait = (1000 * counters.jitterBufferDelay) / counters.jitterBufferEmittedCount;
  assert.ok(wait >= 0 && wait < 100, `${wait} ms`);
});

test("5 % loss at 50 ms one way: more than 99.9 % of frames are complete, in order, in time", () => {
  const pipe = new Pipe({ seed: 21, delay: 50, jitter: 3, loss: 0.05, rtcpLoss: 0.05 });
  const { send, given } = video(pipe);
  const count = 3000;
  for (let i = 0; i < count; i++) {
    // As large as the estimate allows, as an encoder would make them.
    const target = pipe.sessions[0].senders[0]!.streams[0]!.targetBitrate;
    send(vp8Frame(i, Math.min(5000, (target * 0.8) / 8 / 30), i === 0));
    pipe.run(100 / 3);
  }
  pipe.run(2000);
  assert.ok(given.length >= count * 0.999, `${given.length}`);
  for (let i = 1; i < given.length; i++) assert.ok(given[i]!.frame.timestamp > given[i - 1]!.frame.timestamp);
  // In time: within 500 ms of being sent.
  const late = given.filter(({ frame, time }) => time - (1000 + (frame.timestamp / 3000) * (100 / 3)) > 500);
  assert.ok(late.length <= count * 0.001, `${late.length} ${late[0]?.frame.timestamp} ${late.at(-1)?.frame.timestamp}`);
});

for (const [delay, burst, loss, most] of [
  [0.5, 100, 0.9, 0],
  [0.5, 200, 0.5, 3],
  [2.5, 100, 0.9, 0],
  [2.5, 200, 0.5, 3],
] as const) {
  test(`${2 * delay} ms of round trip, ${burst} ms of ${100 * loss} % loss both ways: repeats come before key frames are asked for`, () => {
    const pipe = new Pipe({ seed: 1, delay });
    const { send, given, asked } = video(pipe);
    const random = generator(1001);
    const lossNow = (): number => ((pipe.now - 2000) % 2000 < burst && pipe.now > 2000 ? loss : 0.002);
    pipe.drop = (_packet, side) => side === 0 && random(1000) < lossNow() * 1000;
    const count = 900;
    let wanted = 0;
    for (let i = 0; i < count; i++) {
      const target = pipe.sessions[0].senders[0]!.streams[0]!.targetBitrate;
      send(vp8Frame(i, Math.min(5000, (target * 0.8) / 8 / 30), i === 0 || asked.length > wanted));
      wanted = asked.length;
      for (let part = 0; part < 10; part++) {
        pipe.rtcpLoss = lossNow();
        pipe.run(10 / 3);
      }
    }
    pipe.run(2000);
    assert.ok(asked.length <= most, `${asked.length} key frames asked for`);
    assert.ok(given.length >= count - 10 * most, `${given.length} frames`);
  });
}

test("20 % loss in bursts: what cannot be had again is passed over at the next key frame", () => {
  const pipe = new Pipe({ seed: 4, delay: 50 });
  const { send, given, asked } = video(pipe);
  const random = generator(77);
  let bad = false;
  pipe.drop = (_packet, side) => {
    bad = bad ? random(100) < 75 : random(100) < 6;
    return side === 0 && bad;
  };
  let wanted = 0;
  let index = 0;
  for (; index < 1500; index++) {
    const key = index === 0 || asked.length > wanted;
    wanted = asked.length;
    send(vp8Frame(index, 5000, key));
    pipe.run(100 / 3);
  }
  pipe.run(2000);
  assert.ok(given.length > 1400, `${given.length}`);
  assert.ok(given.at(-1)!.frame.timestamp > 1450 * 3000);
});

test("without the first key frame nothing is given, but one is asked for", () => {
  const pipe = new Pipe();
  const { send, given, asked } = video(pipe);
  for (let i = 1; i < 10; i++) {
    send(vp8Frame(i, 3000, false));
    pipe.run(33);
  }
  assert.equal(given.length, 0);
  assert.ok(asked.length >= 1 && asked.length <= 3, `${asked.length}`);
  send(vp8Frame(10, 3000, true));
  send(vp8Frame(11, 3000, false));
  // They wait in the pacer, and then as long as others were late because of it.
  pipe.run(2000);
  assert.deepEqual(
    given.map(({ frame }) => frame.timestamp / 3000),
    [10, 11],
  );
});

test("a lost frame of a higher temporal layer does not stop the base layer", () => {
  const pipe = new Pipe({ delay: 5 });
  const codecs: RtpCodec[] = [{ ...VP8, nack: false }];
  const given: number[] = [];
  const asked: number[] = [];
  const sender = pipe.sessions[0].addSender(sending({ codecs }), { onKeyFrameRequest: () => asked.push(pipe.now) });
  const receiver = pipe.sessions[1].addReceiver(receiving({ codecs }), {
    onFrame: (frame) => given.push(frame.timestamp / 3000),
  });
  receiver.wantFrames = true;
  pipe.drop = (_packet, side) => side === 0 && pipe.sentRtp[0].length === 4;
  for (let i = 0; i < 10; i++) {
    const frame = { ...vp8Frame(i, 100, i === 0), temporalIndex: i % 2 };
    assert.equal(sender.sendFrame(0, frame, pipe.now), true);
    pipe.run(33);
  }
  pipe.run(300);
  assert.deepEqual(given, [0, 1, 2, 4, 5, 6, 7, 8, 9]);
  assert.equal(asked.length, 0);
});

test("jitter makes frames wait, so that they come out evenly; unpaced they do not wait", () => {
  for (const paced of [true, false]) {
    const pipe = new Pipe({ seed: 9, delay: 20, jitter: 60 });
    const { send, given } = video(pipe, paced);
    for (let i = 0; i < 300; i++) {
      send(vp8Frame(i, 800, i === 0));
      pipe.run(100 / 3);
    }
    pipe.run(500);
    assert.equal(given.length, 300);
    const gaps = given.slice(200).map(({ time }, i) => time - given[199 + i]!.time);
    const uneven = gaps.filter((gap) => Math.abs(gap - 100 / 3) > 15).length;
    if (paced) assert.ok(uneven < 15, `${uneven}`);
    else assert.ok(uneven > 25, `${uneven}`);
  }
});

test("jitterBufferTarget is the least that frames wait", () => {
  const pipe = new Pipe({ delay: 20 });
  const { send, given } = video(pipe);
  pipe.sessions[1].receivers[0]!.jitterBufferTarget = 400;
  for (let i = 0; i < 60; i++) {
    send(vp8Frame(i, 800, i === 0));
    pipe.run(100 / 3);
  }
  pipe.run(1000);
  const { frame, time } = given[50]!;
  const sent = 1000 + (frame.timestamp / 3000) * (100 / 3);
  assert.ok(Math.abs(time - sent - 420) < 1, `${time - sent}`);
});

function opusFrame(index: number): EncodedFrameInit {
  return {
    data: Uint8Array.of(0x78, index, index >> 8, 3),
    timestamp: index * 960,
    keyFrame: true,
    mimeType: "audio/opus",
    audioLevel: 20 + (index % 50),
    voiceActivity: true,
    csrcs: [5, 6],
  };
}

test("audio: a lost packet is waited for until its turn, then passed over", () => {
  const pipe = new Pipe({ seed: 2, delay: 20, jitter: 30, loss: 0.1 });
  const given: Given[] = [];
  const audio = { kind: "audio", codecs: [OPUS] } as const;
  const sender = pipe.sessions[0].addSender(sending(audio), {});
  const receiver = pipe.sessions[1].addReceiver(receiving(audio), {
    onFrame: (frame) => given.push({ frame, time: pipe.now }),
  });
  receiver.wantFrames = true;
  for (let i = 0; i < 500; i++) {
    sender.sendFrame(0, opusFrame(i), pipe.now);
    pipe.run(20);
  }
  pipe.run(500);
  const lost = 500 - given.length;
  assert.ok(lost >= 30 && lost < 90, `${lost}`);
  for (let i = 1; i < given.length; i++) assert.ok(given[i]!.frame.timestamp > given[i - 1]!.frame.timestamp);
  const { frame } = given[10]!;
  assert.deepEqual(
    [frame.audioLevel, frame.voiceActivity, frame.csrcs, frame.mimeType],
    [20 + ((frame.timestamp / 960) % 50), true, [5, 6], "audio/opus"],
  );
  assert.deepEqual(
    receiver.contributingSources.map(({ source }) => source),
    [5, 6],
  );
  const gaps = given.slice(-200).map(({ frame: f, time }, i, all) => {
    const before = all[i - 1];
    return before === undefined ? 0 : time - before.time - (f.timestamp - before.frame.timestamp) / 48;
  });
  assert.ok(gaps.filter((gap) => Math.abs(gap) > 10).length < 30);
});

test("audio and video of one source wait for each other", () => {
  const pipe = new Pipe({ delay: 20 });
  const audio = { kind: "audio", mid: "a", codecs: [OPUS] } as const;
  const speaker = pipe.sessions[0].addSender(
    sending({
      ...audio,
      encodings: [{ rid: null, ssrc: 9, rtxSsrc: null, active: true, maxBitrate: null, priority: 1 }],
    }),
    {},
  );
  const camera = pipe.sessions[0].addSender(sending({ mid: "v" }), {});
  const times = { a: [] as number[], v: [] as number[] };
  const ears = pipe.sessions[1].addReceiver(receiving(audio), {
    onFrame: (frame) => times.a.push(pipe.now - 1000 - frame.timestamp / 48),
  });
  const eyes = pipe.sessions[1].addReceiver(receiving({ mid: "v" }), {
    onFrame: (frame) => times.v.push(pipe.now - 1000 - frame.timestamp / 90),
  });
  ears.wantFrames = true;
  eyes.wantFrames = true;
  // The picture leaves 600 ms after it was taken.
  const start = pipe.now;
  const pictures: EncodedFrameInit[] = [];
  for (let i = 0; i < 1000; i++) {
    speaker.sendFrame(0, { ...opusFrame(i), captureTime: pipe.now }, pipe.now);
    if (i % 2 === 0) {
      pictures.push({ ...vp8Frame(i, 500, i === 0), timestamp: i * 1800, captureTime: pipe.now });
      const late = pictures.at(-16);
      if (late !== undefined) camera.sendFrame(0, late, pipe.now);
    }
    pipe.run(20);
  }
  assert.equal(start, 1000);
  const average = (list: number[]): number => list.reduce((sum, n) => sum + n, 0) / list.length;
  assert.ok(average(times.a.slice(0, 10)) < 60);
  const difference = average(times.v.slice(-50)) - average(times.a.slice(-100));
  assert.ok(Math.abs(difference) < 25, `${difference}`);
  assert.ok(average(times.v.slice(-50)) < 700);
});

test("capture times by the sender's clock", () => {
  const pipe = new Pipe();
  const { send, given } = video(pipe);
  for (let i = 0; i < 90; i++) {
    send(vp8Frame(i, 500, i === 0));
    pipe.run(100 / 3);
  }
  const { frame } = given.at(-1)!;
  const sent = 1000 + (frame.timestamp / 3000) * (100 / 3);
  assert.ok(Math.abs(frame.captureTime! - (TIME_ORIGIN + sent)) < 1);
});

test("tones: one timestamp, growing durations, three ends; long ones in segments", () => {
  const pipe = new Pipe();
  const audio = { kind: "audio", codecs: [OPUS, TELEPHONE] } as const;
  const sender = pipe.sessions[0].addSender(sending(audio), {});
  const seen: { marker: boolean; timestamp: number; event: number; end: boolean; duration: number; at: number }[] = [];
  const receiver = pipe.sessions[1].addReceiver(receiving(audio), {
    onPacket: (p) => {
      const [event, second, high, low] = p.payload();
      if (p.payloadType !== 110) return;
      seen.push({
        marker: p.marker,
        timestamp: p.timestamp,
        event: event!,
        end: second! > 127,
        duration: high! * 256 + low!,
        at: pipe.now,
      });
    },
  });
  receiver.wantFrames = true;
  sender.sendFrame(0, opusFrame(100), pipe.now);
  pipe.run(20);
  assert.equal(sender.sendTelephoneEvent(11, 100, pipe.now), true);
  pipe.run(500);
  const base = 100 * 960 + 20 * 48;
  assert.deepEqual(
    seen.map(({ at: _, ...rest }) => rest),
    [
      { marker: true, timestamp: base, event: 11, end: false, duration: 2400 },
      { marker: false, timestamp: base, event: 11, end: false, duration: 2400 },
      ...[0, 1, 2].map(() => ({ marker: false, timestamp: base, event: 11, end: true, duration: 4800 })),
    ],
  );
  seen.length = 0;
  sender.sendTelephoneEvent(5, MAX_EVENT_DURATION + 5, pipe.now);
  pipe.run(MAX_EVENT_DURATION + 100);
  assert.equal(new Set(seen.map(({ timestamp }) => timestamp)).size, Math.ceil((MAX_EVENT_DURATION * 48) / 65535));
  assert.equal(seen.filter(({ end }) => end).length, 3);
  assert.equal(seen.at(-1)!.at - seen[0]!.at, MAX_EVENT_DURATION);
  const last = seen.at(-1)!;
  assert.equal(last.timestamp + last.duration - seen[0]!.timestamp, MAX_EVENT_DURATION * 48);
});

test("a sender refuses frames of codecs that were not negotiated, and bytes that are none", () => {
  const pipe = new Pipe();
  const sender = pipe.sessions[0].addSender(sending(), {});
  assert.equal(sender.sendFrame(0, { ...vp8Frame(0, 100), mimeType: "video/AV1" }, pipe.now), false);
  assert.equal(sender.sendFrame(0, { ...vp8Frame(0, 100), data: new Uint8Array(0) }, pipe.now), false);
  assert.equal(sender.sendFrame(1, vp8Frame(0, 100), pipe.now), false);
  assert.equal(sender.sendTelephoneEvent(1, 100, pipe.now), false);
  assert.equal(pipe.sentRtp[0].length, 0);
});

test("assembly: starts that are certain only by the packet before, in any order of arrival", () => {
  const random = generator(8);
  for (let round = 0; round < 200; round++) {
    const packets: { number: number; timestamp: number; flags: number }[] = [];
    let number = 70_000;
    for (let frame = 0; frame < 12; frame++) {
      const size = 1 + random(4);
      const uncertain = random(2) === 0 && frame > 0;
      for (let i = 0; i < size; i++) {
        let flags = i === size - 1 ? FLAG_END : 0;
        if (i === 0) flags |= uncertain ? FLAG_START : FLAG_START | FLAG_CERTAIN_START;
        else if (uncertain) flags |= FLAG_START;
        if (frame === 0) flags |= FLAG_KEY_FRAME;
        packets.push({ number: number++, timestamp: frame, flags });
      }
      if (random(4) === 0) packets.push({ number: number++, timestamp: frame, flags: FLAG_PADDING });
    }
    for (let i = packets.length - 1; i > 0; i--) {
      const other = Math.max(0, i - random(10));
      [packets[i], packets[other]] = [packets[other]!, packets[i]!];
    }
    const assembler = new FrameAssembler<undefined>();
    const out: number[] = [];
    for (const packet of packets) {
      assembler.insert(packet.number, packet.timestamp, packet.flags, Uint8Array.of(1), undefined, 0);
      for (let whole = assembler.inOrder(); whole !== undefined; whole = assembler.inOrder()) {
        out.push(whole.timestamp);
        assembler.take(whole);
      }
    }
    assert.deepEqual(out, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  }
});

test("a parameter set behind a delimiter is a certain start, but not where its frame begins", () => {
  // Each NAL unit in a packet of its own, as in packetization mode 0: delimiter, two parameter sets, a slice.
  const flags = [
    FLAG_START | FLAG_CERTAIN_START,
    FLAG_START | FLAG_CERTAIN_START | FLAG_KEY_FRAME,
    FLAG_START,
    FLAG_START | FLAG_KEY_FRAME | FLAG_END,
  ];
  for (const order of [
    [0, 1, 2, 3],
    [1, 2, 3, 0],
    [3, 2, 1, 0],
  ]) {
    const assembler = new FrameAssembler<undefined>();
    const put = (number: number, timestamp: number, own: number): void => {
      assembler.insert(number, timestamp, own, Uint8Array.of(1), undefined, 0);
    };
    put(9, 1, FLAG_START | FLAG_CERTAIN_START | FLAG_KEY_FRAME | FLAG_END);
    assembler.take(assembler.inOrder()!);
    for (const i of order) put(10 + i, 2, flags[i]!);
    const frame = assembler.inOrder();
    assert.ok(frame, `in the order ${order}`);
    assert.deepEqual([frame.first, frame.last, frame.keyFrame], [10, 13, true]);
    assembler.take(frame);
    assert.equal(assembler.inOrder(), undefined);
    assert.ok(assembler.empty);
  }
  // The delimiter is lost: the frame is whole without it, if nobody waits for it any more.
  const assembler = new FrameAssembler<undefined>();
  for (let i = 1; i < 4; i++) assembler.insert(10 + i, 2, flags[i]!, Uint8Array.of(1), undefined, 0);
  assert.equal(assembler.inOrder()?.first, 11);
});

test("assembly holds no more packets than its limit", () => {
  const assembler = new FrameAssembler<undefined>();
  let refused = 0;
  for (let i = 0; i < 3 * MAX_BUFFERED_PACKETS; i++) {
    if (!assembler.insert(i, 5, FLAG_START, new Uint8Array(10), undefined, 0)) refused++;
  }
  assert.equal(refused, 2);
  assert.equal(assembler.insert(1e7, 5, 0, new Uint8Array(9e6), undefined, 0), false);
});

test("padding is no reason to tell an encoding less", () => {
  const pipe = new Pipe();
  let told = 0;
  const sender = pipe.sessions[0].addSender(sending({ codecs: [VIDEO] }), {
    onBitrateChange: (_, bitrate) => {
      told = bitrate;
    },
  });
  for (let i = 0; i < 60; i++) {
    sender.sendFrame(0, vp8Frame(i, 1000), pipe.now);
    pipe.run(20);
  }
  for (let i = 0; i < 100; i++) sender.streams[0]!.sendPadding(1000, -1, pipe.now);
  sender.update({ ...sender.options });
  pipe.run(1);
  const { targetBitrate } = pipe.sessions[0].bandwidth!;
  assert.ok(told > 0.9 * targetBitrate && told < targetBitrate, `${told} of ${targetBitrate}`);
});

test("timestamps go on behind those of another source, and after a pause never back", () => {
  const pipe = new Pipe();
  const { send, given } = video(pipe);
  const [sender] = pipe.sessions[0].senders;
  const run = (timestamps: readonly number[]): void => {
    for (const timestamp of timestamps) {
      send({ ...vp8Frame(0, 100), timestamp });
      pipe.run(100 / 3);
    }
  };
  run([900_000, 903_000, 906_000]);
  sender!.sourceChanged(true);
  run([0, 3000, 6000]);
  // The same clock went on while nothing was sent.
  sender!.sourceChanged(false);
  run([96_000, 99_000]);
  // It was set back.
  sender!.sourceChanged(false);
  run([3000, 6000]);
  // Ahead, but of another.
  sender!.sourceChanged(true);
  run([5_000_000, 5_003_000]);
  pipe.run(2500);
  assert.deepEqual(
    given.map(({ frame }) => frame.timestamp),
    [
      900_000, 903_000, 906_000, 909_000, 912_000, 915_000, 1_005_000, 1_008_000, 1_011_000, 1_014_000, 1_017_000,
      1_020_000,
    ],
  );
});

test("packets of another source with the same SSRC go on behind the last ones", () => {
  const pipe = new Pipe();
  const arrived: [number, number][] = [];
  const sender = pipe.sessions[0].addSender(sending(), {});
  pipe.sessions[1].addReceiver(receiving(), {
    onPacket: ({ sequenceNumber, timestamp }) => arrived.push([sequenceNumber, timestamp]),
  });
  const pass = (sequenceNumber: number, timestamp: number): void => {
    sender.sendPacket(0, packet(sequenceNumber, timestamp, { ssrc: 7 }), VP8.payloadType, pipe.now);
    pipe.run(100);
  };
  pass(500, 9000);
  pass(501, 18_000);
  sender.sourceChanged(true);
  pass(3, 70);
  pass(4, 9070);
  pipe.run(100);
  const [first] = arrived;
  assert.deepEqual(
    arrived.map(([sequenceNumber, timestamp]) => [(sequenceNumber - first![0]) & 0xffff, timestamp - first![1]]),
    [0, 1, 2, 3].map((i) => [i, i * 9000]),
  );
});
