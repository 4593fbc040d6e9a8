import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameCounters } from "./frame-counters.js";
import type { RtpReceiveStream } from "./receive-stream.js";
import type { RtpReceiver } from "./receiver.js";
import { generator, Pipe, type PipeOptions, packet, receiving, sending, VP8 } from "./testing.test.js";
import { MAX_WAITING_FRAMES } from "./unread-frames.js";

const INTERVAL = 100 / 3;

interface Stage {
  readonly pipe: Pipe;
  readonly receiver: RtpReceiver;
  /** Sends a frame of so many packets, and lets the time pass until the next. */
  frame(packets?: number): void;
  counters(): FrameCounters;
}

/** A stream that somebody reads the frames of, or nobody. */
function stage(read: boolean, options: PipeOptions = {}, nack = true): Stage {
  const pipe = new Pipe(options);
  const codecs = [{ ...VP8, nack }];
  const sender = pipe.sessions[0].addSender(sending({ codecs }), {});
  const receiver = pipe.sessions[1].addReceiver(receiving({ codecs }), {});
  receiver.wantFrames = read;
  let number = 0;
  let frames = 0;
  return {
    pipe,
    receiver,
    frame(packets = 1) {
      for (let i = 0; i < packets; i++) {
        // Key frames, so that a buffer goes on whatever is lost.
        const payload =
          i === 0 ? Uint8Array.of(0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0, 7) : Uint8Array.of(0, 1, 2);
        const more = { payload, marker: i === packets - 1 };
        sender.sendPacket(0, packet(number++, frames * 3000, more), 96, pipe.now);
        pipe.run(1);
      }
      frames++;
      pipe.run(INTERVAL - packets);
    },
    counters() {
      receiver.streams[0]!.settle(pipe.now);
      return Object.assign(new FrameCounters(), receiver.streams[0]!.frameCounters);
    },
  };
}

/** What the second has counted since the first. */
function since(before: FrameCounters, after: FrameCounters): FrameCounters {
  const result = new FrameCounters();
  for (const name of Object.keys(result) as (keyof FrameCounters)[]) {
    if (name !== "rate") result[name] = after[name] - before[name];
  }
  return result;
}

const waitOf = ({ jitterBufferDelay, jitterBufferEmittedCount }: FrameCounters): number =>
  (1000 * jitterBufferDelay) / jitterBufferEmittedCount;

test("video that nobody reads counts as it would be played, without a timer and without bytes", () => {
  const { receiver, frame, counters } = stage(false);
  for (let i = 0; i < 60; i++) frame(3);
  const before = counters();
  assert.deepEqual([before.framesReceived, before.jitterBufferEmittedCount], [60, 60]);
  assert.equal(before.framesAssembledFromMultiplePackets, 60);
  assert.ok(Math.abs(before.totalAssemblyTime - 60 * 0.002) < 1e-6, `${before.totalAssemblyTime} s`);
  assert.ok(waitOf(before) < 10, `${waitOf(before)} ms`);

  receiver.jitterBufferTarget = 1000;
  for (let i = 0; i < 90; i++) frame(3);
  const raised = counters();
  for (let i = 0; i < 60; i++) frame(3);
  const high = since(raised, counters());
  assert.ok(Math.abs(waitOf(high) - 1000) < 10, `${waitOf(high)} ms`);
  assert.equal(high.jitterBufferTargetDelay, high.jitterBufferEmittedCount);
  assert.ok(high.jitterBufferMinimumDelay < 0.1, "what the network alone asks for");
  assert.equal(high.framesReceived, 60);
  assert.equal(receiver.streams[0]!.frames, undefined);
  assert.equal(receiver.streams[0]!.deadline, Number.POSITIVE_INFINITY);

  receiver.jitterBufferTarget = 0;
  frame(3);
  const lowered = counters();
  for (let i = 0; i < 60; i++) frame(3);
  const low = since(lowered, counters());
  assert.deepEqual([low.jitterBufferEmittedCount, waitOf(low) < 10], [60, true]);
});

for (const [name, options, nack, target, share] of [
  ["a path that delays some more than others", { jitter: 40 }, true, 0, 0.01],
  ["the same, and jitterBufferTarget", { jitter: 40 }, true, 300, 0.01],
  ["loss that is mended", { loss: 0.05, delay: 30, jitter: 4 }, true, 0, 0.01],
  ["much loss, some of it not mended in time", { loss: 0.3, delay: 40, jitter: 20 }, true, 100, 0.1],
  ["loss that stays", { loss: 0.05 }, false, 0, 0.01],
  ["loss that stays, and jitterBufferTarget", { loss: 0.05, jitter: 10 }, false, 200, 0.01],
] as const) {
  test(`what nobody reads counts as what is read: ${name}`, () => {
    const [unread, read] = [false, true].map((wanted) => {
      const bed = stage(wanted, { seed: 11, ...options }, nack);
      bed.receiver.jitterBufferTarget = target;
      const random = generator(5);
      for (let i = 0; i < 900; i++) bed.frame(1 + random(6));
      bed.pipe.run(3000);
      return bed.counters();
    }) as [FrameCounters, FrameCounters];
    assert.ok(unread.framesReceived > 500, `${unread.framesReceived}`);
    assert.ok(unread.jitterBufferEmittedCount > 500, `${unread.jitterBufferEmittedCount}`);
    const near = (member: Exclude<keyof FrameCounters, "rate">): void => {
      const [ours, theirs] = [unread[member], read[member]];
      assert.ok(Math.abs(ours - theirs) <= Math.abs(theirs) * share + 1e-6, `${member}: ${ours}, read ${theirs}`);
    };
    near("framesReceived");
    near("framesAssembledFromMultiplePackets");
    near("totalAssemblyTime");
    near("jitterBufferEmittedCount");
    near("jitterBufferDelay");
    near("jitterBufferTargetDelay");
    near("jitterBufferMinimumDelay");
  });
}

