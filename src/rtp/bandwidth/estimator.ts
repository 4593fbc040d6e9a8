// Sender-side bandwidth estimation: Google congestion control as Chromium does it today (draft-ietf-rmcat-gcc-02 is its
// ancestor), fed by transport-wide feedback (transport-cc or RFC 8888 alike), by REMB and by receiver reports. It holds no
// timer: all of it is driven by packets that leave and by feedback, so that an idle connection costs nothing.
import { ApplicationLimited } from "./application-limited.js";
import { DelayBased } from "./delay-based.js";
import { type BandwidthLimit, type ProbeCluster, ProbeController } from "./probe-controller.js";
import { ProbeEstimator } from "./probe-estimator.js";
import { SENT_LOST, SENT_PENDING, SENT_RECEIVED, SentHistory } from "./sent-history.js";
import { StandingQueue } from "./standing-queue.js";
import { TargetRate } from "./target-rate.js";
import { Throughput } from "./throughput.js";

export interface BandwidthOptions {
  /** Bits per second. */
  readonly startBitrate: number;
  readonly minBitrate: number;
  /** Infinity: none. */
  readonly maxBitrate: number;
}

export interface BandwidthHost {
  /** The target has changed. Called at the end of an input. */
  onTargetBitrateChange?(bitsPerSecond: number): void;
  /** A cluster of packets shall be sent at its own rate: for the pacer. */
  onProbe?(cluster: ProbeCluster): void;
}

/** The lowest bitrate there is, bits per second: also what a smaller `minBitrate` counts as. */
export const LOWEST_BITRATE = 5000;
/** The highest there is, whatever a peer asks for by REMB, or feedback says; as in Chromium. */
export const HIGHEST_BITRATE = 1_000_000_000;
/** The pacer's rate in relation to the target: with transport-wide feedback, and before or without it. */
const PACING = 1.1;
/** The same with a queue on a link that nobody else is on. */
const PACING_ALONE = 1.05;
const PACING_WITHOUT_FEEDBACK = 2.5;
/** Milliseconds between two looks at what time alone can change, while packets leave. */
const PROCESS_INTERVAL = 25;
/** A probe does not lower the estimate further than to this share of what arrives. */
const PROBE_DROP = 0.85;
/** What arrives is measured over so many milliseconds, not the usual second, when the path is too full. */
const RECENT = 300;
const SHARP_DROP = 0.75;
const DROP_BEHIND_QUEUE = 0.85;
/**
 * A probe that finds the link full changes the estimate by so much at most: others may be on the link, whose share it took
 * while it lasted, or who probed at the same time. Not so at the start, where there is no estimate worth its name.
 */
const FULL_PROBE_INCREASE = 1.05;
const FULL_PROBE_DECREASE = 0.95;
/** And by so many bits per second only, unless it found this multiple of what got through when it was too much last. */
const FULL_PROBE_STEP = 50_000;
const MORE_CAPACITY = 1.3;
/** A longer probe confirms that what one found is there to be used, if at least this share of its rate arrives. */
const CONFIRMED = 0.97;
const START_PHASE = 2000;
/** Least wait of a message, beyond what is usual by jitter, from which on its losses may come of a queue, milliseconds. */
const WAITING = 8;
const WAITING_NOISE = 1;
/** A rate that loss bounds to at least this share of the delay-based one is as good as not bounded: it may be probed. */
const NEARLY_ALL = 0.9;
/** A fall to less than this share while a queue drained says that the path carries less than before. */
const CAPACITY_DROP = 0.5;
/** What is lost at random is added to what arrives, if it is worth it, and no more than this. */
const MIN_USUAL_LOSS = 0.01;
const MAX_USUAL_LOSS = 0.1;
/** Insertions out of order above which the packets of one message are sorted instead. */
const MAX_SHIFTS = 4096;

export class BandwidthEstimator {
  /** Always Infinity: see above. */
  readonly deadline: number = Number.POSITIVE_INFINITY;
  /** Packets reported, and reported as lost, by transport-wide feedback. */
  packetsReported = 0;
  packetsLost = 0;

