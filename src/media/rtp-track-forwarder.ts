// What a media server chooses layers with: a track that carries one of the simulcast or SVC layers of a received track. Encoded, as
// everything that is forwarded; one of these per listener, or per group of listeners that get the same.
import type { RtpPacket } from "../peer/media.js";
import { microtask } from "../util/microtask.js";
import { LayerForwarding, type LayerSelection } from "../w3c/layer-forwarding.js";
import type { FedTrack, MediaFlow, MediaOutlet, PictureSize } from "../w3c/media-feed.js";
import { type MediaStreamTrack, TrackImpl, type TrackSource, trackImplOf } from "../w3c/media-stream-track.js";
import type { ReceivedLayer } from "../w3c/received-layers.js";

export type { LayerSelection };

/** One received stream, as it is now. */
export interface RtpLayer {
  readonly rid: string | null;
  readonly ssrc: number;
  readonly mimeType: string;
  /** Packets have come lately. */
  readonly active: boolean;
  /** Pixels of the last key frame; 0 where the codec's packets do not tell. */
  readonly width: number;
  readonly height: number;
  /** Bits per second of payload, over half a second. */
  readonly bitrate: number;
  /** Layers seen within the stream; 1 where the codec's packets do not tell. */
  readonly spatialLayers: number;
  readonly temporalLayers: number;
}

export interface RtpTrackForwarderInit {
  readonly track: MediaStreamTrack;
  /** Goes below what is selected where the network to a listener does not carry that, of several listeners the slowest. True unless given. */
  readonly adapt?: boolean | undefined;
  /**
   * Asks the publisher for no more than goes to the listeners (see `limitReceivedBitrate`), of several forwarders with this that with the
   * least. For tracks of one encoding, which there is no layer to choose of. False unless given.
   */
  readonly limitSource?: boolean | undefined;
}

/** The publisher is asked for another rate if it differs by this share, and not more often than this in milliseconds. */
const LIMIT_CHANGE = 0.05;
const LIMIT_INTERVAL = 500;

export class RtpTrackForwarder {
  /** To be added to connections. Ends with the received track, or on `close()`. */
  readonly track: MediaStreamTrack;
  /** From here on this layer is forwarded. Called in a microtask. */
  onlayerchange: ((layer: RtpLayer) => void) | null = null;
  private readonly source: LayeredTrackSource;

  /** Throws NotSupportedError unless the track is the one of an RTCRtpReceiver, or a clone of that. */
  constructor(init: RtpTrackForwarderInit) {
    const received = trackImplOf(init.track);
    if (received.source.layers === undefined) {
      throw new DOMException("RtpTrackForwarder: the track's media is not received.", "NotSupportedError");
    }
    this.source = new LayeredTrackSource(received, init, (layer) =>
      this.onlayerchange?.(describe(layer, this.source.now())),
    );
    this.track = this.source.track.wrapper;
  }

  /** The streams that are received, in the order in which they came first. Empty after `close()`. */
  get layers(): readonly RtpLayer[] {
    const now = this.source.now();
    return this.source.received.map((layer) => describe(layer, now));
  }

  /** What is forwarded at present: what was selected before, until there is a key frame of what is selected now. */
  get current(): RtpLayer | null {
    const layer = this.source.forwarding?.current;
    return layer === undefined ? null : describe(layer, this.source.now());
  }

  /**
   * Forwards this layer from its next key frame on, which is asked for, and of layers within a stream those up to the given ones.
   * While it does not arrive, or does not fit the network to the listener, the next below it is forwarded. What is left out is the
   * highest that arrives; so `select({})` is the beginning. Throws a TypeError for an index that is not a whole number from 0 to 7.
   */
  select(selection: LayerSelection): void {
    for (const name of ["spatialIndex", "temporalIndex"] as const) {
      const index = selection[name];
      if (index !== undefined && !(Number.isInteger(index) && index >= 0 && index <= 7)) {
        throw new TypeError(`RtpTrackForwarder: ${name} ${index} is not a whole number from 0 to 7.`);
      }
    }
    this.source.forwarding?.select({ ...selection });
  }

  /** Asks whoever makes the media for a key frame of what is forwarded. */
  requestKeyFrame(): void {
    this.source.forwarding?.requestKeyFrame();
  }

  /** Forwards nothing any more: its track ends. */
  close(): void {
    this.track.stop();
  }
}

type NegotiatedCodec = MediaOutlet["codecs"][number];

class LayeredTrackSource implements TrackSource {
  readonly mayHaveLayers = true;
  readonly track: TrackImpl;
  forwarding: LayerForwarding | undefined;
  private readonly origin: TrackImpl;
  private readonly adapts: boolean;
  private readonly limits: boolean;
  /** What the publisher was asked for last, bits per second; 0: nothing. */
  private limit = 0;
  private limitTime = Number.NEGATIVE_INFINITY;
  private readonly flows = new Set<LayeredFlow>();
  /** What could be forwarded, bits per second of payload, rising, and which of it is. */
  private rates: readonly number[] = [];
  private currentRate = -1;
  private readonly tracks = new Set<TrackImpl>();

