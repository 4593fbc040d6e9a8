// A session description (RFC 8866) as a typed model made for WebRTC (RFC 9429 §5.8). What the model knows is typed;
// every other attribute is kept, in order, in `attributes`, so that writing and parsing again gives the same model.
// It says what is written, not what is inherited: whether a missing media-level value comes from the session level or
// from a BUNDLE-tagged section is decided by src/jsep.
import type { IceCandidate } from "../util/ice-candidate.js";

/** An attribute the model does not know: `a=name` (value undefined) or `a=name:value`. */
export interface SdpAttribute {
  readonly name: string;
  readonly value?: string | undefined;
}

/** `o=` (RFC 8866 §5.2). The identifiers are 64-bit decimal numbers, kept as text. */
export interface SdpOrigin {
  readonly username: string;
  readonly sessionId: string;
  readonly sessionVersion: string;
  readonly netType: string;
  readonly addressType: string;
  readonly address: string;
}

/** `c=` (RFC 8866 §5.7). The address keeps its TTL and count, if any. */
export interface SdpConnection {
  readonly netType: string;
  readonly addressType: string;
  readonly address: string;
}

/** `b=` (RFC 8866 §5.8): kilobits per second for AS and CT, bits per second for TIAS, RS and RR. */
export interface SdpBandwidth {
  readonly type: string;
  readonly value: number;
}

/** `t=` with its `r=` lines (RFC 8866 §5.9, §5.10); all of it without meaning in WebRTC. */
export interface SdpTiming {
  readonly start: string;
  readonly stop: string;
  readonly repeats: readonly string[];
}

/** `a=group` (RFC 5888 §5): BUNDLE, LS, … */
export interface SdpGroup {
  readonly semantics: string;
  readonly mids: readonly string[];
}

/** `a=fingerprint` (RFC 8122 §5). The hash function in lower case, the value in upper case with colons. */
export interface SdpFingerprint {
  readonly algorithm: string;
  readonly value: string;
}

/** `a=setup` (RFC 4145 §4). */
export type SdpSetup = "actpass" | "active" | "passive" | "holdconn";

export type SdpDirection = "sendrecv" | "sendonly" | "recvonly" | "inactive";

/** `a=extmap` (RFC 8285 §8). */
export interface SdpExtmap {
  readonly id: number;
  readonly direction?: SdpDirection | undefined;
  readonly uri: string;
  readonly attributes?: string | undefined;
}

/** `a=msid-semantic` (draft-ietf-mmusic-msid-16 §4, still written by browsers): "WMS" and stream identifiers. */
export interface SdpMsidSemantic {
  readonly semantic: string;
  readonly ids: readonly string[];
}

/** Attributes that are allowed both at the session level and in a media section. */
export interface SdpCommonAttributes {
  readonly iceUfrag?: string | undefined;
  readonly icePwd?: string | undefined;
  readonly iceOptions: readonly string[];
  readonly fingerprints: readonly SdpFingerprint[];
  readonly setup?: SdpSetup | undefined;
  /** RFC 8842 §4. */
  readonly tlsId?: string | undefined;
  readonly direction?: SdpDirection | undefined;
  /** RFC 8285 §6. */
  readonly extmapAllowMixed: boolean;
  /** RFC 9335 §4. */
  readonly cryptex: boolean;
  readonly extmaps: readonly SdpExtmap[];
  readonly attributes: readonly SdpAttribute[];
}

export interface SdpSession extends SdpCommonAttributes {
  readonly origin: SdpOrigin;
  readonly name: string;
  readonly information?: string | undefined;
  readonly uri?: string | undefined;
  readonly emails: readonly string[];
  readonly phones: readonly string[];
  readonly connection?: SdpConnection | undefined;
  readonly bandwidths: readonly SdpBandwidth[];
  readonly timings: readonly SdpTiming[];
  readonly timeZones?: string | undefined;
  readonly key?: string | undefined;
  readonly groups: readonly SdpGroup[];
  readonly iceLite: boolean;
  readonly msidSemantics: readonly SdpMsidSemantic[];
  /** RFC 8827 §5: the assertion and its extensions, as written. */
  readonly identities: readonly string[];
  readonly media: readonly SdpMedia[];
}

/** `a=rtcp` (RFC 3605). */
export interface SdpRtcp {
  readonly port: number;
  readonly connection?: SdpConnection | undefined;
}

/** `a=rtpmap` (RFC 8866 §6.6). */
export interface SdpRtpmap {
  readonly encodingName: string;
  readonly clockRate: number;
  /** The encoding parameters: for audio, the number of channels. */
  readonly parameters?: string | undefined;
}

