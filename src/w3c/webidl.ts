// Web IDL behaviour for all classes: argument conversion, interface objects, event-handler attributes, illegal constructors.
// Conversions throw TypeError with a message that names the place ("Failed to execute 'send' on 'RTCDataChannel': …").
// A class becomes an interface with `defineInterface`, once, after its declaration.

/** Converts a JavaScript value to an IDL type; `where` begins the message of the error. */
export type Converter<T> = (value: unknown, where: string) => T;

export function executing(operation: string, name: string): string {
  return `Failed to execute '${operation}' on '${name}'`;
}

export function constructing(name: string): string {
  return `Failed to construct '${name}'`;
}

/** Throws unless enough arguments were given. */
export function requireArguments(given: number, required: number, where: string): void {
  if (given >= required) return;
  throw new TypeError(
    `${where}: ${required} argument${required === 1 ? "" : "s"} required, but only ${given} present.`,
  );
}

export const toDOMString: Converter<string> = (value, where) => {
  if (typeof value === "symbol") throw new TypeError(`${where}: Cannot convert a Symbol value to a string.`);
  return String(value);
};

export const toUSVString: Converter<string> = (value, where) => toDOMString(value, where).toWellFormed();

export const toBoolean: Converter<boolean> = (value) => Boolean(value);

function toNumber(value: unknown, where: string): number {
  if (typeof value === "bigint" || typeof value === "symbol") {
    throw new TypeError(
      `${where}: Cannot convert a ${typeof value === "bigint" ? "BigInt" : "Symbol"} value to a number.`,
    );
  }
  return Number(value);
}

/** An unsigned integer type of `bits` bits; plain (modulo), [EnforceRange] or [Clamp]. */
export function unsigned(bits: 8 | 16 | 32, mode: "modulo" | "enforce" | "clamp" = "modulo"): Converter<number> {
  const max = 2 ** bits - 1;
  const typeName = bits === 8 ? "octet" : bits === 16 ? "unsigned short" : "unsigned long";
  return (value, where) => {
    const number = toNumber(value, where);
    if (mode === "enforce") {
      if (!Number.isFinite(number))
        throw new TypeError(`${where}: Value is not a finite number of type '${typeName}'.`);
      const integer = Math.trunc(number);
      if (integer < 0 || integer > max)
        throw new TypeError(`${where}: Value is outside the '${typeName}' value range.`);
      return integer + 0;
    }
    if (mode === "clamp") {
      if (Number.isNaN(number)) return 0;
      const clamped = Math.min(Math.max(number, 0), max);
      // Halves go to the even neighbour (Web IDL §3.3.6).
      const floor = Math.floor(clamped);
      const diff = clamped - floor;
      return diff < 0.5 || (diff === 0.5 && floor % 2 === 0) ? floor : floor + 1;
    }
    if (!Number.isFinite(number)) return 0;
    const integer = Math.trunc(number) % 2 ** bits;
    return integer < 0 ? integer + 2 ** bits : integer + 0;
  };
}

/** `unsigned long long` with [EnforceRange]. */
export const toEnforcedUnsignedLongLong: Converter<number> = (value, where) => {
  const number = toNumber(value, where);
  const integer = Math.trunc(number);
  if (!Number.isFinite(number) || integer < 0 || integer > Number.MAX_SAFE_INTEGER) {
    throw new TypeError(`${where}: Value is outside the 'unsigned long long' value range.`);
  }
  return integer + 0;
};

export const toDouble: Converter<number> = (value, where) => {
  const number = toNumber(value, where);
  if (!Number.isFinite(number)) throw new TypeError(`${where}: The provided double value is non-finite.`);
  return number;
};

export function enumeration<T extends string>(name: string, values: readonly T[]): Converter<T> {
  return (value, where) => {
    const text = toDOMString(value, where);
    if (!(values as readonly string[]).includes(text)) {
      throw new TypeError(`${where}: The provided value '${text}' is not a valid enum value of type ${name}.`);
    }
    return text as T;
  };
}

export function nullable<T>(convert: Converter<T>): Converter<T | null> {
  return (value, where) => (value === null || value === undefined ? null : convert(value, where));
}

export function sequence<T>(convert: Converter<T>): Converter<T[]> {
  return (value, where) => {
    const method = isObject(value) ? (value as Partial<Iterable<unknown>>)[Symbol.iterator] : undefined;
    if (typeof method !== "function") {
      throw new TypeError(`${where}: The provided value cannot be converted to a sequence.`);
    }
    const out: T[] = [];
    for (const item of value as Iterable<unknown>) out.push(convert(item, where));
    return out;
  };
}

/** An interface type: the value must be an instance. */
export function instanceOf<T>(name: string, is: (value: unknown) => value is T): Converter<T> {
  return (value, where) => {
    if (!is(value)) throw new TypeError(`${where}: Failed to convert value to '${name}'.`);
    return value;
  };
}

export const toCallback: Converter<(...args: unknown[]) => unknown> = (value, where) => {
  if (typeof value !== "function") throw new TypeError(`${where}: parameter is not of type 'Function'.`);
  return value as (...args: unknown[]) => unknown;
};

export function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

