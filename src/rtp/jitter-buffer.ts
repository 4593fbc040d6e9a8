// From packets to frames in order, at the pace at which they were made: assembly, the adaptive delay, what is asked of it by
// jitterBufferTarget and for synchronisation, and what happens when something stays missing.
import type { Depacketizer, PayloadFormat, PayloadInfo } from "../payload/types.js";
import type { BufferBudget } from "./buffer-budget.js";
import { NTP_EPOCH_OFFSET } from "./clock.js";
import { DelayEstimator } from "./delay-estimator.js";
import { ExtensionKind, type HeaderExtensions } from "./extensions.js";
import {
  FLAG_CERTAIN_START,
  FLAG_END,
  FLAG_KEY_FRAME,
  FLAG_PADDING,
  FLAG_START,
  FrameAssembler,
  type WholeFrame,
} from "./frame-assembler.js";
import type { FrameCounters } from "./frame-counters.js";
import type { RtpPacket } from "./packet.js";
import type { RtpCodec } from "./types.js";

/** The longest that jitterBufferTarget may ask for, milliseconds (webrtc-extensions). */
export const MAX_JITTER_BUFFER_TARGET = 4000;
/** Milliseconds that a missing packet is waited for at most. */
export const MAX_PATIENCE = 2000;
/** All requests for a packet on a short path, and the answer to the last one (nack-list.ts). */
const MIN_PATIENCE = 250;
/** Milliseconds without a packet after which nothing is waited for any more: the stream has stopped amid a frame. */
export const MAX_SILENCE = 10_000;
/** Without retransmissions only reordering can bring what is missing. */
const REORDERING = 60;

/** Milliseconds that a missing packet of video is waited for; `roundTripTime` in milliseconds too. */
export function patience(retransmissions: boolean, roundTripTime: number): number {
  if (!retransmissions) return REORDERING;
  return Math.min(MAX_PATIENCE, Math.max(MIN_PATIENCE, roundTripTime * 4 + 50));
}

const TELEPHONE_EVENT = "audio/telephone-event";
const NO_SOURCES: readonly number[] = [];

/** What a frame's first packet says beside its payload. */
export interface FrameHead {
  readonly codec: RtpCodec;
  readonly format: PayloadFormat;
  readonly marker: boolean;
  readonly csrcs: readonly number[];
  /** The byte of RFC 6464, -1 without. */
  readonly audioLevel: number;
  readonly dependencyDescriptor: Uint8Array | undefined;
  /** Unix milliseconds by abs-capture-time, NaN without. */
  readonly captureTime: number;
  /** Milliseconds from the capturer's clock to the sender's, NaN if it does not say. */
  readonly captureOffset: number;
}

export interface JitterBufferHost {
  /** The next frame; `payloads` holds its packets. Valid only during the call. */
  onFrame(frame: WholeFrame, head: FrameHead, payloads: readonly Uint8Array[], count: number, now: number): void;
  onKeyFrameNeeded(now: number): void;
}

export class JitterBuffer {
  /** When `handleTimeout` has something to do, monotonic milliseconds. */
  deadline: number = Number.POSITIVE_INFINITY;
  readonly assembler: FrameAssembler<FrameHead>;
  readonly delay: DelayEstimator = new DelayEstimator();
  /** Frames go out as they were made, not as they come; false: as soon as they are whole and it is their turn. */
  paced = true;
  /** Milliseconds, at least. */
  minimumDelay = 0;
  /** Milliseconds more, so that streams of one source play together. */
  synchronisationDelay = 0;
  /** Lost packets are asked for. */
  retransmissions = false;
  /** Milliseconds. */
  roundTripTime = 100;

  readonly counters: FrameCounters;
  private readonly host: JitterBufferHost;
  private readonly audio: boolean;
  private readonly payloads: Uint8Array[] = [];
  private readonly depacketizers = new Map<PayloadFormat, Depacketizer>();
  private blockedSince: number = Number.NaN;
  private lastPacket = 0;
  private lastTl0 = -1;
  // Of the last frame, where they are told.
  private lastPictureId = -1;
  private lastPictureIdBits = 0;
  private started = false;

  constructor(audio: boolean, host: JitterBufferHost, counters: FrameCounters, budget?: BufferBudget) {
    this.audio = audio;
    this.host = host;
    this.counters = counters;
    this.assembler = new FrameAssembler<FrameHead>(budget);
  }

  depacketizer(format: PayloadFormat): Depacketizer {
    let depacketizer = this.depacketizers.get(format);
    if (depacketizer === undefined) {
      depacketizer = format.createDepacketizer();
      this.depacketizers.set(format, depacketizer);
    }
    return depacketizer;
  }

  /** Milliseconds that frames wait at the moment after the earliest time at which they might come. */
  get targetDelay(): number {
    return Math.max(this.delay.target, this.minimumDelay) + this.synchronisationDelay;
  }

