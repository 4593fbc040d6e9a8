// Two sessions back to back in virtual time, over a pipe that delays, loses, doubles and reorders by a seed.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeaderExtension } from "./extensions.js";
import { RtpPacket, writeRtpHeader } from "./packet.js";
import { RtpSession } from "./session.js";
import type { RtpCodec, RtpReceiverOptions, RtpSenderOptions, RtpSessionOptions } from "./types.js";

const EXPERIMENTS = "http://www.webrtc.org/experiments/rtp-hdrext/";
export const EXTENSIONS: readonly HeaderExtension[] = [
  { id: 1, uri: "urn:ietf:params:rtp-hdrext:ssrc-audio-level" },
  { id: 2, uri: `${EXPERIMENTS}abs-send-time` },
  { id: 3, uri: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01" },
  { id: 4, uri: "urn:ietf:params:rtp-hdrext:sdes:mid" },
  { id: 5, uri: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id" },
  { id: 6, uri: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id" },
  { id: 7, uri: "urn:3gpp:video-orientation" },
  { id: 8, uri: "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension" },
];

const FEEDBACK = { nack: true, pli: true, fir: true, transportCc: false, remb: false };
const NONE = { nack: false, pli: false, fir: false, transportCc: false, remb: false };
export const VP8: RtpCodec = {
  payloadType: 96,
  mimeType: "video/VP8",
  clockRate: 90000,
  parameters: "",
  rtxPayloadType: 97,
  ...FEEDBACK,
};
export const OPUS: RtpCodec = {
  payloadType: 111,
  mimeType: "audio/opus",
  clockRate: 48000,
  channels: 2,
  parameters: "minptime=10;useinbandfec=1",
  rtxPayloadType: null,
  ...NONE,
};
export const TELEPHONE: RtpCodec = {
  payloadType: 110,
  mimeType: "audio/telephone-event",
  clockRate: 48000,
  parameters: "0-15",
  rtxPayloadType: null,
  ...NONE,
};

export function receiving(more: Partial<RtpReceiverOptions> = {}): RtpReceiverOptions {
  return {
    kind: "video",
    mid: "0",
    codecs: [VP8],
    extensions: EXTENSIONS,
    ssrcs: [],
    rids: [],
    active: true,
    ...more,
  };
}

export function sending(more: Partial<RtpSenderOptions> = {}): RtpSenderOptions {
  return {
    kind: "video",
    mid: "0",
    codecs: [VP8],
    extensions: EXTENSIONS,
    extmapAllowMixed: true,
    encodings: [{ rid: null, ssrc: 1000, rtxSsrc: 1001, active: true, maxBitrate: null, priority: 1 }],
    active: true,
    ...more,
  };
}

export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000) * below);
  };
}

interface InFlight {
  readonly at: number;
  readonly order: number;
  readonly side: number;
  readonly rtcp: boolean;
  readonly data: Uint8Array;
}

export interface PipeOptions {
  readonly seed?: number;
  /** One way, milliseconds. */
  readonly delay?: number;
  /** Added at random, so that packets overtake each other. */
  readonly jitter?: number;
  /** Of RTP, from 0 to 1. */
  readonly loss?: number;
  readonly rtcpLoss?: number;
  readonly session?: Partial<RtpSessionOptions>;
}

export const TIME_ORIGIN = 1_790_000_000_000;

/** `sessions[0]` and `sessions[1]`, and the time. */
export class Pipe {
  now = 1000;
  readonly sessions: readonly [RtpSession, RtpSession];
  /** What was sent by each, as it was. */
  readonly sentRtp: [Uint8Array[], Uint8Array[]] = [[], []];
  readonly sentRtcp: [Uint8Array[], Uint8Array[]] = [[], []];
  loss: number;
  rtcpLoss: number;
  /** If set: decides instead of chance. True: the packet is lost. */
  drop: ((packet: Uint8Array, side: number) => boolean) | undefined;
  private readonly options: PipeOptions;
  private readonly random: (below: number) => number;
  private readonly flying: InFlight[] = [];
  private order = 0;

