// What one media section receives: the codecs by payload type, and the streams that belong to it. Which packets are its own the
// session decides.
import { comfortNoiseFormat } from "../payload/comfort-noise.js";
import { payloadFormat } from "../payload/format.js";
import { telephoneEventFormat } from "../payload/telephone-event.js";
import type { PayloadFormat } from "../payload/types.js";
import { mutableExtensions } from "./fec/mutable-extensions.js";
import { PrimaryBlock, redBlockType, stripRed } from "./fec/red.js";
import { RtpPacket } from "./packet.js";
import { RtpReceiveStream } from "./receive-stream.js";
import { StreamRepair } from "./repair.js";
import type { RtpSession } from "./session.js";
import { SoundMeter } from "./sound-meter.js";
import type { MediaKind, RtpCodec, RtpReceiverHost, RtpReceiverOptions } from "./types.js";

/** A peer may make up SSRCs: above this, the one that was silent longest goes. */
export const MAX_STREAMS_PER_RECEIVER = 32;
/** Contributing sources that are remembered for getContributingSources. */
export const MAX_CONTRIBUTING_SOURCES = 64;

/** What a payload type carries: a codec's media, its retransmissions, video in RED, repair packets in RED or on their own. */
export type PayloadRole = "media" | "rtx" | "red" | "ulpfec" | "flexfec";

/** A payload type of a receiver. */
export interface PayloadEntry {
  readonly codec: RtpCodec;
  readonly role: PayloadRole;
  /** Audio in RED: the role is "media". */
  readonly isRed: boolean;
}

const ROLES: ReadonlyMap<string, PayloadRole> = new Map<string, PayloadRole>([
  ["video/red", "red"],
  ["video/ulpfec", "ulpfec"],
  ["video/flexfec", "flexfec"],
  ["video/flexfec-03", "flexfec"],
]);

/** Formats of audio that are no sound of their own: events, and how silent it is while nothing comes. */
const BESIDES: ReadonlySet<PayloadFormat> = new Set([telephoneEventFormat, comfortNoiseFormat]);

const primary: PrimaryBlock = new PrimaryBlock();

/** What getContributingSources says of one. */
export interface ContributingSource {
  readonly source: number;
  /** Monotonic milliseconds of the last packet with it. */
  time: number;
  rtpTimestamp: number;
  /** -dBov, -1 without (RFC 6465). */
  audioLevel: number;
}

export class RtpReceiver {
  readonly streams: readonly RtpReceiveStream[];
  readonly contributingSources: readonly ContributingSource[];
  readonly host: RtpReceiverHost;
  options: RtpReceiverOptions;
  /** Frames are put together and given to `onFrame`. */
  wantFrames = false;
  /** Frames go out at the pace at which they were made; false: as soon as they are whole and it is their turn. */
  pacedFrames = true;
  /** Milliseconds that frames shall wait at least; null: as the network asks for. */
  jitterBufferTarget: number | null = null;

  /** @internal Missing packets are asked for. */
  nack = false;

  private readonly session: RtpSession;
  private readonly owned: RtpReceiveStream[];
  private readonly contributors: ContributingSource[];
  private payloads: (PayloadEntry | undefined)[] = [];
  private formats: (PayloadFormat | undefined)[] = [];
  private readonly recovered = new RtpPacket();
  private closed = false;

  /** @internal */
  constructor(session: RtpSession, options: RtpReceiverOptions, host: RtpReceiverHost) {
    this.session = session;
    this.host = host;
    this.options = options;
    this.owned = [];
    this.streams = this.owned;
    this.contributors = [];
    this.contributingSources = this.contributors;
    this.setPayloads();
  }

  get kind(): MediaKind {
    return this.options.kind;
  }

  private setPayloads(): void {
    const payloads = new Array<PayloadEntry | undefined>(128).fill(undefined);
    for (const codec of this.options.codecs) {
      const mimeType = codec.mimeType.toLowerCase();
      const isRed = mimeType === "audio/red";
      payloads[codec.payloadType & 127] ??= { codec, role: ROLES.get(mimeType) ?? "media", isRed };
      if (codec.rtxPayloadType !== null) payloads[codec.rtxPayloadType & 127] ??= { codec, role: "rtx", isRed };
    }
    this.payloads = payloads;
    this.nack = this.options.codecs.some(({ nack }) => nack);
    this.formats = [];
  }

