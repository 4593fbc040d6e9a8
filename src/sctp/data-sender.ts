// The sending half of an association: takes messages from the send queue as the congestion window (RFC 9260 §6.1, §7.2) and the
// peer's receive window allow, retransmits what was lost, and keeps the timers of that: T3-rtx (§6.3), the reordering timer and
// the tail loss probe (RFC 8985 §7).
import { FLAG_B, FLAG_E, FLAG_U } from "./chunks.js";
import { CongestionControl } from "./congestion.js";
import { RTO_INITIAL, RTO_MAX, RTO_MIN, type SctpOptions } from "./options.js";
import { COMMON_HEADER, read32 } from "./packet.js";
import type { PacketSender } from "./packet-sender.js";
import { RetransmissionQueue } from "./retransmission.js";
import { RtoEstimator } from "./rto.js";
import { SendQueue } from "./send-queue.js";

const NEVER = Number.POSITIVE_INFINITY;
/** Largest congestion window in bytes. */
const MAX_WINDOW = 64 * 1024 * 1024;
const DEFAULT_LOSS_TOLERANCE = 0.02;
/** Smallest tail loss probe timeout (RFC 8985 §7.2 has none; RFC 9002 the granularity). */
const MIN_PROBE_TIMEOUT = 5;
/**
 * Pacing: this many windows per round trip, and at least this many bytes or this many milliseconds' worth at once. Loose on
 * purpose, since acknowledgements are the better clock: it only splits what would be a large burst after a pause or a window
 * update, for the sake of socket buffers and of the narrowest queue on the path.
 */
const PACING_GAIN = 2;
const PACING_BURST = 64 * 1024;
const PACING_SLACK = 4;
const PACING_INTERVAL = 1;

export class DataSender {
  readonly queue: SendQueue = new SendQueue();
  readonly rto: RtoEstimator;
  readonly congestion: CongestionControl;
  readonly outstanding: RetransmissionQueue;
  private readonly out: PacketSender;
  /** Largest chunk that is made, header included. */
  private maxChunk: number;
  /** a_rwnd of the last SACK. */
  peerRwnd = 0;
  /** T3-rtx. */
  retransmitDeadline: number = NEVER;
  private probeDeadline: number = NEVER;
  private probeUsed = false;
  private probeNow = false;
  private limitedByCwnd = false;
  private lastSentAt = 0;
  /** Bytes that pacing lets out now, as of `paceAt`. */
  private paceBudget = 0;
  private paceAt = 0;
  private paceDeadline: number = NEVER;
  private forwardSentAt = -1;
  timeouts = 0;
  messages = 0;
  /** Consecutive T3 expirations without an answer. */
  errors = 0;

  constructor(options: SctpOptions, out: PacketSender, mtu: number, initialTsn: number) {
    this.out = out;
    this.maxChunk = mtu - COMMON_HEADER;
    this.rto = new RtoEstimator(
      options.rtoInitial ?? RTO_INITIAL,
      options.rtoMin ?? RTO_MIN,
      options.rtoMax ?? RTO_MAX,
    );
    this.congestion = new CongestionControl(mtu, options.lossTolerance ?? DEFAULT_LOSS_TOLERANCE, MAX_WINDOW);
    this.outstanding = new RetransmissionQueue(initialTsn, this.rto, (message) => this.queue.abandonRest(message));
  }

  /**
   * Packets may have `mtu` bytes from now on. Chunks are never larger than what `base` carries: a chunk cannot be cut
   * again once it has its TSN, so a larger one would be stuck where the path comes to carry less.
   */
  setMtu(mtu: number, base: number): void {
    const space = mtu - COMMON_HEADER;
    this.maxChunk = Math.floor(space / Math.ceil(space / (base - COMMON_HEADER))) & ~3;
    this.congestion.setMtu(mtu);
  }

  negotiated(interleaving: boolean, partialReliability: boolean): void {
    this.queue.interleaving = interleaving;
    this.outstanding.interleaving = interleaving;
    this.outstanding.partialReliability = partialReliability;
  }

