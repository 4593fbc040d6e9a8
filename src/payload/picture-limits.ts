// What a receiver's format parameters allow of pictures: the level of H.264 (RFC 6184 §8.1, ITU-T H.264 table A-1), max-fs and
// max-fr of VP8 (RFC 7741 §6.1) and VP9 (RFC 9628 §6). For those who encode: a packetizer sends what it is given.
import { formatParameter } from "./parameters.js";

export interface PictureLimits {
  /** Macroblocks of a picture. */
  readonly frameSize: number;
  /** Macroblocks a second. */
  readonly rate: number;
  /** Pictures a second. */
  readonly frameRate: number;
  /** level_idc of H.264. */
  readonly level: number;
}

const NONE: PictureLimits = {
  frameSize: Number.POSITIVE_INFINITY,
  rate: Number.POSITIVE_INFINITY,
  frameRate: Number.POSITIVE_INFINITY,
  level: Number.POSITIVE_INFINITY,
};

/** level_idc, MaxMBPS, MaxFS. 1b has the values of 1 here, whichever way it is written. */
const LEVELS: readonly (readonly [level: number, rate: number, frameSize: number])[] = [
  [10, 1485, 99],
  [11, 3000, 396],
  [12, 6000, 396],
  [13, 11_880, 396],
  [20, 11_880, 396],
  [21, 19_800, 792],
  [22, 20_250, 1620],
  [30, 40_500, 1620],
  [31, 108_000, 3600],
  [32, 216_000, 5120],
  [40, 245_760, 8192],
  [41, 245_760, 8192],
  [42, 522_240, 8704],
  [50, 589_824, 22_080],
  [51, 983_040, 36_864],
  [52, 2_073_600, 36_864],
  [60, 4_177_920, 139_264],
  [61, 8_355_840, 139_264],
  [62, 16_711_680, 139_264],
];
/** As browsers take a missing or unreadable profile-level-id. */
const DEFAULT_LEVEL = 31;

function positive(parameters: string, name: string): number | undefined {
  const text = formatParameter(parameters, name);
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}

function levelOf(parameters: string): number {
  const id = formatParameter(parameters, "profile-level-id");
  if (id === undefined || !/^[0-9a-f]{6}$/i.test(id)) return DEFAULT_LEVEL;
  const [profile, constraints, level] = [0, 2, 4].map((at) => Number.parseInt(id.slice(at, at + 2), 16));
  // Level 1b of Baseline, Main and Extended (§A.3.1).
  const isOneB = level === 11 && (constraints! & 0x10) !== 0 && [0x42, 0x4d, 0x58].includes(profile!);
  return isOneB ? 9 : level!;
}

/** What the peer that wrote these parameters takes. */
export function pictureLimits(mimeType: string, parameters: string): PictureLimits {
  const type = mimeType.toLowerCase();
  const frameSize = positive(parameters, "max-fs");
  if (type === "video/vp8" || type === "video/vp9") {
    const frameRate = positive(parameters, "max-fr");
    return { ...NONE, frameSize: frameSize ?? NONE.frameSize, frameRate: frameRate ?? NONE.frameRate };
  }
  if (type !== "video/h264") return NONE;
  const level = levelOf(parameters);
  // A level in between, of which nobody has heard, allows what the one below it does.
  const [, rate, size] = LEVELS.findLast(([idc]) => idc <= level) ?? LEVELS[0]!;
  // These may only raise what the level allows.
  return {
    frameSize: Math.max(size, frameSize ?? 0),
    rate: Math.max(rate, positive(parameters, "max-mbps") ?? 0),
    frameRate: Number.POSITIVE_INFINITY,
    level,
  };
}

/** Of a picture of this size. */
export function macroblocks(width: number, height: number): number {
  return Math.ceil(width / 16) * Math.ceil(height / 16);
}

/** By these, and twice them, and so on, pictures get smaller: most sizes stay even. */
const STEPS: readonly number[] = [1, 4 / 3, 3 / 2];
const MAX_HALVINGS = 12;

/** The least scale of at least `scale` by which a picture of this size becomes one that is allowed. */
export function fittingScale(width: number, height: number, scale: number, frameSize: number): number {
  for (let halvings = 0; halvings < MAX_HALVINGS; halvings++) {
    for (const step of STEPS) {
      const candidate = scale * step * 2 ** halvings;
      const fits = macroblocks(Math.floor(width / candidate), Math.floor(height / candidate)) <= frameSize;
      if (fits) return candidate;
    }
  }
  return scale;
}
