// How many repair packets a sent stream is worth: a function of the loss that the peer reports and of the round-trip time. Not
// here: making them, and whether the path has room for them.

/** Repair packets for each media packet at most: parity must not crowd out what it protects. */
export const MAX_PROTECTION = 0.5;
/** Protection begins at the first of these shares of loss, and ends below the other. */
const LOSS_TO_BEGIN = 0.01;
const LOSS_TO_END = 0.005;
/** Below this a group is so long that its repair packet comes after the turn of what it repairs. */
const MIN_PROTECTION = 0.03;
/**
 * Repair packets for each packet that is lost. Of those that a repair packet stands for a fifth of one is lost on average: five of
 * six losses at random can be repaired, those that have no second one in their group.
 */
const REPAIRS_PER_LOSS = 5;
/** Over which loss is averaged, milliseconds: it comes in bursts, and a report sees a second. */
const MEMORY = 4000;
/**
 * What is asked for again comes a round trip later: up to the first of these, milliseconds, before anybody could have seen that it was
 * missing, and it costs only what was lost; from the second on it comes too late for a conversation (ITU-T G.114: 150 ms one way).
 */
const RTT_WITHOUT = 50;
const RTT_FULL = 150;

export class ProtectionRate {
  /** Repair packets for each media packet: 0, or up to MAX_PROTECTION. */
  rate = 0;
  // Packets that were to come, and those of them that were lost; older ones count less.
  private expected = 0;
  private lost = 0;
  private reported: number = Number.NaN;

  /**
   * What the peer reports: of `expected` packets `fractionLost`, 0 to 1, did not come; the round-trip time in milliseconds, NaN while
   * unknown. `retransmits`: what is lost can be asked for.
   */
  onReport(fractionLost: number, expected: number, rtt: number, retransmits: boolean, now: number): void {
    const kept = Number.isNaN(this.reported) ? 0 : Math.exp((this.reported - now) / MEMORY);
    this.reported = now;
    this.expected = this.expected * kept + expected;
    this.lost = this.lost * kept + fractionLost * expected;
    const loss = this.expected > 0 ? this.lost / this.expected : 0;
    const begins = this.rate > 0 ? LOSS_TO_END : LOSS_TO_BEGIN;
    const rate = loss < begins ? 0 : Math.min(MAX_PROTECTION, REPAIRS_PER_LOSS * loss) * need(rtt, retransmits);
    this.rate = rate < MIN_PROTECTION ? 0 : rate;
  }
}

/** 0: retransmissions do as well; 1: they come too late, or there are none. */
function need(rtt: number, retransmits: boolean): number {
  if (!retransmits) return 1;
  // Not known yet: what is asked for may come in time.
  if (Number.isNaN(rtt)) return 0;
  return Math.min(1, Math.max(0, (rtt - RTT_WITHOUT) / (RTT_FULL - RTT_WITHOUT)));
}
