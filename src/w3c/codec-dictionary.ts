// RTCRtpCodec dictionaries (webrtc-pc §5.3.3): made from what jsep knows of codecs, and compared.
import type { RtpCodec } from "../jsep/codec-capabilities.js";
import { codecIdentity } from "../jsep/codec-match.js";
import type { NegotiatedCodec } from "../jsep/codecs.js";
import { type FormatParameters, parseFmtp } from "../jsep/fmtp.js";

export interface RTCRtpCodec {
  mimeType: string;
  clockRate: number;
  channels?: number;
  sdpFmtpLine?: string;
}
export interface RTCRtpCodecParameters extends RTCRtpCodec {
  payloadType: number;
}

export function plainCodec({ mimeType, clockRate, channels, sdpFmtpLine }: RtpCodec): RTCRtpCodec {
  const codec: RTCRtpCodec = { mimeType, clockRate };
  if (channels !== undefined) codec.channels = channels;
  if (sdpFmtpLine !== undefined) codec.sdpFmtpLine = sdpFmtpLine;
  return codec;
}

export function codecParameters(codecs: readonly NegotiatedCodec[]): RTCRtpCodecParameters[] {
  return codecs.map((codec) => ({ ...plainCodec(codec), payloadType: codec.payloadType }));
}

/** Codecs that repair or accompany others, and cannot be all there is. */
export function isAuxiliary({ mimeType }: { readonly mimeType: string }): boolean {
  return /\/(rtx|red|ulpfec|flexfec(-03)?|cn|telephone-event)$/i.test(mimeType);
}

/** Parameters as name=value; not so "0-15" of telephone-event or "111/111" of red. */
function isKeyValue(parameters: FormatParameters): boolean {
  return !parameters.has("");
}

function sameParameters(a: FormatParameters, b: FormatParameters): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name)?.toLowerCase() === value.toLowerCase());
}

/**
 * Whether the parameters that both sides must have alike are the same: the payload format's RFC says which. Of AV1 none is
 * (AV1 RTP specification §7.2.3); of a codec that we know nothing of, all are.
 */
function symmetricParametersMatch(mimeType: string, a: FormatParameters, b: FormatParameters): boolean {
  const name = mimeType.slice(mimeType.indexOf("/") + 1).toLowerCase();
  if (name === "av1") return true;
  if (!["vp8", "vp9", "h264", "h265"].includes(name)) return sameParameters(a, b);
  const identity = (parameters: FormatParameters): string =>
    codecIdentity({ name, clockRate: 0, channels: 1, parameters });
  return identity(a) === identity(b);
}

/** "Codec dictionary match" (webrtc-pc §5.4, setCodecPreferences). */
export function codecsMatch(
  first: RtpCodec | RTCRtpCodec,
  second: RtpCodec | RTCRtpCodec,
  ignoreAsymmetricalParameters = false,
): boolean {
  if (first.mimeType.toLowerCase() !== second.mimeType.toLowerCase()) return false;
  if (first.clockRate !== second.clockRate || first.channels !== second.channels) return false;
  const { sdpFmtpLine: a } = first;
  const { sdpFmtpLine: b } = second;
  if (a === undefined || b === undefined) return a === b;
  if (a === b) return true;
  const [x, y] = [parseFmtp(a), parseFmtp(b)];
  if (!isKeyValue(x) || !isKeyValue(y)) return false;
  return ignoreAsymmetricalParameters ? symmetricParametersMatch(first.mimeType, x, y) : sameParameters(x, y);
}
