// The media of one RTCRtpSender: from the source of its track to an RtpSender of the transport that was negotiated.
import type { MediaKind } from "../jsep/codec-capabilities.js";
import type { NegotiatedCodec } from "../jsep/codecs.js";
import { sends } from "../jsep/direction.js";
import type { NegotiatedMedia } from "../jsep/negotiated-media.js";
import type { EncodedFrameInit, RtpEncoding, RtpPacket, RtpSender } from "../peer/media.js";
import type { OutboundRtpCounters, SenderStatistics } from "../peer/media-stats.js";
import type { MediaTransportOptions } from "../peer/media-transport.js";
import type { PeerTransport } from "../peer/peer-transport.js";
import { type EncoderCounters, RtpSenderStatistics } from "../peer/rtp-statistics.js";
import { accessors } from "../util/accessors.js";
import { microtask } from "../util/microtask.js";
import { codecsMatch, isAuxiliary } from "./codec-dictionary.js";
import { EncodingCounters } from "./encoding-counters.js";
import { type FrameUnit, type SlotTarget, TransformSlot } from "./frame-transform.js";
import { sentFrame, sentUnit } from "./frame-units.js";
import type { EncoderReport, MediaFlow, MediaOutlet, OutletEncoding } from "./media-feed.js";
import type { TrackImpl } from "./media-stream-track.js";
import { QualityLimitation } from "./quality-limitation.js";
import { rtpCodecs, sentExtensions } from "./rtp-options.js";
import { PRIORITY_WEIGHTS, type RTCRtpEncodingParameters } from "./rtp-parameters.js";

/** What the flow asks of its RTCRtpSender. */
export interface SenderState {
  readonly kind: MediaKind;
  readonly track: TrackImpl | null;
  readonly encodings: readonly RTCRtpEncodingParameters[];
  ssrcs(rid: string): Pick<RtpEncoding, "ssrc" | "rtxSsrc" | "fecSsrc">;
  /** What getStats asks. */
  statistics: SenderStatistics | undefined;
}

const makeTarget = accessors<SlotTarget, "kind" | "rids">(["kind", "rids"]);

export class SenderFlow implements MediaOutlet {
  private readonly sender: SenderState;
  private transport: PeerTransport | undefined;
  private isReady = false;
  /** By encoding. */
  private readonly counters: EncodingCounters[] = [];
  /** Of those that may be limited. */
  private readonly limitations: (QualityLimitation | undefined)[] = [];
  /** When there was first something to send with, monotonic milliseconds. */
  private startedAt = 0;
  private rtpSender: RtpSender | undefined;
  private media: NegotiatedMedia | null = null;
  private mid: string | null = null;
  private session: MediaTransportOptions | undefined;
  private flow: MediaFlow | undefined;
  private flowTrack: TrackImpl | null = null;
  /** Of what was sent last. */
  private lastTrackId: string | undefined;
  codecs: readonly NegotiatedCodec[] = [];
  encodings: readonly OutletEncoding[] = [];
  readonly transform: TransformSlot;
  /** Frames that went to the transform, by encoding. */
  private readonly frameIds: number[] = [];
  /** Packets that came while there was a transform, which takes frames. */
  packetsRefused = 0;

  constructor(sender: SenderState) {
    this.sender = sender;
    // The sender is not complete yet.
    const target = makeTarget(
      { kind: () => sender.kind, rids: () => this.rids },
      {
        isSender: true,
        requestKeyFrame: (encoding) => this.flow?.requestKeyFrame(encoding),
        sendKeyFrameRequest: () => {},
      },
    );
    this.transform = new TransformSlot(
      target,
      (unit) => this.transformed(unit),
      () => this.flow?.update(),
    );
  }

  get kind(): MediaKind {
    return this.sender.kind;
  }

  get rtp(): RtpSender | undefined {
    return this.rtpSender;
  }

  /** Of the encodings, as they were negotiated: the one that is left without simulcast has none, whatever the program called it. */
  private get rids(): readonly (string | null)[] {
    const { media, sender } = this;
    const isUnicast = media !== null && sends(media.direction) && media.sendRids.length === 0;
    return sender.encodings.map(({ rid }) => (isUnicast ? null : (rid ?? null)));
  }

