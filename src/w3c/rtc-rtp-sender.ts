// RTCRtpSender (webrtc-pc §5.2): its track, its parameters and their transactions. Sending is the media layer's.

import type { SenderChange } from "../jsep/changed-local.js";
import { type MediaKind, type RtpCodec, rtpCodecCapabilities } from "../jsep/codec-capabilities.js";
import { sends } from "../jsep/direction.js";
import { DEPENDENCY_DESCRIPTOR_EXTENSION, LAYER_EXTENSIONS } from "../jsep/header-extensions.js";
import type { NegotiatedMedia } from "../jsep/negotiated-media.js";
import type { SenderDescription } from "../jsep/transceivers.js";
import type { SenderStatistics } from "../peer/media-stats.js";
import { codecParameters, codecsMatch, isAuxiliary } from "./codec-dictionary.js";
import { domString, interfaceArgument, nullable, unionOfInterfaces } from "./conversions.js";
import { insertableStreams, type RTCInsertableStreams } from "./encoded-streams.js";
import { domException } from "./errors.js";
import type { Widened } from "./event-handlers.js";
import { copyPlain } from "./media-constraints.js";
import type { MediaHost } from "./media-host.js";
import { type MediaStream, streamImplOf } from "./media-stream.js";
import { type MediaStreamTrack, randomUuid, type TrackImpl, trackImplOf } from "./media-stream-track.js";
import type { DtlsTransportImpl, RTCDtlsTransport } from "./rtc-dtls-transport.js";
import { DtmfSenderImpl, type RTCDTMFSender } from "./rtc-dtmf-sender.js";
import type { RTCRtpScriptTransform } from "./rtc-rtp-script-transform.js";
import type { RTCRtpSFrameEncryptor } from "./rtc-rtp-sframe.js";
import type { RTCStatsReport } from "./rtc-stats-report.js";
import {
  checkEncodings,
  type RTCDegradationPreference,
  type RTCRtpCapabilities,
  type RTCRtpEncodingParameters,
  type RTCRtpSendParameters,
  type RTCSetParameterOptions,
  resolutionsAreValid,
  rtpCapabilities,
  rtpSendParameters,
  setParameterOptions,
} from "./rtp-parameters.js";
import { SenderFlow } from "./sender-flow.js";
import { construct, defineInterface, executing, setting, takeImpl } from "./webidl.js";

/** webrtc-encoded-transform §2. */
export type RTCRtpSenderTransform = RTCRtpSFrameEncryptor | RTCRtpScriptTransform;

/** What a sender asks of its transceiver. */
export interface SenderOwner {
  readonly kind: MediaKind;
  readonly host: MediaHost;
  readonly stopping: boolean;
  readonly stopped: boolean;
  readonly media: NegotiatedMedia | null;
  readonly codecPreferences: readonly RtpCodec[] | null;
}

interface Stream {
  readonly ssrc: number;
  readonly rtxSsrc: number | null;
  readonly fecSsrc: number | null;
}

/** By event code (RFC 4733 §3.2). */
const DTMF_TONES = "0123456789*#ABCD";

const SET_PARAMETERS = executing("setParameters", "RTCRtpSender");

export class SenderImpl {
  readonly wrapper: RTCRtpSender;
  readonly owner: SenderOwner;
  readonly cname: string;
  track: TrackImpl | null;
  streamIds: readonly string[] = [];
  encodings: RTCRtpEncodingParameters[];
  /** [[LastStableRidlessSendEncodings]]. */
  lastStableRidlessEncodings: RTCRtpEncodingParameters[] | null = null;
  /** A promise of setParameters is not settled: descriptions wait (webrtc-pc §4.4.1.5). */
  isSettingParameters = false;
  transport: DtlsTransportImpl | null = null;
  degradationPreference: RTCDegradationPreference | undefined;
  readonly dtmf: DtmfSenderImpl | null;
  /** What the media layer counts, once it sends. */
  statistics: SenderStatistics | undefined;
  readonly flow: SenderFlow = new SenderFlow(this);
  /** [[LastReturnedParameters]], for the rest of the task. */
  private lastReturned: RTCRtpSendParameters | null = null;
  /** SSRCs by rid: an encoding keeps them. */
  private readonly streams = new Map<string, Stream>();
  /** What a=msid calls the track, whichever it is: an m-section names one over its life (RFC 8829 §5.2.1). */
  readonly describedTrackId: string;

