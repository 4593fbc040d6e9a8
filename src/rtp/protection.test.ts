import assert from "node:assert/strict";
import { test } from "node:test";
import { ExtensionKind, HeaderExtensions } from "./extensions.js";
import { MAX_PROTECTION, ProtectionRate } from "./fec/protection-rate.js";
import { RtpPacket } from "./packet.js";
import { EXTENSIONS, Pipe, packet, receiving, sending, VP8 } from "./testing.test.js";
import type { RtpCodec } from "./types.js";

const PLAIN: RtpCodec = { ...VP8, nack: false, rtxPayloadType: null, transportCc: true };
const RED: RtpCodec = { ...PLAIN, payloadType: 118, mimeType: "video/red" };
const ULPFEC: RtpCodec = { ...PLAIN, payloadType: 120, mimeType: "video/ulpfec" };
const FLEXFEC_03: RtpCodec = { ...PLAIN, payloadType: 49, mimeType: "video/flexfec-03" };
const FLEXFEC: RtpCodec = { ...FLEXFEC_03, mimeType: "video/flexfec" };
const FEC_SSRC = 1002;

/** A VP8 frame of so many bytes. */
function vp8(length: number, keyFrame: boolean, value: number): Uint8Array {
  const data = new Uint8Array(length).fill(value & 255);
  data.set(keyFrame ? [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00] : [0x11, 0x02, 0x00]);
  return data;
}

interface Run {
  /** Frames that came, of those that were sent. */
  readonly complete: number;
  readonly sent: number;
  readonly pipe: Pipe;
  readonly mediaBytes: number;
  readonly repairBytes: number;
}

/**
 * Frames of about `length` bytes, or less if the path has less for them, 30 a second: 20 s after 3 s in which reports come. Each frame
 * stands by itself, so that what is counted is what came, not what refers to it.
 */
function run(
  codecs: readonly RtpCodec[],
  more: { loss?: number; delay?: number; length?: number; seed?: number } = {},
): Run {
  const { loss = 0.05, delay = 100, length = 8000, seed = 5 } = more;
  const pipe = new Pipe({ seed, delay, loss });
  const encodings = [
    { rid: null, ssrc: 1000, rtxSsrc: 1001, fecSsrc: FEC_SSRC, active: true, maxBitrate: null, priority: 1 },
  ];
  let target = 300_000;
  const sender = pipe.sessions[0].addSender(sending({ codecs, encodings }), {
    onBitrateChange: (_, bitrate) => {
      target = bitrate;
    },
  });
  let complete = 0;
  const receiver = pipe.sessions[1].addReceiver(receiving({ codecs }), {
    onFrame: ({ data, timestamp }) => {
      const value = (timestamp / 3000) & 255;
      assert.ok(data.subarray(10).every((byte) => byte === value));
      complete++;
    },
  });
  receiver.wantFrames = true;
  const frame = (index: number): void => {
    const data = vp8(Math.max(100, Math.min(length, Math.floor(target / 8 / 30))), true, index);
    sender.sendFrame(0, { data, timestamp: index * 3000, keyFrame: true, mimeType: "video/VP8" }, pipe.now);
    pipe.run(100 / 3);
  };
  for (let i = 0; i < 90; i++) frame(i);
  pipe.run(500);
  complete = 0;
  const from = pipe.sentRtp[0].length;
  for (let i = 90; i < 690; i++) frame(i);
  pipe.run(1000);
  let mediaBytes = 0;
  let repairBytes = 0;
  const packet = new RtpPacket();
  for (const bytes of pipe.sentRtp[0].slice(from)) {
    packet.parse(bytes);
    const isUlpfec = packet.payloadType === RED.payloadType && packet.payload()[0] === ULPFEC.payloadType;
    if (packet.ssrc === FEC_SSRC || isUlpfec) repairBytes += bytes.length;
    else mediaBytes += bytes.length;
  }
  return { complete, sent: 600, pipe, mediaBytes, repairBytes };
}

