// The codecs we offer and take, in order of preference: the list, the order and the payload types are those of Chromium 156,
// and after its own what a server passes through besides (H.264 High, H.265). Media is passed through encoded, so that a
// codec needs no encoder here to be negotiated.
import type { SdpRtcpFeedback } from "../sdp/model.js";
import type { CodecFormat, CodecRole } from "./codec-match.js";
import { codecIdentity, codecRole } from "./codec-match.js";
import { parseFmtp } from "./fmtp.js";

export type MediaKind = "audio" | "video";

/** RTCRtpCodec (webrtc-pc §5.3.3). */
export interface RtpCodec {
  readonly mimeType: string;
  readonly clockRate: number;
  /** Audio only. */
  readonly channels?: number | undefined;
  readonly sdpFmtpLine?: string | undefined;
}

/** A codec of ours. Retransmission is not an entry but a property of what is retransmitted. */
export interface CodecCapability {
  readonly kind: MediaKind;
  readonly format: CodecFormat;
  readonly identity: string;
  readonly role: CodecRole;
  readonly fmtp: string | undefined;
  readonly feedback: readonly SdpRtcpFeedback[];
  /** The payload type it has unless that is taken. */
  readonly payloadType: number;
  /** The same of its retransmissions (RFC 4588); null for none. */
  readonly rtxPayloadType: number | null;
  /** Received only: not offered where we want to send. */
  readonly receiveOnly: boolean;
}

const VIDEO_FEEDBACK: readonly SdpRtcpFeedback[] = [
  { type: "goog-remb", parameter: undefined },
  { type: "transport-cc", parameter: undefined },
  { type: "ccm", parameter: "fir" },
  { type: "nack", parameter: undefined },
  { type: "nack", parameter: "pli" },
];
const FEC_FEEDBACK: readonly SdpRtcpFeedback[] = VIDEO_FEEDBACK.slice(0, 2);
const AUDIO_FEEDBACK: readonly SdpRtcpFeedback[] = [{ type: "transport-cc", parameter: undefined }];

interface Options {
  readonly fmtp?: string;
  readonly rtx?: number;
  readonly feedback?: readonly SdpRtcpFeedback[];
  readonly receiveOnly?: boolean;
}

function capability(kind: MediaKind, rtpmap: string, payloadType: number, options: Options = {}): CodecCapability {
  const [name, clockRate, channels] = rtpmap.split("/");
  const format: CodecFormat = {
    name: name!,
    clockRate: Number(clockRate),
    channels: channels === undefined ? 1 : Number(channels),
    parameters: parseFmtp(options.fmtp),
  };
  return {
    kind,
    format,
    identity: codecIdentity(format),
    role: codecRole(name!),
    fmtp: options.fmtp,
    feedback: options.feedback ?? [],
    payloadType,
    rtxPayloadType: options.rtx ?? null,
    receiveOnly: options.receiveOnly ?? false,
  };
}

function video(name: string, payloadType: number, rtx: number, fmtp?: string, receiveOnly = false): CodecCapability {
  const options = { rtx, feedback: VIDEO_FEEDBACK, receiveOnly };
  return capability("video", `${name}/90000`, payloadType, fmtp === undefined ? options : { ...options, fmtp });
}

function h264(profile: string, mode: 0 | 1, payloadType: number, rtx: number, receiveOnly = false): CodecCapability {
  const fmtp = `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${profile}`;
  return video("H264", payloadType, rtx, fmtp, receiveOnly);
}

export const AUDIO_CODECS: readonly CodecCapability[] = [
  capability("audio", "opus/48000/2", 111, { fmtp: "minptime=10;useinbandfec=1", feedback: AUDIO_FEEDBACK }),
  // Its a=fmtp names the payload type of Opus, and is made where that is known.
  capability("audio", "red/48000/2", 63),
  capability("audio", "G722/8000", 9),
  capability("audio", "PCMU/8000", 0),
  capability("audio", "PCMA/8000", 8),
  capability("audio", "CN/8000", 13),
  capability("audio", "telephone-event/48000", 110),
  capability("audio", "telephone-event/8000", 126),
];

