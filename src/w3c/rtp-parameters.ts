// The dictionaries of RTP sending and receiving (webrtc-pc §5.2, webrtc-svc, webrtc-priority, mst-content-hint,
// webrtc-extensions §5), and what addTransceiver and setParameters check of encodings.
import { type MediaKind, type RtpCodec, rtpCodecCapabilities } from "../jsep/codec-capabilities.js";
import { headerExtensionCapabilities } from "../jsep/header-extensions.js";
import { MAX_SIMULCAST_STREAMS } from "../jsep/simulcast.js";
import {
  codecsMatch,
  isAuxiliary,
  plainCodec,
  type RTCRtpCodec,
  type RTCRtpCodecParameters,
} from "./codec-dictionary.js";
import {
  boolean,
  type Converter,
  type Dictionary,
  dictionary,
  domString,
  double,
  enumeration,
  octet,
  sequence,
  unsignedLong,
  unsignedShort,
} from "./conversions.js";
import type { RTCPriorityType } from "./data-channel-init.js";
import { domException } from "./errors.js";

export type RTCRtpTransceiverDirection = "sendrecv" | "sendonly" | "recvonly" | "inactive" | "stopped";
export type RTCDegradationPreference =
  | "maintain-framerate"
  | "maintain-resolution"
  | "balanced"
  | "maintain-framerate-and-resolution";

export interface RTCRtpHeaderExtensionCapability {
  uri: string;
  /** webrtc-extensions §5. */
  direction?: RTCRtpTransceiverDirection;
}
export interface RTCRtpCapabilities {
  codecs: RTCRtpCodec[];
  headerExtensions: RTCRtpHeaderExtensionCapability[];
}
export interface RTCRtcpParameters {
  cname?: string;
  reducedSize?: boolean;
}
export interface RTCRtpHeaderExtensionParameters {
  uri: string;
  id: number;
  encrypted?: boolean;
}
export interface RTCRtpParameters {
  headerExtensions: RTCRtpHeaderExtensionParameters[];
  rtcp: RTCRtcpParameters;
  codecs: RTCRtpCodecParameters[];
}
export interface RTCRtpCodingParameters {
  rid?: string;
}
export interface RTCRtpEncodingParameters extends RTCRtpCodingParameters {
  active?: boolean;
  codec?: RTCRtpCodec;
  /** Bits per second. */
  maxBitrate?: number;
  maxFramerate?: number;
  scaleResolutionDownBy?: number;
  /** webrtc-svc. */
  scalabilityMode?: string;
  /** webrtc-priority. */
  priority?: RTCPriorityType;
  networkPriority?: RTCPriorityType;
  /** webrtc-extensions. */
  adaptivePtime?: boolean;
  /** webrtc-extensions: in place of scaleResolutionDownBy. */
  scaleResolutionDownTo?: RTCResolutionRestriction;
}
/** The most that an encoding has, whichever way the frame is turned. */
export interface RTCResolutionRestriction {
  maxWidth?: number;
  maxHeight?: number;
}
export interface RTCRtpSendParameters extends RTCRtpParameters {
  transactionId: string;
  encodings: RTCRtpEncodingParameters[];
  degradationPreference?: RTCDegradationPreference;
}
export interface RTCRtpReceiveParameters extends RTCRtpParameters {}
export interface RTCEncodingOptions {
  keyFrame?: boolean;
}
/** webrtc-extensions: one entry for each encoding, or none. */
export interface RTCSetParameterOptions {
  encodingOptions?: RTCEncodingOptions[];
}

// -- Conversion

export const transceiverDirection: Converter<RTCRtpTransceiverDirection> = enumeration("RTCRtpTransceiverDirection", [
  "sendrecv",
  "sendonly",
  "recvonly",
  "inactive",
  "stopped",
]);
/** Shares of the bitrate that streams get where there is not enough for all (RFC 8835 §4.1). */
export const PRIORITY_WEIGHTS: Readonly<Record<RTCPriorityType, number>> = {
  "very-low": 1,
  low: 2,
  medium: 4,
  high: 8,
};
const priorityType = enumeration<RTCPriorityType>("RTCPriorityType", ["very-low", "low", "medium", "high"]);

export const rtpCodec: Dictionary<RTCRtpCodec> = dictionary<RTCRtpCodec>("RTCRtpCodec", {
  mimeType: { type: domString, required: true },
  clockRate: { type: unsignedLong, required: true },
  channels: { type: unsignedShort },
  sdpFmtpLine: { type: domString },
});