  /** Nothing is queued, in flight or to be skipped. */
  get idle(): boolean {
    return this.queue.bufferedAmount === 0 && this.queue.empty && this.outstanding.outstanding === 0;
  }

  get deadline(): number {
    return Math.min(this.retransmitDeadline, this.probeDeadline, this.outstanding.reorderDeadline, this.paceDeadline);
  }

  /** True if `flush` would send a chunk now, so that a SACK may go in front of it. */
  wouldSend(now: number): boolean {
    if (this.probeNow || this.outstanding.forwardPending) return true;
    if (this.outstanding.flight >= this.congestion.cwnd) return false;
    return this.outstanding.lostChunks > 0 || this.queue.select(now) !== undefined;
  }

  /** Sends what the windows allow. `single`: no more than what fits the open packet (with a COOKIE ECHO, RFC 9260 §5.1). */
  flush(now: number, single: boolean): void {
    const { outstanding, congestion, out, queue } = this;
    const flightBefore = outstanding.flight;
    if (flightBefore === 0 && !queue.empty && now - this.lastSentAt > this.rto.rto) {
      congestion.onIdle((now - this.lastSentAt) / this.rto.rto);
    }
    this.limitedByCwnd = false;
    this.refillPace(now);
    const blocked = !this.retransmit(now, single) || !this.sendNew(now, single);
    if (this.probeNow) this.probe(now);
    if (outstanding.forwardPending || (outstanding.forwardOutstanding && this.forwardSentAt < 0)) {
      // The edge of what was given up; repeated once per round trip until it is acknowledged.
      outstanding.writeForwardTsn(out.ensure(64));
      this.forwardSentAt = now;
      if (this.retransmitDeadline === NEVER) this.retransmitDeadline = now + this.rto.rto;
    }
    // The queue is empty or a window is shut: only an acknowledgement gets us further, so ask for it.
    if (blocked || queue.empty) out.requestSack();
    if (outstanding.flight !== flightBefore) this.armProbe(now);
  }

  private refillPace(now: number): void {
    const { srtt } = this.rto;
    this.paceDeadline = NEVER;
    if (srtt === undefined) {
      this.paceBudget = NEVER;
      return;
    }
    const rate = (PACING_GAIN * this.congestion.cwnd) / Math.max(srtt, 0.01);
    const burst = Math.max(PACING_BURST, rate * PACING_SLACK);
    const budget = this.paceBudget === NEVER ? burst : this.paceBudget + rate * (now - this.paceAt);
    this.paceBudget = Math.min(burst, budget);
    this.paceAt = now;
  }

  /** True if a window or the pace forbids another chunk now. */
  private held(now: number): boolean {
    if (this.outstanding.flight >= this.congestion.cwnd) {
      this.limitedByCwnd = true;
      return true;
    }
    if (this.paceBudget > 0) return false;
    this.paceDeadline = now + PACING_INTERVAL;
    return true;
  }

  /** False if lost chunks remain that may not be sent yet. */
  private retransmit(now: number, single: boolean): boolean {
    const { outstanding, out } = this;
    for (;;) {
      if (outstanding.lostChunks === 0) return true;
      const tsn = outstanding.nextLost(now);
      if (tsn < 0) return true;
      if (this.held(now)) return false;
      const slot = outstanding.slotOf(tsn);
      const size = outstanding.wireSize(slot);
      if (size > out.builder.limit - 12) {
        // The MTU shrank under a chunk already numbered: it goes alone, larger than the limit.
        if (single) return false;
        out.send();
      } else if (single && size > out.builder.space) return false;
      this.put(slot, tsn, size, now);
    }
  }

  private put(slot: number, tsn: number, size: number, now: number): void {
    const { out, outstanding } = this;
    const builder = out.ensure(size);
    if (out.lastData === 0) this.congestion.onPacketSent();
    this.congestion.onBytesSent(size);
    this.paceBudget -= size;
    out.lastData = outstanding.transmit(slot, tsn, builder, now, out.number);
    this.lastSentAt = now;
    if (this.retransmitDeadline === NEVER) this.retransmitDeadline = now + this.rto.rto;
  }

