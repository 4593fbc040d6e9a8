// Maps and sets that have memory only while there is something in them. An empty Map takes 184 bytes, and a connection has
// dozens that mostly stay empty. For what is on the path of each packet a Map is the better choice.

const NO_MAP: ReadonlyMap<never, never> = new Map<never, never>();
const NO_SET: ReadonlySet<never> = new Set<never>();

export class LateMap<K, V> {
  private map: Map<K, V> = NO_MAP as unknown as Map<K, V>;

  get size(): number {
    return this.map.size;
  }

  has(key: K): boolean {
    return this.map.has(key);
  }

  get(key: K): V | undefined {
    return this.map.get(key);
  }

  set(key: K, value: V): void {
    if (this.map.size === 0) this.map = new Map();
    this.map.set(key, value);
  }

  delete(key: K): boolean {
    const { map } = this;
    if (!map.has(key)) return false;
    map.delete(key);
    // What goes on over it is not disturbed.
    if (map.size === 0) this.map = NO_MAP as unknown as Map<K, V>;
    return true;
  }

  clear(): void {
    this.map = NO_MAP as unknown as Map<K, V>;
  }

  keys(): MapIterator<K> {
    return this.map.keys();
  }

  values(): MapIterator<V> {
    return this.map.values();
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.map[Symbol.iterator]();
  }
}

export class LateSet<T> {
  private set: Set<T> = NO_SET as unknown as Set<T>;

  get size(): number {
    return this.set.size;
  }

  has(value: T): boolean {
    return this.set.has(value);
  }

  add(value: T): void {
    if (this.set.size === 0) this.set = new Set();
    this.set.add(value);
  }

  delete(value: T): boolean {
    const { set } = this;
    if (!set.has(value)) return false;
    set.delete(value);
    if (set.size === 0) this.set = NO_SET as unknown as Set<T>;
    return true;
  }

  clear(): void {
    this.set = NO_SET as unknown as Set<T>;
  }

  [Symbol.iterator](): SetIterator<T> {
    return this.set[Symbol.iterator]();
  }
}
