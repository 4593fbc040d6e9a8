// One received stream that may be forwarded to many: a layer of a simulcast, an SVC stream, or audio. A packet's payload is looked at
// once here, however many forwarders take it.
import { payloadFormat } from "../payload/format.js";
import type { Depacketizer, PayloadFormat, PayloadInfo } from "../payload/types.js";
import { serialDiff16 } from "../util/serial.js";
import { ReportedClock } from "./clock.js";
import { DependencyDescriptorReader } from "./dependency-descriptor.js";
import { ExtensionKind } from "./extensions.js";
import type { RtpPacket } from "./packet.js";

export interface ForwardSourceOptions {
  readonly mimeType: string;
  /** Of the a=fmtp line. */
  readonly parameters?: string;
  readonly clockRate: number;
  readonly rid?: string | null;
  /** What sender reports say of the stream, as `RtpReceiveStream.clock` has it. */
  readonly clock?: ReportedClock;
}

/** Who takes the packets of a source. */
export interface ForwardListener {
  /** `info` is undefined for packets that have no payload, or a malformed one. */
  forward(source: ForwardSource, packet: RtpPacket, info: PayloadInfo | undefined, now: number): void;
}

export class ForwardSource {
  readonly rid: string | null;
  readonly clockRate: number;
  readonly format: PayloadFormat;
  readonly clock: ReportedClock;

  // Of the packet that is being forwarded.
  /** The packet is the newest of the stream. */
  isNewest = false;
  /** The packet is the newest, and the first one seen of its picture. */
  startsPicture = false;
  /** A key frame begins with the packet, and nothing of it is missing before. */
  startsKeyFrame = false;
  /** The layers of the packet, -1 if unknown. */
  temporalIndex = -1;
  spatialIndex = -1;
  /** The last packet of a layer's frame. */
  endsLayerFrame = false;
  /** Where the dependency descriptor is in the packet, -1 without. */
  descriptorOffset = -1;
  frameNumber = 0;

  /** The highest layers seen. */
  maxTemporalIndex = -1;
  maxSpatialIndex = -1;
  /** Payloads that were malformed. */
  malformed = 0;
  /** When the last packet came, -Infinity before the first. */
  lastArrival: number = Number.NEGATIVE_INFINITY;

  private readonly depacketizer: Depacketizer;
  private readonly descriptor = new DependencyDescriptorReader();
  private readonly listeners: ForwardListener[] = [];
  private lastSequence = -1;
  private lastTimestamp = 0;

  constructor(options: ForwardSourceOptions) {
    this.rid = options.rid ?? null;
    this.clockRate = options.clockRate;
    this.clock = options.clock ?? new ReportedClock();
    this.format = payloadFormat(options.mimeType, options.parameters ?? "");
    this.depacketizer = this.format.createDepacketizer();
  }

  /** Bit n: who has taken this packet's frame can take temporal layer n from here on. By the dependency descriptor, for `spatial`. */
  switchesTo(spatial: number): number {
    if (this.descriptorOffset < 0) return 0;
    return this.descriptor.switches[Math.max(0, Math.min(spatial, this.maxSpatialIndex))]!;
  }

  /** For `Forwarder.attach`. */
  addListener(listener: ForwardListener): void {
    if (!this.listeners.includes(listener)) this.listeners.push(listener);
  }

  removeListener(listener: ForwardListener): void {
    const index = this.listeners.indexOf(listener);
    if (index >= 0) this.listeners.splice(index, 1);
  }

  /** A packet of the stream, as `RtpReceiverHost.onPacket` gives it: once, in order of arrival, retransmitted ones unwrapped. */
  receive(packet: RtpPacket, now: number): void {
    const { listeners } = this;
    const ahead = this.lastSequence < 0 ? 1 : serialDiff16(packet.sequenceNumber, this.lastSequence);
    this.isNewest = ahead > 0;
    this.lastArrival = now;
    let info: PayloadInfo | undefined;
    if (packet.payloadLength > 0) {
      info = this.depacketizer.inspect(packet.payload());
      if (info === undefined) this.malformed++;
      else this.describe(packet, info, ahead);
    }
    if (ahead > 0) {
      this.lastSequence = packet.sequenceNumber;
      this.lastTimestamp = packet.timestamp;
    }
    for (let i = 0; i < listeners.length; i++) listeners[i]!.forward(this, packet, info, now);
  }

  private describe(packet: RtpPacket, info: PayloadInfo, ahead: number): void {
    this.startsPicture = ahead > 0 && (this.lastSequence < 0 || packet.timestamp !== this.lastTimestamp);
    const isNext = ahead === 1 && this.lastSequence >= 0;
    const begins = info.certainStart || (info.startOfFrame && isNext && this.startsPicture);
    this.startsKeyFrame = ahead > 0 && info.keyFrame && begins;
    this.endsLayerFrame = info.endOfLayerFrame;
    this.descriptorOffset = -1;
    let { temporalIndex, spatialIndex } = info;
    const { descriptor } = this;
    const { extensions } = packet;
    if (extensions !== undefined && !extensions.isAt(packet)) extensions.find(packet);
    const offset = extensions === undefined ? -1 : extensions.offset(ExtensionKind.dependencyDescriptor);
    if (offset >= 0 && descriptor.read(packet.data, offset, extensions!.length(ExtensionKind.dependencyDescriptor))) {
      this.descriptorOffset = offset;
      this.frameNumber = descriptor.frameNumber;
      this.endsLayerFrame = descriptor.endOfFrame;
      if (descriptor.temporalIndex >= 0) {
        temporalIndex = descriptor.temporalIndex;
        spatialIndex = descriptor.spatialIndex;
      }
    }
    // Fragments of AV1 do not say what they are of: the same as the packet before.
    if (temporalIndex >= 0 || packet.timestamp !== this.lastTimestamp || ahead !== 1) {
      this.temporalIndex = temporalIndex;
      this.spatialIndex = spatialIndex;
    }
    if (temporalIndex > this.maxTemporalIndex) this.maxTemporalIndex = temporalIndex;
    if (spatialIndex > this.maxSpatialIndex) this.maxSpatialIndex = spatialIndex;
  }
}
