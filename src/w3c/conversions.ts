// Web IDL's conversions from JavaScript values to IDL types (https://webidl.spec.whatwg.org/#js-type-mapping). A converter
// gets the value and the beginning of the message of the TypeError it throws; the wording is Chromium's.
import { isPlatformObject } from "./webidl.js";

export type Converter<T> = (value: unknown, where: string) => T;

const isObject = (value: unknown): value is object =>
  (typeof value === "object" && value !== null) || typeof value === "function";

// -- Strings, booleans, numbers

/** DOMString. Symbols throw. */
export const domString: Converter<string> = (value) => (typeof value === "string" ? value : `${value as string}`);

/** USVString: lone surrogates become U+FFFD. */
export const usvString: Converter<string> = (value, where) =>
  domString(value, where).replace(/\p{Surrogate}/gu, "\ufffd");

export const boolean: Converter<boolean> = (value) => Boolean(value);

/** ToNumber: unlike Number(), throws for a BigInt. */
const toNumber = (value: unknown): number => +(value as number);

export const unrestrictedDouble: Converter<number> = toNumber;

export const double: Converter<number> = (value, where) => {
  const number = toNumber(value);
  if (Number.isFinite(number)) return number;
  throw new TypeError(`${where}The provided double value is non-finite.`);
};

export type IntegerType =
  | "octet"
  | "byte"
  | "unsigned short"
  | "short"
  | "unsigned long"
  | "long"
  | "unsigned long long"
  | "long long";

const BITS: Record<IntegerType, number> = {
  octet: 8,
  byte: 8,
  "unsigned short": 16,
  short: 16,
  "unsigned long": 32,
  long: 32,
  "unsigned long long": 64,
  "long long": 64,
};

/** An integer type, converted modulo its size, or as [EnforceRange] or [Clamp] says. */
export function integer(type: IntegerType, extended?: "EnforceRange" | "Clamp"): Converter<number> {
  const bits = BITS[type];
  const unsigned = type === "octet" || type.startsWith("unsigned");
  const max = bits === 64 ? Number.MAX_SAFE_INTEGER : 2 ** (unsigned ? bits : bits - 1) - 1;
  const min = unsigned ? 0 : bits === 64 ? -max : -max - 1;
  return (value, where) => {
    const x = toNumber(value);
    if (extended === "EnforceRange") {
      if (!Number.isFinite(x)) {
        throw new TypeError(`${where}Value is${Number.isNaN(x) ? "" : " infinite and"} not of type '${type}'.`);
      }
      const truncated = Math.trunc(x) + 0;
      if (truncated < min || truncated > max)
        throw new TypeError(`${where}Value is outside the '${type}' value range.`);
      return truncated;
    }
    if (extended === "Clamp" && !Number.isNaN(x)) {
      const clamped = Math.min(Math.max(x, min), max);
      // To the nearest integer, the even one of two.
      const floor = Math.floor(clamped);
      const up = clamped - floor > 0.5 || (clamped - floor === 0.5 && floor % 2 !== 0);
      return (up ? floor + 1 : floor) + 0;
    }
    if (!Number.isFinite(x)) return 0;
    const truncated = Math.trunc(x) + 0;
    if (truncated >= min && truncated <= max) return truncated;
    const wide = BigInt(truncated);
    return Number(unsigned ? BigInt.asUintN(bits, wide) : BigInt.asIntN(bits, wide));
  };
}

export const octet: Converter<number> = integer("octet");
export const unsignedShort: Converter<number> = integer("unsigned short");
export const long: Converter<number> = integer("long");
export const unsignedLong: Converter<number> = integer("unsigned long");
/** DOMTimeStamp, EpochTimeStamp. */
export const unsignedLongLong: Converter<number> = integer("unsigned long long");

// -- Enumerations, objects, functions

export function enumeration<T extends string>(name: string, values: readonly T[]): Converter<T> {
  return (value, where) => {
    const text = domString(value, where);
    if ((values as readonly string[]).includes(text)) return text as T;
    throw new TypeError(`${where}The provided value '${text}' is not a valid enum value of type ${name}.`);
  };
}

/** `any`. */
export const any: Converter<unknown> = (value) => value;

export const object: Converter<object> = (value, where) => {
  if (isObject(value)) return value;
  throw new TypeError(`${where}The provided value is not of type 'object'.`);
};

export type AnyFunction = (...args: never[]) => unknown;

/** A callback function type. */
export const callback: Converter<AnyFunction> = (value, where) => {
  if (typeof value === "function") return value as AnyFunction;
  throw new TypeError(`${where}The provided value is not of type 'Function'.`);
};

/** An object of an interface, known by its name, so that interfaces can refer to each other. */
export function interfaceType<T>(name: string): Converter<T> {
  return (value, where) => {
    if (isPlatformObject(value, name)) return value as T;
    throw new TypeError(`${where}Failed to convert value to '${name}'.`);
  };
}

/** A union of interface types. */
export function unionOfInterfaces<T>(...names: readonly string[]): Converter<T> {
  return (value, where) => {
    if (names.some((name) => isPlatformObject(value, name))) return value as T;
    throw new TypeError(`${where}Failed to convert value to '${names.join("' or '")}'.`);
  };
}

