// What a peer's media section says of its own side: which streams and track it sends (RFC 8830, and the a=ssrc lines of
// before), with which SSRCs, and which simulcast streams it offers or wants.
import type { SdpDirection, SdpMedia, SdpSession } from "../sdp/model.js";
import { sectionDirection } from "./direction.js";
import type { RidStream } from "./simulcast.js";
import { ridStreams } from "./simulcast.js";

/** The MediaStream of everything from a peer that says nothing of streams: browsers have one for all of that. */
export const DEFAULT_STREAM_ID = "default";

export interface RemoteSsrc {
  readonly ssrc: number;
  readonly cname: string | null;
}

export interface RemoteSsrcGroup {
  /** "FID": media and retransmission; "FEC-FR": media and repair; "SIM": simulcast without rids. */
  readonly semantics: string;
  readonly ssrcs: readonly number[];
}

export interface RemoteMedia {
  /** As the peer says it; its "sendonly" is our receiving. */
  readonly direction: SdpDirection;
  readonly streamIds: readonly string[];
  /** Null where the peer names none. It is a hint: a receiver's track has an identifier of its own. */
  readonly trackId: string | null;
  readonly ssrcs: readonly RemoteSsrc[];
  readonly ssrcGroups: readonly RemoteSsrcGroup[];
  /** Simulcast streams that the peer offers to send, or sends. */
  readonly sendRids: readonly RidStream[];
  /** Simulcast streams that the peer is willing to receive: in an offer, the encodings it proposes for our sender. */
  readonly receiveRids: readonly RidStream[];
}

export function remoteMedia(session: SdpSession, media: SdpMedia): RemoteMedia {
  const streamIds = new Set<string>();
  let trackId: string | null = null;
  for (const msid of media.msids) {
    if (msid.streamId !== "-") streamIds.add(msid.streamId);
    trackId ??= msid.trackId ?? null;
  }
  if (media.msids.length === 0) {
    const [streamId, track] = ssrcMsids(media)[0] ?? [DEFAULT_STREAM_ID];
    if (streamId !== "-") streamIds.add(streamId!);
    trackId = track ?? null;
  }
  return {
    direction: sectionDirection(session, media),
    streamIds: [...streamIds],
    trackId,
    ssrcs: media.ssrcs.map(({ ssrc, attributes }) => ({
      ssrc,
      cname: attributes.find(({ name }) => name === "cname")?.value ?? null,
    })),
    ssrcGroups: media.ssrcGroups,
    sendRids: ridStreams(media, "send"),
    receiveRids: ridStreams(media, "recv"),
  };
}

/** The `msid` of each SSRC that has one, as stream and track. */
function ssrcMsids(media: SdpMedia): string[][] {
  const out: string[][] = [];
  for (const { attributes } of media.ssrcs) {
    const value = attributes.find(({ name }) => name === "msid")?.value;
    if (value !== undefined) out.push(value.trim().split(" "));
  }
  return out;
}

/** What is wrong with a section that describes more than one track: "plan B", which is gone, or two a=msid that differ. */
export function severalTracks(media: SdpMedia): string | undefined {
  const tracks = (list: (string | undefined)[]): number => new Set(list.filter((id) => id !== undefined)).size;
  if (tracks(media.msids.map(({ trackId }) => trackId)) > 1) return "two a=msid with different tracks";
  if (tracks(ssrcMsids(media).map(([, trackId]) => trackId)) > 1) {
    return 'the a=ssrc lines describe more than one track; one m-section has one (RFC 9429 §4.1.1, not "plan B")';
  }
  return undefined;
}