  /** False if a window holds back what is queued. */
  private sendNew(now: number, single: boolean): boolean {
    const { outstanding, out, queue } = this;
    const header = outstanding.interleaving ? 20 : 16;
    for (;;) {
      const message = queue.select(now);
      if (message === undefined) return true;
      if (this.held(now)) return false;
      if (outstanding.full) return false;
      if (message.offset > 0 && message.expiresAt <= now && outstanding.partialReliability) {
        outstanding.abandon(message);
        continue;
      }
      if (!this.sendFragment(message, header, now, single)) return single;
      if (single && out.builder.space < header + 4) return true;
    }
  }

  private sendFragment(
    message: NonNullable<ReturnType<SendQueue["select"]>>,
    header: number,
    now: number,
    single: boolean,
  ): boolean {
    const { outstanding, out, queue } = this;
    const left = message.data.length - message.offset;
    const whole = (this.maxChunk - header) & ~3;
    let room = Math.min(whole, (out.ensure(0).space - header) & ~3);
    // Fragments are made where the message needs several packets anyway, and then not much smaller than a packet.
    if (left > room && (left <= whole || room < whole >> 1)) {
      if (single) return false;
      room = whole;
    }
    const size = Math.min(left, room);
    const rwnd = this.peerRwnd - outstanding.flight;
    // A shut window is probed with one chunk (RFC 9260 §6.1 A).
    if (size > rwnd && outstanding.flight > 0) return false;
    let flags = message.unordered ? FLAG_U : 0;
    if (message.offset === 0) flags |= FLAG_B;
    if (size === left) flags |= FLAG_E;
    const offset = message.offset;
    if (queue.take(message, size)) this.messages++;
    const tsn = outstanding.nextTsn;
    const slot = outstanding.append(message, offset, size, flags);
    this.put(slot, tsn, header + size, now);
    return true;
  }

  // -- Acknowledgements

  /** A SACK chunk. */
  handleSack(b: Uint8Array, offset: number, length: number, now: number): void {
    const { outstanding, congestion, rto } = this;
    const flight = outstanding.flight;
    if (!outstanding.handleSack(b, offset, length, now)) return;
    this.errors = 0;
    this.peerRwnd = read32(b, offset + 8);
    this.afterAcknowledgement(flight, now);
    if (congestion.inRecovery && outstanding.outstanding === 0) congestion.exitRecovery();
    if (rto.srtt !== undefined && this.forwardSentAt >= 0 && now - this.forwardSentAt >= rto.srtt) {
      this.forwardSentAt = outstanding.forwardOutstanding ? -1 : this.forwardSentAt;
    }
  }

  /** The Cumulative TSN Ack of a SHUTDOWN. */
  handleCumulativeAck(cumulative: number, now: number): void {
    const { outstanding } = this;
    const flight = outstanding.flight;
    outstanding.result.bytes = 0;
    outstanding.result.rtt = -1;
    outstanding.result.lost = 0;
    outstanding.result.progressed = false;
    outstanding.acknowledgeUpTo(cumulative, now);
    this.afterAcknowledgement(flight, now);
  }

  private afterAcknowledgement(flight: number, now: number): void {
    const { outstanding, congestion, rto } = this;
    const { result } = outstanding;
    if (result.rtt >= 0) {
      rto.sample(result.rtt);
      congestion.onRttSample(result.rtt);
    }
    if (congestion.inRecovery && ((outstanding.cumulativeTsn - congestion.recoveryPoint) | 0) >= 0) {
      congestion.exitRecovery();
    }
    if (outstanding.allSpurious) {
      outstanding.forgetLosses();
      congestion.undo();
    }
    if (result.lost > 0) this.onLoss(result.lost, flight);
    if (result.bytes > 0) {
      rto.onProgress();
      const limited = this.limitedByCwnd || (congestion.inSlowStart && 2 * flight >= congestion.cwnd);
      congestion.onAcknowledged(
        now,
        result.bytes,
        outstanding.flight,
        outstanding.highestAcked,
        outstanding.nextTsn,
        limited,
        result.progressed && result.lost === 0,
        rto.srtt ?? 0,
        rto.minRtt,
      );
      this.probeUsed = false;
      this.probeDeadline = NEVER;
      this.armProbe(now);
    }
    if (outstanding.outstanding === 0) {
      this.retransmitDeadline = NEVER;
      this.probeDeadline = NEVER;
    } else if (result.bytes > 0 || result.progressed) {
      // RFC 9260 §6.3.2 R3 restarts T3 when the earliest chunk is acknowledged; with RACK any delivery is progress, since a hole
      // that was filled in vain is found again.
      this.retransmitDeadline = now + rto.rto;
    }
  }

