// Two RTP sessions as a program of calls: sections that come, change and go, packets and frames, losses, repeats, forged and broken
// packets, and time. After each step: limits, and deadlines that move on.

import { MAX_BUFFERED_PACKETS } from "#src/rtp/frame-assembler.js";
import { MAX_NACK_LIST } from "#src/rtp/nack-list.js";
import { RtpPacket, writeRtpHeader } from "#src/rtp/packet.js";
import type { RtpReceiveStream } from "#src/rtp/receive-stream.js";
import { MAX_CONTRIBUTING_SOURCES, MAX_STREAMS_PER_RECEIVER, type RtpReceiver } from "#src/rtp/receiver.js";
import { MAX_RTCP_SIZE } from "#src/rtp/rtcp-output.js";
import type { RtpSender } from "#src/rtp/sender.js";
import { RtpSession } from "#src/rtp/session.js";
import type { RtpCodec, RtpReceiverOptions, RtpSenderOptions } from "#src/rtp/types.js";
import { MAX_WAITING_FRAMES } from "#src/rtp/unread-frames.js";
import type { FuzzTarget } from "./target.js";

const MAX_STEPS = 400;
const MAX_QUEUED = 400;
const PREFIX = "http://www.webrtc.org/experiments/rtp-hdrext/";
const EXTENSIONS = [
  "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  `${PREFIX}abs-send-time`,
  "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  "urn:ietf:params:rtp-hdrext:sdes:mid",
  "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
  `${PREFIX}playout-delay`,
  "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
].map((uri, index) => ({ id: index + 1, uri }));

const feedback = { nack: true, pli: true, fir: true, transportCc: true, remb: true };
const none = { nack: false, pli: false, fir: false, transportCc: true, remb: false };
const video = (payloadType: number, mimeType: string): RtpCodec => ({
  payloadType,
  mimeType,
  clockRate: 90_000,
  parameters: "",
  rtxPayloadType: payloadType + 1,
  ...feedback,
});
const audio = (payloadType: number, mimeType: string): RtpCodec => ({
  payloadType,
  mimeType,
  clockRate: 48_000,
  parameters: "",
  rtxPayloadType: null,
  ...none,
});
const VIDEO = [video(96, "video/VP8"), video(98, "video/VP9"), video(100, "video/H264"), video(102, "video/X-unknown")];
/** What repairs video: RED with ULPFEC, FlexFEC of the draft and of the RFC, by two bits; none with NACK, so that loss is enough. */
const plain = VIDEO.map((codec) => ({ ...codec, nack: false }));
const REPAIRED = [
  VIDEO,
  [...plain, video(104, "video/red"), video(106, "video/ulpfec")],
  [...plain, video(104, "video/red"), video(106, "video/ulpfec"), video(50, "video/flexfec-03")],
  [...plain, video(52, "video/flexfec")],
] as const;
const AUDIO = [audio(111, "audio/opus"), audio(110, "audio/telephone-event"), audio(13, "audio/CN")];
/** RFC 8888 and TMMBR too. */
const more = (codecs: readonly RtpCodec[]): readonly RtpCodec[] =>
  codecs.map((codec) => ({ ...codec, ccfb: true, tmmbr: codec.rtxPayloadType !== 98 }));
const CODECS = [
  [...REPAIRED, AUDIO],
  [...REPAIRED.map(more), more(AUDIO)],
] as const;
const codecsOf = (kind: number, flags: number): readonly RtpCodec[] =>
  CODECS[(flags >> 4) & 1]![kind === 0 ? (flags >> 5) & 3 : REPAIRED.length]!;
const MIME_TYPES = ["video/VP8", "video/VP9", "video/H264", "video/X-unknown", "audio/opus"];

function receiverOptions(kind: number, flags: number): RtpReceiverOptions {
  return {
    kind: kind === 0 ? "video" : "audio",
    mid: (flags & 1) !== 0 ? `${kind}` : "",
    codecs: codecsOf(kind, flags),
    extensions: EXTENSIONS,
    ssrcs: (flags & 2) !== 0 ? [{ ssrc: 1000 + kind * 10, rtxSsrc: 1001 + kind * 10 }] : [],
    rids: (flags & 4) !== 0 ? ["a", "b"] : [],
    active: (flags & 8) === 0,
  };
}

