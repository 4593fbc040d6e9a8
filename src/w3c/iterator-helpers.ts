// Iterator helpers (ECMA-262 §27.1.4) for the iterators of our maplikes, on runtimes whose iterators have none: Node has them
// from 22 on, and browsers do. Not a polyfill: no prototype of the runtime is touched. An iterator gets a prototype of ours
// between itself and %MapIteratorPrototype%, so that everything else about it stays.

type Call = (...args: unknown[]) => unknown;
type IteratorLike = { readonly next?: unknown; readonly return?: unknown };

const mapIteratorPrototype: object = Object.getPrototypeOf(new Map().values());
const iteratorPrototype: object = Object.getPrototypeOf(mapIteratorPrototype);

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** An Iterator Record (§7.4.1) that a `for` loop can be over: what ends the loop closes the iterator. */
class Source {
  private readonly iterator: IteratorLike;
  private readonly step: Call;

  /** §7.4.2 GetIteratorDirect */
  constructor(iterator: unknown) {
    if (!isObject(iterator)) throw new TypeError("Iterator helper called on non-object");
    this.iterator = iterator as IteratorLike;
    this.step = this.iterator.next as Call;
  }
  [Symbol.iterator](): Iterator<unknown> {
    return this as Iterator<unknown>;
  }
  next(): IteratorResult<unknown> {
    return this.step.call(this.iterator) as IteratorResult<unknown>;
  }
  /** For the loop, which looks for it when it has to close. */
  get return(): (() => IteratorResult<unknown>) | undefined {
    const { iterator } = this;
    const method = iterator.return as Call | null | undefined;
    return method == null ? undefined : () => method.call(iterator) as IteratorResult<unknown>;
  }
  /** §7.4.11 IteratorClose, of an iterator that is not being looped over. */
  close(): void {
    const end = this.return;
    if (end !== undefined && !isObject(end())) throw new TypeError("Iterator result is not an object");
  }
}

/** Closes the iterator, and throws this whatever comes of that. */
function refuse(iterator: unknown, error: Error): never {
  try {
    (iterator as { return?: Call }).return?.();
  } catch {}
  throw error;
}

function callable(iterator: unknown, value: unknown): Call {
  if (!isObject(iterator)) throw new TypeError("Iterator helper called on non-object");
  if (typeof value !== "function") refuse(iterator, new TypeError(`${String(value)} is not a function`));
  return value as Call;
}

/** The argument of take and drop. */
function limitOf(iterator: unknown, value: unknown): number {
  if (!isObject(iterator)) throw new TypeError("Iterator helper called on non-object");
  let number = Number.NaN;
  try {
    number = +(value as number);
  } catch (error) {
    refuse(iterator, error as Error);
  }
  if (Number.isNaN(number) || Math.trunc(number) < 0) {
    refuse(iterator, new RangeError(`${String(value)} must be positive`));
  }
  return Math.trunc(number);
}

/** §7.4.5 GetIteratorFlattenable, rejecting primitive values. */
function flattenable(value: unknown): Source {
  if (!isObject(value)) throw new TypeError(`${String(value)} is not an object`);
  const method = (value as { [Symbol.iterator]?: Call | null })[Symbol.iterator];
  return new Source(method == null ? value : method.call(value));
}

// -- The lazy ones

type Values = Generator<unknown, void, void>;

function* mapped(source: Source, mapper: Call): Values {
  let index = 0;
  for (const value of source) yield mapper(value, index++);
}

function* filtered(source: Source, predicate: Call): Values {
  let index = 0;
  for (const value of source) if (predicate(value, index++)) yield value;
}

function* taken(source: Source, limit: number): Values {
  if (limit === 0) return source.close();
  let left = limit;
  for (const value of source) {
    yield value;
    if (--left === 0) return;
  }
}

function* dropped(source: Source, limit: number): Values {
  let left = limit;
  for (const value of source) {
    if (left > 0) left--;
    else yield value;
  }
}

function* flatMapped(source: Source, mapper: Call): Values {
  let index = 0;
  for (const value of source) for (const inner of flattenable(mapper(value, index++))) yield inner;
}

