// RTCRtpTransceiver (webrtc-pc §5.4, webrtc-extensions §5).
import { type MediaKind, preferableCodecs, type RtpCodec } from "../jsep/codec-capabilities.js";
import { receives } from "../jsep/direction.js";
import { type HeaderExtension, headerExtensionCapabilities, MID_EXTENSION } from "../jsep/header-extensions.js";
import type { NegotiatedMedia } from "../jsep/negotiated-media.js";
import type { TransceiverDescription } from "../jsep/transceivers.js";
import { codecsMatch, isAuxiliary, plainCodec, type RTCRtpCodec } from "./codec-dictionary.js";
import { type Dictionary, dictionary, interfaceType, sequence } from "./conversions.js";
import { domException } from "./errors.js";
import type { MediaHost } from "./media-host.js";
import type { MediaStream } from "./media-stream.js";
import type { TrackImpl } from "./media-stream-track.js";
import { ReceiverImpl, type RTCRtpReceiver } from "./rtc-rtp-receiver.js";
import { type RTCRtpSender, SenderImpl } from "./rtc-rtp-sender.js";
import {
  headerExtensionCapabilityList,
  type RTCRtpEncodingParameters,
  type RTCRtpHeaderExtensionCapability,
  type RTCRtpTransceiverDirection,
  rtpCodec,
  rtpEncodingParameters,
  transceiverDirection,
} from "./rtp-parameters.js";
import { construct, defineInterface, executing, setting, takeImpl } from "./webidl.js";

export type LiveDirection = Exclude<RTCRtpTransceiverDirection, "stopped">;

export interface TransceiverInit {
  readonly id: string;
  readonly kind: MediaKind;
  readonly direction: LiveDirection;
  readonly track: TrackImpl | null;
  readonly encodings: RTCRtpEncodingParameters[];
  readonly cname: string;
  readonly describedTrackId: string;
  readonly addedByAddTrack: boolean;
  /** A remote offer had it made. */
  readonly madeByOffer: boolean;
}

export class TransceiverImpl {
  readonly wrapper: RTCRtpTransceiver;
  readonly host: MediaHost;
  readonly id: string;
  readonly kind: MediaKind;
  readonly sender: SenderImpl;
  readonly receiver: ReceiverImpl;
  direction: LiveDirection;
  /** [[CurrentDirection]], but for "stopped". */
  currentDirection: LiveDirection | null = null;
  /** [[FiredDirection]]: what `track` events have told. */
  firedDirection: LiveDirection | null = null;
  mid: string | null = null;
  stopping = false;
  stopped = false;
  /** Made by addTrack, or made by a remote offer and then used by it: free for the next remote offer. */
  addedByAddTrack: boolean;
  private readonly madeByOffer: boolean;
  /** addTrack has attached a track: a rollback leaves it. */
  usedByAddTrack: boolean;
  media: NegotiatedMedia | null = null;
  codecPreferences: readonly RtpCodec[] | null = null;
  /** What setHeaderExtensionsToNegotiate was given. */
  headerExtensions: readonly HeaderExtension[] | null = null;
  /** [[HeaderExtensionsToNegotiate]] as an answer has left it since. */
  answeredExtensions: readonly HeaderExtension[] | null = null;
  /** It has been sending once: addTrack must not take its sender (§5.1). */
  hasSent = false;

  constructor(host: MediaHost, init: TransceiverInit) {
    this.host = host;
    this.id = init.id;
    this.kind = init.kind;
    this.direction = init.direction;
    this.addedByAddTrack = init.addedByAddTrack;
    this.usedByAddTrack = init.addedByAddTrack;
    this.madeByOffer = init.madeByOffer;
    this.sender = new SenderImpl(this, init.track, init.encodings, init.cname, init.describedTrackId);
    this.receiver = new ReceiverImpl(this);
    this.wrapper = construct(RTCRtpTransceiver, this);
  }

  describe(): TransceiverDescription {
    const { id, kind, direction, stopping, stopped, addedByAddTrack, codecPreferences } = this;
    const { headerExtensions, answeredExtensions } = this;
    return {
      id,
      kind,
      direction,
      stopping,
      stopped,
      addedByAddTrack,
      codecPreferences,
      headerExtensions,
      answeredExtensions,
      sender: this.sender.describe(),
    };
  }

