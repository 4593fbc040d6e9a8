// How audio and video of one connection share what the path carries: minima, maxima, priorities, encodings switched off and on. Sources
// send what they are told, over a bottleneck in virtual time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RtpPacket, writeRtpHeader } from "#src/rtp/packet.js";
import type { RtpSender } from "#src/rtp/sender.js";
import type { MediaKind, RtpCodec, RtpEncoding } from "#src/rtp/types.js";
import { SessionPair, TRANSPORT_WIDE, VP8 } from "./session-pair.js";

const AUDIO: RtpCodec = {
  ...VP8,
  payloadType: 111,
  mimeType: "audio/opus",
  clockRate: 48_000,
  rtxPayloadType: null,
  nack: false,
};

function encoding(ssrc: number, kind: MediaKind, more: Partial<RtpEncoding> = {}): RtpEncoding {
  const rtxSsrc = kind === "video" ? ssrc + 1 : null;
  return { rid: null, ssrc, rtxSsrc, active: true, maxBitrate: null, priority: 2, ...more };
}

class Call extends SessionPair {
  constructor(rate: number) {
    super("shares", { queue: 40_000, rate });
  }

  /** A section; the result has what each encoding was told last. */
  add(kind: MediaKind, encodings: readonly RtpEncoding[]): { readonly sender: RtpSender; readonly told: number[] } {
    const codecs = [kind === "audio" ? AUDIO : VP8];
    const section = { kind, mid: kind, codecs, extensions: [TRANSPORT_WIDE], active: true };
    const ssrcs = encodings.map(({ ssrc, rtxSsrc }) => ({ ssrc, rtxSsrc }));
    this.sessions[1].addReceiver({ ...section, ssrcs, rids: [] }, {});
    const told: number[] = encodings.map(() => 0);
    const options = { ...section, encodings, extmapAllowMixed: true };
    const sender = this.sessions[0].addSender(options, {
      onBitrateChange: (index, bitrate) => {
        told[index] = bitrate;
      },
    });
    encodings.forEach((_, i) => {
      const packet = new RtpPacket();
      let sequence = 0;
      // Opus in packets of 20 ms, as large as it is told; video in packets of 1100 bytes, as often.
      const emit = (): void => {
        const now = this.scheduler.now;
        const bitrate = told[i]!;
        const size = kind === "audio" ? Math.max(20, Math.round((bitrate * 20) / 8000)) : 1100;
        if (bitrate > 0) {
          const data = new Uint8Array(12 + size);
          writeRtpHeader(data, true, codecs[0]!.payloadType, sequence++ & 0xffff, Math.round(now * 90) >>> 0, 7 + i, 0);
          packet.parse(data, data.length);
          sender.sendPacket(i, packet, codecs[0]!.payloadType, now);
          this.settle(now);
        }
        this.scheduler.after(kind === "audio" || bitrate <= 0 ? 20 : (size * 8000) / bitrate, emit);
      };
      this.scheduler.after(i + 1, emit);
    });
    this.settle(this.scheduler.now);
    return { sender, told };
  }

  /** Encodings of a section are others from now on. */
  change(sender: RtpSender, encodings: readonly RtpEncoding[]): void {
    sender.update({ ...sender.options, encodings });
    this.settle(this.scheduler.now);
  }
}

test("audio has its least on a narrow path, and no more than its most on a wide one", () => {
  const call = new Call(150_000);
  const audio = call.add("audio", [encoding(10, "audio", { maxBitrate: 64_000 })]);
  const video = call.add("video", [encoding(20, "video")]);
  call.run(20);
  // 32 kbit/s with headers, before weights count; then as much for each as for the other, up to 64 kbit/s.
  const [voice, picture] = [audio.told[0]!, video.told[0]!];
  assert.ok(voice >= 20_000 && voice <= 64_000, `${voice}`);
  assert.ok(picture > 20_000 && voice + picture < 150_000, `${voice} and ${picture}`);
  call.forward.options = { ...call.forward.options, rate: 60_000 };
  call.run(20);
  assert.ok(audio.told[0]! >= 15_000, `${audio.told[0]}`);
  call.forward.options = { ...call.forward.options, rate: 1_000_000, queue: 60_000 };
  call.run(30);
  assert.ok(audio.told[0]! > 63_000 && audio.told[0]! <= 64_000, `${audio.told[0]}`);
  assert.ok(video.told[0]! > 700_000, `${video.told[0]}`);
});

test("priorities: high has four times what low has, and what one cannot take goes to the others", () => {
  const call = new Call(2_000_000);
  const high = encoding(20, "video", { priority: 8 });
  const low = encoding(30, "video", { priority: 2 });
  const video = call.add("video", [high, low]);
  call.run(15);
  let [first, second] = video.told as [number, number];
  assert.ok(Math.abs(first / second - 4) < 0.2, `${first} ${second}`);
  assert.ok(first + second > 1_600_000, `${first + second}`);
  call.change(video.sender, [{ ...high, maxBitrate: 500_000 }, low]);
  call.run(5);
  [first, second] = video.told as [number, number];
  assert.ok(first <= 500_000 && first > 490_000, `${first}`);
  assert.ok(second > 1_000_000, `${second}`);
  // Another weight, at once.
  call.change(video.sender, [{ ...high, priority: 1 }, low]);
  [first, second] = video.told as [number, number];
  assert.ok(Math.abs(second / first - 2) < 0.1, `${first} ${second}`);
});

test("sound that begins before the picture does not keep probes from being filled", () => {
  const call = new Call(2_000_000);
  call.add("audio", [encoding(10, "audio", { maxBitrate: 40_000 })]);
  call.run(3);
  const video = call.add("video", [encoding(20, "video")]);
  call.run(6);
  assert.ok(video.told[0]! > 1_500_000, `${video.told[0]}`);
});

test("an encoding that is switched off gives its share up at once, and has it again when it is on", () => {
  const call = new Call(2_000_000);
  const one = encoding(20, "video");
  const two = encoding(30, "video");
  const audio = call.add("audio", [encoding(10, "audio", { maxBitrate: 40_000 })]);
  const video = call.add("video", [one, two]);
  call.run(15);
  const [before] = video.told as [number, number];
  assert.ok(Math.abs(video.told[0]! - video.told[1]!) < 0.05 * before, `${video.told}`);
  call.change(video.sender, [one, { ...two, active: false }]);
  assert.equal(video.told[1], 0);
  assert.ok(video.told[0]! > 1.8 * before, `${video.told[0]} after ${before}`);
  call.run(10);
  assert.ok(video.told[0]! > 1_500_000 && video.told[0]! < 2_000_000, `${video.told[0]}`);
  assert.ok(audio.told[0]! > 39_000, `${audio.told[0]}`);
  call.change(video.sender, [one, two]);
  call.run(5);
  assert.ok(Math.abs(video.told[0]! - video.told[1]!) < 0.05 * before, `${video.told}`);
  assert.ok(call.forward.stats.overflowed < 200, `${call.forward.stats.overflowed}`);
});
