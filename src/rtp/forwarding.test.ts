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

interface Arrived {
  readonly payload: Uint8Array;
  readonly marker: boolean;
  readonly timestamp: number;
}

/** Forwards 120 pictures with four changes of layer; gives what came, by sequence number. */
function run(loss: number): { arrived: Map<number, Arrived>; forwarder: Forwarder } {
  const scales = [4, 2, 1];
  const rids = ["q", "h", "f"];
  const up = new Pipe({ seed: 1, delay: 15, jitter: 8, loss });
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
    { onKeyFrameRequest: (encoding) => requests.add(encoding) },
  );
  const sources = new Map<RtpReceiveStream, ForwardSource>();
  const byRid = new Map<string | null, ForwardSource>();
  const sender = down.sessions[0].addSender(sending(), {});
  const forwarder: Forwarder = new Forwarder(
    { sequenceNumber: 10, timestamp: 20, pictureId: 30, tl0PictureIndex: 40 },
    {
      sendPacket: (out, now) => sender.sendPacket(0, out, VP8.payloadType, now),
      requestKeyFrame(source, now) {
        for (const [stream, one] of sources) if (one === source) receiver.requestKeyFrame(stream, now);
      },
    },
  );
  const receiver = up.sessions[1].addReceiver(receiving({ rids }), {
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
  const arrived = new Map<number, Arrived>();
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

  return { arrived, forwarder };
}

interface Shown {
  readonly counter: number;
  readonly width: number;
}

/** Decodes what is whole; after what is not, from the next key frame on. */
function decode(arrived: Map<number, Arrived>): { shown: Shown[]; broken: number } {
  const format = payloadFormat("video/VP8");
  const depacketizer = format.createDepacketizer();
  const decoder = new Vp8BlockDecoder();
  const shown: Shown[] = [];
  let payloads: Uint8Array[] = [];
  let before: number | undefined;
  let timestamp = -1;
  let broken = 0;
  let waits = true;
  for (const number of [...arrived.keys()].sort((a, b) => a - b)) {
    const { payload, marker, timestamp: own } = arrived.get(number)!;
    // Nothing may be missing, except before a key frame.
    if (before !== undefined && number !== before + 1 && !waits) {
      waits = true;
      broken++;
    }
    if (own !== timestamp) {
      if (payloads.length > 0 && !waits) {
        waits = true;
        broken++;
      }
      payloads = [];
    }
    before = number;
    timestamp = own;
    payloads.push(payload);
    if (!marker) continue;
    const frame = depacketizer.assemble(payloads, payloads.length);
    if (format.isKeyFrame(payloads[0]!) && frame !== undefined) waits = false;
    payloads = [];
    if (waits || frame === undefined) continue;
    const luma = decoder.decode(frame);
    shown.push({ counter: readFrameCounter(luma, decoder.width, decoder.height)!, width: decoder.width });
  }
  return { shown, broken };
}

const WIDTHS = [160, 640, 160, 640];
const changes = (shown: readonly Shown[]): number[] =>
  shown.map(({ width }) => width).filter((width, i, all) => width !== all[i - 1]);

test("a layer of a simulcast is forwarded from one session to another", () => {
  const { arrived, forwarder } = run(0);
  assert.equal(forwarder.switches, 4);
  const { shown, broken } = decode(arrived);
  assert.deepEqual(changes(shown), WIDTHS);
  // Where a switch came between the packets of a frame, that frame is not whole.
  assert.ok(broken <= 3, `${broken}`);
  const seen = [...new Set(shown.map(({ counter }) => counter))];
  assert.ok(seen[0]! < 10, `${seen[0]}`);
  assert.deepEqual(
    seen,
    Array.from({ length: 120 - seen[0]! }, (_, i) => seen[0]! + i),
    "every picture of the camera",
  );
});

test("what is lost on the way to the server and repaired comes through in its place", () => {
  const { arrived, forwarder } = run(0.05);
  assert.equal(forwarder.switches, 4);
  const { shown, broken } = decode(arrived);
  assert.deepEqual(changes(shown), WIDTHS);
  assert.ok(broken <= 3, `${broken}`);
  const seen = new Set(shown.map(({ counter }) => counter));
  assert.ok(seen.size > 105, `${seen.size} pictures`);
  for (const { counter } of shown) assert.ok(counter >= 0 && counter < 120);
});