/** Packets as they come, without a session that has sent them. */
function receive(nack = true): {
  give: (number: number, time: number, marker: boolean, now: number, start?: boolean) => void;
  bed: Pipe;
} {
  const bed = new Pipe();
  bed.sessions[1].addReceiver(receiving({ codecs: [{ ...VP8, nack }], ssrcs: [{ ssrc: 77, rtxSsrc: null }] }), {});
  return {
    bed,
    give: (number, time, marker, now, start = true) => {
      const payload = Uint8Array.of(start ? 0x10 : 0, 0, 2, 3);
      const { data } = packet(number, time * 90, { marker, payload });
      bed.sessions[1].receiveRtp(data, data.length, now);
    },
  };
}

test("however many frames come, no more than a limit wait", () => {
  const { bed, give } = receive();
  const receiver = bed.sessions[1].receivers[0]!;
  receiver.jitterBufferTarget = 4000;
  for (let i = 0; i < 1000; i++) give(i, i, true, 1000 + i);
  const counters = receiver.streams[0]!.frameCounters!;
  assert.deepEqual([counters.framesReceived, counters.jitterBufferEmittedCount], [1000, 1000 - MAX_WAITING_FRAMES]);
  receiver.streams[0]!.settle(7000);
  assert.equal(counters.jitterBufferEmittedCount, 1000);
});

test("a stream whose frames have no ends, or never become whole, is nothing to count", () => {
  const { bed, give } = receive(false);
  for (let i = 0; i < 1000; i++) give(i, i, false, 1000 + i);
  const [stream] = bed.sessions[1].receivers[0]!.streams;
  assert.equal(stream!.frameCounters!.framesReceived, 0);
  // Two packets each, of which the first is lost; in the other half, the second.
  for (let i = 0; i < 1000; i++) give(1001 + 2 * i, 1000 + i, true, 2000 + i, false);
  for (let i = 0; i < 1000; i++) {
    give(3002 + 2 * i, 2000 + i, false, 3000 + i);
    const { waitingFrames } = stream!.unread!;
    assert.ok(waitingFrames <= MAX_WAITING_FRAMES, `${waitingFrames} frames wait`);
  }
  stream!.settle(60_000);
  const { framesReceived, jitterBufferEmittedCount } = stream!.frameCounters!;
  assert.deepEqual([framesReceived, jitterBufferEmittedCount], [0, 0]);
});

test("the packets of a frame may come in any order, and its numbers may go on from elsewhere", () => {
  const { bed, give } = receive();
  const stream = (): RtpReceiveStream => bed.sessions[1].receivers[0]!.streams[0]!;
  give(10, 0, true, 1000);
  for (const number of [13, 12, 11]) give(number, 33, number === 13, 1053 - number, number === 11);
  give(15, 66, true, 1066, false);
  give(14, 66, false, 1070);
  stream().settle(1500);
  const before = { ...stream().frameCounters! };
  assert.deepEqual([before.framesReceived, before.jitterBufferEmittedCount], [3, 3]);
  assert.ok(Math.abs(before.totalAssemblyTime - 0.006) < 1e-9, `${before.totalAssemblyTime} s`);
  for (let i = 0; i < 10; i++) give(20_000 + i, 100 + i * 33, true, 1600 + i * 33);
  stream().settle(3000);
  assert.deepEqual(
    [stream().frameCounters!.framesReceived, stream().frameCounters!.jitterBufferEmittedCount],
    [13, 13],
  );
});

test("what comes too late is discarded, what comes again is not (webrtc-stats, packetsDiscarded)", () => {
  for (const read of [false, true]) {
    const { bed, give } = receive();
    const receiver = bed.sessions[1].receivers[0]!;
    receiver.wantFrames = read;
    for (let i = 0; i < 100; i++) {
      if (i === 50) continue;
      give(i, i * 33, true, 1000 + i * 33);
      give(i, i * 33, true, 1001 + i * 33);
    }
    assert.equal(receiver.streams[0]!.packetsDiscarded, 0);
    give(50, 50 * 33, true, 1000 + 100 * 33);
    assert.equal(receiver.streams[0]!.packetsDiscarded, 1, read ? "read" : "not read");
    receiver.wantFrames = false;
    give(101, 101 * 33, true, 1000 + 101 * 33);
    assert.equal(receiver.streams[0]!.packetsDiscarded, 1);
  }
});
