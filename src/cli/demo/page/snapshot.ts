// What the page shows, as plain data: for whoever drives it (`parley demo --headless`, a test, the console).
import type { CameraState } from "./camera.js";
import type { LayerReport } from "./camera-wire.js";
import type { CandidateView, ConnectionState, Side, Step, TransportView } from "./connection.js";
import type { MediaFigures } from "./media-figures.js";
import type { TransferResult, TransferState } from "./transfer.js";

export interface TransferSnapshot {
  readonly name: string;
  readonly size: number;
  readonly state: TransferState;
  readonly reason: string;
  readonly there: number;
  readonly back: number;
  readonly thereRate: number;
  readonly backRate: number;
  readonly result: TransferResult | undefined;
}

export interface CameraSnapshot {
  readonly state: CameraState;
  readonly reason: string;
  /** Pictures a second that the camera gives. */
  readonly cameraRate: number;
  /** Undefined before the first measurement; made anew once a second. */
  readonly figures: MediaFigures | undefined;
  /** As they reach Node. */
  readonly layers: readonly LayerReport[];
  /** What Node sends back. */
  readonly current: string | null;
  /** Datagrams that Node lost on purpose. */
  readonly dropped: number;
}

export interface Snapshot {
  readonly state: ConnectionState;
  readonly reason: string;
  /** Milliseconds after the start at which each step was reached. */
  readonly steps: Readonly<Partial<Record<Step, number>>>;
  readonly candidates: Readonly<Record<Side, readonly CandidateView[]>>;
  readonly transport: TransportView | undefined;
  readonly roundTrip: { readonly count: number; readonly p50: number; readonly p95: number };
  /** Newest first. */
  readonly transfers: readonly TransferSnapshot[];
  readonly camera: CameraSnapshot;
}

declare global {
  /** The page's state, for whoever drives it. */
  var parleyDemo: () => Snapshot;
}
