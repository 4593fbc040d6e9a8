// Web IDL's JavaScript binding for interfaces (https://webidl.spec.whatwg.org/#js-interfaces): what a plain class lacks to
// look like a browser's. Conversions of values are in conversions.ts.
//
// The pattern, the same for every interface:
//
// - State lives in an ordinary class `…Impl` that the rest of the library holds and calls. The interface class is a thin
//   face of it, with the impl in a private field, and nothing a program can do reaches the impl:
//
//     export class RTCSctpTransport extends EventTarget {
//       readonly #impl: SctpTransportImpl = takeImpl();
//       declare onstatechange: EventHandler;
//       get state(): RTCSctpTransportState { return this.#impl.state; }
//       static {
//         sctpTransportImplOf = (object) => object.#impl;
//         defineInterface(RTCSctpTransport, { name: "RTCSctpTransport", brand: (o) => #impl in o, handlers: ["statechange"] });
//       }
//     }
//
// - An interface without a constructor is made by `construct(RTCSctpTransport, impl)`; `new RTCSctpTransport()` throws.
// - A friend that needs the impl of an object it was given uses the exported `…ImplOf` that the static block assigns.
// - `defineInterface` wraps accessors and methods: brand check, argument count, promises instead of exceptions.
//   Method bodies convert their arguments themselves.

import { eventHandlerAttribute } from "./event-handlers.js";

type Callable = (...args: never[]) => unknown;

export interface InterfaceDefinition {
  readonly name: string;
  /** Whether an object is of this interface: `(o) => #field in o`. */
  readonly brand: (object: object) => boolean;
  /** Number of arguments the constructor needs, where it is not the `length` of the class. */
  readonly constructorLength?: number;
  /** Number of arguments an operation needs, where it is not the `length` of the method. */
  readonly required?: Readonly<Record<string, number>>;
  /** Operations and attributes with a promise type: they reject instead of throwing. */
  readonly promises?: readonly string[];
  /** Event handler attributes, without "on". */
  readonly handlers?: readonly string[];
}

const brands = new Map<string, (object: object) => boolean>();

/** Whether `value` is an object of the interface with that name; false also while the interface is not defined. */
export function isPlatformObject(value: unknown, interfaceName: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  return brands.get(interfaceName)?.(value) ?? false;
}

// -- Construction

interface Slot {
  readonly impl: unknown;
}
let slot: Slot | undefined;

/** Makes an object of an interface that has no constructor for programs. */
export function construct<T>(interfaceObject: new () => T, impl: unknown): T {
  slot = { impl };
  try {
    return new interfaceObject();
  } finally {
    slot = undefined;
  }
}

/** Gives the impl to the constructor that is called next: for an interface with a constructor, whose parent takes an impl. */
export function provideImpl(impl: unknown): void {
  slot = { impl };
}

/** The impl given to `construct`. Throws where a program called the constructor. */
export function takeImpl<T>(): T {
  const taken = slot;
  slot = undefined;
  if (taken === undefined) throw new TypeError("Illegal constructor");
  return taken.impl as T;
}

/** The impl given to `construct`, if it is `construct` that called; for interfaces that have a constructor as well. */
export function takeImplIfAny<T>(): T | undefined {
  const taken = slot;
  slot = undefined;
  return taken?.impl as T | undefined;
}

// -- Arguments

/** The beginnings of messages, as Chromium words them. */
export function constructing(interfaceName: string): string {
  return `Failed to construct '${interfaceName}': `;
}
export function executing(operation: string, interfaceName: string): string {
  return `Failed to execute '${operation}' on '${interfaceName}': `;
}
export function setting(attribute: string, interfaceName: string): string {
  return `Failed to set the '${attribute}' property on '${interfaceName}': `;
}

/** Throws a TypeError if fewer than `required` arguments were given. */
export function requireArguments(given: number, required: number, where: string): void {
  if (given >= required) return;
  throw new TypeError(`${where}${required} argument${required === 1 ? "" : "s"} required, but only ${given} present.`);
}

function illegalInvocation(): TypeError {
  return new TypeError("Illegal invocation");
}

// -- What Node does with objects, and browsers do not

/** Node warns of a leak where an event has more than ten listeners. */
const LISTENER_LIMIT: symbol | undefined = Object.getOwnPropertySymbols(new EventTarget()).find(
  ({ description }) => description === "events.maxEventTargetListeners",
);
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

interface InspectOptions {
  readonly depth?: number | null | undefined;
}
type Inspect = (value: unknown, options: InspectOptions) => string;

