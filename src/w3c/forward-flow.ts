// Sends on, still encoded, what an RTCRtpReceiver receives: a received track that was added to a connection (ontrack →
// addTrack). The codec stays what it is, so the packets of one that the other peer does not take are not sent on. One stream
// is passed through as it is, unless it has layers and is more than the network to the other peer carries; of several streams one
// is chosen that is not (layer-forwarding.ts), unless the sender has an encoding for each.
import type { NegotiatedCodec } from "../jsep/codecs.js";
import type { EncodedFrame, RtpPacket } from "../peer/media.js";
import { LayerForwarding } from "./layer-forwarding.js";
import type { FedTrack, MediaFlow, MediaOutlet, MediaReader, PacketOrigin, PictureSize } from "./media-feed.js";
import type { LayerListener, ReceivedLayers } from "./received-layers.js";

/** What a forwarded source has. */
export interface ForwardedSource {
  /** Several streams of the same media were negotiated. */
  readonly isLayered: boolean;
  readonly layers: ReceivedLayers;
  random(length: number): Uint8Array;
  read(reader: MediaReader): () => void;
  requestKeyFrame(ssrc?: number): void;
  /** Of the stream that is meant. */
  pictureSize(isMeant: (stream: Pick<PacketOrigin, "ssrc" | "rid">) => boolean): PictureSize | undefined;
}

/** What passes through is measured over so long; it is too much if it is more than is carried by this factor. */
const MEASURE_INTERVAL = 1000;
const TOLERANCE = 1.1;
/** The rate is told again if it differs by this share; one that is lower is followed by this part of the way. */
const NEWS = 0.05;
const FALL = 0.3;
/** Packets; a power of two. */
const LOOK_EACH = 32;
/** Whether a stream has layers is looked at for so long, and not again before the second has passed. */
const SEARCH_TIME = 1000;
const SEARCH_INTERVAL = 10_000;
/** Not looked up yet; not negotiated. */
const UNKNOWN = -1;
const REFUSED = -2;

export class ForwardFlow implements MediaFlow {
  private readonly source: ForwardedSource;
  private readonly track: FedTrack;
  private readonly outlet: MediaOutlet;
  /** Whole frames are sent on, since that is what the outlet takes. */
  private inFrames = false;
  private stopReading: (() => void) | undefined;
  /** Chooses among several streams. */
  private layering: LayerForwarding | undefined;
  /** The sender's payload type by the receiver's. */
  private readonly payloadTypes = new Int16Array(128).fill(UNKNOWN);
  /** The SSRC that feeds the outlet's only encoding. */
  private ssrc: number | undefined;
  /** What the network to the other peer carries of this, bits per second; undefined: not known. */
  private budget: number | undefined;
  /** By encoding: bytes since they were measured, and the rate that was told. */
  private readonly bytes: number[] = [];
  private readonly rates: number[] = [];
  private packets = 0;
  private measuredFrom = Number.NaN;
  private search: { readonly listener: LayerListener; readonly until: number } | undefined;
  private nextSearch = Number.NEGATIVE_INFINITY;
  /** Packets of a codec that the other peer does not take. */
  refused = 0;

  constructor(source: ForwardedSource, track: FedTrack, outlet: MediaOutlet) {
    this.source = source;
    this.track = track;
    this.outlet = outlet;
    this.begin();
  }

  private begin(): void {
    const { source, outlet } = this;
    this.inFrames = outlet.wantsFrames;
    this.rates.length = 0;
    const rates = this.inFrames ? undefined : [];
    for (let i = 0; i < outlet.encodings.length; i++) outlet.setSourceRates(i, rates, -1);
    this.read();
    if (source.isLayered && this.mayLayer) this.beginLayering();
    else source.requestKeyFrame();
  }

  private get mayLayer(): boolean {
    return !this.inFrames && this.outlet.encodings.length === 1;
  }

  private beginLayering(): void {
    const { source } = this;
    this.layering = new LayerForwarding(source.layers, (length) => source.random(length), {
      takes: (codec) => this.payloadTypeFor(codec) !== REFUSED,
      sendPacket: (packet, codec) => {
        if (this.track.enabled) this.send(0, packet, codec);
      },
      onSwitch: () => {
        if (this.layering?.switches === 1) this.read();
      },
      onRates: (rates, current) => this.outlet.setSourceRates(0, rates, current),
    });
    this.layering.setBudget(this.budget);
  }

  /** What passes through as it is: how much that is, and where it is too much, whether it has layers to leave out. */
  private measure(encoding: number, bytes: number): void {
    this.bytes[encoding] = (this.bytes[encoding] ?? 0) + bytes;
    // A look at the clock costs as much as the rest.
    if ((++this.packets & (LOOK_EACH - 1)) !== 0) return;
    const now = this.source.layers.source.now();
    const elapsed = now - this.measuredFrom;
    if (elapsed < MEASURE_INTERVAL) return;
    // The first packets are key frames.
    if (Number.isNaN(elapsed)) {
      this.bytes.fill(0);
      this.measuredFrom = now;
      return;
    }
    const rate = ((this.bytes[0] ?? 0) * 8000) / elapsed;
    this.tell(elapsed);
    this.bytes.fill(0);
    this.measuredFrom = now;
    const { search, budget } = this;
    if (search !== undefined) {
      if (now >= search.until) this.endSearch();
    } else if (budget !== undefined && rate > budget * TOLERANCE && now >= this.nextSearch && this.mayLayer) {
      this.nextSearch = now + SEARCH_INTERVAL;
      const listener = { onLayer() {}, onLayerGone() {}, look() {} };
      this.search = { listener, until: now + SEARCH_TIME };
      this.source.layers.add(listener, now, false);
    }
  }

