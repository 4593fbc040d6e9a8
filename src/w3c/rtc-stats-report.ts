// RTCStatsReport: a read-only maplike from an id to a stats dictionary (webrtc-pc §8.3).
import { domString } from "./conversions.js";
import { mapIterator } from "./iterator-helpers.js";
import { construct, defineInterface, executing, takeImpl } from "./webidl.js";

export class RTCStatsReport {
  readonly #entries: Map<string, object> = takeImpl();

  get size(): number {
    return this.#entries.size;
  }

  // biome-ignore lint/suspicious/noExplicitAny: as TypeScript's library for browsers has it, so that code moves over.
  get(key: string): any {
    return this.#entries.get(domString(key, ""));
  }
  has(key: string): boolean {
    return this.#entries.has(domString(key, ""));
  }
  // biome-ignore lint/suspicious/noExplicitAny: see above.
  entries(): MapIterator<[string, any]> {
    return mapIterator(this.#entries.entries());
  }
  keys(): MapIterator<string> {
    return mapIterator(this.#entries.keys());
  }
  // biome-ignore lint/suspicious/noExplicitAny: see above.
  values(): MapIterator<any> {
    return mapIterator(this.#entries.values());
  }
  // biome-ignore lint/suspicious/noExplicitAny: see above.
  forEach(callback: (value: any, key: string, report: RTCStatsReport) => void, thisArg?: unknown): void {
    if (typeof callback !== "function") {
      throw new TypeError(`${executing("forEach", "RTCStatsReport")}parameter 1 is not of type 'Function'.`);
    }
    for (const [key, value] of this.#entries) callback.call(thisArg, value, key, this);
  }

  // biome-ignore lint/suspicious/noExplicitAny: see above.
  declare [Symbol.iterator]: () => MapIterator<[string, any]>;

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