const codingParameters = dictionary<RTCRtpCodingParameters>("RTCRtpCodingParameters", { rid: { type: domString } });
export const rtpEncodingParameters: Dictionary<RTCRtpEncodingParameters> = dictionary<RTCRtpEncodingParameters>(
  "RTCRtpEncodingParameters",
  {
    active: { type: boolean, default: () => true },
    codec: { type: rtpCodec },
    maxBitrate: { type: unsignedLong },
    maxFramerate: { type: double },
    scaleResolutionDownBy: { type: double },
    scalabilityMode: { type: domString },
    priority: { type: priorityType, default: () => "low" },
    networkPriority: { type: priorityType },
    adaptivePtime: { type: boolean, default: () => false },
    scaleResolutionDownTo: {
      type: dictionary<RTCResolutionRestriction>("RTCResolutionRestriction", {
        maxWidth: { type: unsignedLong },
        maxHeight: { type: unsignedLong },
      }),
    },
  },
  codingParameters,
);

const rtpParameters = dictionary<RTCRtpParameters>("RTCRtpParameters", {
  headerExtensions: {
    required: true,
    type: sequence(
      dictionary<RTCRtpHeaderExtensionParameters>("RTCRtpHeaderExtensionParameters", {
        uri: { type: domString, required: true },
        id: { type: unsignedShort, required: true },
        encrypted: { type: boolean, default: () => false },
      }),
    ),
  },
  rtcp: {
    required: true,
    type: dictionary<RTCRtcpParameters>("RTCRtcpParameters", {
      cname: { type: domString },
      reducedSize: { type: boolean },
    }),
  },
  codecs: {
    required: true,
    type: sequence(
      dictionary<RTCRtpCodecParameters>(
        "RTCRtpCodecParameters",
        { payloadType: { type: octet, required: true } },
        rtpCodec,
      ),
    ),
  },
});
export const rtpSendParameters: Dictionary<RTCRtpSendParameters> = dictionary<RTCRtpSendParameters>(
  "RTCRtpSendParameters",
  {
    transactionId: { type: domString, required: true },
    encodings: { type: sequence(rtpEncodingParameters), required: true },
    degradationPreference: {
      type: enumeration<RTCDegradationPreference>("RTCDegradationPreference", [
        "maintain-framerate",
        "maintain-resolution",
        "balanced",
        "maintain-framerate-and-resolution",
      ]),
    },
  },
  rtpParameters,
);
export const setParameterOptions: Dictionary<Required<RTCSetParameterOptions>> = dictionary<
  Required<RTCSetParameterOptions>
>("RTCSetParameterOptions", {
  encodingOptions: {
    type: sequence(
      dictionary<RTCEncodingOptions>("RTCEncodingOptions", { keyFrame: { type: boolean, default: () => false } }),
    ),
    default: () => [],
  },
});

export const headerExtensionCapabilityList: Converter<RTCRtpHeaderExtensionCapability[]> = sequence(
  dictionary<RTCRtpHeaderExtensionCapability>("RTCRtpHeaderExtensionCapability", {
    uri: { type: domString, required: true },
    direction: { type: transceiverDirection, default: () => "sendrecv" },
  }),
);

// -- Capabilities

/** RTCRtpSender.getCapabilities and RTCRtpReceiver.getCapabilities; null for what is neither audio nor video. */
export function rtpCapabilities(kind: string, direction: "send" | "receive"): RTCRtpCapabilities | null {
  if (kind !== "audio" && kind !== "video") return null;
  return {
    codecs: rtpCodecCapabilities(kind, direction).map(plainCodec),
    headerExtensions: headerExtensionCapabilities(kind).map((extension) => ({ ...extension })),
  };
}

// -- Encodings

/** RFC 8852 §3: letters and digits. The length is that of a one-byte header extension (RFC 8285 §4.2). */
const RID = /^[0-9A-Za-z]{1,16}$/;

/** webrtc-svc §5: "L<spatial>T<temporal>" and its kin, and S for simulcast in one stream. */
const SCALABILITY_MODE = /^(?:L1T[1-3]|[LS][23]T[1-3]h?|L[23]T[1-3]_KEY(?:_SHIFT)?)$/;
/** Codecs with one spatial layer only. */
const TEMPORAL_ONLY = /\/(?:vp8|h264|h265)$/i;

/** What a codec gets that cannot have the mode asked for (webrtc-svc §5): two temporal layers, as in Chromium. */
export const DEFAULT_SCALABILITY_MODE = "L1T2";

export function supportsScalabilityMode({ mimeType }: { readonly mimeType: string }, mode: string): boolean {
  return SCALABILITY_MODE.test(mode) && (mode.startsWith("L1") || !TEMPORAL_ONLY.test(mimeType));
}