export interface Member<T> {
  readonly convert: Converter<T>;
  readonly required?: boolean;
  /** Absent: the member is left out where the dictionary lacks it. */
  readonly default?: () => T;
}

export type Members<D> = { readonly [K in keyof D]-?: Member<Exclude<D[K], undefined>> };

/** A dictionary type. Members are read in lexicographical order, those of `base` first (Web IDL §3.2.17). */
export function dictionary<D extends object>(
  name: string,
  members: Members<D>,
  base?: Converter<object>,
): Converter<D> {
  const names = (Object.keys(members) as (keyof D & string)[]).sort();
  return (value, where) => {
    if (value !== undefined && value !== null && !isObject(value)) {
      throw new TypeError(`${where}: The provided value is not of type '${name}'.`);
    }
    const out = (base?.(value, where) ?? {}) as Record<string, unknown>;
    const source = (value ?? {}) as Record<string, unknown>;
    for (const key of names) {
      const member = members[key] as Member<unknown>;
      const given = source[key];
      if (given !== undefined) {
        out[key] = member.convert(given, `${where}: Failed to read the '${key}' property from '${name}'`);
      } else if (member.default !== undefined) out[key] = member.default();
      else if (member.required === true) {
        throw new TypeError(
          `${where}: Failed to read the '${key}' property from '${name}': Required member is undefined.`,
        );
      }
    }
    return out as D;
  };
}

// Interfaces

/** Given by our own code to constructors that programs may not call. */
export const INTERNAL: unique symbol = Symbol("internal");

/** For constructors of interfaces that have none in IDL. */
export function checkInternal(token: unknown): void {
  if (token !== INTERNAL) throw new TypeError("Illegal constructor");
}

// biome-ignore lint/suspicious/noExplicitAny: any class
type AnyClass = { readonly prototype: any; readonly name: string };

/**
 * Gives a class the properties of an IDL interface: enumerable attributes and operations, Symbol.toStringTag, the event
 * handlers named (without "on"), and `length` of the constructor and of operations where JavaScript counts otherwise.
 */
export function defineInterface(
  target: AnyClass,
  options: {
    readonly name?: string;
    readonly length?: number;
    readonly handlers?: readonly string[];
    readonly lengths?: Readonly<Record<string, number>>;
  } = {},
): void {
  const { prototype } = target;
  const name = options.name ?? target.name;
  if (options.name !== undefined) Object.defineProperty(target, "name", { value: name, configurable: true });
  Object.defineProperty(target, "length", { value: options.length ?? 0, configurable: true });
  Object.defineProperty(target, "prototype", { writable: false });
  for (const owner of [prototype, target]) {
    for (const key of Object.getOwnPropertyNames(owner)) {
      if (key === "constructor" || key === "prototype" || key === "length" || key === "name") continue;
      const descriptor = Object.getOwnPropertyDescriptor(owner, key)!;
      descriptor.enumerable = true;
      Object.defineProperty(owner, key, descriptor);
      const length = options.lengths?.[key];
      if (length !== undefined && typeof descriptor.value === "function") {
        Object.defineProperty(descriptor.value, "length", { value: length, configurable: true });
      }
    }
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
  for (const type of options.handlers ?? []) defineHandler(prototype, type);
}

type Handler = ((this: EventTarget, event: Event) => unknown) | object | null;

/** Handlers by target and type. The listener is added when a handler is first set and keeps its place (HTML §8.1.8.1). */
const handlers = new WeakMap<EventTarget, Map<string, { value: Handler }>>();

function defineHandler(prototype: EventTarget, type: string): void {
  const accessors = {
    [`on${type}`]: {
      get(this: EventTarget): Handler {
        return handlers.get(this)?.get(type)?.value ?? null;
      },
      set(this: EventTarget, value: unknown) {
        const handler: Handler = isObject(value) ? value : null;
        let own = handlers.get(this);
        if (own === undefined) {
          own = new Map();
          handlers.set(this, own);
        }
        const slot = own.get(type);
        if (slot !== undefined) {
          if (slot.value === null && handler !== null) {
            // Set again after null: it goes to the end, as a new listener.
            own.delete(type);
            (this as unknown as Record<string, unknown>)[`on${type}`] = handler;
          } else slot.value = handler;
          return;
        }
        if (handler === null) return;
        const added = { value: handler as Handler };
        own.set(type, added);
        this.addEventListener(type, (event) => {
          if (typeof added.value === "function") (added.value as (event: Event) => unknown).call(this, event);
        });
      },
    } as PropertyDescriptor & ThisType<EventTarget & Record<string, unknown>>,
  };
  const descriptor = Object.getOwnPropertyDescriptors(accessors)[`on${type}`]!.value as PropertyDescriptor;
  Object.defineProperty(prototype, `on${type}`, { ...descriptor, enumerable: true, configurable: true });
}

/** The handler set for a type, without the cost of an event; for paths where every message counts. */
export function hasHandler(target: EventTarget, type: string): boolean {
  return (handlers.get(target)?.get(type)?.value ?? null) !== null;
}

/** Runs an operation that returns a promise: what it throws becomes a rejection (Web IDL §3.7.7). */
export function promised<T>(run: () => Promise<T>): Promise<T> {
  try {
    return run();
  } catch (error) {
    return Promise.reject(error);
  }
}