  constructor(options: PipeOptions = {}) {
    this.options = options;
    this.loss = options.loss ?? 0;
    this.rtcpLoss = options.rtcpLoss ?? 0;
    this.random = generator(options.seed ?? 1);
    const make = (side: number): RtpSession => {
      const bytes = generator((options.seed ?? 1) * 2 + side);
      return new RtpSession(
        {
          random: (length) => Uint8Array.from({ length }, () => bytes(256)),
          timeOrigin: TIME_ORIGIN + side * 12_345,
          cname: side === 0 ? "left" : "right",
          reducedSize: true,
          ...options.session,
        },
        {
          transmitRtp: (packet) => {
            this.sentRtp[side]!.push(packet.slice());
            const lost = this.drop?.(packet, side) ?? this.random(1_000_000) < this.loss * 1_000_000;
            if (!lost) this.fly(side, false, packet);
          },
          transmitRtcp: (packet) => {
            this.sentRtcp[side]!.push(packet.slice());
            if (this.random(1_000_000) >= this.rtcpLoss * 1_000_000) this.fly(side, true, packet);
          },
        },
      );
    };
    this.sessions = [make(0), make(1)];
  }

  private fly(side: number, rtcp: boolean, packet: Uint8Array): void {
    const { delay = 10, jitter = 0 } = this.options;
    const at = this.now + delay + (jitter > 0 ? this.random(jitter * 1000) / 1000 : 0);
    this.flying.push({ at, order: this.order++, side: 1 - side, rtcp, data: packet.slice() });
  }

  /** Lets the time pass. */
  run(milliseconds: number): void {
    const until = this.now + milliseconds;
    for (const session of this.sessions) session.flush(this.now);
    for (;;) {
      let next = Math.min(this.sessions[0].deadline, this.sessions[1].deadline);
      let first = -1;
      for (let i = 0; i < this.flying.length; i++) {
        const { at, order } = this.flying[i]!;
        if (at < next || (first >= 0 && at === next && order < this.flying[first]!.order)) {
          next = at;
          first = i;
        }
      }
      if (next > until) break;
      assert.ok(next >= this.now - 0.5, `time runs backwards: ${next} after ${this.now}`);
      this.now = Math.max(this.now, next);
      if (first >= 0) {
        const { side, rtcp, data } = this.flying.splice(first, 1)[0]!;
        const session = this.sessions[side]!;
        if (rtcp) session.receiveRtcp(data, data.length, this.now);
        else session.receiveRtp(data, data.length, this.now);
        session.flush(this.now);
        continue;
      }
      for (const session of this.sessions) {
        if (session.deadline > this.now) continue;
        session.handleTimeout(this.now);
        assert.ok(session.deadline > this.now, "the deadline does not move on");
      }
    }
    this.now = until;
  }
}

/** A packet as it might come from elsewhere. */
export function packet(
  sequenceNumber: number,
  timestamp: number,
  more: { ssrc?: number; payloadType?: number; marker?: boolean; payload?: Uint8Array } = {},
): RtpPacket {
  const payload = more.payload ?? Uint8Array.of(sequenceNumber >> 8, sequenceNumber, 7);
  const data = new Uint8Array(12 + payload.length);
  writeRtpHeader(
    data,
    more.marker ?? true,
    more.payloadType ?? 96,
    sequenceNumber & 0xffff,
    timestamp >>> 0,
    more.ssrc ?? 77,
    0,
  );
  data.set(payload, 12);
  const view = new RtpPacket();
  assert.equal(view.parse(data), true);
  return view;
}

test("the pipe loses what it shall lose", () => {
  const pipe = new Pipe({ loss: 0.5, seed: 3 });
  const sender = pipe.sessions[0].addSender(sending(), {});
  let received = 0;
  pipe.sessions[1].addReceiver(receiving({ codecs: [{ ...VP8, nack: false }] }), { onPacket: () => received++ });
  for (let i = 0; i < 1000; i++) sender.sendPacket(0, packet(i, i * 3000), 96, pipe.now);
  pipe.run(100);
  assert.ok(received > 400 && received < 600, `${received}`);
});
