// What a media server does between a receiver and a sender: forwards one of several received layers (simulcast streams, or layers within
// one SVC stream) as one stream that never seems to change. Switches at key frames, closes the gaps of what it leaves out but keeps
// those of loss, and renumbers sequence numbers, timestamps and picture numbers. Decides nothing itself: which layer fits whom is
// asked of its user. RFC 7667 §3.7 calls this a selective forwarding middlebox.
import type { PayloadInfo } from "../payload/types.js";
import { writeFrameNumber } from "./dependency-descriptor.js";
import type { ForwardListener, ForwardSource } from "./forward-source.js";
import { NO_NUMBER, NumberMap, USED_NUMBER } from "./number-map.js";
import { RtpPacket } from "./packet.js";
import { PictureNumbers } from "./picture-numbers.js";

/** How long to wait before a key frame is asked for again. */
const KEY_FRAME_INTERVAL = 500;
/** A higher temporal layer should come with a frame to go up at; if none comes for so long, a key frame is asked for. */
const LAYER_SYNC_TIMEOUT = 2000;
/** So many packets in a row without a place, and the stream's numbering has begun anew. */
const RESTART_AFTER = 20;
/** Sender reports that put a switch further than this from its arrival are not believed. In milliseconds. */
const MAX_REPORT_ERROR = 2000;

const NO_LIMIT = 255;

export interface ForwarderOptions {
  /** The first numbers of the stream; should be random (RFC 3550 §5.1). */
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly pictureId: number;
  readonly tl0PictureIndex: number;
}

export interface ForwarderHost {
  /**
   * Send this: sequence number, timestamp and marker are those of the fields, not of the bytes. Fields and bytes are valid only during
   * the call, and the bytes belong to the packet that came in. A packet without payload fills a place whose packet was left out.
   */
  sendPacket(packet: RtpPacket, now: number): void;
  /** The sender of `source` should send a key frame. */
  requestKeyFrame(source: ForwardSource, now: number): void;
  /** From here on it is `source` that is forwarded. */
  onSwitch?(source: ForwardSource, now: number): void;
}

export class Forwarder implements ForwardListener {
  /** What is forwarded. */
  current: ForwardSource | null = null;
  /** What will be, from its next key frame on. */
  pending: ForwardSource | null = null;
  /** When `handleTimeout` has to be called; Infinity: never. */
  deadline: number = Number.POSITIVE_INFINITY;

  packetsForwarded = 0;
  /** Left out because of their layer. */
  packetsDropped = 0;
  /** Too late to have a place, or there before. */
  packetsLate = 0;
  switches = 0;

  private readonly host: ForwarderHost;
  private readonly out = new RtpPacket();
  private readonly sequence: NumberMap;
  private readonly pictures: NumberMap;
  private readonly numbers = new PictureNumbers();
  private readonly frames: NumberMap;
  private tl0Offset = 0;
  private lastTl0: number;
  /** Highest layers to forward, and those that are being forwarded. */
  private maxTemporal = NO_LIMIT;
  private maxSpatial = NO_LIMIT;
  private temporal = NO_LIMIT;
  private spatial = NO_LIMIT;

  /** One for all sources, that of the first: to a sender it is one stream. */
  private ssrc = -1;
  private timestampOffset = 0;
  /** The source that `timestampOffset` is for. */
  private timeline: ForwardSource | null = null;
  private lastTimestamp: number;
  private lastFrameTime = 0;
  private outOfPlace = 0;
  /** What `pending.hold` gave. */
  private holdMark = -1;
  private nextRequest = Number.POSITIVE_INFINITY;
  private syncDeadline = Number.POSITIVE_INFINITY;

  constructor(options: ForwarderOptions, host: ForwarderHost) {
    this.host = host;
    this.sequence = new NumberMap(16, options.sequenceNumber);
    this.pictures = new NumberMap(15, options.pictureId);
    this.frames = new NumberMap(16, options.pictureId);
    this.lastTl0 = (options.tl0PictureIndex - 1) & 0xff;
    this.lastTimestamp = options.timestamp >>> 0;
  }

