// Decides when to probe, and how fast: at the start, after large drops, while the application is limited, when more is
// allocated, and (beyond what Chromium does) now and then while nothing limits a rate that may have fallen behind the path.

/** Why the estimate is not higher: decides whether probing could do harm. */
export type BandwidthLimit = "delay" | "delay-increased" | "rtt" | "loss" | "loss-increasing";

/** Packets to be sent at a rate of their own, to see whether the path carries it. */
export interface ProbeCluster {
  /** Counts up from 0; packets of the cluster are reported sent with it. */
  readonly id: number;
  /** Bits per second. */
  readonly bitrate: number;
  /** The cluster is over when both were sent. */
  readonly minBytes: number;
  readonly minPackets: number;
  /** Milliseconds between two bursts of the cluster. */
  readonly minDelta: number;
  /** Monotonic milliseconds of the request. */
  readonly at: number;
}

const FIRST_SCALE = 3;
const SECOND_SCALE = 6;
const FURTHER_SCALE = 2;
/** A result of at least this share of the rate probed at says that there may be more. */
const FURTHER_THRESHOLD = 0.7;
const RESULT_TIMEOUT = 1000;
const MAX_RETRIES = 3;
const ALR_INTERVAL = 5000;
const ALR_SCALE = 2;
/**
 * While the application uses little and nobody says how much it may use, there is no probing from here on, bits per second: on a path
 * without a limit of its own, or with a peer that reports none, each probe would be twice the one before, for ever.
 */
const UNUSED_MAX = 30_000_000;
const LOSS_LIMITED_SCALE = 1.5;
/** A fall below this share of the estimate is a large drop. */
const DROP_THRESHOLD = 0.66;
const DROP_TIMEOUT = 5000;
const AFTER_DROP_SCALE = 0.85;
const UNCERTAINTY = 0.05;
const ALR_ENDED_TIMEOUT = 3000;
const MIN_DROP_INTERVAL = 5000;
/** Probing at most so much above what all streams together may use. */
const ALLOCATION_SCALE = 2;
/** Without a maximum, a probe is at most so fast, or FURTHER_SCALE times what gets through: not what nobody sends. */
const UNBOUNDED_MAX = 5_000_000;
const MIN_PACKETS = 5;
const DURATION = 15;
const MIN_DELTA = 2;
/** On a path whose delay varies, clusters are so many times that longer, or they would measure it. */
const NOISE_FACTOR = 15;
const MAX_DURATION = 80;
/**
 * A rate that is used up is probed above so long after the last probe and after the last overuse or loss, milliseconds. Up to
 * so much more, so that flows which share a link do not probe it at the same time.
 */
const GROWTH_INTERVAL = 2000;
const GROWTH_SPREAD = 2000;
const GROWTH_CALM = 1000;
const GROWTH_SCALE = 1.5;

export class ProbeController {
  /** By how much the least delay of a feedback message usually differs from that of the one before, milliseconds. */
  noise = 0;
  /** The rate of the latest probe, if it was one to confirm what the one before it had found; else 0. */
  confirming = 0;
  /** What gets through, bits per second. */
  throughput = 0;
  private readonly onProbe: (cluster: ProbeCluster) => void;
  private state: "start" | "waiting" | "complete" = "start";
  private limit: BandwidthLimit = "delay";
  private minToProbeFurther = Number.POSITIVE_INFINITY;
  private estimate = 0;
  private max = Number.POSITIVE_INFINITY;
  private allocated = 0;
  /** Of the last probe: what was wanted, of what estimate, what is known of it, and how often it was repeated, as too few packets came. */
  private lastWanted = 0;
  private lastEstimate = 0;
  private heard: "nothing" | "packets" | "result" = "nothing";
  private retries = 0;
  /** There has been a result. */
  answered = false;
  private lastProbe = Number.NEGATIVE_INFINITY;
  private lastDrop = Number.NEGATIVE_INFINITY;
  private beforeDrop = 0;
  private lastDropProbe = Number.NEGATIVE_INFINITY;
  private alrEnded = Number.NEGATIVE_INFINITY;
  private nextId: number;
  private spread = 0;
  private growthInterval = GROWTH_INTERVAL;

  /** `firstId`: of the first cluster. */
  constructor(onProbe: (cluster: ProbeCluster) => void, firstId = 0) {
    this.onProbe = onProbe;
    this.nextId = firstId;
  }

  /** Bounds in bits per second; `max` Infinity: none given. */
  setBounds(max: number, now: number): void {
    const before = this.max;
    this.max = max;
    if (this.state === "complete" && before < max && this.estimate < max) this.probe(now, max, false);
  }

  /** What all streams together may use, bits per second; 0: unknown. */
  setAllocated(bitrate: number, applicationLimited: boolean, now: number): void {
    const before = this.allocated;
    this.allocated = bitrate;
    if (!applicationLimited || this.state !== "complete" || bitrate === before) return;
    if (this.estimate >= this.max || this.estimate >= bitrate) return;
    const limit = 2 * this.estimate;
    const first = Math.min(bitrate, limit);
    const second = Math.min(2 * bitrate, limit);
    if (second > first) this.probe(now, first, false);
    this.probe(now, second > first ? second : first, limit < 2 * bitrate);
  }

