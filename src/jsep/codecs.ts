// The payload formats of our own sections: what an offer lists (RFC 9429 §5.2.1, §5.2.2), what of an offer an answer takes
// (§5.3.1), and what the two sides have agreed on after that.
import type { SdpDirection, SdpMedia, SdpPayload, SdpRtcpFeedback } from "../sdp/model.js";
import type { CodecCapability, MediaKind, RtpCodec } from "./codec-capabilities.js";
import { allCodecsFor, codecsFor, preferredCodecs } from "./codec-capabilities.js";
import type { CodecRole } from "./codec-match.js";
import { answerParameters, rtxIdentity } from "./codec-match.js";
import { sends } from "./direction.js";
import type { IdAssigner } from "./id-table.js";
import type { SectionFormat } from "./payload-types.js";
import { sectionFormats } from "./payload-types.js";

/** Our codecs for a section of this direction. An inactive section has those of one that sends and receives. */
function ownCodecs(kind: MediaKind, direction: SdpDirection): readonly CodecCapability[] {
  return codecsFor(kind, sends(direction) || direction === "inactive");
}

/** With those that are not offered unless asked for. */
function allOwnCodecs(kind: MediaKind, direction: SdpDirection): readonly CodecCapability[] {
  return allCodecsFor(kind, sends(direction) || direction === "inactive");
}

function payload(
  payloadType: number,
  { format }: CodecCapability,
  fmtp: string | undefined,
  rtcpFeedback: readonly SdpRtcpFeedback[],
): SdpPayload {
  const parameters = format.channels > 1 ? `${format.channels}` : undefined;
  return {
    payloadType,
    rtpmap: { encodingName: format.name, clockRate: format.clockRate, parameters },
    fmtp: fmtp === undefined ? [] : [fmtp],
    rtcpFeedback,
  };
}

function rtxPayload(payloadType: number, apt: number): SdpPayload {
  return {
    payloadType,
    rtpmap: { encodingName: "rtx", clockRate: 90_000, parameters: undefined },
    fmtp: [`apt=${apt}`],
    rtcpFeedback: [],
  };
}

const OPUS = "opus/48000/2";
/** Taken where it is offered (RFC 5104 §7.1). Browsers do not offer it, and so do not we. */
const TMMBR: SdpRtcpFeedback = { type: "ccm", parameter: "tmmbr" };

/**
 * The formats of an offered section. `previous`, the section in our last local description, keeps its payload types;
 * `negotiated`, identities in the order of the last answer, come first unless the application has preferences. `given` has
 * a=fmtp by identity, as the application has changed it in an earlier description.
 */
export function offeredPayloads(
  kind: MediaKind,
  direction: SdpDirection,
  preferences: readonly RtpCodec[] | null,
  previous: SdpMedia | undefined,
  negotiated: readonly string[],
  given: ReadonlyMap<string, string | undefined> | null,
  assigner: IdAssigner,
): readonly SdpPayload[] {
  const before = new Map<string, number>();
  const taken = new Map<number, string>();
  for (const { identity, payloadType } of previous === undefined ? [] : sectionFormats(previous)) {
    if (!before.has(identity)) before.set(identity, payloadType);
    taken.set(payloadType, identity);
  }
  // What a peer's offer has brought in stays.
  const usual = new Set(ownCodecs(kind, direction));
  const all = allOwnCodecs(kind, direction);
  const own = all.filter((codec) => usual.has(codec) || before.has(codec.identity));
  const asked = preferences !== null && preferences.length > 0;
  const preferred = preferredCodecs(asked ? all : own, preferences);
  // Preferences of which this direction leaves nothing, such as a codec that is only received: a section has formats.
  const { codecs, rtx } = preferred.codecs.some(({ role }) => role === "media")
    ? preferred
    : { codecs: own, rtx: true };
  const number = (identity: string, preferred: number): number | undefined => {
    const id = before.get(identity) ?? assigner.assign(identity, preferred);
    // A peer that does not bundle may have one number for two things, in two sections.
    if (id === undefined || (taken.get(id) ?? identity) !== identity) return undefined;
    taken.set(id, identity);
    return id;
  };
  const out: SdpPayload[] = [];
  // What RED carries may come behind it.
  const carried = codecs.find(({ identity }) => identity === OPUS);
  const opus = carried === undefined ? undefined : number(carried.identity, carried.payloadType);
  for (const codec of preferences === null ? inNegotiatedOrder(codecs, negotiated) : codecs) {
    const payloadType = number(codec.identity, codec.payloadType);
    if (payloadType === undefined) continue;
    let { fmtp } = codec;
    if (codec.role === "red" && kind === "audio") {
      // RFC 2198 §5: the formats of the blocks.
      if (opus === undefined) continue;
      fmtp = `${opus}/${opus}`;
    } else if (given?.has(codec.identity) === true) fmtp = given.get(codec.identity);
    out.push(payload(payloadType, codec, fmtp, codec.feedback));
    if (!rtx || codec.rtxPayloadType === null) continue;
    const rtxType = number(rtxIdentity(codec.identity), codec.rtxPayloadType);
    if (rtxType !== undefined) out.push(rtxPayload(rtxType, payloadType));
  }
  return out;
}

