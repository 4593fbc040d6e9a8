// What the RTP session says to its owner and is told by it.
import type { PayloadFrame } from "../payload/types.js";
import type { Logger } from "../util/logger.js";
import type { HeaderExtension } from "./extensions.js";
import type { RtpPacket } from "./packet.js";
import type { RtpReceiveStream } from "./receive-stream.js";

export type MediaKind = "audio" | "video";

export interface RtpCodec {
  readonly payloadType: number;
  /** Also red, ulpfec, flexfec, telephone-event, CN: whatever has a payload type, except rtx. */
  readonly mimeType: string;
  readonly clockRate: number;
  readonly channels?: number | undefined;
  /** The text of a=fmtp, "" without. */
  readonly parameters: string;
  /** The payload type of its retransmissions (RFC 4588), null: none, packets are repeated as they were. */
  readonly rtxPayloadType: number | null;
  /** What was negotiated by a=rtcp-fb: nack, nack pli, ccm fir, transport-cc, goog-remb. */
  readonly nack: boolean;
  readonly pli: boolean;
  readonly fir: boolean;
  readonly transportCc: boolean;
  readonly remb: boolean;
  /** Congestion control feedback by sequence numbers (RFC 8888), which then takes the place of transport-wide feedback. */
  readonly ccfb?: boolean | undefined;
  /** ccm tmmbr (RFC 5104 §7.1). */
  readonly tmmbr?: boolean | undefined;
}

export interface RtpSessionOptions {
  random(length: number): Uint8Array;
  /** Unix milliseconds at `now` = 0. */
  readonly timeOrigin: number;
  readonly cname: string;
  readonly logger?: Logger | undefined;
  /** Feedback may go without reports in front (RFC 5506). */
  readonly reducedSize: boolean;
}

export interface RtpSessionHost {
  /** A whole packet, not protected yet. The bytes are valid only during the call. */
  transmitRtp(packet: Uint8Array): void;
  transmitRtcp(packet: Uint8Array): void;
  /** What the path is thought to carry, bits per second. */
  onBitrateChange?(available: number): void;
}

/** A stream that the peer announces in its description. */
export interface SignalledSource {
  readonly ssrc: number;
  readonly rtxSsrc: number | null;
}

export interface RtpReceiverOptions {
  readonly kind: MediaKind;
  /** "" if no mid was negotiated. */
  readonly mid: string;
  readonly codecs: readonly RtpCodec[];
  readonly extensions: readonly HeaderExtension[];
  readonly ssrcs: readonly SignalledSource[];
  /** Simulcast streams that the peer may send. */
  readonly rids: readonly string[];
  /** False: its packets are dropped. */
  readonly active: boolean;
}

export interface RtpReceiverHost {
  /** Each packet once, as it arrives, repaired ones too, also such as carry only padding. Valid only during the call; the bytes may be kept. */
  onPacket?(packet: RtpPacket, stream: RtpReceiveStream, now: number): void;
  /** Only while `wantFrames`. */
  onFrame?(frame: EncodedFrame, stream: RtpReceiveStream): void;
  /** The first packet of a stream has come; its `onPacket` follows. */
  onStream?(stream: RtpReceiveStream): void;
  /** The peer has ended the stream, or it made room for another. */
  onBye?(stream: RtpReceiveStream): void;
}

export interface EncodedFrame {
  readonly data: Uint8Array;
  /** RTP. */
  readonly timestamp: number;
  readonly keyFrame: boolean;
  readonly payloadType: number;
  readonly mimeType: string;
  readonly marker: boolean;
  /** By the sender's clock, as Unix milliseconds; undefined if it has not told yet. */
  readonly captureTime: number | undefined;
  /** As the abs-capture-time extension says, by the capturer's clock, Unix milliseconds. */
  readonly absoluteCaptureTime: number | undefined;
  /** Milliseconds from the capturer's clock to the sender's; undefined if that extension does not say. */
  readonly captureClockOffset: number | undefined;
  readonly firstSequenceNumber: number;
  readonly lastSequenceNumber: number;
  /** When its last packet came, monotonic milliseconds. */
  readonly receiveTime: number;
  /** -dBov, 0 to 127, of the first packet. */
  readonly audioLevel: number | undefined;
  readonly voiceActivity: boolean | undefined;
  readonly csrcs: readonly number[];
  readonly temporalIndex: number | undefined;
  readonly spatialIndex: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** The dependency descriptor of its first packet. */
  readonly dependencyDescriptor: Uint8Array | undefined;
}

/** A frame to be sent: what the payload says of it, and what the packets say besides. */
export interface EncodedFrameInit extends PayloadFrame {
  /** RTP. */
  readonly timestamp: number;
  readonly mimeType: string;
  /** Which one, if several were negotiated of that type. */
  readonly payloadType?: number | undefined;
  readonly csrcs?: readonly number[] | undefined;
  /** -dBov, 0 to 127. */
  readonly audioLevel?: number | undefined;
  readonly voiceActivity?: boolean | undefined;
  /** Monotonic milliseconds; now, if left out. Goes into sender reports. */
  readonly captureTime?: number | undefined;
  /** Written as it is, if the extension was negotiated. */
  readonly dependencyDescriptor?: Uint8Array | undefined;
  /** Degrees clockwise, 0, 90, 180 or 270. */
  readonly rotation?: number | undefined;
}

export interface RtpEncoding {
  readonly rid: string | null;
  readonly ssrc: number;
  readonly rtxSsrc: number | null;
  /** Of its FlexFEC, if that is negotiated. */
  readonly fecSsrc?: number | null | undefined;
  readonly active: boolean;
  /** Bits per second. */
  readonly maxBitrate: number | null;
  /** Relative weight: 1, 2, 4, 8 for very-low, low, medium, high. */
  readonly priority: number;
}

export interface RtpSenderOptions {
  readonly kind: MediaKind;
  readonly mid: string;
  readonly codecs: readonly RtpCodec[];
  readonly extensions: readonly HeaderExtension[];
  readonly extmapAllowMixed: boolean;
  readonly encodings: readonly RtpEncoding[];
  /** False: nothing is sent. */
  readonly active: boolean;
  /** Bytes of a whole packet before protection; 1200 unless given. */
  readonly maxPacketSize?: number | undefined;
}

export interface RtpSenderHost {
  /** The peer cannot go on without a key frame of that encoding. */
  onKeyFrameRequest?(encoding: number): void;
  /** What the encoding may use, bits per second. */
  onBitrateChange?(encoding: number, bitsPerSecond: number): void;
}
