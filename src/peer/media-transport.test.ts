// Two of them back to back: packets through SRTP in memory that serves again as soon as it was sent.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { SrtpProtectionProfile } from "../dtls/options.js";
import { nodeCrypto } from "../node/crypto.js";
import { RtpPacket, writeRtpHeader } from "../rtp/packet.js";
import type { RtpCodec } from "../rtp/types.js";
import { MAX_EARLY_PACKETS, MediaTransport } from "./media-transport.js";
import type { Platform } from "./platform.js";

const CODEC: RtpCodec = {
  payloadType: 96,
  mimeType: "video/VP8",
  clockRate: 90_000,
  parameters: "",
  rtxPayloadType: 97,
  nack: true,
  pli: true,
  fir: true,
  transportCc: false,
  remb: false,
};
const MEDIA = { cname: "c", reducedSize: true };

const platform = { crypto: nodeCrypto, timeOrigin: 1_790_000_000_000 } as Platform;

function keys(role: "client" | "server", srtpProfile: number) {
  const material = (length: number): Uint8Array => createHash("shake256", { outputLength: length }).digest();
  return { srtpProfile, role, exportKeyingMaterial: (_: string, __: unknown, length: number) => material(length) };
}

/** A port that takes what is sent at once, as a socket does, or not. */
class Wire {
  readonly sent: Uint8Array[] = [];
  /** Where the bytes were. */
  readonly places = new Set<string>();
  private readonly buffers: ArrayBufferLike[] = [];
  waits = false;
  lose: (index: number) => boolean = () => false;

  readonly transmit = (datagram: Uint8Array): void => {
    const { buffer, byteOffset } = datagram;
    if (!this.buffers.includes(buffer)) this.buffers.push(buffer);
    this.places.add(`${this.buffers.indexOf(buffer)}+${byteOffset}`);
    this.sent.push(this.waits ? datagram : datagram.slice());
  };
  readonly keeps = (): boolean => this.waits;
}

function media(sequence: number, length: number): RtpPacket {
  const data = new Uint8Array(12 + length);
  writeRtpHeader(data, false, 96, sequence, sequence * 3000, 7, 0);
  for (let i = 0; i < length; i++) data[12 + i] = (sequence * 31 + i) & 255;
  const packet = new RtpPacket();
  packet.parse(data);
  return packet;
}

function payloadOf(sequence: number, length: number): Uint8Array {
  return media(sequence, length).payload();
}

for (const profile of [
  SrtpProtectionProfile.SRTP_AEAD_AES_128_GCM,
  SrtpProtectionProfile.SRTP_AES128_CM_HMAC_SHA1_80,
]) {
  for (const waits of [false, true]) {
    test(`profile ${profile}, ${waits ? "a port that keeps bytes" : "memory that serves again"}: all packets and repeats come as they were`, () => {
      const there = new Wire();
      there.waits = waits;
      const back = new Wire();
      const sending = new MediaTransport(platform, MEDIA, there.transmit, there.keeps);
      const receiving = new MediaTransport(platform, MEDIA, back.transmit, back.keeps);
      const options = { kind: "video", mid: "0", codecs: [CODEC], extensions: [], active: true } as const;
      const encodings = [{ rid: null, ssrc: 100, rtxSsrc: 101, active: true, maxBitrate: null, priority: 1 }];
      const sender = sending.session.addSender({ ...options, extmapAllowMixed: true, encodings }, {});
      const got = new Map<number, Uint8Array>();
      let first = -1;
      const ssrcs = [{ ssrc: 100, rtxSsrc: 101 }];
      receiving.session.addReceiver(
        { ...options, ssrcs, rids: [] },
        {
          onPacket(packet) {
            if (first < 0) first = packet.sequenceNumber;
            got.set((packet.sequenceNumber - first) & 0xffff, packet.payload().slice());
          },
        },
      );
      sending.start(keys("client", profile));
      receiving.start(keys("server", profile));
      // Packets of many lengths, beyond what a pooled one holds too, a few per flush; each seventh is lost once.
      const lengths = [3, 1188, 1188, 500, 1188, 1472, 1, 9000, 1188];
      const count = 300;
      let seen = 0;
      let answered = 0;
      for (let now = 0, n = 0; n < count || now < 3000; now += 5) {
        for (let i = 0; i < 4 && n < count; i++, n++) {
          sender.sendPacket(0, media(n, lengths[n % lengths.length]!), 96, now);
        }
        sending.flush(now);
        if (now >= sending.deadline) sending.handleTimeout(now);
        for (; seen < there.sent.length; seen++) {
          if (seen % 7 !== 3 || seen >= count) receiving.receive(there.sent[seen]!, now);
        }
        receiving.flush(now);
        if (now >= receiving.deadline) receiving.handleTimeout(now);
        receiving.flush(now);
        for (; answered < back.sent.length; answered++) sending.receive(back.sent[answered]!, now);
      }
      assert.equal(got.size, count);
      for (let n = 0; n < count; n++) assert.deepEqual(got.get(n), payloadOf(n, lengths[n % lengths.length]!), `${n}`);
      assert.ok(sender.streams[0]!.retransmittedPacketsSent > 0);
      assert.equal(sending.dropped + receiving.dropped, 0);
      assert.equal(receiving.counters!.notAuthentic, 0);
      if (waits) assert.equal(there.places.size, there.sent.length);
      // Those of a flush, those larger than what is pooled, and what was free before.
      else assert.ok(there.places.size < 60, `${there.places.size} of ${there.sent.length}`);
    });
  }
}