const CODECS: ReadonlyMap<string, readonly RtpCodec[]> = new Map([
  ["flexfec-03", [PLAIN, FLEXFEC_03]],
  ["flexfec", [PLAIN, FLEXFEC]],
  ["ulpfec", [PLAIN, RED, ULPFEC]],
]);
const RTX: ReadonlyMap<number, number> = new Map([
  [PLAIN.payloadType, 97],
  [RED.payloadType, 119],
]);
const withNack = (codecs: readonly RtpCodec[]): RtpCodec[] =>
  codecs.map((codec) => ({ ...codec, nack: true, rtxPayloadType: RTX.get(codec.payloadType) ?? null }));

for (const [name, codecs] of CODECS) {
  test(`${name}: at 5 % loss most of the frames that would be missing come, for a quarter of the bits`, () => {
    for (const length of [900, 8000]) {
      const without = run([PLAIN], { length });
      const { complete, sent, mediaBytes, repairBytes, pipe } = run(codecs, { length });
      const gap = sent - without.complete;
      assert.ok(gap > 0.04 * sent, `${gap} would be missing`);
      assert.ok(sent - complete < 0.55 * gap && complete > 0.93 * sent, `${complete} of ${sent}, ${gap} without`);
      assert.ok(repairBytes > 0.15 * mediaBytes && repairBytes < 0.33 * mediaBytes, `${repairBytes / mediaBytes}`);
      const [stream] = pipe.sessions[0].senders[0]!.streams;
      const [received] = pipe.sessions[1].receivers[0]!.streams;
      const { packetsReceived, packetsDiscarded, bytesReceived } = received!.repair!;
      assert.ok(packetsReceived > stream!.fecPacketsSent * 0.9 && packetsReceived < stream!.fecPacketsSent);
      assert.ok(packetsDiscarded < packetsReceived && bytesReceived > 0);
      assert.equal(received!.nackCount, 0);
      // Repair packets are among those of the stream, whichever SSRC they have (webrtc-stats, fecBytesReceived).
      for (const [ours, theirs] of [
        [stream!.packetsSent, received!.packetsReceived],
        [stream!.bytesSent, received!.bytesReceived],
      ] as const) {
        assert.ok(theirs > 0.93 * ours && theirs < 0.97 * ours, `${theirs} of ${ours}`);
      }
    }
  });

  test(`${name}: nothing without loss, nor where retransmissions are in time`, () => {
    for (const [list, loss, delay] of [
      [codecs, 0, 100],
      [withNack(codecs), 0.05, 20],
    ] as const) {
      const { pipe, repairBytes, complete, sent } = run(list, { loss, delay });
      assert.equal(repairBytes, 0);
      assert.ok(complete > 0.99 * sent, `${complete}`);
      for (const packet of pipe.sentRtp[0]) assert.notEqual(packet[1]! & 127, RED.payloadType);
    }
  });

  test(`${name}: where retransmissions come late, parity comes besides`, () => {
    const { repairBytes, complete, sent, pipe } = run(withNack(codecs), { delay: 120 });
    assert.ok(repairBytes > 0 && complete > 0.99 * sent, `${complete}`);
    const [stream] = pipe.sessions[0].senders[0]!.streams;
    assert.ok(stream!.retransmittedPacketsSent > 0);
  });

  test(`${name}: never more than half of the media, nor more than the path has`, () => {
    const { repairBytes, mediaBytes, pipe } = run(codecs, { loss: 0.3 });
    assert.ok(repairBytes > 0.3 * mediaBytes && repairBytes < (MAX_PROTECTION + 0.05) * mediaBytes);
    const [stream] = pipe.sessions[0].senders[0]!.streams;
    const { packetsSent, bytesSent, headerBytesSent, fecPacketsSent, fecBytesSent } = stream!;
    // What getStats says is what went: repair packets are part of it.
    assert.equal(packetsSent, pipe.sentRtp[0].length);
    assert.equal(
      bytesSent + headerBytesSent,
      pipe.sentRtp[0].reduce((sum, { length }) => sum + length, 0),
    );
    assert.ok(fecPacketsSent > 0 && fecBytesSent < bytesSent);
  });

  test(`${name}: repair packets carry transport-wide numbers, without a gap to those of media`, () => {
    const { pipe } = run(codecs);
    const table = new HeaderExtensions(EXTENSIONS);
    const packet = new RtpPacket();
    let last = -1;
    for (const bytes of pipe.sentRtp[0]) {
      assert.ok(packet.parse(bytes));
      table.find(packet);
      const number = table.transportSequence();
      if (last >= 0) assert.equal(number, (last + 1) & 0xffff);
      last = number;
      assert.ok(bytes.length <= 1200, `${bytes.length}`);
      // Whose it is the peer may have to be told.
      if (packet.ssrc === FEC_SSRC) assert.equal(table.token(ExtensionKind.mid), "0");
    }
  });
}