  /** What was negotiated anew. Streams go on. */
  update(options: RtpReceiverOptions): void {
    this.options = options;
    this.setPayloads();
    this.session.onReceiverChanged(this);
  }

  /** The codec of a payload type; undefined: not negotiated. */
  payload(type: number): PayloadEntry | undefined {
    return this.payloads[type];
  }

  /** @internal The format of a payload type that is negotiated. */
  format(type: number): PayloadFormat | undefined {
    const known = this.formats[type];
    if (known !== undefined) return known;
    const codec = this.payloads[type]?.codec;
    if (codec === undefined) return undefined;
    const format = payloadFormat(codec.mimeType, codec.parameters);
    this.formats[type] = format;
    return format;
  }

  /** @internal Whether a key frame begins with the packet. */
  isKeyFrame(packet: RtpPacket): boolean {
    const { bytes, payloadOffset, payloadLength } = packet;
    const format = this.format(packet.payloadType);
    if (format === undefined || payloadLength === 0) return false;
    if (format.mayBeKeyFrame?.(bytes, payloadOffset, payloadLength) === false) return false;
    return format.isKeyFrame(packet.peek());
  }

  close(_now: number): void {
    if (this.closed) return;
    this.closed = true;
    this.session.removeReceiver(this);
    for (const stream of this.owned) this.session.onStreamRemoved(stream);
    this.owned.length = 0;
  }

  /** @internal A stream for an SSRC that was not known; undefined: there are too many. */
  addStream(ssrc: number, rid: string | null, now: number): RtpReceiveStream | undefined {
    if (this.owned.length >= MAX_STREAMS_PER_RECEIVER) {
      let oldest = this.owned[0]!;
      for (const stream of this.owned) if (stream.lastPacketReceived < oldest.lastPacketReceived) oldest = stream;
      // All of them flow: the newcomer has to wait.
      if (now - oldest.lastPacketReceived < 1000) return undefined;
      this.session.removeStream(oldest);
      this.removeStream(oldest);
    }
    const stream = new RtpReceiveStream(this.session, this, ssrc, rid);
    this.owned.push(stream);
    return stream;
  }

  /** @internal */
  removeStream(stream: RtpReceiveStream): void {
    const index = this.owned.indexOf(stream);
    if (index < 0) return;
    this.owned.splice(index, 1);
    this.session.onStreamRemoved(stream);
    this.host.onBye?.(stream);
  }

  /** @internal A packet that has not come before: what it carries is passed on, and what it repairs. */
  pass(packet: RtpPacket, stream: RtpReceiveStream, repeated: boolean, now: number): void {
    if (this.payloads[packet.payloadType]?.role === "red" && packet.payloadLength > 0) {
      const type = redBlockType(packet);
      const inner = this.payloads[type];
      if (inner?.role === "ulpfec") {
        this.repairOf(stream).onRepair("ulpfec", packet, 1);
        // It has a number of the stream: for those who count, it is padding of the media.
        if (stream.codec !== undefined) packet.payloadType = stream.codec.payloadType;
        packet.paddingLength += packet.payloadLength;
        packet.payloadLength = 0;
      } else if (inner?.role === "media" && packet.parse(stripRed(packet))) {
        stream.codec = inner.codec;
        this.session.extensions.find(packet);
      } else {
        return;
      }
    }
    if (stream.repair !== undefined && !repeated && packet.payloadLength > 0) stream.repair.onMedia(packet);
    this.deliver(packet, stream, now);
    this.deliverRecovered(stream, now);
  }

  /** @internal A repair packet on an SSRC of its own. */
  onRepair(packet: RtpPacket, stream: RtpReceiveStream, codec: RtpCodec, now: number): void {
    stream.countRepair(packet);
    const format = codec.mimeType.toLowerCase() === "video/flexfec" ? "flexfec" : "flexfec-03";
    this.repairOf(stream).onRepair(format, packet, 0);
    this.deliverRecovered(stream, now);
  }

