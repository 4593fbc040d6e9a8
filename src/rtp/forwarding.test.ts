// A camera with simulcast → session → forwarder → session → receiver, in virtual time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Vp8BlockDecoder } from "#test/media/vp8-block-decoder.js";
import { readFrameCounter, SyntheticCamera } from "../media/synthetic/camera.js";
import { payloadFormat } from "../payload/format.js";
import { ForwardSource } from "./forward-source.js";
import { Forwarder } from "./forwarder.js";
import type { RtpReceiveStream } from "./receive-stream.js";
import { Pipe, packet, receiving, sending, VP8 } from "./testing.test.js";

test("a layer of a simulcast is forwarded from one session to another", () => {
  const scales = [4, 2, 1];
  const rids = ["q", "h", "f"];
  const up = new Pipe({ seed: 1, delay: 15, jitter: 8 });
  const down = new Pipe({ seed: 2, delay: 15, jitter: 8 });
  const requests = new Set<number>();
  const camera = up.sessions[0].addSender(
    sending({
      encodings: rids.map((rid, i) => ({
        rid,
        ssrc: 500 + i,
        rtxSsrc: 600 + i,
        active: true,
        maxBitrate: null,
        priority: 1,
      })),
    }),
    {},
  );
  const sources = new Map<RtpReceiveStream, ForwardSource>();
  const byRid = new Map<string | null, ForwardSource>();
  const sender = down.sessions[0].addSender(sending(), {});
  const forwarder: Forwarder = new Forwarder(
    { sequenceNumber: 10, timestamp: 20, pictureId: 30, tl0PictureIndex: 40 },
    {
      sendPacket: (out, now) => sender.sendPacket(0, out, VP8.payloadType, now),
      requestKeyFrame: (source) => requests.add(rids.indexOf(source.rid!)),
    },
  );
  up.sessions[1].addReceiver(receiving({ rids }), {
    onStream(stream) {
      const source = new ForwardSource({
        mimeType: "video/VP8",
        clockRate: 90_000,
        rid: stream.rid,
        clock: stream.clock,
      });
      sources.set(stream, source);
      byRid.set(stream.rid, source);
      forwarder.attach(source);
    },
    onPacket: (p, stream, now) => sources.get(stream)!.receive(p, now),
  });

  // What the far end gets, by sequence number.
  const arrived = new Map<number, { payload: Uint8Array; marker: boolean; timestamp: number }>();
  down.sessions[1].addReceiver(receiving(), {
    onPacket: (p) =>
      arrived.set(p.sequenceNumber, { payload: p.payload().slice(), marker: p.marker, timestamp: p.timestamp }),
  });

  const synthetic = new SyntheticCamera({ width: 640, height: 384, frameRate: 30 });
  const packetizers = scales.map((_, i) => payloadFormat("video/VP8").createPacketizer({ pictureId: i * 5000 }));
  const sequence = [100, 65_500, 3];
  const plan = new Map([
    [2, "q"],
    [30, "f"],
    [60, "h"],
    [61, "q"],
    [90, "f"],
  ]);
  for (let n = 0; n < 120; n++) {
    scales.forEach((scale, i) => {
      const keyFrame = n === 0 || requests.delete(i);
      const data = synthetic.nextFrame(keyFrame, scale);
      packetizers[i]!.packetize({ data, keyFrame }, 700, (payload, marker) => {
        const p = packet(sequence[i]!++ & 0xffff, n * 3000 + i * 99_999, {
          ssrc: 900 + i,
          payload: payload.slice(),
          marker,
        });
        camera.sendPacket(i, p, VP8.payloadType, up.now);
      });
    });
    const rid = plan.get(n);
    if (rid !== undefined) forwarder.setTarget(byRid.get(rid)!, up.now);
    up.run(33);
    if (up.now >= forwarder.deadline) forwarder.handleTimeout(up.now);
    down.run(33);
  }
  up.run(200);
  down.run(200);

  assert.equal(forwarder.switches, 4);
  const numbers = [...arrived.keys()].sort((a, b) => a - b);
  assert.equal(numbers.at(-1)! - numbers[0]! + 1, numbers.length, "no number is missing");
  const depacketizer = payloadFormat("video/VP8").createDepacketizer();
  const decoder = new Vp8BlockDecoder();
  const counters: number[] = [];
  const widths: number[] = [];
  let payloads: Uint8Array[] = [];
  let timestamp = -1;
  for (const number of numbers) {
    const { payload, marker, timestamp: own } = arrived.get(number)!;
    if (own !== timestamp) payloads = [];
    timestamp = own;
    payloads.push(payload);
    if (!marker) continue;
    const frame = depacketizer.assemble(payloads, payloads.length);
    assert.ok(frame, `the frame that ends at ${number}`);
    const luma = decoder.decode(frame);
    counters.push(readFrameCounter(luma, decoder.width, decoder.height)!);
    widths.push(decoder.width);
  }
  assert.deepEqual(
    widths.filter((width, i) => width !== widths[i - 1]),
    [160, 640, 160, 640],
  );
  // From its first key frame on, every picture of the camera, at a switch some twice.
  const seen = [...new Set(counters)];
  assert.ok(seen[0]! < 10, `${seen[0]}`);
  assert.deepEqual(
    seen,
    Array.from({ length: 120 - seen[0]! }, (_, i) => seen[0]! + i),
  );
});
