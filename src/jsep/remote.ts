// Reading a remote description: what it says of each section once session-level values and BUNDLE are taken into account
// (RFC 9429 §5.8.3, RFC 9143 §7).
import type { SdpMedia, SdpSession } from "../sdp/model.js";
import { isRejected, isRtpProtocol, isSctpProtocol } from "../sdp/model.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import { writeIceCandidate } from "../util/ice-candidate.js";
import type { IceParameters, RemoteParameters } from "./state.js";

export const DATA_APPLICATION = "webrtc-datachannel";
/** RFC 8841 §6.1: what a peer without a=max-message-size takes. */
export const DEFAULT_MAX_MESSAGE_SIZE = 65_536;
/** RFC 8841 §5.1 requires a=sctp-port; where it is missing, browsers take the port everybody uses. */
export const DEFAULT_SCTP_PORT = 5000;

/** Hash functions (RFC 8122 §5) that a fingerprint can be checked with. */
export const FINGERPRINT_ALGORITHMS: readonly string[] = ["sha-1", "sha-224", "sha-256", "sha-384", "sha-512"];

/** A description with its sections found by mid. */
export interface RemoteView {
  readonly description: SdpSession;
  readonly indexOfMid: ReadonlyMap<string, number>;
  /** For each section in a BUNDLE group: the group's mids in order. */
  readonly groupOf: ReadonlyMap<number, readonly string[]>;
  /** For each of those groups: its first section that is not rejected. */
  readonly taggedOf: ReadonlyMap<readonly string[], number>;
}

/** Whether a section is one that transceivers are for. */
export function isMedia({ kind, protocol }: SdpMedia): boolean {
  return (kind === "audio" || kind === "video") && isRtpProtocol(protocol);
}

/** Descriptions are values: each is looked at once. */
const views = new WeakMap<SdpSession, RemoteView>();

export function viewOf(description: SdpSession): RemoteView {
  let view = views.get(description);
  if (view === undefined) {
    view = makeView(description);
    views.set(description, view);
  }
  return view;
}

function makeView(description: SdpSession): RemoteView {
  const indexOfMid = new Map<string, number>();
  description.media.forEach((media, index) => {
    if (media.mid !== undefined && !indexOfMid.has(media.mid)) indexOfMid.set(media.mid, index);
  });
  const groupOf = new Map<number, readonly string[]>();
  for (const { semantics, mids } of description.groups) {
    if (semantics !== "BUNDLE") continue;
    for (const mid of mids) {
      const index = indexOfMid.get(mid);
      if (index !== undefined && !groupOf.has(index)) groupOf.set(index, mids);
    }
  }
  const taggedOf = new Map<readonly string[], number>();
  for (const { mids } of description.groups) {
    for (const mid of mids) {
      const index = indexOfMid.get(mid);
      if (index === undefined || groupOf.get(index) !== mids || isRejected(description.media[index]!)) continue;
      taggedOf.set(mids, index);
      break;
    }
  }
  return { description, indexOfMid, groupOf, taggedOf };
}

/** The first section of the BUNDLE group of this one that is not rejected; the section itself without a group. */
export function taggedIndex(view: RemoteView, index: number): number {
  const group = view.groupOf.get(index);
  return (group === undefined ? undefined : view.taggedOf.get(group)) ?? index;
}

/** ICE options are separated by spaces (RFC 8839 §5.6); libdatachannel puts commas. */
export function iceOptionsOf(session: SdpSession, media: SdpMedia): readonly string[] {
  return [...session.iceOptions, ...media.iceOptions].flatMap((option) => option.split(","));
}

/** Any section, or the session level, lists "trickle": webrtc-pc canTrickleIceCandidates. */
export function canTrickle(session: SdpSession): boolean {
  const options = session.media.length === 0 ? session.iceOptions : undefined;
  return (options ?? session.media.flatMap((media) => iceOptionsOf(session, media))).includes("trickle");
}

/** Transport parameters of a section alone, with session-level values; undefined where something needed is missing. */
export function ownParameters(session: SdpSession, media: SdpMedia): RemoteParameters | undefined {
  const usernameFragment = media.iceUfrag ?? session.iceUfrag;
  const password = media.icePwd ?? session.icePwd;
  const fingerprints = media.fingerprints.length > 0 ? media.fingerprints : session.fingerprints;
  if (usernameFragment === undefined || password === undefined || fingerprints.length === 0) return undefined;
  return {
    usernameFragment,
    password,
    iceLite: session.iceLite,
    trickle: iceOptionsOf(session, media).includes("trickle"),
    fingerprints,
    setup: media.setup ?? session.setup,
    tlsId: media.tlsId ?? session.tlsId,
  };
}

export interface RemoteData {
  /** The form before RFC 8841: `m=application 9 DTLS/SCTP 5000` with a=sctpmap. */
  readonly legacy: boolean;
  readonly port: number;
  /** Infinity for 0. */
  readonly maxMessageSize: number;
  /** The INIT of its association, in base64 (draft-hancke-tsvwg-snap-00). */
  readonly init: string | undefined;
}

/** The data channel parameters of a section; undefined if it is not one for WebRTC data channels. */
export function dataParameters(media: SdpMedia): RemoteData | undefined {
  if (media.kind !== "application" || !isSctpProtocol(media.protocol)) return undefined;
  const size = media.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE;
  const maxMessageSize = size === 0 ? Number.POSITIVE_INFINITY : size;
  const format = media.formats[0]!;
  if (format === DATA_APPLICATION) {
    return { legacy: false, port: media.sctpPort ?? DEFAULT_SCTP_PORT, maxMessageSize, init: media.sctpInit };
  }
  const map = media.sctpmaps.find(({ port }) => `${port}` === format);
  if (map?.application !== DATA_APPLICATION) return undefined;
  return { legacy: true, port: map.port, maxMessageSize, init: undefined };
}

/** In a description, and in a transport's list, the user name fragment is said once for all. */
export function withoutFragment(candidate: IceCandidate): IceCandidate {
  return candidate.usernameFragment === undefined ? candidate : { ...candidate, usernameFragment: undefined };
}

/** The same for two mentions of one candidate. */
function candidateKey(candidate: IceCandidate): string {
  return writeIceCandidate(withoutFragment(candidate));
}

/** What of a list is not in another. */
export function newCandidates(list: readonly IceCandidate[], known: readonly IceCandidate[]): readonly IceCandidate[] {
  if (known.length === 0 || list.length === 0) return list;
  const keys = new Set(known.map(candidateKey));
  return list.filter((candidate) => !keys.has(candidateKey(candidate)));
}

/** RTCP shares the transport of RTP: there is one component (RFC 8445 §13.1), and candidates of another reach nothing. */
export function isOfOurComponent(candidate: IceCandidate): boolean {
  return candidate.component === 1;
}

/** The candidates that a section lists for these parameters: a line may name another generation. */
export function sectionCandidates(media: SdpMedia, parameters: IceParameters): readonly IceCandidate[] {
  const { usernameFragment: ours } = parameters;
  return media.candidates
    .filter((candidate) => isOfOurComponent(candidate) && (candidate.usernameFragment ?? ours) === ours)
    .map(withoutFragment);
}