  /** It can be nothing else: what the others get is what it leaves. Up at once, down by and by. */
  private tell(elapsed: number): void {
    for (let i = 0; i < this.bytes.length; i++) {
      const rate = ((this.bytes[i] ?? 0) * 8000) / elapsed;
      const told = this.rates[i] ?? 0;
      if (rate < told * (1 + NEWS) && rate > told * (1 - NEWS)) continue;
      this.rates[i] = rate > told ? rate : told + (rate - told) * FALL;
      this.outlet.setSourceRates(i, [this.rates[i]!], 0);
    }
  }

  private endSearch(): void {
    const { search, source } = this;
    if (search === undefined) return;
    this.search = undefined;
    const found = source.layers.layers.some(
      ({ source: stream }) => stream.maxSpatialIndex > 0 || stream.maxTemporalIndex > 0,
    );
    // The one after the other: what was found stays.
    if (found && this.layering === undefined) this.beginLayering();
    source.layers.remove(search.listener);
  }

  private get hasSwitched(): boolean {
    return this.layering !== undefined && this.layering.switches > 0;
  }

  private read(): void {
    this.stopReading?.();
    this.stopReading = this.source.read(this.reader());
  }

  private reader(): MediaReader {
    const onFrame = (frame: EncodedFrame, origin: PacketOrigin): void => this.sendFrame(frame, origin);
    if (this.inFrames) return { onFrame };
    // What was passed through until now has been taken over.
    if (this.hasSwitched) return { onTransformedFrame: onFrame };
    return { onPacket: (packet, origin) => this.sendPacket(packet, origin), onTransformedFrame: onFrame };
  }

  private sendFrame(frame: EncodedFrame, origin: PacketOrigin): void {
    if (!this.track.enabled) return;
    const encoding = this.encodingOf(origin);
    if (encoding < 0) return;
    const payloadType = this.payloadTypeOf(frame.payloadType, origin.codec(frame.payloadType));
    if (payloadType === REFUSED) {
      this.refused++;
      return;
    }
    const { data, timestamp, keyFrame, mimeType, csrcs, audioLevel, voiceActivity, temporalIndex, spatialIndex } =
      frame;
    const { width, height, dependencyDescriptor } = frame;
    const layers = { temporalIndex, spatialIndex, width, height, dependencyDescriptor };
    const head = { data, timestamp, keyFrame, mimeType, payloadType, csrcs, audioLevel, voiceActivity };
    this.outlet.sendFrame(encoding, { ...head, ...layers });
  }

  private sendPacket(packet: RtpPacket, origin: PacketOrigin): void {
    if (!this.track.enabled || this.hasSwitched) return;
    const encoding = this.encodingOf(origin);
    if (this.layering === undefined && encoding >= 0) this.measure(encoding, packet.payloadLength);
    if (encoding >= 0) this.send(encoding, packet, origin.codec(packet.payloadType));
    else if (this.layering === undefined && this.mayLayer) this.beginLayering();
  }

  private send(encoding: number, packet: RtpPacket, codec: NegotiatedCodec | undefined): void {
    const payloadType = this.payloadTypeOf(packet.payloadType, codec);
    if (payloadType === REFUSED) this.refused++;
    else this.outlet.sendPacket(encoding, packet, payloadType);
  }

  private payloadTypeOf(received: number, codec: NegotiatedCodec | undefined): number {
    let payloadType = this.payloadTypes[received]!;
    if (payloadType === UNKNOWN) {
      payloadType = this.payloadTypeFor(codec);
      this.payloadTypes[received] = payloadType;
    }
    return payloadType;
  }

  private encodingOf({ ssrc, rid }: PacketOrigin): number {
    const { encodings } = this.outlet;
    if (encodings.length > 1) return encodings.findIndex((encoding) => encoding.rid === rid);
    this.ssrc ??= ssrc;
    return ssrc === this.ssrc ? 0 : -1;
  }

  private payloadTypeFor(codec: NegotiatedCodec | undefined): number {
    if (codec === undefined) return REFUSED;
    return this.outlet.codecs.find(({ identity }) => identity === codec.identity)?.payloadType ?? REFUSED;
  }

  update(): void {
    this.payloadTypes.fill(UNKNOWN);
    // A peer that does not take the simulcast leaves one encoding of it.
    const layers = this.layering !== undefined && this.outlet.encodings.length > 1;
    if (!layers && this.inFrames === this.outlet.wantsFrames) return;
    this.layering?.stop();
    this.layering = undefined;
    this.begin();
  }

  requestKeyFrame(): void {
    if (this.hasSwitched) this.layering?.requestKeyFrame();
    else this.source.requestKeyFrame(this.ssrc);
  }

  setBitrate(_encoding: number, bitsPerSecond: number): void {
    // Nothing is what an encoding gets that is not active.
    this.budget = bitsPerSecond > 0 ? bitsPerSecond : undefined;
    this.layering?.setBudget(this.budget);
  }

  pictureSize(encoding: number): PictureSize | undefined {
    const { source, outlet, layering } = this;
    if (this.hasSwitched) return layering?.pictureSize;
    const rid = outlet.encodings.length > 1 ? outlet.encodings[encoding]?.rid : undefined;
    return source.pictureSize((stream) => (rid === undefined ? stream.ssrc === this.ssrc : stream.rid === rid));
  }

  stop(): void {
    if (this.search !== undefined) this.source.layers.remove(this.search.listener);
    this.search = undefined;
    this.stopReading?.();
    this.layering?.stop();
  }
}