  /** Follows what was negotiated; `transport` undefined, or no `media`, ends it. */
  negotiated(
    transport: PeerTransport | undefined,
    mid: string | null,
    media: NegotiatedMedia | null,
    session: MediaTransportOptions,
  ): void {
    if (transport !== this.transport) this.release();
    this.media = media;
    if (transport === undefined || media === null || mid === null) {
      this.release();
      return;
    }
    this.transport = transport;
    const { maxBitrate } = media;
    const options = {
      kind: this.kind,
      mid,
      codecs: rtpCodecs(media.sendCodecs),
      extensions: sentExtensions(media),
      extmapAllowMixed: media.extmapAllowMixed,
      encodings: this.rtpEncodings(maxBitrate),
      active: sends(media.direction),
    };
    if (this.rtpSender !== undefined) this.rtpSender.update(options);
    else if (options.active) {
      const host = {
        onKeyFrameRequest: (encoding: number) => this.later(() => this.keyFrameRequested(encoding)),
        onBitrateChange: (encoding: number, bps: number) => this.later(() => this.flow?.setBitrate(encoding, bps)),
      };
      this.rtpSender = transport.addRtpSender(options, host, session);
      this.startedAt = transport.mediaNow();
      // A source that began earlier would spend its first key frame on nobody.
      this.isReady = transport.whenMediaReady(() => {
        if (this.transport !== transport) return;
        this.isReady = true;
        this.trackChanged();
      });
      const encoder: EncoderCounters = ({ index }) => this.encoderCounters(index);
      this.sender.statistics = new RtpSenderStatistics(this.rtpSender, encoder);
    }
    this.mid = mid;
    this.session = session;
    this.parametersChanged();
  }

  /** The source may do anything when it is told something, the round has to be over. */
  private later(run: () => void): void {
    microtask(run);
  }

  private rtpEncodings(sectionLimit: number | null): readonly RtpEncoding[] {
    return this.sender.encodings.map(({ rid, active, maxBitrate, priority }) => ({
      rid: rid ?? null,
      ...this.sender.ssrcs(rid ?? ""),
      active: active ?? true,
      maxBitrate: least(maxBitrate ?? null, sectionLimit),
      priority: PRIORITY_WEIGHTS[priority ?? "low"],
    }));
  }

  /** setParameters has changed the encodings. */
  encodingsChanged(): void {
    if (this.session !== undefined) this.negotiated(this.transport, this.mid, this.media, this.session);
  }

  private parametersChanged(): void {
    const chosen = this.sender.encodings[0]?.codec;
    const media = this.media?.sendCodecs ?? [];
    const preferred = chosen && media.find((codec) => !isAuxiliary(codec) && codecsMatch(codec, chosen));
    this.codecs = preferred === undefined ? media : [preferred, ...media.filter((codec) => codec !== preferred)];
    this.encodings = this.sender.encodings.map((encoding) => ({
      rid: encoding.rid ?? null,
      active: encoding.active ?? true,
      maxBitrate: encoding.maxBitrate ?? null,
      maxFramerate: encoding.maxFramerate ?? null,
      scaleResolutionDownBy: encoding.scaleResolutionDownBy ?? 1,
      scalabilityMode: encoding.scalabilityMode ?? null,
    }));
    this.trackChanged();
  }

  private keyFrameRequested(encoding: number): void {
    if (!this.transform.onKeyFrameRequest(encoding)) this.flow?.requestKeyFrame(encoding);
  }

  /** The program wants a key frame (setParameters). */
  requestKeyFrame(encoding: number): void {
    this.flow?.requestKeyFrame(encoding);
  }

  /** The sender has another track, or the state of the track has changed. */
  trackChanged(): void {
    const { track } = this.sender;
    const isSending =
      track !== null &&
      track.state === "live" &&
      this.isReady &&
      this.rtpSender !== undefined &&
      sends(this.media?.direction ?? "inactive");
    if (this.flow !== undefined && (!isSending || track !== this.flowTrack)) {
      this.flow.stop();
      this.flow = undefined;
      this.flowTrack = null;
      for (let i = 0; i < this.encodings.length; i++) this.setSourceRates(i, undefined, -1);
      // What it still had to send goes with it: replaceTrack(null) and the end of a track mean from now on.
      this.rtpSender?.discard();
    }
    if (!isSending) return;
    if (this.flow !== undefined) this.flow.update();
    else {
      this.flowTrack = track;
      if (this.lastTrackId !== undefined) this.rtpSender!.sourceChanged(track.id !== this.lastTrackId);
      this.lastTrackId = track.id;
      this.flow = track.source.connect?.(track, this);
    }
  }

  get wantsFrames(): boolean {
    return this.transform.active;
  }