  private onLoss(packets: number, flight: number): void {
    const { congestion, outstanding } = this;
    if (!congestion.inRecovery) outstanding.beginEpisode();
    congestion.onLoss(packets, flight, outstanding.nextTsn, this.rto.minRtt);
  }

  // -- Timers

  /** True if the peer did not answer: an error for the association's counter. */
  handleTimeout(now: number): boolean {
    const { outstanding, congestion, rto } = this;
    if (now >= outstanding.reorderDeadline) {
      const { flight } = outstanding;
      const lost = outstanding.detectLosses(now);
      if (lost > 0) this.onLoss(lost, flight);
    }
    if (now >= this.retransmitDeadline) {
      this.timeouts++;
      this.errors++;
      const { flight } = outstanding;
      outstanding.loseAll();
      if (flight > 0 || outstanding.lostChunks > 0) congestion.onTimeout(flight, this.errors === 1);
      rto.onTimeout();
      this.probeDeadline = NEVER;
      this.probeUsed = true;
      this.retransmitDeadline = outstanding.outstanding > 0 ? now + rto.rto : NEVER;
      if (outstanding.forwardOutstanding) this.forwardSentAt = -1;
      return true;
    }
    if (now >= this.probeDeadline) {
      this.probeDeadline = NEVER;
      if (outstanding.flight > 0 && outstanding.lostChunks === 0) {
        this.probeNow = true;
        this.probeUsed = true;
      }
    }
    return false;
  }

  private armProbe(now: number): void {
    const { outstanding, congestion, rto } = this;
    if (this.probeUsed || rto.srtt === undefined || outstanding.flight === 0) return;
    if (congestion.inRecovery || outstanding.lostChunks > 0) return;
    const due = now + Math.max(MIN_PROBE_TIMEOUT, 2 * rto.srtt);
    this.probeDeadline = due < this.retransmitDeadline ? due : NEVER;
  }

  /** A tail loss probe: new data if there is some, else the last chunk again. */
  private probe(now: number): void {
    this.probeNow = false;
    const { outstanding, out, queue } = this;
    const message = queue.select(now);
    const header = outstanding.interleaving ? 20 : 16;
    if (message === undefined || outstanding.full || !this.sendFragment(message, header, now, false)) {
      const tsn = outstanding.probeTsn();
      if (tsn < 0) return;
      const slot = outstanding.slotOf(tsn);
      this.put(slot, tsn, outstanding.wireSize(slot), now);
    }
    out.requestSack();
    // RFC 8985 §7.3: the timer goes on as if nothing had been sent.
    this.retransmitDeadline = now + this.rto.rto;
  }

  // -- Resets

  /** ICE moved to another path: forget its measurements and try at once. */
  pathChanged(now: number): void {
    this.rto.reset();
    this.congestion.reset();
    this.errors = 0;
    if (this.outstanding.flight > 0) {
      this.outstanding.loseAll();
      this.retransmitDeadline = now + this.rto.rto;
    }
  }

  restart(initialTsn: number): void {
    this.outstanding.restart(initialTsn);
    this.queue.restart();
    this.congestion.reset();
    this.errors = 0;
    this.stopTimers();
  }

  /** The handshake is over: what went with the COOKIE ECHO is watched by T3-rtx now. */
  startTimer(now: number): void {
    if (this.outstanding.outstanding > 0) this.retransmitDeadline = now + this.rto.rto;
  }

  stopTimers(): void {
    this.retransmitDeadline = NEVER;
    this.probeDeadline = NEVER;
    this.paceDeadline = NEVER;
    this.probeNow = false;
    this.forwardSentAt = -1;
    this.outstanding.reorderDeadline = NEVER;
  }
}
