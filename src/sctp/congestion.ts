// How much may be in flight. RFC 9260 §7.2 asks for the behaviour of TCP of its day; this is TCP of today: CUBIC (RFC 9438),
// HyStart++ (RFC 9406), proportional rate reduction (RFC 6937bis). Loss is found elsewhere (retransmission.ts).
//
// One deviation on purpose: loss without queueing delay and below `lossTolerance` is repaired but does not shrink the window,
// in the manner of BBRv3's loss threshold. Radio links lose packets at random, and a window that halves for each of them moves
// 3 Mbit/s where 100 would fit. A loss rate above the threshold, or a round-trip time that shows a queue, counts as congestion.

const CUBIC_C = 0.4;
const CUBIC_BETA = 0.7;
const CUBIC_ALPHA = (3 * (1 - CUBIC_BETA)) / (1 + CUBIC_BETA);
/** RFC 6928; RFC 9260 §7.2.1 allows min(4 MTU, max(2 MTU, 4404)), which costs a round trip or two on every path of today. */
const INITIAL_WINDOW_PACKETS = 10;
const MIN_WINDOW_PACKETS = 2;
const HYSTART_MIN_RTT_THRESH = 4;
const HYSTART_MAX_RTT_THRESH = 16;
const HYSTART_N_RTT_SAMPLE = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;
/** Beyond RFC 9406: a queue of this share of the base round trip ends slow start at once; five rounds of 1.25 each would triple the window. */
const CSS_QUEUE_SHARE = 1 / 4;
/** Packets over which the long-run loss rate is taken. */
const LOSS_MEMORY = 2048;
/** Losses within one round trip that are tolerated in any case, and as a share of the round's packets. */
const ROUND_LOSS_FLOOR = 4;
const ROUND_LOSS_SHARE = 0.05;
/** Queueing delay in milliseconds below which loss is not congestion: at least this, or this share of the round trip. */
const QUEUE_DELAY_FLOOR = 1;
const QUEUE_DELAY_SHARE = 1 / 4;
/** Queueing delay, as a share of the round trip, below which the path counts as not full. */
const IDLE_DELAY_SHARE = 1 / 16;
/** Growth per round trip on a path that is not full: ALPHA * window^K packets, as in Compound TCP. */
const COMPOUND_ALPHA = 1 / 8;
const COMPOUND_K = 0.75;

export class CongestionControl {
  cwnd: number;
  ssthresh: number = Number.POSITIVE_INFINITY;
  /** In recovery until this TSN is acknowledged (RFC 9260 §7.2.4 "Fast Recovery exit point"). */
  recoveryPoint = 0;
  inRecovery = false;
  /** Congestion events so far. */
  events = 0;
  private mtu: number;
  private readonly lossTolerance: number;
  private readonly maxWindow: number;
  // CUBIC, windows in bytes.
  private wMax = 0;
  private wEst = 0;
  private k = 0;
  private epochStart = -1;
  // HyStart++
  private roundEnd = 0;
  private roundOpen = false;
  private lastRoundMinRtt: number = Number.POSITIVE_INFINITY;
  private roundMinRtt: number = Number.POSITIVE_INFINITY;
  /** Samples of this round, and the latest ones of any round. */
  private samples = 0;
  private readonly recent: Float64Array = new Float64Array(HYSTART_N_RTT_SAMPLE).fill(Number.POSITIVE_INFINITY);
  private recentAt = 0;
  private cssRounds = -1;
  private cssBaseline: number = Number.POSITIVE_INFINITY;
  // PRR
  private prrDelivered = 0;
  private prrOut = 0;
  private recoverFlight = 0;
  // As it was before the last reduction, in case that proves needless.
  private before: { cwnd: number; ssthresh: number; wMax: number } | undefined;
  // Loss rate
  private roundPackets = 0;
  private roundLosses = 0;
  private packets = 0;
  private losses = 0;

  constructor(mtu: number, lossTolerance: number, maxWindow: number) {
    this.mtu = mtu;
    this.lossTolerance = lossTolerance;
    this.maxWindow = maxWindow;
    this.cwnd = INITIAL_WINDOW_PACKETS * mtu;
  }

  setMtu(mtu: number): void {
    this.mtu = mtu;
    this.cwnd = Math.max(this.cwnd, MIN_WINDOW_PACKETS * mtu);
  }

  /** Another path: start again. */
  reset(): void {
    this.cwnd = INITIAL_WINDOW_PACKETS * this.mtu;
    this.ssthresh = Number.POSITIVE_INFINITY;
    this.inRecovery = false;
    this.epochStart = -1;
    this.wMax = 0;
    this.lastRoundMinRtt = Number.POSITIVE_INFINITY;
    this.roundMinRtt = Number.POSITIVE_INFINITY;
    this.roundOpen = false;
    this.cssRounds = -1;
    this.packets = 0;
    this.losses = 0;
  }

