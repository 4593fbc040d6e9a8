// RTCRtpReceiver (webrtc-pc §5.3): its track, and what was negotiated for it. Receiving is the media layer's.
import type { MediaKind } from "../jsep/codec-capabilities.js";
import { receives } from "../jsep/direction.js";
import type { NegotiatedMedia } from "../jsep/negotiated-media.js";
import type { MediaSourceCounters, ReceiverStatistics } from "../peer/media-stats.js";
import { codecParameters } from "./codec-dictionary.js";
import { domString, double, nullable, unionOfInterfaces } from "./conversions.js";
import { insertableStreams, type RTCInsertableStreams } from "./encoded-streams.js";
import { type ForwardedSource, ForwardFlow } from "./forward-flow.js";
import type {
  Candidate,
  MediaTrackCapabilities,
  MediaTrackConstraints,
  MediaTrackSettings,
} from "./media-constraints.js";
import type { FedTrack, MediaFlow, MediaOutlet, MediaReader, PacketOrigin, PictureSize } from "./media-feed.js";
import type { MediaHost } from "./media-host.js";
import type { StreamImpl } from "./media-stream.js";
import { type MediaStreamTrack, TrackImpl, type TrackSource } from "./media-stream-track.js";
import { ReceivedLayers } from "./received-layers.js";
import { ReceiverFlow } from "./receiver-flow.js";
import type { DtlsTransportImpl, RTCDtlsTransport } from "./rtc-dtls-transport.js";
import type { RTCRtpScriptTransform } from "./rtc-rtp-script-transform.js";
import type { RTCRtpSFrameDecryptor } from "./rtc-rtp-sframe.js";
import type { RTCStatsReport } from "./rtc-stats-report.js";
import { type RTCRtpCapabilities, type RTCRtpReceiveParameters, rtpCapabilities } from "./rtp-parameters.js";
import type { RTCRtpContributingSource, RTCRtpSynchronizationSource } from "./rtp-sources.js";
import { construct, defineInterface, executing, setting, takeImpl } from "./webidl.js";

export type { RTCRtpContributingSource, RTCRtpSynchronizationSource };

/** webrtc-encoded-transform §2. */
export type RTCRtpReceiverTransform = RTCRtpSFrameDecryptor | RTCRtpScriptTransform;

export interface ReceiverOwner {
  readonly kind: MediaKind;
  readonly host: MediaHost;
  readonly media: NegotiatedMedia | null;
}

/** Milliseconds; webrtc-extensions, "jitterBufferTarget". */
const MAX_JITTER_BUFFER_TARGET = 4000;

export class ReceiverImpl implements TrackSource, ForwardedSource {
  readonly wrapper: RTCRtpReceiver;
  readonly owner: ReceiverOwner;
  readonly track: TrackImpl;
  transport: DtlsTransportImpl | null = null;
  /** [[AssociatedRemoteMediaStreams]]. */
  streams: readonly StreamImpl[] = [];
  jitterBufferTarget: number | null = null;
  /** What the media layer counts, once it receives. */
  statistics: ReceiverStatistics | undefined;
  readonly flow: ReceiverFlow;
  readonly layers: ReceivedLayers = new ReceivedLayers(this);
  /** The track and its clones, while they are live. */
  readonly tracks: Set<TrackImpl> = new Set();

  constructor(owner: ReceiverOwner) {
    this.owner = owner;
    const { kind, host } = owner;
    const { platform } = host;
    // Muted until media arrives.
    this.track = new TrackImpl({ platform, kind, label: `remote ${kind}`, source: this, muted: true });
    const { queueTask } = host;
    this.flow = new ReceiverFlow({
      kind,
      platform,
      onMedia: () => queueTask(() => this.setMuted(false)),
      onStatistics: (statistics) => {
        this.statistics = statistics;
      },
      onBye: () => queueTask(() => this.setMuted(true)),
      // As an exception in an event listener is reported: it is the program's.
      report: (error) =>
        platform.queueTask(() => {
          throw error;
        }),
    });
    this.wrapper = construct(RTCRtpReceiver, this);
  }