  private repairOf(stream: RtpReceiveStream): StreamRepair {
    if (stream.repair === undefined) {
      stream.repair = new StreamRepair(stream.ssrc, mutableExtensions(this.session.extensions));
    }
    return stream.repair;
  }

  private deliverRecovered(stream: RtpReceiveStream, now: number): void {
    for (let bytes = stream.repair?.take(); bytes !== undefined; bytes = stream.repair?.take()) {
      const packet = this.recovered;
      if (!packet.parse(bytes) || this.payloads[packet.payloadType]?.role !== "media") {
        stream.repair!.rejected++;
        continue;
      }
      if (!stream.receiveRecovered(packet, now)) continue;
      packet.extensions = this.session.extensions;
      this.session.extensions.find(packet);
      this.deliver(packet, stream, now);
    }
  }

  private deliver(packet: RtpPacket, stream: RtpReceiveStream, now: number): void {
    if (stream.keyFramePending && this.isKeyFrame(packet)) stream.keyFramePending = false;
    const captureTime = this.session.extensions.absCaptureTime();
    // Few packets have it.
    if (!Number.isNaN(captureTime)) {
      stream.captureTimestamp = captureTime;
      stream.captureClockOffset = this.session.extensions.absCaptureOffset();
    }
    if (this.options.kind === "audio") this.hear(packet, stream);
    if (packet.csrcCount > 0) this.noteContributors(packet, now);
    this.host.onPacket?.(packet, stream, now);
    if (this.wantFrames) stream.toFrames(packet, now);
    else if (this.options.kind === "video") stream.countFrames(packet, now);
    else if (stream.frames !== undefined) stream.endFrames();
  }

  private hear(packet: RtpPacket, stream: RtpReceiveStream): void {
    const level = this.session.extensions.audioLevel();
    stream.audioLevel = level;
    let { payloadType, payloadOffset, payloadLength } = packet;
    if (payloadLength === 0) return;
    if (this.payloads[payloadType]?.isRed === true) {
      if (!primary.parse(packet.bytes, payloadOffset, payloadLength)) return;
      payloadType = primary.payloadType;
      payloadOffset = primary.offset;
      payloadLength = primary.length;
    }
    const clockRate = this.payloads[payloadType]?.codec.clockRate;
    const format = this.format(payloadType);
    if (format === undefined || clockRate === undefined || payloadLength === 0 || BESIDES.has(format)) return;
    stream.sound ??= new SoundMeter();
    stream.sound.add(format, clockRate, packet.bytes, payloadOffset, payloadLength, level);
  }

  private noteContributors(packet: RtpPacket, now: number): void {
    const list = this.contributors;
    for (let i = 0; i < packet.csrcCount; i++) {
      const source = packet.csrc(i);
      let entry = list.find((one) => one.source === source);
      if (entry === undefined) {
        entry = { source, time: now, rtpTimestamp: 0, audioLevel: -1 };
        if (list.length < MAX_CONTRIBUTING_SOURCES) {
          list.push(entry);
        } else {
          let oldest = 0;
          for (let n = 1; n < list.length; n++) if (list[n]!.time < list[oldest]!.time) oldest = n;
          list[oldest] = entry;
        }
      }
      entry.time = now;
      entry.rtpTimestamp = packet.timestamp;
      entry.audioLevel = this.session.extensions.csrcAudioLevel(i);
    }
  }

  /**
   * Asks whoever sends for at most so many bits per second of payload; null: for as much as the path carries. Told by TMMBR (RFC 5104)
   * or REMB, whichever is negotiated, the former first; without either it stays a wish.
   */
  limitBitrate(bitsPerSecond: number | null, now: number): void {
    if (!this.closed) this.session.limitReceiver(this, bitsPerSecond, now);
  }

  /** Packets of it that we reported as missing by RFC 8888, and those of them that came after all; undefined without that. */
  reportedLosses(stream: RtpReceiveStream): { readonly lost: number; readonly recovered: number } | undefined {
    return this.session.reportedLosses(stream.ssrc);
  }

  /** Asks the sender of `stream` for a key frame. */
  requestKeyFrame(stream: RtpReceiveStream, now: number): void {
    stream.requestKeyFrame(now);
  }
}
