// One received stream that may be forwarded to many: a layer of a simulcast, an SVC stream, or audio. A packet's payload is looked at
// once here, however many forwarders take it.
import { payloadFormat } from "../payload/format.js";
import type { Depacketizer, PayloadFormat, PayloadInfo } from "../payload/types.js";
import { serialDiff16 } from "../util/serial.js";
import { ReportedClock } from "./clock.js";
import { DependencyDescriptorReader } from "./dependency-descriptor.js";
import { ExtensionKind } from "./extensions.js";
import { RtpPacket } from "./packet.js";

/** Packets that are held while somebody waits for a key frame, a power of two: half a second of some megabits. */
const MAX_HELD_PACKETS = 512;

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
  /** A key frame begins with the packet, newest or not, and nothing of it is missing before. */
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
  /** Pixels of the last key frame, 0 where the payloads do not tell. */
  width = 0;
  height = 0;
  /** Payloads that were malformed. */
  malformed = 0;
  /** When the last packet came, -Infinity before the first. */
  lastArrival: number = Number.NEGATIVE_INFINITY;

  private readonly depacketizer: Depacketizer;
  private readonly descriptor = new DependencyDescriptorReader();
  private readonly listeners: ForwardListener[] = [];
  /** Of the newest packet; -1 before the first. */
  private lastSequence = -1;
  private lastTimestamp = 0;
  // What came since somebody began to wait for a key frame: its first packet may come after others of it.
  private holders = 0;
  private readonly held: (Uint8Array | undefined)[] = [];
  private readonly heldLengths: number[] = [];
  private readonly replays: ForwardListener[] = [];
  private readonly replayPacket = new RtpPacket();

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

  /** Somebody waits for a key frame: packets are held until `release`. Gives a mark for `isHeld`. */
  hold(): number {
    if (this.holders++ === 0) {
      this.held.length = MAX_HELD_PACKETS;
      this.held.fill(undefined);
    }
    return this.lastSequence;
  }

  release(): void {
    if (--this.holders === 0 && this.replays.length === 0) this.held.length = 0;
  }

  /** Whether all that came after `sequenceNumber` is held, by somebody who began when `mark` was given. */
  isHeld(sequenceNumber: number, mark: number): boolean {
    if (mark >= 0 && serialDiff16(sequenceNumber, mark) <= 0) return false;
    return serialDiff16(this.lastSequence, sequenceNumber) < MAX_HELD_PACKETS;
  }

  /** Once all listeners have the present packet, what is held and comes after it goes to `listener`. Only within `forward`. */
  replay(listener: ForwardListener): void {
    this.replays.push(listener);
  }

  /** A packet of the stream, as `RtpReceiverHost.onPacket` gives it: once, in order of arrival, retransmitted ones unwrapped. */
  receive(packet: RtpPacket, now: number): void {
    const { listeners } = this;
    const { sequenceNumber, timestamp } = packet;
    const ahead = this.lastSequence < 0 ? 1 : serialDiff16(sequenceNumber, this.lastSequence);
    this.isNewest = ahead > 0;
    this.startsPicture = ahead > 0 && (this.lastSequence < 0 || timestamp !== this.lastTimestamp);
    this.lastArrival = now;
    const info = this.look(packet, ahead === 1 && this.lastSequence >= 0);
    if (ahead > 0) {
      this.lastSequence = sequenceNumber;
      this.lastTimestamp = timestamp;
    }
    if (this.holders > 0) {
      this.held[sequenceNumber & (MAX_HELD_PACKETS - 1)] = packet.data;
      this.heldLengths[sequenceNumber & (MAX_HELD_PACKETS - 1)] = packet.length;
    }
    for (let i = 0; i < listeners.length; i++) listeners[i]!.forward(this, packet, info, now);
    if (this.replays.length === 0) return;
    while (this.replays.length > 0) this.replayTo(this.replays.pop()!, sequenceNumber, timestamp, packet, now);
    if (this.holders === 0) this.held.length = 0;
  }

  private replayTo(listener: ForwardListener, from: number, timestamp: number, like: RtpPacket, now: number): void {
    const packet = this.replayPacket;
    let before = timestamp;
    let previous = from;
    for (
      let number = (from + 1) & 0xffff;
      serialDiff16(this.lastSequence, number) >= 0;
      number = (number + 1) & 0xffff
    ) {
      const data = this.held[number & (MAX_HELD_PACKETS - 1)];
      if (data === undefined || !packet.parse(data, this.heldLengths[number & (MAX_HELD_PACKETS - 1)])) continue;
      if (packet.sequenceNumber !== number) continue;
      packet.extensions = like.extensions;
      this.isNewest = true;
      this.startsPicture = packet.timestamp !== before;
      const info = this.look(packet, number === ((previous + 1) & 0xffff));
      before = packet.timestamp;
      previous = number;
      listener.forward(this, packet, info, now);
    }
  }

  /** What the payload says; undefined if there is none, or if it is malformed. `isNext`: right behind the packet before. */
  private look(packet: RtpPacket, isNext: boolean): PayloadInfo | undefined {
    this.startsKeyFrame = false;
    if (packet.payloadLength === 0) return undefined;
    const info = this.depacketizer.inspect(packet.peek());
    if (info === undefined) this.malformed++;
    else this.describe(packet, info, isNext);
    return info;
  }

  private describe(packet: RtpPacket, info: PayloadInfo, isNext: boolean): void {
    const begins = info.certainStart || (info.startOfFrame && isNext && this.startsPicture);
    this.startsKeyFrame = info.keyFrame && begins;
    this.endsLayerFrame = info.endOfLayerFrame;
    if (info.width > 0) {
      this.width = info.width;
      this.height = info.height;
    }
    this.descriptorOffset = -1;
    let { temporalIndex, spatialIndex } = info;
    const { descriptor } = this;
    const { extensions } = packet;
    if (extensions !== undefined && !extensions.isAt(packet)) extensions.find(packet);
    const offset = extensions === undefined ? -1 : extensions.offset(ExtensionKind.dependencyDescriptor);
    if (offset >= 0 && descriptor.read(packet.bytes, offset, extensions!.length(ExtensionKind.dependencyDescriptor))) {
      this.descriptorOffset = offset;
      this.frameNumber = descriptor.frameNumber;
      this.endsLayerFrame = descriptor.endOfFrame;
      if (descriptor.temporalIndex >= 0) {
        temporalIndex = descriptor.temporalIndex;
        spatialIndex = descriptor.spatialIndex;
      }
    }
    // Fragments of AV1 do not say what they are of: the same as the packet before.
    if (temporalIndex >= 0 || this.startsPicture || !isNext) {
      this.temporalIndex = temporalIndex;
      this.spatialIndex = spatialIndex;
    }
    if (temporalIndex > this.maxTemporalIndex) this.maxTemporalIndex = temporalIndex;
    if (spatialIndex > this.maxSpatialIndex) this.maxSpatialIndex = spatialIndex;
  }
}