  /** What getStats says of the frames besides what the RTP machine counts. */
  private encoderCounters(encoding: number): Partial<OutboundRtpCounters> | undefined {
    if (this.transport === undefined) return undefined;
    const now = this.transport.mediaNow();
    const limitation = (this.limitations[encoding] ?? new QualityLimitation(this.startedAt)).at(now);
    const size = this.flow?.pictureSize?.(encoding);
    const forwarded = size && { frameWidth: size.width, frameHeight: size.height };
    return { ...limitation, ...forwarded, ...this.counters[encoding]?.at(now) };
  }

  private countersOf(encoding: number): EncodingCounters {
    this.counters[encoding] ??= new EncodingCounters();
    return this.counters[encoding];
  }

  sendFrame(encoding: number, frame: EncodedFrameInit, report?: EncoderReport): void {
    if (this.rtpSender === undefined) return;
    if (this.kind === "video") {
      this.countersOf(encoding).add(frame, report, this.transport!.mediaNow());
    }
    if (!this.transform.active) {
      this.transmit(encoding, frame);
      return;
    }
    const parameters = this.sender.encodings[encoding];
    if (parameters === undefined) return;
    const { ssrc } = this.sender.ssrcs(parameters.rid ?? "");
    const mimeType = frame.mimeType.toLowerCase();
    const codec = this.codecs.find((candidate) => candidate.mimeType.toLowerCase() === mimeType);
    const frameId = this.frameIds[encoding] ?? 0;
    this.frameIds[encoding] = frameId + 1;
    const payloadType = frame.payloadType ?? codec?.payloadType;
    this.transform.push(sentUnit(this.kind, frame, { encoding, ssrc, payloadType, frameId }));
  }

  private transformed(unit: FrameUnit): void {
    const sent = sentFrame(unit);
    if (sent !== undefined) this.transmit(sent.encoding, sent.frame);
  }

  // Outside of rounds nothing holds exceptions: a bug that is met here must not reach whoever sends on what a peer sent, or
  // the thread of a transform. It ends this connection.

  private transmit(encoding: number, frame: EncodedFrameInit): void {
    const { transport, rtpSender } = this;
    if (rtpSender === undefined) return;
    try {
      rtpSender.sendFrame(encoding, frame, transport!.mediaNow());
    } catch (error) {
      transport!.fail(error);
    }
    transport!.mediaQueued();
  }

  sendPacket(encoding: number, packet: RtpPacket, payloadType: number): void {
    const { transport, rtpSender } = this;
    if (rtpSender === undefined) return;
    if (this.transform.active) {
      this.packetsRefused++;
      return;
    }
    const now = transport!.mediaNow();
    if (packet.marker && this.kind === "video") {
      this.countersOf(encoding).addForwarded(now);
      this.limitations[encoding]?.see(this.flow?.pictureSize?.(encoding), now);
    }
    try {
      rtpSender.sendPacket(encoding, packet, payloadType, now);
    } catch (error) {
      transport!.fail(error);
    }
    transport!.mediaQueued();
  }

  setSourceRates(encoding: number, rates: readonly number[] | undefined, current: number): void {
    if (this.transport === undefined) return;
    const now = this.transport.mediaNow();
    const isLimited = rates !== undefined && current >= 0 && current < rates.length - 1;
    // Whoever has several to choose from may be limited later.
    if (rates !== undefined && rates.length > 1) this.limitations[encoding] ??= new QualityLimitation(this.startedAt);
    this.limitations[encoding]?.set(isLimited, now);
    this.rtpSender?.setSourceRates(encoding, rates, current, now);
  }

  sendTelephoneEvent(event: number, durationMs: number): void {
    const { transport, rtpSender } = this;
    if (rtpSender === undefined) return;
    try {
      rtpSender.sendTelephoneEvent(event, durationMs, transport!.mediaNow());
    } catch (error) {
      transport!.fail(error);
    }
    transport!.mediaQueued();
  }

  /** Nothing is sent from now on, and the peer hears that the streams have ended. */
  stop(): void {
    this.media = null;
    this.release();
  }

  private release(): void {
    const { rtpSender, transport } = this;
    this.forget();
    if (rtpSender !== undefined) transport!.removeRtp((now) => rtpSender.close(now));
  }

  close(): void {
    this.transform.close();
    this.forget();
  }

  private forget(): void {
    this.flow?.stop();
    this.flow = undefined;
    this.flowTrack = null;
    this.rtpSender = undefined;
    this.transport = undefined;
    this.limitations.length = 0;
  }
}

function least(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
