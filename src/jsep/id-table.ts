// Small numbers that stand for something for the length of a session: payload types for codecs, identifiers for header
// extensions. What a number has once stood for, here or at the peer, it goes on to stand for (RFC 3264 §8.3.2, RFC 8285 §7).

export interface IdTable {
  readonly byName: ReadonlyMap<string, number>;
  readonly byId: ReadonlyMap<number, string>;
}

export const EMPTY_ID_TABLE: IdTable = { byName: new Map(), byId: new Map() };

/** Gives numbers within one description, on top of a table; `table()` is the next one. */
export class IdAssigner {
  private readonly byName: Map<string, number>;
  private readonly byId: Map<number, string>;
  private readonly ranges: readonly (readonly [number, number])[];
  private changed = false;
  private readonly base: IdTable;

  /** `ranges`: where a free number is looked for, in this order, up or down; ends included. */
  constructor(base: IdTable, ranges: readonly (readonly [number, number])[]) {
    this.base = base;
    this.byName = new Map(base.byName);
    this.byId = new Map(base.byId);
    this.ranges = ranges;
  }

  /** A description uses this number for this name. A number that stood for something else now stands for this. */
  learn(id: number, name: string): void {
    if (this.byId.get(id) === name && this.byName.get(name) === id) return;
    this.byId.set(id, name);
    this.byName.set(name, id);
    this.changed = true;
  }

  /** The number of this name: the one it has, the preferred one if that is free, or any that is. Undefined if none is. */
  assign(name: string, preferred: number | null): number | undefined {
    const known = this.byName.get(name);
    if (known !== undefined && this.byId.get(known) === name) return known;
    const id = preferred !== null && !this.byId.has(preferred) ? preferred : this.free();
    if (id !== undefined) this.learn(id, name);
    return id;
  }

  private free(): number | undefined {
    for (const [first, last] of this.ranges) {
      const step = first <= last ? 1 : -1;
      for (let id = first; id !== last + step; id += step) if (!this.byId.has(id)) return id;
    }
    return undefined;
  }

  table(): IdTable {
    return this.changed ? { byName: this.byName, byId: this.byId } : this.base;
  }
}
