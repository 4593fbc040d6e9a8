// A bottleneck link shared by flows, each with an ideal encoder, a pacer and a bandwidth estimator, in virtual time: for
// tests of congestion control and for the curves of docs/bandwidth.md.

import { CongestionFeedbackRecorder } from "#src/rtp/bandwidth/congestion-feedback-recorder.js";
import { BandwidthEstimator } from "#src/rtp/bandwidth/estimator.js";
import { FeedbackInput } from "#src/rtp/bandwidth/feedback-input.js";
import { TransportFeedbackRecorder } from "#src/rtp/bandwidth/transport-feedback-recorder.js";
import { compactNtpOf } from "#src/rtp/clock.js";
import { Pacer, PRIORITY_VIDEO } from "#src/rtp/pacer.js";
import { parseRtcp, RtcpWriter } from "#src/rtp/rtcp.js";
import { datagram, type LinkOptions, type Packet, Pipe } from "#test/sim/link.js";
import { Random } from "#test/sim/random.js";
import { Scheduler } from "#test/sim/scheduler.js";
import { Reno } from "./reno.js";

export interface FlowOptions {
  /** Milliseconds. */
  readonly start?: number;
  readonly stop?: number;
  readonly startBitrate?: number;
  readonly maxBitrate?: number;
  /** What the application wants to send at most, bits per second, from each time on. */
  readonly application?: readonly (readonly [time: number, bitrate: number])[];
}

export interface BandwidthScenario {
  readonly name: string;
  readonly seed?: string;
  /** Milliseconds. */
  readonly duration: number;
  /** The bottleneck's rate in bits per second from each time on. */
  readonly capacity: readonly (readonly [time: number, rate: number])[];
  /** Both ways together, milliseconds. */
  readonly rtt: number;
  /** Of the bottleneck; its rate and latency are set from the above. The queue is 100 000 bytes unless given. */
  readonly link?: LinkOptions;
  readonly flows: readonly FlowOptions[];
  /** Other ways, with their round-trip times, from each time on; what is under way on the one before still arrives. */
  readonly routes?: readonly (readonly [time: number, rtt: number])[];
  /** How arrivals are told; transport-wide unless given. */
  readonly feedback?: "transport-wide" | "rfc8888";
  /** Traffic that yields to nobody: at `rate` in each period for `on` of it, milliseconds. */
  readonly cross?: { readonly rate: number; readonly period: number; readonly on: number; readonly from?: number };
  /** A download over TCP on the same link, milliseconds: yields to loss, not to delay. */
  readonly download?: { readonly from: number; readonly until: number };
}

/** State each SAMPLE milliseconds. */
export interface Sample {
  readonly time: number;
  readonly capacity: number;
  /** By flow, bits per second. */
  readonly target: number[];
  readonly sent: number[];
  readonly received: number[];
  /** Of the last packet delivered, milliseconds. */
  readonly queueDelay: number;
}

export interface BandwidthResult {
  readonly scenario: BandwidthScenario;
  readonly samples: readonly Sample[];
  /** Queueing delay of every packet of the flows with the time it left, in order: [time, delay, time, delay ...]. */
  readonly delays: readonly number[];
  readonly probes: number;
  readonly packets: number;
  readonly overflowed: number;
  /** What the download got in each SAMPLE, bits per second. */
  readonly downloaded: readonly number[];
}

export const SAMPLE = 100;
const MTU = 1200;
const OVERHEAD = 28;
const FRAME_INTERVAL = 1000 / 30;

const bytes = new Uint8Array(1500);

function at(steps: readonly (readonly [number, number])[], time: number, before: number): number {
  let value = before;
  for (const [from, next] of steps) if (time >= from) value = next;
  return value;
}

class Flow {
  readonly estimator: BandwidthEstimator;
  readonly pacer: Pacer<number>;
  sentBytes = 0;
  receivedBytes = 0;
  probes = 0;
  packets = 0;
  private sequence = 0;
  private armedFor = Number.POSITIVE_INFINITY;
  private readonly scheduler: Scheduler;
  private readonly options: FlowOptions;
  private readonly world: World;
  private readonly input: FeedbackInput;
  private readonly recorder: TransportFeedbackRecorder | CongestionFeedbackRecorder;
  private readonly writer = new RtcpWriter(1200);

