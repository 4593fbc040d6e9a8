// A local description that the program has changed since it was created ("munging"). webrtc-pc §4.4.1.5 refuses any, RFC 9429
// §5.4 lets implementations take some, and browsers do, since programs live on it: codecs are taken out or put in order,
// a=fmtp edited, bandwidths, directions and header extensions changed, everything written anew by a library with another
// order of lines. Taken is what Chromium takes and can be kept; not what we would not keep: m-sections, mids, ICE credentials
// and fingerprints that are not ours, codecs that we do not have, attributes that nobody here knows.
import type { SdpGroup, SdpMedia, SdpSession } from "../sdp/model.js";
import { isRejected, isRtpProtocol, isSctpProtocol } from "../sdp/model.js";
import type { ParseResult } from "../sdp/parser.js";
import { parseSdp } from "../sdp/parser.js";
import type { MediaKind } from "./codec-capabilities.js";
import { allCodecsFor } from "./codec-capabilities.js";
import { rtxIdentity } from "./codec-match.js";
import { sectionDirection, sends } from "./direction.js";
import type { FormatParameters } from "./fmtp.js";
import { sectionFormats } from "./payload-types.js";
import { dataParameters, isMedia } from "./remote.js";
import type { CreatedDescription, CreatedTransport, MediaSlot, NegotiationState } from "./state.js";
import { verifyLocal } from "./verify.js";

/** What such a description says otherwise of one of our senders. */
export interface SenderChange {
  readonly transceiver: string;
  /** The streams of a=msid; null where they are as they were. */
  readonly streamIds: readonly string[] | null;
  /** Of the one encoding without a rid; null where they are as they were. */
  readonly ssrcs: { readonly ssrc: number; readonly rtxSsrc: number | null; readonly fecSsrc?: number } | null;
}

export interface ChangedLocal {
  /** As if this had been created. */
  readonly created: CreatedDescription;
  readonly senderChanges: readonly SenderChange[];
}

type Parsed = Extract<ParseResult, { ok: true }>;

/** The changed description, or what it changes that must not be. `offer`: the remote one that an answer is for. */
export function changedLocal(
  state: NegotiationState,
  created: CreatedDescription,
  type: "offer" | "answer" | "pranswer",
  sdp: string,
  offer: SdpSession | null,
): ChangedLocal | string {
  const parsed = parseSdp(sdp);
  if (!parsed.ok) return parsed.error.message;
  const { media } = parsed.description;
  const before = created.description;
  if (media.length !== before.media.length)
    return `it has ${media.length} m-sections instead of ${before.media.length}`;
  const unknown = addedAttribute(before, parsed.description);
  if (unknown !== undefined) return `it has a=${unknown}, which means nothing here`;
  for (const [i, section] of media.entries()) {
    const problem = sectionProblem(before.media[i]!, section);
    if (problem !== undefined) return `m-section ${i}: ${problem}`;
  }
  const slots = created.slots.map((slot, i): MediaSlot => changedSlot(slot, before.media[i]!, media[i]!));
  const description = { ...parsed.description, groups: liveGroups(parsed.description, slots) };
  const problem =
    transportProblem(created, slots, description) ??
    (type === "offer" ? undefined : answerProblem(created, slots, description, offer!));
  if (problem !== undefined) return problem;
  const valid: Parsed = { ...parsed, description };
  const error = verifyLocal(state, valid, offer);
  if (error !== undefined) return error.message;
  const used = new Set(slots.map(({ transport }) => transport));
  return {
    created: {
      ...created,
      sdp,
      description,
      slots,
      transports: created.transports.filter(({ id }) => used.has(id)),
    },
    senderChanges: slots.flatMap((slot, i) => senderChange(slot, before, before.media[i]!, description, media[i]!)),
  };
}

/** An attribute that no line of the created description has and that the model does not know; private ones ("x-…") pass. */
function addedAttribute(before: SdpSession, after: SdpSession): string | undefined {
  const names = ({ attributes }: { attributes: SdpSession["attributes"] }): string[] =>
    attributes.map(({ name }) => name);
  const known = new Set([...names(before), ...before.media.flatMap(names)]);
  return [...names(after), ...after.media.flatMap(names)].find((name) => !known.has(name) && !name.startsWith("x-"));
}

