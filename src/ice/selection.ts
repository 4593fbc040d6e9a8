// Which of the pairs that work is best, and which of the peer-reflexive candidates is missed least: functions of the checklist.
import type { RemoteCandidate } from "./candidate.js";
import { pairClass } from "./checklist.js";
import type { CandidatePair } from "./pair.js";

export interface Ranking {
  readonly best: CandidatePair | undefined;
  readonly bestNominated: CandidatePair | undefined;
}

/**
 * The best valid pairs, in order of priority, except that classes come first. While the selected pair is `doubted`, only what
 * has answered in the last `freshness` milliseconds is better.
 */
export function rankPairs(
  pairs: readonly CandidatePair[],
  doubted: CandidatePair | undefined,
  freshness: number,
  now: number,
): Ranking {
  let best: CandidatePair | undefined;
  let bestNominated: CandidatePair | undefined;
  for (const pair of pairs) {
    if (pair.state !== "succeeded" || pair.revoked) continue;
    if (doubted !== undefined && (pair === doubted || !(now - pair.lastResponseAt < freshness))) continue;
    if (best === undefined || pairClass(pair) > pairClass(best)) best = pair;
    if (!pair.nominated) continue;
    if (bestNominated === undefined || pairClass(pair) > pairClass(bestNominated)) bestNominated = pair;
  }
  return { best, bestNominated };
}

/** Whether to nominate `best` now: where nothing as good is nominated, or on its way to be. */
export function isToBeNominated(
  best: CandidatePair,
  nominated: CandidatePair | undefined,
  pairs: readonly CandidatePair[],
  doubting: boolean,
): boolean {
  if (nominated !== undefined && pairClass(nominated) >= pairClass(best)) return false;
  if (best.nominated || best.nominating) return false;
  // One nomination at a time, unless this one is of a better class.
  return doubting || !pairs.some((pair) => pair.nominating && pairClass(pair) >= pairClass(best));
}

/** The peer-reflexive candidate unheard of for longest, except that of the selected pair. */
export function quietestReflexive(
  pairs: readonly CandidatePair[],
  selected: CandidatePair | undefined,
): RemoteCandidate | undefined {
  let quietest: RemoteCandidate | undefined;
  let oldest = Infinity;
  for (const pair of pairs) {
    if (pair.remote.candidate.type !== "prflx" || pair.remote === selected?.remote) continue;
    const heard = pair.lastReceivedAt || 0;
    if (heard >= oldest) continue;
    oldest = heard;
    quietest = pair.remote;
  }
  return quietest;
}