  /** Lets packets of a source reach this forwarder. Every source that may become the target has to be attached. */
  attach(source: ForwardSource): void {
    source.addListener(this);
  }

  detach(source: ForwardSource): void {
    source.removeListener(this);
    if (this.pending === source) this.setPending(null);
    if (this.current === source) this.current = null;
    if (this.timeline === source) this.timeline = null;
    this.updateDeadline();
  }

  /**
   * The source to forward from its next key frame on, which is asked for, but not before `askAt`; the present one goes on until then.
   * Null: nothing, at once.
   */
  setTarget(source: ForwardSource | null, now: number, askAt: number = now): void {
    if (source === null) {
      this.current = null;
      this.setPending(null);
    } else if (source === this.current) this.setPending(null);
    else if (source !== this.pending) {
      this.setPending(source);
      if (askAt <= now) this.requestKeyFrame(now);
      else this.nextRequest = askAt;
    }
    this.updateDeadline();
  }

  private setPending(source: ForwardSource | null): void {
    this.pending?.release();
    this.pending = source;
    if (source !== null) this.holdMark = source.hold();
  }

  /** The highest temporal layer to forward (0: only the lowest). Lower at the next picture, higher where the stream allows. */
  setMaxTemporalIndex(index: number, now: number): void {
    this.maxTemporal = index;
    this.syncDeadline = this.waitsForLayer ? now + LAYER_SYNC_TIMEOUT : Number.POSITIVE_INFINITY;
    this.updateDeadline();
  }

  /** The highest spatial layer of an SVC stream to forward. Lower at the next picture, higher at the next key frame, which is asked for. */
  setMaxSpatialIndex(index: number, now: number): void {
    this.maxSpatial = index;
    if (this.waitsForLayer) {
      this.syncDeadline = now + LAYER_SYNC_TIMEOUT;
      this.requestKeyFrame(now);
    }
    this.updateDeadline();
  }

  /** The stream has layers that are wanted but cannot be joined yet. */
  private get waitsForLayer(): boolean {
    const { current } = this;
    if (current === null) return false;
    return (
      this.temporal < Math.min(this.maxTemporal, current.maxTemporalIndex) ||
      this.spatial < Math.min(this.maxSpatial, current.maxSpatialIndex)
    );
  }

  /** Passes a receiver's request on, to the stream that is to come or else to the one that is forwarded. */
  requestKeyFrame(now: number): void {
    const source = this.pending ?? this.current;
    if (source === null) return;
    this.nextRequest = now + KEY_FRAME_INTERVAL;
    this.updateDeadline();
    this.host.requestKeyFrame(source, now);
  }

  handleTimeout(now: number): void {
    if (now >= this.syncDeadline) {
      const waits = this.waitsForLayer;
      this.syncDeadline = waits ? now + LAYER_SYNC_TIMEOUT : Number.POSITIVE_INFINITY;
      if (waits) this.requestKeyFrame(now);
    }
    if (this.pending !== null && now >= this.nextRequest) this.requestKeyFrame(now);
    this.updateDeadline();
  }

  private updateDeadline(): void {
    this.deadline = Math.min(this.pending === null ? Number.POSITIVE_INFINITY : this.nextRequest, this.syncDeadline);
  }

  forward(source: ForwardSource, packet: RtpPacket, info: PayloadInfo | undefined, now: number): void {
    if (source !== this.current) {
      if (source !== this.pending || info === undefined || !source.startsKeyFrame) return;
      // The beginning may come after other packets of its frame, which were held then.
      if (!source.isNewest) {
        if (!source.isHeld(packet.sequenceNumber, this.holdMark)) return;
        source.replay(this);
      }
      this.switchTo(source, packet, info, now);
    }
    if (info === undefined) {
      this.leaveOut(packet, now);
      return;
    }
    if (source.isNewest && (source.startsPicture || source.startsKeyFrame)) this.adaptLayers(source, info);
    const picture = this.pictureOf(info);
    const tooHigh = source.temporalIndex > this.temporal || source.spatialIndex > this.spatial;
    if (tooHigh || (picture >= 0 && this.pictures.isDropped(picture))) {
      this.packetsDropped++;
      // Of VP9 and of the dependency descriptor the numbers are part of the references, so that they keep their gaps.
      if (picture >= 0 && source.temporalIndex > this.temporal && source.format.mimeType === "video/VP8") {
        this.pictures.drop(picture);
      }
      this.leaveOut(packet, now);
      return;
    }
    const sequenceNumber = this.sequence.use(packet.sequenceNumber);
    if (sequenceNumber < 0) {
      this.packetsLate++;
      // What was there before is where it belongs.
      if (sequenceNumber === NO_NUMBER) this.countOutOfPlace(now);
      return;
    }
    this.outOfPlace = 0;
    this.send(source, packet, info, picture, sequenceNumber, now);
  }