  /** A packet that has not come before. `extensions`: of this packet. */
  insert(
    number: number,
    packet: RtpPacket,
    codec: RtpCodec,
    format: PayloadFormat,
    extensions: HeaderExtensions,
    now: number,
  ): void {
    const payload = packet.payload();
    // Tones come beside the sound, with timestamps of their own.
    const besides = payload.length === 0 || codec.mimeType.toLowerCase() === TELEPHONE_EVENT;
    const info = besides ? undefined : this.depacketizer(format).inspect(payload);
    // What cannot be read is as good as lost, but waiting for it is of no use.
    const flags = info === undefined ? FLAG_PADDING : flagsOf(info, format, packet.marker);
    const head = (flags & FLAG_START) === 0 ? undefined : headOf(packet, codec, format, extensions);
    const { assembler } = this;
    this.lastPacket = now;
    const before = assembler.frames.length;
    if (!assembler.insert(number, packet.timestamp, flags, payload, head, now)) {
      this.lastTl0 = -1;
      this.host.onKeyFrameNeeded(now);
    }
    if (assembler.frames.length > before) this.count(packet.timestamp, codec.clockRate, before, now);
    this.release(now);
  }

  /** Frames have become whole: the packet's own, and perhaps the next one, whose start has become certain. */
  private count(timestamp: number, clockRate: number, before: number, now: number): void {
    const { counters } = this;
    const { frames } = this.assembler;
    for (let i = before; i < frames.length; i++) {
      counters.framesReceived++;
      counters.rate.add(now);
    }
    for (const frame of frames) {
      if (frame.arrival !== now || frame.timestamp !== timestamp) continue;
      if (frame.keyFrame) counters.keyFramesReceived++;
      if (frame.last > frame.first) {
        counters.framesAssembledFromMultiplePackets++;
        counters.totalAssemblyTime += (now - frame.firstArrival) / 1000;
      }
      this.delay.add(timestamp, clockRate, now);
      break;
    }
  }

  /** Whether a packet of that number would still be of use. */
  lacks(number: number): boolean {
    const { assembler } = this;
    return number >= assembler.next && !assembler.has(number);
  }

  private due(frame: WholeFrame): number {
    if (!this.paced || !this.delay.known) return Number.NEGATIVE_INFINITY;
    // A frame is never earlier than the earliest; if it seems so, the time line has jumped meanwhile.
    return Math.min(this.delay.earliest(frame.timestamp), frame.arrival) + this.targetDelay;
  }

  handleTimeout(now: number): void {
    if (now >= this.deadline) this.release(now);
  }

  /** Gives out what is due. */
  private release(now: number): void {
    const { assembler } = this;
    this.deadline = Number.POSITIVE_INFINITY;
    for (;;) {
      const frame = assembler.inOrder() ?? this.skipTo(now);
      if (frame === undefined) return;
      const due = this.due(frame);
      if (due > now) {
        this.deadline = Math.min(this.deadline, due);
        return;
      }
      this.emit(frame, now);
    }
  }

  private emit(frame: WholeFrame, now: number): void {
    const { assembler, payloads } = this;
    this.blockedSince = Number.NaN;
    this.started = true;
    // What lies before it will not be used any more.
    for (const earlier of assembler.frames) {
      if (earlier === frame) break;
      this.counters.framesDropped++;
    }
    const count = assembler.payloadsOf(frame, payloads);
    if (!this.audio) this.noteLayer(frame);
    const head = assembler.extra(frame.first)!;
    const units = this.audio ? samplesOf(head.format, payloads[0]!) : 1;
    const { counters } = this;
    counters.jitterBufferEmittedCount += units;
    counters.jitterBufferDelay += (units * (now - frame.firstArrival)) / 1000;
    counters.jitterBufferTargetDelay += (units * this.targetDelay) / 1000;
    counters.jitterBufferMinimumDelay += (units * this.delay.target) / 1000;
    this.host.onFrame(frame, head, payloads, count, now);
    payloads.length = 0;
    assembler.take(frame);
  }

  /** What a frame's first packet tells. */
  private inspect(frame: WholeFrame): PayloadInfo | undefined {
    const { assembler } = this;
    const head = assembler.extra(frame.first);
    return head && this.depacketizer(head.format).inspect(assembler.payload(frame.first));
  }

  private noteLayer(frame: WholeFrame): void {
    const info = this.inspect(frame);
    this.lastTl0 = info?.tl0PictureIndex ?? -1;
    this.lastPictureId = info?.pictureId ?? -1;
    this.lastPictureIdBits = info?.pictureIdBits ?? 0;
  }

  /** No picture is missing in front of this one. Behind 127 in 7 bits comes 0, or 128 in 15 (RFC 7741 §4.2, RFC 9628 §4.2). */
  private follows(frame: WholeFrame): boolean {
    if (this.lastPictureId < 0) return false;
    const info = this.inspect(frame);
    if (info === undefined || info.pictureId < 0) return false;
    const mask = info.pictureIdBits === 7 && this.lastPictureIdBits === 7 ? 0x7f : 0x7fff;
    return info.pictureId === ((this.lastPictureId + 1) & mask);
  }

