// What senders, receivers and transceivers need of their connection.
import type { Platform } from "../peer/platform.js";
import type { RTCStatsReport } from "./rtc-stats-report.js";

export interface MediaHost {
  readonly platform: Platform;
  readonly isClosed: boolean;
  readonly isConnected: boolean;
  /** Queues a task that is dropped once the connection is closed. */
  queueTask(run: () => void): void;
  /** Something changed that an offer or answer shows: what was created before is out of date. */
  changed(): void;
  updateNegotiationNeeded(): void;
  /** Runs an operation of the operations chain (webrtc-pc §4.4.1.2). */
  chain<T>(operation: () => Promise<T>): Promise<T>;
  /** The statistics of one sender or receiver, by its impl. */
  getStats(selector: object): Promise<RTCStatsReport>;
}