/** An argument of an interface type; `position` counts from 1. */
export function interfaceArgument<T>(value: unknown, name: string, position: number, where: string): T {
  if (isPlatformObject(value, name)) return value as T;
  throw new TypeError(`${where}parameter ${position} is not of type '${name}'.`);
}

export function nullable<T>(type: Converter<T>): Converter<T | null> {
  return (value, where) => (value === undefined || value === null ? null : type(value, where));
}

/** A union of a sequence and something else: what is iterable is the sequence. */
export function sequenceOr<S, T>(item: Converter<S>, other: Converter<T>): Converter<S[] | T> {
  const list = sequence(item);
  return (value, where) =>
    isObject(value) && (value as Partial<Iterable<unknown>>)[Symbol.iterator] != null
      ? list(value, where)
      : other(value, where);
}

// -- Sequences, records, dictionaries

export function sequence<T>(item: Converter<T>): Converter<T[]> {
  return (value, where) => {
    if (!isObject(value)) throw new TypeError(`${where}The provided value cannot be converted to a sequence.`);
    const method = (value as Partial<Iterable<unknown>>)[Symbol.iterator];
    if (typeof method !== "function")
      throw new TypeError(`${where}The object must have a callable @@iterator property.`);
    const items: T[] = [];
    for (const entry of { [Symbol.iterator]: () => method.call(value) }) items.push(item(entry, where));
    return items;
  };
}

export function frozenArray<T>(item: Converter<T>): Converter<readonly T[]> {
  const list = sequence(item);
  return (value, where) => Object.freeze(list(value, where));
}

export function record<T>(key: Converter<string>, type: Converter<T>): Converter<Record<string, T>> {
  return (value, where) => {
    if (!isObject(value)) throw new TypeError(`${where}The provided value is not of type 'record'.`);
    const result: Record<string, T> = Object.create(null);
    for (const name of Reflect.ownKeys(value)) {
      if (Reflect.getOwnPropertyDescriptor(value, name)?.enumerable !== true) continue;
      result[key(name, where)] = type((value as Record<PropertyKey, unknown>)[name], where);
    }
    return result;
  };
}

export interface Member<T> {
  readonly type: Converter<T>;
  readonly required?: true;
  /** The default value, made anew each time. */
  readonly default?: () => T;
}

export interface Dictionary<T> extends Converter<T> {
  /** Own and inherited members in the order they are read. */
  readonly members: readonly (readonly [name: string, member: Member<unknown>, owner: string])[];
}

/** A dictionary type: inherited members first, each dictionary's own in lexicographical order. */
export function dictionary<T>(
  name: string,
  members: { readonly [K in keyof T]?: Member<Exclude<T[K], undefined>> },
  parent?: Dictionary<unknown>,
): Dictionary<T> {
  const own = Object.entries(members as Record<string, Member<unknown>>).sort(([a], [b]) => (a < b ? -1 : 1));
  const all = [...(parent?.members ?? []), ...own.map(([key, member]) => [key, member, name] as const)];
  const convert = (value: unknown, where: string): T => {
    if (value !== undefined && value !== null && !isObject(value)) {
      throw new TypeError(`${where}The provided value is not of type '${name}'.`);
    }
    const result: Record<string, unknown> = {};
    for (const [key, member, owner] of all) {
      const given = value === undefined || value === null ? undefined : (value as Record<string, unknown>)[key];
      if (given === undefined && !member.required) {
        if (member.default !== undefined) result[key] = member.default();
        continue;
      }
      const inside = `${where}Failed to read the '${key}' property from '${owner}': `;
      if (given === undefined) throw new TypeError(`${inside}Required member is undefined.`);
      result[key] = member.type(given, inside);
    }
    return result as T;
  };
  return Object.assign(convert, { members: all });
}

// -- Buffers

const byteLengthOf = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength")!.get!;

/** Whether `value` is an ArrayBuffer, of whatever realm. */
export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  if (value instanceof ArrayBuffer) return true;
  if (typeof value !== "object" || value === null) return false;
  try {
    byteLengthOf.call(value);
    return true;
  } catch {
    return false;
  }
}

/** Throws unless a buffer may be used where neither [AllowShared] nor [AllowResizable] is given. */
export function checkBuffer(buffer: ArrayBufferLike, type: string, where: string): void {
  if (typeof SharedArrayBuffer !== "undefined" && buffer instanceof SharedArrayBuffer) {
    throw new TypeError(`${where}The provided ${type} value must not be shared.`);
  }
  if ((buffer as { readonly resizable?: boolean }).resizable === true) {
    throw new TypeError(`${where}The provided ${type} value must not be resizable.`);
  }
}

/** BufferSource, as a view of its bytes (none if it is detached). */
export const bufferSource: Converter<Uint8Array> = (value, where) => {
  if (ArrayBuffer.isView(value)) {
    checkBuffer(value.buffer, "ArrayBufferView", where);
    if (value.byteLength === 0) return new Uint8Array(0);
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  if (isArrayBuffer(value)) {
    checkBuffer(value, "ArrayBuffer", where);
    return value.byteLength === 0 ? new Uint8Array(0) : new Uint8Array(value);
  }
  throw new TypeError(`${where}The provided value is not of type '(ArrayBuffer or ArrayBufferView)'.`);
};