const VP8 = video("VP8", 96, 97);
const VP9: readonly CodecCapability[] = [video("VP9", 98, 99, "profile-id=0"), video("VP9", 100, 101, "profile-id=2")];
const VP9_RECEIVED: readonly CodecCapability[] = [
  video("VP9", 35, 36, "profile-id=1", true),
  video("VP9", 37, 38, "profile-id=3", true),
];
const H264: readonly CodecCapability[] = [
  h264("42001f", 1, 102, 103),
  h264("42001f", 0, 104, 107),
  h264("42e01f", 1, 108, 109),
  h264("42e01f", 0, 114, 115),
  h264("4d001f", 1, 116, 117),
  h264("4d001f", 0, 39, 40),
];
const H264_RECEIVED: readonly CodecCapability[] = [h264("f4001f", 1, 41, 42, true), h264("f4001f", 0, 43, 44, true)];
const H264_HIGH: readonly CodecCapability[] = [h264("64001f", 1, 112, 113), h264("64001f", 0, 121, 122)];
const AV1 = video("AV1", 45, 46, "level-idx=5;profile=0;tier=0");
const AV1_RECEIVED = video("AV1", 47, 48, "level-idx=5;profile=1;tier=0", true);
const H265 = video("H265", 105, 106, "level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST");
const PROTECTION: readonly CodecCapability[] = [
  capability("video", "red/90000", 118, { rtx: 119 }),
  capability("video", "ulpfec/90000", 120),
];
/** The time over which repair packets may come, microseconds: as browsers say it, far more than anybody keeps packets for. */
const REPAIR = { fmtp: "repair-window=10000000", feedback: FEC_FEEDBACK };
/** What browsers have of FlexFEC, of a draft. */
const FLEXFEC_03 = capability("video", "flexfec-03/90000", 49, { ...REPAIR, receiveOnly: true });
/** RFC 8627. */
const FLEXFEC = capability("video", "flexfec/90000", 50, REPAIR);

/** Chromium has one order for what it only receives, and another for what it sends. */
export const RECEIVED_VIDEO_CODECS: readonly CodecCapability[] = [
  VP8,
  ...VP9,
  ...VP9_RECEIVED,
  ...H264,
  ...H264_RECEIVED,
  ...H264_HIGH,
  AV1,
  AV1_RECEIVED,
  H265,
  ...PROTECTION,
  FLEXFEC_03,
];
export const SENT_VIDEO_CODECS: readonly CodecCapability[] = [
  VP8,
  ...H264,
  ...H264_HIGH,
  AV1,
  ...VP9,
  H265,
  ...PROTECTION,
];

/** What is offered only where the application asks for it (setCodecPreferences), and taken where a peer offers it. */
function optionalCodecs(kind: MediaKind, sends: boolean): readonly CodecCapability[] {
  if (kind === "audio") return [];
  return sends ? [FLEXFEC_03, FLEXFEC] : [FLEXFEC];
}

/** Our codecs for a section in which we want to send, or only to receive, in order of preference. */
export function codecsFor(kind: MediaKind, sends: boolean): readonly CodecCapability[] {
  if (kind === "audio") return AUDIO_CODECS;
  return sends ? SENT_VIDEO_CODECS : RECEIVED_VIDEO_CODECS;
}

/** The same with what we do not offer by ourselves. */
export function allCodecsFor(kind: MediaKind, sends: boolean): readonly CodecCapability[] {
  return [...codecsFor(kind, sends), ...optionalCodecs(kind, sends)];
}

/** What RTCRtpSender.getCapabilities and RTCRtpReceiver.getCapabilities list; retransmission is one entry, after the first. */
export function rtpCodecCapabilities(kind: MediaKind, direction: "send" | "receive"): readonly RtpCodec[] {
  const out: RtpCodec[] = [];
  let hasRtx = false;
  for (const codec of codecsFor(kind, direction === "send")) {
    out.push(described(codec));
    if (codec.rtxPayloadType !== null && !hasRtx) {
      out.push({ mimeType: "video/rtx", clockRate: 90_000, channels: undefined, sdpFmtpLine: undefined });
      hasRtx = true;
    }
  }
  return out;
}

function described({ kind, format, fmtp }: CodecCapability): RtpCodec {
  const channels = kind === "audio" ? format.channels : undefined;
  return { mimeType: `${kind}/${format.name}`, clockRate: format.clockRate, channels, sdpFmtpLine: fmtp };
}

/** What setCodecPreferences takes. */
export function preferableCodecs(kind: MediaKind): readonly RtpCodec[] {
  return [...rtpCodecCapabilities(kind, "receive"), ...optionalCodecs(kind, false).map(described)];
}

/**
 * The codecs of a list as setCodecPreferences orders it; null where it was not called (or with an empty list). Entries of
 * the preferences are matched by MIME type, clock rate, channels and a=fmtp (webrtc-pc "codec dictionary match").
 */
export function preferredCodecs(
  codecs: readonly CodecCapability[],
  preferences: readonly RtpCodec[] | null,
): { readonly codecs: readonly CodecCapability[]; readonly rtx: boolean } {
  if (preferences === null || preferences.length === 0) return { codecs, rtx: true };
  const key = (name: string, clockRate: number, channels: number, fmtp: string | undefined): string =>
    `${name.toLowerCase()}/${clockRate}/${channels};${fmtp ?? ""}`;
  const known = new Map(
    codecs.map((codec) => {
      const { name, clockRate, channels } = codec.format;
      return [key(`${codec.kind}/${name}`, clockRate, channels, codec.fmtp), codec] as const;
    }),
  );
  const chosen = new Set<CodecCapability>();
  let rtx = false;
  for (const { mimeType, clockRate, channels, sdpFmtpLine } of preferences) {
    if (mimeType.toLowerCase() === "video/rtx") rtx = true;
    const codec = known.get(key(mimeType, clockRate, channels ?? 1, sdpFmtpLine));
    if (codec !== undefined) chosen.add(codec);
  }
  return { codecs: [...chosen], rtx };
}