function senderOptions(kind: number, flags: number): RtpSenderOptions {
  const ssrc = 1000 + kind * 10;
  const encoding = { rtxSsrc: ssrc + 1, fecSsrc: ssrc + 4, active: (flags & 1) === 0, maxBitrate: null, priority: 1 };
  return {
    kind: kind === 0 ? "video" : "audio",
    mid: `${kind}`,
    codecs: codecsOf(kind, flags),
    extensions: EXTENSIONS,
    extmapAllowMixed: (flags & 2) !== 0,
    encodings:
      (flags & 4) !== 0
        ? [
            { ...encoding, rid: "a", ssrc },
            { ...encoding, rid: "b", ssrc: ssrc + 2, rtxSsrc: ssrc + 3, fecSsrc: ssrc + 5 },
          ]
        : [{ ...encoding, rid: null, ssrc }],
    active: (flags & 8) === 0,
  };
}

function run(input: Uint8Array): void {
  let at = 0;
  let now = 5;
  let seed = 9;
  const next = (): number => input[at++] ?? 0;
  const queues: { data: Uint8Array; rtcp: boolean }[][] = [[], []];
  const put = (side: number, data: Uint8Array, rtcp: boolean): void => {
    if (data.length < 4 || data.length > 1600) throw new Error("a packet of impossible size");
    if (rtcp && data.length > MAX_RTCP_SIZE) throw new Error("a compound that is too long");
    if (queues[side]!.length < MAX_QUEUED) queues[side]!.push({ data: data.slice(), rtcp });
  };
  const sessions = [0, 1].map(
    (side) =>
      new RtpSession(
        {
          random: (length) =>
            Uint8Array.from({ length }, () => {
              seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
              return seed >>> 16;
            }),
          timeOrigin: 1.79e12,
          cname: "x".repeat(5 + side * 10),
          reducedSize: input[0]! % 2 === 0,
        },
        {
          transmitRtp: (packet) => put(1 - side, packet, false),
          transmitRtcp: (packet) => put(1 - side, packet, true),
        },
      ),
  );
  const receivers: (RtpReceiver | undefined)[][] = [[], []];
  const senders: (RtpSender | undefined)[][] = [[], []];
  const view = new RtpPacket();
  const deliver = (side: number, packet: { data: Uint8Array; rtcp: boolean } | undefined): void => {
    if (packet === undefined) return;
    const data = packet.data.slice();
    if (packet.rtcp) sessions[side]!.receiveRtcp(data, data.length, now);
    else sessions[side]!.receiveRtp(data, data.length, now);
  };
  const addReceiver = (side: number, kind: number, flags: number): void => {
    let last = -1;
    receivers[side]![kind] = sessions[side]!.addReceiver(receiverOptions(kind, flags), {
      onPacket(packet, stream) {
        if (packet.payloadOffset + packet.payloadLength + packet.paddingLength !== packet.length)
          throw new Error("packet");
        if (packet.ssrc !== stream.ssrc) throw new Error("a packet of another stream");
      },
      onFrame(frame) {
        if (frame.data.length === 0 && kind === 0) throw new Error("an empty frame");
        last = frame.receiveTime;
        if (!(last <= now)) throw new Error("a frame of the future");
      },
    });
  };

  for (let step = 0; at < input.length && step < MAX_STEPS; step++) {
    const action = next();
    const side = action >> 7;
    const kind = (action >> 6) & 1;
    const session = sessions[side]!;
    switch (action & 31) {
      case 0:
        if (receivers[side]![kind] === undefined) addReceiver(side, kind, next());
        else receivers[side]![kind]!.update(receiverOptions(kind, next()));
        break;
      case 1: {
        const flags = next();
        const sender = senders[side]![kind];
        if (sender !== undefined) sender.update(senderOptions(kind, flags));
        else senders[side]![kind] = session.addSender(senderOptions(kind, flags), {});
        break;
      }
      case 2:
      case 3:
      case 4: {
        // A run of packets that pass through.
        const payload = next();
        const ssrc = next() & 3;
        const start = (next() << 8) | next();
        const count = 1 + (next() & 31);
        const types = kind === 0 ? VIDEO : AUDIO;
        const codec = types[payload % types.length]!;
        const data = new Uint8Array(12 + 4 * (ssrc & 1) + (payload % 40) * 30);
        for (let i = 0; i < count; i++) {
          data.fill(payload, 12);
          writeRtpHeader(data, i === count - 1, 0, (start + i) & 0xffff, start * 3000, ssrc, ssrc & 1);
          if (view.parse(data)) senders[side]![kind]?.sendPacket(ssrc >> 1, view, codec.payloadType, now);
        }
        break;
      }
      case 5:
      case 6:
      case 7: {
        const mimeType = MIME_TYPES[next() % MIME_TYPES.length]!;
        const first = next();
        const data = new Uint8Array(1 + next() * 40).fill(first);
        data.set(input.subarray(at, at + Math.min(8, data.length)));
        senders[side]![kind]?.sendFrame(
          first & 1,
          {
            data,
            timestamp: (now * 90) >>> 0,
            keyFrame: (first & 2) !== 0,
            mimeType,
            csrcs: (first & 4) !== 0 ? [1, 2, first] : undefined,
            audioLevel: first,
            dependencyDescriptor: (first & 8) !== 0 ? data.subarray(0, Math.min(40, data.length)) : undefined,
            temporalIndex: (first & 16) !== 0 ? first >> 5 : undefined,
          },
          now,
        );
        break;
      }
      case 8:
      case 9:
      case 10: {
        for (const to of [0, 1]) for (const packet of queues[to]!.splice(0)) deliver(to, packet);
        break;
      }
      case 11:
        deliver(side, queues[side]!.splice(next() % Math.max(1, queues[side]!.length), 1)[0]);
        break;
      case 12:
        queues[side]!.splice(next() % Math.max(1, queues[side]!.length), 1 + (next() & 7));
        break;
      case 13:
        deliver(side, queues[side]![next() % Math.max(1, queues[side]!.length)]);
        break;
      case 14: {
        // Changed on its way; the keys would tell, but the peer itself may send such.
        const packet = queues[side]![next() % Math.max(1, queues[side]!.length)];
        if (packet === undefined) break;
        const data = packet.data.slice(0, packet.data.length - (next() & 7));
        for (let i = 1 + (next() & 3); i > 0 && data.length > 0; i--) data[next() % data.length] = next();
        deliver(side, { data, rtcp: packet.rtcp });
        break;
      }
      case 15: {
        const length = next();
        const data = input.slice(at, at + length);
        at += length;
        if (data.length > 0) data[0] = 0x80 | (data[0]! & 0x3f);
        deliver(side, { data, rtcp: (action & 32) !== 0 });
        break;
      }
      case 16: {
        const receiver = receivers[side]![kind];
        if (receiver === undefined) break;
        receiver.wantFrames = (next() & 1) === 0;
        receiver.pacedFrames = (next() & 1) === 0;
        receiver.jitterBufferTarget = next() * 16;
        break;
      }
      case 17:
        for (const stream of receivers[side]![kind]?.streams ?? []) {
          receivers[side]![kind]!.requestKeyFrame(stream, now);
        }
        break;
      case 18:
        senders[side]![1]?.sendTelephoneEvent(next() & 15, next() * 40, now);
        break;
      case 19:
        if (next() > 200) {
          receivers[side]![kind]?.close(now);
          receivers[side]![kind] = undefined;
        }
        break;
      case 20:
        if (next() > 200) {
          senders[side]![kind]?.close(now);
          senders[side]![kind] = undefined;
        }
        break;
      case 21:
        if (next() > 250) session.close(now);
        break;
      case 22:
        now += next();
        break;
      case 30: {
        // What a forwarded source sends: rising rates, none of them, or anything.
        const count = next();
        const rates = Array.from({ length: count & 3 }, () => next() * 10_000).sort((a, b) => a - b);
        senders[side]![kind]?.setSourceRates((count >> 2) & 1, count > 200 ? undefined : rates, (count >> 3) - 1, now);
        break;
      }
      case 31: {
        const limit = next() * 5000;
        if ((action & 32) !== 0) receivers[side]![kind]?.limitBitrate(limit === 0 ? null : limit, now);
        else senders[side]![kind]?.discard();
        break;
      }
      default: {
        const due = Math.min(sessions[0]!.deadline, sessions[1]!.deadline);
        if (due === Number.POSITIVE_INFINITY) break;
        now = Math.max(now, due) + ((action & 32) !== 0 ? next() : 0);
        for (const one of sessions) {
          if (one.deadline > now) continue;
          one.handleTimeout(now);
          if (one.deadline <= now) throw new Error(`the deadline does not move on: ${one.deadline} at ${now}`);
        }
      }
    }
    for (const one of sessions) {
      // What leaves in a round may lower the estimate, which is shared in the next.
      const before = one.bandwidth?.targetBitrate ?? 0;
      one.flush(now);
      if (Number.isNaN(one.deadline)) throw new Error("the deadline is no number");
      let share = 0;
      for (const { streams } of one.senders) {
        for (const { allocatedBitrate, targetBitrate } of streams) {
          if (!(allocatedBitrate >= 0 && targetBitrate >= 0)) throw new Error("a share that is none");
          share += allocatedBitrate;
        }
      }
      if (share > Math.max(before, one.bandwidth?.targetBitrate ?? 0) * 1.001 + 1)
        throw new Error("more than there is to share");
      for (const receiver of one.receivers) {
        if (receiver.streams.length > MAX_STREAMS_PER_RECEIVER) throw new Error("too many streams");
        if (receiver.contributingSources.length > MAX_CONTRIBUTING_SOURCES) throw new Error("too many sources");
        for (const stream of receiver.streams) {
          if ((stream.nackList?.count ?? 0) > MAX_NACK_LIST) throw new Error("too many missing");
          if ((stream.frames?.buffer.assembler.frames.length ?? 0) > MAX_BUFFERED_PACKETS) throw new Error("frames");
          if ((stream.unread?.waitingFrames ?? 0) > MAX_WAITING_FRAMES)
            throw new Error("too many frames that nobody reads");
          if (receiver.kind === "video") checkFrames(stream, now);
          if (!(stream.jitter >= 0) || Number.isNaN(stream.packetsLost)) throw new Error("impossible statistics");
        }
      }
    }
  }
}