function inNegotiatedOrder(
  codecs: readonly CodecCapability[],
  negotiated: readonly string[],
): readonly CodecCapability[] {
  if (negotiated.length === 0) return codecs;
  const rank = new Map(negotiated.map((identity, i) => [identity, i]));
  const rankOf = ({ identity }: CodecCapability): number => rank.get(identity) ?? negotiated.length;
  return codecs.slice().sort((a, b) => rankOf(a) - rankOf(b));
}

/**
 * The formats of an answer, with the offer's payload types (RFC 9429 §5.3.1): in the order of the offer, or in that of the
 * application's preferences. Undefined if nothing is left that can be sent on its own: the section is refused.
 */
export function answeredPayloads(
  kind: MediaKind,
  direction: SdpDirection,
  preferences: readonly RtpCodec[] | null,
  offer: SdpMedia,
  congestionFeedback: boolean,
): readonly SdpPayload[] | undefined {
  const { codecs, rtx } = preferredCodecs(allOwnCodecs(kind, direction), preferences);
  const ours = new Map(codecs.map((codec, rank) => [codec.identity, { codec, rank }]));
  const offered = sectionFormats(offer);
  const retransmission = new Map<number, SectionFormat>();
  for (const format of offered) {
    if (format.apt !== null && !retransmission.has(format.apt)) retransmission.set(format.apt, format);
  }
  const accepted = offered.flatMap((format) => {
    const own = ours.get(format.identity);
    return own === undefined ? [] : [{ format, ...own }];
  });
  if (preferences !== null && preferences.length > 0) accepted.sort((a, b) => a.rank - b.rank);
  if (!accepted.some(({ format }) => format.role === "media")) return undefined;
  const types = new Set(accepted.map(({ format }) => format.payloadType));
  const out: SdpPayload[] = [];
  for (const { format, codec } of accepted) {
    let fmtp = answerParameters(codec.format, format.format);
    if (format.role === "red" && kind === "audio") {
      const blocks = format.format.parameters.get("");
      if (blocks?.split("/").every((block) => types.has(Number(block))) !== true) continue;
      fmtp = blocks;
    }
    let feedback = commonFeedback(
      format.role === "media" ? [...codec.feedback, TMMBR] : codec.feedback,
      format.feedback,
    );
    // One of the two, as libwebrtc answers.
    if (congestionFeedback) feedback = feedback.filter(({ type }) => type !== "transport-cc");
    out.push(payload(format.payloadType, codec, fmtp, feedback));
    const rtxFormat = retransmission.get(format.payloadType);
    if (rtx && codec.rtxPayloadType !== null && rtxFormat !== undefined) {
      out.push(rtxPayload(rtxFormat.payloadType, format.payloadType));
    }
  }
  return out;
}

/** RFC 4585 §4.2: an answer has no feedback that the offer has not. */
function commonFeedback(
  ours: readonly SdpRtcpFeedback[],
  theirs: readonly SdpRtcpFeedback[],
): readonly SdpRtcpFeedback[] {
  if (ours.length === 0 || theirs.length === 0) return [];
  const key = ({ type, parameter }: SdpRtcpFeedback): string => `${type} ${parameter ?? ""}`;
  const known = new Set(theirs.map(key));
  return ours.filter((feedback) => known.has(key(feedback)));
}

/** The section has congestion control feedback for all that is sent in it (RFC 8888 §6); Chromium names each payload type. */
export function hasCongestionFeedback(section: SdpMedia): boolean {
  const media = sectionFormats(section).filter(({ role }) => role === "media");
  return media.length > 0 && media.every(({ feedback }) => feedback.some(isCongestionFeedback));
}

export function isCongestionFeedback({ type, parameter }: SdpRtcpFeedback): boolean {
  return type === "ack" && parameter === "ccfb";
}