  constructor(
    received: TrackImpl,
    { adapt, limitSource }: RtpTrackForwarderInit,
    onSwitch: (layer: ReceivedLayer) => void,
  ) {
    const { platform, kind, label } = received;
    this.origin = received;
    this.adapts = adapt ?? true;
    this.limits = limitSource ?? false;
    this.forwarding = new LayerForwarding(received.source.layers!, (length) => platform.crypto.random(length), {
      takes: (codec) => this.takes(codec),
      sendPacket: (packet, codec) => {
        if (received.enabled) for (const flow of this.flows) flow.send(packet, codec);
      },
      onSwitch: (layer) => microtask(() => onSwitch(layer)),
      onRates: (rates, current) => {
        this.rates = rates;
        this.currentRate = current;
        for (const flow of this.flows) this.tellRates(flow);
      },
    });
    this.track = new TrackImpl({ platform, kind, label, source: this });
    if (received.state === "ended") this.track.stop();
    else received.onEnd(this.end);
  }

  now(): number {
    return this.origin.platform.now();
  }

  get received(): readonly ReceivedLayer[] {
    return this.forwarding?.layers.layers ?? [];
  }

  /** Without an outlet any codec will do. */
  private takes(codec: NegotiatedCodec): boolean {
    if (this.flows.size === 0) return true;
    for (const flow of this.flows) if (flow.payloadType(codec) >= 0) return true;
    return false;
  }

  connect(track: FedTrack, outlet: MediaOutlet): MediaFlow {
    const flow = new LayeredFlow(this, track, outlet);
    this.flows.add(flow);
    this.tellRates(flow);
    this.requestKeyFrame();
    return flow;
  }

  /** A publisher that follows the listeners can send what they get. */
  private tellRates(flow: LayeredFlow): void {
    const { rates } = this;
    if (this.limits) return;
    if (this.adapts) flow.outlet.setSourceRates(0, rates, this.currentRate);
    else flow.outlet.setSourceRates(0, rates.slice(-1), 0);
  }

  disconnect(flow: LayeredFlow): void {
    this.flows.delete(flow);
    this.followBitrates();
  }

  /** What the networks to the listeners carry has changed. */
  followBitrates(): void {
    // Closed: what a listener is told on its way out is no news.
    if (this.forwarding === undefined) return;
    let least = Number.POSITIVE_INFINITY;
    for (const { bitrate } of this.flows) if (bitrate > 0) least = Math.min(least, bitrate);
    const isKnown = Number.isFinite(least);
    if (this.adapts) this.forwarding.setBudget(isKnown ? least : undefined);
    if (this.limits) this.limitSource(isKnown ? Math.round(least) : 0);
  }

  private limitSource(bitrate: number): void {
    const now = this.now();
    const { limit, origin } = this;
    const isNews = bitrate === 0 ? limit > 0 : Math.abs(bitrate - limit) > LIMIT_CHANGE * limit;
    // Down at once.
    if (!isNews || (bitrate > limit && limit > 0 && now - this.limitTime < LIMIT_INTERVAL)) return;
    this.limit = bitrate;
    this.limitTime = now;
    origin.source.limitBitrate?.(this, bitrate === 0 ? null : bitrate);
  }
  requestKeyFrame(): void {
    this.forwarding?.requestKeyFrame();
  }

  attach(track: TrackImpl): void {
    this.tracks.add(track);
  }
  detach(track: TrackImpl): void {
    this.tracks.delete(track);
    if (this.tracks.size > 0) return;
    this.origin.offEnd(this.end);
    if (this.limits) this.limitSource(0);
    this.forwarding?.stop();
    this.forwarding = undefined;
  }
  capabilities(): Record<string, never> {
    return {};
  }
  candidates(_constraints: unknown, current: object): readonly { settings: object }[] {
    return [{ settings: current }];
  }

  /** The received track has ended. */
  private readonly end = (): void => {
    this.origin.platform.queueTask(() => {
      for (const track of this.tracks) track.end();
    }, true);
  };
}

class LayeredFlow implements MediaFlow {
  private readonly source: LayeredTrackSource;
  private readonly track: FedTrack;
  readonly outlet: MediaOutlet;
  /** What the network to the listener carries, bits per second; 0: not known. */
  bitrate = 0;
  private readonly payloadTypes = new Map<string, number>();

  constructor(source: LayeredTrackSource, track: FedTrack, outlet: MediaOutlet) {
    this.source = source;
    this.track = track;
    this.outlet = outlet;
  }

  /** -1: the peer does not take it. */
  payloadType({ identity }: NegotiatedCodec): number {
    let payloadType = this.payloadTypes.get(identity);
    if (payloadType === undefined) {
      payloadType = this.outlet.codecs.find((codec) => codec.identity === identity)?.payloadType ?? -1;
      this.payloadTypes.set(identity, payloadType);
    }
    return payloadType;
  }

  send(packet: RtpPacket, codec: NegotiatedCodec): void {
    const payloadType = this.payloadType(codec);
    if (payloadType >= 0 && this.track.enabled) this.outlet.sendPacket(0, packet, payloadType);
  }

  update(): void {
    this.payloadTypes.clear();
  }
  requestKeyFrame(): void {
    this.source.requestKeyFrame();
  }
  setBitrate(_encoding: number, bitsPerSecond: number): void {
    this.bitrate = bitsPerSecond;
    this.source.followBitrates();
  }
  pictureSize(): PictureSize | undefined {
    return this.source.forwarding?.pictureSize;
  }
  stop(): void {
    this.source.disconnect(this);
  }
}

function describe(layer: ReceivedLayer, now: number): RtpLayer {
  const { origin, codec, source, bitrate } = layer;
  return {
    rid: origin.rid,
    ssrc: origin.ssrc,
    mimeType: codec.mimeType,
    active: layer.isArriving(now),
    width: source.width,
    height: source.height,
    bitrate,
    spatialLayers: Math.max(0, source.maxSpatialIndex) + 1,
    temporalLayers: Math.max(0, source.maxTemporalIndex) + 1,
  };
}
