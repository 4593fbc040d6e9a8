// profile-level-id of H.264 (RFC 6184 §8.1): which profile it names, and what an answer says.
import type { FormatParameters } from "./fmtp.js";

/**
 * RFC 6184 §8.1, table 5, and the profiles of ITU-T H.264 Annex A: profile_idc, profile-iop as a pattern (x: any bit), name.
 * The order counts: the first row that fits.
 */
const PROFILES: readonly (readonly [number, string, string])[] = [
  [0x42, "x1xx0000", "constrained-baseline"],
  [0x4d, "1xxx0000", "constrained-baseline"],
  [0x58, "11xx0000", "constrained-baseline"],
  [0x42, "x0xx0000", "baseline"],
  [0x58, "10xx0000", "baseline"],
  [0x4d, "0x0x0000", "main"],
  [0x58, "00xx0000", "extended"],
  [0x64, "00000000", "high"],
  [0x64, "00001100", "constrained-high"],
  [0x6e, "00000000", "high-10"],
  [0x6e, "00010000", "high-10-intra"],
  [0x7a, "00000000", "high-4:2:2"],
  [0x7a, "00010000", "high-4:2:2-intra"],
  [0xf4, "00000000", "high-4:4:4"],
  [0xf4, "00010000", "high-4:4:4-intra"],
  [0x2c, "00010000", "cavlc-4:4:4-intra"],
];

/** RFC 6184 has Baseline at level 1 for a missing parameter; what leaves it out means Constrained Baseline 3.1, as in browsers. */
const DEFAULT_PROFILE_LEVEL_ID = "42e01f";

interface ProfileLevel {
  readonly idc: number;
  readonly iop: number;
  readonly level: number;
}

function parse(text: string | undefined): ProfileLevel | undefined {
  const id = text ?? DEFAULT_PROFILE_LEVEL_ID;
  if (!/^[0-9a-fA-F]{6}$/.test(id)) return undefined;
  const value = Number.parseInt(id, 16);
  return { idc: value >> 16, iop: (value >> 8) & 0xff, level: value & 0xff };
}

function fits(iop: number, pattern: string): boolean {
  for (let bit = 0; bit < 8; bit++) {
    const wanted = pattern[bit];
    if (wanted !== "x" && wanted !== ((iop >> (7 - bit)) & 1 ? "1" : "0")) return false;
  }
  return true;
}

/** The name of the profile; of one that is not known, or a value that is none, that very text. */
export function h264Profile(profileLevelId: string | undefined): string {
  const id = parse(profileLevelId);
  if (id === undefined) return `?${profileLevelId}`;
  const row = PROFILES.find(([idc, pattern]) => idc === id.idc && fits(id.iop, pattern));
  return row?.[2] ?? `${id.idc.toString(16)}-${id.iop.toString(16)}`;
}

/** Levels in order: 1b, which is level 11 with constraint_set3 or the value 9, lies between 1 and 1.1. */
function rank({ idc, iop, level }: ProfileLevel): number {
  const isOneB = level === 9 || (level === 11 && (iop & 0x10) !== 0 && (idc === 0x42 || idc === 0x4d || idc === 0x58));
  return isOneB ? 10.5 : level;
}

/**
 * profile-level-id of an answer (RFC 6184 §8.2.2): the offered profile in our own writing, at our level if both sides allow
 * the levels to differ, otherwise at the lower one. Undefined if neither side names one.
 */
export function h264AnswerProfile(ours: FormatParameters, theirs: FormatParameters): string | undefined {
  const ourText = ours.get("profile-level-id");
  const theirText = theirs.get("profile-level-id");
  if (ourText === undefined && theirText === undefined) return undefined;
  const a = parse(ourText);
  const b = parse(theirText);
  if (a === undefined || b === undefined) return ourText ?? theirText;
  const asymmetric = ours.get("level-asymmetry-allowed") === "1" && theirs.get("level-asymmetry-allowed") === "1";
  const level = asymmetric || rank(a) <= rank(b) ? a : b;
  // In these three profiles constraint_set3 tells level 1b from 1.1: it goes with the level.
  const iop = a.idc === 0x42 || a.idc === 0x4d || a.idc === 0x58 ? (a.iop & ~0x10) | (level.iop & 0x10) : a.iop;
  return [a.idc, iop, level.level].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
