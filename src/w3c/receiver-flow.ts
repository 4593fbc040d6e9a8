// The media of one RTCRtpReceiver: from an RtpReceiver of the transport that was negotiated to whoever reads its track, or
// sends it on.
import type { MediaKind } from "../jsep/codec-capabilities.js";
import type { NegotiatedCodec } from "../jsep/codecs.js";
import { receives } from "../jsep/direction.js";
import type { NegotiatedMedia } from "../jsep/negotiated-media.js";
import type { RemoteMedia } from "../jsep/remote-media.js";
import type {
  EncodedFrame,
  ReportedClock,
  RtpPacket,
  RtpReceiver,
  RtpReceiverHost,
  RtpReceiveStream,
} from "../peer/media.js";
import type { InboundRtpCounters, MediaSourceCounters, ReceiverStatistics } from "../peer/media-stats.js";
import type { MediaTransportOptions } from "../peer/media-transport.js";
import type { PeerTransport } from "../peer/peer-transport.js";
import type { Platform } from "../peer/platform.js";
import { RtpReceiverStatistics, receivedSource } from "../peer/rtp-statistics.js";
import { DecodingCounters } from "./decoding-counters.js";
import { type FrameUnit, TransformSlot } from "./frame-transform.js";
import { receivedFrame, receivedUnit } from "./frame-units.js";
import { type DecoderReport, MediaHub, type MediaReader, type PacketOrigin, type PictureSize } from "./media-feed.js";
import { announcedSsrcs, receivedExtensions, rtpCodecs } from "./rtp-options.js";
import {
  contributingSources,
  type RTCRtpContributingSource,
  type RTCRtpSynchronizationSource,
  synchronizationSources,
} from "./rtp-sources.js";

export interface ReceiverState {
  readonly kind: MediaKind;
  readonly platform: Platform;
  /** Called in the middle of a round. */
  onMedia(): void;
  /** The peer said that a stream has ended (RFC 3550 §6.6). Called in the middle of a round. */
  onBye(): void;
  report(error: unknown): void;
  /** What getStats asks. */
  onStatistics(statistics: ReceiverStatistics): void;
}

class Origin implements PacketOrigin {
  readonly ssrc: number;
  readonly rid: string | null;
  readonly clock: ReportedClock;
  private readonly flow: ReceiverFlow;
  private readonly stream: RtpReceiveStream;
  constructor(flow: ReceiverFlow, stream: RtpReceiveStream) {
    this.flow = flow;
    this.stream = stream;
    this.clock = stream.clock;
    this.ssrc = stream.ssrc;
    this.rid = stream.rid;
  }
  codec(payloadType: number): NegotiatedCodec | undefined {
    return this.flow.codec(payloadType);
  }
  onDecoded(frame: EncodedFrame, report: DecoderReport): void {
    this.flow.onDecoded(this.stream, frame, report);
  }
}

export class ReceiverFlow implements RtpReceiverHost {
  private readonly receiver: ReceiverState;
  private readonly hub: MediaHub;
  private transport: PeerTransport | undefined;
  private rtpReceiver: RtpReceiver | undefined;
  private readonly byPayloadType: (NegotiatedCodec | undefined)[] = [];
  private origins = new WeakMap<RtpReceiveStream, Origin>();
  private readonly decoding = new WeakMap<RtpReceiveStream, DecodingCounters>();
  private isReceiving = false;
  /** The tracks are muted: the next packet is news. */
  private isWaiting = true;
  private target: number | null = null;
  /** Who wants at most how much, bits per second. */
  private readonly limits = new Map<object, number>();
  readonly transform: TransformSlot;

  constructor(receiver: ReceiverState) {
    this.receiver = receiver;
    this.transform = new TransformSlot(
      {
        kind: receiver.kind,
        isSender: false,
        rids: [],
        requestKeyFrame: () => {},
        sendKeyFrameRequest: () => this.requestKeyFrame(),
      },
      (unit) => this.transformed(unit),
      () => this.followReaders(),
    );
    const { release } = receiver.platform;
    this.hub = new MediaHub((error) => receiver.report(error), release && ((packets) => release(packets)));
  }

  get rtp(): RtpReceiver | undefined {
    return this.rtpReceiver;
  }

  codec(payloadType: number): NegotiatedCodec | undefined {
    return this.byPayloadType[payloadType];
  }

  /**
   * Follows what was negotiated; `transport` undefined, or no `media`, ends it. `isEarly`: the answer is to come, and nobody has
   * been told of the track: what comes is only counted, and read by who has the receiver.
   */
  negotiated(
    transport: PeerTransport | undefined,
    mid: string | null,
    media: NegotiatedMedia | null,
    remote: RemoteMedia | null,
    session: MediaTransportOptions,
    isEarly: boolean = false,
  ): void {
    if (transport !== this.transport) this.stop();
    if (transport === undefined || media === null || mid === null) {
      this.stop();
      return;
    }
    this.transport = transport;
    this.byPayloadType.length = 0;
    for (const codec of media.receiveCodecs) this.byPayloadType[codec.payloadType] = codec;
    const active = receives(media.direction);
    this.isReceiving = active && !isEarly;
    if (!this.isReceiving) this.isWaiting = true;
    const options = {
      kind: this.receiver.kind,
      mid,
      codecs: rtpCodecs(media.receiveCodecs),
      extensions: receivedExtensions(media),
      ssrcs: remote === null ? [] : announcedSsrcs(remote),
      rids: media.receiveRids.map(({ rid }) => rid),
      active,
    };
    if (this.rtpReceiver !== undefined) this.rtpReceiver.update(options);
    else if (active) {
      this.rtpReceiver = transport.addRtpReceiver(options, this, session);
      const statistics = new RtpReceiverStatistics(this.rtpReceiver);
      statistics.decoder = this;
      this.receiver.onStatistics(statistics);
      this.rtpReceiver.jitterBufferTarget = this.target;
      if (this.limits.size > 0) this.followLimits();
      this.followReaders();
    }
  }

