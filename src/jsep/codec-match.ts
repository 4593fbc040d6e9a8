// When two payload formats are the same codec (RFC 3264 §6.1 leaves that to each format's own RFC), and what an answer says
// of the parameters. A codec's identity is a string, so that finding it among many is a look-up.
import type { FormatParameters } from "./fmtp.js";
import { writeFmtp } from "./fmtp.js";
import { h264AnswerProfile, h264Profile } from "./h264-profile.js";

/** A payload format without its payload type. */
export interface CodecFormat {
  /** As in a=rtpmap. */
  readonly name: string;
  readonly clockRate: number;
  /** 1 where a=rtpmap says nothing. */
  readonly channels: number;
  readonly parameters: FormatParameters;
}

/** What a format is for. Only `media` can be sent on its own. */
export type CodecRole = "media" | "rtx" | "red" | "fec" | "comfort-noise" | "telephone-event";

const ROLES: ReadonlyMap<string, CodecRole> = new Map<string, CodecRole>([
  ["rtx", "rtx"],
  ["red", "red"],
  ["ulpfec", "fec"],
  ["flexfec", "fec"],
  ["flexfec-03", "fec"],
  ["cn", "comfort-noise"],
  ["telephone-event", "telephone-event"],
]);

export function codecRole(name: string): CodecRole {
  return ROLES.get(name.toLowerCase()) ?? "media";
}

type Identity = (parameters: FormatParameters) => string;

/** The parameters that make two streams of one encoding name different codecs, with the value that a missing one stands for. */
const IDENTITIES: ReadonlyMap<string, Identity> = new Map<string, Identity>([
  // RFC 6184 §8.2.2: profile and packetization mode must be the same on both sides, the level need not.
  ["h264", (p) => `${h264Profile(p.get("profile-level-id"))},${p.get("packetization-mode") ?? "0"}`],
  // RFC 7798 §7.2.2.
  [
    "h265",
    (p) => `${p.get("profile-id") ?? "1"},${p.get("tier-flag") ?? "0"},${(p.get("tx-mode") ?? "SRST").toUpperCase()}`,
  ],
  // RFC 9628 §6.
  ["vp9", (p) => p.get("profile-id") ?? "0"],
  // AV1 RTP specification §7.2.
  ["av1", (p) => `${p.get("profile") ?? "0"},${p.get("tier") ?? "0"}`],
]);

/** Equal for two formats that are the same codec. */
export function codecIdentity({ name, clockRate, channels, parameters }: CodecFormat): string {
  const lower = name.toLowerCase();
  const identity = IDENTITIES.get(lower)?.(parameters);
  return `${lower}/${clockRate}/${channels}${identity === undefined ? "" : `;${identity}`}`;
}

/** The identity of the retransmissions (RFC 4588) of a codec. */
export function rtxIdentity(primary: string): string {
  return `rtx:${primary}`;
}

/**
 * The a=fmtp value with which a format is answered: our own parameters, which say what we can receive, with the level that
 * the payload format's RFC allows us to name.
 */
export function answerParameters(ours: CodecFormat, theirs: CodecFormat): string | undefined {
  const parameters = new Map(ours.parameters);
  switch (ours.name.toLowerCase()) {
    case "h264": {
      const profile = h264AnswerProfile(ours.parameters, theirs.parameters);
      if (profile === undefined) parameters.delete("profile-level-id");
      else parameters.set("profile-level-id", profile);
      if (theirs.parameters.get("level-asymmetry-allowed") !== "1") parameters.delete("level-asymmetry-allowed");
      break;
    }
    case "h265": {
      // RFC 7798 §7.2.2: the level is symmetric, the lower one. Level 3.1 where nothing is said.
      const level = Math.min(h265Level(ours.parameters), h265Level(theirs.parameters));
      if (theirs.parameters.has("level-id")) parameters.set("level-id", `${level}`);
      break;
    }
  }
  return writeFmtp(parameters);
}

function h265Level(parameters: FormatParameters): number {
  const level = Number(parameters.get("level-id") ?? "93");
  return Number.isInteger(level) && level > 0 && level < 256 ? level : 93;
}