  /** addTrack takes it for this track. */
  attach(track: TrackImpl): void {
    this.sender.setTrack(track);
    this.usedByAddTrack = true;
    if (this.madeByOffer) this.addedByAddTrack = true;
    this.direction = receives(this.direction) ? "sendrecv" : "sendonly";
  }

  /** An answer is applied: what it leaves of the header extensions is what will be offered (webrtc-extensions). */
  followExtensions(media: NegotiatedMedia): void {
    const negotiated = new Map(media.headerExtensions.map(({ uri, direction }) => [uri, direction]));
    this.answeredExtensions = this.extensionsToNegotiate.map(({ uri, direction }) => ({
      uri,
      // BUNDLE cannot do without it (RFC 9143 §9.2): it is offered again.
      direction: negotiated.get(uri) ?? (uri === MID_EXTENSION ? direction : "stopped"),
    }));
  }

  /** A new transceiver negotiates what the first of its kind does (webrtc-extensions). */
  copyExtensions({ headerExtensions, answeredExtensions }: TransceiverImpl): void {
    this.headerExtensions = headerExtensions;
    const extras = headerExtensions === null ? this.sender.layerExtensions : [];
    this.answeredExtensions = answeredExtensions === null ? null : withExtras(answeredExtensions, extras);
  }

  /** [[HeaderExtensionsToNegotiate]]. */
  get extensionsToNegotiate(): readonly HeaderExtension[] {
    const chosen = this.answeredExtensions ?? this.headerExtensions;
    return chosen ?? withExtras(headerExtensionCapabilities(this.kind), this.sender.layerExtensions);
  }

  setDirection(direction: LiveDirection): void {
    if (direction === this.direction) return;
    this.direction = direction;
    this.host.changed();
    this.host.updateNegotiationNeeded();
  }

  /** "Stop sending and receiving" (§5.4). */
  stopSendingAndReceiving(): void {
    if (this.stopping) return;
    this.stopping = true;
    this.direction = "inactive";
    this.host.changed();
    if (this.host.isClosed) {
      this.receiver.endSilently();
      return;
    }
    // At once, and not with the answer that shows it; the peer is told by a BYE.
    this.sender.flow.stop();
    this.receiver.flow.stop();
    this.host.queueTask(() => this.receiver.end());
  }

  /** "Stop the RTCRtpTransceiver": its m-section is rejected, or it never had one, or the connection is closed. */
  stop(): void {
    this.stopSendingAndReceiving();
    this.stopped = true;
    this.currentDirection = null;
  }

  setCodecPreferences(codecs: readonly RTCRtpCodec[]): void {
    const where = executing("setCodecPreferences", "RTCRtpTransceiver");
    const known = preferableCodecs(this.kind);
    const chosen: RtpCodec[] = [];
    for (const codec of codecs) {
      const own = known.find((candidate) => codecsMatch(candidate, codec));
      if (own === undefined) {
        throw domException("InvalidModificationError", `${where}Invalid codec '${codec.mimeType}' in the preferences.`);
      }
      if (!chosen.includes(own)) chosen.push(own);
    }
    if (chosen.length > 0 && chosen.every(isAuxiliary)) {
      throw domException("InvalidModificationError", `${where}The preferences have no codec for media.`);
    }
    this.codecPreferences = chosen.length === 0 ? null : chosen.map(plainCodec);
    this.host.changed();
  }

  setHeaderExtensions(extensions: readonly RTCRtpHeaderExtensionCapability[]): void {
    const where = executing("setHeaderExtensionsToNegotiate", "RTCRtpTransceiver");
    const current = this.extensionsToNegotiate;
    if (extensions.some(({ uri }) => uri === "")) throw new TypeError(`${where}An extension has no URI.`);
    const isSame =
      extensions.length === current.length && extensions.every(({ uri }, index) => uri === current[index]!.uri);
    if (!isSame) {
      throw domException("InvalidModificationError", `${where}Only directions may be changed.`);
    }
    for (const { uri, direction } of extensions) {
      if (uri === MID_EXTENSION && direction !== "sendrecv") {
        throw domException("InvalidModificationError", `${where}The extension '${uri}' is mandatory.`);
      }
    }
    this.headerExtensions = extensions.map(({ uri, direction }) => ({ uri, direction: direction ?? "sendrecv" }));
    this.answeredExtensions = null;
    this.host.changed();
  }
}

