// The payload formats of a media section: reading them with what they are, and giving ours their payload types, which are
// unique and stay the same over the session (RFC 3264 §8.3.2, RFC 9143 §9.1).
import type { SdpMedia, SdpPayload, SdpRtcpFeedback, SdpRtpmap } from "../sdp/model.js";
import type { CodecFormat, CodecRole } from "./codec-match.js";
import { codecIdentity, codecRole, rtxIdentity } from "./codec-match.js";
import { parseFmtp } from "./fmtp.js";
import type { IdTable } from "./id-table.js";
import { IdAssigner } from "./id-table.js";

/** Dynamic payload types (RFC 3551 §6), then those unassigned ones that RTCP of RFC 5761 §4 leaves usable. */
const RANGES: readonly (readonly [number, number])[] = [
  [96, 127],
  [35, 63],
];

export function payloadTypeAssigner(table: IdTable): IdAssigner {
  return new IdAssigner(table, RANGES);
}

/** Static payload types (RFC 3551 §6) that need no a=rtpmap, of codecs that somebody still uses. */
const STATIC: ReadonlyMap<number, SdpRtpmap> = new Map<number, SdpRtpmap>(
  (
    [
      [0, "PCMU", 8000],
      [3, "GSM", 8000],
      [8, "PCMA", 8000],
      [9, "G722", 8000],
      [13, "CN", 8000],
      [18, "G729", 8000],
    ] as const
  ).map(([payloadType, encodingName, clockRate]) => [payloadType, { encodingName, clockRate, parameters: undefined }]),
);

/** One payload format of a section. */
export interface SectionFormat {
  readonly payloadType: number;
  readonly format: CodecFormat;
  /** See codecIdentity; of retransmissions rtxIdentity of what they retransmit. */
  readonly identity: string;
  readonly role: CodecRole;
  /** Of rtx: the payload type that it retransmits. */
  readonly apt: number | null;
  readonly fmtp: string | undefined;
  /** With what the section says of all payload types. */
  readonly feedback: readonly SdpRtcpFeedback[];
}

const cache = new WeakMap<readonly SdpPayload[], readonly SectionFormat[]>();

/** The formats of a section in its order. Those that nothing says what they are of are left out. */
export function sectionFormats(media: SdpMedia): readonly SectionFormat[] {
  // Copies of a section with more candidates share the list.
  const known = media.payloads.length === 0 ? undefined : cache.get(media.payloads);
  if (known !== undefined) return known;
  const payloads = new Map(media.payloads.map((payload) => [payload.payloadType, payload]));
  const forAll = payloads.get("*")?.rtcpFeedback ?? [];
  const out = new Map<number, SectionFormat>();
  for (const text of media.formats) {
    const payloadType = Number(text);
    const payload = payloads.get(payloadType);
    const rtpmap = payload?.rtpmap ?? STATIC.get(payloadType);
    if (rtpmap === undefined || out.has(payloadType)) continue;
    const fmtp = payload === undefined || payload.fmtp.length === 0 ? undefined : payload.fmtp.join(";");
    const channels = media.kind === "audio" ? Number(rtpmap.parameters ?? "1") : 1;
    const parameters = parseFmtp(fmtp);
    const format = { name: rtpmap.encodingName, clockRate: rtpmap.clockRate, channels, parameters };
    out.set(payloadType, {
      payloadType,
      format,
      identity: codecIdentity(format),
      role: codecRole(format.name),
      apt: null,
      fmtp,
      feedback: forAll.length === 0 ? (payload?.rtcpFeedback ?? []) : [...(payload?.rtcpFeedback ?? []), ...forAll],
    });
  }
  // What is retransmitted may come after its retransmissions.
  for (const [payloadType, entry] of out) {
    if (entry.role !== "rtx") continue;
    const apt = Number(entry.format.parameters.get("apt") ?? "-1");
    const primary = out.get(apt);
    if (primary === undefined || primary.role === "rtx") out.delete(payloadType);
    else out.set(payloadType, { ...entry, apt, identity: rtxIdentity(primary.identity) });
  }
  const formats = [...out.values()];
  if (media.payloads.length > 0) cache.set(media.payloads, formats);
  return formats;
}