/** An Iterator Helper object (§27.1.2). */
class IteratorHelper {
  readonly #source: Source;
  readonly #values: Values;
  #begun = false;

  constructor(source: Source, values: Values) {
    this.#source = source;
    this.#values = values;
  }
  next(): IteratorResult<unknown> {
    this.#begun = true;
    return this.#values.next();
  }
  return(): IteratorResult<unknown> {
    const result = this.#values.return();
    // A generator that has not begun has nothing to close.
    if (!this.#begun) {
      this.#begun = true;
      this.#source.close();
    }
    return result;
  }
}

const helpers = {
  drop(this: unknown, limit: unknown): unknown {
    const count = limitOf(this, limit);
    const source = new Source(this);
    return new IteratorHelper(source, dropped(source, count));
  },
  every(this: unknown, predicate: unknown): boolean {
    const holds = callable(this, predicate);
    let index = 0;
    for (const value of new Source(this)) if (!holds(value, index++)) return false;
    return true;
  },
  filter(this: unknown, predicate: unknown): unknown {
    const holds = callable(this, predicate);
    const source = new Source(this);
    return new IteratorHelper(source, filtered(source, holds));
  },
  find(this: unknown, predicate: unknown): unknown {
    const holds = callable(this, predicate);
    let index = 0;
    for (const value of new Source(this)) if (holds(value, index++)) return value;
    return undefined;
  },
  flatMap(this: unknown, mapper: unknown): unknown {
    const map = callable(this, mapper);
    const source = new Source(this);
    return new IteratorHelper(source, flatMapped(source, map));
  },
  forEach(this: unknown, procedure: unknown): void {
    const call = callable(this, procedure);
    let index = 0;
    for (const value of new Source(this)) call(value, index++);
  },
  map(this: unknown, mapper: unknown): unknown {
    const map = callable(this, mapper);
    const source = new Source(this);
    return new IteratorHelper(source, mapped(source, map));
  },
  reduce(this: unknown, reducer: unknown, ...initial: unknown[]): unknown {
    const reduce = callable(this, reducer);
    let isEmpty = initial.length === 0;
    let result = initial[0];
    let index = 0;
    for (const value of new Source(this)) {
      result = isEmpty ? value : reduce(result, value, index);
      isEmpty = false;
      index++;
    }
    if (isEmpty) throw new TypeError("Reduce of empty iterator with no initial value");
    return result;
  },
  some(this: unknown, predicate: unknown): boolean {
    const holds = callable(this, predicate);
    let index = 0;
    for (const value of new Source(this)) if (holds(value, index++)) return true;
    return false;
  },
  take(this: unknown, limit: unknown): unknown {
    const count = limitOf(this, limit);
    const source = new Source(this);
    return new IteratorHelper(source, taken(source, count));
  },
  toArray(this: unknown): unknown[] {
    return [...new Source(this)];
  },
};

/** A prototype with the helpers, above one of the runtime's. */
function withHelpers(parent: object): object {
  const prototype: object = Object.create(parent);
  for (const [name, value] of Object.entries(helpers)) {
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
  return prototype;
}

const ownPrototype = withHelpers(mapIteratorPrototype);
Object.setPrototypeOf(IteratorHelper.prototype, withHelpers(iteratorPrototype));
Reflect.deleteProperty(IteratorHelper.prototype, "constructor");
Object.defineProperty(IteratorHelper.prototype, Symbol.toStringTag, { value: "Iterator Helper", configurable: true });

/** Gives our helpers to an iterator, whatever the runtime has. */
export function help<T>(iterator: MapIterator<T>): MapIterator<T> {
  return Object.setPrototypeOf(iterator, ownPrototype);
}

const isNative = "flatMap" in iteratorPrototype;

/** An iterator of a Map as one of a maplike: with the helpers of the runtime, or ours. */
export function mapIterator<T>(iterator: MapIterator<T>): MapIterator<T> {
  return isNative ? iterator : help(iterator);
}