  constructor(world: World, options: FlowOptions) {
    this.world = world;
    this.scheduler = world.scheduler;
    this.options = options;
    this.recorder = world.feedback === "rfc8888" ? new CongestionFeedbackRecorder() : new TransportFeedbackRecorder();
    const startBitrate = options.startBitrate ?? 300_000;
    this.estimator = new BandwidthEstimator(
      { startBitrate, minBitrate: 30_000, maxBitrate: options.maxBitrate ?? 20_000_000 },
      {
        onProbe: (cluster) => {
          this.probes++;
          this.pacer.addProbe(cluster, this.scheduler.now);
          this.arm();
        },
      },
    );
    this.pacer = new Pacer<number>(
      {
        send: (size, cluster, _priority, now) => this.transmit(size, cluster, now),
        pad: (wanted, cluster, now) => {
          const size = Math.min(Math.max(wanted, 60), MTU);
          this.transmit(size, cluster, now);
          return size;
        },
      },
      { pacingRate: startBitrate },
    );
    this.input = new FeedbackInput(this.estimator);
    this.scheduler.at(options.start ?? 0, () => this.frame());
  }

  onRouteChange(): void {
    this.estimator.onRouteChange(this.scheduler.now);
    this.updatePacer(this.scheduler.now);
  }

  get running(): boolean {
    return this.scheduler.now < (this.options.stop ?? Number.POSITIVE_INFINITY);
  }

  private frame(): void {
    if (!this.running) return;
    const now = this.scheduler.now;
    const wanted = at(this.options.application ?? [], now, Number.POSITIVE_INFINITY);
    const frameBytes = (Math.min(this.estimator.targetBitrate, wanted) * FRAME_INTERVAL) / 8000;
    const count = Math.max(1, Math.ceil(frameBytes / MTU));
    const size = Math.max(60, Math.round(frameBytes / count));
    this.updatePacer(now);
    for (let i = 0; i < count; i++) this.pacer.enqueue(size, size, PRIORITY_VIDEO, now);
    this.arm();
    this.scheduler.after(FRAME_INTERVAL, () => this.frame());
  }

  private updatePacer(now: number): void {
    this.pacer.setRates(this.estimator.pacingRate, this.estimator.paddingRate, now);
  }

  private arm(): void {
    const { deadline } = this.pacer;
    if (deadline === Number.POSITIVE_INFINITY || deadline >= this.armedFor) return;
    this.armedFor = deadline;
    this.scheduler.at(deadline, (now) => {
      if (this.armedFor !== deadline) return;
      this.armedFor = Number.POSITIVE_INFINITY;
      this.pacer.handleTimeout(now);
      this.arm();
    });
  }

  private transmit(size: number, cluster: number, now: number): void {
    const sequence = this.sequence++;
    this.estimator.onPacketSent(sequence, size, now, cluster);
    if (this.world.feedback === "rfc8888") this.input.onPacketSent(1, sequence & 0xffff, sequence);
    this.sentBytes += size;
    this.packets++;
    this.world.forward(size, (arrival) => {
      this.receivedBytes += size;
      // The other end sends as much as we do.
      this.recorder.setSendBitrate(this.estimator.targetBitrate);
      const idle = this.recorder.deadline === Number.POSITIVE_INFINITY;
      if (this.recorder instanceof TransportFeedbackRecorder) this.recorder.onPacket(sequence & 0xffff, 1, arrival);
      else this.recorder.onPacket(1, sequence & 0xffff, 0, arrival);
      if (idle && this.recorder.deadline !== Number.POSITIVE_INFINITY) {
        this.scheduler.at(this.recorder.deadline, (now) => this.feedback(now));
      }
    });
  }

  private feedback(now: number): void {
    for (;;) {
      this.writer.begin();
      const { recorder } = this;
      if (recorder instanceof TransportFeedbackRecorder) {
        if (!recorder.write(this.writer, 1, now)) break;
      } else if (!recorder.write(this.writer, 1, compactNtpOf(1e12 + now), now)) break;
      const message = this.writer.data.slice(0, this.writer.length);
      this.world.back(message.length + OVERHEAD, () => {
        parseRtcp(message, message.length, {
          onTransportFeedback: (feedback) => this.input.onTransportFeedback(feedback, this.scheduler.now),
          onCongestionFeedback: (feedback) => this.input.onCongestionFeedback(feedback),
        });
        if (this.world.feedback === "rfc8888") this.input.onCongestionFeedbackEnd(this.scheduler.now);
        this.updatePacer(this.scheduler.now);
        this.arm();
      });
    }
  }
}