test("an encoder that makes more than its share gets no parity on top", () => {
  const pipe = new Pipe({ delay: 100, loss: 0.05 });
  const encodings = [
    { rid: null, ssrc: 1000, rtxSsrc: null, fecSsrc: FEC_SSRC, active: true, maxBitrate: 100_000, priority: 1 },
  ];
  const codecs = [PLAIN, FLEXFEC_03];
  const sender = pipe.sessions[0].addSender(sending({ codecs, encodings }), {});
  pipe.sessions[1].addReceiver(receiving({ codecs }), {});
  // 480 kbit/s.
  for (let i = 0; i < 600; i++) {
    sender.sendFrame(
      0,
      { data: vp8(2000, true, i), timestamp: i * 3000, keyFrame: true, mimeType: "video/VP8" },
      pipe.now,
    );
    pipe.run(100 / 3);
  }
  const [stream] = sender.streams;
  assert.ok(stream!.protectionRate > 0.1, `${stream!.protectionRate}`);
  // One before it was seen.
  assert.ok(stream!.fecPacketsSent <= 1, `${stream!.fecPacketsSent}`);
});

test("the encoder's share gets smaller by what parity takes", () => {
  const pipe = new Pipe({ delay: 100 });
  const encodings = [
    { rid: null, ssrc: 1000, rtxSsrc: null, fecSsrc: FEC_SSRC, active: true, maxBitrate: 200_000, priority: 1 },
  ];
  const codecs = [PLAIN, FLEXFEC_03];
  const targets: number[] = [];
  const sender = pipe.sessions[0].addSender(sending({ codecs, encodings }), {
    onBitrateChange: (_, bitrate) => targets.push(bitrate),
  });
  pipe.sessions[1].addReceiver(receiving({ codecs }), {});
  const send = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const data = vp8(Math.floor(targets.at(-1)! / 240), true, i);
      sender.sendFrame(0, { data, timestamp: pipe.now * 90, keyFrame: true, mimeType: "video/VP8" }, pipe.now);
      pipe.run(100 / 3);
    }
  };
  pipe.run(10);
  send(150);
  const full = targets.at(-1)!;
  assert.ok(full > 195_000 && full < 205_000, `${full}`);
  pipe.loss = 0.06;
  send(300);
  const [stream] = sender.streams;
  const { protectionRate } = stream!;
  assert.ok(protectionRate > 0.15 && protectionRate <= MAX_PROTECTION, `${protectionRate}`);
  assert.ok(Math.abs(targets.at(-1)! * (1 + protectionRate) - full) < 0.03 * full, `${targets.at(-1)} ${full}`);
  pipe.loss = 0;
  send(900);
  assert.equal(stream!.protectionRate, 0);
  assert.ok(targets.at(-1)! > 0.97 * full, `${targets.at(-1)} ${full}`);
});

