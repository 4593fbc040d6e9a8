// Forwarding to one sender, packet by packet: what goes through as it is, and what happens when a second stream shows up.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NegotiatedCodec } from "../jsep/codecs.js";
import { payloadFormat } from "../payload/format.js";
import { RtpPacket } from "../peer/media.js";
import { writeRtpHeader } from "../rtp/packet.js";
import { ForwardFlow } from "./forward-flow.js";
import type { MediaOutlet, MediaReader, OutletEncoding, PacketOrigin } from "./media-feed.js";
import { ReceivedLayers } from "./received-layers.js";

const codec = (payloadType: number, identity = "VP8"): NegotiatedCodec => ({
  payloadType,
  mimeType: "video/VP8",
  clockRate: 90_000,
  role: "media",
  rtcpFeedback: [],
  rtxPayloadType: null,
  apt: null,
  identity,
});
const encoding = (rid: string | null = null): OutletEncoding => ({
  rid,
  active: true,
  maxBitrate: null,
  maxFramerate: null,
  scaleResolutionDownBy: 1,
  scalabilityMode: null,
});

interface Sent {
  readonly encoding: number;
  readonly ssrc: number;
  readonly sequenceNumber: number;
  readonly payloadType: number;
}

/** A received track and a sender that it is forwarded to. */
class Bench {
  now = 0;
  readonly sent: Sent[] = [];
  readonly asked: (number | undefined)[] = [];
  readonly track = { kind: "video" as const, enabled: true, settings: {} };
  readonly outlet: { -readonly [K in keyof MediaOutlet]: MediaOutlet[K] };
  readonly flow: ForwardFlow;
  readers: MediaReader[] = [];
  private readonly packet = new RtpPacket();
  private readonly origins = new Map<number, PacketOrigin>();
  private readonly numbers = new Map<number, number>();

  constructor(encodings: readonly OutletEncoding[] = [encoding()], isLayered = false) {
    this.outlet = {
      kind: "video",
      codecs: [codec(120)],
      encodings,
      wantsFrames: false,
      sendFrame() {},
      setSourceRates() {},
      sendPacket: (index, { ssrc, sequenceNumber }, payloadType) =>
        this.sent.push({ encoding: index, ssrc, sequenceNumber, payloadType }),
    };
    const source = {
      isLayered,
      random: (length: number) => new Uint8Array(length).fill(9),
      now: () => this.now,
      requestKeyFrame: (ssrc?: number) => void this.asked.push(ssrc),
      pictureSize: (isMeant: (stream: { ssrc: number; rid: string | null }) => boolean) =>
        [...this.origins.values()].some(isMeant) ? { width: 320, height: 100 } : undefined,
      read: (reader: MediaReader) => {
        this.readers = [...this.readers, reader];
        return () => {
          this.readers = this.readers.filter((other) => other !== reader);
        };
      },
    };
    this.flow = new ForwardFlow({ ...source, layers: new ReceivedLayers(source) }, this.track, this.outlet);
  }

  /** One picture in one packet. */
  picture(ssrc: number, { width = 320, keyFrame = false, rid = null as string | null, type = 96 } = {}): void {
    let origin = this.origins.get(ssrc);
    if (origin === undefined) {
      origin = { ssrc, rid, codec: (payloadType) => (payloadType === 96 ? codec(96) : codec(payloadType, "other")) };
      this.origins.set(ssrc, origin);
    }
    const data = new Uint8Array(40);
    // RFC 6386 §9.1: a key frame has the size behind its start code.
    data.set(keyFrame ? [0x10, 0, 0, 0x9d, 0x01, 0x2a, width & 0xff, width >> 8, 100, 0] : [0x11]);
    const number = this.numbers.get(ssrc) ?? 1000;
    this.numbers.set(ssrc, number + 1);
    payloadFormat("video/VP8")
      .createPacketizer()
      .packetize({ data, keyFrame }, 1000, (payload, marker) => {
        const bytes = new Uint8Array(12 + payload.length);
        writeRtpHeader(bytes, marker, type, number, this.now * 90, ssrc, 0);
        bytes.set(payload, 12);
        assert.ok(this.packet.parse(bytes));
        for (const reader of this.readers) reader.onPacket?.(this.packet, origin!);
      });
    this.now += 10;
  }
}

