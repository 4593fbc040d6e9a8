/** A fuzz target: gets one input; must not throw, hang, or grow beyond the limits it checks itself. */
export interface FuzzTarget {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  run(input: Uint8Array): void;
  /** Called when the microtasks that the input left behind have run; throws if they broke something. */
  settled?(): void;
}