  /** Something is missing in front of what is there: the frame to go on with, or undefined: wait, with `deadline` set. */
  private skipTo(now: number): WholeFrame | undefined {
    const { assembler } = this;
    const first = assembler.frames[0];
    if (this.audio) {
      if (first === undefined) return undefined;
      // Its turn has come: what was missing is too late.
      const due = this.paced ? this.due(first) : first.arrival + REORDERING;
      if (due <= now) return first;
      this.deadline = Math.min(this.deadline, due);
      return undefined;
    }
    if (now - this.lastPacket > MAX_SILENCE) this.drop();
    if (assembler.empty) {
      this.blockedSince = Number.NaN;
      return undefined;
    }
    if (assembler.next < 0) return this.seekKeyFrame(now);
    // No picture is missing: what was lost is padding, or repaired others (ULPFEC).
    if (first !== undefined && this.follows(first)) return first;
    // Packets of the next frame may simply not have been sent yet: only what lies beyond a gap tells that something is missing.
    if (Number.isNaN(this.blockedSince)) this.blockedSince = now;
    const { patience } = this;
    const due = this.blockedSince + patience;
    if (now < due) {
      this.deadline = Math.min(this.deadline, due);
      return undefined;
    }
    const independent = this.independent();
    if (independent !== undefined) return independent;
    if (first !== undefined) {
      this.host.onKeyFrameNeeded(now);
      // Later on it is asked for again; if what is missing comes after all, so much the better.
      if (now - this.blockedSince > MAX_PATIENCE) {
        this.drop();
        return undefined;
      }
    }
    this.deadline = Math.min(this.deadline, now + patience);
    return undefined;
  }

  /** Gives up what waits: the next frame has to be a key frame. */
  private drop(): void {
    this.counters.framesDropped += this.assembler.frames.length;
    this.assembler.reset();
    this.lastTl0 = -1;
  }

  private get patience(): number {
    return patience(this.retransmissions, this.roundTripTime);
  }

  private seekKeyFrame(now: number): WholeFrame | undefined {
    const { assembler } = this;
    const found = assembler.keyFrame();
    if (found !== undefined) return found;
    const { frames } = assembler;
    const last = frames.at(-1);
    if (last !== undefined) {
      // Whole, but of no use.
      this.counters.framesDropped += frames.length;
      assembler.dropBefore(last.last + 1);
      this.host.onKeyFrameNeeded(now);
    }
    if (assembler.empty) return undefined;
    // Parts of a frame: perhaps of a key frame whose rest is on its way.
    if (Number.isNaN(this.blockedSince)) this.blockedSince = now;
    const patience = this.started ? this.patience : MAX_PATIENCE;
    if (now >= this.blockedSince + patience) {
      this.host.onKeyFrameNeeded(now);
      this.blockedSince = now;
    }
    this.deadline = Math.min(this.deadline, this.blockedSince + patience);
    return undefined;
  }

  /** A frame that needs nothing of what is missing: a key frame, or the next of the base layer if only higher ones were lost. */
  private independent(): WholeFrame | undefined {
    for (const frame of this.assembler.frames) {
      if (frame.keyFrame) return frame;
      if (this.lastTl0 < 0) continue;
      const info = this.inspect(frame);
      if (info?.temporalIndex === 0 && info.tl0PictureIndex === ((this.lastTl0 + 1) & 255)) return frame;
    }
    return undefined;
  }

  /** Milliseconds that something has been missing; 0: nothing is. */
  blockedFor(now: number): number {
    return Number.isNaN(this.blockedSince) ? 0 : now - this.blockedSince;
  }
}

function headOf(packet: RtpPacket, codec: RtpCodec, format: PayloadFormat, extensions: HeaderExtensions): FrameHead {
  const { csrcCount } = packet;
  const capture = extensions.absCaptureTime();
  return {
    codec,
    format,
    marker: packet.marker,
    csrcs: csrcCount === 0 ? NO_SOURCES : Array.from({ length: csrcCount }, (_, i) => packet.csrc(i)),
    audioLevel: extensions.audioLevel(),
    dependencyDescriptor: extensions.raw(ExtensionKind.dependencyDescriptor),
    captureTime: capture - NTP_EPOCH_OFFSET * 1000,
    captureOffset: extensions.absCaptureOffset(),
  };
}

function flagsOf(info: PayloadInfo, format: PayloadFormat, marker: boolean): number {
  if (format.packetIsFrame) return FLAG_START | FLAG_CERTAIN_START | FLAG_END | FLAG_KEY_FRAME;
  let flags = 0;
  if (info.startOfFrame) flags |= FLAG_START;
  if (info.certainStart) flags |= FLAG_START | FLAG_CERTAIN_START;
  if (marker || info.endOfFrame) flags |= FLAG_END;
  if (info.keyFrame || !format.hasKeyFrames) flags |= FLAG_KEY_FRAME;
  return flags;
}

/** Where the payload does not tell, it counts as one. */
function samplesOf(format: PayloadFormat, payload: Uint8Array): number {
  return Math.max(1, format.frameDuration(payload) * format.samplesPerTick);
}