class World {
  readonly scheduler = new Scheduler();
  readonly delays: number[] = [];
  lastDelay = 0;
  readonly feedback: BandwidthScenario["feedback"];
  readonly forwardPipe: Pipe;
  private readonly backPipe: Pipe;
  private latency: number;

  constructor(scenario: BandwidthScenario) {
    const world = { scheduler: this.scheduler, random: new Random(scenario.seed ?? "bandwidth"), tap: undefined };
    this.latency = scenario.rtt / 2;
    this.feedback = scenario.feedback;
    const rate = at(scenario.capacity, 0, 1_000_000);
    const link: LinkOptions = { queue: 100_000, ...scenario.link, latency: this.latency, rate };
    this.forwardPipe = new Pipe(world, "forward", link);
    this.backPipe = new Pipe(world, "back", { latency: this.latency, loss: scenario.link?.loss });
    for (const [time, rtt] of scenario.routes ?? []) this.scheduler.at(time, () => this.takeRoute(rtt));
    for (const [time, next] of scenario.capacity) {
      this.scheduler.at(time, () => {
        this.forwardPipe.options = { ...this.forwardPipe.options, rate: next };
      });
    }
  }

  private takeRoute(rtt: number): void {
    this.latency = rtt / 2;
    for (const pipe of [this.forwardPipe, this.backPipe]) pipe.options = { ...pipe.options, latency: this.latency };
  }

  /** `size` bytes of an IP packet. */
  forward(size: number, deliver: (arrival: number) => void): void {
    const sent = this.scheduler.now;
    const { latency } = this;
    const rate = this.forwardPipe.options.rate!;
    this.forwardPipe.send(packetOf(size), (_, now) => {
      this.lastDelay = Math.max(0, now - sent - latency - (size * 8000) / rate);
      this.delays.push(sent, this.lastDelay);
      deliver(now);
    });
  }

  /** A packet of somebody else. */
  other(size: number, deliver: () => void): void {
    this.forwardPipe.send(packetOf(size), deliver);
  }

  back(size: number, deliver: () => void): void {
    this.backPipe.send(packetOf(size), deliver);
  }
}

function packetOf(size: number): Packet {
  return datagram(bytes.subarray(0, Math.max(0, size - OVERHEAD)));
}

export function runBandwidth(scenario: BandwidthScenario): BandwidthResult {
  const world = new World(scenario);
  const { scheduler } = world;
  const flows = scenario.flows.map((options) => new Flow(world, options));
  for (const [time] of scenario.routes ?? []) {
    scheduler.at(time, () => {
      for (const flow of flows) flow.onRouteChange();
    });
  }
  const { cross } = scenario;
  if (cross !== undefined) {
    const gap = (MTU * 8000) / cross.rate;
    const send = (): void => {
      if (scheduler.now % cross.period < cross.on) world.other(MTU, () => {});
      scheduler.after(gap, send);
    };
    scheduler.at(cross.from ?? 0, send);
  }
  const { download } = scenario;
  const reno =
    download &&
    new Reno(
      {
        scheduler,
        forward: (arrived) => world.other(MTU, arrived),
        back: (arrived) => world.back(40, arrived),
      },
      download.from,
      download.until,
    );
  const downloaded: number[] = [];
  let delivered = 0;
  const samples: Sample[] = [];
  const sent = flows.map(() => 0);
  const received = flows.map(() => 0);
  for (let time = SAMPLE; time <= scenario.duration; time += SAMPLE) {
    scheduler.runSync(SAMPLE);
    samples.push({
      time,
      capacity: at(scenario.capacity, time - SAMPLE / 2, 0),
      target: flows.map((flow) => (flow.running ? flow.estimator.targetBitrate : 0)),
      sent: flows.map((flow, i) => ((flow.sentBytes - sent[i]!) * 8000) / SAMPLE),
      received: flows.map((flow, i) => ((flow.receivedBytes - received[i]!) * 8000) / SAMPLE),
      queueDelay: world.lastDelay,
    });
    if (reno !== undefined) {
      downloaded.push(((reno.delivered - delivered) * MTU * 8000) / SAMPLE);
      delivered = reno.delivered;
    }
    for (const [i, flow] of flows.entries()) {
      sent[i] = flow.sentBytes;
      received[i] = flow.receivedBytes;
    }
  }
  return {
    scenario,
    samples,
    delays: world.delays,
    probes: flows.reduce((sum, flow) => sum + flow.probes, 0),
    packets: flows.reduce((sum, flow) => sum + flow.packets, 0),
    overflowed: world.forwardPipe.stats.overflowed,
    downloaded,
  };
}