  constructor(
    owner: SenderOwner,
    track: TrackImpl | null,
    encodings: RTCRtpEncodingParameters[],
    cname: string,
    describedTrackId: string,
  ) {
    this.owner = owner;
    this.track = track;
    this.encodings = encodings;
    this.cname = cname;
    this.describedTrackId = describedTrackId;
    const { host } = owner;
    this.dtmf =
      owner.kind !== "audio"
        ? null
        : new DtmfSenderImpl({
            platform: host.platform,
            queueTask: (run) => host.queueTask(run),
            canInsertDtmf: () => this.canInsertDtmf(),
            playTone: (tone, duration) => this.flow.sendTelephoneEvent(DTMF_TONES.indexOf(tone), duration),
          });
    this.wrapper = construct(RTCRtpSender, this);
  }

  describe(): SenderDescription {
    return {
      streamIds: this.streamIds,
      trackId: this.describedTrackId,
      cname: this.cname,
      encodings: this.encodings.map(({ rid }) => ({ rid: rid ?? null, ...this.ssrcs(rid ?? "") })),
      layerExtensions: this.layerExtensions,
    };
  }

  /**
   * The header extensions that are negotiated besides the default (as Chromium's: where several encodings or a scalabilityMode are
   * asked for). Of a stream that is forwarded, only the sender knows what it is made of: the descriptor tells whoever decodes it.
   */
  get layerExtensions(): readonly string[] {
    const { encodings, track } = this;
    if (this.kind !== "video") return [];
    const mode = encodings[0]?.scalabilityMode;
    if (encodings.length > 1 || (mode !== undefined && mode !== "L1T1")) return LAYER_EXTENSIONS;
    const { source } = track ?? {};
    return source?.layers !== undefined || source?.mayHaveLayers === true ? [DEPENDENCY_DESCRIPTOR_EXTENSION] : [];
  }

  get kind(): MediaKind {
    return this.owner.kind;
  }

  /** Another track, or none. */
  setTrack(track: TrackImpl | null): void {
    if (track === this.track) return;
    this.track?.offEnd(this.onTrackEnded);
    this.track = track;
    track?.onEnd(this.onTrackEnded);
    this.flow.trackChanged();
  }

  private readonly onTrackEnded = (): void => this.flow.trackChanged();

  /** The SSRCs of an encoding, which keeps them. */
  ssrcs(rid: string): Stream {
    let stream = this.streams.get(rid);
    if (stream === undefined) {
      const rtxSsrc = this.owner.kind === "video" ? this.randomSsrc() : null;
      stream = { ssrc: this.randomSsrc(), rtxSsrc, fecSsrc: rtxSsrc === null ? null : this.randomSsrc() };
      this.streams.set(rid, stream);
    }
    return stream;
  }

  /** What the program has written into our own description counts, as in Chromium. */
  follow({ streamIds, ssrcs }: Omit<SenderChange, "transceiver">): void {
    if (streamIds !== null) this.streamIds = streamIds;
    if (ssrcs !== null) this.streams.set("", { ...this.ssrcs(""), ...ssrcs });
  }

  private randomSsrc(): number {
    const b = this.owner.host.platform.crypto.random(4);
    return ((b[0]! << 24) | (b[1]! << 16) | (b[2]! << 8) | b[3]!) >>> 0 || 1;
  }

  setStreams(streams: readonly MediaStream[]): void {
    this.streamIds = [...new Set(streams.map((stream) => streamImplOf(stream).id))];
    this.owner.host.changed();
  }

  canInsertDtmf(): boolean {
    const { host, stopping, media } = this.owner;
    if (host.isClosed || !host.isConnected || stopping || media === null || !sends(media.direction)) return false;
    if (this.encodings[0]?.active === false) return false;
    return media.sendCodecs.some(({ mimeType }) => mimeType.toLowerCase() === "audio/telephone-event");
  }

  // -- Parameters (§5.2, getParameters and setParameters)

