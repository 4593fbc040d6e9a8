// How encoded media gets from the source of a track to senders (MediaOutlet) and to readers (MediaReader). Tracks have
// nothing to do with it: they name a source, and are enabled, muted or ended.
import type { MediaKind } from "../jsep/codec-capabilities.js";
import type { NegotiatedCodec } from "../jsep/codecs.js";
import {
  type EncodedFrame,
  type EncodedFrameInit,
  type HeaderExtensions,
  type ReportedClock,
  RtpPacket,
} from "../peer/media.js";
import { microtask } from "../util/microtask.js";
import type { MediaTrackSettings } from "./media-constraints.js";

/** What a source looks at of the track that it feeds. */
export interface FedTrack {
  readonly kind: MediaKind;
  readonly enabled: boolean;
  readonly settings: MediaTrackSettings;
}

/** One encoding of a sender, as a source has to make it. */
export interface OutletEncoding {
  readonly rid: string | null;
  readonly active: boolean;
  /** Bits per second. */
  readonly maxBitrate: number | null;
  readonly maxFramerate: number | null;
  readonly scaleResolutionDownBy: number;
  readonly scalabilityMode: string | null;
}

/** What an encoder of this process tells of a frame that it has made. */
export interface EncoderReport {
  /** A name for those who look for faults. */
  readonly implementation: string;
  readonly powerEfficient: boolean;
  /** Milliseconds that it took. */
  readonly duration: number;
  /** As the codec's quantizers go. */
  readonly qp?: number | undefined;
  /** Bytes that the frame was to have, by the bitrate aimed at. */
  readonly targetSize?: number | undefined;
  /** The layers that are made. */
  readonly scalabilityMode?: string | undefined;
}

/** What a decoder of this process tells of a frame that it has decoded. */
export interface DecoderReport {
  /** A name for those who look for faults. */
  readonly implementation: string;
  readonly powerEfficient: boolean;
  /** Milliseconds that it took. */
  readonly duration: number;
  /** Of audio: how many there were, of each channel. */
  readonly samples?: number | undefined;
  /** As the codec's quantizers go. */
  readonly qp?: number | undefined;
  /** Of the picture, in pixels. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/** Where media goes: one RTCRtpSender that is negotiated to send. */
export interface MediaOutlet {
  readonly kind: MediaKind;
  /** What the peer takes, the one to use first. */
  readonly codecs: readonly NegotiatedCodec[];
  readonly encodings: readonly OutletEncoding[];
  /** Packets are of no use to it: a transform takes frames. */
  readonly wantsFrames: boolean;
  /** `encoding`: an index. The frame's bytes belong to the outlet. `report`: if the frame was encoded here, for statistics. */
  sendFrame(encoding: number, frame: EncodedFrameInit, report?: EncoderReport): void;
  /**
   * What the source sends of an encoding, where it cannot make what it is told (`MediaFlow.setBitrate`): the rates of what may go on, rising, in
   * bits per second of payload, and the index of what does; -1: nothing yet. None: not known yet. Undefined: it can make anything.
   */
  setSourceRates(encoding: number, rates: readonly number[] | undefined, current: number): void;
  /** The packet's bytes are copied; its payload type is replaced by this one, which is of `codecs`. */
  sendPacket(encoding: number, packet: RtpPacket, payloadType: number): void;
}

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** The flow from a source to an outlet. */
export interface MediaFlow {
  /** Codecs, encodings or the state of the track are others now. */
  update(): void;
  /** The peer needs a key frame of this encoding. */
  requestKeyFrame(encoding: number): void;
  /** What the network carries of this encoding, in bits per second. */
  setBitrate(encoding: number, bitsPerSecond: number): void;
  /** Of what passes through as packets: pixels, if they are known. */
  pictureSize?(encoding: number): PictureSize | undefined;
  stop(): void;
}

/** Which of the streams of a source a packet is of. */
export interface PacketOrigin {
  readonly ssrc: number;
  readonly rid: string | null;
  /** By payload type. */
  codec(payloadType: number): NegotiatedCodec | undefined;
  /** What sender reports say of the stream. */
  readonly clock?: ReportedClock;
  /** For statistics: a frame of the stream was decoded. */
  onDecoded?(frame: EncodedFrame, report: DecoderReport): void;
}

/** Whoever looks at what a source delivers. Called in a microtask; what it throws is reported as an uncaught exception. */
export interface MediaReader {
  /** The packet object is used again, its bytes are not. */
  onPacket?(packet: RtpPacket, origin: PacketOrigin): void;
  onFrame?(frame: EncodedFrame, origin: PacketOrigin): void;
  /** For readers of packets: a frame of a source that has none to show, because a transform has changed what they carry. */
  onTransformedFrame?(frame: EncodedFrame, origin: PacketOrigin): void;
}

/** A VideoFrame or AudioData (WebCodecs), whosever implementation it is of. */
export interface RawMedia {
  /** Microseconds. */
  readonly timestamp: number;
  clone(): RawMedia;
  close(): void;
}

/** Whoever looks at raw media; called in tasks or callbacks that are nobody's else. */
export interface RawReader {
  /** The data is the reader's, which has to close it. */
  onData(data: RawMedia): void;
  /** What comes cannot be made raw. Nothing follows. */
  onError(error: unknown): void;
}

/** What a TrackSource has if its tracks can be sent. */
export interface MediaSource {
  /** Begins to feed a sender of this track. */
  connect(track: FedTrack, outlet: MediaOutlet): MediaFlow;
  /** Begins to show the media to a reader; the result ends that. Absent where there is nothing to read. */
  read?(reader: MediaReader): () => void;
  /** Asks whoever makes the media for a key frame. */
  requestKeyFrame?(): void;
}

/** Packets, and frames, that a hub holds between two microtasks; more than one wake-up of the event loop can bring. */
export const MAX_HELD_PACKETS = 4096;

/** What came in one round. */
class Batch {
  data: Uint8Array[] = [];
  lengths: number[] = [];
  extensions: (HeaderExtensions | undefined)[] = [];
  origins: PacketOrigin[] = [];
  /** Somebody has got bytes of the packet. */
  kept: boolean[] = [];
  frames: EncodedFrame[] = [];
  frameOrigins: PacketOrigin[] = [];
  frameTransformed: boolean[] = [];

