// The constrainable pattern of Media Capture and Streams §11 for tracks: the dictionaries, and SelectSettings (§11.1.1).
// Which settings a source can have is the source's matter (see synthetic-devices.ts): it lists candidates, and this
// chooses among them.
import {
  boolean,
  type Converter,
  type Dictionary,
  dictionary,
  domString,
  double,
  integer,
  type Member,
  sequence,
} from "./conversions.js";

export interface NumberRange {
  max?: number;
  min?: number;
}
export interface ConstrainNumberRange extends NumberRange {
  exact?: number;
  ideal?: number;
}
export interface ConstrainBooleanParameters {
  exact?: boolean;
  ideal?: boolean;
}
export interface ConstrainDOMStringParameters {
  exact?: string | string[];
  ideal?: string | string[];
}
export interface ConstrainBooleanOrDOMStringParameters {
  exact?: boolean | string;
  ideal?: boolean | string;
}
export type ConstrainULong = number | ConstrainNumberRange;
export type ConstrainDouble = number | ConstrainNumberRange;
export type ConstrainBoolean = boolean | ConstrainBooleanParameters;
export type ConstrainDOMString = string | string[] | ConstrainDOMStringParameters;
export type ConstrainBooleanOrDOMString = boolean | string | ConstrainBooleanOrDOMStringParameters;

export interface MediaTrackConstraintSet {
  width?: ConstrainULong;
  height?: ConstrainULong;
  aspectRatio?: ConstrainDouble;
  frameRate?: ConstrainDouble;
  facingMode?: ConstrainDOMString;
  resizeMode?: ConstrainDOMString;
  sampleRate?: ConstrainULong;
  sampleSize?: ConstrainULong;
  echoCancellation?: ConstrainBooleanOrDOMString;
  autoGainControl?: ConstrainBoolean;
  noiseSuppression?: ConstrainBoolean;
  latency?: ConstrainDouble;
  channelCount?: ConstrainULong;
  deviceId?: ConstrainDOMString;
  groupId?: ConstrainDOMString;
  backgroundBlur?: ConstrainBoolean;
  /** Media Capture Extensions. */
  voiceIsolation?: ConstrainBoolean;
}
export interface MediaTrackConstraints extends MediaTrackConstraintSet {
  advanced?: MediaTrackConstraintSet[];
}
export type ConstraintName = keyof MediaTrackConstraintSet;

export interface MediaTrackCapabilities {
  width?: NumberRange;
  height?: NumberRange;
  aspectRatio?: NumberRange;
  frameRate?: NumberRange;
  facingMode?: string[];
  resizeMode?: string[];
  sampleRate?: NumberRange;
  sampleSize?: NumberRange;
  echoCancellation?: (boolean | string)[];
  autoGainControl?: boolean[];
  noiseSuppression?: boolean[];
  latency?: NumberRange;
  channelCount?: NumberRange;
  deviceId?: string;
  groupId?: string;
  backgroundBlur?: boolean[];
  voiceIsolation?: boolean[];
}

export interface MediaTrackSettings {
  width?: number;
  height?: number;
  aspectRatio?: number;
  frameRate?: number;
  facingMode?: string;
  resizeMode?: string;
  sampleRate?: number;
  sampleSize?: number;
  echoCancellation?: boolean | string;
  autoGainControl?: boolean;
  noiseSuppression?: boolean;
  latency?: number;
  channelCount?: number;
  deviceId?: string;
  groupId?: string;
  backgroundBlur?: boolean;
  voiceIsolation?: boolean;
}

export type MediaTrackSupportedConstraints = { [K in ConstraintName]?: boolean };

// -- Conversion

const isObject = (value: unknown): boolean =>
  value === null || typeof value === "object" || typeof value === "function";

const constrainNumber = (type: Converter<number>): Converter<number | ConstrainNumberRange> => {
  const range = dictionary<NumberRange>("Range", { max: { type }, min: { type } });
  const parameters = dictionary<ConstrainNumberRange>("ConstrainRange", { exact: { type }, ideal: { type } }, range);
  return (value, where) => (isObject(value) ? parameters(value, where) : type(value, where));
};

const booleanOrString: Converter<boolean | string> = (value, where) =>
  typeof value === "boolean" ? value : domString(value, where);