test("what passes through is protected by FlexFEC, whose packets do not touch its numbers, and not by ULPFEC", () => {
  for (const codecs of [
    [PLAIN, FLEXFEC_03],
    [PLAIN, RED, ULPFEC],
  ]) {
    const pipe = new Pipe({ delay: 100, loss: 0.05, seed: 3 });
    const encodings = [
      { rid: null, ssrc: 1000, rtxSsrc: null, fecSsrc: FEC_SSRC, active: true, maxBitrate: null, priority: 1 },
    ];
    const sender = pipe.sessions[0].addSender(sending({ codecs, encodings }), {});
    const seen = new Map<number, number>();
    const receiver = pipe.sessions[1].addReceiver(receiving({ codecs }), {
      onPacket: (p) => {
        assert.equal(p.ssrc, 1000);
        assert.equal(seen.has(p.timestamp), false);
        assert.ok(p.payload().every((byte) => byte === p.timestamp % 251));
        seen.set(p.timestamp, p.payloadLength);
      },
    });
    const count = 3000;
    for (let i = 0; i < count; i++) {
      const payload = new Uint8Array(100 + (i % 7) * 20).fill((i * 300) % 251);
      sender.sendPacket(0, packet(i, i * 300, { payload, marker: i % 6 === 5 }), 96, pipe.now);
      pipe.run(5);
    }
    pipe.run(500);
    const [stream] = sender.streams;
    const lost = count - seen.size;
    assert.equal(sender.streams[0]!.codec!.payloadType, 96);
    if (codecs.length === 2) {
      assert.ok(lost < 0.025 * count && stream!.fecPacketsSent < 0.35 * count, `${lost} ${stream!.fecPacketsSent}`);
      assert.equal(receiver.streams[0]!.fecSsrc, FEC_SSRC);
      assert.ok(receiver.streams[0]!.packetsLost > 0.03 * count, "what was repaired was lost on the way");
    } else {
      assert.ok(lost > 0.03 * count);
      assert.equal(stream!.fecPacketsSent, 0);
      assert.equal(stream!.protectionRate, 0, "an encoder would have to make room for it");
    }
  }
});

test("ULPFEC with retransmissions only where a picture id lets the receiver do without it", () => {
  const codecs = withNack([{ ...PLAIN, mimeType: "video/H264", parameters: "packetization-mode=1" }, RED, ULPFEC]);
  const pipe = new Pipe({ delay: 120, loss: 0.05 });
  const sender = pipe.sessions[0].addSender(sending({ codecs }), {});
  pipe.sessions[1].addReceiver(receiving({ codecs }), {});
  for (let i = 0; i < 200; i++) {
    const data = Uint8Array.of(0, 0, 0, 1, 0x65, ...new Array<number>(2000).fill(7));
    sender.sendFrame(0, { data, timestamp: i * 3000, keyFrame: true, mimeType: "video/H264" }, pipe.now);
    pipe.run(100 / 3);
  }
  assert.equal(sender.streams[0]!.framesSent, 200);
  assert.equal(sender.streams[0]!.protectionRate, 0);
});

test("padding that repeats a packet in RED says that it is one", () => {
  const { pipe } = run(withNack([PLAIN, RED, ULPFEC]), { delay: 120 });
  const packet = new RtpPacket();
  const types = new Set<number>();
  for (const bytes of pipe.sentRtp[0]) {
    assert.ok(packet.parse(bytes));
    // A repeat of a payload of ours begins with the number, the type in RED, and VP8's descriptor.
    if (packet.ssrc !== 1001 || packet.payloadLength < 100) continue;
    types.add(packet.payloadType);
    const inRed = packet.payload()[2] === PLAIN.payloadType || packet.payload()[2] === ULPFEC.payloadType;
    assert.equal(packet.payloadType === 119, inRed);
  }
  assert.deepEqual([...types].sort(), [119, 97]);
});

test("the stream of repair packets ends with the stream that they repair", () => {
  const { pipe } = run([PLAIN, FLEXFEC_03]);
  pipe.sessions[0].close(pipe.now);
  const bye = pipe.sentRtcp[0].at(-1)!;
  const ssrcs: number[] = [];
  for (let at = 0; at + 4 <= bye.length; at += 4)
    ssrcs.push(((bye[at]! << 24) | (bye[at + 1]! << 16) | (bye[at + 2]! << 8) | bye[at + 3]!) >>> 0);
  assert.ok(ssrcs.includes(FEC_SSRC));
});

