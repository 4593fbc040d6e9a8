// The shapes in which audio and video take part in offer and answer: what a transceiver brings along. Matching offered
// codecs with our own is not here yet.
import type { SdpDirection, SdpExtmap, SdpPayload, SdpRid } from "../sdp/model.js";

/** One codec as it is written in a media section: its payload type with rtpmap, fmtp and feedback. */
export interface CodecDescription extends SdpPayload {
  readonly payloadType: number;
}

/** What JSEP needs to know of an RTCRtpTransceiver to write its m-section. */
export interface TransceiverDescription {
  /** Our own name for it, the same over its life. */
  readonly id: string;
  readonly kind: "audio" | "video";
  /** Null until it is associated with an m-section. */
  readonly mid: string | null;
  readonly direction: SdpDirection;
  readonly stopping: boolean;
  readonly stopped: boolean;
  /** Added by addTrack, and so free to be matched with a remote offer's m-section (RFC 9429 §5.10). */
  readonly addedByAddTrack: boolean;
  /** The identifiers of the MediaStreams of its sender. */
  readonly streamIds: readonly string[];
  readonly trackId: string | null;
  /** In order of preference. */
  readonly codecs: readonly CodecDescription[];
  readonly headerExtensions: readonly SdpExtmap[];
  /** The sender's encodings that have a rid; empty without simulcast. */
  readonly rids: readonly SdpRid[];
}
