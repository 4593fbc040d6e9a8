// The pacer: a leaky bucket between the senders and the path, so that a video frame does not leave as one burst. Packets wait by
// priority; a probe cluster goes at a rate of its own; what is left of a padding rate is filled. Idle, it has no deadline.
// It does not know what a packet is: T is whatever its owner hands in.
import type { ProbeCluster } from "./bandwidth/probe-controller.js";
import { PacketQueue } from "./packet-queue.js";

/** Order of sending. Audio is never held back. */
export const PRIORITY_AUDIO = 0;
export const PRIORITY_RETRANSMISSION = 1;
export const PRIORITY_VIDEO = 2;
export const PRIORITY_PADDING = 3;
const PRIORITIES = 4;

export interface PacerHost<T> {
  /** The packet leaves now; `cluster` is the probe cluster it counts for, -1: none; `priority` that of `enqueue`. */
  send(packet: T, cluster: number, priority: number, now: number): void;
  /** Sends about so many bytes of padding (old packets again, or padding alone) at once; gives the bytes sent, 0: cannot. */
  pad(bytes: number, cluster: number, now: number): number;
}

export interface PacerOptions {
  /** Bits per second until `setRates`. */
  readonly pacingRate: number;
  /** See `setMaxQueueTime`; DEFAULT_MAX_QUEUE_TIME unless given. */
  readonly maxQueueTime?: number;
}

/** Packets may leave early by so many milliseconds' worth: fewer, larger wake-ups. */
const BURST = 5;
/** Bytes of one burst, so that no socket buffer overflows at high rates. */
const MAX_BURST_BYTES = 63_000;
export const DEFAULT_MAX_QUEUE_TIME = 2000;
/** The debt is capped here, milliseconds. */
const MAX_DEBT = 500;
/** Bytes of one fill of padding, in milliseconds of its rate. */
const PADDING_DURATION = 5;
/** Padding ends so long after the last media packet, milliseconds. */
const PADDING_TIMEOUT = 1000;
/** Retransmissions waiting; a peer asks for them. More are refused. */
export const MAX_QUEUED_RETRANSMISSIONS = 2048;
const MAX_PENDING_PROBES = 5;
/** Of one burst of a probe, whatever its rate. */
const MAX_PROBE_BYTES = 500_000;
/** Bursts of one wake-up: as many as a late timer can be behind. */
const MAX_TURNS = 32;
const PROBE_TIMEOUT = 5000;
/** A cluster whose next burst is later than this is given up: it would measure our timers. */
const MAX_PROBE_DELAY = 20;
/** Timers are this coarse; a burst may go so much early. */
const TIMER_SLACK = 0.25;

export class Pacer<T> {
  /** Monotonic milliseconds of the next call to `handleTimeout`; Infinity when idle. */
  deadline: number = Number.POSITIVE_INFINITY;

  private readonly host: PacerHost<T>;
  private maxQueueTime: number;
  private readonly queues: readonly PacketQueue<T>[] = Array.from({ length: PRIORITIES }, () => new PacketQueue<T>());
  // Over all queues.
  private count = 0;
  private bytes = 0;
  private timeSum = 0;
  private pacingRate: number;
  private paddingRate = 0;
  /** Bytes sent beyond what the rate allowed so far. */
  private debt = 0;
  private paddingDebt = 0;
  private lastUpdate = 0;
  private lastMedia = Number.NEGATIVE_INFINITY;
  /** The host had no padding to send: not asked again before the next packet. */
  private paddingExhausted = false;
  private readonly probes: ProbeCluster[] = [];
  private probeBytes = 0;
  private probePackets = 0;
  private probeStart = Number.NaN;
  private nextProbe = Number.NEGATIVE_INFINITY;

  constructor(host: PacerHost<T>, options: PacerOptions) {
    this.host = host;
    this.pacingRate = options.pacingRate;
    this.maxQueueTime = options.maxQueueTime ?? DEFAULT_MAX_QUEUE_TIME;
  }

  get queuedPackets(): number {
    return this.count;
  }

  get queuedBytes(): number {
    return this.bytes;
  }

  get probing(): boolean {
    return this.probes.length > 0;
  }

  /** Milliseconds that the oldest packet has waited. */
  queueTime(now: number): number {
    let oldest = now;
    for (const queue of this.queues) if (queue.length > 0) oldest = Math.min(oldest, queue.firstTime);
    return now - oldest;
  }

  /** Bits per second. */
  setRates(pacingRate: number, paddingRate: number, now: number): void {
    this.drain(now);
    this.pacingRate = pacingRate;
    if (paddingRate !== this.paddingRate) {
      this.paddingRate = Math.min(paddingRate, pacingRate);
      this.paddingExhausted = false;
    }
    this.schedule(now);
  }