const strings = sequence(domString);
const stringOrStrings: Converter<string | string[]> = (value, where) =>
  isObject(value) && value !== null && (value as Partial<Iterable<unknown>>)[Symbol.iterator] != null
    ? strings(value, where)
    : domString(value, where);

const ulong: Member<ConstrainULong> = { type: constrainNumber(integer("unsigned long", "Clamp")) };
const real: Member<ConstrainDouble> = { type: constrainNumber(double) };
const bool: Member<ConstrainBoolean> = {
  type: (value, where) => (isObject(value) ? booleanParameters(value, where) : boolean(value, where)),
};
const booleanParameters = dictionary<ConstrainBooleanParameters>("ConstrainBooleanParameters", {
  exact: { type: boolean },
  ideal: { type: boolean },
});
const text: Member<ConstrainDOMString> = {
  type: (value, where) => {
    if (!isObject(value)) return domString(value, where);
    const isList = value !== null && (value as Partial<Iterable<unknown>>)[Symbol.iterator] != null;
    return isList ? strings(value, where) : stringParameters(value, where);
  },
};
const stringParameters = dictionary<ConstrainDOMStringParameters>("ConstrainDOMStringParameters", {
  exact: { type: stringOrStrings },
  ideal: { type: stringOrStrings },
});
const booleanOrText: Member<ConstrainBooleanOrDOMString> = {
  type: (value, where) => (isObject(value) ? booleanOrStringParameters(value, where) : booleanOrString(value, where)),
};
const booleanOrStringParameters = dictionary<ConstrainBooleanOrDOMStringParameters>(
  "ConstrainBooleanOrDOMStringParameters",
  { exact: { type: booleanOrString }, ideal: { type: booleanOrString } },
);

/**
 * The constrainable properties, in the order in which constraints are judged: the first that leaves no candidate is the
 * one an OverconstrainedError names, and with a fixed device and no rescaling it is a size that is impossible.
 */
const PROPERTIES: { readonly [K in ConstraintName]-?: Member<Exclude<MediaTrackConstraintSet[K], undefined>> } = {
  deviceId: text,
  groupId: text,
  facingMode: text,
  resizeMode: text,
  width: ulong,
  height: ulong,
  aspectRatio: real,
  frameRate: real,
  sampleRate: ulong,
  sampleSize: ulong,
  channelCount: ulong,
  latency: real,
  echoCancellation: booleanOrText,
  autoGainControl: bool,
  noiseSuppression: bool,
  voiceIsolation: bool,
  backgroundBlur: bool,
};
const NAMES = Object.keys(PROPERTIES) as ConstraintName[];

const constraintSet: Dictionary<MediaTrackConstraintSet> = dictionary<MediaTrackConstraintSet>(
  "MediaTrackConstraintSet",
  PROPERTIES,
);
export const mediaTrackConstraints: Dictionary<MediaTrackConstraints> = dictionary<MediaTrackConstraints>(
  "MediaTrackConstraints",
  { advanced: { type: sequence(constraintSet) } },
  constraintSet,
);

export function supportedConstraints(): MediaTrackSupportedConstraints {
  return Object.fromEntries(NAMES.map((name) => [name, true]));
}

/** A copy that shares nothing with `value`: constraints, capabilities and settings are plain data. */
export function copyPlain<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copyPlain) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, copyPlain(entry)])) as T;
}

// -- Selection

type Value = number | boolean | string;

/** One constraint in one form: bare values and lists resolved. */
export interface Constraint {
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly exact: readonly Value[] | undefined;
  readonly ideal: readonly Value[] | undefined;
}

const listOf = (value: Value | Value[] | undefined): readonly Value[] | undefined =>
  value === undefined || Array.isArray(value) ? value : [value];

/** A bare value is an ideal in the basic set and exact in an advanced one (§11.3). */
export function constraintOf(set: MediaTrackConstraintSet, name: ConstraintName, advanced: boolean): Constraint {
  const given = set[name];
  if (typeof given === "object" && !Array.isArray(given)) {
    const { min, max, exact, ideal } = given as ConstrainNumberRange;
    return { min, max, exact: listOf(exact), ideal: listOf(ideal) };
  }
  const list = listOf(given);
  return { min: undefined, max: undefined, exact: advanced ? list : undefined, ideal: advanced ? undefined : list };
}

