// A link: two pipes, one each way. A pipe has a rate with a drop-tail queue, latency, jitter, loss (random and bursty),
// duplication, reordering and an MTU, all changeable at run time. What happens to a packet is drawn by its index: each
// packet takes the same count of draws from the pipe's own stream, whatever it contains and whatever is switched on.
import type { Random } from "./random.js";
import type { Scheduler } from "./scheduler.js";

/** One IP packet of the simulation. */
export interface Packet {
  readonly protocol: "udp" | "tcp";
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  /** UDP: the datagram. TCP: the segment's bytes. */
  readonly data: Uint8Array;
  /** TCP only: the segment's header. */
  readonly segment?: Segment | undefined;
}

/** A datagram from one documentation address to another, where only its size and content matter. */
export function datagram(data: Uint8Array): Packet {
  const [source, destination] = ["203.0.113.1", "203.0.113.2"] as const;
  return { protocol: "udp", source, sourcePort: 1, destination, destinationPort: 2, data };
}

/** Header of a simulated TCP segment (see tcp.ts). */
export interface Segment {
  readonly kind: "syn" | "syn-ack" | "data" | "rst";
  /** Offset in the stream of the first byte of the segment. */
  readonly sequence: number;
  /** Offset up to which everything has arrived. */
  readonly acknowledgment: number;
  readonly fin: boolean;
  readonly tls?: { readonly serverName: string; readonly verify: boolean } | undefined;
  readonly reason?: string | undefined;
}

/** Bytes of a packet on the wire: IP and UDP or TCP headers and the payload. */
export function wireSize(packet: Packet): number {
  return (packet.source.includes(":") ? 40 : 20) + (packet.protocol === "udp" ? 8 : 20) + packet.data.length;
}

export interface BurstLoss {
  /** Gilbert-Elliott: probability, per packet, of going from the good to the bad state, and back. */
  readonly enter: number;
  readonly leave: number;
  /** Loss in the bad state; 1 unless given. */
  readonly lossBad?: number | undefined;
}

export interface LinkOptions {
  /** One way, milliseconds. */
  readonly latency?: number | undefined;
  /** Up to so many milliseconds more, uniformly; the order is kept (see `reorder`). */
  readonly jitter?: number | undefined;
  /** Probability of loss, besides `burst`. */
  readonly loss?: number | undefined;
  readonly burst?: BurstLoss | undefined;
  readonly duplicate?: number | undefined;
  /** Probability that a packet is held back by `reorderDelay` while others overtake it. */
  readonly reorder?: number | undefined;
  /** Milliseconds; 10 unless given. */
  readonly reorderDelay?: number | undefined;
  /** Bits per second; unlimited unless given. */
  readonly rate?: number | undefined;
  /** Bytes waiting for the rate above which packets are dropped; 64 KiB unless given. */
  readonly queue?: number | undefined;
  /** Largest IP packet in bytes; larger ones vanish. 1500 unless given. */
  readonly mtu?: number | undefined;
  /** False: everything is lost. */
  readonly up?: boolean | undefined;
}

export interface PipeStats {
  sent: number;
  delivered: number;
  bytes: number;
  lost: number;
  duplicated: number;
  reordered: number;
  overflowed: number;
  tooLarge: number;
  filtered: number;
}

export type PipeEvent = "deliver" | "duplicate" | "lost" | "overflow" | "too-large" | "filtered" | "down";
/** Sees every packet given to a pipe and what becomes of it, at the time it is given. */
export type PipeTap = (event: PipeEvent, packet: Packet, pipe: Pipe, index: number) => void;

/** What a link needs of the simulation it is in. */
export interface LinkWorld {
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Sees the packets of every link. */
  tap: PipeTap | undefined;
}

/** Draws per packet: loss, burst transition, loss in a burst, duplication, reordering, jitter, the duplicate's jitter. */
export class Pipe {
  readonly name: string;
  options: LinkOptions;
  readonly stats: PipeStats = {
    sent: 0,
    delivered: 0,
    bytes: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    overflowed: 0,
    tooLarge: 0,
    filtered: 0,
  };
  /** Returns false to drop a packet: for scenarios that lose exactly the third one. `index` counts from 0. */
  filter: ((packet: Packet, index: number) => boolean) | undefined;
  tap: PipeTap | undefined;
  private readonly world: LinkWorld;
  private readonly scheduler: Scheduler;
  private readonly random: Random;
  private index = 0;
  private bad = false;
  /** When the transmitter has sent all that waits. */
  private busyUntil = 0;
  private lastArrival = 0;