  /** Milliseconds that a packet may wait on average: above, the rate rises. */
  setMaxQueueTime(milliseconds: number, now: number): void {
    if (milliseconds === this.maxQueueTime) return;
    this.drain(now);
    this.maxQueueTime = milliseconds;
    this.schedule(now);
  }

  /** Adds a packet of `bytes` bytes. It leaves in a `handleTimeout`, at once if `deadline` says so. False: refused. */
  enqueue(packet: T, bytes: number, priority: number, now: number): boolean {
    const queue = this.queues[priority]!;
    if (priority === PRIORITY_RETRANSMISSION && queue.length >= MAX_QUEUED_RETRANSMISSIONS) return false;
    this.drain(now);
    queue.push(packet, bytes, now);
    this.count++;
    this.bytes += bytes;
    this.timeSum += now;
    this.paddingExhausted = false;
    if (priority !== PRIORITY_PADDING) this.lastMedia = now;
    this.schedule(now);
    return true;
  }

  addProbe(cluster: ProbeCluster, now: number): void {
    while (
      this.probes.length > 0 &&
      (now - this.probes[0]!.at > PROBE_TIMEOUT || this.probes.length >= MAX_PENDING_PROBES)
    ) {
      this.endProbe();
    }
    // Each asks anew: what passes through unpaced may have come to have something to repeat.
    if (this.probes.length === 0) this.paddingExhausted = false;
    this.probes.push(cluster);
    this.schedule(now);
  }

  /**
   * A packet leaves that did not go through here. Gives the probe cluster it counts for, -1: none: what goes out while a cluster
   * runs is part of it, or the cluster would measure what is left of the link.
   */
  onUnpaced(bytes: number, now: number): number {
    this.drain(now);
    this.charge(bytes);
    const cluster = this.probes[0];
    const waits = this.probePackets === 0 && !this.paddingExhausted;
    if (cluster === undefined || waits || this.expireProbes(now)) {
      this.schedule(now);
      return -1;
    }
    this.probePackets++;
    this.countProbe(cluster, bytes, now);
    this.schedule(now);
    return cluster.id;
  }

  /** Takes packets out that shall not be sent any more. */
  remove(match: (packet: T, priority: number) => boolean, now: number): void {
    this.count = 0;
    this.bytes = 0;
    this.timeSum = 0;
    this.queues.forEach((queue, priority) => {
      queue.remove((packet) => match(packet, priority));
      this.count += queue.length;
      this.bytes += queue.bytes;
      this.timeSum += queue.timeSum;
    });
    this.schedule(now);
  }

  handleTimeout(now: number): void {
    // Once, and again where a probe cluster is behind its rate, or has ended and another one waits.
    for (let i = 0; i < MAX_TURNS && now + TIMER_SLACK >= this.deadline; i++) this.process(now);
  }

  private process(now: number): void {
    this.drain(now);
    const audio = this.queues[PRIORITY_AUDIO]!;
    while (audio.length > 0) this.sendFrom(PRIORITY_AUDIO, this.onUnpaced(audio.firstBytes, now), now);
    if (!this.probe(now)) {
      for (let queue = this.next(); queue >= 0 && this.mayBurst(now); queue = this.next()) {
        this.sendFrom(queue, -1, now);
      }
      this.fill(now);
    }
    this.schedule(now);
  }

  /** The priority of the next packet, -1 if none waits. */
  private next(): number {
    const { queues } = this;
    if (this.count === 0) return -1;
    for (let i = 0; i < PRIORITIES; i++) if (queues[i]!.length > 0) return i;
    return -1;
  }

  private sendFrom(priority: number, cluster: number, now: number): number {
    const queue = this.queues[priority]!;
    const bytes = queue.firstBytes;
    this.count--;
    this.bytes -= bytes;
    // Sums of fractions drift.
    this.timeSum = this.count === 0 ? 0 : this.timeSum - queue.firstTime;
    const packet = queue.shift()!;
    if (priority !== PRIORITY_AUDIO) this.charge(bytes);
    this.host.send(packet, cluster, priority, now);
    return bytes;
  }

  private charge(bytes: number): void {
    this.debt = Math.min(this.debt + bytes, Math.max(bytes, (this.pacingRate * MAX_DEBT) / 8000));
    this.paddingDebt = Math.min(this.paddingDebt + bytes, (this.paddingRate * MAX_DEBT) / 8000);
  }