  private readonly host: BandwidthHost;
  private minBitrate: number;
  private maxBitrate: number;
  private readonly startBitrate: number;
  private readonly history = new SentHistory();
  // What is known of the path.
  private throughput!: Throughput;
  private delay!: DelayBased;
  private target!: TargetRate;
  private queue!: StandingQueue;
  private alr!: ApplicationLimited;
  private probeEstimator!: ProbeEstimator;
  private probes!: ProbeController;
  private clusters = 0;
  /** Packets that were sent earlier went another way. */
  private routeSince = Number.NEGATIVE_INFINITY;
  private allocated = 0;
  private feedbackSeen = false;
  private wasLimited = false;
  private nextProcess = Number.NEGATIVE_INFINITY;
  private lastTarget: number;
  private reportedRtt = false;
  private smoothedRtt = Number.NaN;
  /** The delay-based estimate before the queue that drains now. */
  private beforeDrain = 0;
  /** What a probe says that the link carries, and is to be confirmed, bits per second; 0: nothing. */
  private found = 0;
  private lastLoss = Number.NEGATIVE_INFINITY;
  private startTime = Number.NEGATIVE_INFINITY;

  // Packets of the message being reported: slots of the history, by arrival.
  private arrived = new Int32Array(64);
  private arrivals = new Float64Array(64);
  private arrivedCount = 0;
  private shifts = 0;
  private reported = 0;
  /** Sequence numbers: the first of this message, the highest of all, and that before this message. */
  private firstReported = Number.POSITIVE_INFINITY;
  private latestReported = -1;
  private reportedBefore = -1;

  constructor(options: BandwidthOptions, host: BandwidthHost = {}) {
    this.host = host;
    this.minBitrate = Math.max(LOWEST_BITRATE, options.minBitrate);
    this.maxBitrate = Math.max(this.minBitrate, options.maxBitrate);
    this.startBitrate = Math.max(this.minBitrate, Math.min(options.startBitrate, this.maxBitrate));
    this.begin();
    this.lastTarget = this.target.bitrate;
    this.alr.setEstimate(this.lastTarget);
  }

  private begin(): void {
    const { host, startBitrate, minBitrate, maxBitrate } = this;
    this.throughput = new Throughput();
    this.queue = new StandingQueue();
    this.alr = new ApplicationLimited();
    this.probeEstimator = new ProbeEstimator();
    this.delay = new DelayBased(startBitrate, minBitrate);
    this.target = new TargetRate(startBitrate, minBitrate, Math.min(HIGHEST_BITRATE, maxBitrate));
    this.probes = new ProbeController((cluster) => {
      this.clusters = cluster.id + 1;
      this.probeEstimator.expect(cluster.id, cluster.minPackets, cluster.minBytes);
      host.onProbe?.(cluster);
    }, this.clusters);
    this.probes.setBounds(maxBitrate, 0);
  }

  /** Packets go another way from here on: what was found does not hold there, and is found anew. */
  onRouteChange(now: number): void {
    if (this.startTime === Number.NEGATIVE_INFINITY) return;
    const { receiverLimit } = this.target;
    this.begin();
    // What the receiver wants is not of the path, or it says so anew.
    this.target.receiverLimit = receiverLimit;
    this.routeSince = now;
    this.feedbackSeen = false;
    this.wasLimited = false;
    this.reportedRtt = false;
    this.smoothedRtt = Number.NaN;
    this.beforeDrain = 0;
    this.lastLoss = Number.NEGATIVE_INFINITY;
    this.startTime = Number.NEGATIVE_INFINITY;
    if (this.allocated > 0) this.probes.setAllocated(this.allocated, false, now);
    this.publish(now);
  }

  /** What may be sent altogether, bits per second, as counted by `onPacketSent`. */
  get targetBitrate(): number {
    return this.lastTarget;
  }

  /** Rate of the pacer, bits per second. */
  get pacingRate(): number {
    if (!this.feedbackSeen) return this.lastTarget * PACING_WITHOUT_FEEDBACK;
    // Who is alone yields so little that what waits to be sent would keep the queue of the path full.
    const { delay, queue } = this;
    return this.lastTarget * (delay.alone && (queue.longForOne || queue.draining) ? PACING_ALONE : PACING);
  }

  /**
   * Rate up to which the pacer fills with padding, bits per second: 0. Chromium pads at the whole target while it goes up after loss;
   * for an application that sends little, that would be megabits of nothing. Probes do that work here.
   */
  readonly paddingRate: number = 0;

  /** Arrivals are reported: probes tell something. */
  get hasFeedback(): boolean {
    return this.feedbackSeen;
  }

  /** The application sends much less than it might. */
  get applicationLimited(): boolean {
    return this.alr.active;
  }

  /** What arrives, bits per second; NaN while unknown. */
  get acknowledgedBitrate(): number {
    return this.throughput.bitrate;
  }

  /** Milliseconds, of feedback, smoothed; NaN while unknown. */
  get feedbackRtt(): number {
    return this.smoothedRtt;
  }

