// What a headless run looks at the page through.
import type { Snapshot } from "./page/snapshot.js";

/** Why the run is not a success. */
export class DemoFailure extends Error {}

export interface Watch {
  /** The page's state a moment later; undefined while there is none. Rejects once the run is over. */
  look(): Promise<Snapshot | undefined>;
}
