// Semantics verification of a remote description (RFC 9429 §5.8.3), before anything is applied.
import type { SdpDirection, SdpMedia, SdpSession } from "../sdp/model.js";
import { isRejected } from "../sdp/model.js";
import type { ParseResult } from "../sdp/parser.js";
import { isCryptexOffered } from "./cryptex.js";
import { intersectDirections, reverseDirection, sectionDirection } from "./direction.js";
import type { JsepError } from "./errors.js";
import { invalidAccess } from "./errors.js";
import { MID_EXTENSION } from "./header-extensions.js";
import type { RemoteView } from "./remote.js";
import { dataParameters, FINGERPRINT_ALGORITHMS, isMedia, ownParameters, taggedIndex, viewOf } from "./remote.js";
import { severalTracks } from "./remote-media.js";
import type { Negotiated, NegotiationState, RemoteParameters } from "./state.js";

type Parsed = Extract<ParseResult, { ok: true }>;

// RFC 8839 §5.4 has ice-char = ALPHA / DIGIT / "+" / "/"; Chromium also lets these four of older implementations pass.
const ICE_CHARS = /^[A-Za-z0-9+/=#_-]*$/;

interface Section {
  readonly media: SdpMedia;
  readonly index: number;
  readonly error: (message: string) => JsepError;
}

/** What is wrong with a remote offer for this session. */
export function verifyOffer(state: NegotiationState, parsed: Parsed): JsepError | undefined {
  const { description } = parsed;
  const view = viewOf(description);
  return (
    verifyMids(description, parsed.mediaLines) ??
    verifyLines(state.stable ?? state, view, parsed.mediaLines) ??
    verifySections(state, view, parsed, "offer") ??
    verifyMidExtension(view, parsed.mediaLines)
  );
}

/** What is wrong with a remote answer to this offer of ours. */
export function verifyAnswer(state: NegotiationState, offer: SdpSession, parsed: Parsed): JsepError | undefined {
  const { description, mediaLines } = parsed;
  const view = viewOf(description);
  return (
    verifyMids(description, mediaLines) ??
    verifyAgainstOffer(offer, description, mediaLines) ??
    verifySections(state, view, parsed, "answer") ??
    verifyMidExtension(view, mediaLines)
  );
}

/** What is wrong with a description of our own that the program has changed; `offer` is the one that it answers, if it does. */
export function verifyLocal(state: NegotiationState, parsed: Parsed, offer: SdpSession | null): JsepError | undefined {
  const { description, mediaLines } = parsed;
  const view = viewOf(description);
  return (
    verifyMids(description, mediaLines) ??
    (offer === null ? undefined : verifyAgainstOffer(offer, description, mediaLines)) ??
    verifySections(state, view, parsed, offer === null ? "offer" : "answer") ??
    verifyMidExtension(view, mediaLines)
  );
}

/** Mids are unique, and BUNDLE groups name each m-section once (RFC 5888 §5, RFC 9143 §7). */
function verifyMids(description: SdpSession, lines: readonly number[]): JsepError | undefined {
  const mids = new Set<string>();
  for (const [i, { mid }] of description.media.entries()) {
    if (mid === undefined) continue;
    if (mids.has(mid)) return invalidAccess(`two m-sections have a=mid:${mid}`, lines[i]);
    mids.add(mid);
  }
  // Where no section has a mid, the group names what the peer does not: browsers let that pass.
  if (mids.size === 0) return undefined;
  const grouped = new Set<string>();
  for (const { semantics, mids: group } of description.groups) {
    if (semantics !== "BUNDLE") continue;
    for (const mid of group) {
      if (!mids.has(mid)) return invalidAccess(`a BUNDLE group names "${mid}", which is no m-section's mid`);
      if (grouped.has(mid)) return invalidAccess(`the BUNDLE groups name "${mid}" twice`);
      grouped.add(mid);
    }
  }
  return undefined;
}

/** A later offer keeps the m-lines of the session and their order (RFC 3264 §8). */
function verifyLines(session: Negotiated, view: RemoteView, lines: readonly number[]): JsepError | undefined {
  const offer = view.description;
  if (offer.media.length < session.slots.length) {
    return invalidAccess(`the offer has ${offer.media.length} m-sections, the session has ${session.slots.length}`);
  }
  for (const slot of session.slots) {
    const media = offer.media[slot.index]!;
    // A rejected line can be anything new.
    if (slot.rejected) continue;
    const line = lines[slot.index];
    if (media.kind !== slot.kind) {
      return invalidAccess(`m-section ${slot.index} was ${slot.kind} and is ${media.kind} in the offer`, line);
    }
    if (media.mid === undefined && view.indexOfMid.has(slot.mid)) {
      return invalidAccess(`m-section ${slot.index} had mid "${slot.mid}", which is another's in the offer`, line);
    }
    if (media.mid !== undefined && slot.midSignaled && media.mid !== slot.mid) {
      return invalidAccess(`m-section ${slot.index} had mid "${slot.mid}" and has "${media.mid}" in the offer`, line);
    }
  }
  return undefined;
}

/** RFC 3264 §6, RFC 9143 §7.3: the answer has the offer's m-sections, and bundles none that were not offered so. */
function verifyAgainstOffer(offer: SdpSession, answer: SdpSession, lines: readonly number[]): JsepError | undefined {
  if (answer.media.length !== offer.media.length) {
    return invalidAccess(`the answer has ${answer.media.length} m-sections, the offer has ${offer.media.length}`);
  }
  const offeredView = viewOf(offer);
  const bundled = new Set<number>();
  for (const { semantics, mids } of answer.groups) {
    if (semantics !== "BUNDLE") continue;
    let offeredGroup: readonly string[] | undefined;
    for (const mid of mids) {
      const index = offeredView.indexOfMid.get(mid);
      const group = index === undefined ? undefined : offeredView.groupOf.get(index);
      if (index === undefined || group === undefined || (offeredGroup !== undefined && group !== offeredGroup)) {
        return invalidAccess(`the answer's BUNDLE group "${mids.join(" ")}" is not part of an offered one`);
      }
      offeredGroup = group;
      bundled.add(index);
    }
  }
  for (const [i, media] of answer.media.entries()) {
    const offered = offer.media[i]!;
    const error = (message: string): JsepError => invalidAccess(`m-section ${i}: ${message}`, lines[i]);
    if (media.kind !== offered.kind) return error(`the offer has ${offered.kind}, the answer ${media.kind}`);
    if (media.protocol !== offered.protocol) {
      return error(`the offer has protocol ${offered.protocol}, the answer ${media.protocol}`);
    }
    if (media.mid !== undefined && media.mid !== offered.mid) {
      return error(`the offer has mid "${offered.mid}", the answer "${media.mid}"`);
    }
    if (media.port === 0) continue;
    if (isRejected(offered)) return error("the offer has port 0, the answer takes it");
    if (offered.bundleOnly && !bundled.has(i)) return error("was offered bundle-only and is not bundled in the answer");
    if (!isMedia(media)) continue;
    const problem = verifyAnsweredMedia(
      offered,
      media,
      sectionDirection(offer, offered),
      sectionDirection(answer, media),
    );
    if (problem !== undefined) return error(problem);
  }
  return undefined;
}

/** RFC 3264 §6.1: an answer sends only what is to be received, and the other way round. RFC 8285 §7: with the offer's numbers. */
function verifyAnsweredMedia(
  offered: SdpMedia,
  answered: SdpMedia,
  theyOffered: SdpDirection,
  direction: SdpDirection,
): string | undefined {
  if (intersectDirections(direction, reverseDirection(theyOffered)) !== direction) {
    return `a=${theyOffered} was offered, and is answered a=${direction}`;
  }
  const uris = new Map(offered.extmaps.map(({ id, uri }) => [id, uri]));
  for (const { id, uri } of answered.extmaps) {
    const before = uris.get(id);
    if (before !== undefined && before !== uri)
      return `a=extmap:${id} was offered as ${before}, and is answered as ${uri}`;
  }
  return undefined;
}

function verifySections(
  state: NegotiationState,
  view: RemoteView,
  parsed: Parsed,
  type: "offer" | "answer",
): JsepError | undefined {
  const { description, mediaLines } = parsed;
  const msids = new Set<string>();
  for (const [index, media] of description.media.entries()) {
    if (isRejected(media)) continue;
    const name = media.mid === undefined ? `m-section ${index}` : `m-section ${index} (mid "${media.mid}")`;
    const error = (message: string): JsepError => invalidAccess(`${name}: ${message}`, mediaLines[index]);
    const isRtp = isMedia(media);
    // What we can only refuse need not be in order.
    if (!isRtp && dataParameters(media) === undefined) continue;
    const section: Section = { media, index, error };
    const problem =
      verifyTransport(view, section, type) ??
      (isRtp
        ? (verifyRtp(state, section, msids, type) ?? verifyCryptex(state, view, section))
        : verifySctpInit(state, section));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function verifyTransport(view: RemoteView, section: Section, type: "offer" | "answer"): JsepError | undefined {
  const { description } = view;
  const { media, index, error } = section;
  const tagged = taggedIndex(view, index);
  const own = ownParameters(description, media);
  if (own === undefined) {
    // A bundled section may leave everything to the tagged one (RFC 9143 §7.1.3).
    if (tagged !== index) return undefined;
    if (media.bundleOnly) return error("is bundle-only and has nothing to be bundled with");
    if ((media.iceUfrag ?? description.iceUfrag) === undefined) return error("no a=ice-ufrag");
    if ((media.icePwd ?? description.icePwd) === undefined) return error("no a=ice-pwd");
    return error("no a=fingerprint");
  }
  return verifyParameters(own, error, type);
}

function verifyParameters(
  parameters: RemoteParameters,
  error: (message: string) => JsepError,
  type: "offer" | "answer",
): JsepError | undefined {
  const { usernameFragment, password, fingerprints, setup } = parameters;
  // RFC 8839 §5.4.
  if (usernameFragment.length < 4 || usernameFragment.length > 256) return error("a=ice-ufrag is not 4 to 256 long");
  if (password.length < 22 || password.length > 256) return error("a=ice-pwd is not 22 to 256 long");
  if (!ICE_CHARS.test(usernameFragment)) return error("a=ice-ufrag has a character that is not allowed");
  if (!ICE_CHARS.test(password)) return error("a=ice-pwd has a character that is not allowed");
  if (!fingerprints.some(({ algorithm }) => FINGERPRINT_ALGORITHMS.includes(algorithm))) {
    return error(`no a=fingerprint with a known hash function, only ${fingerprints[0]!.algorithm}`);
  }
  // RFC 5763 §5, RFC 8842 §5.3. A missing a=setup passes: see answer.ts and apply.ts.
  if (setup === "holdconn") return error("a=setup:holdconn is not for DTLS");
  if (setup === "actpass" && type === "answer") return error("a=setup:actpass in an answer");
  return undefined;
}

/** A policy of "require" refuses descriptions of a peer that does not understand Cryptex (webrtc-extensions). */
function verifyCryptex(state: NegotiationState, view: RemoteView, { index, error }: Section): JsepError | undefined {
  const required = state.configuration.rtpHeaderEncryptionPolicy === "require";
  return required && !isCryptexOffered(view, index) ? error("no a=cryptex, which is required") : undefined;
}

/** draft-hancke-tsvwg-snap-00: what is no INIT chunk is an error. Where it is not used it says nothing. */
function verifySctpInit({ configuration }: NegotiationState, { media, error }: Section): JsepError | undefined {
  const { sctpInits } = configuration;
  if (media.sctpInit === undefined || sctpInits === undefined || sctpInits.isValid(media.sctpInit)) return undefined;
  return error("a=sctp-init is no INIT chunk of SCTP");
}

function verifyRtp(
  state: NegotiationState,
  section: Section,
  msids: Set<string>,
  type: "offer" | "answer",
): JsepError | undefined {
  const { media, error } = section;
  if (media.rtcpMuxOnly && !media.rtcpMux) return error("a=rtcp-mux-only without a=rtcp-mux");
  if (!media.rtcpMux && !media.bundleOnly) {
    if (state.configuration.rtcpMuxPolicy === "require") return error("no a=rtcp-mux, which is required");
    // An offer without it is answered with port zero.
    if (type === "answer") return error("no a=rtcp-mux: RTCP on a port of its own is not supported");
  }
  const tracks = severalTracks(media);
  if (tracks !== undefined) return error(tracks);
  // RFC 5761 §4: with the marker bit, these look like RTCP's packet types.
  const clash = media.rtcpMux
    ? media.formats.find((format) => Number(format) >= 64 && Number(format) <= 95)
    : undefined;
  if (clash !== undefined) return error(`payload type ${clash} cannot be told from RTCP (64 to 95)`);
  const own = new Set<string>();
  for (const { streamId, trackId } of media.msids) {
    // Without a stream the track is one all the same; some name neither.
    if (trackId === undefined || trackId === "-") continue;
    const key = `${streamId} ${trackId}`;
    if (msids.has(key)) return { ...error(`a=msid:${key} is in another m-section too`), kind: "OperationError" };
    own.add(key);
  }
  for (const key of own) msids.add(key);
  return undefined;
}

/**
 * The identifier of the MID header extension is nothing else in its BUNDLE group (RFC 9143 §9.2): by it packets find their
 * section. Other numbers should not clash either, but do: Firefox has payload types of its own for a section that it adds
 * to a session it answered, aiortc numbers the extensions of each section from one. With the section known, they are clear.
 */
function verifyMidExtension(view: RemoteView, lines: readonly number[]): JsepError | undefined {
  const midIds = new Map<readonly string[], Set<number>>();
  const isLive = (media: SdpMedia): boolean => !isRejected(media) && isMedia(media);
  for (const [index, media] of view.description.media.entries()) {
    const group = view.groupOf.get(index);
    const id = media.extmaps.find(({ uri }) => uri === MID_EXTENSION)?.id;
    if (group === undefined || id === undefined || !isLive(media)) continue;
    const ids = midIds.get(group);
    if (ids === undefined) midIds.set(group, new Set([id]));
    else ids.add(id);
  }
  for (const [index, media] of view.description.media.entries()) {
    const group = view.groupOf.get(index);
    const ids = group === undefined ? undefined : midIds.get(group);
    if (ids === undefined || !isLive(media)) continue;
    const clash = media.extmaps.find(({ id, uri }) => ids.has(id) && uri !== MID_EXTENSION);
    if (clash !== undefined) {
      return invalidAccess(
        `m-section ${index}: a=extmap:${clash.id} is the mid elsewhere in its BUNDLE group, and not here`,
        lines[index],
      );
    }
  }
  return undefined;
}