  /** The delay-based estimate alone, bits per second. */
  get delayBasedBitrate(): number {
    return this.delay.bitrate;
  }

  /** What the path carries as queues have told that grew; bits per second, Infinity if none did. */
  get linkCapacity(): number {
    const { linkCapacity } = this.delay.rateControl;
    return linkCapacity.known ? linkCapacity.estimate : Number.POSITIVE_INFINITY;
  }

  /** Loss that feedback reports, in [0, 1]. */
  get lossRatio(): number {
    return this.target.loss.ready ? this.target.loss.averageLoss : this.target.fractionLost;
  }

  /** New bounds, bits per second. */
  setBounds(minBitrate: number, maxBitrate: number, now: number): void {
    this.minBitrate = Math.max(LOWEST_BITRATE, minBitrate);
    this.maxBitrate = Math.max(this.minBitrate, maxBitrate);
    this.delay.rateControl.setMinimum(this.minBitrate);
    this.target.setBounds(this.minBitrate, Math.min(HIGHEST_BITRATE, this.maxBitrate));
    this.probes.setBounds(this.maxBitrate, now);
    this.publish(now);
  }

  /** What all streams together may use, bits per second: probing above twice of it teaches nothing. 0: unknown. */
  setAllocatedBitrate(bitrate: number, now: number): void {
    this.allocated = Number.isFinite(bitrate) ? bitrate : 0;
    this.probes.setAllocated(this.allocated, this.alr.active, now);
  }

  /** Nearest number to the latest one sent that has these lower 16 bits. */
  unwrap(sequence16: number): number {
    const { last } = this.history;
    return last < 0 ? -1 : last + (((sequence16 - last) << 16) >> 16);
  }

  /**
   * A packet that will be reported on has left. `transportSequence` counts up by one each; `bytes` with all headers that the
   * path carries; `cluster` is the id of the probe cluster it belongs to, -1: none.
   */
  onPacketSent(transportSequence: number, bytes: number, now: number, cluster = -1): void {
    this.history.add(transportSequence, bytes, cluster, now);
    this.alr.onSent(bytes, now);
    this.target.onSent(now);
    if (this.startTime === Number.NEGATIVE_INFINITY) {
      this.startTime = now;
      this.reportedBefore = transportSequence - 1;
      this.latestReported = this.reportedBefore;
      this.probes.start(this.startBitrate, now);
    }
    if (now >= this.nextProcess) this.process(now);
  }

  /** One packet of a feedback message; `arrival` in milliseconds of the receiver's clock, NaN: lost. Repetitions are ignored. */
  onPacketFeedback(transportSequence: number, arrival: number): void {
    const { history } = this;
    const slot = history.find(transportSequence);
    if (slot < 0 || history.sendTimes[slot]! < this.routeSince) return;
    if (transportSequence < this.firstReported) this.firstReported = transportSequence;
    if (transportSequence > this.latestReported) this.latestReported = transportSequence;
    const state = history.states[slot];
    const { loss } = this.target;
    if (Number.isNaN(arrival)) {
      if (state !== SENT_PENDING) return;
      history.states[slot] = SENT_LOST;
      history.epochs[slot] = loss.epoch;
      loss.onPacket(history.sendTimes[slot]!, history.sizes[slot]!, true);
      this.packetsLost++;
      this.packetsReported++;
      this.reported++;
      return;
    }
    if (state === SENT_RECEIVED || !Number.isFinite(arrival)) return;
    if (state === SENT_LOST) {
      this.packetsLost--;
      if (history.epochs[slot] === loss.epoch) loss.onRecovered(history.sizes[slot]!);
    } else {
      loss.onPacket(history.sendTimes[slot]!, history.sizes[slot]!, false);
      this.packetsReported++;
    }
    history.states[slot] = SENT_RECEIVED;
    this.reported++;
    this.insert(slot, arrival);
  }

