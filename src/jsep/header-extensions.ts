// RTP header extensions (RFC 8285) in offer and answer: which ones we know, their identifiers, and in which direction each
// is used. The list and what of it is offered by default are those of Chromium 156.
import type { SdpDirection, SdpExtmap, SdpMedia } from "../sdp/model.js";
import type { MediaKind } from "./codec-capabilities.js";
import { intersectDirections, reverseDirection } from "./direction.js";
import type { IdTable } from "./id-table.js";
import { IdAssigner } from "./id-table.js";

/** RTCRtpHeaderExtensionCapability (webrtc-extensions §5): "stopped" is not offered. */
export interface HeaderExtension {
  readonly uri: string;
  readonly direction: SdpDirection | "stopped";
}

/** An extension that both sides use. */
export interface NegotiatedExtension {
  readonly id: number;
  readonly uri: string;
  /** Seen from us: "sendonly" is sent and not received. */
  readonly direction: SdpDirection;
}

export const MID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:mid";
export const RID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
export const REPAIRED_RID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
export const TRANSPORT_CC_EXTENSION = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
export const ABS_SEND_TIME_EXTENSION = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
export const ABS_CAPTURE_TIME_EXTENSION = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
export const DEPENDENCY_DESCRIPTOR_EXTENSION =
  "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
export const VIDEO_LAYERS_ALLOCATION_EXTENSION =
  "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00";

/** Offered besides where layers are made: simulcast, or a scalabilityMode. */
export const LAYER_EXTENSIONS: readonly string[] = [DEPENDENCY_DESCRIPTOR_EXTENSION, VIDEO_LAYERS_ALLOCATION_EXTENSION];

const used = (...uris: string[]): HeaderExtension[] => uris.map((uri) => ({ uri, direction: "sendrecv" }));
const stopped = (...uris: string[]): HeaderExtension[] => uris.map((uri) => ({ uri, direction: "stopped" }));

const CAPABILITIES: Readonly<Record<MediaKind, readonly HeaderExtension[]>> = {
  audio: [
    ...used(
      "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
      ABS_SEND_TIME_EXTENSION,
      TRANSPORT_CC_EXTENSION,
      MID_EXTENSION,
    ),
    ...stopped(ABS_CAPTURE_TIME_EXTENSION, "urn:ietf:params:rtp-hdrext:csrc-audio-level"),
  ],
  video: [
    ...used(
      "urn:ietf:params:rtp-hdrext:toffset",
      ABS_SEND_TIME_EXTENSION,
      "urn:3gpp:video-orientation",
      TRANSPORT_CC_EXTENSION,
      "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
      "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
      "http://www.webrtc.org/experiments/rtp-hdrext/video-timing",
      "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
      MID_EXTENSION,
      RID_EXTENSION,
      REPAIRED_RID_EXTENSION,
    ),
    ...stopped(ABS_CAPTURE_TIME_EXTENSION, DEPENDENCY_DESCRIPTOR_EXTENSION, VIDEO_LAYERS_ALLOCATION_EXTENSION),
  ],
};

/** What a new transceiver's getHeaderExtensionsToNegotiate lists. */
export function headerExtensionCapabilities(kind: MediaKind): readonly HeaderExtension[] {
  return CAPABILITIES[kind];
}

/**
 * One byte of header holds 1 to 14 (RFC 8285 §4.2), two bytes up to 255 (§4.3); 15 means something else in the former.
 *
 * Each has the number of its place in the list above, or the highest free one: those of Chromium. It holds a peer to the
 * numbers of offers of its own that it has taken back: with others, glare over a new section would end in a refusal.
 */
const ONE_BYTE_RESERVED = 15;
const ONE_BYTE: readonly (readonly [number, number])[] = [[14, 1]];
const ANY: readonly (readonly [number, number])[] = [
  [14, 1],
  [16, 255],
];

export function extensionIdAssigner(table: IdTable, allowMixed: boolean): IdAssigner {
  return new IdAssigner(table, allowMixed ? ANY : ONE_BYTE);
}

/**
 * The extensions of an offered section. `chosen` is what setHeaderExtensionsToNegotiate was given or the last answer left,
 * null for the default: with it, `extras` and what the session already uses are offered besides.
 */
export function offeredExtensions(
  kind: MediaKind,
  chosen: readonly HeaderExtension[] | null,
  extras: readonly string[],
  previous: readonly SdpExtmap[],
  ids: IdAssigner,
): readonly SdpExtmap[] {
  const before = new Map(previous.map(({ uri, id }) => [uri, id]));
  const out: SdpExtmap[] = [];
  for (const { uri, direction } of chosen ?? CAPABILITIES[kind]) {
    const wanted = direction !== "stopped" || (chosen === null && (extras.includes(uri) || before.has(uri)));
    if (!wanted) continue;
    const place = CAPABILITIES[kind].findIndex((known) => known.uri === uri);
    const id = before.get(uri) ?? ids.assign(uri, place < 0 ? null : place + 1);
    if (id !== undefined) out.push({ id, direction: written(direction), uri, attributes: undefined });
  }
  return out;
}

/**
 * The extensions of an answer: those offered that we know, with the identifiers of the offer (RFC 8285 §7). `taken`: what the
 * sections of the same transport have made of identifiers so far. What another one means by the same identifier is left out: aiortc
 * offers such, and then reads the packets of one section with the extensions of another.
 */
export function answeredExtensions(
  kind: MediaKind,
  chosen: readonly HeaderExtension[] | null,
  offered: readonly SdpExtmap[],
  taken: Map<number, string>,
  congestionFeedback: boolean,
  allowMixed: boolean,
): readonly SdpExtmap[] {
  const known = new Map((chosen ?? CAPABILITIES[kind]).map(({ uri, direction }) => [uri, direction]));
  const out: SdpExtmap[] = [];
  for (const { id, uri, direction } of offered) {
    let ours = known.get(uri);
    // What we do not offer of ourselves we still take; not so what the application has stopped.
    if (ours === "stopped" && chosen === null) ours = "sendrecv";
    if (ours === undefined || ours === "stopped" || id > 255 || (id === ONE_BYTE_RESERVED && !allowMixed)) continue;
    // RFC 8888 needs no numbers but the packets' own.
    if (congestionFeedback && uri === TRANSPORT_CC_EXTENSION) continue;
    const both = intersectDirections(ours, reverseDirection(direction ?? "sendrecv"));
    if (both === "inactive" || (taken.get(id) ?? uri) !== uri) continue;
    taken.set(id, uri);
    known.delete(uri);
    out.push({ id, direction: written(both), uri, attributes: undefined });
  }
  return out;
}

function written(direction: SdpDirection | "stopped"): SdpDirection | undefined {
  return direction === "sendrecv" || direction === "stopped" ? undefined : direction;
}

/** What two sections that belong together agree on: same URI, same identifier. */
export function negotiatedExtensions(local: SdpMedia, remote: SdpMedia): readonly NegotiatedExtension[] {
  const theirs = new Map(remote.extmaps.map((extmap) => [`${extmap.id} ${extmap.uri}`, extmap]));
  const out: NegotiatedExtension[] = [];
  for (const { id, uri, direction } of local.extmaps) {
    const other = theirs.get(`${id} ${uri}`);
    if (other === undefined) continue;
    const both = intersectDirections(direction ?? "sendrecv", reverseDirection(other.direction ?? "sendrecv"));
    if (both !== "inactive") out.push({ id, uri, direction: both });
  }
  return out;
}