/** Value below which a share of the numbers lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** Queueing delays of packets that left in [from, until), milliseconds. */
export function delaysBetween(result: BandwidthResult, from: number, until: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < result.delays.length; i += 2) {
    if (result.delays[i]! >= from && result.delays[i]! < until) out.push(result.delays[i + 1]!);
  }
  return out;
}

/** Samples of [from, until), milliseconds. */
export function samplesBetween(result: BandwidthResult, from: number, until: number): readonly Sample[] {
  return result.samples.filter((sample) => sample.time > from && sample.time <= until);
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** A capacity that falls and rises. */
export const STEPS: BandwidthScenario = {
  name: "steps",
  duration: 60_000,
  capacity: [
    [0, 5_000_000],
    [20_000, 1_000_000],
    [40_000, 3_000_000],
  ],
  rtt: 50,
  flows: [{}],
};

/** Two flows, the second five seconds later. */
export const SHARED: BandwidthScenario = {
  name: "shared",
  duration: 90_000,
  capacity: [[0, 4_000_000]],
  rtt: 50,
  flows: [{}, { start: 5000 }],
};

/** Bursts of traffic that takes half of the link for 3 of each 10 seconds. */
export const CROSS: BandwidthScenario = {
  name: "cross",
  duration: 60_000,
  capacity: [[0, 3_000_000]],
  rtt: 50,
  flows: [{}],
  cross: { rate: 1_500_000, period: 10_000, on: 3000, from: 10_000 },
};

/** An application that for a while sends little. */
export const LIMITED: BandwidthScenario = {
  name: "limited",
  duration: 60_000,
  capacity: [
    [0, 4_000_000],
    [25_000, 2_000_000],
  ],
  rtt: 50,
  flows: [
    {
      application: [
        [0, Number.POSITIVE_INFINITY],
        [15_000, 300_000],
        [40_000, Number.POSITIVE_INFINITY],
      ],
    },
  ],
};

/** How near the sum of the targets was to the capacity in a stretch of time. */
export interface Closeness {
  /** Mean of target / capacity. */
  readonly mean: number;
  /** Share of the time within a tenth of the capacity. */
  readonly within: number;
}

export function closeness(result: BandwidthResult, from: number, until: number): Closeness {
  const ratios = samplesBetween(result, from, until).map((s) => s.target.reduce((a, b) => a + b, 0) / s.capacity);
  return { mean: mean(ratios), within: ratios.filter((r) => r >= 0.9 && r <= 1.1).length / ratios.length };
}

/** Share of a stretch of time in which what arrived in the second before was within a tenth of the capacity. */
export function arrivedWithin(result: BandwidthResult, from: number, until: number): number {
  const perSecond = 1000 / SAMPLE;
  const samples = samplesBetween(result, from - 1000 + SAMPLE, until);
  let within = 0;
  for (let i = perSecond - 1; i < samples.length; i++) {
    const second = samples.slice(i + 1 - perSecond, i + 1);
    const arrived = mean(second.map((sample) => sample.received.reduce((a, b) => a + b, 0)));
    if (Math.abs(arrived / samples[i]!.capacity - 1) <= 0.1) within++;
  }
  return within / (samples.length - perSecond + 1);
}

/** What each flow got in a stretch of time, bits per second. */
export function shares(result: BandwidthResult, from: number, until: number): number[] {
  const samples = samplesBetween(result, from, until);
  return result.scenario.flows.map((_, i) => mean(samples.map((sample) => sample.received[i]!)));
}