function sectionProblem(before: SdpMedia, after: SdpMedia): string | undefined {
  if (after.kind !== before.kind) return `it is ${after.kind} instead of ${before.kind}`;
  if (after.mid !== before.mid) return `it has mid "${after.mid ?? ""}" instead of "${before.mid ?? ""}"`;
  if (isRejected(after)) return undefined;
  if (isRejected(before)) return "it was created with port 0";
  const sameFamily =
    isRtpProtocol(after.protocol) === isRtpProtocol(before.protocol) &&
    isSctpProtocol(after.protocol) === isSctpProtocol(before.protocol);
  if (!sameFamily) return `it has protocol ${after.protocol} instead of ${before.protocol}`;
  if (isMedia(after)) return formatsProblem(before, after);
  // The INIT of our association is not the program's to write; without it there is a handshake.
  if (after.sctpInit !== undefined && after.sctpInit !== before.sctpInit) return "another a=sctp-init";
  return dataParameters(after) === undefined ? "it is not for data channels" : undefined;
}

/** Every format is one that was created, or one of ours with another number or other parameters. */
function formatsProblem(before: SdpMedia, after: SdpMedia): string | undefined {
  const formats = sectionFormats(after);
  const known = new Set(sectionFormats(before).map(({ identity }) => identity));
  for (const isSending of [true, false]) {
    for (const { identity, rtxPayloadType } of allCodecsFor(after.kind as MediaKind, isSending)) {
      known.add(identity);
      if (rtxPayloadType !== null) known.add(rtxIdentity(identity));
    }
  }
  const byNumber = new Map(formats.map((format) => [`${format.payloadType}`, format]));
  for (const number of after.formats) {
    const format = byNumber.get(number);
    if (format === undefined) return `nothing says what payload type ${number} is, or what it retransmits`;
    if (!known.has(format.identity)) return `payload type ${number} is ${format.format.name}, which we do not have`;
  }
  const loose = after.payloads.find(({ payloadType }) => payloadType !== "*" && !byNumber.has(`${payloadType}`));
  if (loose !== undefined) return `payload type ${loose.payloadType} is not in the m= line`;
  if (new Set(after.formats).size !== after.formats.length) return "a payload type is there twice";
  const ids = after.extmaps.map(({ id }) => id);
  if (new Set(ids).size !== ids.length) return "two a=extmap with one identifier";
  return formats.some(({ role }) => role === "media") ? undefined : "no codec is left";
}

function changedSlot(slot: MediaSlot, before: SdpMedia, after: SdpMedia): MediaSlot {
  if (slot.rejected) return slot;
  if (isRejected(after)) return { ...slot, rejected: true, transport: null };
  const { protocol, formats } = after;
  if (!isMedia(after)) return { ...slot, protocol, formats };
  const was = new Map(sectionFormats(before).map(({ identity, format }) => [identity, sorted(format.parameters)]));
  const parameters = new Map(slot.parameters ?? []);
  for (const { role, identity, format, fmtp } of sectionFormats(after)) {
    const old = was.get(identity);
    if (role === "media" && old !== undefined && old !== sorted(format.parameters)) parameters.set(identity, fmtp);
  }
  return { ...slot, protocol, formats, parameters: parameters.size === 0 ? null : parameters };
}

function sorted(parameters: FormatParameters): string {
  return [...parameters]
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(";");
}

/** BUNDLE without the sections that have port zero. */
function liveGroups({ groups }: SdpSession, slots: readonly MediaSlot[]): readonly SdpGroup[] {
  const dead = new Set(slots.filter(({ rejected }) => rejected).map(({ mid }) => mid));
  return groups.flatMap(({ semantics, mids }) => {
    const left = mids.filter((mid) => !dead.has(mid));
    return semantics === "BUNDLE" && left.length === 0 ? [] : [{ semantics, mids: left }];
  });
}