/** An aspect ratio is that of whole pixels. */
const ASPECT_RATIO_TOLERANCE = 1e-3;

function isEqual(name: ConstraintName, a: Value, b: Value): boolean {
  if (name !== "aspectRatio") return a === b;
  return Math.abs(Number(a) - Number(b)) <= ASPECT_RATIO_TOLERANCE * Number(b);
}

function satisfies(settings: MediaTrackSettings, name: ConstraintName, { min, max, exact }: Constraint): boolean {
  if (min === undefined && max === undefined && exact === undefined) return true;
  const value = settings[name];
  if (value === undefined) return false;
  if (min !== undefined && Number(value) < min) return false;
  if (max !== undefined && Number(value) > max) return false;
  return exact?.some((entry) => isEqual(name, value, entry)) ?? true;
}

/** The fitness distance of one property to its ideal (§11.1). */
function distance(settings: MediaTrackSettings, name: ConstraintName, { ideal }: Constraint): number {
  if (ideal === undefined) return 0;
  const value = settings[name];
  if (value === undefined) return 1;
  if (typeof value !== "number") return ideal.includes(value) ? 0 : 1;
  const wanted = Number(ideal[0]);
  return value === wanted ? 0 : Math.abs(value - wanted) / Math.max(Math.abs(value), Math.abs(wanted));
}

export interface Candidate {
  readonly settings: MediaTrackSettings;
}
export type Selection<T> =
  | { readonly ok: true; readonly candidate: T }
  | { readonly ok: false; readonly constraint: ConstraintName | "" };

/** Characters of a string in a constraint; Chromium's. */
const MAX_STRING_LENGTH = 500;

function tooLong(set: MediaTrackConstraintSet): ConstraintName | undefined {
  return NAMES.find((name) => {
    const { exact, ideal } = constraintOf(set, name, false);
    return [...(exact ?? []), ...(ideal ?? [])].some((v) => typeof v === "string" && v.length > MAX_STRING_LENGTH);
  });
}

/**
 * SelectSettings: of `candidates`, best first for a program that does not care, the one that fits best. Only the
 * properties in `applicable` count; constraints on others are ignored.
 */
export function selectSettings<T extends Candidate>(
  candidates: readonly T[],
  constraints: MediaTrackConstraints,
  applicable: (name: ConstraintName) => boolean,
): Selection<T> {
  const advanced = constraints.advanced ?? [];
  for (const set of [constraints, ...advanced]) {
    const name = tooLong(set);
    if (name !== undefined) return { ok: false, constraint: name };
  }
  let left = candidates;
  const judged = NAMES.filter((name) => constraints[name] !== undefined && applicable(name));
  const basic = judged.map((name) => [name, constraintOf(constraints, name, false)] as const);
  for (const [name, constraint] of basic) {
    left = left.filter(({ settings }) => satisfies(settings, name, constraint));
    if (left.length === 0) return { ok: false, constraint: name };
  }
  for (const set of advanced) {
    const wanted = NAMES.filter((name) => set[name] !== undefined && applicable(name)).map(
      (name) => [name, constraintOf(set, name, true)] as const,
    );
    const kept = left.filter(({ settings }) => wanted.every(([name, c]) => satisfies(settings, name, c)));
    if (kept.length > 0) left = kept;
  }
  let best: T | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of left) {
    let sum = 0;
    for (const [name, constraint] of basic) sum += distance(candidate.settings, name, constraint);
    if (sum < least) {
      least = sum;
      best = candidate;
    }
  }
  return best === undefined ? { ok: false, constraint: "" } : { ok: true, candidate: best };
}

/** Every number that the constraints mention of a property. */
export function mentionedNumbers(constraints: MediaTrackConstraints, name: ConstraintName): number[] {
  const numbers = new Set<number>();
  for (const set of [constraints, ...(constraints.advanced ?? [])]) {
    if (set[name] === undefined) continue;
    const { min, max, exact, ideal } = constraintOf(set, name, false);
    for (const value of [min, max, ...(exact ?? []), ...(ideal ?? [])]) {
      if (typeof value === "number") numbers.add(value);
    }
  }
  return [...numbers];
}