  /** What readers that decode have told of a stream. */
  decoderCounters(stream: RtpReceiveStream): Partial<InboundRtpCounters> | undefined {
    return this.decoding.get(stream)?.at(this.receiver.platform.now());
  }

  /** Several streams of the same media were negotiated. */
  get isLayered(): boolean {
    const options = this.rtpReceiver?.options;
    return options !== undefined && (options.rids.length > 1 || options.ssrcs.length > 1);
  }

  set jitterBufferTarget(target: number | null) {
    this.target = target;
    if (this.rtpReceiver !== undefined) this.rtpReceiver.jitterBufferTarget = target;
  }

  /** Of several the lowest counts; null takes one back. */
  limitBitrate(holder: object, bitsPerSecond: number | null): void {
    if (bitsPerSecond === null) this.limits.delete(holder);
    else this.limits.set(holder, bitsPerSecond);
    this.followLimits();
  }

  private followLimits(): void {
    const { rtpReceiver, transport } = this;
    if (rtpReceiver === undefined) return;
    const least = this.limits.size === 0 ? null : Math.min(...this.limits.values());
    rtpReceiver.limitBitrate(least, transport!.mediaNow());
    transport!.mediaQueued();
  }

  onPacket(packet: RtpPacket, stream: RtpReceiveStream): void {
    if (this.isWaiting && this.isReceiving) {
      this.isWaiting = false;
      this.receiver.onMedia();
    }
    // The packets of frames that are yet to be transformed mean nothing to anybody.
    if (!this.hub.isRead || this.transform.active) return;
    // The jitter buffer will keep it, if there is one.
    this.hub.push(packet, this.originOf(stream), packet.kept || stream.receiver.wantFrames);
  }

  onFrame(frame: EncodedFrame, stream: RtpReceiveStream): void {
    const { kind, platform } = this.receiver;
    if (!this.transform.active) this.hub.pushFrame(frame, this.originOf(stream));
    else this.transform.push(receivedUnit(kind, frame, stream, platform.timeOrigin));
  }

  private transformed(unit: FrameUnit): void {
    const received = receivedFrame(unit);
    const stream = this.rtpReceiver?.streams.find(({ ssrc }) => ssrc === received?.ssrc);
    if (received !== undefined && stream !== undefined) {
      this.hub.pushFrame(received.frame, this.originOf(stream), true);
    }
  }

  onBye(): void {
    this.isWaiting = true;
    this.receiver.onBye();
  }

  private originOf(stream: RtpReceiveStream): Origin {
    let origin = this.origins.get(stream);
    if (origin === undefined) {
      origin = new Origin(this, stream);
      this.origins.set(stream, origin);
    }
    return origin;
  }

  read(reader: MediaReader): () => void {
    const remove = this.hub.add(reader);
    this.followReaders();
    return () => {
      remove();
      this.followReaders();
    };
  }

  onDecoded(stream: RtpReceiveStream, frame: EncodedFrame, report: DecoderReport): void {
    let counters = this.decoding.get(stream);
    if (counters === undefined) {
      counters = new DecodingCounters();
      this.decoding.set(stream, counters);
    }
    counters.add(frame, report, this.receiver.platform.now());
  }

  private followReaders(): void {
    if (this.rtpReceiver !== undefined) this.rtpReceiver.wantFrames = this.transform.active || this.hub.wantsFrames;
  }

  contributingSources(): RTCRtpContributingSource[] {
    return this.rtpReceiver === undefined ? [] : contributingSources(this.rtpReceiver, this.receiver.platform);
  }

  synchronizationSources(): RTCRtpSynchronizationSource[] {
    return this.rtpReceiver === undefined ? [] : synchronizationSources(this.rtpReceiver, this.receiver.platform);
  }

  /** The size of the pictures of a stream, if it is known. */
  pictureSize(isMeant: (stream: RtpReceiveStream) => boolean): PictureSize | undefined {
    const stream = this.rtpReceiver?.streams.find(isMeant);
    if (stream === undefined || stream.frameWidth === 0) return undefined;
    return { width: stream.frameWidth, height: stream.frameHeight };
  }

  /** What the received track has brought, for who sends it on; undefined before anything has come. */
  sourceCounters(): MediaSourceCounters | undefined {
    return this.rtpReceiver && receivedSource(this.rtpReceiver, this.receiver.platform.now());
  }

  /** A key frame of every stream, or of the one with this SSRC. */
  requestKeyFrame(ssrc?: number): void {
    const { rtpReceiver, transport } = this;
    if (rtpReceiver === undefined) return;
    for (const stream of rtpReceiver.streams) {
      if (ssrc === undefined || stream.ssrc === ssrc) rtpReceiver.requestKeyFrame(stream, transport!.mediaNow());
    }
    transport!.mediaQueued();
  }

  /** Nothing is received from now on. */
  stop(): void {
    const { rtpReceiver, transport } = this;
    if (rtpReceiver !== undefined) transport!.removeRtp((now) => rtpReceiver.close(now));
    this.forget();
  }

  close(): void {
    this.transform.close();
    this.forget();
  }

  private forget(): void {
    this.rtpReceiver = undefined;
    this.transport = undefined;
    this.origins = new WeakMap();
    this.isReceiving = false;
    this.isWaiting = true;
  }
}