  get size(): number {
    return this.data.length + this.frames.length;
  }

  /** The packets that nobody keeps. */
  spent(): readonly Uint8Array[] {
    return this.data.filter((_, i) => !this.kept[i]);
  }

  clear(): void {
    this.data = [];
    this.lengths = [];
    this.extensions = [];
    this.origins = [];
    this.kept = [];
    if (this.frames.length === 0) return;
    this.frames = [];
    this.frameOrigins = [];
    this.frameTransformed = [];
  }
}

/**
 * Hands what comes on to its readers once the round that brought it is over, since readers may do anything: send the packet
 * on over the very transport that it came from, or close that.
 */
export class MediaHub {
  private readonly report: (error: unknown) => void;
  private readonly release: ((packets: readonly Uint8Array[]) => void) | undefined;
  private readers: readonly MediaReader[] = [];
  private held = new Batch();
  private spare = new Batch();
  // What is being handed on: to whom, and whose turn is next.
  private batch: Batch = this.spare;
  private audience: readonly MediaReader[] = [];
  private turn = 0;
  private scheduled = false;
  private readonly packet = new RtpPacket();
  /** Packets and frames that were not handed on because too many waited. */
  dropped = 0;

  /** `report`: for exceptions of readers. `release`: as Platform has it. */
  constructor(report: (error: unknown) => void, release?: (packets: readonly Uint8Array[]) => void) {
    this.report = report;
    this.release = release;
  }

  get isRead(): boolean {
    return this.readers.length > 0;
  }

  /** Whether anybody wants whole frames. */
  get wantsFrames(): boolean {
    return this.readers.some(({ onFrame }) => onFrame !== undefined);
  }

  add(reader: MediaReader): () => void {
    this.readers = [...this.readers, reader];
    return () => {
      this.readers = this.readers.filter((other) => other !== reader);
    };
  }

  /** The packet's bytes belong to the hub, unless somebody else has `kept` some. */
  push(packet: RtpPacket, origin: PacketOrigin, kept = true): void {
    if (this.readers.length === 0) return;
    const { held } = this;
    if (held.data.length >= MAX_HELD_PACKETS) {
      this.dropped++;
      return;
    }
    held.data.push(packet.bytes);
    held.lengths.push(packet.length);
    held.extensions.push(packet.extensions);
    held.origins.push(origin);
    held.kept.push(kept);
    this.schedule();
  }

  pushFrame(frame: EncodedFrame, origin: PacketOrigin, transformed = false): void {
    if (this.readers.length === 0) return;
    const { held } = this;
    if (held.frames.length >= MAX_HELD_PACKETS) {
      this.dropped++;
      return;
    }
    held.frames.push(frame);
    held.frameOrigins.push(origin);
    held.frameTransformed.push(transformed);
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    microtask(this.deliver);
  }

  /** What is held goes to one reader after the other: what a reader does with a packet finds its memory warm for the next one. */
  private readonly deliver = (): void => {
    this.batch = this.held;
    this.held = this.spare;
    this.turn = 0;
    this.audience = this.readers;
    this.next();
  };

  /** The turn of one reader; what it has made others queue comes before the next one's. */
  private readonly next = (): void => {
    const { audience, batch } = this;
    if (this.turn < audience.length) this.show(batch, audience[this.turn++]!);
    if (this.turn < audience.length) {
      microtask(this.next);
      return;
    }
    this.release?.(batch.spent());
    batch.clear();
    this.spare = batch;
    this.scheduled = false;
    if (this.held.size > 0) this.schedule();
  };

  private show(batch: Batch, reader: MediaReader): void {
    const { packet } = this;
    const { data, frames } = batch;
    for (let i = 0; i < data.length; i++) {
      if (!packet.parse(data[i]!, batch.lengths[i]!)) continue;
      packet.extensions = batch.extensions[i];
      packet.extensions?.find(packet);
      try {
        if (this.isReader(reader)) reader.onPacket?.(packet, batch.origins[i]!);
      } catch (error) {
        this.report(error);
      }
      if (packet.kept) batch.kept[i] = true;
    }
    for (let i = 0; i < frames.length; i++) {
      try {
        if (this.isReader(reader)) reader.onFrame?.(frames[i]!, batch.frameOrigins[i]!);
        if (!batch.frameTransformed[i] || !this.isReader(reader)) continue;
        reader.onTransformedFrame?.(frames[i]!, batch.frameOrigins[i]!);
      } catch (error) {
        this.report(error);
      }
    }
  }

  /** It may have been ended just now, by itself or by an earlier one. */
  private isReader(reader: MediaReader): boolean {
    return this.readers === this.audience || this.readers.includes(reader);
  }
}
