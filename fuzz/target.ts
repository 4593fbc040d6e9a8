/** A fuzz target: gets one input; must not throw, hang, or grow beyond the limits it checks itself. */
export interface FuzzTarget {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  run(input: Uint8Array): void;
}