  /** The picture's number in 15 bits, not yet renumbered; -1 if there is none. */
  private pictureOf(info: PayloadInfo): number {
    const isFirst = this.numbers.isEmpty;
    const picture = this.numbers.of(info);
    if (isFirst && picture >= 0) this.pictures.restart(picture);
    return picture;
  }

  private send(
    source: ForwardSource,
    packet: RtpPacket,
    info: PayloadInfo,
    picture: number,
    sequenceNumber: number,
    now: number,
  ): void {
    const out = this.copy(packet);
    out.sequenceNumber = sequenceNumber;
    // The highest layer that is forwarded ends the picture (RFC 9628 §4.1).
    out.marker = packet.marker || (source.endsLayerFrame && source.spatialIndex === this.spatial);
    this.noteTimestamp(out.timestamp, now);
    const { renumber } = source.format;
    const isNarrow = renumber !== null && info.pictureIdBits === 7;
    if (isNarrow) this.numbers.widen(out, info);
    const { bytes: data } = out;
    const pictureId = picture < 0 ? -1 : renumbered(this.pictures, picture);
    const tl0 = info.tl0PictureIndex < 0 ? -1 : (info.tl0PictureIndex + this.tl0Offset) & 0xff;
    if (tl0 >= 0 && source.isNewest) this.lastTl0 = tl0;
    const change = renumber !== null && (isNarrow || pictureId !== info.pictureId || tl0 !== info.tl0PictureIndex);
    if (change) renumber(data, packet.payloadOffset, pictureId, tl0);
    const descriptor = source.descriptorOffset;
    if (descriptor >= 0) writeFrameNumber(data, descriptor, renumbered(this.frames, source.frameNumber));
    this.packetsForwarded++;
    this.host.sendPacket(out, now);
    if (isNarrow) return;
    // The bytes are the next forwarder's as well.
    if (change) renumber(data, packet.payloadOffset, info.pictureId, info.tl0PictureIndex);
    if (descriptor >= 0) writeFrameNumber(data, descriptor, source.frameNumber);
  }

  /** Nothing of the packet is sent; if it is late, something must fill the place that was kept for it, or it would be asked for. */
  private leaveOut(packet: RtpPacket, now: number): void {
    const sequenceNumber = this.sequence.drop(packet.sequenceNumber);
    if (sequenceNumber === NO_NUMBER) return;
    const out = this.copy(packet);
    out.sequenceNumber = sequenceNumber;
    out.marker = false;
    out.payloadLength = 0;
    out.paddingLength = 0;
    out.length = out.payloadOffset;
    this.host.sendPacket(out, now);
  }

  private copy(packet: RtpPacket): RtpPacket {
    const { out } = this;
    out.data = packet.bytes;
    out.length = packet.length;
    out.payloadType = packet.payloadType;
    out.timestamp = (packet.timestamp + this.timestampOffset) >>> 0;
    out.ssrc = this.ssrc;
    out.csrcCount = packet.csrcCount;
    out.extensionProfile = packet.extensionProfile;
    out.extensionOffset = packet.extensionOffset;
    out.extensionLength = packet.extensionLength;
    out.payloadOffset = packet.payloadOffset;
    out.extensions = packet.extensions;
    out.payloadLength = packet.payloadLength;
    out.paddingLength = packet.paddingLength;
    return out;
  }

