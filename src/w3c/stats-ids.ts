// Identifiers of what statistics speak of: the same for the same object in every report, never used again.
import { LateMap } from "../util/late-map.js";

export class StatsIds {
  private readonly known = new WeakMap<object, string>();
  private readonly pairs = new WeakMap<object, WeakMap<object, string>>();
  private readonly counts = new LateMap<string, number>();

  /** The identifier of `object`; a new one has the prefix and the next number. */
  of(object: object, prefix: string): string {
    return this.lookUp(this.known, object, prefix);
  }

  /** That of two together. */
  ofPair(first: object, second: object, prefix: string): string {
    let known = this.pairs.get(first);
    if (known === undefined) {
      known = new WeakMap();
      this.pairs.set(first, known);
    }
    return this.lookUp(known, second, prefix);
  }

  private lookUp(known: WeakMap<object, string>, object: object, prefix: string): string {
    let id = known.get(object);
    if (id === undefined) {
      const count = (this.counts.get(prefix) ?? 0) + 1;
      this.counts.set(prefix, count);
      id = `${prefix}${count}`;
      known.set(object, id);
    }
    return id;
  }
}