  /** The first packet leaves: probes at 3 and 6 times the start rate. */
  start(startBitrate: number, now: number): void {
    if (this.state !== "start") return;
    this.estimate = startBitrate;
    this.spread = (now * 0.137) % 1;
    this.probe(now, FIRST_SCALE * startBitrate, true);
    this.probe(now, SECOND_SCALE * startBitrate, true);
  }

  onEstimate(bitrate: number, limit: BandwidthLimit, now: number): void {
    this.limit = limit;
    if (bitrate < DROP_THRESHOLD * this.estimate) {
      this.lastDrop = now;
      this.beforeDrop = this.estimate;
    }
    this.estimate = bitrate;
    this.expire(now);
    if (this.state === "waiting" && bitrate > this.minToProbeFurther) this.probe(now, FURTHER_SCALE * bitrate, true);
  }

  /** A packet of a probe has arrived. */
  onPacket(): void {
    if (this.heard === "nothing") this.heard = "packets";
  }

  /** A probe has had a result. */
  onResult(): void {
    this.answered = true;
    this.heard = "result";
    this.retries = 0;
  }

  /** A probe found the link full at much more than is used: does as much as it says get through? Once after each probe that was not of this kind. */
  confirm(bitrate: number, now: number): void {
    if (this.confirming > 0) return;
    this.send(now, bitrate, false, true);
  }

  onApplicationLimitedEnd(now: number): void {
    this.alrEnded = now;
  }

  /** The queue has drained after overuse: if the drop was large and sudden, was it real? */
  onRecovered(applicationLimited: boolean, now: number): void {
    this.expire(now);
    if (this.state !== "complete") return;
    if (!applicationLimited && now - this.alrEnded >= ALR_ENDED_TIMEOUT) return;
    const suggested = AFTER_DROP_SCALE * this.beforeDrop;
    if ((1 - UNCERTAINTY) * suggested <= this.estimate) return;
    if (now - this.lastDrop >= DROP_TIMEOUT || now - this.lastDropProbe <= MIN_DROP_INTERVAL) return;
    this.lastDropProbe = now;
    this.probe(now, suggested, false);
  }

  /** Called now and then while packets leave. `alrSince` NaN: not application-limited; `calmSince`: last overuse or loss. */
  process(alrSince: number, calmSince: number, now: number): void {
    this.expire(now);
    if (this.state !== "complete" || this.estimate <= 0) return;
    if (Number.isNaN(alrSince)) {
      if (this.limit !== "delay") return;
      if (now - this.lastProbe >= this.growthInterval && now - calmSince >= GROWTH_CALM) {
        // No randomness here (architecture.md): the fraction of a Weyl sequence that starts with the time of the first packet.
        this.spread = (this.spread + 0.618_033_988_75) % 1;
        this.growthInterval = GROWTH_INTERVAL + GROWTH_SPREAD * this.spread;
        this.probe(now, this.estimate * GROWTH_SCALE, true);
      }
    } else if (this.allocated === 0 && this.max === Number.POSITIVE_INFINITY && this.estimate >= UNUSED_MAX) {
      return;
    } else if (now >= Math.max(alrSince, this.lastProbe) + ALR_INTERVAL) {
      this.probe(now, this.estimate * ALR_SCALE, true);
    }
  }

  private expire(now: number): void {
    if (this.state !== "waiting" || now - this.lastProbe <= RESULT_TIMEOUT) return;
    this.complete();
    // Too few of its packets arrived to tell: of five, two lost are enough.
    if (this.heard !== "packets" || this.retries === MAX_RETRIES) return;
    this.retries++;
    // Less again where the estimate has fallen since: what was wanted was wanted of another path.
    this.probe(now, this.lastWanted * Math.min(1, this.estimate / this.lastEstimate), true);
  }

  private complete(): void {
    this.state = "complete";
    this.minToProbeFurther = Number.POSITIVE_INFINITY;
  }

  private probe(now: number, wanted: number, further: boolean): void {
    this.send(now, wanted, further, false);
  }

  private send(now: number, wanted: number, further: boolean, confirm: boolean): void {
    this.confirming = 0;
    let max =
      this.max === Number.POSITIVE_INFINITY ? Math.max(UNBOUNDED_MAX, FURTHER_SCALE * this.throughput) : this.max;
    if (this.allocated > 0) max = Math.min(max, ALLOCATION_SCALE * this.allocated);
    if (this.limit === "loss-increasing") max = Math.min(max, LOSS_LIMITED_SCALE * this.estimate);
    // Of a few packets at the start rate, one lost is no reason not to look for the rate of the path.
    else if (this.limit !== "delay" && (this.answered || this.limit !== "loss")) return;
    const bitrate = Math.min(wanted, max);
    // Nothing to learn.
    if (!(bitrate > this.estimate)) {
      this.complete();
      return;
    }
    this.lastProbe = now;
    this.lastWanted = wanted;
    this.lastEstimate = this.estimate;
    this.heard = "nothing";
    if (further && wanted < max) {
      this.state = "waiting";
      this.minToProbeFurther = bitrate * FURTHER_THRESHOLD;
    } else {
      this.complete();
    }
    if (confirm) this.confirming = bitrate;
    const duration = confirm ? MAX_DURATION : Math.min(DURATION + NOISE_FACTOR * this.noise, MAX_DURATION);
    this.onProbe({
      id: this.nextId++,
      bitrate,
      minBytes: Math.ceil((bitrate * duration) / 8000),
      minPackets: MIN_PACKETS,
      minDelta: MIN_DELTA,
      at: now,
    });
  }
}
