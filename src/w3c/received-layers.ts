// The streams that one RTCRtpReceiver receives, as those see them who forward one of them: simulcast layers, or a stream with
// layers in it. There is one of this per receiver, so that a packet's payload is looked at once, however many forward it. Which
// stream goes on is layer-forwarding.ts.
import type { NegotiatedCodec } from "../jsep/codecs.js";
import { ForwardSource, type RtpPacket } from "../peer/media.js";
import type { MediaReader, PacketOrigin } from "./media-feed.js";

/** Streams that are kept in mind; the peer may begin new ones as it likes. */
export const MAX_LAYERS = 16;
/** Without a packet for so long a stream has stopped. Milliseconds, as the next. */
export const STOPPED_AFTER = 500;
/** How often those who forward look at what there is. */
const LOOK_INTERVAL = 100;
/** What a bitrate is the mean of. */
const RATE_INTERVAL = 500;
/** How fast the rates by which layers are chosen follow that. */
const SMOOTHING = 0.3;
/** Spatial and temporal layers of a stream that are told apart (RFC 9628 §4.2: three bits each). */
const LAYERS = 8;

/** One stream. */
export class ReceivedLayer {
  readonly origin: PacketOrigin;
  readonly codec: NegotiatedCodec;
  readonly source: ForwardSource;
  /** Bits per second of the last whole interval, without headers; 0 before. */
  bitrate = 0;
  /** Since when packets come, without a stop. */
  since: number;
  /** It has stopped at least once. */
  hasStopped = false;
  /** When a key frame of it was asked for last, by whoever forwards it. */
  lastRequest: number = Number.NEGATIVE_INFINITY;
  /** By spatial and temporal layer: bytes of this interval, and bits per second of the last ones. Undefined before the first ends. */
  private readonly layerBytes = new Float64Array(LAYERS * LAYERS);
  private layerRates: Float64Array | undefined;
  private bytes = 0;
  private rateFrom: number;

  constructor(origin: PacketOrigin, codec: NegotiatedCodec, now: number) {
    this.origin = origin;
    this.codec = codec;
    this.since = now;
    this.rateFrom = now;
    const { rid, clock } = origin;
    const { mimeType, clockRate, sdpFmtpLine } = codec;
    const options = { mimeType, parameters: sdpFmtpLine ?? "", clockRate, rid };
    this.source = new ForwardSource(clock === undefined ? options : { ...options, clock });
  }

  isArriving(now: number): boolean {
    return now - this.source.lastArrival < STOPPED_AFTER;
  }

  receive(packet: RtpPacket, now: number): void {
    const { lastArrival } = this.source;
    if (now - lastArrival >= STOPPED_AFTER && lastArrival !== Number.NEGATIVE_INFINITY) {
      this.since = now;
      this.hasStopped = true;
      this.layerRates = undefined;
    }
    this.bytes += packet.payloadLength;
    const { source } = this;
    source.receive(packet, now);
    const { spatialIndex, temporalIndex } = source;
    this.layerBytes[(Math.max(0, spatialIndex) & 7) * LAYERS + (Math.max(0, temporalIndex) & 7)]! +=
      packet.payloadLength;
  }

  /** Bits per second of payload of what goes on up to these layers, over the last seconds; NaN before it is known. */
  rate(spatial: number, temporal: number): number {
    const { layerRates } = this;
    if (layerRates === undefined) return Number.NaN;
    let sum = 0;
    for (let s = 0; s <= Math.min(spatial, LAYERS - 1); s++) {
      for (let t = 0; t <= Math.min(temporal, LAYERS - 1); t++) sum += layerRates[s * LAYERS + t]!;
    }
    return sum;
  }

  measure(now: number): void {
    const elapsed = now - this.rateFrom;
    if (elapsed < RATE_INTERVAL) return;
    this.bitrate = Math.round((this.bytes * 8000) / elapsed);
    this.bytes = 0;
    this.rateFrom = now;
    const { layerBytes } = this;
    const before = this.layerRates;
    this.layerRates = before ?? new Float64Array(layerBytes.length);
    for (let i = 0; i < layerBytes.length; i++) {
      const rate = (layerBytes[i]! * 8000) / elapsed;
      this.layerRates[i]! += (rate - this.layerRates[i]!) * (before === undefined ? 1 : SMOOTHING);
    }
    layerBytes.fill(0);
  }
}

/** Who forwards one of the layers. */
export interface LayerListener {
  onLayer(layer: ReceivedLayer, now: number): void;
  onLayerGone(layer: ReceivedLayer, now: number): void;
  /** From time to time while packets come. */
  look(now: number): void;
}

/** What layers are received from. */
export interface LayeredSource {
  read(reader: MediaReader): () => void;
  requestKeyFrame(ssrc?: number): void;
  now(): number;
}

export class ReceivedLayers implements MediaReader {
  readonly source: LayeredSource;
  /** In the order in which they came first. */
  layers: readonly ReceivedLayer[] = [];
  private readonly bySsrc = new Map<number, ReceivedLayer>();
  private listeners: readonly LayerListener[] = [];
  private stopReading: (() => void) | undefined;
  private nextLook = 0;

  constructor(source: LayeredSource) {
    this.source = source;
  }

  /** The listener hears at once of what there is. Packets are read while anybody listens. `asks`: for key frames of all at first. */
  add(listener: LayerListener, now: number, asks = true): void {
    this.listeners = [...this.listeners, listener];
    for (const layer of this.layers) listener.onLayer(layer, now);
    if (this.stopReading !== undefined) return;
    this.stopReading = this.source.read(this);
    // They tell how large the pictures of each are.
    if (asks) this.source.requestKeyFrame();
  }

  remove(listener: LayerListener): void {
    this.listeners = this.listeners.filter((other) => other !== listener);
    if (this.listeners.length > 0) return;
    this.stopReading?.();
    this.stopReading = undefined;
    this.layers = [];
    this.bySsrc.clear();
  }

  onPacket(packet: RtpPacket, origin: PacketOrigin): void {
    const now = this.source.now();
    const layer = this.layerOf(packet, origin, now);
    if (layer === undefined) return;
    layer.receive(packet, now);
    if (now < this.nextLook) return;
    this.nextLook = now + LOOK_INTERVAL;
    for (const one of this.layers) one.measure(now);
    for (const listener of this.listeners) listener.look(now);
  }

  private layerOf(packet: RtpPacket, origin: PacketOrigin, now: number): ReceivedLayer | undefined {
    const known = this.bySsrc.get(origin.ssrc);
    if (known !== undefined && known.origin === origin && known.codec.payloadType === packet.payloadType) return known;
    const codec = origin.codec(packet.payloadType);
    if (codec === undefined) return undefined;
    // Comfort noise and telephone events are of the stream that they interrupt.
    if (codec.role !== "media") return known;
    if (known !== undefined) {
      if (known.origin === origin && known.codec.identity === codec.identity) return known;
      this.drop(known, now);
    } else if (this.layers.length >= MAX_LAYERS) {
      this.drop(
        this.layers.reduce((a, b) => (b.source.lastArrival < a.source.lastArrival ? b : a)),
        now,
      );
    }
    const layer = new ReceivedLayer(origin, codec, now);
    this.bySsrc.set(origin.ssrc, layer);
    this.layers = [...this.layers, layer];
    for (const listener of this.listeners) listener.onLayer(layer, now);
    return layer;
  }

  private drop(layer: ReceivedLayer, now: number): void {
    this.layers = this.layers.filter((other) => other !== layer);
    this.bySsrc.delete(layer.origin.ssrc);
    for (const listener of this.listeners) listener.onLayerGone(layer, now);
  }
}
