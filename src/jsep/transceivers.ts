// What offer and answer need to know of an RTCRtpTransceiver. Which m-section it belongs to is not part of that: the
// negotiation state says so (MediaSlot.transceiver), and the W3C layer's mid follows it.
import type { SdpDirection } from "../sdp/model.js";
import type { MediaKind, RtpCodec } from "./codec-capabilities.js";
import type { HeaderExtension } from "./header-extensions.js";

export interface TransceiverDescription {
  /** A name that the caller gives it, the same over its life. */
  readonly id: string;
  readonly kind: MediaKind;
  /** [[Direction]], the preferred one. */
  readonly direction: SdpDirection;
  readonly stopping: boolean;
  readonly stopped: boolean;
  /** Made by addTrack, and so free to take a remote offer's m-section (RFC 9429 §5.10). */
  readonly addedByAddTrack: boolean;
  readonly sender: SenderDescription;
  /** What setCodecPreferences was given; null for the default. */
  readonly codecPreferences: readonly RtpCodec[] | null;
  /** What setHeaderExtensionsToNegotiate was given; null for the default. */
  readonly headerExtensions: readonly HeaderExtension[] | null;
  /** What the last answer has left of them, which is what offers have from then on; null for none yet. */
  readonly answeredExtensions: readonly HeaderExtension[] | null;
}

export interface SenderDescription {
  /** The identifiers of the MediaStreams that it is associated with. */
  readonly streamIds: readonly string[];
  /** The identifier of its track, or one made up for a sender that has none; null leaves it out of a=msid. */
  readonly trackId: string | null;
  readonly cname: string;
  /** In order of [[SendEncodings]]; at least one. */
  readonly encodings: readonly SendEncoding[];
  /** Header extensions that offers have besides the default, for layers within a stream; none if left out. */
  readonly layerExtensions?: readonly string[];
}

export interface SendEncoding {
  readonly rid: string | null;
  /** Written where there are no rids. */
  readonly ssrc: number;
  /** Of its retransmissions; null without. */
  readonly rtxSsrc: number | null;
  /** Of what repairs it by parity (FlexFEC); null without. */
  readonly fecSsrc?: number | null;
}

/**
 * A transceiver that an offer has an m-section for, or a remote offer's can be given to. One that is stopping is neither; but
 * what it has it keeps in our answers (webrtc-pc, stop()), so that an answer does not reject what a bundle rests on.
 */
export function isUsable(transceiver: TransceiverDescription | undefined): transceiver is TransceiverDescription {
  return transceiver !== undefined && !transceiver.stopped && !transceiver.stopping;
}