  /** The end of a feedback message: here the estimate moves. */
  onFeedbackEnd(now: number): void {
    // A message before this one was lost: whether its packets arrived is not known.
    let afterHole = this.firstReported > this.reportedBefore + 1 && this.firstReported !== Number.POSITIVE_INFINITY;
    this.reportedBefore = this.latestReported;
    this.firstReported = Number.POSITIVE_INFINITY;
    if (this.reported === 0) return;
    this.reported = 0;
    this.feedbackSeen = true;
    const { history, arrived, arrivals, delay, target } = this;
    const count = this.arrivedCount;
    this.arrivedCount = 0;
    if (this.shifts > MAX_SHIFTS) this.sort(count);
    this.shifts = 0;

    if (this.wasLimited && !this.alr.active) this.probes.onApplicationLimitedEnd(now);
    this.wasLimited = this.alr.active;

    // Nor whether those of a probe did that was under way.
    if (afterHole) this.probes.onPacket();
    if (count > 0) {
      const lastArrival = arrivals[count - 1]!;
      let rtt = Number.POSITIVE_INFINITY;
      let oneWay = Number.POSITIVE_INFINITY;
      for (let i = 0; i < count; i++) {
        const slot = arrived[i]!;
        const sendTime = history.sendTimes[slot]!;
        const arrival = arrivals[i]!;
        rtt = Math.min(rtt, now - sendTime - (lastArrival - arrival));
        oneWay = Math.min(oneWay, arrival - sendTime);
        this.throughput.add(sendTime, arrival, history.sizes[slot]!, afterHole);
        afterHole = false;
        delay.onPacket(sendTime, arrival, now);
        const cluster = history.clusters[slot]!;
        if (cluster < 0) continue;
        this.probeEstimator.onPacket(cluster, sendTime, arrival, history.sizes[slot]!);
        this.probes.onPacket();
      }
      rtt = Math.max(0, rtt);
      target.onFeedback(rtt, now);
      this.smoothedRtt = Number.isNaN(this.smoothedRtt) ? rtt : 0.9 * this.smoothedRtt + 0.1 * rtt;
      if (!this.reportedRtt) delay.rateControl.rtt = this.smoothedRtt;

      let acknowledged = this.throughput.bitrate;
      target.loss.setAcknowledged(acknowledged);
      const { usualLoss } = target.loss;
      const lossy = usualLoss >= MIN_USUAL_LOSS;
      const recent = this.throughput.recent(RECENT, lossy);
      const { draining } = this.queue;
      this.queue.update(oneWay, delay.bitrate, recent, now);
      if (!draining) this.beforeDrain = delay.bitrate;
      else if (!this.queue.draining && delay.bitrate < CAPACITY_DROP * this.beforeDrain) target.loss.forget();
      target.queueLimit = this.queue.limit;
      this.probes.noise = this.queue.noise;
      if (!Number.isNaN(acknowledged)) this.probes.throughput = acknowledged;
      // The bottleneck carries what arrives and what is lost at random beyond it (or before it, where sending that much more fills it).
      const carried = lossy ? 1 - Math.min(usualLoss, MAX_USUAL_LOSS) : 1;
      const capacity = this.probeEstimator.capacity / carried;
      let probe = this.probeEstimator.take() / carried;
      if (!Number.isNaN(probe)) {
        // At the start rate, too little was sent to tell from what is lost how much the path carries.
        if (!this.probes.answered && target.loss.ready) target.loss.forget();
        this.probes.onResult();
        probe = this.judgeProbe(probe, capacity, acknowledged, now);
      }
      // A second is too long a memory after a drop of the capacity; behind a queue, a lesser one can be told from chance.
      const drop = this.queue.long && !lossy ? DROP_BEHIND_QUEUE : SHARP_DROP;
      if (recent < drop * acknowledged) acknowledged = recent;
      const free = !this.lossLimited;
      delay.update(acknowledged / carried, probe, this.queue, now);
      // What was probed as if loss did not bound it is not bounded by what lost before.
      if (delay.probed && free) target.loss.release();
      if (delay.updated) {
        if (delay.probed) target.jump(delay.bitrate);
        target.delayLimit = delay.bitrate;
      }
    }
    const waiting = this.queue.delay > WAITING + WAITING_NOISE * this.queue.noise;
    target.loss.update(delay.bitrate, this.alr.active, waiting);
    if (this.lossLimited) this.lastLoss = now;
    target.update(now);
    this.publish(now);
    if (this.found > 0) {
      this.probes.confirm(this.found, now);
      this.found = 0;
    }
    if (count > 0 && delay.recovered) this.probes.onRecovered(this.alr.active, now);
  }

  /** From a receiver report: `fractionLost` in [0, 1], `rtt` in milliseconds or 0. */
  onReceiverReport(fractionLost: number, rtt: number, now: number): void {
    if (!(fractionLost >= 0 && fractionLost <= 1)) return;
    if (rtt > 0 && Number.isFinite(rtt)) {
      this.reportedRtt = true;
      this.delay.rateControl.rtt = rtt;
      this.target.onReport(fractionLost, rtt, now);
    } else {
      this.target.onReport(fractionLost, 0, now);
    }
    this.publish(now);
  }