/** Each transport keeps its section, its credentials and its fingerprints, and what shares it stays bundled. */
function transportProblem(
  { transports, description: before }: CreatedDescription,
  slots: readonly MediaSlot[],
  after: SdpSession,
): string | undefined {
  const byId = new Map(transports.map((transport) => [transport.id, transport]));
  const live = new Set(slots.filter(({ rejected }) => !rejected).map(({ mid }) => mid));
  const fingerprint = (f: SdpMedia["fingerprints"][number]): string => `${f.algorithm} ${f.value}`;
  const ours = new Set([before, ...before.media].flatMap(({ fingerprints }) => fingerprints.map(fingerprint)));
  if (after.fingerprints.some((f) => !ours.has(fingerprint(f)))) return "it has a fingerprint that is not ours";
  for (const { rejected, index, mid, transport: id } of slots) {
    if (rejected || id === null) continue;
    const { local, mid: owner } = byId.get(id) as CreatedTransport;
    const section = after.media[index]!;
    const name = `mid "${mid}"`;
    if (!live.has(owner)) return `${name} is bundled with "${owner}", which has port 0`;
    if (owner !== mid && !sharesGroup(after, owner, mid)) return `${name} is not bundled with "${owner}" any more`;
    const { usernameFragment, password } = local;
    if ((section.iceUfrag ?? after.iceUfrag ?? usernameFragment) !== usernameFragment)
      return `${name}: another a=ice-ufrag`;
    if ((section.icePwd ?? after.icePwd ?? password) !== password) return `${name}: another a=ice-pwd`;
    if (section.fingerprints.some((f) => !ours.has(fingerprint(f)))) return `${name}: a fingerprint that is not ours`;
  }
  return undefined;
}

function sharesGroup({ groups }: SdpSession, a: string, b: string): boolean {
  return groups.some(({ semantics, mids }) => semantics === "BUNDLE" && mids.includes(a) && mids.includes(b));
}

/** An answer has one DTLS role for each transport, one that the offer leaves, and its BUNDLE groups stay. */
function answerProblem(
  { description: before }: CreatedDescription,
  slots: readonly MediaSlot[],
  after: SdpSession,
  offer: SdpSession,
): string | undefined {
  const groups = (session: SdpSession): string =>
    liveGroups(session, slots)
      .filter(({ semantics }) => semantics === "BUNDLE")
      .map(({ mids: [first, ...others] }) => [first, ...others.sort()].join(" "))
      .sort()
      .join("; ");
  if (groups(before) !== groups(after)) return "its BUNDLE groups are others";
  const roles = new Map<number, string>();
  for (const { rejected, index, transport } of slots) {
    if (rejected || transport === null) continue;
    const setup = after.media[index]!.setup ?? after.setup;
    const offered = offer.media[index]!.setup ?? offer.setup;
    if (setup !== "active" && setup !== "passive") return `m-section ${index}: a=setup has to be active or passive`;
    if (setup === offered) return `m-section ${index}: a=setup:${setup} answers a=setup:${offered}`;
    if ((roles.get(transport) ?? setup) !== setup) return `m-section ${index}: another a=setup than it is bundled with`;
    roles.set(transport, setup);
  }
  return undefined;
}

function senderChange(
  { rejected, transceiver }: MediaSlot,
  before: SdpSession,
  was: SdpMedia,
  after: SdpSession,
  is: SdpMedia,
): readonly SenderChange[] {
  if (
    rejected ||
    transceiver === null ||
    !sends(sectionDirection(before, was)) ||
    !sends(sectionDirection(after, is))
  ) {
    return [];
  }
  const streams = ({ msids }: SdpMedia): string[] => msids.map(({ streamId }) => streamId).filter((id) => id !== "-");
  const streamIds = is.msids.length === 0 || streams(is).join(" ") === streams(was).join(" ") ? null : streams(is);
  const old = mainSsrcs(was);
  const now = mainSsrcs(is);
  const same = old?.ssrc === now?.ssrc && old?.rtxSsrc === now?.rtxSsrc && old?.fecSsrc === now?.fecSsrc;
  const ssrcs = old === null || now === null || same ? null : { ...now, rtxSsrc: now.rtxSsrc ?? old.rtxSsrc };
  return streamIds === null && ssrcs === null ? [] : [{ transceiver, streamIds, ssrcs }];
}

function mainSsrcs({ ssrcs, ssrcGroups }: SdpMedia): SenderChange["ssrcs"] {
  const [first] = ssrcs;
  if (first === undefined) return null;
  const second = (semantics: string): number | undefined =>
    ssrcGroups.find((group) => group.semantics === semantics && group.ssrcs[0] === first.ssrc)?.ssrcs[1];
  const fecSsrc = second("FEC-FR");
  const main = { ssrc: first.ssrc, rtxSsrc: second("FID") ?? null };
  return fecSsrc === undefined ? main : { ...main, fecSsrc };
}
