// RTCStatsReport: a read-only maplike from an id to a stats dictionary (webrtc-pc §8.3).
import { domString } from "./conversions.js";
import { construct, defineInterface, executing, takeImpl } from "./webidl.js";

export class RTCStatsReport {
  readonly #entries: Map<string, object> = takeImpl();

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): object | undefined {
    return this.#entries.get(domString(key, ""));
  }
  has(key: string): boolean {
    return this.#entries.has(domString(key, ""));
  }
  entries(): IterableIterator<[string, object]> {
    return this.#entries.entries();
  }
  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }
  values(): IterableIterator<object> {
    return this.#entries.values();
  }
  forEach(callback: (value: object, key: string, report: RTCStatsReport) => void, thisArg?: unknown): void {
    if (typeof callback !== "function") {
      throw new TypeError(`${executing("forEach", "RTCStatsReport")}parameter 1 is not of type 'Function'.`);
    }
    for (const [key, value] of this.#entries) callback.call(thisArg, value, key, this);
  }

  declare [Symbol.iterator]: () => IterableIterator<[string, object]>;

  static {
    defineInterface(RTCStatsReport, { name: "RTCStatsReport", brand: (o) => #entries in o, required: { forEach: 1 } });
    // The very function, as Web IDL says of a maplike.
    Object.defineProperty(RTCStatsReport.prototype, Symbol.iterator, {
      value: RTCStatsReport.prototype.entries,
      writable: true,
      configurable: true,
    });
  }
}

/** The entries belong to the report. */
export function createStatsReport(entries: Map<string, object>): RTCStatsReport {
  return construct(RTCStatsReport, entries);
}
