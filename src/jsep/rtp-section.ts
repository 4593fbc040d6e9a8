// Audio and video sections as we write them (RFC 9429 §5.2.1, §5.3.1).
import type { SdpDirection, SdpExtmap, SdpMedia, SdpMsid, SdpPayload, SdpSsrc, SdpSsrcGroup } from "../sdp/model.js";
import { sdpMedia } from "../sdp/model.js";
import { sends } from "./direction.js";
import { DISCARD_PORT, NOWHERE } from "./sections.js";
import type { RidLines } from "./simulcast.js";
import type { SenderDescription } from "./transceivers.js";

export interface RtpSection {
  readonly kind: string;
  readonly protocol: string;
  readonly mid: string | undefined;
  readonly direction: SdpDirection;
  readonly payloads: readonly SdpPayload[];
  readonly extmaps: readonly SdpExtmap[];
  readonly extmapAllowMixed: boolean;
  readonly sender: SenderDescription;
  readonly rids: RidLines;
  readonly rtcpMuxOnly: boolean;
  readonly rtcpRsize: boolean;
  /** RFC 8888. */
  readonly congestionFeedback: boolean;
}

const CONGESTION_FEEDBACK: SdpPayload = {
  payloadType: "*",
  fmtp: [],
  rtcpFeedback: [{ type: "ack", parameter: "ccfb" }],
};

/** `lines`: those of the transport. */
export function rtpSection(section: RtpSection, lines: Partial<SdpMedia>): SdpMedia {
  const doesSend = sends(section.direction);
  const { payloads, sender } = section;
  const hasRtx = payloads.some(({ rtpmap }) => rtpmap?.encodingName === "rtx");
  // A stream with a rid is known by that: SSRCs need not be said, and browsers do not.
  const hasSsrcs = doesSend && !section.rids.rids.some(({ direction }) => direction === "send");
  return sdpMedia({
    kind: section.kind,
    port: DISCARD_PORT,
    protocol: section.protocol,
    formats: payloads.map(({ payloadType }) => `${payloadType}`),
    connections: [NOWHERE],
    mid: section.mid,
    direction: section.direction,
    extmapAllowMixed: section.extmapAllowMixed,
    extmaps: section.extmaps,
    // RFC 8888 §6: of all payload types, and so written.
    payloads: section.congestionFeedback ? [...payloads, CONGESTION_FEEDBACK] : payloads,
    msids: doesSend ? msids(sender) : [],
    rids: section.rids.rids,
    simulcast: section.rids.simulcast,
    rtcp: lines.bundleOnly ? undefined : { port: DISCARD_PORT, connection: NOWHERE },
    rtcpMux: true,
    rtcpMuxOnly: section.rtcpMuxOnly,
    rtcpRsize: section.rtcpRsize,
    ...(hasSsrcs ? ssrcLines(sender, hasRtx) : {}),
    ...lines,
  });
}

/** RFC 9429 §5.2.1: one line for each MediaStream, "-" for none. */
function msids({ streamIds, trackId }: SenderDescription): readonly SdpMsid[] {
  return (streamIds.length > 0 ? streamIds : ["-"]).map((streamId) => ({ streamId, trackId: trackId ?? undefined }));
}

/** RFC 5576, with the msid of before RFC 8830: peers without the mid header extension tell streams apart by them. */
function ssrcLines(sender: SenderDescription, hasRtx: boolean): { ssrcs: SdpSsrc[]; ssrcGroups: SdpSsrcGroup[] } {
  const [encoding] = sender.encodings;
  if (encoding === undefined) return { ssrcs: [], ssrcGroups: [] };
  const msid = `${sender.streamIds[0] ?? "-"}${sender.trackId === null ? "" : ` ${sender.trackId}`}`;
  const all = hasRtx && encoding.rtxSsrc !== null ? [encoding.ssrc, encoding.rtxSsrc] : [encoding.ssrc];
  return {
    ssrcs: all.map((ssrc) => ({
      ssrc,
      attributes: [
        { name: "cname", value: sender.cname },
        { name: "msid", value: msid },
      ],
    })),
    ssrcGroups: all.length > 1 ? [{ semantics: "FID", ssrcs: all }] : [],
  };
}
