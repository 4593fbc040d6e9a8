// Audio and video sections as we write them (RFC 9429 §5.2.1, §5.3.1).
import type {
  SdpAttribute,
  SdpDirection,
  SdpExtmap,
  SdpMedia,
  SdpMsid,
  SdpPayload,
  SdpSsrc,
  SdpSsrcGroup,
} from "../sdp/model.js";
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
  readonly cryptex: boolean;
  readonly sender: SenderDescription;
  readonly rids: RidLines;
  readonly rtcpMuxOnly: boolean;
  readonly rtcpRsize: boolean;
  /** Reference times are answered (RFC 3611 §5.1). */
  readonly receiverRoundTrip: boolean;
  /** RFC 8888. */
  readonly congestionFeedback: boolean;
}

const CONGESTION_FEEDBACK: SdpPayload = {
  payloadType: "*",
  fmtp: [],
  rtcpFeedback: [{ type: "ack", parameter: "ccfb" }],
};

/** From everybody, also from who sends nothing; as Chromium has it. */
const RECEIVER_ROUND_TRIP: SdpAttribute = { name: "rtcp-xr", value: "rcvr-rtt=all" };

/** Whether the peer says that it answers reference times: then so do we. */
export function hasReceiverRoundTrip({ attributes }: SdpMedia): boolean {
  return attributes.some(({ name, value }) => name === "rtcp-xr" && /(^| )rcvr-rtt=/.test(value ?? ""));
}

/** `lines`: those of the transport. */
export function rtpSection(section: RtpSection, lines: Partial<SdpMedia>): SdpMedia {
  const doesSend = sends(section.direction);
  const { payloads, sender } = section;
  const has = (name: RegExp): boolean => payloads.some(({ rtpmap }) => name.test(rtpmap?.encodingName ?? ""));
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
    cryptex: section.cryptex,
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
    attributes: section.receiverRoundTrip ? [RECEIVER_ROUND_TRIP] : [],
    ...(hasSsrcs ? ssrcLines(sender, has(/^rtx$/i), has(/^flexfec(-03)?$/i)) : {}),
    ...lines,
  });
}

/** RFC 9429 §5.2.1: one line for each MediaStream, "-" for none. */
function msids({ streamIds, trackId }: SenderDescription): readonly SdpMsid[] {
  return (streamIds.length > 0 ? streamIds : ["-"]).map((streamId) => ({ streamId, trackId: trackId ?? undefined }));
}

/** RFC 5576, with the msid of before RFC 8830: peers without the mid header extension tell streams apart by them. */
function ssrcLines(
  sender: SenderDescription,
  hasRtx: boolean,
  hasFec: boolean,
): { ssrcs: SdpSsrc[]; ssrcGroups: SdpSsrcGroup[] } {
  const [encoding] = sender.encodings;
  if (encoding === undefined) return { ssrcs: [], ssrcGroups: [] };
  const msid = `${sender.streamIds[0] ?? "-"}${sender.trackId === null ? "" : ` ${sender.trackId}`}`;
  const { ssrc: media, rtxSsrc, fecSsrc = null } = encoding;
  const all = [media];
  const ssrcGroups: SdpSsrcGroup[] = [];
  // RFC 4588 §8.2, RFC 5956 §4.3.
  const add = (semantics: string, ssrc: number): void => {
    all.push(ssrc);
    ssrcGroups.push({ semantics, ssrcs: [media, ssrc] });
  };
  if (hasRtx && rtxSsrc !== null) add("FID", rtxSsrc);
  if (hasFec && fecSsrc !== null) add("FEC-FR", fecSsrc);
  return {
    ssrcs: all.map((ssrc) => ({
      ssrc,
      attributes: [
        { name: "cname", value: sender.cname },
        { name: "msid", value: msid },
      ],
    })),
    ssrcGroups,
  };
}