test("one packet for several listeners: each gets its own", () => {
  const wires = Array.from({ length: 5 }, () => new Wire());
  const senders = wires.map((wire, i) => {
    const transport = new MediaTransport(platform, MEDIA, wire.transmit, wire.keeps);
    const encodings = [{ rid: null, ssrc: 100 + i, rtxSsrc: null, active: true, maxBitrate: null, priority: 1 }];
    const sender = transport.session.addSender(
      { kind: "video", mid: "0", codecs: [CODEC], extensions: [], extmapAllowMixed: true, encodings, active: true },
      {},
    );
    transport.start(keys("client", SrtpProtectionProfile.SRTP_AEAD_AES_128_GCM));
    return { transport, sender };
  });
  const total = 20;
  for (let n = 0; n < total; n += 2) {
    // Queued by all of them before the first one sends.
    for (const { sender } of senders) {
      sender.sendPacket(0, media(n, 700 + n), 96, n);
      sender.sendPacket(0, media(n + 1, 701 + n), 96, n);
    }
    for (const { transport } of senders) transport.flush(n);
  }
  wires.forEach((wire, i) => {
    const receiver = new MediaTransport(
      platform,
      MEDIA,
      () => {},
      () => true,
    );
    const got: Uint8Array[] = [];
    const ssrcs = [{ ssrc: 100 + i, rtxSsrc: null }];
    receiver.session.addReceiver(
      { kind: "video", mid: "0", codecs: [CODEC], extensions: [], ssrcs, rids: [], active: true },
      { onPacket: (packet) => got.push(packet.payload().slice()) },
    );
    receiver.start(keys("server", SrtpProtectionProfile.SRTP_AEAD_AES_128_GCM));
    for (const datagram of wire.sent) receiver.receive(datagram, 0);
    receiver.flush(0);
    assert.equal(got.length, total);
    for (const [n, payload] of got.entries()) assert.deepEqual(payload, payloadOf(n, 700 + n));
  });
});

test("of what comes before there are keys the last packets are kept, with the times at which they came", () => {
  const there = new Wire();
  const back = new Wire();
  const profile = SrtpProtectionProfile.SRTP_AEAD_AES_128_GCM;
  const sending = new MediaTransport(platform, MEDIA, there.transmit, there.keeps);
  const receiving = new MediaTransport(platform, MEDIA, back.transmit, back.keeps);
  const options = { kind: "video", mid: "0", codecs: [CODEC], extensions: [], active: true } as const;
  const encodings = [{ rid: null, ssrc: 100, rtxSsrc: 101, active: true, maxBitrate: null, priority: 1 }];
  const sender = sending.session.addSender({ ...options, extmapAllowMixed: true, encodings }, {});
  const came: [number, number][] = [];
  const ssrcs = [{ ssrc: 100, rtxSsrc: 101 }];
  receiving.session.addReceiver(
    { ...options, ssrcs, rids: [] },
    { onPacket: (packet, _, now) => void came.push([packet.payload()[0]!, now]) },
  );
  sending.start(keys("client", profile));
  const more = 36;
  for (let n = 0; n < MAX_EARLY_PACKETS + more; n++) {
    sender.sendPacket(0, media(n, 100), 96, n * 10);
    sending.flush(n * 10);
    receiving.receive(there.sent.at(-1)!, n * 10 + 50);
  }
  const end = 2000;
  receiving.start(keys("server", profile));
  const expected = Array.from({ length: MAX_EARLY_PACKETS }, (_, i) => [
    payloadOf(i + more, 1)[0]!,
    (i + more) * 10 + 50,
  ]);
  assert.deepEqual(came, expected);
  assert.equal(receiving.dropped, more);
  // Nothing is missing among them: nothing is asked for again.
  receiving.flush(end);
  for (let now = end; now < end + 500; now += 5) {
    if (now >= receiving.deadline) receiving.handleTimeout(now);
    receiving.flush(now);
  }
  const asked = receiving.session.receivers.flatMap(({ streams }) => streams.map(({ nackCount }) => nackCount));
  assert.deepEqual(asked, [0]);
});