  get inSlowStart(): boolean {
    return this.cwnd < this.ssthresh;
  }

  /** A packet with data was begun. */
  onPacketSent(): void {
    this.roundPackets++;
    this.packets++;
    if (this.packets > LOSS_MEMORY) {
      this.packets /= 2;
      this.losses /= 2;
    }
  }

  /** Chunk bytes were put in flight. */
  onBytesSent(bytes: number): void {
    if (this.inRecovery) this.prrOut += bytes;
  }

  /** A round-trip sample of the current round. */
  onRttSample(rtt: number): void {
    if (rtt < this.roundMinRtt) this.roundMinRtt = rtt;
    this.samples++;
    this.recent[this.recentAt] = rtt;
    this.recentAt = (this.recentAt + 1) % HYSTART_N_RTT_SAMPLE;
  }

  /** The least of the last few samples: where it is high there is a queue, not a straggler. */
  private recentRtt(): number {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < HYSTART_N_RTT_SAMPLE; i++) if (this.recent[i]! < least) least = this.recent[i]!;
    return least;
  }

  /**
   * `bytes` were newly acknowledged. `highestAcked` and `nextTsn` delimit rounds; `flight` is what remains; `limited`: the window
   * (and not the application or the peer) was what held us back; `progressed`: the cumulative TSN moved and nothing new was lost.
   */
  onAcknowledged(
    now: number,
    bytes: number,
    flight: number,
    highestAcked: number,
    nextTsn: number,
    limited: boolean,
    progressed: boolean,
    srtt: number,
    minRtt: number,
  ): void {
    if (!this.roundOpen || ((highestAcked - this.roundEnd) | 0) >= 0) this.startRound(nextTsn);
    if (this.inRecovery) {
      this.prr(bytes, flight, progressed);
      return;
    }
    if (!limited) return;
    if (this.inSlowStart) this.slowStart(bytes, minRtt);
    else this.cubic(now, bytes, srtt, minRtt);
    if (this.cwnd > this.maxWindow) this.cwnd = this.maxWindow;
  }

  private startRound(nextTsn: number): void {
    this.roundOpen = true;
    this.roundEnd = nextTsn;
    if (this.samples > 0) this.lastRoundMinRtt = this.roundMinRtt;
    this.roundMinRtt = Number.POSITIVE_INFINITY;
    this.samples = 0;
    this.roundPackets = 0;
    this.roundLosses = 0;
    if (this.cssRounds >= 0 && this.inSlowStart && ++this.cssRounds > CSS_ROUNDS) {
      this.ssthresh = this.cwnd;
      this.cssRounds = -1;
    }
  }

  /**
   * RFC 9406, but with the least of the latest samples in place of that of the whole round: acknowledgements come two packets
   * at a time, so a round that overfills the path begins with good samples, and the whole round's least shows it a round late.
   */
  private slowStart(bytes: number, minRtt: number): void {
    if (this.samples >= HYSTART_N_RTT_SAMPLE) {
      const rtt = this.recentRtt();
      if (this.cssRounds < 0) {
        const thresh = Math.max(HYSTART_MIN_RTT_THRESH, Math.min(this.lastRoundMinRtt / 8, HYSTART_MAX_RTT_THRESH));
        if (rtt >= this.lastRoundMinRtt + thresh) {
          this.cssBaseline = rtt;
          this.cssRounds = 0;
        }
      } else if (rtt - minRtt > Math.max(HYSTART_MAX_RTT_THRESH, minRtt * CSS_QUEUE_SHARE)) {
        this.ssthresh = this.cwnd;
        this.cssRounds = -1;
        return;
      } else if (rtt < this.cssBaseline) {
        this.cssBaseline = Number.POSITIVE_INFINITY;
        this.cssRounds = -1;
      }
    }
    this.cwnd += this.cssRounds >= 0 ? bytes / CSS_GROWTH_DIVISOR : bytes;
    if (this.cwnd > this.ssthresh) this.cwnd = Math.max(this.ssthresh, this.mtu);
  }

  /** RFC 9438 §4.2 to §4.5, and faster where the round-trip time shows that the path is not full. */
  private cubic(now: number, bytes: number, srtt: number, minRtt: number): void {
    const { mtu } = this;
    if (this.epochStart < 0) {
      this.epochStart = now;
      if (this.wMax < this.cwnd) {
        this.wMax = this.cwnd;
        this.k = 0;
      } else this.k = Math.cbrt((this.wMax - this.cwnd) / mtu / CUBIC_C);
      this.wEst = this.cwnd;
    }
    const t = (now - this.epochStart + srtt) / 1000 - this.k;
    let target = CUBIC_C * t * t * t * mtu + this.wMax;
    target = Math.min(Math.max(target, this.cwnd), 1.5 * this.cwnd);
    this.wEst += (this.wEst >= this.wMax ? 1 : CUBIC_ALPHA) * mtu * (bytes / this.cwnd);
    let growth = target - this.cwnd;
    if (this.recentRtt() - minRtt < Math.max(QUEUE_DELAY_FLOOR, minRtt * IDLE_DELAY_SHARE)) {
      growth = Math.max(growth, COMPOUND_ALPHA * (this.cwnd / mtu) ** COMPOUND_K * mtu);
    }
    this.cwnd += (growth / this.cwnd) * bytes;
    if (this.wEst > this.cwnd) this.cwnd = this.wEst;
  }

  private prr(delivered: number, flight: number, progressed: boolean): void {
    this.prrDelivered += delivered;
    let count: number;
    if (flight > this.ssthresh) {
      count = Math.ceil((this.prrDelivered * this.ssthresh) / this.recoverFlight) - this.prrOut;
    } else {
      let limit = this.prrDelivered - this.prrOut;
      if (progressed) limit = Math.max(limit, delivered) + this.mtu;
      count = Math.min(this.ssthresh - flight, limit);
    }
    // The first retransmission of a recovery always goes out.
    if (this.prrOut === 0) count = Math.max(count, this.mtu);
    // With nothing in flight no acknowledgement would ever come.
    this.cwnd = Math.max(this.mtu, flight + Math.max(0, count));
  }

  /**
   * `packets` were found lost. `flight` is what was in flight before. Starts recovery, at most once per round trip, unless
   * the loss is not taken for congestion.
   */
  onLoss(packets: number, flight: number, nextTsn: number, minRtt: number): void {
    this.losses += packets;
    this.roundLosses += packets;
    if (this.inRecovery || this.tolerated(minRtt)) return;
    this.inRecovery = true;
    this.recoveryPoint = (nextTsn - 1) >>> 0;
    this.recoverFlight = Math.max(flight, this.mtu);
    this.prrDelivered = 0;
    this.prrOut = 0;
    this.before = { cwnd: this.cwnd, ssthresh: this.ssthresh, wMax: this.wMax };
    this.reduce(Math.min(this.cwnd, Math.max(flight, this.cwnd / 2)));
    this.prr(0, flight, false);
  }

  private tolerated(minRtt: number): boolean {
    if (this.lossTolerance <= 0) return false;
    const rtt = this.recentRtt();
    if (!(rtt - minRtt <= Math.max(QUEUE_DELAY_FLOOR, minRtt * QUEUE_DELAY_SHARE))) return false;
    if (this.roundLosses > Math.max(ROUND_LOSS_FLOOR, ROUND_LOSS_SHARE * this.roundPackets)) return false;
    return this.losses <= this.lossTolerance * Math.max(this.packets, LOSS_MEMORY / 4);
  }

  /** RFC 9438 §4.6, §4.7 (fast convergence). `window` is what was really used. */
  private reduce(window: number): void {
    this.events++;
    this.wMax = window < this.wMax ? (window * (1 + CUBIC_BETA)) / 2 : window;
    this.ssthresh = Math.max(window * CUBIC_BETA, MIN_WINDOW_PACKETS * this.mtu);
    this.epochStart = -1;
    this.cssRounds = -1;
  }

  /** The recovery point was acknowledged. */
  exitRecovery(): void {
    this.inRecovery = false;
    this.cwnd = this.ssthresh;
    this.epochStart = -1;
    // These losses are paid for.
    this.losses = 0;
    this.packets = 0;
    this.roundLosses = 0;
  }

  /** Every loss of the last congestion event was none: takes the reduction back (RFC 3708, RFC 4015). */
  undo(): void {
    const { before } = this;
    if (before === undefined) return;
    this.before = undefined;
    this.inRecovery = false;
    this.cwnd = Math.max(this.cwnd, before.cwnd);
    this.ssthresh = before.ssthresh;
    this.wMax = before.wMax;
    this.epochStart = -1;
    this.losses = 0;
    this.roundLosses = 0;
  }

  /** T3-rtx expired (RFC 9260 §7.2.3). */
  onTimeout(flight: number, first: boolean): void {
    if (first) this.reduce(Math.max(flight, Math.min(this.cwnd, 4 * this.mtu)));
    this.inRecovery = false;
    this.before = undefined;
    this.losses = 0;
    this.packets = 0;
    this.cwnd = this.mtu;
    this.roundOpen = false;
  }

  /** Nothing was sent for `rtos` retransmission timeouts (RFC 9260 §7.2.1, last rule): the window fades towards the initial one. */
  onIdle(rtos: number): void {
    const floor = Math.min(this.cwnd, INITIAL_WINDOW_PACKETS * this.mtu);
    const faded = Math.max(floor, this.cwnd / 2 ** Math.min(30, Math.floor(rtos)));
    if (faded >= this.cwnd) return;
    // What was learnt stays as the aim of the slow start that follows.
    this.ssthresh = Math.max(this.ssthresh, 0.75 * this.cwnd);
    this.cwnd = faded;
    this.epochStart = -1;
  }
}
