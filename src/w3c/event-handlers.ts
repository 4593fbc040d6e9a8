// Event handler IDL attributes (HTML §8.1.8.1): `onopen` and its like. A handler is one listener, whose place among the
// others is where it was set from null; setting another function keeps that place.

/** The type of an event handler attribute. */
export type EventHandler<E extends Event = Event> = ((event: E) => unknown) | null;

/**
 * What is read of an attribute whose events are of ours: objects are assignable then to the DOM library's types of them, whose
 * handlers take the DOM's events.
 */
// biome-ignore lint/suspicious/noExplicitAny: no other type is assignable to handlers of each kind
export type EventHandlerRead = ((this: any, event: any) => any) | null;

class Handler {
  readonly type: string;
  callback: object;
  /** Another of the same target. */
  next: Handler | undefined;
  private readonly target: object;

  constructor(target: object, type: string, callback: object, next: Handler | undefined) {
    this.target = target;
    this.type = type;
    this.callback = callback;
    this.next = next;
  }

  handleEvent(event: Event): void {
    const { callback } = this;
    // EventHandler is [LegacyTreatNonObjectAsNull]: an object that is not callable is kept, and does nothing.
    if (typeof callback !== "function") return;
    if (callback.call(this.target, event) === false) event.preventDefault();
  }
}

/** Makes the fields of a derived class those of an object that exists. */
class Existing {
  constructor(target: object) {
    // biome-ignore lint/correctness/noConstructorReturn: this is what the class is for
    return target;
  }
}

/**
 * The handlers of one target, as a private field of it. In a WeakMap the handlers, which mostly lead back to the target, would
 * keep it alive until the next full collection: what collects young objects takes the values of an old map for alive.
 */
class Handlers extends Existing {
  #first: Handler | undefined = undefined;

  static find(target: object, type: string): Handler | undefined {
    let handler = #first in target ? target.#first : undefined;
    while (handler !== undefined && handler.type !== type) handler = handler.next;
    return handler;
  }

  static add(target: object, type: string, callback: object): Handler {
    const handlers = #first in target ? target : new Handlers(target);
    handlers.#first = new Handler(target, type, callback, handlers.#first);
    return handlers.#first;
  }

  static remove(target: object, handler: Handler): void {
    if (!(#first in target)) return;
    if (target.#first === handler) target.#first = handler.next;
    for (let at = target.#first; at !== undefined; at = at.next) if (at.next === handler) at.next = handler.next;
  }
}

const { addEventListener, removeEventListener } = EventTarget.prototype;

function getHandler(target: object, type: string): object | null {
  return Handlers.find(target, type)?.callback ?? null;
}

function setHandler(target: object, type: string, value: unknown): void {
  const handler = Handlers.find(target, type);
  if ((typeof value !== "object" && typeof value !== "function") || value === null) {
    if (handler === undefined) return;
    Handlers.remove(target, handler);
    removeEventListener.call(target as EventTarget, type, handler);
  } else if (handler !== undefined) handler.callback = value;
  else addEventListener.call(target as EventTarget, type, Handlers.add(target, type, value));
}

/** The descriptor of the attribute `on<type>` for objects that `brand` knows. */
export function eventHandlerAttribute(type: string, brand: (object: object) => boolean): PropertyDescriptor {
  const key = `on${type}`;
  const check = (object: unknown): object => {
    if (typeof object === "object" && object !== null && brand(object)) return object;
    throw new TypeError("Illegal invocation");
  };
  const made = {
    get [key](): unknown {
      return getHandler(check(this), type);
    },
    set [key](value: unknown) {
      setHandler(check(this), type, value);
    },
  };
  return Object.getOwnPropertyDescriptor(made, key)!;
}

/** `T` whose members `K` are newer than the DOM library's: what is read of them is assignable to that one's types. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export type Widened<T, K extends keyof T> = T & { [P in K]?: any };

// The DOM's dictionaries by names of our own: a program's types need not have them as globals.

export interface EventInit {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
}

export interface ListenerOptions {
  capture?: boolean;
  once?: boolean;
  passive?: boolean;
  /** An AbortSignal. */
  signal?: unknown;
}

/** EventTarget with the types of its events, for `extends`: `const Target: TypedEventTargetConstructor<…> = EventTarget`. */
export interface TypedEventTarget<M> {
  addEventListener<K extends keyof M & string>(
    type: K,
    listener: ((event: M[K]) => unknown) | { handleEvent(event: M[K]): unknown } | null,
    options?: ListenerOptions | boolean,
  ): void;
  addEventListener(
    type: string,
    listener: ((event: Event) => unknown) | { handleEvent(event: Event): unknown } | null,
    options?: ListenerOptions | boolean,
  ): void;
  removeEventListener<K extends keyof M & string>(
    type: K,
    listener: ((event: M[K]) => unknown) | { handleEvent(event: M[K]): unknown } | null,
    options?: ListenerOptions | boolean,
  ): void;
  removeEventListener(
    type: string,
    listener: ((event: Event) => unknown) | { handleEvent(event: Event): unknown } | null,
    options?: ListenerOptions | boolean,
  ): void;
  dispatchEvent(event: Event): boolean;
}
/** `H`: attributes that `declare` cannot say. */
export type TypedEventTargetConstructor<M, H = unknown> = new () => TypedEventTarget<M> & H;