/** A format as negotiated: RTCRtpCodecParameters (webrtc-pc §5.3.4), and what the media layer asks besides. */
export interface NegotiatedCodec extends RtpCodec {
  readonly payloadType: number;
  readonly role: CodecRole;
  readonly rtcpFeedback: readonly SdpRtcpFeedback[];
  /** The payload type of its retransmissions, if they are negotiated. */
  readonly rtxPayloadType: number | null;
  /** Of rtx: what it retransmits. */
  readonly apt: number | null;
  /** The same for every payload type that is this codec. */
  readonly identity: string;
}

export interface NegotiatedCodecs {
  /** What we may send: the peer's payload types and parameters. In the order of the answer. */
  readonly send: readonly NegotiatedCodec[];
  /** What we may receive: our payload types and parameters. In the order of the answer, without what only that lists. */
  readonly receive: readonly NegotiatedCodec[];
}

/** What both sections have. Payload types are the same on both sides by RFC 9429, and need not be by RFC 3264 §5.1. */
export function negotiatedCodecs(
  kind: MediaKind,
  local: SdpMedia,
  remote: SdpMedia,
  answerIsLocal: boolean,
): NegotiatedCodecs {
  const answer = sectionFormats(answerIsLocal ? local : remote);
  const offer = sectionFormats(answerIsLocal ? remote : local);
  const byType = new Map(offer.map((format) => [format.payloadType, format]));
  const byIdentity = new Map<string, SectionFormat>();
  for (const format of offer) if (!byIdentity.has(format.identity)) byIdentity.set(format.identity, format);
  const send: SectionFormat[] = [];
  const receive: SectionFormat[] = [];
  const sendFeedback: (readonly SdpRtcpFeedback[])[] = [];
  const receiveFeedback: (readonly SdpRtcpFeedback[])[] = [];
  const sameNumber = ({ payloadType, identity }: SectionFormat): boolean =>
    byType.get(payloadType)?.identity === identity;
  /** Offered payload types that have their answer: one that answers with two has the second ignored. */
  const taken = new Set(answer.filter(sameNumber).map(({ payloadType }) => payloadType));
  for (const answered of answer) {
    const isSame = sameNumber(answered);
    const offered = isSame ? byType.get(answered.payloadType) : byIdentity.get(answered.identity);
    if (offered === undefined) {
      const own = answerIsLocal || byType.has(answered.payloadType) ? undefined : sendable(kind, answered);
      if (own === undefined) continue;
      send.push(answered);
      sendFeedback.push(commonFeedback(answered.feedback, own.feedback));
      continue;
    }
    if (!isSame && taken.has(offered.payloadType)) continue;
    taken.add(offered.payloadType);
    send.push(answerIsLocal ? offered : answered);
    receive.push(answerIsLocal ? answered : offered);
    const common = commonFeedback(answered.feedback, offered.feedback);
    sendFeedback.push(common);
    receiveFeedback.push(common);
  }
  return { send: negotiatedList(kind, send, sendFeedback), receive: negotiatedList(kind, receive, receiveFeedback) };
}

/** An answer may list formats besides, which the answerer takes as well (RFC 9429 §5.3.1): the codec, if it is one of ours. */
function sendable(kind: MediaKind, { role, identity }: SectionFormat): CodecCapability | undefined {
  return role === "media" ? ownCodecs(kind, "sendonly").find((codec) => codec.identity === identity) : undefined;
}

function negotiatedList(
  kind: MediaKind,
  formats: readonly SectionFormat[],
  feedback: readonly (readonly SdpRtcpFeedback[])[],
): readonly NegotiatedCodec[] {
  const types = new Set(formats.map(({ payloadType }) => payloadType));
  const rtx = new Map<number, number>();
  for (const { apt, payloadType } of formats) if (apt !== null && !rtx.has(apt)) rtx.set(apt, payloadType);
  return formats.flatMap((entry, i): NegotiatedCodec[] => {
    const { format, payloadType, role, apt, fmtp, identity } = entry;
    if (apt !== null && !types.has(apt)) return [];
    return [
      {
        mimeType: `${kind}/${format.name}`,
        clockRate: format.clockRate,
        channels: kind === "audio" ? format.channels : undefined,
        sdpFmtpLine: fmtp,
        payloadType,
        role,
        rtcpFeedback: feedback[i]!,
        rtxPayloadType: rtx.get(payloadType) ?? null,
        apt,
        identity,
      },
    ];
  });
}