  getParameters(): RTCRtpSendParameters {
    if (this.lastReturned === null) {
      const { media, host } = this.owner;
      const parameters: RTCRtpSendParameters = {
        transactionId: randomUuid(host.platform),
        encodings: copyPlain(this.encodings),
        headerExtensions: (media?.headerExtensions ?? [])
          .filter(({ direction }) => sends(direction))
          .map(({ uri, id }) => ({ uri, id, encrypted: false })),
        rtcp: { cname: this.cname, reducedSize: media?.rtcpReducedSize ?? true },
        codecs: codecParameters(media?.sendCodecs ?? []),
      };
      if (this.degradationPreference !== undefined) parameters.degradationPreference = this.degradationPreference;
      this.lastReturned = parameters;
      // Before all that the program waits for from now on.
      host.platform.queueTask(() => {
        if (this.lastReturned === parameters) this.lastReturned = null;
      }, true);
    }
    return copyPlain(this.lastReturned);
  }

  /** The codecs that an encoding can ask for: those negotiated, or before that those that will be offered. */
  private choosableCodecs(): readonly RtpCodec[] {
    const { media, kind, codecPreferences } = this.owner;
    if (media !== null) return media.sendCodecs;
    return codecPreferences ?? rtpCodecCapabilities(kind, "send");
  }

  async setParameters(parameters: RTCRtpSendParameters, options: Required<RTCSetParameterOptions>): Promise<void> {
    const { kind, host } = this.owner;
    if (this.owner.stopping) throw domException("InvalidStateError", `${SET_PARAMETERS}The transceiver is stopped.`);
    const last = this.lastReturned;
    if (last === null) {
      throw domException("InvalidStateError", `${SET_PARAMETERS}getParameters() has not been called in this task.`);
    }
    this.checkUnmodified(parameters, last);
    const { encodings } = parameters;
    const codecs = this.choosableCodecs();
    for (const { codec } of encodings) {
      if (codec !== undefined && !codecs.some((own) => !isAuxiliary(own) && codecsMatch(own, codec, true))) {
        throw domException("InvalidModificationError", `${SET_PARAMETERS}The codec is not one that was negotiated.`);
      }
    }
    checkEncodings(kind, encodings, codecs, SET_PARAMETERS);
    if (kind === "video") for (const encoding of encodings) encoding.scaleResolutionDownBy ??= 1;
    if (!resolutionsAreValid(encodings)) {
      throw domException(
        "InvalidModificationError",
        `${SET_PARAMETERS}scaleResolutionDownTo is not valid for every active encoding.`,
      );
    }
    const encodingOptions = kind === "audio" ? [] : options.encodingOptions;
    if (encodingOptions.length > 0 && encodingOptions.length !== encodings.length) {
      throw domException(
        "InvalidModificationError",
        `${SET_PARAMETERS}There are ${encodingOptions.length} encodingOptions for ${encodings.length} encodings.`,
      );
    }
    this.isSettingParameters = true;
    await new Promise<void>((resolve) => {
      host.queueTask(() => {
        this.isSettingParameters = false;
        this.lastReturned = null;
        this.encodings = copyPlain(encodings);
        this.degradationPreference = parameters.degradationPreference;
        this.flow.encodingsChanged();
        encodingOptions.forEach(({ keyFrame }, index) => {
          if (keyFrame === true) this.flow.requestKeyFrame(index);
        });
        host.changed();
        resolve();
      });
    });
  }

  /** Throws InvalidModificationError where a read-only part differs from what getParameters returned. */
  private checkUnmodified(parameters: RTCRtpSendParameters, last: RTCRtpSendParameters): void {
    const readOnly = ({ transactionId, headerExtensions, rtcp, codecs, encodings }: RTCRtpSendParameters): string =>
      JSON.stringify([
        transactionId,
        headerExtensions.map(({ uri, id, encrypted }) => [uri, id, encrypted ?? false]),
        [rtcp.cname, rtcp.reducedSize],
        codecs.map((c) => [c.payloadType, c.mimeType, c.clockRate, c.channels, c.sdpFmtpLine]),
        encodings.map(({ rid }) => rid ?? null),
      ]);
    if (encodingsMatch(parameters, this.encodings) && readOnly(parameters) === readOnly(last)) return;
    throw domException("InvalidModificationError", `${SET_PARAMETERS}A read-only field was modified.`);
  }

  // -- Negotiation

