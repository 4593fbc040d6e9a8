// Forwards one of the layers of a received track as one stream that never seems to change, over src/rtp/forwarder.ts: the highest
// that arrives, or the one that a program has selected. A layer that stops is left for one that goes on, and gone back to when
// it is there again. It has no timer: while nothing arrives there is nothing to decide.
import type { NegotiatedCodec } from "../jsep/codecs.js";
import { Forwarder, type ForwardSource, type RtpPacket } from "../peer/media.js";
import type { LayerListener, ReceivedLayer, ReceivedLayers } from "./received-layers.js";

/** A layer that had stopped is gone back to when it has come for so long. Milliseconds. */
const STEADY_AFTER = 1000;
/** Where sizes are not known, a layer is higher if its bitrate is so many times the other's. */
const HIGHER_RATE = 1.5;
const ALL_LAYERS = 255;

/** Which layers go on; without a member, the highest. */
export interface LayerSelection {
  /** The simulcast stream. */
  readonly rid?: string | undefined;
  /** The simulcast stream, where the peer names SSRCs. */
  readonly ssrc?: number | undefined;
  /** The highest spatial layer within the stream (VP9, AV1), from 0. */
  readonly spatialIndex?: number | undefined;
  /** The highest temporal layer within the stream, from 0. */
  readonly temporalIndex?: number | undefined;
}

export interface LayerForwardingHost {
  /** `codec` is the receiver's. Packet and bytes are valid only during the call. */
  sendPacket(packet: RtpPacket, codec: NegotiatedCodec): void;
  /** Whether there is anybody who takes it. */
  takes(codec: NegotiatedCodec): boolean;
  onSwitch?(layer: ReceivedLayer): void;
}

export class LayerForwarding implements LayerListener {
  readonly layers: ReceivedLayers;
  private readonly host: LayerForwardingHost;
  private readonly forwarder: Forwarder;
  /** Of the stream that goes out: not that of any layer, whose numbers may go out beside it. */
  private readonly ssrc: number;
  /** What is forwarded, or will be from its next key frame on. */
  private target: ReceivedLayer | undefined;
  private currentLayer: ReceivedLayer | undefined;
  private selection: LayerSelection = {};

  /** `random`: for the first numbers of the stream. */
  constructor(layers: ReceivedLayers, random: (length: number) => Uint8Array, host: LayerForwardingHost) {
    this.layers = layers;
    this.host = host;
    const bytes = random(16);
    const word = (at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
    this.ssrc = ((word(0) << 16) | word(2)) >>> 0;
    this.forwarder = new Forwarder(
      {
        sequenceNumber: word(4),
        timestamp: ((word(6) << 16) | word(8)) >>> 0,
        pictureId: word(10) & 0x7fff,
        tl0PictureIndex: bytes[12]!,
      },
      {
        sendPacket: (packet) => this.send(packet),
        requestKeyFrame: (source) => this.request(source),
        onSwitch: (source) => {
          this.currentLayer = this.layerOf(source);
          if (this.currentLayer !== undefined) host.onSwitch?.(this.currentLayer);
        },
      },
    );
    layers.add(this, layers.source.now());
    this.look(layers.source.now());
  }

  /** What is forwarded now. */
  get current(): ReceivedLayer | undefined {
    return this.forwarder.current === null ? undefined : this.currentLayer;
  }

  get switches(): number {
    return this.forwarder.switches;
  }

  select(selection: LayerSelection): void {
    const { forwarder } = this;
    const now = this.layers.source.now();
    this.selection = selection;
    this.choose(now);
    forwarder.setMaxTemporalIndex(selection.temporalIndex ?? ALL_LAYERS, now);
    forwarder.setMaxSpatialIndex(selection.spatialIndex ?? ALL_LAYERS, now);
  }

  requestKeyFrame(): void {
    this.forwarder.requestKeyFrame(this.layers.source.now());
  }

  stop(): void {
    for (const { source } of this.layers.layers) this.forwarder.detach(source);
    this.layers.remove(this);
  }

  onLayer(layer: ReceivedLayer, now: number): void {
    this.forwarder.attach(layer.source);
    // The very first goes out at once. Others come with the next look: those of a simulcast begin together.
    if (this.target === undefined) this.choose(now, layer);
  }

  onLayerGone(layer: ReceivedLayer, now: number): void {
    this.forwarder.detach(layer.source);
    if (this.target !== layer) return;
    this.target = undefined;
    this.choose(now);
  }

  look(now: number): void {
    this.choose(now);
    if (now >= this.forwarder.deadline) this.forwarder.handleTimeout(now);
  }

  /** `first`: one that is about to send its first packet. */
  private choose(now: number, first?: ReceivedLayer): void {
    const layer = this.wanted(now) ?? (first !== undefined && this.host.takes(first.codec) ? first : undefined);
    if (layer === undefined || layer === this.target) return;
    this.target = layer;
    this.forwarder.setTarget(layer.source, now);
  }

  private wanted(now: number): ReceivedLayer | undefined {
    const { layers } = this.layers;
    const selected = layers.find((layer) => this.isSelected(layer));
    let best: ReceivedLayer | undefined;
    for (const layer of layers) {
      if (!this.isUsable(layer, now)) continue;
      if (layer === selected) return layer;
      if (best === undefined) best = layer;
      // In place of what was selected, the next below it, if there is one.
      else if (this.isAbove(best, selected)) {
        if (isHigher(best, layer)) best = layer;
      } else if (isHigher(layer, best) && !this.isAbove(layer, selected)) best = layer;
    }
    return best;
  }

  private isSelected({ origin }: ReceivedLayer): boolean {
    const { rid, ssrc } = this.selection;
    if (rid === undefined && ssrc === undefined) return false;
    return (rid === undefined || origin.rid === rid) && (ssrc === undefined || origin.ssrc === ssrc);
  }

  private isAbove(layer: ReceivedLayer, selected: ReceivedLayer | undefined): boolean {
    return selected !== undefined && isHigher(layer, selected);
  }

  private isUsable(layer: ReceivedLayer, now: number): boolean {
    if (!layer.isArriving(now) || !this.host.takes(layer.codec)) return false;
    return layer === this.target || !layer.hasStopped || now - layer.since >= STEADY_AFTER;
  }

  private send(packet: RtpPacket): void {
    const { currentLayer } = this;
    if (currentLayer === undefined) return;
    const codec =
      packet.payloadType === currentLayer.codec.payloadType
        ? currentLayer.codec
        : currentLayer.origin.codec(packet.payloadType);
    if (codec === undefined) return;
    packet.ssrc = this.ssrc;
    this.host.sendPacket(packet, codec);
  }

  private request(source: ForwardSource): void {
    const layer = this.layerOf(source);
    if (layer !== undefined) this.layers.source.requestKeyFrame(layer.origin.ssrc);
  }

  private layerOf(source: ForwardSource): ReceivedLayer | undefined {
    return this.layers.layers.find((layer) => layer.source === source);
  }
}

/** By the pictures' size; where that is the same or not known, by bitrate. */
function isHigher(a: ReceivedLayer, b: ReceivedLayer): boolean {
  const [pixelsOfA, pixelsOfB] = [a.source.width * a.source.height, b.source.width * b.source.height];
  if (pixelsOfA > 0 && pixelsOfB > 0 && pixelsOfA !== pixelsOfB) return pixelsOfA > pixelsOfB;
  return a.bitrate > b.bitrate * HIGHER_RATE;
}