  /** The receiver's estimate, bits per second; 0 takes it back. */
  onRemb(bitrate: number, now: number): void {
    if (!(bitrate >= 0)) return;
    this.target.setReceiverLimit(bitrate === 0 ? Number.POSITIVE_INFINITY : bitrate, now);
    this.target.update(now);
    this.publish(now);
  }

  /** Where reports and REMB are all there is: the rate goes up between them too, while the last one is not old. */
  handleTimeout(now: number): void {
    if (this.feedbackSeen) return;
    this.target.update(now);
    this.publish(now);
  }

  /** What to make of a probe's result, given what it says of the link's capacity (NaN if it did not fill it). */
  private judgeProbe(result: number, capacity: number, acknowledged: number, now: number): number {
    const { delay } = this;
    let rate = result;
    const { confirming } = this.probes;
    if (confirming > 0) {
      // Others are on the link.
      if (!Number.isNaN(capacity) || result < CONFIRMED * confirming) return Number.NaN;
    } else if (!Number.isNaN(capacity)) {
      const settled = now - this.startTime > START_PHASE;
      // More than that gets through all the time: jitter, or another's probe at the same moment.
      if (settled && capacity < acknowledged) return Number.NaN;
      delay.rateControl.linkCapacity.onProbe(capacity);
      if (settled) {
        let most = delay.bitrate * FULL_PROBE_INCREASE;
        // No more than got through when it was too much: the same for all that are on the link, so that they even out.
        if (capacity < delay.rateControl.linkCapacity.lastSample * MORE_CAPACITY) {
          most = Math.min(most, delay.bitrate + FULL_PROBE_STEP);
        }
        if (rate > MORE_CAPACITY * most) this.found = rate;
        rate = Math.min(rate, most);
        if (!this.alr.active) return Math.max(rate, delay.bitrate * FULL_PROBE_DECREASE);
      }
    }
    // Whatever it says, not below what gets through, or a little below where that is less than was thought.
    return Number.isNaN(acknowledged) ? rate : Math.max(rate, Math.min(delay.bitrate, acknowledged * PROBE_DROP));
  }

  /** What only time changes: the back-off without feedback, and probes that have become due. */
  private process(now: number): void {
    this.nextProcess = now + PROCESS_INTERVAL;
    if (this.target.rttAboveLimit) {
      this.target.update(now);
      this.publish(now);
    }
    if (!this.feedbackSeen) return;
    const calmSince = Math.max(this.delay.lastOveruse, this.lastLoss, this.startTime);
    this.probes.process(this.alr.since, calmSince, now);
  }

  private publish(now: number): void {
    const bitrate = this.target.bitrate;
    this.probes.onEstimate(bitrate, this.limit, now);
    if (bitrate === this.lastTarget) return;
    this.lastTarget = bitrate;
    this.alr.setEstimate(bitrate);
    this.host.onTargetBitrateChange?.(bitrate);
  }

  private get lossLimited(): boolean {
    const { loss } = this.target;
    return loss.ready && loss.state !== "delay-based" && loss.bitrate < NEARLY_ALL * this.delay.bitrate;
  }

  private get limit(): BandwidthLimit {
    if (this.delay.usage !== "normal" || this.queue.draining) return "delay-increased";
    if (this.target.rttAboveLimit) return "rtt";
    const { loss } = this.target;
    if (!this.lossLimited) return "delay";
    return loss.state === "increasing" ? "loss-increasing" : "loss";
  }

  private insert(slot: number, arrival: number): void {
    if (this.arrivedCount === this.arrived.length) {
      const { arrived, arrivals } = this;
      this.arrived = new Int32Array(arrived.length * 2);
      this.arrived.set(arrived);
      this.arrivals = new Float64Array(arrivals.length * 2);
      this.arrivals.set(arrivals);
    }
    let at = this.arrivedCount++;
    if (this.shifts <= MAX_SHIFTS) {
      while (at > 0 && this.arrivals[at - 1]! > arrival) {
        this.arrivals[at] = this.arrivals[at - 1]!;
        this.arrived[at] = this.arrived[at - 1]!;
        at--;
        this.shifts++;
      }
    }
    this.arrived[at] = slot;
    this.arrivals[at] = arrival;
  }

  private sort(count: number): void {
    const order = Array.from({ length: count }, (_, i) => i);
    const { arrived, arrivals } = this;
    order.sort((a, b) => arrivals[a]! - arrivals[b]! || a - b);
    const slots = Int32Array.from(order, (i) => arrived[i]!);
    const times = Float64Array.from(order, (i) => arrivals[i]!);
    arrived.set(slots);
    arrivals.set(times);
  }
}