function checkScalabilityMode(encoding: RTCRtpEncodingParameters, codecs: readonly RtpCodec[], where: string): void {
  const mode = encoding.scalabilityMode;
  if (mode === undefined) return;
  const allowed = (codec: { readonly mimeType: string }): boolean => supportsScalabilityMode(codec, mode);
  const candidates = encoding.codec === undefined ? codecs.filter((codec) => !isAuxiliary(codec)) : [encoding.codec];
  if (candidates.some(allowed)) return;
  throw domException("OperationError", `${where}The scalabilityMode '${mode}' is not supported by the codec.`);
}

/** What addTransceiver and setParameters both check, in order; `encodings` is changed: audio has no sizes and rates. */
export function checkEncodings(
  kind: MediaKind,
  encodings: readonly RTCRtpEncodingParameters[],
  codecs: readonly RtpCodec[],
  where: string,
): void {
  for (const encoding of encodings) {
    if (kind === "audio") {
      delete encoding.scaleResolutionDownBy;
      delete encoding.scaleResolutionDownTo;
      delete encoding.maxFramerate;
      delete encoding.scalabilityMode;
    }
    if (encoding.scaleResolutionDownBy !== undefined && encoding.scaleResolutionDownBy < 1) {
      throw new RangeError(`${where}scaleResolutionDownBy must be >= 1.0`);
    }
    if (encoding.maxFramerate !== undefined && encoding.maxFramerate < 0) {
      throw new RangeError(`${where}maxFramerate must be >= 0.0`);
    }
    checkScalabilityMode(encoding, codecs, where);
  }
}

/** webrtc-extensions: a resolution for each active encoding or for none, and none that is nothing. */
export function resolutionsAreValid(encodings: readonly RTCRtpEncodingParameters[]): boolean {
  const given = encodings.filter(({ scaleResolutionDownTo }) => scaleResolutionDownTo !== undefined);
  if (given.length === 0) return true;
  return (
    given.every(({ scaleResolutionDownTo: to }) => (to!.maxWidth ?? 0) > 0 && (to!.maxHeight ?? 0) > 0) &&
    encodings.every(({ active, scaleResolutionDownTo }) => active === false || scaleResolutionDownTo !== undefined)
  );
}

/** The "addTransceiver sendEncodings validation steps" and what follows them (webrtc-pc §5.1). */
export function initialEncodings(
  kind: MediaKind,
  given: readonly RTCRtpEncodingParameters[],
  where: string,
): RTCRtpEncodingParameters[] {
  const encodings = given.map((encoding) => ({ ...encoding }));
  const rids = encodings.map(({ rid }) => rid).filter((rid) => rid !== undefined);
  for (const rid of rids) if (!RID.test(rid)) throw new TypeError(`${where}Illegal RID value '${rid}'.`);
  if (rids.length > 0 ? rids.length !== encodings.length : encodings.length > 1) {
    throw new TypeError(`${where}Missing RID value: all encodings have one, or there is only one encoding.`);
  }
  if (new Set(rids).size !== rids.length) throw new TypeError(`${where}Duplicate RID value.`);
  const codecs = rtpCodecCapabilities(kind, "send");
  checkEncodings(kind, encodings, codecs, where);
  for (const { codec } of encodings) {
    if (codec !== undefined && !codecs.some((own) => !isAuxiliary(own) && codecsMatch(own, codec, true))) {
      throw domException("OperationError", `${where}The codec '${codec.mimeType}' cannot be sent.`);
    }
  }
  if (!resolutionsAreValid(encodings)) {
    throw domException("OperationError", `${where}scaleResolutionDownTo is not valid for every active encoding.`);
  }
  encodings.splice(kind === "audio" ? 1 : MAX_SIMULCAST_STREAMS);
  if (encodings.length === 0) encodings.push(newEncoding());
  if (encodings.length === 1) delete encodings[0]!.rid;
  if (kind === "video") setDefaultScales(encodings);
  return encodings;
}

export function newEncoding(rid?: string): RTCRtpEncodingParameters {
  const encoding: RTCRtpEncodingParameters = { active: true, priority: "low", adaptivePtime: false };
  return rid === undefined ? encoding : { rid, ...encoding };
}

/** Where no encoding says how far to scale, each is half the size of the next; otherwise those that do not are not scaled. */
export function setDefaultScales(encodings: readonly RTCRtpEncodingParameters[]): void {
  const isScaled = encodings.some(({ scaleResolutionDownBy }) => scaleResolutionDownBy !== undefined);
  encodings.forEach((encoding, index) => {
    encoding.scaleResolutionDownBy ??= isScaled ? 1 : 2 ** (encodings.length - 1 - index);
  });
}