  /** The encodings that remain, or that a peer's offer proposes; the parameters a program holds are out of date. */
  setEncodings(encodings: RTCRtpEncodingParameters[]): void {
    this.encodings = encodings;
    this.lastReturned = null;
  }

  forgetParameters(): void {
    this.lastReturned = null;
  }

  replaceTrack(track: TrackImpl | null): Promise<void> {
    const { host, kind } = this.owner;
    if (track !== null && track.kind !== kind) {
      const where = executing("replaceTrack", "RTCRtpSender");
      return Promise.reject(new TypeError(`${where}The track is of kind '${track.kind}', the sender of '${kind}'.`));
    }
    return host.chain(async () => {
      if (this.owner.stopping) throw domException("InvalidStateError", "The transceiver is stopped.");
      await new Promise<void>((resolve) => {
        host.queueTask(() => {
          this.setTrack(track);
          resolve();
        });
      });
    });
  }
}

function encodingsMatch({ encodings }: RTCRtpSendParameters, own: readonly RTCRtpEncodingParameters[]): boolean {
  return encodings.length === own.length;
}

export let senderImplOf: (sender: RTCRtpSender) => SenderImpl;

const transformType = nullable(
  unionOfInterfaces<RTCRtpSenderTransform>("RTCRtpSFrameEncryptor", "RTCRtpScriptTransform"),
);

export class RTCRtpSender {
  readonly #impl: SenderImpl = takeImpl();

  get track(): MediaStreamTrack | null {
    return this.#impl.track?.wrapper ?? null;
  }
  get transport(): RTCDtlsTransport | null {
    return this.#impl.transport?.wrapper ?? null;
  }
  get dtmf(): RTCDTMFSender | null {
    return this.#impl.dtmf?.wrapper ?? null;
  }

  get transform(): RTCRtpSenderTransform | null {
    return this.#impl.flow.transform.attribute as RTCRtpSenderTransform | null;
  }
  set transform(value: RTCRtpSenderTransform | null) {
    const where = setting("transform", "RTCRtpSender");
    this.#impl.flow.transform.set(transformType(value, where), where);
  }

  /** Chromium's way to transform encoded frames, in the program's own thread: they go on once they are written. */
  createEncodedStreams(): RTCInsertableStreams {
    const { streams, attach } = insertableStreams();
    this.#impl.flow.transform.setStreams(attach, executing("createEncodedStreams", "RTCRtpSender"));
    return streams;
  }

  static getCapabilities(kind: string): RTCRtpCapabilities | null {
    return rtpCapabilities(domString(kind, executing("getCapabilities", "RTCRtpSender")), "send");
  }

  setParameters(parameters: RTCRtpSendParameters, options?: RTCSetParameterOptions): Promise<void> {
    const converted = rtpSendParameters(parameters, SET_PARAMETERS);
    return this.#impl.setParameters(converted, setParameterOptions(options, SET_PARAMETERS));
  }
  getParameters(): Widened<RTCRtpSendParameters, "degradationPreference"> {
    return this.#impl.getParameters();
  }

  replaceTrack(withTrack: MediaStreamTrack | null): Promise<void> {
    const where = executing("replaceTrack", "RTCRtpSender");
    const isNull = withTrack === null || withTrack === undefined;
    return this.#impl.replaceTrack(
      isNull ? null : trackImplOf(interfaceArgument(withTrack, "MediaStreamTrack", 1, where)),
    );
  }

  getStats(): Promise<RTCStatsReport> {
    return this.#impl.owner.host.getStats(this.#impl);
  }

  setStreams(...streams: MediaStream[]): void {
    const where = executing("setStreams", "RTCRtpSender");
    streams.forEach((stream, index) => {
      interfaceArgument(stream, "MediaStream", index + 1, where);
    });
    const { host } = this.#impl.owner;
    if (host.isClosed) throw domException("InvalidStateError", `${where}The peer connection is closed.`);
    this.#impl.setStreams(streams);
    host.updateNegotiationNeeded();
  }

  static {
    senderImplOf = (sender) => sender.#impl;
    defineInterface(RTCRtpSender, {
      name: "RTCRtpSender",
      brand: (o) => #impl in o,
      required: { setParameters: 1, setStreams: 0 },
      promises: ["setParameters", "replaceTrack", "getStats"],
    });
  }
}
