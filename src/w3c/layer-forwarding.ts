// Forwards one of the layers of a received track as one stream that never seems to change, over src/rtp/forwarder.ts: the highest
// that arrives, or the one that a program has selected, or what is below that and fits the network to the listener (layer-choice.ts).
// A layer that stops is left for one that goes on, and gone back to when it is there again. It has no timer: while nothing arrives
// there is nothing to decide.
import type { NegotiatedCodec } from "../jsep/codecs.js";
import { Forwarder, type ForwardSource, type RtpPacket } from "../peer/media.js";
import { LayerChoice, type LayerOption } from "./layer-choice.js";
import type { PictureSize } from "./media-feed.js";
import type { LayerListener, ReceivedLayer, ReceivedLayers } from "./received-layers.js";

/** A layer that had stopped is gone back to when it has come for so long. Milliseconds. */
const STEADY_AFTER = 1000;
/** Where sizes are not known, a layer is higher if its bitrate is so many times the other's. */
const HIGHER_RATE = 1.5;
const ALL_LAYERS = 255;
/** Rates are told again if one differs by this share. */
const NEWS = 0.05;
/** For going up, a key frame of a layer is asked for so often at most, by all who forward it: others share the one that comes. */
export const UPSWITCH_REQUEST_INTERVAL = 2000;

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
  /** What could be forwarded, bits per second of payload, rising, and the index of what is; told when it has changed by some percent. */
  onRates?(rates: readonly number[], current: number): void;
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
  /** Bits per second of payload that the network to the listener carries; undefined: as much as there is. */
  private budget: number | undefined;
  private readonly choice = new LayerChoice();
  /** What was told last. */
  private rates: readonly number[] = [];
  private currentRate = -1;
  private spatial = ALL_LAYERS;
  private temporal = ALL_LAYERS;

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

  /** Of the stream that is forwarded; of one with spatial layers within it is not known how large the one is that goes on. */
  get pictureSize(): PictureSize | undefined {
    const source = this.current?.source;
    return source !== undefined && source.width > 0 && source.maxSpatialIndex <= 0 ? source : undefined;
  }

  get switches(): number {
    return this.forwarder.switches;
  }

  select(selection: LayerSelection): void {
    this.selection = selection;
    this.choose(this.layers.source.now());
  }

  requestKeyFrame(): void {
    this.forwarder.requestKeyFrame(this.layers.source.now());
  }

  /** What the network to the listener carries of this, bits per second of payload; undefined: nobody knows. */
  setBudget(bitsPerSecond: number | undefined): void {
    this.budget = bitsPerSecond;
  }

  /** Bits per second of the best that there is to forward; NaN while unknown. */
  get demand(): number {
    const best = this.wanted(this.layers.source.now());
    return best === undefined ? Number.NaN : best.rate(this.selectedSpatial, this.selectedTemporal);
  }

  private get selectedSpatial(): number {
    return this.selection.spatialIndex ?? ALL_LAYERS;
  }

  private get selectedTemporal(): number {
    return this.selection.temporalIndex ?? ALL_LAYERS;
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
    const best = this.wanted(now) ?? (first !== undefined && this.host.takes(first.codec) ? first : undefined);
    if (best === undefined) return;
    const found = this.options(best, now);
    const options = this.budget === undefined ? [] : found;
    this.tell(found, now);
    const option = this.choice.propose(options, this.budget ?? 0, now);
    if (option === undefined) {
      this.apply(best, this.selectedSpatial, this.selectedTemporal, now, now);
      return;
    }
    const layer = option.stream as ReceivedLayer;
    const { current } = this.choice;
    // Who goes up can wait for a key frame, so that listeners who go up by and by do not make the publisher send one after the other.
    const isUp = current !== undefined && option !== current && option.rate > current.rate;
    const askAt = isUp ? Math.max(now, layer.lastRequest + UPSWITCH_REQUEST_INTERVAL) : now;
    if (isUp && layer === current.stream && option.spatial > current.spatial && askAt > now) return;
    this.choice.use(option, options, this.budget!, now);
    this.apply(layer, option.spatial, option.temporal, now, askAt);
  }

  /** Of the ways to forward it those that are not worth less than what takes as much. */
  private tell(options: readonly LayerOption[], now: number): void {
    if (this.host.onRates === undefined || options.length === 0) return;
    const rates: number[] = [];
    for (const { rate } of options) {
      while (rates.length > 0 && rates.at(-1)! >= rate) rates.pop();
      rates.push(rate);
    }
    // One that is tried has to prove first that there is room for it.
    const settled = this.choice.settled(options, now);
    const current = settled === undefined ? -1 : rates.findLastIndex((rate) => rate <= settled.rate);
    const { rates: told } = this;
    const isNews = (rate: number, i: number): boolean => Math.abs(rate - told[i]!) > NEWS * told[i]!;
    if (rates.length === told.length && current === this.currentRate && !rates.some(isNews)) return;
    this.rates = rates;
    this.currentRate = current;
    this.host.onRates(rates, current);
  }

  private apply(layer: ReceivedLayer, spatial: number, temporal: number, now: number, askAt: number): void {
    const { forwarder } = this;
    if (layer !== this.target) {
      this.target = layer;
      forwarder.setTarget(layer.source, now, askAt);
    }
    if (temporal !== this.temporal) forwarder.setMaxTemporalIndex(temporal, now);
    if (spatial !== this.spatial) forwarder.setMaxSpatialIndex(spatial, now);
    this.temporal = temporal;
    this.spatial = spatial;
  }

  /** What could be forwarded, up to `best`, by rising quality; nothing while rates are not known. */
  private options(best: ReceivedLayer, now: number): readonly LayerOption[] {
    const streams = this.layers.layers.filter(
      (layer) => layer === best || (this.isUsable(layer, now) && isHigher(best, layer)),
    );
    streams.sort((a, b) => (isHigher(a, b) ? 1 : isHigher(b, a) ? -1 : 0));
    const out: LayerOption[] = [];
    for (const stream of streams) {
      const { maxSpatialIndex, maxTemporalIndex } = stream.source;
      const top = { spatial: Math.min(this.selectedSpatial, 7), temporal: Math.min(this.selectedTemporal, 7) };
      const spatials = Math.min(top.spatial, Math.max(0, maxSpatialIndex));
      const temporals = Math.min(top.temporal, Math.max(0, maxTemporalIndex));
      for (let s = 0; s <= spatials; s++) {
        // Of all but the smallest picture at least half of the frames: fewer look worse than a smaller picture.
        const least = stream === streams[0] && s === 0 ? 0 : Math.max(0, temporals - 1);
        for (let t = least; t <= temporals; t++) {
          const rate = stream.rate(s, t);
          if (Number.isNaN(rate)) continue;
          // The highest stands for whatever may come above it.
          const spatial = s === spatials ? this.selectedSpatial : s;
          const temporal = t === temporals ? this.selectedTemporal : t;
          out.push({ stream, spatial, temporal, rate });
        }
      }
    }
    // What goes on now is not left while nobody knows whether it is too much.
    const { target } = this;
    const isUnknown = target !== undefined && streams.includes(target) && !out.some(({ stream }) => stream === target);
    return isUnknown ? [] : out;
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
    if (layer === undefined) return;
    layer.lastRequest = this.layers.source.now();
    this.layers.source.requestKeyFrame(layer.origin.ssrc);
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
