// Congestion control through whole RTP sessions: a source that sends what its encoding was given, over a bottleneck, with
// feedback as RTCP.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RtpPacket, writeRtpHeader } from "#src/rtp/packet.js";
import type { RtpCodec, RtpEncoding } from "#src/rtp/types.js";
import type { LinkOptions } from "#test/sim/link.js";
import { VP8 as CODEC, SessionPair, TRANSPORT_WIDE } from "./session-pair.js";

const EXTENSIONS = [
  { id: 2, uri: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time" },
  TRANSPORT_WIDE,
  { id: 4, uri: "urn:ietf:params:rtp-hdrext:sdes:mid" },
];
const PAYLOAD = 1100;

function encoding(index: number, more: Partial<RtpEncoding> = {}): RtpEncoding {
  const ssrc = 1000 + 2 * index;
  return { rid: null, ssrc, rtxSsrc: ssrc + 1, active: true, maxBitrate: null, priority: 1, ...more };
}

/** Sources in the first session that follow what they are told. */
class Call extends SessionPair {
  readonly told: number[] = [];
  received = 0;
  /** Packets that say nothing. */
  padding = 0;
  /** When each packet of the first stream was handed to the network. */
  readonly departures: number[] = [];
  private readonly first: number;

  constructor(
    link: LinkOptions,
    codec: RtpCodec,
    extensions: typeof EXTENSIONS,
    encodings: readonly RtpEncoding[],
    source: "packets" | "frames" = "packets",
  ) {
    super("sessions", { queue: 60_000, ...link });
    this.first = encodings[0]!.ssrc;
    this.sessions[1].addReceiver(
      {
        kind: "video",
        mid: "0",
        codecs: [codec],
        extensions,
        ssrcs: encodings.map(({ ssrc, rtxSsrc }) => ({ ssrc, rtxSsrc })),
        rids: [],
        active: true,
      },
      {},
    );
    const sender = this.sessions[0].addSender(
      { kind: "video", mid: "0", codecs: [codec], extensions, extmapAllowMixed: true, encodings, active: true },
      {
        onBitrateChange: (index, bitrate) => {
          this.told[index] = bitrate;
        },
      },
    );
    this.settle(0);
    if (source === "frames") {
      // 30 frames a second of the size that was asked for, a key frame of four times that each three seconds.
      let count = 0;
      const frame = (now: number): void => {
        const keyFrame = count % 90 === 0;
        const size = ((this.told[0] ?? 0) / 8 / 30) * (keyFrame ? 4 : 0.97);
        const data = new Uint8Array(Math.max(20, Math.round(size)));
        // A frame tag and, of a key frame, the start code and the size (RFC 6386 §9.1).
        data.set(keyFrame ? [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0] : [0x11, 0, 0]);
        const init = { data, timestamp: Math.round(now * 90) >>> 0, keyFrame, mimeType: codec.mimeType };
        assert.ok(sender.sendFrame(0, init, now));
        count++;
        this.settle(now);
        this.scheduler.after(1000 / 30, () => frame(this.scheduler.now));
      };
      this.scheduler.at(1, frame);
      return;
    }
    for (let i = 0; i < encodings.length; i++) {
      const buffer = new Uint8Array(12 + PAYLOAD);
      const packet = new RtpPacket();
      let sequence = 0;
      const emit = (now: number): void => {
        const bitrate = this.told[i] ?? 0;
        if (bitrate > 0) {
          writeRtpHeader(buffer, true, 96, sequence++ & 0xffff, Math.round(now * 90) >>> 0, 7 + i, 0);
          packet.parse(buffer, buffer.length);
          sender.sendPacket(i, packet, 96, now);
          this.settle(now);
        }
        this.scheduler.after(bitrate > 0 ? (PAYLOAD * 8000) / bitrate : 100, () => emit(this.scheduler.now));
      };
      this.scheduler.at(i, emit);
    }
  }

  /** Bits per second that arrive in the next so many seconds. */
  measure(seconds: number): number {
    const before = this.received;
    this.run(seconds);
    return ((this.received - before) * 8) / seconds;
  }

  protected override onSent(data: Uint8Array): void {
    if (data[11] === (this.first & 255)) this.departures.push(this.scheduler.now);
  }

  protected override onReceived(data: Uint8Array): void {
    this.received += data.length + 28;
    if (data[1]! % 128 === 97) this.padding++;
  }
}

test("transport-cc: an encoding is told what the path carries, up and down", () => {
  const call = new Call({ rate: 4_000_000 }, CODEC, EXTENSIONS, [encoding(0)]);
  call.run(5);
  const fast = call.measure(10);
  assert.ok(fast > 3_400_000 && fast < 4_000_000, `${fast}`);
  assert.ok(Math.abs(call.available - 4_000_000) < 400_000, `${call.available}`);
  assert.ok(call.told[0]! < call.available, "payload is less than what the path carries");
  call.forward.options = { ...call.forward.options, rate: 1_000_000 };
  call.run(5);
  const slow = call.measure(10);
  assert.ok(slow > 800_000 && slow <= 1_000_000, `${slow}`);
  assert.ok(Math.abs(call.available - 1_000_000) < 200_000, `${call.available}`);
  // Feedback alone: nothing was lost for good, and probes were filled on the retransmission SSRC.
  assert.ok(call.padding > 5, `${call.padding}`);
});

test("RFC 8888: the same without an extension, for packets, repeats, padding and what is lost", () => {
  const codec = { ...CODEC, ccfb: true };
  // Transport-wide feedback is negotiated as well: RFC 8888 takes its place.
  for (const extensions of [EXTENSIONS.slice(2), EXTENSIONS]) {
    const call = new Call({ rate: 3_000_000, loss: 0.01 }, codec, extensions, [encoding(0)], "frames");
    call.run(6);
    const got = call.measure(20);
    assert.ok(got > 2_400_000 && got <= 3_000_000, `${got}`);
    assert.ok(Math.abs(call.available - 3_000_000) < 400_000, `${call.available}`);
    const [sender, receiver] = call.sessions;
    assert.ok(sender.ccfbMessages.received > 200, `${sender.ccfbMessages.received}`);
    // Those in flight have not come.
    assert.ok(receiver.ccfbMessages.sent - sender.ccfbMessages.received < 5);
    const { packetsReported, packetsLost } = sender.bandwidth!;
    assert.ok(packetsReported > 0.98 * sender.packetsSent, `${packetsReported} of ${sender.packetsSent}`);
    assert.ok(packetsLost > 0.005 * packetsReported && packetsLost < 0.03 * packetsReported, `${packetsLost}`);
  }
});

test("RFC 8888 is of the transport: with a section that lacks it, transport-wide feedback stays", () => {
  const call = new Call({ rate: 2_000_000 }, { ...CODEC, ccfb: true }, EXTENSIONS, [encoding(0)]);
  const other = { ...CODEC, payloadType: 98, rtxPayloadType: 99 };
  const section = { kind: "video", mid: "1", codecs: [other], extensions: EXTENSIONS, active: true } as const;
  call.sessions[1].addReceiver({ ...section, ssrcs: [], rids: [] }, {});
  call.sessions[0].addSender({ ...section, encodings: [encoding(7)], extmapAllowMixed: true }, {});
  call.run(15);
  assert.equal(call.sessions[1].ccfbMessages.sent, 0);
  assert.ok(Math.abs(call.available - 2_000_000) < 400_000, `${call.available}`);
});

test("frames go through the pacer: at the path's rate, in small bursts, key frames too", () => {
  const call = new Call({ rate: 3_000_000 }, CODEC, EXTENSIONS, [encoding(0)], "frames");
  call.run(5);
  const from = call.departures.length;
  const got = call.measure(20);
  assert.ok(got > 2_500_000 && got <= 3_000_000, `${got}`);
  // No more than about five milliseconds' worth at once: two packets, or a few while a probe runs.
  let burst = 1;
  let worst = 1;
  for (let i = from + 1; i < call.departures.length; i++) {
    burst = call.departures[i]! === call.departures[i - 1]! ? burst + 1 : 1;
    worst = Math.max(worst, burst);
  }
  assert.ok(worst <= 6, `${worst}`);
  assert.equal(call.forward.stats.overflowed, 0);
});

test("encodings share by priority, up to their limits, and an inactive one gets nothing", () => {
  const call = new Call({ rate: 3_000_000 }, CODEC, EXTENSIONS, [
    encoding(0, { priority: 1 }),
    encoding(1, { priority: 2 }),
    encoding(2, { maxBitrate: 150_000 }),
    encoding(3, { active: false }),
  ]);
  call.run(15);
  const [first, second, third, fourth] = call.told as [number, number, number, number | undefined];
  assert.ok(Math.abs(second / first - 2) < 0.1, `${first} ${second}`);
  assert.ok(Math.abs(third - 150_000) < 2000, `${third}`);
  assert.ok(fourth === undefined || fourth === 0);
  assert.ok(first + second + third > 2_400_000, `${first + second + third}`);
});

test("REMB alone: the receiver's estimate bounds the rate", () => {
  const codec = { ...CODEC, transportCc: false, remb: true };
  const call = new Call({ rate: 1_000_000 }, codec, EXTENSIONS.slice(0, 1), [encoding(0)]);
  call.run(30);
  const got = call.measure(20);
  assert.ok(got > 600_000 && got <= 1_000_000, `${got}`);
  assert.ok(call.available < 1_300_000, `${call.available}`);
});

test("neither: receiver reports", () => {
  const codec = { ...CODEC, transportCc: false, nack: false };
  const call = new Call({ rate: 1_000_000, queue: 20_000 }, codec, [], [encoding(0)]);
  call.run(60);
  const got = call.measure(20);
  assert.ok(got > 600_000 && got <= 1_000_000, `${got}`);
  // It goes on until more than a tenth is lost.
  assert.ok(call.available < 1_500_000, `${call.available}`);
});

test("reports that come each five seconds: up by 8 % each second all the same", () => {
  const codec = { ...CODEC, transportCc: false, nack: false };
  const call = new Call({ rate: 5_000_000 }, codec, [], [encoding(0)]);
  // Reports about video would come each second.
  const session = call.sessions[0];
  const receive = session.receiveRtcp.bind(session);
  let next = 0;
  session.receiveRtcp = (data, length, now) => {
    if (now < next) return;
    next = now + 5000;
    receive(data, length, now);
  };
  call.run(30);
  assert.ok(call.available > 1_200_000 && call.available < 5_000_000, `${call.available}`);
});

test("nothing is sent: no deadline stays", () => {
  const call = new Call({ rate: 1_000_000 }, CODEC, EXTENSIONS, [encoding(0, { active: false })]);
  call.run(20);
  for (const session of call.sessions) assert.equal(session.deadline, Number.POSITIVE_INFINITY);
  assert.equal(call.received, 0);
});