/** `a=rtcp-fb` (RFC 4585 §4.2): "nack" with parameter "pli", "transport-cc" with none. */
export interface SdpRtcpFeedback {
  readonly type: string;
  readonly parameter?: string | undefined;
}

/**
 * What the attributes of one media section say of one payload type, or of all of them (`*`, rtcp-fb and fmtp only).
 * Entries are in the order of the `m=` line's formats; those of no format come after, and `*` last.
 */
export interface SdpPayload {
  readonly payloadType: number | "*";
  readonly rtpmap?: SdpRtpmap | undefined;
  readonly fmtp: readonly string[];
  readonly rtcpFeedback: readonly SdpRtcpFeedback[];
}

/** `a=msid` (RFC 8830 §2). The track identifier is the `appdata` of older versions. */
export interface SdpMsid {
  readonly streamId: string;
  readonly trackId?: string | undefined;
}

/** The `a=ssrc` lines of one SSRC (RFC 5576 §4.1). */
export interface SdpSsrc {
  readonly ssrc: number;
  readonly attributes: readonly SdpAttribute[];
}

/** `a=ssrc-group` (RFC 5576 §4.2): FID, FEC-FR, SIM, … */
export interface SdpSsrcGroup {
  readonly semantics: string;
  readonly ssrcs: readonly number[];
}

/** `a=rid` (RFC 8851 §4). */
export interface SdpRid {
  readonly id: string;
  readonly direction: "send" | "recv";
  readonly payloadTypes: readonly string[];
  /** Restrictions other than pt, in order. */
  readonly restrictions: readonly SdpAttribute[];
}

export interface SdpSimulcastRid {
  readonly rid: string;
  readonly paused: boolean;
}

/** `a=simulcast` (RFC 8853 §5.1): for each direction a list of streams, each a list of alternatives. */
export interface SdpSimulcast {
  readonly send: readonly (readonly SdpSimulcastRid[])[];
  readonly recv: readonly (readonly SdpSimulcastRid[])[];
}

/** `a=sctpmap` (draft-ietf-mmusic-sctp-sdp-05), the form before RFC 8841. */
export interface SdpSctpmap {
  readonly port: number;
  readonly application: string;
  readonly streams?: number | undefined;
}

export interface SdpMedia extends SdpCommonAttributes {
  /** `audio`, `video`, `application`, or any other token. */
  readonly kind: string;
  readonly port: number;
  /** The number of ports, if written (`m=audio 9/2 …`). */
  readonly portCount?: number | undefined;
  readonly protocol: string;
  readonly formats: readonly string[];
  readonly information?: string | undefined;
  readonly connections: readonly SdpConnection[];
  readonly bandwidths: readonly SdpBandwidth[];
  readonly key?: string | undefined;
  readonly mid?: string | undefined;
  /** Those that follow the grammar; a candidate line that does not is kept among `attributes`. */
  readonly candidates: readonly IceCandidate[];
  readonly endOfCandidates: boolean;
  readonly bundleOnly: boolean;
  readonly rtcp?: SdpRtcp | undefined;
  readonly rtcpMux: boolean;
  readonly rtcpMuxOnly: boolean;
  readonly rtcpRsize: boolean;
  readonly sctpPort?: number | undefined;
  /** In bytes; 0 means of any size (RFC 8841 §6). */
  readonly maxMessageSize?: number | undefined;
  /** An SCTP INIT chunk in base64 (draft-hancke-tsvwg-snap-00). */
  readonly sctpInit?: string | undefined;
  readonly sctpmaps: readonly SdpSctpmap[];
  readonly payloads: readonly SdpPayload[];
  readonly msids: readonly SdpMsid[];
  readonly ssrcs: readonly SdpSsrc[];
  readonly ssrcGroups: readonly SdpSsrcGroup[];
  readonly rids: readonly SdpRid[];
  readonly simulcast?: SdpSimulcast | undefined;
  /** RFC 6236, as written. */
  readonly imageAttributes: readonly string[];
  /** In milliseconds. */
  readonly ptime?: number | undefined;
  readonly maxptime?: number | undefined;
  readonly framerate?: string | undefined;
  readonly content?: string | undefined;
  readonly label?: string | undefined;
}

const NONE: readonly never[] = [];
const NO_TIME: readonly SdpTiming[] = [{ start: "0", stop: "0", repeats: [] }];

/**
 * A session with what every one has, and the given parts. Every field is present, so that models compare deeply; each is
 * written out, because spreading this many costs ten times as much.
 */