  private drain(now: number): void {
    const elapsed = now - this.lastUpdate;
    if (elapsed <= 0) return;
    this.debt = Math.max(0, this.debt - (this.rate(now) * elapsed) / 8000);
    this.paddingDebt = Math.max(0, this.paddingDebt - (this.paddingRate * elapsed) / 8000);
    this.lastUpdate = now;
  }

  /** The pacing rate, or what the queue needs to be through in time. */
  private rate(now: number): number {
    const { count, pacingRate } = this;
    if (count === 0) return pacingRate;
    const waited = now - this.timeSum / count;
    return Math.max(pacingRate, (this.bytes * 8000) / Math.max(1, this.maxQueueTime - waited));
  }

  private mayBurst(now: number): boolean {
    return this.debt < Math.min((this.rate(now) * BURST) / 8000, MAX_BURST_BYTES) || this.debt < 1;
  }

  /** Sends one burst of the probe cluster that is due. False: no cluster wants anything now, others may send. */
  private probe(now: number): boolean {
    this.expireProbes(now);
    const cluster = this.probes[0];
    if (cluster === undefined) return false;
    // While a cluster runs, everything goes at its rate.
    if (this.probePackets > 0 && now + TIMER_SLACK < this.nextProbe) return true;
    // A burst, and what a late timer has left undone.
    const late = this.probePackets > 0 ? now - this.nextProbe : 0;
    const wanted = Math.min(MAX_PROBE_BYTES, (cluster.bitrate * (cluster.minDelta + Math.max(0, late))) / 8000);
    // A small packet first: what the gaps between arrivals tell is the size of all but the first.
    let sent = this.probePackets === 0 ? this.pad(1, cluster.id, now) : 0;
    while (sent < wanted) {
      const queue = this.next();
      const bytes = queue >= 0 ? this.sendFrom(queue, cluster.id, now) : this.pad(wanted - sent, cluster.id, now);
      if (bytes <= 0) break;
      if (queue >= 0) this.probePackets++;
      sent += bytes;
    }
    if (sent === 0) return false;
    this.countProbe(cluster, sent, now);
    return true;
  }

  /** Gives the bytes of padding sent, 0: there is none to be had. */
  private pad(bytes: number, cluster: number, now: number): number {
    const sent = this.paddingExhausted ? 0 : this.host.pad(Math.ceil(bytes), cluster, now);
    if (sent > 0) {
      this.charge(sent);
      if (cluster >= 0) this.probePackets++;
    } else {
      this.paddingExhausted = true;
    }
    return sent;
  }

  private countProbe(cluster: ProbeCluster, bytes: number, now: number): void {
    if (Number.isNaN(this.probeStart)) this.probeStart = now;
    this.probeBytes += bytes;
    this.nextProbe = this.probeStart + (this.probeBytes * 8000) / cluster.bitrate;
    if (this.probeBytes >= cluster.minBytes && this.probePackets >= cluster.minPackets) this.endProbe();
  }

  /** Gives up clusters whose time has passed. True if there was one. */
  private expireProbes(now: number): boolean {
    let expired = false;
    while (this.probes.length > 0) {
      const late =
        this.probePackets > 0 ? now - this.nextProbe > MAX_PROBE_DELAY : now - this.probes[0]!.at > PROBE_TIMEOUT;
      if (!late) break;
      this.endProbe();
      expired = true;
    }
    return expired;
  }

  private endProbe(): void {
    this.probes.shift();
    this.probeBytes = 0;
    this.probePackets = 0;
    this.probeStart = Number.NaN;
    this.nextProbe = Number.NEGATIVE_INFINITY;
  }

  private mayFill(now: number): boolean {
    return this.paddingRate > 0 && !this.paddingExhausted && now - this.lastMedia < PADDING_TIMEOUT;
  }

  private fill(now: number): void {
    if (!this.mayFill(now) || this.next() >= 0 || this.debt >= 1 || this.paddingDebt >= 1) return;
    this.pad((this.paddingRate * PADDING_DURATION) / 8000, -1, now);
  }

  private schedule(now: number): void {
    if (this.queues[PRIORITY_AUDIO]!.length > 0) {
      this.deadline = now;
      return;
    }
    const queued = this.next() >= 0;
    if (this.probes.length > 0 && (queued || !this.paddingExhausted)) {
      this.deadline = Math.max(now, this.nextProbe);
    } else if (queued) {
      this.deadline = this.mayBurst(now) ? now : this.lastUpdate + (this.debt * 8000) / this.rate(now);
    } else if (this.mayFill(now)) {
      const wait = Math.max((this.debt * 8000) / this.pacingRate, (this.paddingDebt * 8000) / this.paddingRate);
      this.deadline = this.lastUpdate + wait;
    } else {
      this.deadline = Number.POSITIVE_INFINITY;
    }
  }
}