test("what hostile repair packets make is no media: dropped and counted", () => {
  const { sessions } = new Pipe();
  const [, session] = sessions;
  const seen: number[] = [];
  const receiver = session.addReceiver(receiving({ codecs: [PLAIN, FLEXFEC_03, RED, ULPFEC] }), {
    onPacket: (p) => seen.push(p.sequenceNumber),
  });
  const give = (one: RtpPacket): void => session.receiveRtp(one.data, one.length, 5);
  give(packet(10, 1));
  // Of one packet, number 12, which it says was of payload type `type`.
  const repair = (sequence: number, type: number, ...body: number[]): RtpPacket => {
    const header = [0, type, 0, body.length, 0, 0, 0, 9, 1, 0, 0, 0, 0, 0, 0, 77, 0, sequence, 0xc0, 0];
    return packet(sequence, 1, { ssrc: 900, payloadType: 49, payload: Uint8Array.of(...header, ...body) });
  };
  const discarded = (): number => receiver.streams[0]!.repair!.packetsDiscarded;
  give(repair(12, 96, 0x10, 1));
  assert.deepEqual(seen, [10, 12]);
  assert.equal(discarded(), 0);
  // A repair packet, RED, what is not negotiated: nobody repairs such.
  for (const [i, type] of [49, 118, 120, 77].entries()) {
    give(repair(20 + i, type, 1, 2));
    assert.equal(discarded(), i + 1);
  }
  // An extension that is longer than the packet; too short for any header of its own; streams that are not there.
  const extended = repair(30, 96, 0xbe, 0xde, 0, 99);
  extended.data[extended.payloadOffset]! |= 0x10;
  give(extended);
  const empty = repair(31, 96);
  give(packet(31, 1, { ssrc: 900, payloadType: 49, payload: empty.payload().slice(0, 17) }));
  const stranger = repair(32, 96, 1);
  stranger.data[stranger.payloadOffset + 15] = 78;
  give(stranger);
  assert.equal(discarded(), 7);
  assert.deepEqual(seen, [10, 12]);
  assert.equal(receiver.streams.length, 1);
});

test("how much: by loss, up to a half, with a threshold on each side; less where retransmissions are quick", () => {
  const rate = (loss: number, rtt: number, retransmits: boolean): number => {
    const it = new ProtectionRate();
    for (let i = 0; i < 10; i++) it.onReport(loss, 100, rtt, retransmits, i * 1000);
    return Math.round(it.rate * 1000) / 1000;
  };
  assert.deepEqual(
    [0, 0.009, 0.01, 0.05, 0.1, 1].map((loss) => rate(loss, 20, false)),
    [0, 0, 0.05, 0.25, 0.5, MAX_PROTECTION],
  );
  assert.deepEqual(
    [Number.NaN, 20, 50, 100, 150, 400].map((rtt) => rate(0.1, rtt, true)),
    [0, 0, 0, 0.25, 0.5, 0.5],
  );
  const it = new ProtectionRate();
  it.onReport(1, 0, 100, false, 0);
  assert.equal(it.rate, 0, "of nothing");
  // One lost of a few packets is not much of all.
  for (let i = 1; i < 10; i++) it.onReport(0, 100, 100, false, i * 1000);
  it.onReport(0.5, 2, 100, false, 10_000);
  assert.equal(it.rate, 0);
  it.onReport(0.1, 100, 100, false, 11_000);
  assert.ok(it.rate > 0.1 && it.rate < 0.3, `${it.rate}`);
  let seconds = 0;
  for (; it.rate > 0; seconds++) it.onReport(0, 100, 100, false, 12_000 + seconds * 1000);
  assert.ok(seconds > 5 && seconds < 15, `${seconds}`);
});