/** What is counted of the frames of a stream of video, whether somebody reads them or not. */
function checkFrames(stream: RtpReceiveStream, now: number): void {
  stream.settle(now);
  const { frameCounters: counters, packetsDiscarded, frameWidth, frameHeight } = stream;
  if (counters === undefined) return;
  const { framesReceived, jitterBufferEmittedCount, jitterBufferDelay, totalAssemblyTime } = counters;
  if (!(jitterBufferEmittedCount <= framesReceived)) throw new Error("more frames went than came");
  if (!(jitterBufferDelay >= 0 && totalAssemblyTime >= 0)) throw new Error("time runs backwards");
  if (!Number.isInteger(packetsDiscarded)) throw new Error("impossible statistics");
  if ((frameWidth === 0) !== (frameHeight === 0)) throw new Error("a picture with one side");
}

export const target: FuzzTarget = {
  name: "rtp-session",
  seeds: [
    Uint8Array.of(0, 1, 1, 0, 128, 1, 2, 3, 2, 0, 9, 8, 8, 23, 8, 2, 3, 2, 0, 40, 9, 12, 0, 1, 8, 23, 23, 8, 23, 8),
    Uint8Array.of(
      128,
      1,
      1,
      0,
      144,
      0,
      0,
      5,
      5,
      0,
      2,
      60,
      0x9d,
      1,
      2,
      8,
      23,
      8,
      5,
      0,
      2,
      60,
      1,
      8,
      23,
      8,
      23,
      23,
      8,
      23,
    ),
    Uint8Array.of(192, 1, 65, 0, 208, 0, 1, 70, 4, 5, 6, 7, 82, 3, 40, 8, 23, 8, 23, 8, 23, 23, 8, 23, 23, 55, 200, 8),
    Uint8Array.of(128, 5, 1, 4, 2, 3, 0, 0, 9, 9, 2, 3, 2, 0, 9, 9, 8, 145, 0, 8, 12, 1, 8, 23, 8, 15, 20, 0x60, 0, 1),
    Uint8Array.of(
      ...[128, 17, 1, 16, 144, 0, 0, 5, 5, 0, 2, 60, 0x9d, 1, 2, 8, 63, 40, 24, 8, 5, 0, 2, 60, 1, 8, 24, 8, 24, 24, 8],
      ...[1, 24, 145, 24, 63, 0, 24, 8, 31, 0, 24, 8, 24, 8, 2, 3, 2, 0, 40, 9, 12, 0, 1, 8, 24, 24, 8, 24, 8],
    ),
    Uint8Array.from({ length: 300 }, (_, i) => (i < 6 ? [128, 1, 1, 0, 192, 1][i]! : (i * 37) % 251)),
  ],
  run,
};