export function sdpSession(parts: Partial<SdpSession> & Pick<SdpSession, "origin">): SdpSession {
  return {
    origin: parts.origin,
    name: parts.name ?? "-",
    information: parts.information,
    uri: parts.uri,
    emails: parts.emails ?? NONE,
    phones: parts.phones ?? NONE,
    connection: parts.connection,
    bandwidths: parts.bandwidths ?? NONE,
    timings: parts.timings ?? NO_TIME,
    timeZones: parts.timeZones,
    key: parts.key,
    iceUfrag: parts.iceUfrag,
    icePwd: parts.icePwd,
    iceOptions: parts.iceOptions ?? NONE,
    fingerprints: parts.fingerprints ?? NONE,
    setup: parts.setup,
    tlsId: parts.tlsId,
    direction: parts.direction,
    extmapAllowMixed: parts.extmapAllowMixed ?? false,
    cryptex: parts.cryptex ?? false,
    extmaps: parts.extmaps ?? NONE,
    attributes: parts.attributes ?? NONE,
    groups: parts.groups ?? NONE,
    iceLite: parts.iceLite ?? false,
    msidSemantics: parts.msidSemantics ?? NONE,
    identities: parts.identities ?? NONE,
    media: parts.media ?? NONE,
  };
}

/**
 * A media section with the given parts and nothing else. Every field is present, so that models compare deeply; each is
 * written out, because spreading this many costs ten times as much.
 */
export function sdpMedia(
  parts: Partial<SdpMedia> & Pick<SdpMedia, "kind" | "port" | "protocol" | "formats">,
): SdpMedia {
  return {
    kind: parts.kind,
    port: parts.port,
    portCount: parts.portCount,
    protocol: parts.protocol,
    formats: parts.formats,
    information: parts.information,
    connections: parts.connections ?? NONE,
    bandwidths: parts.bandwidths ?? NONE,
    key: parts.key,
    iceUfrag: parts.iceUfrag,
    icePwd: parts.icePwd,
    iceOptions: parts.iceOptions ?? NONE,
    fingerprints: parts.fingerprints ?? NONE,
    setup: parts.setup,
    tlsId: parts.tlsId,
    direction: parts.direction,
    extmapAllowMixed: parts.extmapAllowMixed ?? false,
    cryptex: parts.cryptex ?? false,
    extmaps: parts.extmaps ?? NONE,
    attributes: parts.attributes ?? NONE,
    mid: parts.mid,
    candidates: parts.candidates ?? NONE,
    endOfCandidates: parts.endOfCandidates ?? false,
    bundleOnly: parts.bundleOnly ?? false,
    rtcp: parts.rtcp,
    rtcpMux: parts.rtcpMux ?? false,
    rtcpMuxOnly: parts.rtcpMuxOnly ?? false,
    rtcpRsize: parts.rtcpRsize ?? false,
    sctpPort: parts.sctpPort,
    maxMessageSize: parts.maxMessageSize,
    sctpInit: parts.sctpInit,
    sctpmaps: parts.sctpmaps ?? NONE,
    payloads: parts.payloads ?? NONE,
    msids: parts.msids ?? NONE,
    ssrcs: parts.ssrcs ?? NONE,
    ssrcGroups: parts.ssrcGroups ?? NONE,
    rids: parts.rids ?? NONE,
    simulcast: parts.simulcast,
    imageAttributes: parts.imageAttributes ?? NONE,
    ptime: parts.ptime,
    maxptime: parts.maxptime,
    framerate: parts.framerate,
    content: parts.content,
    label: parts.label,
  };
}

/** Whether the protocol of a media section carries RTP (RFC 9429 §5.1.2 lists the profiles). */
export function isRtpProtocol(protocol: string): boolean {
  return /(?:^|\/)RTP\//.test(protocol);
}

/** Whether the protocol of a media section carries SCTP over DTLS (RFC 8841 §4, and the older `DTLS/SCTP`). */
export function isSctpProtocol(protocol: string): boolean {
  return protocol === "UDP/DTLS/SCTP" || protocol === "TCP/DTLS/SCTP" || protocol === "DTLS/SCTP";
}

/** Whether the section is rejected or stopped: port zero, unless it is offered as bundle-only (RFC 9143 §6). */
export function isRejected(media: SdpMedia): boolean {
  return media.port === 0 && !media.bundleOnly;
}

/** Whether encrypted header extensions are offered for a section (RFC 9335 §4): by itself, or with the whole session. */
export function hasCryptex(session: SdpSession, media: SdpMedia): boolean {
  return session.cryptex || media.cryptex;
}