export interface RTCRtpTransceiverInit {
  direction?: RTCRtpTransceiverDirection;
  streams?: MediaStream[];
  sendEncodings?: RTCRtpEncodingParameters[];
}

export const rtpTransceiverInit: Dictionary<Required<RTCRtpTransceiverInit>> = dictionary<
  Required<RTCRtpTransceiverInit>
>("RTCRtpTransceiverInit", {
  direction: { type: transceiverDirection, default: () => "sendrecv" },
  streams: { type: sequence(interfaceType<MediaStream>("MediaStream")), default: () => [] },
  sendEncodings: { type: sequence(rtpEncodingParameters), default: () => [] },
});

const codecList = sequence(rtpCodec);
const DIRECTIONS: readonly unknown[] = ["sendrecv", "sendonly", "recvonly", "inactive", "stopped"];

export class RTCRtpTransceiver {
  readonly #impl: TransceiverImpl = takeImpl();

  get mid(): string | null {
    return this.#impl.mid;
  }
  get sender(): RTCRtpSender {
    return this.#impl.sender.wrapper;
  }
  get receiver(): RTCRtpReceiver {
    return this.#impl.receiver.wrapper;
  }

  get direction(): RTCRtpTransceiverDirection {
    return this.#impl.stopping ? "stopped" : this.#impl.direction;
  }
  set direction(value: RTCRtpTransceiverDirection) {
    // An attribute of an enumeration type ignores what is not of it.
    if (!DIRECTIONS.includes(`${value}`)) return;
    const where = setting("direction", "RTCRtpTransceiver");
    const direction = transceiverDirection(value, where);
    if (this.#impl.stopping) throw domException("InvalidStateError", `${where}The transceiver is stopped.`);
    if (direction === "stopped") throw new TypeError(`${where}Use stop() to stop a transceiver.`);
    this.#impl.setDirection(direction);
  }

  get currentDirection(): RTCRtpTransceiverDirection | null {
    return this.#impl.stopped ? "stopped" : this.#impl.currentDirection;
  }

  /** RTP headers are encrypted both ways (RFC 9335; webrtc-extensions). */
  get rtpHeaderEncryptionNegotiated(): boolean {
    return this.#impl.media?.cryptex ?? false;
  }

  /** No longer in webrtc-pc, where direction says it; browsers have it still. */
  get stopped(): boolean {
    return this.#impl.stopped;
  }

  stop(): void {
    const { host } = this.#impl;
    if (host.isClosed) {
      const where = executing("stop", "RTCRtpTransceiver");
      throw domException("InvalidStateError", `${where}The peer connection is closed.`);
    }
    if (this.#impl.stopping) return;
    this.#impl.stopSendingAndReceiving();
    host.updateNegotiationNeeded();
  }

  setCodecPreferences(codecs: Iterable<RTCRtpCodec>): void {
    this.#impl.setCodecPreferences(codecList(codecs, executing("setCodecPreferences", "RTCRtpTransceiver")));
  }

  getHeaderExtensionsToNegotiate(): RTCRtpHeaderExtensionCapability[] {
    return this.#impl.extensionsToNegotiate.map((extension) => ({ ...extension }));
  }
  setHeaderExtensionsToNegotiate(extensions: Iterable<RTCRtpHeaderExtensionCapability>): void {
    const where = executing("setHeaderExtensionsToNegotiate", "RTCRtpTransceiver");
    this.#impl.setHeaderExtensions(headerExtensionCapabilityList(extensions, where));
  }
  getNegotiatedHeaderExtensions(): RTCRtpHeaderExtensionCapability[] {
    const { media, kind } = this.#impl;
    const negotiated = new Map(media?.headerExtensions.map(({ uri, direction }) => [uri, direction]));
    return headerExtensionCapabilities(kind).map(({ uri }) => ({ uri, direction: negotiated.get(uri) ?? "stopped" }));
  }

  static {
    defineInterface(RTCRtpTransceiver, { name: "RTCRtpTransceiver", brand: (o) => #impl in o });
  }
}

function withExtras(extensions: readonly HeaderExtension[], extras: readonly string[]): readonly HeaderExtension[] {
  return extensions.map((extension) =>
    extras.includes(extension.uri) ? { ...extension, direction: "sendrecv" } : extension,
  );
}