test("one stream goes through as it is, in the peer's payload type", () => {
  const bench = new Bench();
  assert.deepEqual(bench.asked, [undefined]);
  for (let i = 0; i < 3; i++) bench.picture(7);
  assert.deepEqual(
    bench.sent,
    [1000, 1001, 1002].map((sequenceNumber) => ({ encoding: 0, ssrc: 7, sequenceNumber, payloadType: 120 })),
  );
  assert.deepEqual(bench.flow.pictureSize(0), { width: 320, height: 100 });
  bench.picture(7, { type: 97 });
  assert.equal(bench.flow.refused, 1);
  bench.track.enabled = false;
  bench.picture(7);
  assert.equal(bench.sent.length, 3);
  bench.flow.requestKeyFrame();
  assert.deepEqual(bench.asked, [undefined, 7]);
  bench.flow.stop();
  assert.equal(bench.readers.length, 0);
});

test("when a second stream shows up the higher of both goes on, from its key frame", () => {
  const bench = new Bench();
  bench.picture(7, { keyFrame: true });
  bench.picture(8, { width: 640 });
  // Until there is a key frame the first goes on.
  for (let i = 0; i < 15; i++) {
    bench.picture(7);
    bench.picture(8);
  }
  assert.deepEqual([...new Set(bench.sent.map(({ ssrc }) => ssrc))], [7]);
  assert.equal(bench.sent.length, 16);
  bench.picture(7, { keyFrame: true });
  bench.picture(8, { width: 640, keyFrame: true });
  for (let i = 0; i < 15; i++) {
    bench.picture(7);
    bench.picture(8);
  }
  assert.ok(bench.asked.includes(8), "a key frame of the higher one was asked for");
  bench.picture(8, { width: 640, keyFrame: true });
  const before = bench.sent.length;
  for (let i = 0; i < 10; i++) {
    bench.picture(7);
    bench.picture(8);
  }
  const after = bench.sent.slice(before);
  assert.equal(after.length, 10, "one of both");
  const { width, height } = bench.flow.pictureSize(0)!;
  assert.deepEqual([width, height], [640, 100]);
  // The stream of a forwarder has numbers of its own.
  const [own] = [...new Set(after.map(({ ssrc }) => ssrc))];
  assert.ok(own !== 7 && own !== 8);
  const switched = bench.sent.filter(({ ssrc }) => ssrc === own).map(({ sequenceNumber }) => sequenceNumber);
  assert.deepEqual(
    switched,
    switched.map((_, i) => (switched[0]! + i) & 0xffff),
    "no gap over the switches",
  );
  assert.equal(bench.sent.filter(({ ssrc }) => ssrc === 8).length, 0);
  bench.flow.stop();
  assert.equal(bench.readers.length, 0);
});

test("a sender with encodings of its own gets each stream on the one of its rid", () => {
  const bench = new Bench([encoding("a"), encoding("b")], true);
  bench.picture(1, { rid: "b" });
  bench.picture(2, { rid: "a" });
  bench.picture(3, { rid: "c" });
  assert.deepEqual(
    bench.sent.map(({ encoding: index, ssrc }) => [index, ssrc]),
    [
      [1, 1],
      [0, 2],
    ],
  );
  // The peer's answer leaves one encoding: the best of all streams goes there.
  bench.outlet.encodings = [encoding("a")];
  bench.flow.update();
  bench.sent.length = 0;
  bench.picture(1, { keyFrame: true });
  assert.deepEqual(
    bench.sent.map(({ encoding: index }) => index),
    [0],
  );
  bench.flow.stop();
  assert.equal(bench.readers.length, 0);
});