/** `console.log` shows attributes, which are none of the object's own properties. Not promises, which reading may make. */
function inspection(name: string, brand: (object: object) => boolean, promises: readonly string[]): Callable {
  return function (this: object, depth: unknown, options: unknown, inspect: unknown): unknown {
    if (!brand(this)) return this;
    if ((depth as number) < 0) return `[${name}]`;
    const shown: Record<string, unknown> = {};
    let object: object = Object.getPrototypeOf(this);
    for (; !shared.has(object); object = Object.getPrototypeOf(object)) {
      for (const [key, { get }] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
        if (get === undefined || /^on[a-z]/.test(key) || promises.includes(key)) continue;
        shown[key] = Reflect.get(this, key);
      }
    }
    const { depth: levels } = options as InspectOptions;
    const deeper = { ...(options as InspectOptions), depth: typeof levels === "number" ? levels - 1 : levels };
    const { entries } = this as { readonly entries?: () => Iterable<[string, unknown]> };
    const content = entries === undefined ? shown : new Map(entries.call(this));
    return `${name} ${(inspect as Inspect)(content, deeper)}`;
  };
}
const shared: ReadonlySet<object> = new Set([EventTarget.prototype, Event.prototype, Object.prototype]);

// -- Interfaces

/** Turns a class into an interface object. To be called once, from a static block after all members. */
export function defineInterface(
  target: Callable | (new (...args: never[]) => object),
  definition: InterfaceDefinition,
): void {
  const { name, brand } = definition;
  const { prototype } = target as unknown as { prototype: object };
  brands.set(name, brand);
  for (const [key, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (key === "constructor") continue;
    Object.defineProperty(prototype, key, wrap(key, descriptor, definition, brand));
  }
  for (const [key, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(target))) {
    if (typeof descriptor.value !== "function") continue;
    Object.defineProperty(target, key, wrap(key, descriptor, definition, undefined));
  }
  for (const type of definition.handlers ?? []) {
    Object.defineProperty(prototype, `on${type}`, eventHandlerAttribute(type, brand));
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
  const { promises = [] } = definition;
  Object.defineProperty(prototype, INSPECT, { value: inspection(name, brand, promises), configurable: true });
  if (LISTENER_LIMIT !== undefined && prototype instanceof EventTarget) {
    // EventTarget's constructor writes its limit: to nowhere, and what is read means none.
    const descriptor = { get: () => 0, set: () => undefined, configurable: true };
    Object.defineProperty(prototype, LISTENER_LIMIT, descriptor);
  }
  if (definition.constructorLength !== undefined) {
    Object.defineProperty(target, "length", { value: definition.constructorLength, configurable: true });
  }
}

/** Defines constants of an interface, on the interface object and its prototype. */
export function defineConstants(
  target: { readonly prototype: object },
  constants: Readonly<Record<string, number>>,
): void {
  for (const [key, value] of Object.entries(constants)) {
    Object.defineProperty(target, key, { value, enumerable: true });
    Object.defineProperty(target.prototype, key, { value, enumerable: true });
  }
}

function wrap(
  key: string,
  descriptor: PropertyDescriptor,
  definition: InterfaceDefinition,
  brand: ((object: object) => boolean) | undefined,
): PropertyDescriptor {
  const isPromise = definition.promises?.includes(key) ?? false;
  if (typeof descriptor.value === "function") {
    const method = descriptor.value as Callable;
    const value = operation(key, definition, method, definition.required?.[key] ?? method.length, isPromise, brand);
    return { value, enumerable: true, configurable: true, writable: true };
  }
  return attribute(key, descriptor, isPromise, brand!);
}

function operation(
  key: string,
  definition: InterfaceDefinition,
  method: Callable,
  required: number,
  isPromise: boolean,
  brand: ((object: object) => boolean) | undefined,
): Callable {
  const where = executing(key, definition.name);
  // Method shorthand: operations are not constructors.
  const made: Record<string, Callable> = {
    [key](this: unknown, ...args: never[]): unknown {
      try {
        if (brand !== undefined && !isBranded(this, brand)) throw illegalInvocation();
        if (args.length < required) requireArguments(args.length, required, where);
        return method.apply(this, args);
      } catch (error) {
        if (isPromise) return Promise.reject(error);
        throw error;
      }
    },
  };
  const result = made[key]!;
  Object.defineProperty(result, "length", { value: required, configurable: true });
  return result;
}

function attribute(
  key: string,
  { get, set }: PropertyDescriptor,
  isPromise: boolean,
  brand: (object: object) => boolean,
): PropertyDescriptor {
  const made = {
    get [key](): unknown {
      if (isBranded(this, brand)) return get!.call(this);
      if (isPromise) return Promise.reject(illegalInvocation());
      throw illegalInvocation();
    },
    set [key](value: unknown) {
      if (!isBranded(this, brand)) throw illegalInvocation();
      set!.call(this, value);
    },
  };
  const descriptor = Object.getOwnPropertyDescriptor(made, key)!;
  if (set === undefined) descriptor.set = undefined;
  return descriptor;
}

function isBranded(object: unknown, brand: (object: object) => boolean): boolean {
  return typeof object === "object" && object !== null && brand(object);
}