  constructor(world: LinkWorld, name: string, options: LinkOptions) {
    this.world = world;
    this.scheduler = world.scheduler;
    this.random = world.random.stream(`link/${name}`);
    this.name = name;
    this.options = options;
  }

  /** Bytes waiting for the rate. */
  get queued(): number {
    const { rate } = this.options;
    return rate === undefined ? 0 : (Math.max(0, this.busyUntil - this.scheduler.now) * rate) / 8000;
  }

  send(packet: Packet, deliver: (packet: Packet, now: number) => void): void {
    const o = this.options;
    const r = this.random;
    const index = this.index++;
    const dLoss = r.float();
    const dTurn = r.float();
    const dBurst = r.float();
    const dDuplicate = r.float();
    const dReorder = r.float();
    const dJitter = r.float();
    const dJitter2 = r.float();
    const size = wireSize(packet);
    this.stats.sent++;
    if (o.burst !== undefined) this.bad = this.bad ? dTurn >= o.burst.leave : dTurn < o.burst.enter;
    else this.bad = false;
    if (o.up === false) {
      this.stats.lost++;
      this.report("down", packet, index);
      return;
    }
    if (this.filter !== undefined && !this.filter(packet, index)) {
      this.stats.filtered++;
      this.report("filtered", packet, index);
      return;
    }
    if (size > (o.mtu ?? 1500)) {
      this.stats.tooLarge++;
      this.report("too-large", packet, index);
      return;
    }
    let departure = this.scheduler.now;
    if (o.rate !== undefined) {
      if (this.queued + size > (o.queue ?? 65_536)) {
        this.stats.overflowed++;
        this.report("overflow", packet, index);
        return;
      }
      departure = Math.max(departure, this.busyUntil) + (size * 8000) / o.rate;
      this.busyUntil = departure;
    }
    if (dLoss < (o.loss ?? 0) || (this.bad && dBurst < (o.burst?.lossBad ?? 1))) {
      this.stats.lost++;
      this.report("lost", packet, index);
      return;
    }
    const base = departure + (o.latency ?? 0);
    const jitter = o.jitter ?? 0;
    if (dReorder < (o.reorder ?? 0)) {
      this.stats.reordered++;
      this.arrive(packet, base + dJitter * jitter + (o.reorderDelay ?? 10), deliver);
    } else {
      this.lastArrival = Math.max(this.lastArrival, base + dJitter * jitter);
      this.arrive(packet, this.lastArrival, deliver);
    }
    this.report("deliver", packet, index);
    if (dDuplicate < (o.duplicate ?? 0)) {
      this.stats.duplicated++;
      this.arrive({ ...packet }, Math.max(this.lastArrival, base + dJitter2 * jitter), deliver);
      this.report("duplicate", packet, index);
    }
  }

  private arrive(packet: Packet, time: number, deliver: (packet: Packet, now: number) => void): void {
    this.scheduler.at(time, (now) => {
      // A link that went down meanwhile loses what is on it.
      if (this.options.up === false) {
        this.stats.lost++;
        return;
      }
      this.stats.delivered++;
      this.stats.bytes += packet.data.length;
      deliver(packet, now);
    });
  }

  private report(event: PipeEvent, packet: Packet, index: number): void {
    this.tap?.(event, packet, this, index);
    this.world.tap?.(event, packet, this, index);
  }
}

/** Both directions between a host (or a NAT) and its network. `up` is away from the host. */
export class Link {
  readonly up: Pipe;
  readonly down: Pipe;

  constructor(world: LinkWorld, name: string, options: LinkOptions = {}) {
    this.up = new Pipe(world, `${name}/up`, options);
    this.down = new Pipe(world, `${name}/down`, options);
  }

  /** Changes some options, in both directions unless one is named. */
  set(options: LinkOptions, direction?: "up" | "down"): void {
    if (direction !== "down") this.up.options = { ...this.up.options, ...options };
    if (direction !== "up") this.down.options = { ...this.down.options, ...options };
  }
}