  /** At the beginning of a picture: which of its layers go on from here. */
  private adaptLayers(source: ForwardSource, info: PayloadInfo): void {
    if (source.startsKeyFrame) {
      this.temporal = this.maxTemporal;
      this.spatial = this.maxSpatial;
      return;
    }
    if (source.spatialIndex <= 0) this.spatial = Math.min(this.spatial, this.maxSpatial);
    if (this.temporal >= this.maxTemporal) {
      this.temporal = this.maxTemporal;
      return;
    }
    const switches = source.switchesTo(this.spatial);
    if (switches !== 0 && source.temporalIndex <= this.temporal) {
      let layer = Math.min(this.maxTemporal, 7);
      while (layer > this.temporal && ((switches >> layer) & 1) === 0) layer--;
      this.temporal = layer;
    }
    // One layer after the other: what may be gone up to need not be what a higher one refers to.
    else if (info.layerSync && source.temporalIndex === this.temporal + 1) {
      this.temporal++;
    }
  }

  private switchTo(source: ForwardSource, packet: RtpPacket, info: PayloadInfo, now: number): void {
    this.sequence.restart(packet.sequenceNumber);
    this.numbers.restart();
    if (info.tl0PictureIndex >= 0) {
      this.lastTl0 = (this.lastTl0 + 1) & 0xff;
      this.tl0Offset = (this.lastTl0 - info.tl0PictureIndex) & 0xff;
    }
    if (source.descriptorOffset >= 0) this.frames.restart(source.frameNumber);
    this.alignTimestamp(source, packet.timestamp, now);
    if (this.ssrc < 0) this.ssrc = packet.ssrc;
    this.current = source;
    this.setPending(null);
    this.temporal = this.maxTemporal;
    this.spatial = this.maxSpatial;
    this.outOfPlace = 0;
    this.switches++;
    this.updateDeadline();
    this.host.onSwitch?.(source, now);
  }

  /** Chooses `timestampOffset` so that the stream's time goes on as the media's did. */
  private alignTimestamp(source: ForwardSource, timestamp: number, now: number): void {
    const before = this.timeline;
    this.timeline = source;
    if (this.packetsForwarded === 0) {
      this.timestampOffset = (this.lastTimestamp - timestamp) | 0;
      return;
    }
    // After a pause the same stream's time is right as it is.
    if (before === source && ((timestamp + this.timestampOffset - this.lastTimestamp) | 0) > 0) return;
    const rate = source.clockRate;
    const elapsed = Math.max(1, Math.round(((now - this.lastFrameTime) * rate) / 1000));
    const byArrival = (this.lastTimestamp + elapsed) | 0;
    let next = byArrival;
    if (before !== null && before !== source) {
      // The same instant in the timestamps of the stream before.
      const ntp = source.clock.at(timestamp, rate) - before.clock.at(0, rate);
      if (!Number.isNaN(ntp)) {
        const aligned = (Math.round((ntp * rate) / 1000) + this.timestampOffset) | 0;
        if (Math.abs((aligned - byArrival) | 0) <= (MAX_REPORT_ERROR * rate) / 1000) next = aligned;
      }
    }
    // Never backwards, and never the same: that would be the same frame.
    if (((next - this.lastTimestamp) | 0) <= 0) next = (this.lastTimestamp + 1) | 0;
    this.timestampOffset = (next - timestamp) | 0;
  }

  private noteTimestamp(timestamp: number, now: number): void {
    if (((timestamp - this.lastTimestamp) | 0) > 0) {
      this.lastTimestamp = timestamp;
      this.lastFrameTime = now;
    } else if (this.packetsForwarded === 0) this.lastFrameTime = now;
  }

  /** After many packets in a row that have no place the source must have begun anew. */
  private countOutOfPlace(now: number): void {
    if (++this.outOfPlace < RESTART_AFTER || this.current === null) return;
    if (this.pending === null) this.setPending(this.current);
    this.current = null;
    this.timeline = null;
    this.outOfPlace = 0;
    this.requestKeyFrame(now);
  }
}

/** A picture's number: the first packet of it takes one, the others have the same. */
function renumbered(map: NumberMap, input: number): number {
  const output = map.use(input);
  if (output >= 0) return output;
  const found = output === USED_NUMBER ? map.find(input) : NO_NUMBER;
  return found >= 0 ? found : map.last;
}
