// Objects with accessors over closures, for what one machine shows another. An object literal with `get` in it is never of
// the shape of the one before: each evaluation makes a hidden class, which lives until the next full collection and keeps the
// closures, and so the whole connection, alive with it; and no call site sees the same shape twice. (For the same end no
// function literal is assigned to a property, `a.b = () => …`, where it happens per connection: V8 allocates such a function
// among the old objects, and what it sees lives until the next full collection. Through a variable it is young.)

type Getters<T, K extends keyof T> = { readonly [P in K]: () => T[P] };
type Setters<T, K extends keyof T> = { readonly [P in K]?: (value: T[P]) => void };

/** To be called once, for what has accessors of these names; the result makes one such object. */
export function accessors<T extends object, K extends keyof T & string>(
  names: readonly K[],
): (getters: Getters<T, K>, rest: Omit<T, K>, setters?: Setters<T, K>) => T {
  class View {
    readonly #getters: Getters<T, K>;
    readonly #setters: Setters<T, K> | undefined;

    constructor(getters: Getters<T, K>, setters: Setters<T, K> | undefined) {
      this.#getters = getters;
      this.#setters = setters;
    }

    static define(name: K): void {
      Object.defineProperty(View.prototype, name, {
        get(this: View) {
          return this.#getters[name]();
        },
        set(this: View, value: T[K]) {
          this.#setters?.[name]?.(value);
        },
      });
    }
  }
  for (const name of names) View.define(name);
  return (getters, rest, setters) => Object.assign(new View(getters, setters), rest) as unknown as T;
}
