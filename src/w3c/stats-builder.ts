// A statistics report in the making: one time for all of it, and the identifiers of the connection's objects.
import type { Platform } from "../peer/platform.js";
import type { StatsIds } from "./stats-ids.js";
import type { RTCStats } from "./stats-types.js";

/** Members that name another object of the report (webrtc-stats §7, "…Id"). */
const REFERENCES = [
  "codecId",
  "issuerCertificateId",
  "localCandidateId",
  "localCertificateId",
  "localId",
  "mediaSourceId",
  "playoutId",
  "remoteCandidateId",
  "remoteCertificateId",
  "remoteId",
  "selectedCandidatePairId",
  "transportId",
] as const;

export class StatsReportBuilder {
  readonly platform: Platform;
  readonly ids: StatsIds;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  /** Whether stats that tell of the hardware may be shown (webrtc-stats §10.2). */
  readonly exposesHardware: boolean;
  private readonly entries = new Map<string, RTCStats>();
  private readonly owned = new Map<object, RTCStats[]>();

  constructor(platform: Platform, ids: StatsIds, exposesHardware: boolean) {
    this.platform = platform;
    this.ids = ids;
    this.exposesHardware = exposesHardware;
    this.timestamp = this.epoch(platform.now());
  }

  /** An instant of the platform's monotonic clock as a DOMHighResTimeStamp since the epoch. */
  epoch(instant: number): number {
    return this.platform.timeOrigin + instant;
  }

  has(id: string): boolean {
    return this.entries.has(id);
  }

  /** `owner`: the sender or receiver of which it is an RTP stream. */
  add(stats: RTCStats, owner?: object): void {
    this.entries.set(stats.id, stats);
    if (owner === undefined) return;
    const owned = this.owned.get(owner);
    if (owned === undefined) this.owned.set(owner, [stats]);
    else owned.push(stats);
  }

  /** All, or with a selector its RTP streams and what they refer to, directly or not (webrtc-pc §8.5). */
  finish(selector: object | undefined): Map<string, RTCStats> {
    if (selector === undefined) return this.entries;
    const out = new Map<string, RTCStats>();
    const follow = (stats: RTCStats | undefined): void => {
      if (stats === undefined || out.has(stats.id)) return;
      out.set(stats.id, stats);
      for (const name of REFERENCES) {
        const id = (stats as unknown as Record<string, unknown>)[name];
        if (typeof id === "string") follow(this.entries.get(id));
      }
    };
    for (const stats of this.owned.get(selector) ?? []) follow(stats);
    return out;
  }
}
