// What was negotiated, as the RTP machines take it.
import type { NegotiatedCodec } from "../jsep/codecs.js";
import { receives, sends } from "../jsep/direction.js";
import type { NegotiatedMedia } from "../jsep/negotiated-media.js";
import type { RemoteMedia } from "../jsep/remote-media.js";
import type { RtpCodec } from "../peer/media.js";

/** Retransmission is a property of a codec here, not a codec. */
export function rtpCodecs(codecs: readonly NegotiatedCodec[]): readonly RtpCodec[] {
  return codecs.filter(({ role }) => role !== "rtx").map(rtpCodec);
}

function rtpCodec(codec: NegotiatedCodec): RtpCodec {
  const has = (type: string, parameter: string | undefined): boolean =>
    codec.rtcpFeedback.some((feedback) => feedback.type === type && (feedback.parameter ?? undefined) === parameter);
  const out: RtpCodec = {
    payloadType: codec.payloadType,
    mimeType: codec.mimeType,
    clockRate: codec.clockRate,
    parameters: codec.sdpFmtpLine ?? "",
    rtxPayloadType: codec.rtxPayloadType,
    nack: has("nack", undefined),
    pli: has("nack", "pli"),
    fir: has("ccm", "fir"),
    transportCc: has("transport-cc", undefined),
    remb: has("goog-remb", undefined),
    ccfb: has("ack", "ccfb"),
    tmmbr: has("ccm", "tmmbr"),
  };
  return codec.channels === undefined ? out : { ...out, channels: codec.channels };
}

export interface RtpExtension {
  readonly id: number;
  readonly uri: string;
}

export function sentExtensions({ headerExtensions }: NegotiatedMedia): readonly RtpExtension[] {
  return headerExtensions.filter(({ direction }) => sends(direction)).map(({ id, uri }) => ({ id, uri }));
}

export function receivedExtensions({ headerExtensions }: NegotiatedMedia): readonly RtpExtension[] {
  return headerExtensions.filter(({ direction }) => receives(direction)).map(({ id, uri }) => ({ id, uri }));
}

/** The media streams that a peer's a=ssrc lines announce, each with its retransmissions (a=ssrc-group:FID). */
export function announcedSsrcs({
  ssrcs,
  ssrcGroups,
}: RemoteMedia): readonly { ssrc: number; rtxSsrc: number | null }[] {
  const rtxOf = new Map<number, number>();
  const repair = new Set<number>();
  for (const { semantics, ssrcs: group } of ssrcGroups) {
    const [primary, ...others] = group;
    if (primary === undefined || semantics === "SIM") continue;
    for (const other of others) repair.add(other);
    if (semantics === "FID" && others[0] !== undefined) rtxOf.set(primary, others[0]);
  }
  return ssrcs.filter(({ ssrc }) => !repair.has(ssrc)).map(({ ssrc }) => ({ ssrc, rtxSsrc: rtxOf.get(ssrc) ?? null }));
}