  connect(track: FedTrack, outlet: MediaOutlet): MediaFlow {
    return new ForwardFlow(this, track, outlet);
  }
  read(reader: MediaReader): () => void {
    return this.flow.read(reader);
  }
  requestKeyFrame(ssrc?: number): void {
    this.flow.requestKeyFrame(ssrc);
  }
  pictureSize(isMeant: (stream: Pick<PacketOrigin, "ssrc" | "rid">) => boolean): PictureSize | undefined {
    return this.flow.pictureSize(isMeant);
  }
  counters(): MediaSourceCounters {
    return this.flow.sourceCounters() ?? { kind: this.owner.kind };
  }
  limitBitrate(holder: object, bitsPerSecond: number | null): void {
    this.flow.limitBitrate(holder, bitsPerSecond);
  }
  now(): number {
    return this.owner.host.platform.now();
  }
  random(length: number): Uint8Array {
    return this.owner.host.platform.crypto.random(length);
  }
  get isLayered(): boolean {
    return this.flow.isLayered;
  }

  attach(track: TrackImpl): void {
    this.tracks.add(track);
  }
  detach(track: TrackImpl): void {
    this.tracks.delete(track);
  }
  capabilities(): MediaTrackCapabilities {
    return {};
  }
  candidates(_constraints: MediaTrackConstraints, current: MediaTrackSettings): readonly Candidate[] {
    return [{ settings: current }];
  }

  /** To be called in a task: media arrives, or does not any more. */
  setMuted(muted: boolean): void {
    for (const track of this.tracks) track.setMuted(muted);
  }

  /** There will be no more media: the tracks end. */
  end(): void {
    for (const track of [...this.tracks]) track.end();
  }

  /** As `end`, without events: the connection was closed. */
  endSilently(): void {
    for (const track of [...this.tracks]) track.stop();
  }

  getParameters(): RTCRtpReceiveParameters {
    const { media } = this.owner;
    return {
      headerExtensions: (media?.headerExtensions ?? [])
        .filter(({ direction }) => receives(direction))
        .map(({ uri, id }) => ({ uri, id, encrypted: false })),
      rtcp: { reducedSize: media?.rtcpReducedSize ?? false },
      codecs: codecParameters(media?.receiveCodecs ?? []),
    };
  }
}

const targetType = nullable(double);
const SET_TARGET = setting("jitterBufferTarget", "RTCRtpReceiver");

const transformType = nullable(
  unionOfInterfaces<RTCRtpReceiverTransform>("RTCRtpSFrameDecryptor", "RTCRtpScriptTransform"),
);
export let receiverImplOf: (receiver: RTCRtpReceiver) => ReceiverImpl;

export class RTCRtpReceiver {
  readonly #impl: ReceiverImpl = takeImpl();

  get track(): MediaStreamTrack {
    return this.#impl.track.wrapper;
  }
  get transport(): RTCDtlsTransport | null {
    return this.#impl.transport?.wrapper ?? null;
  }

  get jitterBufferTarget(): number | null {
    return this.#impl.jitterBufferTarget;
  }
  set jitterBufferTarget(value: number | null) {
    const target = targetType(value, SET_TARGET);
    if (target !== null && (target < 0 || target > MAX_JITTER_BUFFER_TARGET)) {
      throw new RangeError(`${SET_TARGET}The value is outside the range of 0 to ${MAX_JITTER_BUFFER_TARGET}.`);
    }
    this.#impl.jitterBufferTarget = target;
    this.#impl.flow.jitterBufferTarget = target;
  }

  get transform(): RTCRtpReceiverTransform | null {
    return this.#impl.flow.transform.attribute as RTCRtpReceiverTransform | null;
  }
  set transform(value: RTCRtpReceiverTransform | null) {
    const where = setting("transform", "RTCRtpReceiver");
    this.#impl.flow.transform.set(transformType(value, where), where);
  }

  /** Chromium's way to transform encoded frames, in the program's own thread: they go on once they are written. */
  createEncodedStreams(): RTCInsertableStreams {
    const { streams, attach } = insertableStreams();
    this.#impl.flow.transform.setStreams(attach, executing("createEncodedStreams", "RTCRtpReceiver"));
    return streams;
  }

  static getCapabilities(kind: string): RTCRtpCapabilities | null {
    return rtpCapabilities(domString(kind, executing("getCapabilities", "RTCRtpReceiver")), "receive");
  }

  getParameters(): RTCRtpReceiveParameters {
    return this.#impl.getParameters();
  }
  getStats(): Promise<RTCStatsReport> {
    return this.#impl.owner.host.getStats(this.#impl);
  }
  getContributingSources(): RTCRtpContributingSource[] {
    return this.#impl.flow.contributingSources();
  }
  getSynchronizationSources(): RTCRtpSynchronizationSource[] {
    return this.#impl.flow.synchronizationSources();
  }

  static {
    receiverImplOf = (receiver) => receiver.#impl;
    defineInterface(RTCRtpReceiver, { name: "RTCRtpReceiver", brand: (o) => #impl in o, promises: ["getStats"] });
  }
}
